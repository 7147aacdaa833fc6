import FairQueue
import Processor
import Support
import Synchronization

/// The ready threads of one processor, and the one that it runs.
///
/// The lock is held across a context switch and released by the thread that was switched to, so nobody can run a thread whose
/// registers are not saved yet. A processor that holds its own lock may try that of another, but does not wait for it.
struct RunQueue: ~Copyable {
    let lock = Atomic<UInt32>(0)
    let processor: Int
    /// What the processor runs.
    private(set) var current: ThreadReference
    /// Runs when nothing else does. It is never in `fair`.
    let idle: ThreadReference
    /// Threads that wait. Read without the lock by processors that look for work or for a place.
    let waitingCount = Atomic<Int>(0)
    /// When the running thread's time is up, if others wait; `.max` if not. Read without the lock by this processor.
    let sliceEnd = Atomic<UInt64>(.max)
    /// A thread that died and whose last reference can be dropped once its stack is not in use.
    var finished: Unmanaged<Thread>?
    /// A thread that may not run here any more, and goes elsewhere once its registers are saved.
    var departing: ThreadReference?
    /// Processor time of all threads but the idle one. The part of it in the kernel is `PerCPUBlock.systemTicks`.
    private(set) var busyNanoseconds: UInt64 = 0
    /// How often it went from one thread to another.
    private(set) var switchCount: UInt64 = 0
    private var fair = FairQueue()

    init(processor: Int, idle: ThreadReference) {
        self.processor = processor
        self.idle = idle
        current = idle
    }

    var hasWaiting: Bool { fair.waitingCount > 0 }
    var runsIdle: Bool { current == idle }
    /// Whether the processor has nothing to do. A hint without the lock.
    var isIdle: Bool { current == idle && waitingCount.load(ordering: .relaxed) == 0 }

    /// Accounts for what the running thread has used.
    /// - Returns: whether it has had what it asked for.
    @discardableResult
    mutating func charge(now: UInt64) -> Bool {
        // Clocks of two processors may differ a little.
        guard now > current.pointee.lastStarted else { return false }
        let ran = now &- current.pointee.lastStarted
        current.pointee.lastStarted = now
        current.pointee.runtimeNanoseconds &+= ran
        if current != idle { busyNanoseconds &+= ran }
        return fair.charge(ran)
    }

    /// Accounts for the running thread's time in the kernel, as returns to user mode do. On this processor only.
    @inline(__always)
    mutating func chargeKernel() {
        let since = current.pointee.kernelSince, now = CPU.timestamp
        guard since != 0, now > since else { return }
        current.pointee.kernelSince = now
        current.pointee.systemTicks &+= now &- since
        PerCPU.current.pointee.systemTicks &+= now &- since
    }

    /// Adds a thread that has become ready.
    /// - Parameter isForeign: it was in, or slept in, another processor's queue.
    mutating func add(_ block: ThreadReference, isForeign: Bool, now: UInt64) {
        charge(now: now)
        if isForeign { fair.migrateIn(block.fair) } else { fair.insert(block.fair) }
        noteChange(now)
    }

    /// Takes the running thread off, which sleeps, stops or dies.
    mutating func removeCurrent() { fair.remove(current.fair) }

    /// Takes the running thread off, for another processor.
    mutating func expelCurrent() {
        fair.migrateOut(current.fair)
        departing = current
    }

    /// Takes a waiting thread off that may run on another processor.
    mutating func takeWaiting(for processor: Int, now: UInt64) -> ThreadReference? {
        guard let entity = fair.lastWaiting(where: { ThreadReference($0).pointee.mayRun(on: processor) }) else { return nil }
        charge(now: now)
        fair.migrateOut(entity)
        noteChange(now)
        return ThreadReference(entity)
    }

    /// Who should run; nil when nobody is ready.
    func pick() -> ThreadReference? { fair.pick().map { ThreadReference($0) } }

    /// Whether one that waits should take over from the running one at once.
    func shouldPreempt() -> Bool { runsIdle ? fair.count > 0 : fair.shouldPreempt() }

    mutating func yieldCurrent() { fair.yield() }

    mutating func setCurrent(_ block: ThreadReference, now: UInt64) {
        fair.setCurrent(block == idle ? nil : block.fair)
        if block != current {
            switchCount &+= 1
            if block.pointee.kernelSince != 0 { block.pointee.kernelSince = CPU.timestamp }
        }
        current = block
        block.pointee.lastStarted = now
        noteChange(now)
    }

    mutating func set(_ parameters: SchedulingParameters, of block: ThreadReference, now: UInt64) {
        charge(now: now)
        fair.setShare(of: block.fair, nice: parameters.nice, isIdle: parameters.policy == .idle)
        block.pointee.fair.setSlice(nanoseconds: parameters.sliceNanoseconds)
        block.pointee.policy = parameters.policy
        block.pointee.resetsOnFork = parameters.resetsOnFork
        noteChange(now)
    }

    /// Brings up to date what is read without the lock.
    mutating func noteChange(_ now: UInt64) {
        let waiting = fair.waitingCount
        waitingCount.store(waiting, ordering: .relaxed)
        sliceEnd.store(waiting > 0 && current != idle ? now &+ fair.sliceLeftNanoseconds : .max, ordering: .relaxed)
    }
}

typealias RunQueueReference = UnsafeMutablePointer<RunQueue>

extension UnsafeMutablePointer where Pointee == RunQueue {
    /// Takes the lock. Interrupts are off.
    @inline(__always)
    func lock() {
        while pointee.lock.exchange(1, ordering: .acquiring) != 0 {
            while pointee.lock.load(ordering: .relaxed) != 0 { machinePause() }
        }
    }
    @inline(__always)
    func tryLock() -> Bool { pointee.lock.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged }
    @inline(__always)
    func unlock() { pointee.lock.store(0, ordering: .releasing) }
}
