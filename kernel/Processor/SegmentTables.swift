/// Segment selectors. The order is what SYSCALL and SYSRET require: user data right before user code.
public enum Selector {
    public static let kernelCode: UInt16 = 0x08
    public static let kernelData: UInt16 = 0x10
    /// SYSRET adds 8 for SS and 16 for CS.
    static let userBase: UInt16 = 0x18
    public static let userData: UInt16 = 0x20 | 3
    public static let userCode: UInt16 = 0x28 | 3
    static let task: UInt16 = 0x30
    /// A segment that is only there for its limit, the processor's number: programs ask for it by LSL (`vdso/vdso.nasm`).
    static let processorNumber: UInt16 = 0x40 | 3
}

/// GDT and TSS of one processor (Intel SDM volume 3A, 3.5.1 and 7.7).
public struct SegmentTables {
    /// Memory of the TSS: 104 bytes, followed by no I/O permission map.
    private let task: UnsafeMutableRawPointer
    private let descriptors: UnsafeMutablePointer<UInt64>

    private static let faultStackBytes = 8192

    /// Makes and loads the tables of the processor that runs this.
    public static func install() {
        let tables = SegmentTables()
        tables.load()
        PerCPU.current.pointee.taskState = UInt(bitPattern: tables.task)
    }

    private init() {
        task = UnsafeMutableRawPointer.allocate(byteCount: 104, alignment: 16)
        task.initializeMemory(as: UInt8.self, repeating: 0, count: 104)
        descriptors = .allocate(capacity: 9)
        descriptors.initialize(repeating: 0, count: 9)
    }

    /// Builds and loads the tables. Double fault, NMI and machine check get stacks of their own (IST 1 to 3).
    private func load() {
        for slot in 1...3 {
            // The word above the stack names the processor: see `trap_paranoid`.
            let stack = UnsafeMutableRawPointer.allocate(byteCount: Self.faultStackBytes + 16, alignment: 16)
            (stack + Self.faultStackBytes).storeBytes(of: UInt(bitPattern: PerCPU.current), as: UInt.self)
            storeTaskWord(36 + (slot - 1) * 8, UInt(bitPattern: stack) + UInt(Self.faultStackBytes))
        }
        task.storeBytes(of: 104, toByteOffset: 102, as: UInt16.self)

        let base = UInt64(UInt(bitPattern: task))
        descriptors[1] = 0x00af_9b00_0000_ffff
        descriptors[2] = 0x00cf_9300_0000_ffff
        descriptors[3] = 0
        descriptors[4] = 0x00cf_f300_0000_ffff
        descriptors[5] = 0x00af_fb00_0000_ffff
        descriptors[6] = 103 | ((base & 0xff_ffff) << 16) | (0x89 << 40) | (((base >> 24) & 0xff) << 56)
        descriptors[7] = base >> 32
        // As on Linux: the node above twelve bits of the processor's number.
        let number = UInt64(PerCPU.current.pointee.index) | UInt64(PerCPU.current.pointee.node) << 12
        descriptors[8] = 0x0040_f100_0000_0000 | number
        if Features.current.hasRDTSCP || Features.current.hasRDPID { asmWriteMSR(MSR.timestampAuxiliary, number) }
        withDescriptorPointer(limit: 71, base: UInt(bitPattern: descriptors)) { asmLoadGDT($0) }
        asmLoadTaskRegister(Selector.task)
    }

    /// Sets RSP0 of this processor: where interrupts from user mode start. Interrupts are off.
    @inline(__always)
    static func setKernelStack(_ top: UInt) {
        // SAFETY: `install` has put the segment's address there.
        let task = UnsafeMutableRawPointer(bitPattern: PerCPU.current.pointee.taskState).unsafelyUnwrapped
        task.storeBytes(of: UInt32(truncatingIfNeeded: top), toByteOffset: 4, as: UInt32.self)
        task.storeBytes(of: UInt32(truncatingIfNeeded: top >> 32), toByteOffset: 8, as: UInt32.self)
    }

    /// The TSS packs 64-bit fields at offsets that are only 4-byte aligned.
    private func storeTaskWord(_ offset: Int, _ value: UInt) {
        task.storeBytes(of: UInt32(truncatingIfNeeded: value), toByteOffset: offset, as: UInt32.self)
        task.storeBytes(of: UInt32(truncatingIfNeeded: value >> 32), toByteOffset: offset + 4, as: UInt32.self)
    }
}

/// The interrupt descriptor table (Intel SDM volume 3A, 6.10).
public enum InterruptTable {
    // Made by the first processor; all use the same.
    nonisolated(unsafe) private static var table: UnsafeMutablePointer<UInt64>?

    /// Loads the table into this processor.
    public static func load() {
        if table == nil { table = make() }
        withDescriptorPointer(limit: 4095, base: UInt(bitPattern: table)) { asmLoadIDT($0) }
    }

    /// All 256 gates lead to the stubs.
    private static func make() -> UnsafeMutablePointer<UInt64> {
        let gates = UnsafeMutablePointer<UInt64>.allocate(capacity: 512)
        let stubs = UnsafePointer<UInt64>(bitPattern: asmTrapStubs())!
        for vector in 0..<256 {
            let target = stubs[vector]
            let stack: UInt64
            switch UInt64(vector) {
            case Exception.doubleFault: stack = 1
            case Exception.nonMaskable: stack = 2
            case Exception.machineCheck: stack = 3
            default: stack = 0
            }
            // Breakpoint and overflow may be raised by user code (DPL 3).
            let privilege: UInt64 = vector == 3 || vector == 4 ? 3 : 0
            gates[vector * 2] =
                (target & 0xffff) | (UInt64(Selector.kernelCode) << 16) | (stack << 32)
                | ((0x8e | privilege << 5) << 40) | ((target >> 16 & 0xffff) << 48)
            gates[vector * 2 + 1] = target >> 32
        }
        return gates
    }
}

/// Runs `body` with the 10-byte operand of LGDT and LIDT.
private func withDescriptorPointer(limit: UInt16, base: UInt, _ body: (UnsafeRawPointer) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { raw in
        raw.storeBytes(of: limit, toByteOffset: 0, as: UInt16.self)
        raw.baseAddress!.storeBytes(of: UInt64(base), toByteOffset: 2, as: UInt64.self)
        body(UnsafeRawPointer(raw.baseAddress!))
    }
}
