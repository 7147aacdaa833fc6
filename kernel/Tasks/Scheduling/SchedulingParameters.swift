import FairQueue
import RealTimeQueue

/// The class of work that a thread is, by Linux's numbers (`include/uapi/linux/sched.h`).
public enum SchedulingPolicy: UInt8, Sendable {
    /// Gets a share by its nice value.
    case normal = 0
    /// Runs before all ordinary threads, by priority, until it sleeps or gives the processor up.
    case fifo = 1
    /// The same, taking turns with threads of the same priority.
    case roundRobin = 2
    /// As `normal`; the program says that it computes much and answers nobody.
    case batch = 3
    /// Runs on what others leave: it has the least weight of all.
    case idle = 5

    public var isRealTime: Bool { self == .fifo || self == .roundRobin }
}

/// What the scheduler is told of a thread.
public struct SchedulingParameters: Sendable {
    public var policy = SchedulingPolicy.normal
    /// −20 to 19; it says nothing while the policy is `idle` or a real-time one.
    public var nice: Int8 = 0
    /// 1 to 99, the greater first, for real-time policies; 0 for the others.
    public var realTimePriority: UInt8 = 0
    /// How long the thread wants to run at once; brought into limits. Real-time policies have nothing of the kind.
    public var sliceNanoseconds: UInt64
    /// Whether threads that it makes start as ordinary ones.
    public var resetsOnFork = false

    /// The slice of a thread that asks for none in particular.
    public static var usualSliceNanoseconds: UInt64 { FairQueue.baseSliceNanoseconds }
    /// The turn of a thread of `roundRobin`.
    public static var turnNanoseconds: UInt64 { RealTimeQueue.turnNanoseconds }

    /// What a thread or process gets that a thread with these parameters makes.
    public var forChild: SchedulingParameters {
        guard resetsOnFork else { return self }
        var result = self
        if policy.isRealTime { (result.policy, result.realTimePriority, result.nice) = (.normal, 0, 0) }
        result.nice = max(result.nice, 0)
        result.resetsOnFork = false
        return result
    }

    /// How urgent it is by itself.
    var urgency: Urgency {
        if policy.isRealTime { return Urgency(realTimePriority: realTimePriority) }
        return policy == .idle ? .idle : Urgency(nice: nice)
    }
}
