import ABI
import Processes
import Processor
import Scheduling
import Support

/// Timers that send signals: timer_create(2) and its like, setitimer(2), alarm(2).
enum TimerCalls {
    static func register(_ table: inout SyscallTable) {
        table.set(.timerCreate, create)
        table.set(.timerSettime, set)
        table.set(.timerGettime) { (a) throws(Errno) in
            try copyOut(specification(try Process.current.timers.timer(a.int32(0)).setting), to: a.address(1))
            return 0
        }
        table.set(.timerGetoverrun) { (a) throws(Errno) in Int(try Process.current.timers.timer(a.int32(0)).overrun) }
        table.set(.timerDelete) { (a) throws(Errno) in
            try Process.current.timers.delete(a.int32(0))
            return 0
        }
        table.set(.alarm) { (a) throws(Errno) in
            let old = Process.current.realTimer.set(after: UInt64(a.uint32(0)) * 1_000_000_000, every: 0)
            return Int((old.remaining + 999_999_999) / 1_000_000_000)
        }
        table.set(.setitimer, setInterval)
        table.set(.getitimer) { (a) throws(Errno) in
            guard a.int32(0) >= 0, a.int32(0) <= 2 else { throw .invalidArgument }
            let current: (remaining: UInt64, period: UInt64)
            if a.int32(0) == 0 {
                current = Process.current.realTimer.current
            } else {
                let setting = Process.current.timers.interval(countsKernel: a.int32(0) == 2).setting
                current = (setting.remaining, setting.interval)
            }
            try copyOut(IntervalTimerValue(interval: current.period, value: current.remaining), to: a.address(1))
            return 0
        }
    }

    private static func specification(_ setting: (remaining: UInt64, interval: UInt64)) -> IntervalTimerSpec {
        var result = IntervalTimerSpec()
        result.value = TimeSpec(nanoseconds: setting.remaining)
        result.interval = TimeSpec(nanoseconds: setting.interval)
        return result
    }

    // MARK: timer_create

    /// `struct sigevent`: value, signal, kind of notification, thread.
    private struct Event: BitwiseCopyable {
        var value: UInt64 = 0
        var signal: Int32 = 0
        var kind: Int32 = 0
        var thread: Int32 = 0
        static var toProcess: Int32 { 0 }
        static var silent: Int32 { 1 }
        static var byLibrary: Int32 { 2 }  // SIGEV_THREAD: a signal, for the C library
        static var toThread: Int32 { 4 }
    }

    private static func create(_ a: SyscallArguments) throws(Errno) -> Int {
        let hasEvent = !a.address(1).isNull
        var event = Event()
        if hasEvent {
            event = try copyIn(Event.self, from: a.address(1))
        } else {
            event.signal = Signal.alarm.rawValue
        }
        let number = a.int32(0)
        if number < 0, number & 7 == 3 { throw .notSupported }  // a device's clock
        let clock = try TimeCalls.timerClock(number)
        if number == 8 || number == 9, !Process.current.credentials.isPrivileged { throw .notPermitted }
        let notification = try notification(event)
        let timers = Process.current.timers
        let timer = try timers.create(clock, notification, value: hasEvent ? event.value : nil)
        do throws(Errno) {
            try copyOut(timer.id, to: a.address(2))
        } catch {
            try timers.delete(timer.id)
            throw error
        }
        return 0
    }

    private static func notification(_ event: Event) throws(Errno) -> ProcessTimer.Notification {
        switch event.kind {
        case Event.silent: return .none
        case Event.toProcess, Event.byLibrary:
            guard let signal = Signal(event.signal) else { throw .invalidArgument }
            return .process(signal)
        case Event.toThread:
            guard let thread = ProcessTable.thread(event.thread), thread.process === Process.current,
                let signal = Signal(event.signal)
            else { throw .invalidArgument }
            return .thread(signal, id: event.thread)
        default: throw .invalidArgument
        }
    }

    private static func set(_ a: SyscallArguments) throws(Errno) -> Int {
        if a.address(2).isNull { throw .invalidArgument }
        let new = try copyIn(IntervalTimerSpec.self, from: a.address(2))
        guard let value = new.value.duration, let interval = new.interval.duration else { throw .invalidArgument }
        let timer = try Process.current.timers.timer(a.int32(0))
        let old = timer.set(value: value, interval: interval, isAbsolute: a.int32(1) & 1 != 0)
        if !a.address(3).isNull { try copyOut(specification(old), to: a.address(3)) }
        return 0
    }

    // MARK: setitimer

    private static func setInterval(_ a: SyscallArguments) throws(Errno) -> Int {
        var (first, period): (UInt64, UInt64) = (0, 0)
        if !a.address(1).isNull {
            let new = try copyIn(IntervalTimerValue.self, from: a.address(1))
            guard let value = new.value.duration, let interval = new.interval.duration else { throw .invalidArgument }
            (first, period) = (value, interval)
        }
        guard a.int32(0) >= 0, a.int32(0) <= 2 else { throw .invalidArgument }
        let old: (remaining: UInt64, period: UInt64)
        if a.int32(0) == 0 {
            old = Process.current.realTimer.set(after: first, every: first == 0 ? 0 : period)
        } else {
            let timer = Process.current.timers.interval(countsKernel: a.int32(0) == 2)
            let setting = timer.set(value: first, interval: period, isAbsolute: false)
            old = (setting.remaining, setting.interval)
        }
        if !a.address(2).isNull { try copyOut(IntervalTimerValue(interval: old.period, value: old.remaining), to: a.address(2)) }
        return 0
    }
}
