import FairQueue
import Processor
import Support
import Synchronization

/// Chooses which thread runs: by earliest eligible virtual deadline (`FairQueue`), which gives everybody a share by nice value and
/// lets those that need little have it soon.
///
/// Each processor has a queue of its own. A thread that wakes goes to an idle processor, best the one that it ran on last; a
/// processor that has nothing to do takes from one that has too much (`Placement`).
public enum Scheduler {
    // By processor. Written once for each, before it runs threads.
    nonisolated(unsafe) private static var queues = InlineArray<64, RunQueueReference?>(repeating: nil)

    static func queue(_ processor: Int) -> RunQueueReference { queues[processor]! }

    /// Makes the code that runs here the idle thread of this processor. Interrupts are off.
    /// - Parameter idle: stands for it. Nothing ever starts at its entry.
    public static func start(idle: Thread) {
        let own = PerCPU.current
        let block = idle.block
        _ = Unmanaged.passRetained(idle)
        block.checkLayout()
        block.pointee.state.store(.running, ordering: .releasing)
        block.pointee.lastStarted = machineMonotonicNanoseconds()
        block.pointee.kernelSince = 0
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
    public static func sleepNow() {
        #if LOCKDEP
            lockCheckMaySleep()
        #endif
        switchAway(lockOwnQueue())
    }

    /// Makes a sleeping thread ready. Callable in any context.
    /// - Returns: false when it was not asleep.
    @discardableResult
    public static func wake(_ thread: Thread) -> Bool { wake(thread.block) }

    @discardableResult
    static func wake(_ block: ThreadReference) -> Bool { wake(block, from: .sleeping, .sleepingUninterruptibly) }

    /// Makes a thread ready only if it sleeps interruptibly, and one that runs look at what there is for it: what a signal does.
    public static func interrupt(_ thread: Thread) {
        thread.markInterrupted()
        // The running thread sees the mark before it sleeps or leaves the kernel, unless it is about to sleep right now.
        if thread.block == running, thread.state == .running { return }
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
        let last = queue.pointee.processor
        let target = Placement.processor(for: block, last: last)
        if target != last {
            // Ready, but in no queue: nobody else touches it meanwhile.
            block.pointee.processor.store(target, ordering: .releasing)
            queue.unlock()
            queue = self.queue(target)
            queue.lock()
        }
        add(block, to: queue, isForeign: target != last)
        queue.unlock()
        return true
    }

    /// Puts a ready thread into a queue and makes the queue's processor consider it. The lock is held, and released by the caller.
    private static func add(_ block: ThreadReference, to queue: RunQueueReference, isForeign: Bool) {
        let now = machineMonotonicNanoseconds()
        queue.pointee.add(block, isForeign: isForeign, now: now)
        // Another processor's timer can only be set there.
        if queue.pointee.shouldPreempt(now: now) || queue != ownQueue {
            requestReschedule(queue.pointee.processor)
        } else {
            programSliceEnd(PerCPU.current)
        }
    }

    static func requestReschedule(_ processor: Int) {
        let target = Processors[processor]
        if target.pointee.needsReschedule { return }
        noteRequest(target, now: machineMonotonicNanoseconds())
        target.pointee.needsReschedule = true
        if target != PerCPU.current { Interrupts.sendReschedule(to: processor) }
    }

    /// Gives the processor to the next ready thread, if any (sched_yield, end of slice).
    public static func yield() {
        let flags = lockOwnQueue()
        let queue = ownQueue
        let now = machineMonotonicNanoseconds()
        queue.pointee.charge(now: now)
        queue.pointee.yieldCurrent()
        queue.pointee.current.pointee.state.store(.ready, ordering: .releasing)
        switchAway(flags, now: now)
    }

    /// Whether another thread could run on this processor now. A hint: it may change at once.
    public static var hasReadyThreads: Bool { ownQueue.pointee.waitingCount.load(ordering: .relaxed) > 0 }

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
        let now = machineMonotonicNanoseconds()
        DeadlineTimer.fired(now: now)
        Timers.expire(now: now)
        let flags = lockOwnQueue()
        let queue = ownQueue
        let isDone = queue.pointee.charge(now: now)
        queue.pointee.noteChange(now)
        let helper = queue.pointee.hasWaiting ? Placement.balance(from: queue, now: now) : nil
        if queue.pointee.hasWaiting, isDone || queue.pointee.shouldPreempt(now: now) {
            requestReschedule(queue.pointee.processor)
        }
        queue.unlock()
        if let helper { requestReschedule(helper) }
        machineInterruptRestore(flags)
        programTimer()
    }

    /// Gives the processor to whom it is due: before the return to user mode when `needsReschedule` is set, and in `preempt`.
    public static func reschedule() {
        let flags = lockOwnQueue()
        running.pointee.state.store(.ready, ordering: .releasing)
        switchAway(flags)
    }

