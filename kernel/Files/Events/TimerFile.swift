import ABI
import Files
import Processor
import Scheduling
import Support
import Synchronization

/// A timer that is read (timerfd_create(2)).
///
/// A periodic timer is armed again when it is read, not when it fires: however short its period, it causes one interrupt
/// a read at most, and the read counts what was missed.
public final class TimerFile: OpenFile {
    public enum Clock: Sendable { case monotonic, realtime }

    private let timer: FileTimer

    public init(_ clock: Clock, flags: OpenFlags) {
        timer = FileTimer(clock)
        super.init(flags: flags.union(.readWrite))
        if clock == .realtime { FileTimer.realtimeTimers.withLock { $0.append(timer) } }
    }

    deinit {
        timer.disarm()
        FileTimer.realtimeTimers.withLock { $0.removeAll { $0 === timer } }
    }

    /// The time of day was set: absolute timers move with it, and those that asked for it are cancelled.
    public static func clockWasSet() {
        for timer in FileTimer.realtimeTimers.withLock({ $0 }) { timer.clockWasSet() }
    }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        guard buffer.remaining >= 8 else { throw .invalidArgument }
        while true {
            var (ticks, isCancelled) = timer.takeTicks()
            if isCancelled { throw .canceled }
            if ticks != 0 {
                guard try buffer.fill(from: &ticks, count: 8) == 8 else { throw .badAddress }
                return 8
            }
            if isNonBlocking { throw .wouldBlock }
            try timer.readable.wait { timer.isReadable }
        }
    }

    public override func poll(_ registration: PollRegistration?) -> PollEvents {
        if let registration { registration.watch(timer.readable) }
        return timer.isReadable ? .input : []
    }

    /// `timerfd_settime`.
    /// - Returns: the old setting.
    public func set(_ new: IntervalTimerSpec, isAbsolute: Bool, cancelsOnSet: Bool) throws(Errno) -> IntervalTimerSpec {
        guard let value = new.value.duration, let interval = new.interval.duration else { throw .invalidArgument }
        return timer.set(value: value, interval: interval, isAbsolute: isAbsolute, cancelsOnSet: cancelsOnSet)
    }

    /// `timerfd_gettime`.
    public var setting: IntervalTimerSpec { timer.setting }
    /// It has no position: any move leaves it at 0.
    public override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 { 0 }
    public override var anonymousName: String { "anon_inode:[timerfd]" }
}

/// The timer of a `TimerFile`. It holds all its state itself, because it may fire while the file goes away.
final class FileTimer: KernelTimer {
    struct State: ~Copyable {
        /// Expirations not yet read.
        var ticks: UInt64 = 0
        /// Monotonic nanoseconds of the next expiration, or of the one that was last seen; 0 when disarmed.
        var deadline: UInt64 = 0
        var interval: UInt64 = 0
        /// It has fired and, being periodic, waits to be armed again.
        var hasExpired = false
        /// The time of day it is set for, if that is how it was set.
        var timeOfDay: UInt64?
        var cancelsOnSet = false
        var isCancelled = false
    }
    private let clock: TimerFile.Clock
    private let state = SpinLock(State())
    let readable = WaitQueue()

    static let realtimeTimers = SpinLock<[FileTimer]>([])

    init(_ clock: TimerFile.Clock) { self.clock = clock }

    override func fire() {
        state.withLock { state in
            state.ticks += 1
            state.hasExpired = true
        }
        readable.wake(events: PollEvents.input.rawValue)
    }

    var isReadable: Bool { state.withLock { $0.ticks > 0 || $0.isCancelled } }

    /// Takes the expirations, and starts the next period.
    func takeTicks() -> (ticks: UInt64, isCancelled: Bool) {
        let now = machineMonotonicNanoseconds()
        var next: UInt64?
        let result: (UInt64, Bool) = state.withLock { state in
            if state.isCancelled {
                state.isCancelled = false
                return (0, true)
            }
            if state.ticks == 0 { return (0, false) }
            next = Self.advance(&state, now: now)
            let ticks = state.ticks
            state.ticks = 0
            return (ticks, false)
        }
        if let next { arm(at: next) }
        return result
    }

    /// Moves an expired periodic timer past `now`, counting the periods.
    /// - Returns: the new deadline.
    private static func advance(_ state: inout State, now: UInt64) -> UInt64? {
        guard state.hasExpired, state.interval > 0 else { return nil }
        state.hasExpired = false
        // The expiration that fired is counted already; at least one period lies ahead.
        let missed = now > state.deadline ? (now - state.deadline) / state.interval : 0
        state.ticks += missed
        state.deadline = state.deadline &+ (missed + 1) &* state.interval
        return state.deadline
    }

    func set(value: UInt64, interval: UInt64, isAbsolute: Bool, cancelsOnSet: Bool) -> IntervalTimerSpec {
        disarm()
        let old = setting
        let now = machineMonotonicNanoseconds()
        disarm()
        let deadline: UInt64 = state.withLock { state in
            state.ticks = 0
            state.hasExpired = false
            state.isCancelled = false
            state.interval = interval
            state.timeOfDay = value != 0 && isAbsolute && clock == .realtime ? value : nil
            state.cancelsOnSet = state.timeOfDay != nil && cancelsOnSet
            if value == 0 {
                state.deadline = 0
            } else if let time = state.timeOfDay {
                state.deadline = Self.monotonic(time)
            } else {
                state.deadline = isAbsolute ? max(value, 1) : now &+ value
            }
            return state.deadline
        }
        if deadline != 0 { arm(at: deadline) }
        return old
    }

    var setting: IntervalTimerSpec {
        let now = machineMonotonicNanoseconds()
        var next: UInt64?
        let (remaining, interval): (UInt64, UInt64) = state.withLock { state in
            next = Self.advance(&state, now: now)
            let isRunning = state.deadline != 0 && !state.hasExpired
            let remaining = isRunning ? (state.deadline > now ? state.deadline - now : 1) : 0
            return (remaining, state.interval)
        }
        if let next { arm(at: next) }
        var spec = IntervalTimerSpec()
        spec.interval = TimeSpec(nanoseconds: interval)
        spec.value = TimeSpec(nanoseconds: remaining)
        return spec
    }

    /// When the time of day will be `time`; a moment after boot when that has been.
    private static func monotonic(_ time: UInt64) -> UInt64 {
        let offset = Clock.realtime &- Clock.monotonic
        return time > offset ? time - offset : 1
    }

    func clockWasSet() {
        var deadline: UInt64 = 0
        let wasCancelled = state.withLock { state in
            if let time = state.timeOfDay, !state.hasExpired {
                state.deadline = Self.monotonic(time)
                deadline = state.deadline
            }
            if state.cancelsOnSet { state.isCancelled = true }
            return state.cancelsOnSet
        }
        if deadline != 0 { arm(at: deadline) }
        if wasCancelled { readable.wake(events: PollEvents.input.rawValue) }
    }
}
