import FairQueue
import Processor
import RealTimeQueue
import Support
import Synchronization

/// The ready threads of one processor, and the one that it runs: real-time ones before all others, within their budget.
///
/// The lock is held across a context switch and released by the thread that was switched to, so nobody can run a thread whose
/// registers are not saved yet. A processor that holds its own lock may try that of another, but does not wait for it.
struct RunQueue: ~Copyable {
    let lock = TicketLock()
    #if LOCKDEP
        let site = Cell(LockSite(#fileID, #line))
    #endif
    let processor: Int
    /// What the processor runs.
    private(set) var current: ThreadReference
    /// Runs when nothing else does. It is in neither queue.
    let idle: ThreadReference

    // Read without the lock, as hints, by processors that look for work or for a place.
    /// Threads that wait; the real-time ones among them; and the weights of all ordinary ones, the running one's included.
    let waitingCount = Atomic<Int>(0)
    let realTimeWaitingCount = Atomic<Int>(0)
    let load = Atomic<Int>(0)
    /// The rank (`Urgency`) of what runs.
    let currentRank = Atomic<UInt8>(0)
    /// When the running thread's time is up, if others wait; `.max` if not. Read without the lock by this processor only.
    let sliceEnd = Atomic<UInt64>(.max)

    /// A thread that died and whose last reference can be dropped once its stack is not in use.
    var finished: Unmanaged<Thread>?
    /// A thread that may not run here any more, and goes elsewhere once its registers are saved.
    var departing: ThreadReference?
    /// When this processor last looked whether others have less to do; see `Placement.balance`.
    var lastBalance: UInt64 = 0
    var lastSwap: UInt64 = 0
    /// Processor time of all threads but the idle one. The part of it in the kernel is `PerCPUBlock.systemTicks`.
    private(set) var busyNanoseconds: UInt64 = 0
    /// How often it went from one thread to another.
    private(set) var switchCount: UInt64 = 0
    private var fair = FairQueue()
    private var realTime = RealTimeQueue()
    private var budget = RealTimeBudget()

    init(processor: Int, idle: ThreadReference) {
        self.processor = processor
        self.idle = idle
        current = idle
    }

    var hasWaiting: Bool { waiting > 0 }
    var runsIdle: Bool { current == idle }
    /// Whether the processor has nothing to do. A hint without the lock.
    var isIdle: Bool { current == idle && waitingCount.load(ordering: .relaxed) == 0 }

    private var waiting: Int { fair.waitingCount + realTimeWaiting }
    private var realTimeWaiting: Int { realTime.count - (current.pointee.realTime.isQueued ? 1 : 0) }

    // MARK: Time

    /// Accounts for what the running thread has used.
    /// - Returns: whether it has had what it asked for.
    @discardableResult
    mutating func charge(now: UInt64) -> Bool {
        // Clocks of two processors may differ a little.
        guard now > current.pointee.lastStarted else { return false }
        let ran = now &- current.pointee.lastStarted
        current.pointee.lastStarted = now
        current.pointee.runtimeNanoseconds &+= ran
        if current == idle { return false }
        busyNanoseconds &+= ran
        if current.pointee.realTime.isQueued {
            budget.charge(ran, now: now)
            return realTime.charge(ran, to: current.realTime)
        }
        guard fair.charge(ran) else { return false }
        // The group may have more threads by now, or fewer.
        updateShare(current)
        return true
    }

    /// Accounts for the running thread's time in the kernel, as returns to user mode do. On this processor only.
    @inline(__always)
    mutating func chargeKernel(_ own: UnsafeMutablePointer<PerCPUBlock>) {
        let since = current.pointee.kernelSince, now = CPU.timestamp
        guard since != 0, now > since else { return }
        current.pointee.kernelSince = now
        current.pointee.systemTicks &+= now &- since
        own.pointee.systemTicks &+= now &- since
    }

    // MARK: Coming and going

    /// Adds a thread that has become ready.
    /// - Parameter isForeign: it was in, or slept in, another processor's queue.
    mutating func add(_ block: ThreadReference, isForeign: Bool, now: UInt64) {
        charge(now: now)
        if !block.pointee.isCounted, let group = block.pointee.group {
            block.pointee.isCounted = true
            group._withUnsafeGuaranteedRef { _ = $0.runnable.wrappingAdd(1, ordering: .relaxed) }
        }
        enqueue(block, isForeign: isForeign)
        noteChange(now)
    }

    private mutating func enqueue(_ block: ThreadReference, isForeign: Bool) {
        if block.pointee.isRealTime { return realTime.insert(block.realTime) }
        updateShare(block)
        if isForeign { fair.migrateIn(block.fair) } else { fair.insert(block.fair) }
    }

    /// Takes the running thread off, which sleeps, stops or dies.
    mutating func removeCurrent() {
        if current.pointee.isCounted, let group = current.pointee.group {
            current.pointee.isCounted = false
            group._withUnsafeGuaranteedRef { _ = $0.runnable.wrappingSubtract(1, ordering: .relaxed) }
        }
        if current.pointee.realTime.isQueued { realTime.remove(current.realTime) } else { fair.remove(current.fair) }
    }

    /// Takes the running thread off, for another processor.
    mutating func expelCurrent() {
        takeOff(current)
        departing = current
    }

    private mutating func takeOff(_ block: ThreadReference) {
        if block.pointee.realTime.isQueued { realTime.remove(block.realTime) } else { fair.migrateOut(block.fair) }
    }

    /// A waiting thread that may run on another processor: the first real-time one, or else the ordinary one that would wait longest.
    /// - Parameters:
    ///   - onlyRealTime: whether ordinary ones do not count.
    ///   - most: the greatest weight that is to go.
    func findWaiting(for processor: Int, onlyRealTime: Bool = false, most: Int64 = .max) -> ThreadReference? {
        let running = current
        if realTimeWaiting > 0 {
            let found = realTime.first { ThreadReference($0) != running && ThreadReference($0).pointee.mayRun(on: processor) }
            if let found { return ThreadReference(found) }
        }
        if onlyRealTime { return nil }
        return fair.lastWaiting { $0.pointee.weight <= most && ThreadReference($0).pointee.mayRun(on: processor) }
            .map { ThreadReference($0) }
    }

    /// Takes what `findWaiting` finds off.
    mutating func takeWaiting(for processor: Int, onlyRealTime: Bool = false, most: Int64 = .max, now: UInt64) -> ThreadReference?
    {
        guard let found = findWaiting(for: processor, onlyRealTime: onlyRealTime, most: most) else { return nil }
        charge(now: now)
        takeOff(found)
        noteChange(now)
        return found
    }

    // MARK: Choosing

    /// Who should run; nil when nobody is ready.
    func pick(now: UInt64) -> ThreadReference? {
        if let first = realTime.first, fair.count == 0 || !budget.isExhausted(now: now) { return ThreadReference(first) }
        return fair.pick().map { ThreadReference($0) }
    }

    /// Whether one that waits should take over from the running one at once.
    func shouldPreempt(now: UInt64) -> Bool {
        if runsIdle { return waiting > 0 }
        if let first = realTime.first {
            let isOverdrawn = fair.count > 0 && budget.isExhausted(now: now)
            if current.pointee.realTime.isQueued {
                return isOverdrawn || first != current.realTime && first.pointee.priority > current.pointee.realTime.priority
            }
            if !isOverdrawn { return true }
        }
        return fair.shouldPreempt()
    }

    /// What sched_yield does to the running thread.
    mutating func yieldCurrent() {
        if current.pointee.realTime.isQueued { realTime.yield(current.realTime) } else { fair.yield() }
    }

    mutating func setCurrent(_ block: ThreadReference, now: UInt64) {
        fair.setCurrent(block == idle || block.pointee.realTime.isQueued ? nil : block.fair)
        if block != current {
            switchCount &+= 1
            if block.pointee.kernelSince != 0 { block.pointee.kernelSince = CPU.timestamp }
        }
        current = block
        block.pointee.lastStarted = now
        noteChange(now)
    }

    // MARK: Settings

    /// Changes what is said of a thread that belongs to this queue, and what follows from it.
    mutating func reconsider(_ block: ThreadReference, now: UInt64, _ change: (ThreadReference) -> Void) {
        charge(now: now)
        let wasRealTime = block.pointee.realTime.isQueued, wasQueued = wasRealTime || block.pointee.fair.isQueued
        let old = block.pointee.urgency, oldPolicy = block.pointee.parameters.policy
        change(block)
        block.pointee.fair.setSlice(nanoseconds: block.pointee.parameters.sliceNanoseconds)
        let urgency = block.pointee.urgency, policy = block.pointee.parameters.policy
        if urgency.realTimePriority == 0, old.realTimePriority == 0 {
            // An ordinary one stays where it is.
            updateShare(block)
        } else if urgency != old || policy != oldPolicy {
            if wasRealTime { realTime.remove(block.realTime) } else if wasQueued { fair.remove(block.fair) }
            RealTimeQueue.set(block.realTime, priority: urgency.realTimePriority, takesTurns: policy == .roundRobin)
            if wasQueued { enqueue(block, isForeign: false) }
            if wasQueued, block == current { fair.setCurrent(block.pointee.isRealTime ? nil : block.fair) }
        }
        noteChange(now)
    }

    /// Sets an ordinary thread's weight, by its nice value and by how many share it.
    private mutating func updateShare(_ block: ThreadReference) {
        let parameters = block.pointee.parameters
        var nice = parameters.nice, isIdle = parameters.policy == .idle
        if let inherited = block.pointee.inheritedUrgency?.nice, isIdle || inherited < nice {
            (nice, isIdle) = (inherited, false)
        }
        var sharers = 1
        if let group = block.pointee.group { sharers = group._withUnsafeGuaranteedRef { $0.runnable.load(ordering: .relaxed) } }
        fair.setShare(of: block.fair, nice: nice, isIdle: isIdle, sharers: sharers)
    }

    /// Brings up to date what is read without the lock.
    mutating func noteChange(_ now: UInt64) {
        let waiting = waiting
        waitingCount.store(waiting, ordering: .relaxed)
        load.store(Int(fair.totalWeight), ordering: .relaxed)
        if realTime.count > 0 || realTimeWaitingCount.load(ordering: .relaxed) > 0 {
            realTimeWaitingCount.store(realTimeWaiting, ordering: .relaxed)
        }
        currentRank.store(runsIdle ? 0 : current.pointee.realTime.priority &+ 100, ordering: .relaxed)
        sliceEnd.store(waiting > 0 && current != idle ? endOfSlice(now) : .max, ordering: .relaxed)
    }

    private func endOfSlice(_ now: UInt64) -> UInt64 {
        if realTime.count == 0 { return now &+ fair.sliceLeftNanoseconds }
        let isRealTime = current.pointee.realTime.isQueued
        let left = isRealTime ? realTime.turnLeft(of: current.realTime) : fair.sliceLeftNanoseconds
        let end = left > .max - now ? .max : now + left
        return isRealTime && fair.count == 0 ? end : min(end, budget.nextChange(now: now))
    }
}

typealias RunQueueReference = UnsafeMutablePointer<RunQueue>

extension UnsafeMutablePointer where Pointee == RunQueue {
    /// Takes the lock. Interrupts are off.
    @inline(__always)
    func lock() {
        #if LOCKDEP
            lockCheckAcquire(pointee.site.address, LockUse.spinning)
        #endif
        pointee.lock.lock()
    }
    @inline(__always)
    func tryLock() -> Bool {
        guard pointee.lock.tryLock() else { return false }
        #if LOCKDEP
            lockCheckAcquire(pointee.site.address, LockUse.tryingToSpin)
        #endif
        return true
    }
    @inline(__always)
    func unlock() {
        #if LOCKDEP
            lockCheckRelease(pointee.site.address)
        #endif
        pointee.lock.unlock()
    }
}
