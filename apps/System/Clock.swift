import CLibc

/// Times of the system's clocks, in nanoseconds.
public enum Clock {
    /// Since an arbitrary point, never set back: for intervals and deadlines.
    public static var monotonicNanoseconds: Int64 { now(1) }

    /// Since 1970, coordinated universal time: for display.
    public static var realtimeNanoseconds: Int64 { now(0) }

    private static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        _ = clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Sleeps at least this long.
    public static func sleep(nanoseconds: Int64) {
        var request = timespec(nanoseconds: nanoseconds)
        var rest = timespec()
        while nanosleep(&request, &rest) != 0, lastError() == .interrupted { request = rest }
    }
}

extension timespec {
    init(nanoseconds: Int64) {
        let positive = max(nanoseconds, 0)
        self.init()
        tv_sec = .init(positive / 1_000_000_000)
        tv_nsec = .init(positive % 1_000_000_000)
    }
}
