import Processor
import Support
import Synchronization

/// A handler whose work is done by a kernel thread of its own: for work that is longer than others should wait with interrupts off.
///
/// The interrupt itself only notes that there is something and wakes the thread, so several interrupts may become one turn of the
/// work: it takes all that there is.
open class ThreadedInterrupt: InterruptHandler {
    private let isDue = Atomic<Bool>(false)
    private let queue = WaitQueue()
    private var hasThread = false
    /// Interrupt threads run before all ordinary programs.
    private static let priority: UInt8 = 50
    private static let threadID: Int32 = 5

    public override init() { super.init() }

    /// The work, in the thread, with interrupts on. Not at two places at once.
    open func work() {}

    /// Starts the thread, before the first interrupt. It never ends.
    public final func start() {
        let made = Thread(
            id: Self.threadID, name: "interrupt",
            entry: { _ in
                while true {
                    self.queue.waitUninterruptibly { self.isDue.exchange(false, ordering: .acquiringAndReleasing) }
                    self.work()
                }
            })
        guard let made else { return Log.warning("interrupts: no memory for a thread; \(name) does its work in the interrupt") }
        var parameters = made.scheduling
        (parameters.policy, parameters.realTimePriority) = (.fifo, Self.priority)
        made.scheduling = parameters
        hasThread = true
        Scheduler.launch(made)
    }

    public final override func handle() {
        guard hasThread else { return work() }
        isDue.store(true, ordering: .releasing)
        queue.wake()
    }
}
