import ABI
import Scheduling
import Support

/// The timers of a process. Most processes have none, and then not even this object.
public final class ProcessTimers {
    private struct State: ~Copyable {
        var timers: [ProcessTimer] = []
        var nextID: Int32 = 0
        var virtual: ProcessTimer?
        var profiling: ProcessTimer?
        /// Watches RLIMIT_CPU.
        var limit: ProcessTimer?
    }
    private let state = SpinLock(State())
    private unowned(unsafe) let process: Process
    /// The most that a process may have.
    private static let limit = 1024
    /// The sets that have had timers by the time of day, to be told when it is set. A process takes its own off at its end.
    private static let all = SpinLock<[ProcessTimers]>([])

    init(_ process: Process) {
        self.process = process
    }

    /// `timer_create`.
    /// - Throws: `wouldBlock` when there are too many.
    /// - Parameter value: what the signal carries; nil for the timer's number.
    public func create(_ clock: TimerClock, _ notification: ProcessTimer.Notification, value: UInt64?) throws(Errno)
        -> ProcessTimer
    {
        let id: Int32? = state.withLock { state in
            guard state.timers.count < Self.limit else { return nil }
            var id = state.nextID
            while state.timers.contains(where: { $0.id == id }) { id = id == .max ? 0 : id + 1 }
            state.nextID = id == .max ? 0 : id + 1
            return id
        }
        guard let id else { throw .wouldBlock }
        let timer = ProcessTimer(
            id: id, clock: clock, notification: notification, value: value ?? UInt64(id), process: process)
        state.withLock { $0.timers.append(timer) }
        Self.all.withLock { all in if !all.contains(where: { $0 === self }) { all.append(self) } }
        return timer
    }

    public func timer(_ id: Int32) throws(Errno) -> ProcessTimer {
        guard let timer = state.withLock({ state in state.timers.first { $0.id == id } }) else { throw .invalidArgument }
        return timer
    }

    /// `timer_delete`.
    public func delete(_ id: Int32) throws(Errno) {
        let timer: ProcessTimer? = state.withLock { state in
            guard let index = state.timers.firstIndex(where: { $0.id == id }) else { return nil }
            return state.timers.remove(at: index)
        }
        guard let timer else { throw .invalidArgument }
        timer.retire()
    }

    /// The timer of `setitimer` with ITIMER_VIRTUAL or ITIMER_PROF.
    public func interval(countsKernel: Bool) -> ProcessTimer {
        let known = state.withLock { countsKernel ? $0.profiling : $0.virtual }
        if let known { return known }
        let clock = countsKernel ? TimerClock.process(process.pid) : .processUser(process.pid)
        let signal = Signal(countsKernel ? 27 : 26)!
        let made = ProcessTimer(id: -1, clock: clock, notification: .interval(signal), value: 0, process: process)
        return state.withLock { state in
            let known = countsKernel ? state.profiling : state.virtual
            if let known { return known }
            if countsKernel { state.profiling = made } else { state.virtual = made }
            return made
        }
    }

    /// Makes the timer of RLIMIT_CPU look at the limit anew. Its seconds are of processor time.
    func watchLimit(seconds: UInt64) {
        let known = state.withLock { $0.limit }
        if known == nil, seconds == ResourceLimits.infinity { return }
        let made = known ?? ProcessTimer(id: -1, clock: .process(process.pid), notification: .limit, value: 0, process: process)
        let timer = state.withLock { state in
            let timer = state.limit ?? made
            state.limit = timer
            return timer
        }
        // 0 is soon, not never.
        let end = seconds > UInt64(Int64.max) / 1_000_000_000 ? 0 : max(seconds * 1_000_000_000, 1)
        _ = timer.set(value: end, interval: 0, isAbsolute: true)
    }

    /// A signal of a timer is being taken: what it tells, and the next period.
    func signalWasTaken(_ info: inout SignalInfo) {
        let id = info.pid
        let timer = state.withLock { state in state.timers.first { $0.id == id } }
        if let timer { info.uid = UInt32(bitPattern: timer.signalWasTaken()) }
    }

    /// A new program has no timers but those of setitimer.
    func removeForExec() {
        let timers: [ProcessTimer] = state.withLock { state in
            let timers = state.timers
            state.timers = []
            state.nextID = 0
            return timers
        }
        for timer in timers { timer.retire() }
    }

    /// The end of the process.
    func removeAll() {
        removeForExec()
        let (virtual, profiling, limit) = state.withLock { ($0.virtual, $0.profiling, $0.limit) }
        virtual?.retire()
        profiling?.retire()
        limit?.retire()
        // The last reference may be this one: dropped outside the lock.
        let own: [ProcessTimers] = Self.all.withLock { all in
            let own = all.filter { $0 === self }
            all.removeAll { $0 === self }
            return own
        }
        _ = own
    }

    /// The time of day was set.
    public static func clockWasSet() {
        for timers in all.withLock({ $0 }) {
            for timer in timers.state.withLock({ $0.timers }) { timer.clockWasSet() }
        }
    }
}

extension Process {
    /// Its timers, made when first asked for.
    public var timers: ProcessTimers {
        if let known = existingTimers { return known }
        let made = ProcessTimers(self)
        return timerSlot.withLock { slot in
            if let known = slot { return known }
            slot = made
            return made
        }
    }

    /// RLIMIT_CPU has been set, or inherited.
    public func processorLimitChanged() {
        let seconds = limits[.cpu].soft
        guard seconds != ResourceLimits.infinity || existingTimers != nil else { return }
        timers.watchLimit(seconds: seconds)
        // If it ends it has looked for its timers already, or will.
        if ProcessTable.tree.withReadLock({ _ in links.remainingThreads == 0 }) { existingTimers?.removeAll() }
    }

    /// The processor time has come to the soft limit: SIGXCPU, and again each second, until at the hard one SIGKILL ends it.
    /// - Returns: the second at which to look again; nil for none.
    func reachedProcessorLimit(_ now: UInt64) -> UInt64? {
        let limit = limits[.cpu], used = now / 1_000_000_000
        if limit.soft == ResourceLimits.infinity { return nil }
        if used >= limit.hard {
            ProcessTable.send(SignalInfo(.kill), to: self)
            return nil
        }
        guard used >= limit.soft else { return limit.soft }
        ProcessTable.send(SignalInfo(.cpuLimit), to: self)
        limits[.cpu].soft = limit.soft + 1
        return limit.soft + 1
    }

    var existingTimers: ProcessTimers? { timerSlot.withLock { $0 } }

    /// Completes what a signal of a timer tells. Every signal that is taken goes by here.
    @inline(__always)
    func complete(_ info: inout SignalInfo) {
        if info.code == SignalInfo.timerCode { existingTimers?.signalWasTaken(&info) }
    }
}
