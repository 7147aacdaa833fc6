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
        var head: ThreadReference?
        var tail: ThreadReference?
        var readyCount = 0
        /// Runs when nothing else does.
        var idle: ThreadReference?
        /// A thread that died and whose last reference can be dropped once its stack is not in use.
        var finished: Unmanaged<Thread>?
    }

    // One queue for now: threads may run on any processor. Written once at boot.
    nonisolated(unsafe) static var queue = UnsafeMutablePointer<RunQueue>(bitPattern: 16)!

    /// Makes the code that runs at boot the idle thread of the first processor.
    /// - Parameter bootThread: a thread whose stack is the one in use.
    public static func start(bootThread: Thread) {
        makeQueue()
        let block = bootThread.block
        block.pointee.state.store(.running, ordering: .releasing)
        block.pointee.lastStarted = machineMonotonicNanoseconds()
        queue.pointee.idle = block
        _ = Unmanaged.passRetained(bootThread)
        PerCPU.current.pointee.currentThread = UInt(bitPattern: block.pointee.thread.toOpaque())
        PerCPU.current.pointee.currentBlock = UInt(bitPattern: block)
    }

    /// Makes an empty run queue.
    static func makeQueue() {
        queue = .allocate(capacity: 1)
        queue.initialize(to: RunQueue())
    }

    // MARK: Sleeping and waking

    /// Announces that the current thread is about to sleep. Between this and `sleepNow` a wake-up cancels the sleep.
    public static func prepareToSleep(interruptible: Bool) {
        running.pointee.state.store(interruptible ? .sleeping : .sleepingUninterruptibly, ordering: .sequentiallyConsistent)
    }

    /// Takes the announcement back.
    public static func cancelSleep() {
        let flags = lockQueue()
        running.pointee.state.store(.running, ordering: .releasing)
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
    public static func wake(_ thread: Thread) -> Bool { wake(thread.block, from: .sleeping, .sleepingUninterruptibly) }

    /// Makes a thread ready only if it sleeps interruptibly: what a signal does.
    public static func interrupt(_ thread: Thread) {
        thread.interruptPending.store(true, ordering: .sequentiallyConsistent)
        wake(thread.block, from: .sleeping, .sleeping)
    }

    /// Makes a stopped thread ready again, or takes back the announcement of a stop.
    public static func resume(_ thread: Thread) { wake(thread.block, from: .stopped, .stopped) }

    @discardableResult
    private static func wake(_ block: ThreadReference, from a: ThreadState, _ b: ThreadState) -> Bool {
        let flags = lockQueue()
        defer { unlockQueue(flags) }
        let state = block.pointee.state.load(ordering: .acquiring)
        guard state == a || state == b else { return false }
        if block == running {
            // It has not gone to sleep yet: the announcement is taken back.
            block.pointee.state.store(.running, ordering: .releasing)
            return true
        }
        block.pointee.state.store(.ready, ordering: .releasing)
        if block.pointee.sliceNanoseconds > 0 {
            pushFront(block)
            PerCPU.current.pointee.needsReschedule = 1
        } else {
            block.pointee.sliceNanoseconds = block.pointee.fullSliceNanoseconds
            pushBack(block)
            if isIdle(running) { PerCPU.current.pointee.needsReschedule = 1 }
        }
        return true
    }

    /// Gives the processor to the next ready thread, if any (sched_yield, end of slice).
    public static func yield() {
        let flags = lockQueue()
        running.pointee.state.store(.ready, ordering: .releasing)
        switchAway(flags)
    }

    /// Whether another thread could run on this processor now. A hint: it may change at once.
    public static var hasReadyThreads: Bool { queue.pointee.readyCount > 0 }

    /// Stops the current thread until `resume`, unless `stillStopped`, asked after the announcement, says otherwise.
    public static func stopCurrent(if stillStopped: () -> Bool) {
        running.pointee.state.store(.stopped, ordering: .sequentiallyConsistent)
        if stillStopped() { sleepNow() } else { cancelSleep() }
    }

    /// Ends the current thread. Its last reference is dropped by whoever runs next.
    public static func exitCurrent() -> Never {
        let flags = lockQueue()
        running.pointee.state.store(.dead, ordering: .releasing)
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
        let block = running
        charge(block, now: now)
        if queue.pointee.head != nil, block.pointee.sliceNanoseconds <= 0 || isIdle(block) {
            PerCPU.current.pointee.needsReschedule = 1
        }
        unlockQueue(flags)
        programTimer()
    }

    /// Runs before the return to user mode when `needsReschedule` is set.
    public static func reschedule() {
        let flags = lockQueue()
        PerCPU.current.pointee.needsReschedule = 0
        let block = running
        charge(block, now: machineMonotonicNanoseconds())
        guard queue.pointee.head != nil else {
            if block.pointee.sliceNanoseconds <= 0 { block.pointee.sliceNanoseconds = block.pointee.fullSliceNanoseconds }
            unlockQueue(flags)
            return
        }
        block.pointee.state.store(.ready, ordering: .releasing)
        switchAway(flags)
    }

    /// Sets the one-shot timer for the earliest of: the next timer; the end of the slice, if someone waits for it.
    static func programTimer() {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        var deadline = Timers.earliest ?? .max
        if queue.pointee.readyCount > 0 {
            let slice = max(running.pointee.sliceNanoseconds, 100_000)
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

    /// The block of the running thread.
    @inline(__always)
    static var running: ThreadReference {
        // SAFETY: set at boot and at each switch to a thread that is alive while it runs.
        ThreadReference(bitPattern: PerCPU.current.pointee.currentBlock)!
    }

    private static func isIdle(_ block: ThreadReference) -> Bool { block == queue.pointee.idle }

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

    private static func pushFront(_ block: ThreadReference) {
        block.pointee.next = queue.pointee.head
        queue.pointee.head = block
        if queue.pointee.tail == nil { queue.pointee.tail = block }
        queue.pointee.readyCount += 1
    }

    private static func pushBack(_ block: ThreadReference) {
        block.pointee.next = nil
        if let tail = queue.pointee.tail { tail.pointee.next = block } else { queue.pointee.head = block }
        queue.pointee.tail = block
        queue.pointee.readyCount += 1
    }

    private static func popFront() -> ThreadReference? {
        guard let block = queue.pointee.head else { return nil }
        queue.pointee.head = block.pointee.next
        if queue.pointee.head == nil { queue.pointee.tail = nil }
        block.pointee.next = nil
        queue.pointee.readyCount -= 1
        return block
    }

    private static func charge(_ block: ThreadReference, now: UInt64) {
        let ran = now &- block.pointee.lastStarted
        block.pointee.lastStarted = now
        block.pointee.runtimeNanoseconds &+= ran
        block.pointee.sliceNanoseconds -= Int64(ran)
    }

    /// Switches from the current thread, whose state says what becomes of it. Returns when it runs again.
    private static func switchAway(_ flags: UInt) {
        let now = machineMonotonicNanoseconds()
        let block = running
        charge(block, now: now)
        switch block.pointee.state.load(ordering: .acquiring) {
        case .ready:
            if isIdle(block) { break }
            if block.pointee.sliceNanoseconds <= 0 { block.pointee.sliceNanoseconds = block.pointee.fullSliceNanoseconds }
            pushBack(block)
        case .running:
            if isIdle(block) { break }
            // Woken between the announcement and now: goes on, at once.
            unlockQueue(flags)
            return
        case .dead:
            queue.pointee.finished = block.pointee.thread
        case .sleeping, .sleepingUninterruptibly, .stopped:
            break
        }
        let next = popFront() ?? queue.pointee.idle!
        next.pointee.state.store(.running, ordering: .releasing)
        next.pointee.lastStarted = now
        if next != block { contextSwitch(from: block, to: next) }
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
