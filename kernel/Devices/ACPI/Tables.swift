import Processor
import Support

/// The ACPI tables that the kernel reads: MADT (processors and interrupt controllers) and FADT (PM timer, reset,
/// power-off). ACPI specification 6.5, chapter 5. Every length is checked and every checksum verified.
public struct ACPITables {
    public private(set) var interrupts = InterruptTopology()
    /// I/O port of the PM timer, 0 when there is none.
    public private(set) var powerTimerPort: UInt16?
    /// Where the HPET's registers are, if the machine has one.
    public private(set) var hpet: UInt64?
    /// PM1a and PM1b control ports for power-off.
    public private(set) var powerControlPorts: (UInt16, UInt16) = (0, 0)
    /// Whether the keyboard controller exists according to the FADT (true when it does not say).
    public private(set) var hasKeyboardController = true
    /// SLP_TYPa/b for S5, from the DSDT's `\_S5` package.
    public private(set) var softOffType: (UInt8, UInt8)?
    /// The port and value that reset the machine, when the FADT names an I/O port for it.
    public private(set) var resetRegister: (port: UInt16, value: UInt8)?
    public private(set) var tableCount = 0

    /// Maps physical memory for reading.
    private let map: (UInt64, Int) -> UnsafeRawPointer?

    /// - Parameters:
    ///   - rsdp: physical address of the root pointer; 0 searches the BIOS areas.
    ///   - map: gives readable memory for a physical range, or nil.
    public init(rsdp: UInt64, map: @escaping (UInt64, Int) -> UnsafeRawPointer?) {
        self.map = map
        guard let root = findRoot(rsdp) else {
            Log.notice("acpi: no tables")
            return
        }
        readRoot(root) { tables, signature, address in
            switch signature {
            case 0x4349_5041: tables.read(address) { $0.readMADT($1, $2) }  // "APIC"
            case 0x5445_5048: tables.read(address) { $0.readHPET($1, $2) }  // "HPET"
            case 0x5043_4146: tables.read(address) { $0.readFADT($1, $2) }  // "FACP"
            default: _ = tables.open(address)  // for what it says about a table that is damaged
            }
        }
    }

    /// Which memory is near which processors. Asked before there is an allocator: no other table is read.
    public static func nodes(rsdp: UInt64, map: @escaping (UInt64, Int) -> UnsafeRawPointer?) -> NodeTopology {
        var nodes = NodeTopology()
        var tables = ACPITables(map: map)
        guard let root = tables.findRoot(rsdp) else { return nodes }
        tables.readRoot(root) { tables, signature, address in
            switch signature {
            case 0x5441_5253: tables.read(address) { nodes.readSRAT($1, $2) }  // "SRAT"
            case 0x5449_4c53: tables.read(address) { nodes.readSLIT($1, $2) }  // "SLIT"
            default: break
            }
        }
        return nodes
    }

    private init(map: @escaping (UInt64, Int) -> UnsafeRawPointer?) { self.map = map }

    /// The address of the RSDP: the one given, or found on a 16-byte boundary in 0xE0000-0xFFFFF.
    private func findRoot(_ given: UInt64) -> UInt64? {
        if given != 0, isRoot(given) { return given }
        var address: UInt64 = 0xe0000
        while address < 0x100000 {
            if isRoot(address) { return address }
            address += 16
        }
        return nil
    }

    private func isRoot(_ address: UInt64) -> Bool {
        guard let memory = map(address, 20) else { return false }
        let signature: StaticString = "RSD PTR "
        for index in 0..<8 where memory.load(fromByteOffset: index, as: UInt8.self) != signature.utf8Start[index] { return false }
        return checksum(memory, 20) == 0
    }

    private func checksum(_ memory: UnsafeRawPointer, _ count: Int) -> UInt8 {
        var sum: UInt8 = 0
        for index in 0..<count { sum = sum &+ memory.load(fromByteOffset: index, as: UInt8.self) }
        return sum
    }

