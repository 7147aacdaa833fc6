import Support
import Synchronization

/// Having all processors run a function, as soon as they have interrupts on.
///
/// Unlike requests (`ProcessorRequests`) calls are served by the interrupt only, never in a loop that waits for a lock: the function may take
/// spin locks itself.
public enum ProcessorCalls {
    /// One call at a time.
    private static let isBusy = Atomic<Bool>(false)
    private static let outstanding = Atomic<Int>(0)
    /// Written while `isBusy` is held, before the interrupts are sent.
    nonisolated(unsafe) private static var body: () -> Void = {}

    /// Runs `body` on every processor, with interrupts off, and waits until all are done. The caller has interrupts on, and no
    /// spin lock: one that waits for a call with interrupts off would answer nobody else's.
    public static func onAll(_ body: @escaping () -> Void) {
        begin()
        Self.body = body
        let own = Int(PerCPU.current.pointee.index)
        outstanding.store(Processors.count - 1, ordering: .releasing)
        for index in 0..<Processors.count where index != own {
            LocalAPIC.send(Interrupts.callVector, to: Processors[index].pointee.identifier)
        }
        let flags = machineInterruptSave()
        body()
        machineInterruptRestore(flags)
        let deadline = machineMonotonicNanoseconds() + ProcessorRequests.patienceNanoseconds
        while outstanding.load(ordering: .acquiring) != 0 {
            machinePause()
            if machineMonotonicNanoseconds() > deadline { panic("a processor does not answer a call") }
        }
        Self.body = {}
        isBusy.store(false, ordering: .releasing)
        // Who wanted the processor meanwhile gets it at the next interrupt, or when the caller sleeps.
        PerCPU.current.pointee.preemptionDepth &-= 1
    }

    /// Waits for its turn. From then on the caller stays on its processor, so that no other waits for one that does not run.
    private static func begin() {
        while true {
            let flags = machineInterruptSave()
            let isMine = !isBusy.exchange(true, ordering: .acquiring)
            if isMine { PerCPU.current.pointee.preemptionDepth &+= 1 }
            machineInterruptRestore(flags)
            if isMine { return }
            machinePause()
        }
    }

    fileprivate static func serve() {
        body()
        outstanding.wrappingSubtract(1, ordering: .releasing)
    }
}

/// The interrupt that says that there is a call.
final class CallInterrupt: InterruptHandler {
    override var name: StaticString { "function call" }
    override func handle() { ProcessorCalls.serve() }
}
