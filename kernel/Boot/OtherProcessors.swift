import Frames
import Processor
import Scheduling
import Support

/// Brings up the processors that the firmware left waiting.
enum OtherProcessors {
    /// Where a processor begins to execute: below 1 MiB, and kept from the allocator.
    static let startPage: UInt64 = 0x8000

    /// Starts all that the firmware lists. One that does not come up is reported and left out.
    /// - Parameters:
    ///   - identifiers: the numbers of all processors, this one's among them.
    ///   - limit: how many may run in all (`maxcpus=`); nil for no limit.
    static func start(_ identifiers: [UInt32], limit: Int?) {
        let limit = min(limit ?? .max, Processors.maximum)
        guard identifiers.count > 1, limit > 1 else { return }
        guard ProcessorStart.isPossible, let tables = KernelMap.makeStartTables(boot: CPU.bootPageTable) else {
            Log.warning("processors: the others cannot be started")
            return
        }
        defer { FrameAllocator.release(tables) }
        TranslationCache.start()
        let environment = ProcessorStart.Environment(
            page: UInt32(startPage), memory: PhysicalAddress(startPage).directMapped, pageTable: tables.rawValue)
        for identifier in identifiers where identifier != ProcessorStart.ownIdentifier && Processors.count < limit {
            start(identifier, environment)
        }
        Log.info("processors: \(Processors.count) of \(identifiers.count) run")
    }

    private static func start(_ identifier: UInt32, _ environment: ProcessorStart.Environment) {
        guard let idle = makeIdleThread(), let block = ProcessorStart.makeBlock(identifier: identifier) else {
            Log.error("processors: no memory for number \(identifier)")
            return
        }
        // Kept for ever: it stands for the processor's idle loop.
        block.pointee.currentThread = UInt(bitPattern: Unmanaged.passRetained(idle).toOpaque())
        if !ProcessorStart.start(block, stackTop: idle.kernelStackTop, in: environment) {
            Log.error("processors: number \(identifier) does not start")
        }
    }

    /// A thread that stands for a processor's idle loop. Nothing starts at its entry: the processor is in the loop already.
    static func makeIdleThread() -> Thread? { Thread(id: 0, name: "idle", entry: { _ in nil }) }
}

/// What every processor but the first executes as its first Swift code: on its idle thread's stack, with interrupts off.
@c(martlet_processor_main)
public func processorMain(_ raw: UnsafeMutableRawPointer) {
    ProcessorStart.enterKernel(pageTable: KernelMap.root.rawValue)
    Scheduler.start(idle: currentThread)
    PerCPU.current.pointee.isOnline.store(true, ordering: .releasing)
    // The first one counts it in; only then may threads come here.
    while Processors.count <= Int(PerCPU.current.pointee.index) { machinePause() }
    machineInterruptRestore(0x200)
    Scheduler.idleLoop()
}
