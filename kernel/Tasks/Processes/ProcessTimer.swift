import ABI
import Processor
import Scheduling
import Support
import Synchronization

/// What a program's timer counts by.
public enum TimerClock: Equatable, Sendable {
    case monotonic, realtime, atomicTime
    /// Processor time of a process, of its part outside the kernel, or of a thread, by id.
    case process(Int32), processUser(Int32), thread(Int32)

    public var isProcessorTime: Bool {
        switch self {
        case .monotonic, .realtime, .atomicTime: false
        case .process, .processUser, .thread: true
        }
    }

    /// The clock's time in nanoseconds; nil when whose time it is has ended.
    public var now: UInt64? {
        switch self {
        case .monotonic: return machineMonotonicNanoseconds()
        case .realtime: return Clock.realtime
        case .atomicTime: return Clock.atomicTime
        case .process(let id): return ProcessTable.process(id)?.exactProcessorTime
        case .processUser(let id):
            guard let process = ProcessTable.process(id) else { return nil }
            let total = process.exactProcessorTime, system = process.processorTime.system
            return total > system ? total - system : 0
        case .thread(let id): return ProcessTable.thread(id)?.exactNanoseconds
        }
    }
}

extension Process {
    /// Processor time of all its threads up to now, also of those that run on other processors.
    public var exactProcessorTime: UInt64 {
        var total = exitedThreadNanoseconds.load(ordering: .relaxed)
        for thread in threads { total &+= thread.exactNanoseconds }
        return total
    }
}

/// A timer of a program that sends a signal: of timer_create(2), and the interval timers of setitimer(2) that count processor time.
///
/// A periodic timer of timer_create is armed again when its signal is taken, so however short its period, one signal is under way at most;
/// what was missed is the overrun count.
public final class ProcessTimer: KernelTimer {
    public enum Notification: Sendable {
        case none
        case process(Signal)
        case thread(Signal, id: Int32)
        /// Of setitimer: no timer is named, and the next period begins at once.
        case interval(Signal)
        /// RLIMIT_CPU, which has signals of its own.
        case limit

        var signal: Signal? {
            switch self {
            case .none: nil
            case .process(let signal), .thread(let signal, _), .interval(let signal): signal
            case .limit: .cpuLimit
            }
        }
    }

    struct State: ~Copyable {
        /// By its clock, in nanoseconds. Valid while `isSet`.
        var deadline: UInt64 = 0
        var interval: UInt64 = 0
        var isSet = false
        /// Its signal waits to be taken.
        var isPending = false
        /// It was deleted: whoever still has it must not touch the process.
        var isGone = false
        /// Periods that were missed before the last signal was taken.
        var overrun: UInt64 = 0
        /// The clock's time at the last look, and how long to wait for the next one: processor time stands still while nobody runs.
        var seen: UInt64 = 0
        var patience: UInt64 = 0
    }

    public let id: Int32
    public let clock: TimerClock
    private let notification: Notification
    private let value: UInt64
    /// It owns the timer, and disarms it before it goes.
    private unowned(unsafe) let process: Process
    private let state = SpinLock(State())

    /// Bounds of the wait until the processor time is looked at again.
    private static let shortestLook: UInt64 = 100_000, longestLook: UInt64 = 50_000_000
    /// How soon a timer whose signal nobody wants is armed again at the soonest.
    private static let ignoredPeriod: UInt64 = 10_000_000

    init(id: Int32, clock: TimerClock, notification: Notification, value: UInt64, process: Process) {
        (self.id, self.clock, self.notification, self.value) = (id, clock, notification, value)
        self.process = process
    }

    // MARK: Setting and reading

    /// The time left and the period, in nanoseconds; 0 when it is not set.
    public var setting: (remaining: UInt64, interval: UInt64) {
        let now = clock.now ?? 0
        return state.withLock { Self.setting($0, now: now, isSilent: notification.signal == nil) }
    }

    private static func setting(_ state: borrowing State, now: UInt64, isSilent: Bool) -> (remaining: UInt64, interval: UInt64) {
        guard state.isSet else { return (0, state.interval) }
        if state.deadline > now { return (state.deadline - now, state.interval) }
        if state.interval == 0 { return (isSilent || state.isPending ? 0 : 1, 0) }
        return (state.interval - (now - state.deadline) % state.interval, state.interval)
    }

