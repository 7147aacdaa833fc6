import ABI
import Processor

/// The time of day that files are stamped with.
public enum FileClock {
    public static var now: TimeSpec { TimeSpec(nanoseconds: Clock.realtime) }
}

extension TimeSpec {
    @inlinable
    static func < (a: TimeSpec, b: TimeSpec) -> Bool {
        a.seconds < b.seconds || (a.seconds == b.seconds && a.nanoseconds < b.nanoseconds)
    }
}
