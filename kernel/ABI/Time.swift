/// `struct timespec` (`include/uapi/linux/time_types.h`, `__kernel_timespec`).
public struct Timespec: BitwiseCopyable, Equatable, Sendable {
    public var seconds: Int64
    public var nanoseconds: Int64

    @inlinable
    public init(seconds: Int64 = 0, nanoseconds: Int64 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// The time that lies `total` nanoseconds after the clock's origin.
    @inlinable
    public init(totalNanoseconds total: UInt64) {
        seconds = Int64(total / 1_000_000_000)
        nanoseconds = Int64(total % 1_000_000_000)
    }

    /// Whether the fraction is in range and the time not negative, as calls that take a duration demand.
    @inlinable
    public var isValidDuration: Bool { seconds >= 0 && nanoseconds >= 0 && nanoseconds < 1_000_000_000 }

    /// The duration in nanoseconds; the greatest representable one when it is longer.
    @inlinable
    public var clampedNanoseconds: UInt64 {
        if seconds >= 9_000_000_000 { return UInt64(Int64.max) }
        return UInt64(seconds) * 1_000_000_000 + UInt64(nanoseconds)
    }
}

/// `struct timeval`.
public struct Timeval: BitwiseCopyable, Equatable, Sendable {
    public var seconds: Int64
    public var microseconds: Int64

    @inlinable
    public init(seconds: Int64 = 0, microseconds: Int64 = 0) {
        self.seconds = seconds
        self.microseconds = microseconds
    }
}
