/// `struct timespec`.
public struct TimeSpec: BitwiseCopyable, Equatable, Sendable {
    public var seconds: Int64
    public var nanoseconds: Int64
    public init(seconds: Int64 = 0, nanoseconds: Int64 = 0) { self.seconds = seconds; self.nanoseconds = nanoseconds }
    public init(nanoseconds total: UInt64) {
        seconds = Int64(total / 1_000_000_000)
        nanoseconds = Int64(total % 1_000_000_000)
    }
    /// The duration in nanoseconds, saturating; nil when it is negative or not normalised.
    public var duration: UInt64? {
        guard seconds >= 0, nanoseconds >= 0, nanoseconds < 1_000_000_000 else { return nil }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return UInt64(Int64.max) }
        return min(product &+ UInt64(nanoseconds), UInt64(Int64.max))
    }
}

/// `struct timeval`.
public struct TimeValue: BitwiseCopyable, Sendable {
    public var seconds: Int64
    public var microseconds: Int64
    public init(nanoseconds total: UInt64) {
        seconds = Int64(total / 1_000_000_000)
        microseconds = Int64(total % 1_000_000_000 / 1000)
    }
    /// Nanoseconds; nil when negative or not normalised.
    public var duration: UInt64? {
        guard seconds >= 0, microseconds >= 0, microseconds < 1_000_000 else { return nil }
        return TimeSpec(seconds: seconds, nanoseconds: microseconds * 1000).duration
    }
}

/// `struct rusage`, of which only the times are kept.
public struct ResourceUsage: BitwiseCopyable, Sendable {
    public var userTime: TimeValue
    public var systemTime: TimeValue
    public var maximumResident: Int64 = 0
    var rest: (Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64) =
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    public init(userNanoseconds: UInt64, systemNanoseconds: UInt64) {
        userTime = TimeValue(nanoseconds: userNanoseconds)
        systemTime = TimeValue(nanoseconds: systemNanoseconds)
    }
}

/// `struct itimerval`.
public struct IntervalTimerValue: BitwiseCopyable, Sendable {
    public var interval: TimeValue
    public var value: TimeValue
    public init(interval: UInt64, value: UInt64) {
        self.interval = TimeValue(nanoseconds: interval)
        self.value = TimeValue(nanoseconds: value)
    }
}
