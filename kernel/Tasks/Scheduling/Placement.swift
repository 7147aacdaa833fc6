import FairQueue
import Processor
import RealTimeQueue
import Support
import Synchronization

/// Where threads run: the choice at a wake-up, and the moves that keep processors from being idle, or from being less busy, while others
/// have too much.
enum Placement {
    // MARK: Waking up

    /// The processor for a thread that wakes: the one it ran on last if that is idle, or else any idle one, or else the last one,
    /// whose caches know the thread. A real-time thread goes where it may run at once; an ordinary one does not stay behind one.
    static func processor(for block: ThreadReference, last: Int) -> Int {
        let count = Processors.count
        if count == 1 { return last }
        let mayStay = block.pointee.mayRun(on: last)
        if mayStay, Scheduler.queue(last).pointee.isIdle { return last }
        // The rank that runs there, as `RunQueue.currentRank` has it: a place is good for who stands above that, or on the same ordinary
        // level.
        let own = block.pointee.realTime.priority &+ 100
        func isGood(_ queue: RunQueueReference) -> Bool {
            let rank = queue.pointee.currentRank.load(ordering: .relaxed)
            return rank < own || rank == own && own == 100
        }
        var fallback = mayStay && isGood(Scheduler.queue(last)) ? last : nil
        var least = Int.max
        for step in 1..<count {
            let candidate = (last + step) % count
            guard block.pointee.mayRun(on: candidate) else { continue }
            let queue = Scheduler.queue(candidate)
            if queue.pointee.isIdle { return candidate }
            // Only for a thread that must leave the last one does it matter what others have to do.
            if fallback == last { continue }
            let length = queue.pointee.waitingCount.load(ordering: .relaxed) + (isGood(queue) ? 0 : 1 << 32)
            if length < least { (fallback, least) = (candidate, length) }
        }
        return least >= 1 << 32 && mayStay ? last : fallback ?? last
    }

    // MARK: Taking from others

    /// Moves a ready thread from the longest queue of all to that of a processor that has none. The lock of `queue` is held.
    /// - Returns: whether there was one.
    static func steal(for queue: RunQueueReference) -> Bool {
        guard Processors.count > 1,
            let victim = busiest(except: queue.pointee.processor, by: { $0.pointee.waitingCount.load(ordering: .relaxed) })
        else {
            return false
        }
        return pull(from: victim, to: queue, onlyRealTime: false)
    }

    /// Moves a real-time thread that waits elsewhere to a processor that is about to run an ordinary one. The lock of `queue` is held.
    static func stealRealTime(for queue: RunQueueReference) -> Bool {
        guard Processors.count > 1,
            let victim = busiest(
                except: queue.pointee.processor, by: { $0.pointee.realTimeWaitingCount.load(ordering: .relaxed) })
        else { return false }
        return pull(from: victim, to: queue, onlyRealTime: true)
    }

    private static func pull(from victim: RunQueueReference, to queue: RunQueueReference, onlyRealTime: Bool) -> Bool {
        guard victim.tryLock() else { return false }
        let own = queue.pointee.processor, now = machineMonotonicNanoseconds()
        let block = victim.pointee.takeWaiting(for: own, onlyRealTime: onlyRealTime, now: now)
        block?.pointee.processor.store(own, ordering: .releasing)
        victim.unlock()
        guard let block else { return false }
        queue.pointee.add(block, isForeign: true, now: now)
        return true
    }

    private static func busiest(except processor: Int, by count: (RunQueueReference) -> Int) -> RunQueueReference? {
        var best: RunQueueReference?
        var most = 0
        for index in 0..<Processors.count where index != processor {
            let queue = Scheduler.queue(index)
            let length = count(queue)
            if length > most { (best, most) = (queue, length) }
        }
        return best
    }

    // MARK: Giving to others

    /// How often a processor with waiting threads looks whether another has less to do.
    private static let balancePeriod: UInt64 = 20_000_000
    /// How often it gives one away although the other has as much then as it had itself. Thus three busy threads on two processors take
    /// turns in being alone.
    private static let swapPeriod: UInt64 = 100_000_000

    /// Gives a waiting thread to the processor with the least to do, if that makes the two more alike. Called in the timer interrupt of
    /// a processor on which threads wait; the lock of its queue is held.
    /// - Returns: the processor that got one.
    static func balance(from queue: RunQueueReference, now: UInt64) -> Int? {
        let own = queue.pointee.processor, count = Processors.count
        guard count > 1, now &- queue.pointee.lastBalance >= balancePeriod else { return nil }
        queue.pointee.lastBalance = now
        guard let target = helper(for: queue, now: now), target.tryLock() else { return nil }
        defer { target.unlock() }
        let most = movableWeight(from: queue, to: target, now: now)
        guard let block = queue.pointee.takeWaiting(for: target.pointee.processor, most: most, now: now) else { return nil }
        queue.pointee.lastSwap = now
        target.pointee.lastSwap = now
        block.pointee.processor.store(target.pointee.processor, ordering: .releasing)
        target.pointee.add(block, isForeign: true, now: now)
        return target.pointee.processor
    }

    /// The least busy processor that could take a thread that waits here.
    private static func helper(for queue: RunQueueReference, now: UInt64) -> RunQueueReference? {
        let own = queue.pointee.processor, count = Processors.count
        var helper: RunQueueReference?
        var least = queue.pointee.load.load(ordering: .relaxed)
        for step in 1..<count {
            let candidate = Scheduler.queue((own + step) % count)
            let load = candidate.pointee.load.load(ordering: .relaxed)
            guard load < least, candidate.pointee.currentRank.load(ordering: .relaxed) <= 100 else { continue }
            let most = movableWeight(from: queue, to: candidate, now: now)
            if queue.pointee.findWaiting(for: candidate.pointee.processor, most: most) != nil {
                (helper, least) = (candidate, load)
            }
        }
        return helper
    }

    /// The greatest weight that may go from one to the other. When as much as the difference goes, they change places: that helps nobody
    /// but by turns.
    private static func movableWeight(from queue: RunQueueReference, to other: RunQueueReference, now: UInt64) -> Int64 {
        let maySwap = now &- queue.pointee.lastSwap >= swapPeriod && now &- other.pointee.lastSwap >= swapPeriod
        let difference = queue.pointee.load.load(ordering: .relaxed) - other.pointee.load.load(ordering: .relaxed)
        return Int64(difference - (maySwap ? 0 : 1))
    }
}
