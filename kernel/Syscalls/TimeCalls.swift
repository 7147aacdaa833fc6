import ABI
import Processes
import Processor
import Scheduling
import Support

/// Clocks, sleeping and interval timers.
public enum TimeCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.clockGettime) { (a) throws(Errno) in
            try copyOut(TimeSpec(nanoseconds: try now(a.int32(0))), to: a.address(1))
            return 0
        }
        table.set(.clockGetres) { (a) throws(Errno) in
            _ = try now(a.int32(0))
            if !a.address(1).isNull { try copyOut(TimeSpec(seconds: 0, nanoseconds: 1), to: a.address(1)) }
            return 0
        }
        table.set(.clockSettime) { (a) throws(Errno) in
            guard a.int32(0) == 0 else { throw .invalidArgument }
            guard let time = try copyIn(TimeSpec.self, from: a.address(1)).duration else { throw .invalidArgument }
            guard Process.current.credentials.isPrivileged else { throw .notPermitted }
            Clock.setRealtime(nanoseconds: time)
            return 0
        }
        table.set(.gettimeofday) { (a) throws(Errno) in
            if !a.address(0).isNull { try copyOut(TimeValue(nanoseconds: Clock.realtime), to: a.address(0)) }
            if !a.address(1).isNull { try copyOut(UInt64(0), to: a.address(1)) }
            return 0
        }
        table.set(.time) { (a) throws(Errno) in
            let seconds = Int(Clock.realtime / 1_000_000_000)
            if !a.address(0).isNull { try copyOut(seconds, to: a.address(0)) }
            return seconds
        }
        table.set(.nanosleep) { (a) throws(Errno) in
            try sleep(clock: 1, isAbsolute: false, request: a.address(0), remainder: a.address(1))
        }
        table.set(.clockNanosleep) { (a) throws(Errno) in
            guard a.int32(1) & ~1 == 0 else { throw .invalidArgument }
            return try sleep(clock: a.int32(0), isAbsolute: a.int32(1) & 1 != 0, request: a.address(2), remainder: a.address(3))
        }
        table.set(.alarm) { (a) throws(Errno) in
            let old = Process.current.realTimer.set(after: UInt64(a.uint32(0)) * 1_000_000_000, every: 0)
            return Int((old.remaining + 999_999_999) / 1_000_000_000)
        }
        table.set(.setitimer, setTimer)
        table.set(.getitimer) { (a) throws(Errno) in
            guard a.int32(0) >= 0, a.int32(0) <= 2 else { throw .invalidArgument }
            let current = a.int32(0) == 0 ? Process.current.realTimer.current : (0, 0)
            try copyOut(IntervalTimerValue(interval: current.1, value: current.0), to: a.address(1))
            return 0
        }
    }

    /// The time of a clock in nanoseconds.
    static func now(_ clock: Int32) throws(Errno) -> UInt64 {
        switch clock {
        case 0, 5: return Clock.realtime  // REALTIME, REALTIME_COARSE
        case 1, 4, 6, 7: return Clock.monotonic  // MONOTONIC, MONOTONIC_RAW, MONOTONIC_COARSE, BOOTTIME
        case 2: return Process.current.processorTime.total + currentThread.nanosecondsSinceCharge
        case 3: return currentThread.runtimeNanoseconds + currentThread.nanosecondsSinceCharge
        default: throw .invalidArgument
        }
    }

    private static func sleep(
        clock: Int32, isAbsolute: Bool, request: UserAddress, remainder: UserAddress
    ) throws(Errno) -> Int {
        guard clock == 0 || clock == 1 || clock == 7 else { throw clock == 3 ? .invalidArgument : .notSupported }
        guard let duration = try copyIn(TimeSpec.self, from: request).duration else { throw .invalidArgument }
        let thread = UserThread.current
        let start = Clock.monotonic
        var deadline: UInt64
        if isAbsolute {
            let offset = clock == 0 ? Int64(bitPattern: Clock.realtime &- start) : 0
            let target = Int64(clamping: duration) &- offset
            deadline = target > 0 ? UInt64(target) : 0
        } else {
            deadline = min(start &+ duration, UInt64(Int64.max))
            // A stop and continuation does not lengthen the sleep.
            if thread.restartDeadline != 0 { deadline = thread.restartDeadline }
        }
        thread.restartDeadline = 0
        do throws(Errno) {
            try WaitQueue().wait(deadline: deadline) { false }
        } catch {
            if error == .timedOut { return 0 }
            if !isAbsolute {
                if !remainder.isNull {
                    let now = Clock.monotonic
                    try copyOut(TimeSpec(nanoseconds: deadline > now ? deadline - now : 0), to: remainder)
                }
                thread.restartDeadline = deadline
            }
            throw .restartUnlessHandled
        }
        return 0
    }

    private static func setTimer(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.int32(0) >= 0, a.int32(0) <= 2 else { throw .invalidArgument }
        // Only the real-time timer exists; the others count processor time.
        guard a.int32(0) == 0 else { throw .notSupported }
        let timer = Process.current.realTimer
        let old: (remaining: UInt64, period: UInt64)
        if a.address(1).isNull {
            old = timer.set(after: 0, every: 0)
        } else {
            let new = try copyIn(IntervalTimerValue.self, from: a.address(1))
            guard let first = new.value.duration, let period = new.interval.duration else { throw .invalidArgument }
            old = timer.set(after: first, every: period)
        }
        if !a.address(2).isNull { try copyOut(IntervalTimerValue(interval: old.period, value: old.remaining), to: a.address(2)) }
        return 0
    }
}