    /// Sets the one-shot timer for the earliest of: the next timer; the end of the slice, if someone waits for it.
    static func programTimer() {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        DeadlineTimer.program(min(Timers.earliest, ownQueue.pointee.sliceEnd.load(ordering: .relaxed)))
    }

    /// Makes sure that the timer's interrupt comes by the end of the slice. One that comes earlier stays: it finds nothing to do and sets
    /// the timer anew, which costs less than setting it at every switch. Interrupts are off.
    @inline(__always)
    private static func programSliceEnd(_ own: UnsafeMutablePointer<PerCPUBlock>) {
        if ownQueue(of: own).pointee.sliceEnd.load(ordering: .relaxed) < own.pointee.programmedDeadline { programTimer() }
    }

    /// The idle loop of this processor: waits for interrupts, runs whatever becomes ready.
    public static func idleLoop() -> Never {
        while true {
            let flags = lockOwnQueue()
            let queue = ownQueue
            if queue.pointee.hasWaiting || Placement.steal(for: queue) {
                switchAway(flags)
            } else {
                PerCPU.current.pointee.needsReschedule = false
                PerCPU.current.pointee.rescheduleSince.store(0, ordering: .relaxed)
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
        ThreadReference(bitPattern: PerCPU.currentBlock).unsafelyUnwrapped
    }

    /// The queue of the processor that runs this. Interrupts are off, or it is only a hint.
    @inline(__always)
    static var ownQueue: RunQueueReference { ownQueue(of: PerCPU.current) }

    @inline(__always)
    private static func ownQueue(of processor: UnsafeMutablePointer<PerCPUBlock>) -> RunQueueReference {
        // SAFETY: set by `start`, and never freed.
        RunQueueReference(bitPattern: processor.pointee.runQueue).unsafelyUnwrapped
    }

    @inline(__always)
    private static func lockOwnQueue() -> UInt {
        let flags = machineInterruptSave()
        ownQueue.lock()
        return flags
    }

    /// Locks the queue that a thread belongs to. Interrupts are off.
    static func lockQueue(of block: ThreadReference) -> RunQueueReference {
        while true {
            let processor = block.pointee.processor.load(ordering: .acquiring)
            let queue = queue(processor)
            queue.lock()
            if block.pointee.processor.load(ordering: .relaxed) == processor { return queue }
            queue.unlock()
        }
    }

    // MARK: Switching

    /// Switches from the current thread, whose state says what becomes of it. The lock of this processor's queue is held. Returns
    /// when the thread runs again, perhaps on another processor.
    private static func switchAway(_ flags: UInt, now: UInt64 = machineMonotonicNanoseconds()) {
        let own = PerCPU.current
        let queue = ownQueue(of: own)
        let block = queue.pointee.current
        queue.pointee.charge(now: now)
        queue.pointee.chargeKernel(own)
        if block != queue.pointee.idle {
            switch block.pointee.state.load(ordering: .acquiring) {
            case .ready:
                if !block.pointee.mayRun(on: queue.pointee.processor) { queue.pointee.expelCurrent() }
            case .running:
                // Woken between the announcement and now: goes on, at once.
                queue.unlock()
                machineInterruptRestore(flags)
                return
            case .dead:
                queue.pointee.removeCurrent()
                queue.pointee.finished = block.pointee.thread
            case .sleeping, .sleepingUninterruptibly, .stopped:
                queue.pointee.removeCurrent()
            }
        }
        own.pointee.needsReschedule = false
        noteSwitch(own, now: now)
        var next = queue.pointee.pick(now: now)
        if next == nil, Placement.steal(for: queue) {
            next = queue.pointee.pick(now: now)
        } else if next?.pointee.isRealTime == false, Placement.stealRealTime(for: queue) {
            next = queue.pointee.pick(now: now)
        }
        let chosen = next ?? queue.pointee.idle
        chosen.pointee.state.store(.running, ordering: .releasing)
        queue.pointee.setCurrent(chosen, now: now)
        if chosen != block { contextSwitch(from: block, to: chosen, on: own) }
        finishSwitch()
        machineInterruptRestore(flags)
    }

    /// First thing on the new thread's stack: releases the queue, and what the old thread left.
    static func finishSwitch() {
        let own = PerCPU.current
        let queue = ownQueue(of: own)
        let finished = queue.pointee.finished
        queue.pointee.finished = nil
        let departing = queue.pointee.departing
        queue.pointee.departing = nil
        let needsTimer = queue.pointee.hasWaiting
        if let departing {
            let target = Placement.processor(for: departing, last: queue.pointee.processor)
            departing.pointee.processor.store(target, ordering: .releasing)
        }
        queue.unlock()
        if needsTimer { programSliceEnd(own) }
        if let departing { admit(departing) }
        finished?.release()
    }

    /// Puts a ready thread that is in no queue into that of its processor. Interrupts are off.
    private static func admit(_ block: ThreadReference) {
        let queue = lockQueue(of: block)
        add(block, to: queue, isForeign: true)
        queue.unlock()
    }
}
