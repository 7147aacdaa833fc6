import Processor
import Support
import Synchronization

/// Chooses which thread runs: round robin with a slice, where a thread that wakes up runs first as long as it has some
/// of its slice left. Interactive threads, which sleep most of the time, thus run at once; a pair that wakes each
/// other in turn uses up its slices and goes to the end like everybody.
///
/// Each processor has a queue of its own. A thread that wakes goes to an idle processor, best the one that it ran on last; a
/// processor that has nothing to do takes from one that has too much (`Placement`).
public enum Scheduler {
    public static let sliceNanoseconds: Int64 = 6_000_000

    // By processor. Written once for each, before it runs threads.
    nonisolated(unsafe) private static var queues = InlineArray<64, RunQueueReference?>(repeating: nil)

    static func queue(_ processor: Int) -> RunQueueReference { queues[processor]! }

    /// Makes the code that runs here the idle thread of this processor. Interrupts are off.
    /// - Parameter idle: stands for it. Nothing ever starts at its entry.
    public static func start(idle: Thread) {
        let own = PerCPU.current
        let block = idle.block
        _ = Unmanaged.passRetained(idle)
        block.pointee.state.store(.running, ordering: .releasing)
        block.pointee.lastStarted = machineMonotonicNanoseconds()
        block.pointee.processor.store(Int(own.pointee.index), ordering: .relaxed)
        own.pointee.currentThread = UInt(bitPattern: block.pointee.thread.toOpaque())
        own.pointee.currentBlock = UInt(bitPattern: block)
        own.pointee.kernelStackTop = block.pointee.registers.stackTop
        makeQueue(idle: block)
    }

    /// Makes the empty queue of this processor.
    static func makeQueue(idle: ThreadReference) {
        let own = PerCPU.current
        let queue = RunQueueReference.allocate(capacity: 1)
        queue.initialize(to: RunQueue(processor: Int(own.pointee.index), idle: idle))
        queues[Int(own.pointee.index)] = queue
        own.pointee.runQueue = UInt(bitPattern: queue)
        Timers.startHere()
    }

    // MARK: Sleeping and waking

    /// Announces that the current thread is about to sleep. Between this and `sleepNow` a wake-up cancels the sleep.
    public static func prepareToSleep(interruptible: Bool) {
        running.pointee.state.store(interruptible ? .sleeping : .sleepingUninterruptibly, ordering: .sequentiallyConsistent)
    }

    /// Takes the announcement back. A wake-up that comes at the same time does the same.
    public static func cancelSleep() { running.pointee.state.store(.running, ordering: .releasing) }

    /// Gives up the processor until a wake-up.
    public static func sleepNow() { switchAway(lockOwnQueue()) }

    /// Makes a sleeping thread ready. Callable in any context.
    /// - Returns: false when it was not asleep.
    @discardableResult
    public static func wake(_ thread: Thread) -> Bool { wake(thread.block, from: .sleeping, .sleepingUninterruptibly) }

    /// Makes a thread ready only if it sleeps interruptibly, and one that runs look at what there is for it: what a signal does.
    public static func interrupt(_ thread: Thread) {
        thread.interruptPending.store(true, ordering: .sequentiallyConsistent)
        if wake(thread.block, from: .sleeping, .sleeping) { return }
        // It may be in user mode on another processor, which must come out of it to see the mark.
        let processor = thread.block.pointee.processor.load(ordering: .acquiring)
        if thread.state == .running, processor != Int(PerCPU.current.pointee.index) { Interrupts.sendReschedule(to: processor) }
    }

    /// Makes a stopped thread ready again, or takes back the announcement of a stop.
    public static func resume(_ thread: Thread) { wake(thread.block, from: .stopped, .stopped) }

