import Processor
import Support
import Synchronization

/// Tables that are read without any lock (McKenney and Slingwine, "Read-Copy Update", 1998).
///
/// A reader only disables preemption, so that what it has found cannot go before it has taken a reference of its own: whoever takes something
/// out of such a table gives the table's reference to `DeferredRelease`, which drops it when every read section has ended that was
/// under way. Bodies are short and must not sleep.
public enum ReadSection {
    @inline(__always)
    public static func run<Result: ~Copyable>(_ body: () -> Result) -> Result {
        Preemption.disable()
        defer { Preemption.enable() }
        return body()
    }
}

/// Drops references later: after a grace period, in which each processor has switched threads, and thus left the read sections that it was
/// in. A kernel thread waits for that by running on one processor after the other.
public enum DeferredRelease {
    private static let pending = SpinLock<[AnyObject]>([])
    nonisolated(unsafe) private static let queue = WaitQueue()  // has a lock of its own
    private static let gracePeriods = Atomic<UInt64>(0)
    private static let isRunning = Atomic<Bool>(false)

    /// The most that one grace period is for, and how long it waits for more to come, in nanoseconds.
    private static let batchCount = 512
    private static let gatheringNanoseconds: UInt64 = 10_000_000

    /// Takes over a reference. Callable in any context in which memory may be allocated.
    public static func release(_ object: AnyObject) {
        let isFirst = pending.withLock { objects in
            objects.append(object)
            return objects.count == 1
        }
        if isFirst { queue.wake() }
    }

    /// How many grace periods there have been, for tests.
    public static var completed: UInt64 { gracePeriods.load(ordering: .relaxed) }

    /// Starts the thread. Called once, at boot; what was released before waits until then.
    public static func start(threadID: Int32) {
        let made = Thread(
            id: threadID, name: "release",
            entry: { _ in
                work()
                return nil
            })
        guard let made else { panic("no memory for threads") }
        Scheduler.launch(made)
    }

    private static func work() {
        while true {
            queue.waitUninterruptibly { pending.withLock { !$0.isEmpty } }
            _ = queue.waitUninterruptibly(deadline: machineMonotonicNanoseconds() + gatheringNanoseconds) {
                pending.withLock { $0.count >= batchCount }
            }
            releaseBatch()
        }
    }

    private static func releaseBatch() {
        let batch: [AnyObject] = pending.withLock { objects in
            let count = min(objects.count, batchCount)
            let batch = Array(objects.prefix(count))
            objects.removeFirst(count)
            return batch
        }
        awaitGracePeriod()
        // Dropped here, one after the other, with nothing held.
        _ = batch
    }

    /// Returns when all read sections have ended that were under way. The thread runs on each processor once: there preemption is
    /// not disabled then.
    private static func awaitGracePeriod() {
        let thread = currentThread
        for processor in 0..<Processors.count { Scheduler.setAllowedProcessors(of: thread, to: 1 << UInt64(processor)) }
        Scheduler.setAllowedProcessors(of: thread, to: .max)
        gracePeriods.wrappingAdd(1, ordering: .relaxed)
    }
}
