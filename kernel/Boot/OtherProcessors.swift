import Frames
import Processor
import Scheduling
import Support
import Synchronization

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
        TranslationCache.start()
        let environment = ProcessorStart.Environment(
            page: UInt32(startPage), memory: PhysicalAddress(startPage).directMapped, pageTable: tables.rawValue)
        var others = identifiers.filter { $0 != ProcessorStart.ownIdentifier }
        if others.count > limit - 1 { others.removeLast(others.count - (limit - 1)) }
        ProcessorStart.reset(others)
        var isComplete = true
        for identifier in others {
            let outcome = start(identifier, environment)
            if outcome != .online { isComplete = false }
            if outcome == .stuck { break }
        }
        // One that comes late still needs the tables, to find out that it is late.
        if isComplete { FrameAllocator.release(tables) }
        Log.info("processors: \(Processors.count) of \(identifiers.count) run")
    }

    private static func start(_ identifier: UInt32, _ environment: ProcessorStart.Environment) -> ProcessorStart.Outcome {
        guard let idle = makeIdleThread(), let block = ProcessorStart.makeBlock(identifier: identifier) else {
            Log.error("processors: no memory for number \(identifier)")
            return .absent
        }
        // Kept for ever: it stands for the processor's idle loop.
        block.pointee.currentThread = UInt(bitPattern: Unmanaged.passRetained(idle).toOpaque())
        let outcome = ProcessorStart.start(block, stackTop: idle.kernelStackTop, in: environment)
        switch outcome {
        case .online: break
        case .absent: Log.error("processors: number \(identifier) does not start")
        case .stuck: Log.error("processors: number \(identifier) stops while it starts; no more are started")
        }
        return outcome
    }

    /// A thread that stands for a processor's idle loop. Nothing starts at its entry: the processor is in the loop already.
    static func makeIdleThread() -> Thread? { Thread(id: 0, name: "idle", entry: { _ in nil }) }
}

/// What every processor but the first executes as its first Swift code: on its idle thread's stack, with interrupts off.
@c(martlet_processor_main)
public func processorMain(_ raw: UnsafeMutableRawPointer) {
    guard ProcessorStart.arrive() else { CPU.stop() }
    ProcessorStart.enterKernel(pageTable: KernelMap.root.rawValue)
    ProcessorStart.align()
    Scheduler.start(idle: currentThread)
    PerCPU.current.pointee.progress.store(.online, ordering: .releasing)
    // The first one counts it in; only then may threads come here.
    while Processors.count <= Int(PerCPU.current.pointee.index) { machinePause() }
    machineInterruptRestore(0x200)
    Scheduler.idleLoop()
}
