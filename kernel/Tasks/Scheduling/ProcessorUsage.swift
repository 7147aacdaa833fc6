import Processor
import Support
import Synchronization

/// What a processor has done since it started, in nanoseconds.
public struct ProcessorUsage: Sendable {
    public var user: UInt64 = 0
    /// For programs in the kernel, and for threads of the kernel.
    public var system: UInt64 = 0
    public var idle: UInt64 = 0
    /// How often it went from one thread to another.
    public var switches: UInt64 = 0
    public init() {}

    public static func += (a: inout Self, b: Self) {
        a.user &+= b.user
        a.system &+= b.system
        a.idle &+= b.idle
        a.switches &+= b.switches
    }
}

extension Scheduler {
    /// The account of a processor that runs.
    public static func usage(of processor: Int) -> ProcessorUsage {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        let queue = queue(processor)
        queue.lock()
        defer { queue.unlock() }
        let now = machineMonotonicNanoseconds()
        let current = queue.pointee.current
        let started = current.pointee.lastStarted
        let uncharged = now > started ? now &- started : 0
        let busy = queue.pointee.busyNanoseconds &+ (queue.pointee.runsIdle ? 0 : uncharged)
        var usage = ProcessorUsage()
        usage.system = min(Clock.nanoseconds(ofTicks: Processors[processor].pointee.systemTicks), busy)
        usage.user = busy - usage.system
        usage.idle = queue.pointee.idle.pointee.runtimeNanoseconds &+ (queue.pointee.runsIdle ? uncharged : 0)
        usage.switches = queue.pointee.switchCount
        return usage
    }

    /// Threads that run or wait for a processor, all in all. A hint: it may change at once.
    public static var runnableCount: Int {
        var count = 0
        for processor in 0..<Processors.count {
            let queue = queue(processor)
            count += queue.pointee.waitingCount.load(ordering: .relaxed) + (queue.pointee.runsIdle ? 0 : 1)
        }
        return count
    }

    /// Since when, by the time-stamp counter, a processor has been in the kernel without a switch of threads; 0 when it is in user mode or idle. A hint.
    public static func kernelStay(on processor: Int) -> UInt64 {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        let queue = queue(processor)
        // A queue is locked for a moment only, and while it is, its processor is in motion.
        guard queue.tryLock() else { return 0 }
        defer { queue.unlock() }
        return queue.pointee.runsIdle ? 0 : queue.pointee.current.pointee.kernelSince
    }
}