    /// Calls `body` with the signature and the address of each table that the root names; nothing else of it is checked.
    private mutating func readRoot(_ address: UInt64, _ body: (inout ACPITables, UInt32, UInt64) -> Void) {
        guard let root = map(address, 36) else { return }
        let revision = root.load(fromByteOffset: 15, as: UInt8.self)
        var entryBytes = 4
        var table = UInt64(root.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        if revision >= 2 {
            let extended = root.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            if extended != 0 {
                table = extended
                entryBytes = 8
            }
        }
        guard let (memory, length) = open(table) else { return }
        var offset = 36
        while offset + entryBytes <= length, tableCount < 64 {
            let entry =
                entryBytes == 8
                ? memory.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                : UInt64(memory.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            offset += entryBytes
            tableCount += 1
            guard entry != 0, let header = map(entry, 36) else { continue }
            body(&self, header.loadUnaligned(as: UInt32.self), entry)
        }
    }

    /// Calls `body` with a table, if it is sound.
    private mutating func read(_ address: UInt64, _ body: (inout ACPITables, UnsafeRawPointer, Int) -> Void) {
        if let (table, length) = open(address) { body(&self, table, length) }
    }

    /// Calls `body` with the type, the memory and the size of each entry of a table that consists of them, up to the first that is damaged.
    static func forEachEntry(
        _ table: UnsafeRawPointer, _ length: Int, from start: Int, _ body: (UInt8, UnsafeRawPointer, Int) -> Void
    ) {
        var offset = start
        while offset + 2 <= length {
            let size = Int(table.load(fromByteOffset: offset + 1, as: UInt8.self))
            guard size >= 2, offset + size <= length else { return }
            body(table.load(fromByteOffset: offset, as: UInt8.self), table + offset, size)
            offset += size
        }
    }

    /// Maps a whole table after checking its length and checksum.
    private func open(_ address: UInt64) -> (UnsafeRawPointer, Int)? {
        guard address != 0, let header = map(address, 36) else { return nil }
        let length = Int(header.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard length >= 36, length <= 1 << 20, let memory = map(address, length) else { return nil }
        guard checksum(memory, length) == 0 else {
            Log.warning("acpi: a table has a wrong checksum; ignored")
            return nil
        }
        return (memory, length)
    }

    /// Section 5.2.12.
    private mutating func readMADT(_ table: UnsafeRawPointer, _ length: Int) {
        interrupts.localAPIC = UInt64(table.loadUnaligned(fromByteOffset: 36, as: UInt32.self))
        Self.forEachEntry(table, length, from: 44) { type, entry, size in
            switch type {
            case 0 where size >= 8:  // processor local APIC: enabled or online-capable
                if entry.loadUnaligned(fromByteOffset: 4, as: UInt32.self) & 3 != 0 {
                    interrupts.processorIDs.append(UInt32(entry.load(fromByteOffset: 3, as: UInt8.self)))
                }
            case 1 where size >= 12:
                interrupts.ioAPICs.append(
                    .init(
                        physical: UInt64(entry.loadUnaligned(fromByteOffset: 4, as: UInt32.self)),
                        firstInput: entry.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
            case 2 where size >= 10:
                let flags = entry.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
                interrupts.overrides.append(
                    .init(
                        source: entry.load(fromByteOffset: 3, as: UInt8.self),
                        input: entry.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                        isLevel: flags >> 2 & 3 == 3, isActiveLow: flags & 3 == 3))
            case 5 where size >= 12:
                interrupts.localAPIC = entry.loadUnaligned(fromByteOffset: 4, as: UInt64.self)
            case 9 where size >= 16:
                if entry.loadUnaligned(fromByteOffset: 8, as: UInt32.self) & 3 != 0 {
                    interrupts.processorIDs.append(entry.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                }
            default: break
            }
        }
    }

    /// IA-PC HPET specification 1.0a, section 3.2.4: the address is a generic one, in memory.
    private mutating func readHPET(_ table: UnsafeRawPointer, _ length: Int) {
        guard length >= 52, table.load(fromByteOffset: 40, as: UInt8.self) == 0 else { return }
        let address = table.loadUnaligned(fromByteOffset: 44, as: UInt64.self)
        if address != 0, address & 0xfff == 0 { hpet = address }
    }

    /// Section 5.2.9.
    private mutating func readFADT(_ table: UnsafeRawPointer, _ length: Int) {
        guard length >= 116 else { return }
        let timer = table.loadUnaligned(fromByteOffset: 76, as: UInt32.self)
        if timer != 0, timer < 0x10000 { powerTimerPort = UInt16(timer) }
        let a = table.loadUnaligned(fromByteOffset: 64, as: UInt32.self)
        let b = table.loadUnaligned(fromByteOffset: 68, as: UInt32.self)
        if a < 0x10000, b < 0x10000 { powerControlPorts = (UInt16(a), UInt16(b)) }
        let revision = table.load(fromByteOffset: 8, as: UInt8.self)
        if revision >= 2 {
            // IA-PC boot flags: bit 1 says that an 8042 exists.
            hasKeyboardController = table.loadUnaligned(fromByteOffset: 109, as: UInt16.self) & 2 != 0
        }
        var dsdt = UInt64(table.loadUnaligned(fromByteOffset: 40, as: UInt32.self))
        if length >= 148 {
            let extended = table.loadUnaligned(fromByteOffset: 140, as: UInt64.self)
            if extended != 0 { dsdt = extended }
        }
        // RESET_REG is a generic address: space 1 is I/O; the flag says that it is there.
        if length >= 129, table.loadUnaligned(fromByteOffset: 112, as: UInt32.self) & (1 << 10) != 0,
            table.load(fromByteOffset: 116, as: UInt8.self) == 1
        {
            let port = table.loadUnaligned(fromByteOffset: 120, as: UInt64.self)
            if port < 0x10000 { resetRegister = (UInt16(port), table.load(fromByteOffset: 128, as: UInt8.self)) }
        }
        if let (body, bodyLength) = open(dsdt) { softOffType = findSoftOff(body, bodyLength) }
    }

    /// Finds `Name (\_S5, Package () { a, b, … })` in the DSDT's byte code and reads its first two small integers.
    /// (A full interpreter is not needed: firmware writes this object literally.)
    private func findSoftOff(_ table: UnsafeRawPointer, _ length: Int) -> (UInt8, UInt8)? {
        var offset = 36
        while offset + 16 < length {
            defer { offset += 1 }
            guard table.loadUnaligned(fromByteOffset: offset, as: UInt32.self) == 0x5f35_535f else { continue }  // "_S5_"
            guard table.load(fromByteOffset: offset + 4, as: UInt8.self) == 0x12 else { continue }  // PackageOp
            let lead = table.load(fromByteOffset: offset + 5, as: UInt8.self)
            var cursor = offset + 6 + Int(lead >> 6) + 1  // package length, then element count
            var values: [UInt8] = []
            while values.count < 2, cursor + 2 < length {
                let prefix = table.load(fromByteOffset: cursor, as: UInt8.self)
                if prefix == 0x0a {
                    values.append(table.load(fromByteOffset: cursor + 1, as: UInt8.self))
                    cursor += 2
                } else {
                    guard prefix <= 1 else { return nil }  // ZeroOp, OneOp
                    values.append(prefix)
                    cursor += 1
                }
            }
            return values.count == 2 ? (values[0], values[1]) : nil
        }
        return nil
    }
}
