import Support
import Synchronization

/// Starting the processors that the firmware left waiting: INIT, then two start-up interrupts (Intel SDM volume 3A, 9.4.4).
public enum ProcessorStart {
    /// What the code below 1 MiB needs to know. `asm/start.asm` has the same fields.
    private struct Parameters {
        var descriptorTableLimit: UInt16
        var descriptorTableLow: UInt16, descriptorTableHigh: UInt16
        var padding: UInt16
        var protectedOffset: UInt32, protectedSelector: UInt32
        var longOffset: UInt32, longSelector: UInt32
        var pageTable: UInt64
        var extendedFeatures: UInt64
        var stack: UInt64
        var block: UInt64
        var entry: UInt64
        /// The processor that is meant: one that was given up, and comes late, finds another one's number here.
        var identifier: UInt64
    }

    /// Everything that is the same for all of them.
    public struct Environment {
        /// The page below 1 MiB that the code is copied to, physical and as this processor reaches it.
        public var page: UInt32
        public var memory: UnsafeMutableRawPointer
        /// Tables below 4 GiB that map that page to itself, and the kernel.
        public var pageTable: UInt64
        public init(page: UInt32, memory: UnsafeMutableRawPointer, pageTable: UInt64) {
            self.page = page
            self.memory = memory
            self.pageTable = pageTable
        }
    }

    /// Whether processors can be started at all.
    public static var isPossible: Bool { Interrupts.usesAPIC }
    /// The first processor's own number, as controllers know it.
    public static var ownIdentifier: UInt32 { LocalAPIC.identifier }

    /// Prepares the block of a processor.
    public static func makeBlock(identifier: UInt32) -> UnsafeMutablePointer<PerCPUBlock>? {
        Processors.makeBlock(identifier: identifier)
    }

    /// Resets processors, which then wait for a start-up interrupt. Once for all of them: the pause after it is the longest of a start.
    public static func reset(_ identifiers: [UInt32]) {
        for identifier in identifiers { LocalAPIC.send(command: resetCommand, to: identifier) }
        pause(nanoseconds: 10_000_000)
    }

    /// INIT, assert.
    private static let resetCommand: UInt32 = 0x4500

    /// What came of a start.
    public enum Outcome {
        case online
        /// It did not come in time, and has been told not to. Its block and stack must stay: it may be on its way.
        case absent
        /// It came and stopped half-way: no other one may be started.
        case stuck
    }

    /// Starts the processor whose block was made last; it was reset before.
    public static func start(
        _ block: UnsafeMutablePointer<PerCPUBlock>, stackTop: UInt, in environment: Environment
    ) -> Outcome {
        install(block, stackTop: stackTop, environment)
        let target = block.pointee.identifier
        for _ in 0..<2 {
            LocalAPIC.send(command: 0x4600 | environment.page >> 12, to: target)  // start-up
            if wait(for: block, until: { $0 != .awaited }, nanoseconds: 200_000) { break }
        }
        if !wait(for: block, until: { $0 != .awaited }, nanoseconds: 1_000_000_000),
            block.pointee.progress.compareExchange(expected: .awaited, desired: .abandoned, ordering: .acquiringAndReleasing)
                .exchanged
        {
            LocalAPIC.send(command: resetCommand, to: target)
            return .absent
        }
        guard wait(for: block, until: { $0 == .aligning }, nanoseconds: 10_000_000_000) else { return .stuck }
        TimestampAlignment.measure(block)
        guard wait(for: block, until: { $0 == .online }, nanoseconds: 10_000_000_000) else { return .stuck }
        Processors.admit()
        return .online
    }

    /// First thing that a processor does in Swift.
    /// - Returns: false when it comes too late: then it must stop.
    public static func arrive() -> Bool {
        PerCPU.current.pointee.progress.compareExchange(
            expected: .awaited, desired: .arrived, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Lets the first processor compare the clocks. It runs on the one that starts.
    public static func align() {
        PerCPU.current.pointee.progress.store(.aligning, ordering: .releasing)
        TimestampAlignment.answer()
    }

    private static func install(_ block: UnsafeMutablePointer<PerCPUBlock>, stackTop: UInt, _ environment: Environment) {
        let code = asmStartCode(), count = Int(asmStartCodeEnd() - code)
        // SAFETY: the assembler wrote that many bytes; the page is reserved for them, and larger.
        environment.memory.copyMemory(from: UnsafeRawPointer(bitPattern: code)!, byteCount: count)
        let place = environment.memory + Int(asmStartParameters() - code)
        let parameters = place.assumingMemoryBound(to: Parameters.self)
        let page = environment.page
        let table = page + (UInt32(parameters.pointee.descriptorTableHigh) << 16 | UInt32(parameters.pointee.descriptorTableLow))
        parameters.pointee.descriptorTableLow = UInt16(truncatingIfNeeded: table)
        parameters.pointee.descriptorTableHigh = UInt16(truncatingIfNeeded: table >> 16)
        parameters.pointee.protectedOffset += page
        parameters.pointee.longOffset += page
        parameters.pointee.pageTable = environment.pageTable
        // EFER: system calls, long mode, and NX where the first processor has it.
        parameters.pointee.extendedFeatures = 0x101 | (asmReadMSR(MSR.extendedFeatures) & 1 << 11)
        parameters.pointee.stack = UInt64(stackTop)
        parameters.pointee.block = UInt64(UInt(bitPattern: block))
        parameters.pointee.entry = UInt64(asmProcessorEntry())
        parameters.pointee.identifier = UInt64(block.pointee.identifier & 0xff)
        asmMemoryFence()
    }

    private static func wait(
        for block: UnsafeMutablePointer<PerCPUBlock>, until condition: (ProcessorProgress) -> Bool, nanoseconds: UInt64
    ) -> Bool {
        let end = machineMonotonicNanoseconds() + nanoseconds
        repeat {
            if condition(block.pointee.progress.load(ordering: .acquiring)) { return true }
            machinePause()
        } while machineMonotonicNanoseconds() < end
        return false
    }

    private static func pause(nanoseconds: UInt64) {
        let end = machineMonotonicNanoseconds() + nanoseconds
        while machineMonotonicNanoseconds() < end { machinePause() }
    }

    /// The part of a processor's start that is the same as the first one's. It runs there.
    public static func enterKernel(pageTable: UInt64) {
        CPU.enableProtections()
        ExtendedState.enable()
        CPU.loadPageTable(pageTable)
        SegmentTables.install()
        InterruptTable.load()
        LocalAPIC.startHere()
        DeadlineTimer.startHere()
    }
}
