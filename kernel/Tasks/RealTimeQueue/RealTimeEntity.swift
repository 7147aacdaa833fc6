/// Where the scheduler's real-time record of a thread lies. It stays at its place, and alive, as long as a queue knows it.
public typealias RealTimeReference = UnsafeMutablePointer<RealTimeEntity>

/// What the real-time policy knows of one thread.
public struct RealTimeEntity {
    /// 1 to 99, the greater first; 0 for a thread that is not of this class.
    public internal(set) var priority: UInt8 = 0
    /// Whether it takes turns with others of its priority (SCHED_RR) or runs until it gives the processor up (SCHED_FIFO).
    public internal(set) var takesTurns = false
    /// Whether it runs or waits to run on some queue.
    public internal(set) var isQueued = false

    /// What is left of its turn, in nanoseconds.
    var turnNanoseconds = RealTimeQueue.turnNanoseconds
    // Neighbours of the same priority, while it is queued.
    var previous: RealTimeReference?
    var next: RealTimeReference?

    public init() {}
}
