import ABI
import Support
import Synchronization

/// The time of day that files are stamped with.
public enum FileClock {
    /// Nanoseconds of the Unix epoch at which the monotonic clock was 0; set by whoever knows the time of day.
    public static let epochAtBoot = Atomic<UInt64>(0)

    public static var now: Timespec {
        Timespec(totalNanoseconds: epochAtBoot.load(ordering: .relaxed) &+ machineMonotonicNanoseconds())
    }
}

extension Timespec {
    @inlinable
    static func < (a: Timespec, b: Timespec) -> Bool {
        a.seconds < b.seconds || (a.seconds == b.seconds && a.nanoseconds < b.nanoseconds)
    }
}
