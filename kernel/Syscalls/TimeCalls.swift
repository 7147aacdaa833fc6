import ABI
import Events
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
            let isCoarse = a.int32(0) == 5 || a.int32(0) == 6
            let resolution = TimeSpec(nanoseconds: isCoarse ? Clock.coarseNanoseconds : 1)
            if !a.address(1).isNull { try copyOut(resolution, to: a.address(1)) }
            return 0
        }
        table.set(.clockSettime) { (a) throws(Errno) in
            guard a.int32(0) == 0 else { throw .invalidArgument }
            guard let time = try copyIn(TimeSpec.self, from: a.address(1)).duration else { throw .invalidArgument }
            guard Process.current.credentials.isPrivileged else { throw .notPermitted }
            Clock.setRealtime(nanoseconds: time)
            TimerFile.clockWasSet()
            return 0
        }
        table.set(.settimeofday, setTimeOfDay)
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
            try sleep(clock: a.int32(0), isAbsolute: a.int32(1) & 1 != 0, request: a.address(2), remainder: a.address(3))
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

    private static func setTimeOfDay(_ a: SyscallArguments) throws(Errno) -> Int {
        var time: UInt64?
        if !a.address(0).isNull {
            let seconds = try copyIn(Int64.self, from: a.address(0))
            let micros = try copyIn(Int64.self, from: a.address(0) + 8)
            guard micros >= 0, micros < 1_000_000 else { throw .invalidArgument }
            time = TimeSpec(seconds: seconds, nanoseconds: micros * 1000).duration
            if time == nil { throw .invalidArgument }
        }
        // The time zone is the C library's business; an impossible one is refused all the same.
        if !a.address(1).isNull, abs(Int(try copyIn(Int32.self, from: a.address(1)))) > 15 * 60 { throw .invalidArgument }
        guard Process.current.credentials.isPrivileged else { throw .notPermitted }
        if let time {
            Clock.setRealtime(nanoseconds: time)
            TimerFile.clockWasSet()
        }
        return 0
    }

    /// The time of a clock in nanoseconds.
    static func now(_ clock: Int32) throws(Errno) -> UInt64 {
        switch clock {
        case 0: return Clock.realtime
        case 1, 7: return Clock.monotonic  // MONOTONIC, BOOTTIME: the machine is never suspended
        case 4: return Clock.monotonicRaw
        case 5: return Clock.realtimeCoarse
        case 6: return Clock.monotonicCoarse
        case 11: return Clock.atomicTime
        case 2: return Process.current.processorTime.total
        case 3: return currentThread.usedNanoseconds
        case ..<0: return try processorTime(clock)
        default: throw .invalidArgument
        }
    }

    /// A processor-time clock of another process or thread: its number is the complement of the id, above three bits of kind.
    private static func processorTime(_ clock: Int32) throws(Errno) -> UInt64 {
        let id = ~(clock >> 3)
        guard clock & 3 != 3 else { throw .invalidArgument }
        if clock & 4 != 0 {
            guard let thread = id == 0 ? UserThread.current : ProcessTable.thread(id), thread.process === Process.current else {
                throw .invalidArgument
            }
            return thread.usedNanoseconds
        }
        guard let process = id == 0 ? Process.current : ProcessTable.process(id) else { throw .invalidArgument }
        return process.processorTime.total
    }

    private static func sleep(
        clock: Int32, isAbsolute: Bool, request: UserAddress, remainder: UserAddress
    ) throws(Errno) -> Int {
        guard clock == 0 || clock == 1 || clock == 7 || clock == 11 else {
            // Clocks that exist, but that nobody can sleep by.
            throw clock < 0 || (2...9).contains(clock) ? .notSupported : .invalidArgument
        }
        guard let duration = try copyIn(TimeSpec.self, from: request).duration else { throw .invalidArgument }
        let thread = UserThread.current
        let start = Clock.monotonic
        var deadline: UInt64
        if isAbsolute {
            let offset = clock == 0 || clock == 11 ? Int64(bitPattern: Clock.realtime &- start) : 0
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
