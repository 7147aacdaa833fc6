import FairQueue

/// The class of work that a thread is, by Linux's numbers (`include/uapi/linux/sched.h`).
public enum SchedulingPolicy: UInt8, Sendable {
    /// Gets a share by its nice value.
    case normal = 0
    /// As `normal`; the program says that it computes much and answers nobody.
    case batch = 3
    /// Runs on what others leave: it has the least weight of all.
    case idle = 5
}

/// What the scheduler is told of a thread.
public struct SchedulingParameters: Sendable {
    public var policy = SchedulingPolicy.normal
    /// −20 to 19; it says nothing while the policy is `idle`.
    public var nice: Int8 = 0
    /// How long the thread wants to run at once; brought into limits.
    public var sliceNanoseconds: UInt64
    /// Whether threads that it makes start as ordinary ones.
    public var resetsOnFork = false

    /// The slice of a thread that asks for none in particular.
    public static var usualSliceNanoseconds: UInt64 { FairQueue.baseSliceNanoseconds }

    /// What a thread or process gets that a thread with these parameters makes.
    public var inherited: SchedulingParameters {
        guard resetsOnFork else { return self }
        var result = self
        result.nice = max(result.nice, 0)
        result.resetsOnFork = false
        return result
    }
}
