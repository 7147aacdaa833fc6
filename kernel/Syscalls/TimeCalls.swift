import ABI
import Events
import Processes
import Processor
import Scheduling
import Support
import Synchronization

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
            if a.int32(0) < 0, a.int32(0) & 3 != 3 {
                // Nobody sets processor time, but the clock must be there.
                _ = try timerClock(a.int32(0))
                throw .notPermitted
            }
            guard a.int32(0) == 0 else { throw .invalidArgument }
            guard let time = try copyIn(TimeSpec.self, from: a.address(1)).duration else { throw .invalidArgument }
            guard Process.current.credentials.isPrivileged else { throw .notPermitted }
            setRealtime { Clock.setRealtime(nanoseconds: time) }
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
        TimerCalls.register(&table)
        ClockAdjustment.register(&table)
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
        if let time { setRealtime { Clock.setRealtime(nanoseconds: time) } }
        return 0
    }

    /// Counts how often the time of day was set, and wakes those who sleep until a moment of it.
    private static let settings = Atomic<UInt64>(0)
    // It protects itself.
    nonisolated(unsafe) private static let settingQueue = WaitQueue()

    /// Sets the time of day, and tells whoever has timers by it.
    static func setRealtime(_ change: () -> Void) {
        change()
        settings.wrappingAdd(1, ordering: .releasing)
        TimerFile.clockWasSet()
        ProcessTimers.clockWasSet()
        settingQueue.wake()
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
        case 2: return Process.current.exactProcessorTime
        case 3: return currentThread.usedNanoseconds
        case 8: return Clock.realtime  // those of alarms, which would wake a sleeping machine
        case 9: return Clock.monotonic
        case ..<0:
            guard let time = try timerClock(clock).now else { throw .invalidArgument }
            return time
        default: throw .invalidArgument
        }
    }

    /// What a timer counts by. A processor-time clock of another process or thread has the complement of the id as its number, above
    /// three bits of kind.
    static func timerClock(_ clock: Int32) throws(Errno) -> TimerClock {
        switch clock {
        case 0, 8: return .realtime
        case 1, 7, 9: return .monotonic
        case 11: return .atomicTime
        case 2: return .process(Process.current.pid)
        case 3: return .thread(UserThread.current.id)
        case 4, 5, 6: throw .notSupported
        case ..<0: break
        default: throw .invalidArgument
        }
        let id = ~(clock >> 3)
        guard clock & 3 != 3 else { throw .invalidArgument }
        if clock & 4 != 0 {
            guard let thread = id == 0 ? UserThread.current : ProcessTable.thread(id), thread.process === Process.current else {
                throw .invalidArgument
            }
            return .thread(thread.id)
        }
        guard let process = id == 0 ? Process.current : ProcessTable.process(id) else { throw .invalidArgument }
        let kind = clock & 3
        return kind == 1 ? .processUser(process.pid) : .process(process.pid)
    }

    private static func sleep(
        clock: Int32, isAbsolute: Bool, request: UserAddress, remainder: UserAddress
    ) throws(Errno) -> Int {
        // Clocks that exist, but that nobody can sleep by; a thread cannot wait for its own processor time.
        if clock == 3 { throw .notSupported }
        let source = try timerClock(clock)
        if case .thread(let id) = source, id == UserThread.current.id { throw .invalidArgument }
        guard let duration = try copyIn(TimeSpec.self, from: request).duration else { throw .invalidArgument }
        if source.isProcessorTime { return try sleep(byProcessorTime: source, isAbsolute, duration, remainder) }
        let thread = UserThread.current
        if isAbsolute {
            try sleep(until: duration, by: source)
            return 0
        }
        var deadline = min(Clock.monotonic &+ duration, UInt64(Int64.max))
        // A stop and continuation does not lengthen the sleep.
        if thread.restartDeadline != 0 { deadline = thread.restartDeadline }
        thread.restartDeadline = 0
        do throws(Errno) {
            try WaitQueue().wait(deadline: deadline) { false }
        } catch {
            if error == .timedOut { return 0 }
            if !remainder.isNull {
                let now = Clock.monotonic
                try copyOut(TimeSpec(nanoseconds: deadline > now ? deadline - now : 0), to: remainder)
            }
            thread.restartDeadline = deadline
            throw .restartUnlessHandled
        }
        return 0
    }

    /// Sleeps until a moment. When the time of day is set meanwhile, the moment comes sooner or later.
    private static func sleep(until moment: UInt64, by source: TimerClock) throws(Errno) {
        while true {
            let round = settings.load(ordering: .acquiring)
            let monotonic = Clock.monotonic
            let now = source.now ?? 0
            let deadline = moment > now ? min(monotonic &+ (moment - now), UInt64(Int64.max)) : 0
            do throws(Errno) {
                if source == .monotonic {
                    try WaitQueue().wait(deadline: deadline) { false }
                } else {
                    try settingQueue.wait(deadline: deadline) { settings.load(ordering: .acquiring) != round }
                }
            } catch {
                guard error == .timedOut else { throw .restartUnlessHandled }
                // The two clocks were read one after the other, and much time may have passed in between.
                if source.now ?? .max >= moment { return }
            }
        }
    }

    /// Sleeps until others have used processor time. Nobody says when they do, so it looks again and again.
    private static func sleep(
        byProcessorTime source: TimerClock, _ isAbsolute: Bool, _ duration: UInt64, _ remainder: UserAddress
    ) throws(Errno) -> Int {
        guard let start = source.now else { throw .invalidArgument }
        let end = isAbsolute ? duration : start &+ duration
        while let now = source.now, now < end {
            let pause = min(max((end - now) / UInt64(Processors.count), 1_000_000), 20_000_000)
            do throws(Errno) {
                try WaitQueue().wait(deadline: Clock.monotonic &+ pause) { false }
            } catch {
                if error == .timedOut { continue }
                if !isAbsolute, !remainder.isNull { try copyOut(TimeSpec(nanoseconds: end - now), to: remainder) }
                throw .interrupted
            }
        }
        return 0
    }
}
