import ACPI
import Glibc
import Processor

/// Physical memory of 1 MiB with tables in it.
final class Memory {
    private var bytes = [UInt8](repeating: 0, count: 1 << 20)

    func store(_ value: some FixedWidthInteger, at offset: Int) {
        withUnsafeBytes(of: value.littleEndian) { raw in for (index, byte) in raw.enumerated() { bytes[offset + index] = byte } }
    }

    private func store(_ text: String, at offset: Int) {
        for (index, byte) in text.utf8.enumerated() { bytes[offset + index] = byte }
    }

    private func sign(_ offset: Int, _ count: Int, at place: Int) {
        bytes[place] = 0
        bytes[place] = 0 &- bytes[offset..<offset + count].reduce(0, &+)
    }

    /// A table with its header; `fill` gets the offset.
    func table(_ signature: String, at offset: Int, byteCount: Int, revision: UInt8 = 1, _ fill: (Int) -> Void) {
        store(signature, at: offset)
        store(UInt32(byteCount), at: offset + 4)
        store(revision, at: offset + 8)
        fill(offset)
        sign(offset, byteCount, at: offset + 9)
    }

    /// The root pointer at 0xe0000, and a root table with these.
    func root(_ tables: [Int]) {
        table("RSDT", at: 0x1000, byteCount: 36 + 4 * tables.count) { offset in
            for (index, table) in tables.enumerated() { store(UInt32(table), at: offset + 36 + index * 4) }
        }
        store("RSD PTR ", at: 0xe0000)
        store(UInt32(0x1000), at: 0xe0010)
        sign(0xe0000, 20, at: 0xe0008)
    }

    func tables() -> ACPITables { withMap(guarding: []) { ACPITables(rsdp: 0, map: $0) } }

    /// What the tables say about nodes. Whoever reads beyond what was mapped of those at `places` gets a fault.
    func nodes(guarding places: Set<Int> = []) -> NodeTopology {
        withMap(guarding: places) { ACPITables.nodes(rsdp: 0, map: $0) }
    }

    /// Two pages, of which the second cannot be read.
    nonisolated(unsafe) private static let guarded: UnsafeMutableRawPointer = {
        let memory = mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        mprotect(memory + 4096, 4096, PROT_NONE)
        return memory
    }()

    private func withMap<Result>(
        guarding places: Set<Int>, _ body: (@escaping (UInt64, Int) -> UnsafeRawPointer?) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { raw in
            body { address, count in
                guard Int(address) + count <= raw.count else { return nil }
                let place = raw.baseAddress! + Int(address)
                guard places.contains(Int(address)), count <= 4096 else { return place }
                let copy = Self.guarded + (4096 - count)
                copy.copyMemory(from: place, byteCount: count)
                return UnsafeRawPointer(copy)
            }
        }
    }

    func damage(_ offset: Int) { bytes[offset] ^= 0xff }
}
