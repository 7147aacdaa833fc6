import FairQueue
import Processor
import RealTimeQueue
import Support
import Synchronization

/// What the scheduler is told of threads: parameters, groups, processors.
extension Scheduler {
    static func parameters(of block: ThreadReference) -> SchedulingParameters {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        let queue = lockQueue(of: block)
        defer { queue.unlock() }
        return block.pointee.parameters
    }

    /// Changes some of a thread's parameters, all at once for others.
    static func change(_ block: ThreadReference, _ change: (inout SchedulingParameters) -> Void) {
        reconsider(block) {
            change(&$0.pointee.parameters)
            let slice = $0.pointee.parameters.sliceNanoseconds
            $0.pointee.parameters.sliceNanoseconds = FairQueue.clampSlice(slice)
        }
    }

    /// Changes what is said of a thread, with its queue locked, and has its processor act on it at once.
    static func reconsider(_ block: ThreadReference, _ change: (ThreadReference) -> Void) {
        let flags = machineInterruptSave()
        let queue = lockQueue(of: block)
        let now = machineMonotonicNanoseconds()
        queue.pointee.reconsider(block, now: now, change)
        if queue.pointee.hasWaiting, queue.pointee.shouldPreempt(now: now) { requestReschedule(queue.pointee.processor) }
        queue.unlock()
        machineInterruptRestore(flags)
    }

    /// Restricts a thread to some processors; if it is on another one it leaves that at once.
    /// - Parameter allowed: bits by number, at least one of a processor that runs.
    public static func setAllowedProcessors(of thread: Thread, to allowed: UInt64) {
        let flags = machineInterruptSave()
        let block = thread.block
        block.pointee.allowedProcessors.store(allowed, ordering: .releasing)
        let queue = lockQueue(of: block)
        let isMisplaced = !block.pointee.mayRun(on: queue.pointee.processor)
        if isMisplaced { requestReschedule(queue.pointee.processor) }
        queue.unlock()
        machineInterruptRestore(flags)
        if isMisplaced, block == running { yield() }
    }

    /// Makes a thread one of a group.
    public static func setGroup(of thread: Thread, to group: SchedulingGroup) {
        let new = Unmanaged.passRetained(group)
        var old: Unmanaged<SchedulingGroup>?
        reconsider(thread.block) { block in
            old = block.pointee.group
            if block.pointee.isCounted {
                old?._withUnsafeGuaranteedRef { _ = $0.runnable.wrappingSubtract(1, ordering: .relaxed) }
            }
            block.pointee.isCounted = block.pointee.fair.isQueued || block.pointee.realTime.isQueued
            if block.pointee.isCounted { group.runnable.wrappingAdd(1, ordering: .relaxed) }
            block.pointee.group = new
        }
        old?.release()
    }

    /// Gives a new thread, which nobody knows yet, what it takes from the one that makes it, the running one: parameters, processors, group.
    public static func inherit(_ thread: Thread, from parent: Thread) {
        let flags = machineInterruptSave()
        let queue = lockQueue(of: parent.block)
        let parameters = parent.block.pointee.parameters.forChild
        let group = parent.block.pointee.group?.retain()
        let allowed = parent.block.pointee.allowedProcessors.load(ordering: .relaxed)
        queue.unlock()
        machineInterruptRestore(flags)
        let block = thread.block
        block.pointee.group = group
        block.pointee.allowedProcessors.store(allowed, ordering: .relaxed)
        block.pointee.parameters = parameters
        block.pointee.fair.setSlice(nanoseconds: parameters.sliceNanoseconds)
        if parameters.policy.isRealTime {
            let takesTurns = parameters.policy == .roundRobin
            RealTimeQueue.set(block.realTime, priority: parameters.realTimePriority, takesTurns: takesTurns)
        }
    }
}
