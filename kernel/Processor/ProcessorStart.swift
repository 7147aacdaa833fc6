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

    /// Starts the processor whose block was made last.
    /// - Returns: whether it came up within a second.
    public static func start(
        _ block: UnsafeMutablePointer<PerCPUBlock>, stackTop: UInt, in environment: Environment
    ) -> Bool {
        install(block, stackTop: stackTop, environment)
        let target = block.pointee.identifier
        LocalAPIC.send(command: 0x4500, to: target)  // INIT, assert
        pause(nanoseconds: 10_000_000)
        for _ in 0..<2 {
            LocalAPIC.send(command: 0x4600 | environment.page >> 12, to: target)  // start-up
            if wait(for: block, nanoseconds: 200_000) { return admit() }
        }
        return wait(for: block, nanoseconds: 1_000_000_000) && admit()
    }

    private static func admit() -> Bool {
        Processors.admit()
        return true
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
        asmMemoryFence()
    }

    private static func wait(for block: UnsafeMutablePointer<PerCPUBlock>, nanoseconds: UInt64) -> Bool {
        let end = machineMonotonicNanoseconds() + nanoseconds
        repeat {
            if block.pointee.isOnline.load(ordering: .acquiring) { return true }
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
