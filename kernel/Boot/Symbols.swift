import Processor

/// The kernel's symbol table, for backtraces. The Makefile builds it from the linked image (kernel/symbols.awk):
/// a count, then (offset from the start of text, offset of the name, length of the name) for each function, by address.
enum Symbols {
    /// The function that contains `address`, and how far into it.
    static func find(_ address: UInt) -> (name: UnsafeBufferPointer<UInt8>, offset: UInt)? {
        // SAFETY: the table is made by our own build and linked read-only.
        let table = UnsafeRawPointer(bitPattern: KernelImage.symbols)!
        let count = Int(table.load(as: UInt32.self))
        guard count > 0, address >= KernelImage.textStart, address < KernelImage.textEnd else { return nil }
        let wanted = UInt32(address - KernelImage.textStart)
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if table.load(fromByteOffset: 4 + middle * 12, as: UInt32.self) <= wanted { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let entry = table + 4 + (low - 1) * 12
        let start = entry.load(as: UInt32.self)
        let nameOffset = Int(entry.load(fromByteOffset: 4, as: UInt32.self))
        let nameLength = Int(entry.load(fromByteOffset: 8, as: UInt32.self))
        let names = table + 4 + count * 12
        return (
            UnsafeBufferPointer(start: (names + nameOffset).assumingMemoryBound(to: UInt8.self), count: nameLength),
            UInt(wanted - start)
        )
    }
}