    /// Sets the timer anew.
    /// - Parameter value: nanoseconds from now, or the moment by the clock; 0 switches it off.
    /// - Returns: the old setting.
    public func set(value: UInt64, interval: UInt64, isAbsolute: Bool) -> (remaining: UInt64, interval: UInt64) {
        disarm()
        discardSignal()
        let now = clock.now ?? 0
        let old = state.withLock { state in
            let old = Self.setting(state, now: now, isSilent: notification.signal == nil)
            state.interval = value == 0 ? 0 : interval
            state.isSet = value != 0
            state.isPending = false
            state.overrun = 0
            state.deadline = isAbsolute ? value : min(now &+ value, UInt64(Int64.max))
            (state.seen, state.patience) = (now, Self.shortestLook)
            return old
        }
        schedule(now)
        return old
    }

    /// The overrun count of the last signal.
    public var overrun: Int32 { Int32(clamping: state.withLock { $0.overrun }) }

    /// The time of day was set: a timer for a moment of it moves.
    func clockWasSet() {
        if clock == .realtime || clock == .atomicTime, isArmed { schedule(clock.now ?? 0) }
    }

    // MARK: Expiry

    /// Arms the kernel's timer for the deadline.
    private func schedule(_ now: UInt64) {
        guard notification.signal != nil, !state.withLock({ $0.isGone }) else { return }
        let threads = clock.isProcessorTime ? max(process.threads.count, 1) : 1
        let wait: UInt64? = state.withLock { state in
            guard state.isSet, !state.isPending, !state.isGone else { return nil }
            let left = state.deadline > now ? state.deadline - now : 0
            guard clock.isProcessorTime else { return left }
            // At full speed it cannot be sooner; while nothing runs the looks get rarer.
            state.patience = now > state.seen ? Self.shortestLook : min(state.patience * 2, Self.longestLook)
            state.seen = now
            return max(left / UInt64(min(threads, Processors.count)), state.patience)
        }
        guard let wait else { return }
        arm(at: machineMonotonicNanoseconds() &+ wait)
        // Deleted meanwhile, perhaps after it was disarmed for good.
        if state.withLock({ $0.isGone }) { disarm() }
    }

    /// Its signal, if it waits somewhere, is of the old setting.
    private func discardSignal() {
        guard let signal = notification.signal, state.withLock({ $0.isPending }) else { return }
        let threads = process.threads
        process.signals.state.withLock { state in
            state.pending.discardTimer(id, signal)
            for thread in threads { thread.pending.discardTimer(id, signal) }
        }
    }

    /// Ends the timer: after this it touches nothing any more, whoever still has it.
    func retire() {
        state.withLock { state in
            state.isGone = true
            state.isSet = false
        }
        disarmAndWait()
        discardSignal()
    }

    public override func fire() {
        guard !state.withLock({ $0.isGone }), let now = clock.now else { return }
        let isDue = state.withLock { $0.isSet && !$0.isPending && $0.deadline <= now }
        if isDue { expire(now) } else { schedule(now) }
    }

    private func expire(_ now: UInt64) {
        switch notification {
        case .none: return
        case .interval(let signal):
            ProcessTable.send(SignalInfo(signal), to: process)
            advance(now)
        case .limit:
            let next = process.reachedProcessorLimit(now)
            state.withLock { state in
                state.isSet = next != nil
                state.deadline = (next ?? 0) &* 1_000_000_000
            }
            schedule(now)
        case .process(let signal), .thread(let signal, _):
            let isIgnored = SignalState.isIgnored(signal, process.signals.action(signal))
            state.withLock { $0.isPending = true }
            var info = SignalInfo(signal, code: SignalInfo.timerCode)
            (info.pid, info.value) = (id, value)
            if isIgnored || !send(info) {
                state.withLock { $0.isPending = false }
                advance(now, least: Self.ignoredPeriod)
            }
        }
    }

    private func send(_ info: SignalInfo) -> Bool {
        guard case .thread(_, let target) = notification else { return ProcessTable.send(info, to: process) }
        guard let thread = ProcessTable.thread(target), thread.process === process else { return false }
        return ProcessTable.send(info, to: thread)
    }

    /// Its signal is being taken: the next period begins.
    /// - Returns: the overrun count.
    func signalWasTaken() -> Int32 {
        state.withLock { $0.isPending = false }
        advance(clock.now ?? 0)
        return overrun
    }

    /// Moves a periodic timer past `now`, counting the periods that were missed, and arms it; switches any other off.
    private func advance(_ now: UInt64, least: UInt64 = 0) {
        state.withLock { state in
            guard state.isSet else { return }
            guard state.interval > 0 else {
                state.isSet = false
                state.overrun = 0
                return
            }
            let missed = now > state.deadline ? (now - state.deadline) / state.interval : 0
            state.overrun = missed
            state.deadline = max(state.deadline &+ (missed + 1) &* state.interval, now &+ least)
        }
        schedule(now)
    }
}

extension SignalInfo {
    /// SI_TIMER: `pid` is the timer's number then, and `uid` its overrun count.
    static let timerCode: Int32 = -2
}
