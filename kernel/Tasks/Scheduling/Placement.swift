import Processor
import Support
import Synchronization

/// Where threads run: the choice at a wake-up, and the moves that keep processors from being idle while others have too much.
enum Placement {
    /// The processor for a thread that wakes: the one it ran on last if that is idle, or else any idle one, or else the last one,
    /// whose caches know the thread.
    static func processor(for block: ThreadReference, last: Int) -> Int {
        let count = Processors.count
        if count == 1 { return last }
        if block.pointee.mayRun(on: last), Scheduler.queue(last).pointee.isIdle { return last }
        var fallback = block.pointee.mayRun(on: last) ? last : nil
        var least = Int.max
        for step in 1..<count {
            let candidate = (last + step) % count
            guard block.pointee.mayRun(on: candidate) else { continue }
            let queue = Scheduler.queue(candidate)
            if queue.pointee.isIdle { return candidate }
            // Only for a thread that must leave the last one does the length of queues matter.
            let length = queue.pointee.waitingCount.load(ordering: .relaxed)
            if fallback != last, length < least { (fallback, least) = (candidate, length) }
        }
        return fallback ?? last
    }

    /// Moves a ready thread from the longest queue of all to that of a processor that has none. The lock of `queue` is held.
    /// - Returns: whether there was one.
    static func steal(for queue: RunQueueReference) -> Bool {
        let own = queue.pointee.processor
        guard Processors.count > 1, let victim = busiest(except: own), victim.tryLock() else { return false }
        let now = machineMonotonicNanoseconds()
        let block = victim.pointee.takeWaiting(for: own, now: now)
        block?.pointee.processor.store(own, ordering: .releasing)
        victim.unlock()
        guard let block else { return false }
        queue.pointee.add(block, isForeign: true, now: now)
        return true
    }

    private static func busiest(except processor: Int) -> RunQueueReference? {
        var best: RunQueueReference?
        var most = 0
        for index in 0..<Processors.count where index != processor {
            let queue = Scheduler.queue(index)
            let length = queue.pointee.waitingCount.load(ordering: .relaxed)
            if length > most { (best, most) = (queue, length) }
        }
        return best
    }
}
