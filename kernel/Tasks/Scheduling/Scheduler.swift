import Processor
import Support
import Synchronization

/// Chooses which thread runs: round robin with a slice, where a thread that wakes up runs first as long as it has some
/// of its slice left. Interactive threads, which sleep most of the time, thus run at once; a pair that wakes each
/// other in turn uses up its slices and goes to the end like everybody.
public enum Scheduler {
    public static let sliceNanoseconds: Int64 = 6_000_000

    /// The ready threads of a processor. The lock is held across a context switch and released by the thread that was
    /// switched to, so nobody can run a thread whose registers are not saved yet.
    struct RunQueue: ~Copyable {
        let lock = Atomic<UInt32>(0)
        unowned(unsafe) var head: Thread?
        unowned(unsafe) var tail: Thread?
        var readyCount = 0
        /// Runs when nothing else does.
        unowned(unsafe) var idle: Thread?
        /// A thread that died and whose last reference can be dropped once its stack is not in use.
        var finished: Unmanaged<Thread>?
    }

    // One queue for now: threads may run on any processor.
    nonisolated(unsafe) static let queue = UnsafeMutablePointer<RunQueue>.allocate(capacity: 1)

    /// Makes the code that runs at boot the idle thread of the first processor.
    /// - Parameter bootThread: a thread whose stack is the one in use.
    public static func start(bootThread: Thread) {
        queue.initialize(to: RunQueue())
        bootThread.state.store(.running, ordering: .releasing)
        queue.pointee.idle = bootThread
        _ = Unmanaged.passRetained(bootThread)
        PerCPU.current.pointee.currentThread = UInt(bitPattern: Unmanaged.passUnretained(bootThread).toOpaque())
        bootThread.lastStarted = machineMonotonicNanoseconds()
    }

    // MARK: Sleeping and waking

    /// Announces that the current thread is about to sleep. Between this and `sleepNow` a wake-up cancels the sleep.
    public static func prepareToSleep(interruptible: Bool) {
        currentThread.state.store(interruptible ? .sleeping : .sleepingUninterruptibly, ordering: .sequentiallyConsistent)
    }

    /// Takes the announcement back.
    public static func cancelSleep() {
        let flags = lockQueue()
        currentThread.state.store(.running, ordering: .releasing)
        unlockQueue(flags)
    }

    /// Gives up the processor until a wake-up.
    public static func sleepNow() {
        let flags = lockQueue()
        switchAway(flags)
    }

    /// Makes a sleeping thread ready. Callable in any context.
    /// - Returns: false when it was not asleep.
    @discardableResult
    public static func wake(_ thread: Thread) -> Bool { wake(thread, from: .sleeping, .sleepingUninterruptibly) }

    /// Makes a thread ready only if it sleeps interruptibly: what a signal does.
    public static func interrupt(_ thread: Thread) {
        thread.interruptPending.store(true, ordering: .sequentiallyConsistent)
        wake(thread, from: .sleeping, .sleeping)
    }

    /// Makes a stopped thread ready again, or takes back the announcement of a stop.
    public static func resume(_ thread: Thread) { wake(thread, from: .stopped, .stopped) }

    @discardableResult
    private static func wake(_ thread: Thread, from a: ThreadState, _ b: ThreadState) -> Bool {
        let flags = lockQueue()
        defer { unlockQueue(flags) }
        let state = thread.state.load(ordering: .acquiring)
        guard state == a || state == b else { return false }
        if PerCPU.current.pointee.currentThread == identity(thread) {
            // It has not gone to sleep yet: the announcement is taken back.
            thread.state.store(.running, ordering: .releasing)
            return true
        }
        thread.state.store(.ready, ordering: .releasing)
        if thread.sliceNanoseconds > 0 {
            pushFront(thread)
            PerCPU.current.pointee.needsReschedule = 1
        } else {
            thread.sliceNanoseconds = thread.fullSliceNanoseconds
            pushBack(thread)
            if isIdle(currentThread) { PerCPU.current.pointee.needsReschedule = 1 }
        }
        return true
    }

    /// Gives the processor to the next ready thread, if any (sched_yield, end of slice).
    public static func yield() {
        let flags = lockQueue()
        unowned(unsafe) let thread = currentThread
        thread.state.store(.ready, ordering: .releasing)
        switchAway(flags)
    }

    /// Stops the current thread until `resume`, unless `stillStopped`, asked after the announcement, says otherwise.
    public static func stopCurrent(if stillStopped: () -> Bool) {
        currentThread.state.store(.stopped, ordering: .sequentiallyConsistent)
        if stillStopped() { sleepNow() } else { cancelSleep() }
    }

    /// Ends the current thread. Its last reference is dropped by whoever runs next.
    public static func exitCurrent() -> Never {
        let flags = lockQueue()
        unowned(unsafe) let thread = currentThread
        thread.state.store(.dead, ordering: .releasing)
        switchAway(flags)
        panic("a dead thread ran")
    }

    /// Hands a new thread to the scheduler, which keeps it alive until it exits.
    public static func launch(_ thread: Thread) {
        _ = Unmanaged.passRetained(thread)
        wake(thread)
    }

    // MARK: Interrupt side

