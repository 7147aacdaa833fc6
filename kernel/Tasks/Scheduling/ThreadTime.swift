import Processor
import Support

extension Thread {
    /// Processor time used up to now, in nanoseconds, wherever the thread runs. Unlike `usedNanoseconds` it looks into the queue of
    /// another processor.
    public final var exactNanoseconds: UInt64 {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        let queue = Scheduler.lockQueue(of: block)
        defer { queue.unlock() }
        let used = block.pointee.runtimeNanoseconds
        guard queue.pointee.current == block else { return used }
        let started = block.pointee.lastStarted, now = machineMonotonicNanoseconds()
        return now > started ? used &+ (now &- started) : used
    }
}