    @discardableResult
    private static func wake(_ block: ThreadReference, from a: ThreadState, _ b: ThreadState) -> Bool {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        var queue = lockQueue(of: block)
        let state = block.pointee.state.load(ordering: .acquiring)
        guard state == a || state == b else {
            queue.unlock()
            return false
        }
        if block == queue.pointee.current {
            // It has not gone to sleep yet: the announcement is taken back.
            block.pointee.state.store(.running, ordering: .releasing)
            queue.unlock()
            return true
        }
        block.pointee.state.store(.ready, ordering: .releasing)
        let target = Placement.processor(for: block, last: queue.pointee.processor)
        if target != queue.pointee.processor {
            // Ready, but in no queue: nobody else touches it meanwhile.
            block.pointee.processor.store(target, ordering: .releasing)
            queue.unlock()
            queue = self.queue(target)
            queue.lock()
        }
        enqueueWoken(block, queue)
        queue.unlock()
        return true
    }

    /// Puts a thread that woke into a queue, and makes the queue's processor look if it should run at once. The lock is held.
    private static func enqueueWoken(_ block: ThreadReference, _ queue: RunQueueReference) {
        var isUrgent = queue.pointee.current == queue.pointee.idle
        if block.pointee.sliceNanoseconds > 0 {
            queue.pointee.pushFront(block)
            isUrgent = true
        } else {
            block.pointee.sliceNanoseconds = block.pointee.fullSliceNanoseconds
            queue.pointee.pushBack(block)
        }
        if isUrgent { requestReschedule(queue.pointee.processor) }
    }

    private static func requestReschedule(_ processor: Int) {
        let target = Processors[processor]
        if target.pointee.needsReschedule { return }
        target.pointee.needsReschedule = true
        if target != PerCPU.current { Interrupts.sendReschedule(to: processor) }
    }

    /// Gives the processor to the next ready thread, if any (sched_yield, end of slice).
    public static func yield() {
        let flags = lockOwnQueue()
        running.pointee.state.store(.ready, ordering: .releasing)
        switchAway(flags)
    }

    /// Whether another thread could run on this processor now. A hint: it may change at once.
    public static var hasReadyThreads: Bool { ownQueue.pointee.readyCount.load(ordering: .relaxed) > 0 }

    /// Stops the current thread until `resume`, unless `stillStopped`, asked after the announcement, says otherwise.
    public static func stopCurrent(if stillStopped: () -> Bool) {
        running.pointee.state.store(.stopped, ordering: .sequentiallyConsistent)
        if stillStopped() { sleepNow() } else { cancelSleep() }
    }

    /// Ends the current thread. Its last reference is dropped by whoever runs next.
    public static func exitCurrent() -> Never {
        let flags = lockOwnQueue()
        running.pointee.state.store(.dead, ordering: .releasing)
        switchAway(flags)
        panic("a dead thread ran")
    }

    /// Hands a new thread to the scheduler, which keeps it alive until it exits.
    public static func launch(_ thread: Thread) {
        _ = Unmanaged.passRetained(thread)
        thread.block.pointee.processor.store(Int(PerCPU.current.pointee.index), ordering: .relaxed)
        wake(thread)
    }

    // MARK: Interrupt side

    /// The timer interrupt: fires timers, charges the slice, asks for a switch when it is used up.
    public static func timerTick() {
        DeadlineTimer.fired()
        let now = machineMonotonicNanoseconds()
        Timers.expire(now: now)
        let flags = lockOwnQueue()
        let queue = ownQueue
        let block = queue.pointee.current
        charge(block, now: now)
        if !queue.pointee.isEmpty, block.pointee.sliceNanoseconds <= 0 || block == queue.pointee.idle {
            PerCPU.current.pointee.needsReschedule = true
        }
        queue.unlock()
        machineInterruptRestore(flags)
        programTimer()
    }

    /// Runs before the return to user mode when `needsReschedule` is set.
    public static func reschedule() {
        let flags = lockOwnQueue()
        PerCPU.current.pointee.needsReschedule = false
        let queue = ownQueue
        let block = queue.pointee.current
        charge(block, now: machineMonotonicNanoseconds())
        guard !queue.pointee.isEmpty else {
            if block.pointee.sliceNanoseconds <= 0 { block.pointee.sliceNanoseconds = block.pointee.fullSliceNanoseconds }
            queue.unlock()
            machineInterruptRestore(flags)
            return
        }
        block.pointee.state.store(.ready, ordering: .releasing)
        switchAway(flags)
    }