    /// The timer interrupt: fires timers, charges the slice, asks for a switch when it is used up.
    public static func timerTick() {
        DeadlineTimer.fired()
        let now = machineMonotonicNanoseconds()
        Timers.expire(now: now)
        let flags = lockQueue()
        unowned(unsafe) let thread = currentThread
        charge(thread, now: now)
        if queue.pointee.head != nil, thread.sliceNanoseconds <= 0 || isIdle(thread) {
            PerCPU.current.pointee.needsReschedule = 1
        }
        unlockQueue(flags)
        programTimer()
    }

    /// Runs before the return to user mode when `needsReschedule` is set.
    public static func reschedule() {
        let flags = lockQueue()
        PerCPU.current.pointee.needsReschedule = 0
        unowned(unsafe) let thread = currentThread
        charge(thread, now: machineMonotonicNanoseconds())
        guard queue.pointee.head != nil else {
            if thread.sliceNanoseconds <= 0 { thread.sliceNanoseconds = thread.fullSliceNanoseconds }
            unlockQueue(flags)
            return
        }
        thread.state.store(.ready, ordering: .releasing)
        switchAway(flags)
    }

    /// Sets the one-shot timer for the earliest of: the next timer; the end of the slice, if someone waits for it.
    static func programTimer() {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        var deadline = Timers.earliest ?? .max
        if queue.pointee.readyCount > 0 {
            let slice = max(currentThread.sliceNanoseconds, 100_000)
            deadline = min(deadline, machineMonotonicNanoseconds() &+ UInt64(slice))
        }
        DeadlineTimer.program(deadline)
    }

    /// The idle loop of this processor: waits for interrupts, runs whatever becomes ready.
    public static func idleLoop() -> Never {
        while true {
            let flags = lockQueue()
            PerCPU.current.pointee.needsReschedule = 0
            if queue.pointee.head != nil {
                switchAway(flags)
            } else {
                unlockQueue(flags)
                programTimer()
                CPU.waitForInterrupt { PerCPU.current.pointee.needsReschedule == 0 }
            }
        }
    }

    // MARK: The queue (lock held)

    @inline(__always)
    static func identity(_ thread: Thread) -> UInt { UInt(bitPattern: Unmanaged.passUnretained(thread).toOpaque()) }

    static func isIdle(_ thread: Thread) -> Bool { thread === queue.pointee.idle }

    static func lockQueue() -> UInt {
        let flags = machineInterruptSave()
        while queue.pointee.lock.exchange(1, ordering: .acquiring) != 0 {
            while queue.pointee.lock.load(ordering: .relaxed) != 0 { machinePause() }
        }
        return flags
    }

    static func unlockQueue(_ flags: UInt) {
        queue.pointee.lock.store(0, ordering: .releasing)
        machineInterruptRestore(flags)
    }

    private static func pushFront(_ thread: Thread) {
        thread.nextReady = queue.pointee.head
        queue.pointee.head = thread
        if queue.pointee.tail == nil { queue.pointee.tail = thread }
        queue.pointee.readyCount += 1
    }

    private static func pushBack(_ thread: Thread) {
        thread.nextReady = nil
        if let tail = queue.pointee.tail { tail.nextReady = thread } else { queue.pointee.head = thread }
        queue.pointee.tail = thread
        queue.pointee.readyCount += 1
    }

    private static func popFront() -> Thread? {
        guard let thread = queue.pointee.head else { return nil }
        queue.pointee.head = thread.nextReady
        if queue.pointee.head == nil { queue.pointee.tail = nil }
        thread.nextReady = nil
        queue.pointee.readyCount -= 1
        return thread
    }

    private static func charge(_ thread: Thread, now: UInt64) {
        let ran = now &- thread.lastStarted
        thread.lastStarted = now
        thread.runtimeNanoseconds &+= ran
        thread.sliceNanoseconds -= Int64(ran)
    }

    /// Switches from the current thread, whose state says what becomes of it. Returns when it runs again.
    private static func switchAway(_ flags: UInt) {
        let now = machineMonotonicNanoseconds()
        unowned(unsafe) let thread = currentThread
        charge(thread, now: now)
        switch thread.state.load(ordering: .acquiring) {
        case .ready:
            if isIdle(thread) { break }
            if thread.sliceNanoseconds <= 0 { thread.sliceNanoseconds = thread.fullSliceNanoseconds }
            pushBack(thread)
        case .running:
            if isIdle(thread) { break }
            // Woken between the announcement and now: goes on, at once.
            unlockQueue(flags)
            return
        case .dead:
            queue.pointee.finished = Unmanaged.passUnretained(thread)
        case .sleeping, .sleepingUninterruptibly, .stopped:
            break
        }
        unowned(unsafe) let next = popFront() ?? queue.pointee.idle!
        next.state.store(.running, ordering: .releasing)
        next.lastStarted = now
        if next !== thread { contextSwitch(from: thread, to: next) }
        finishSwitch()
        machineInterruptRestore(flags)
    }

    /// First thing on the new thread's stack: releases the queue, and what the old thread left.
    static func finishSwitch() {
        let finished = queue.pointee.finished
        queue.pointee.finished = nil
        let needsTimer = queue.pointee.readyCount > 0
        queue.pointee.lock.store(0, ordering: .releasing)
        if needsTimer { programTimer() }
        finished?.release()
    }
}
