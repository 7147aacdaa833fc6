import Processor
import Support
import Synchronization

@_extern(c, "martlet_preemption_disable")
private func machinePreemptionDisable()
@_extern(c, "martlet_preemption_enable")
private func machinePreemptionEnable()

/// When the kernel may take the processor from a thread that runs in the kernel.
///
/// That is: whenever interrupts are on and nobody on the processor has disabled it. Whoever holds a spin lock has interrupts off, so this
/// is for code that works on what belongs to the processor, or that others wait for by spinning, with interrupts on. It nests. The
/// thread must not sleep meanwhile.
public enum Preemption {
    /// Leaves threads in the kernel alone: only for a test that must show that it notices.
    nonisolated(unsafe) public static var isOffForTest = false

    @inline(__always)
    public static func disable() { machinePreemptionDisable() }

    /// Takes one `disable` back. What was to run meanwhile runs now.
    @inline(__always)
    public static func enable() {
        machinePreemptionEnable()
        // A hint if the thread is elsewhere by now: then it has been preempted already.
        if PerCPU.current.pointee.needsReschedule { Scheduler.preemptIfPermitted() }
    }

    /// Runs `body` with preemption disabled.
    @inline(__always)
    public static func withoutPreemption<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        disable()
        defer { enable() }
        return try body()
    }

    /// Whether the running thread may be preempted here, as far as this count says. For checks.
    public static var isDisabled: Bool { PerCPU.current.pointee.preemptionDepth != 0 }
}

extension Scheduler {
    /// Gives the processor to whom it is due in the middle of a thread's work in the kernel, on the way out of an interrupt.
    /// Interrupts are off.
    public static func preempt() {
        let own = PerCPU.current
        guard own.pointee.preemptionDepth == 0, !Preemption.isOffForTest, own.pointee.currentBlock != 0, own.pointee.runQueue != 0
        else { return }
        // The idle loop looks for itself; who is about to sleep gives the processor up anyway.
        guard !ownQueue.pointee.runsIdle, running.pointee.state.load(ordering: .relaxed) == .running else { return }
        reschedule()
    }

    /// The same from a place where interrupts may be on or off.
    @inline(never)
    static func preemptIfPermitted() {
        let flags = machineInterruptSave()
        if flags & 0x200 != 0, PerCPU.current.pointee.needsReschedule { preempt() }
        machineInterruptRestore(flags)
    }

    // MARK: How long others had to wait for it

    /// The longest, since `forgetDelays`, that a processor went on after it was asked to run another thread, in nanoseconds.
    public static var longestHold: UInt64 { longest { $0.pointee.longestHold.load(ordering: .relaxed) } }

    /// The longest, since `forgetDelays`, that a timer's interrupt came after its time: how long interrupts were off at most.
    public static var longestTimerDelay: UInt64 { longest { $0.pointee.longestTimerDelay.load(ordering: .relaxed) } }

    public static func forgetDelays() {
        for processor in 0..<Processors.count {
            Processors[processor].pointee.longestHold.store(0, ordering: .relaxed)
            Processors[processor].pointee.longestTimerDelay.store(0, ordering: .relaxed)
        }
    }

    private static func longest(_ delay: (UnsafeMutablePointer<PerCPUBlock>) -> UInt64) -> UInt64 {
        var result: UInt64 = 0
        for processor in 0..<Processors.count { result = max(result, delay(Processors[processor])) }
        return result
    }

    /// Notes that a processor is asked to run another thread.
    @inline(__always)
    static func noteRequest(_ processor: UnsafeMutablePointer<PerCPUBlock>, now: UInt64) {
        processor.pointee.rescheduleSince.store(now, ordering: .relaxed)
    }

    /// Notes that this processor does. Interrupts are off.
    @inline(__always)
    static func noteSwitch(_ own: UnsafeMutablePointer<PerCPUBlock>, now: UInt64) {
        let since = own.pointee.rescheduleSince.load(ordering: .relaxed)
        if since == 0 { return }
        own.pointee.rescheduleSince.store(0, ordering: .relaxed)
        // The clocks of two processors may differ a little.
        if now > since, now - since > own.pointee.longestHold.load(ordering: .relaxed) {
            own.pointee.longestHold.store(now - since, ordering: .relaxed)
        }
    }
}