    /// Sets the one-shot timer for the earliest of: the next timer; the end of the slice, if someone waits for it.
    static func programTimer() {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        var deadline = Timers.earliest
        let queue = ownQueue
        if queue.pointee.readyCount.load(ordering: .relaxed) > 0 {
            let slice = max(queue.pointee.current.pointee.sliceNanoseconds, 100_000)
            deadline = min(deadline, machineMonotonicNanoseconds() &+ UInt64(slice))
        }
        DeadlineTimer.program(deadline)
    }

    /// The idle loop of this processor: waits for interrupts, runs whatever becomes ready.
    public static func idleLoop() -> Never {
        while true {
            let flags = lockOwnQueue()
            PerCPU.current.pointee.needsReschedule = false
            let queue = ownQueue
            if queue.pointee.isEmpty, let block = Placement.steal(for: queue) { queue.pointee.pushBack(block) }
            if !queue.pointee.isEmpty {
                switchAway(flags)
            } else {
                queue.unlock()
                machineInterruptRestore(flags)
                programTimer()
                CPU.waitForInterrupt { !PerCPU.current.pointee.needsReschedule }
            }
        }
    }

    // MARK: Queues and locks

    /// The block of the running thread.
    @inline(__always)
    static var running: ThreadReference {
        // SAFETY: set at boot and at each switch to a thread that is alive while it runs.
        ThreadReference(bitPattern: PerCPU.current.pointee.currentBlock)!
    }

    /// The queue of the processor that runs this. Interrupts are off, or it is only a hint.
    @inline(__always)
    private static var ownQueue: RunQueueReference {
        // SAFETY: set by `start`, and never freed.
        RunQueueReference(bitPattern: PerCPU.current.pointee.runQueue)!
    }

    @inline(__always)
    private static func lockOwnQueue() -> UInt {
        let flags = machineInterruptSave()
        ownQueue.lock()
        return flags
    }

    /// Locks the queue that a thread belongs to. Interrupts are off.
    private static func lockQueue(of block: ThreadReference) -> RunQueueReference {
        while true {
            let processor = block.pointee.processor.load(ordering: .acquiring)
            let queue = queue(processor)
            queue.lock()
            if block.pointee.processor.load(ordering: .relaxed) == processor { return queue }
            queue.unlock()
        }
    }

    private static func charge(_ block: ThreadReference, now: UInt64) {
        let ran = now &- block.pointee.lastStarted
        block.pointee.lastStarted = now
        block.pointee.runtimeNanoseconds &+= ran
        block.pointee.sliceNanoseconds -= Int64(ran)
    }

    // MARK: Switching

    /// Switches from the current thread, whose state says what becomes of it. The lock of this processor's queue is held. Returns
    /// when the thread runs again, perhaps on another processor.
    private static func switchAway(_ flags: UInt) {
        let now = machineMonotonicNanoseconds()
        let queue = ownQueue
        let block = queue.pointee.current
        charge(block, now: now)
        switch block.pointee.state.load(ordering: .acquiring) {
        case .ready:
            if block == queue.pointee.idle { break }
            if block.pointee.sliceNanoseconds <= 0 { block.pointee.sliceNanoseconds = block.pointee.fullSliceNanoseconds }
            queue.pointee.pushBack(block)
        case .running:
            if block == queue.pointee.idle { break }
            // Woken between the announcement and now: goes on, at once.
            queue.unlock()
            machineInterruptRestore(flags)
            return
        case .dead:
            queue.pointee.finished = block.pointee.thread
        case .sleeping, .sleepingUninterruptibly, .stopped:
            break
        }
        let next = queue.pointee.popFront() ?? Placement.steal(for: queue) ?? queue.pointee.idle
        next.pointee.state.store(.running, ordering: .releasing)
        next.pointee.lastStarted = now
        queue.pointee.current = next
        if next != block { contextSwitch(from: block, to: next) }
        finishSwitch()
        machineInterruptRestore(flags)
    }

    /// First thing on the new thread's stack: releases the queue, and what the old thread left.
    static func finishSwitch() {
        let queue = ownQueue
        let finished = queue.pointee.finished
        queue.pointee.finished = nil
        let needsTimer = queue.pointee.readyCount.load(ordering: .relaxed) > 0
        queue.unlock()
        if needsTimer { programTimer() }
        finished?.release()
    }
}
