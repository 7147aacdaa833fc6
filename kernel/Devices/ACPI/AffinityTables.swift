import Processor
import Support

// Which memory is near which processors: ACPI specification 6.5, sections 5.2.16 and 5.2.17.

extension NodeTopology {
    /// System resource affinity table.
    mutating func readSRAT(_ table: UnsafeRawPointer, _ length: Int) {
        // Only the lowest byte of a domain's number counts in the first revision.
        let domainMask: UInt32 = table.load(fromByteOffset: 8, as: UInt8.self) < 2 ? 0xff : .max
        ACPITables.forEachEntry(table, length, from: 48) { type, entry, size in
            func word(_ place: Int) -> UInt32 { entry.loadUnaligned(fromByteOffset: place, as: UInt32.self) }
            switch type {
            case 0 where size >= 16 && word(4) & 1 != 0:
                // The domain's lowest byte is apart from the others.
                let domain = UInt32(entry.load(fromByteOffset: 2, as: UInt8.self)) | word(8) & ~0xff
                addProcessor(UInt32(entry.load(fromByteOffset: 3, as: UInt8.self)), domain & domainMask)
            case 1 where size >= 40 && word(28) & 1 != 0:
                let start = UInt64(word(8)) | UInt64(word(12)) << 32
                let byteCount = UInt64(word(16)) | UInt64(word(20)) << 32
                addMemory(word(2) & domainMask, start, byteCount)
            case 2 where size >= 24 && word(12) & 1 != 0:
                addProcessor(word(8), word(4) & domainMask)
            default: break
            }
        }
    }

    private mutating func addProcessor(_ identifier: UInt32, _ domain: UInt32) {
        if processors.count < 4096 { processors.append((identifier, domain)) }
    }

    private mutating func addMemory(_ domain: UInt32, _ start: UInt64, _ byteCount: UInt64) {
        guard byteCount > 0, start < 1 << 52, byteCount <= 1 << 52, memory.count < 256 else { return }
        memory.append(Memory(domain: domain, start: start, byteCount: byteCount))
    }

    /// System locality distance information table.
    mutating func readSLIT(_ table: UnsafeRawPointer, _ length: Int) {
        guard length >= 44 else { return }
        let count = table.loadUnaligned(fromByteOffset: 36, as: UInt64.self)
        guard count > 0, count <= 256, 44 + Int(count * count) <= length else { return }
        distanceCount = Int(count)
        distances = (0..<Int(count * count)).map { table.load(fromByteOffset: 44 + $0, as: UInt8.self) }
    }
}
