import ABI
import Processes
import Processor
import Scheduling
import Support

/// adjtimex(2) and clock_adjtime(2): setting and steering the time of day. The clock's rate follows frequency and tick; an offset is worked
/// off at a constant rate. The kernel has no phase-locked loop of its own: daemons that steer by frequency get what they ask for.
enum ClockAdjustment {
    static func register(_ table: inout SyscallTable) {
        // The compiler makes a static lock's state of defaults all zeros (Swift 6.3.1): the real ones are put in here.
        state.withLock { $0 = State() }
        table.set(.adjtimex) { (a) throws(Errno) in try adjust(a.address(0)) }
        table.set(.clockAdjtime) { (a) throws(Errno) in
            // The structure is read first.
            _ = try copyIn(Timex.self, from: a.address(1))
            let clock = a.int32(0)
            if clock != 0 {
                _ = try TimeCalls.now(clock)
                throw .notSupported
            }
            return try adjust(a.address(1))
        }
    }

    /// `struct timex` (`include/uapi/linux/timex.h`), 208 bytes.
    private struct Timex: BitwiseCopyable {
        var modes: UInt32 = 0, padding0: UInt32 = 0
        var offset: Int64 = 0
        var frequency: Int64 = 0
        var maximumError: Int64 = 0, estimatedError: Int64 = 0
        var status: Int32 = 0, padding1: Int32 = 0
        var constant: Int64 = 0
        var precision: Int64 = 1, tolerance: Int64 = 500 << 16
        var seconds: Int64 = 0, fraction: Int64 = 0
        var tick: Int64 = 10_000
        var pulse: (Int64, Int64) = (0, 0)
        var shift: Int32 = 0, padding2: Int32 = 0
        var counts: (Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0)
        var leapSeconds: Int32 = 0
        var reserved: (Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32) =
            (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    }

    private enum Mode {
        static let offset: UInt32 = 1, frequency: UInt32 = 2, maximumError: UInt32 = 4, estimatedError: UInt32 = 8
        static let status: UInt32 = 0x10, constant: UInt32 = 0x20, leapSeconds: UInt32 = 0x80, setOffset: UInt32 = 0x100
        static let micro: UInt32 = 0x1000, nano: UInt32 = 0x2000, tick: UInt32 = 0x4000
        /// Of adjtime(3): an offset that is worked off, or what is left of it.
        static let adjtime: UInt32 = 0x8000, readOnly: UInt32 = 0x2000
    }
    private enum Status {
        static let loop: Int32 = 1, unsynchronized: Int32 = 0x40, nano: Int32 = 0x2000
        /// What only the kernel sets.
        static let readOnly: Int32 = 0x0100 | 0x0200 | 0x0400 | 0x0800 | 0x1000 | 0x2000 | 0x4000 | 0x8000
    }

    /// What has been set.
    private struct State: ~Copyable {
        var frequency: Int64 = 0
        var maximumError: Int64 = 16_000_000, estimatedError: Int64 = 16_000_000
        var status = Status.unsynchronized
        var constant: Int64 = 2
        var tick: Int64 = 10_000
        var leapSeconds: Int32 = 0
        /// An offset that is being worked off: its end by the monotonic clock, and its sign.
        var slewEnd: UInt64 = 0
        var isSlewForward = true
    }
    private static let state = SpinLock(State())
    /// 500 µs a second, as adjtime(3) promises.
    private static let slewParts: Int64 = (500 << 32) / 1_000_000
    private static let slewRatio: UInt64 = 2000

    /// Ends the working off of an offset.
    private final class SlewTimer: KernelTimer {
        override func fire() { ClockAdjustment.applyRate() }
    }
    // It protects itself.
    nonisolated(unsafe) private static let slewTimer = SlewTimer()

    private static func adjust(_ address: UserAddress) throws(Errno) -> Int {
        var timex = try copyIn(Timex.self, from: address)
        try validate(timex)
        if timex.modes & Mode.setOffset != 0 {
            let fraction = timex.modes & Mode.nano != 0 ? timex.fraction : timex.fraction * 1000
            TimeCalls.setRealtime { Clock.shiftRealtime(by: timex.seconds &* 1_000_000_000 &+ fraction) }
        }
        if timex.modes & Mode.adjtime != 0 {
            let left = offsetLeft
            if timex.modes & Mode.readOnly == 0 { slew(nanoseconds: timex.offset &* 1000) }
            timex.offset = left / 1000
        } else {
            if timex.modes != 0 { apply(timex) }
            timex.offset = 0
        }
        let result = report(&timex)
        try copyOut(timex, to: address)
        return result
    }

    private static func validate(_ timex: Timex) throws(Errno) {
        let isPrivileged = Process.current.credentials.isPrivileged
        if timex.modes & Mode.adjtime != 0 {
            guard timex.modes & Mode.offset != 0 else { throw .invalidArgument }
            if timex.modes & Mode.readOnly == 0, !isPrivileged { throw .notPermitted }
            return
        }
        if timex.modes != 0, !isPrivileged { throw .notPermitted }
        if timex.modes & Mode.tick != 0, !(9_000...11_000).contains(timex.tick) { throw .invalidArgument }
        if timex.modes & Mode.setOffset != 0 {
            let limit: Int64 = timex.modes & Mode.nano != 0 ? 1_000_000_000 : 1_000_000
            guard timex.fraction >= 0, timex.fraction < limit, timex.seconds.magnitude < 1 << 33 else { throw .invalidArgument }
        }
        if timex.modes & Mode.frequency != 0, timex.frequency.magnitude > UInt64(Int64.max) / 1_000_000 { throw .invalidArgument }
    }

    private static func apply(_ timex: Timex) {
        let modes = timex.modes
        var offset: Int64?
        state.withLock { state in
            if modes & Mode.status != 0 {
                state.status = timex.status & ~Status.readOnly | state.status & Status.readOnly
            }
            if modes & Mode.nano != 0, modes & Mode.setOffset == 0 { state.status |= Status.nano }
            if modes & Mode.micro != 0 { state.status &= ~Status.nano }
            if modes & Mode.frequency != 0 { state.frequency = min(max(timex.frequency, -(500 << 16)), 500 << 16) }
            if modes & Mode.maximumError != 0 { state.maximumError = min(max(timex.maximumError, 0), 16_000_000) }
            if modes & Mode.estimatedError != 0 { state.estimatedError = min(max(timex.estimatedError, 0), 16_000_000) }
            if modes & Mode.constant != 0 { state.constant = min(max(timex.constant, 0), 10) }
            if modes & Mode.leapSeconds != 0, timex.constant >= 0, timex.constant <= 100_000 {
                state.leapSeconds = Int32(timex.constant)
            }
            if modes & Mode.tick != 0 { state.tick = timex.tick }
            // Without the loop switched on an offset says nothing.
            if modes & Mode.offset != 0, state.status & Status.loop != 0 {
                offset = state.status & Status.nano != 0 ? timex.offset : timex.offset &* 1000
            }
        }
        if modes & Mode.leapSeconds != 0 { Clock.setLeapSeconds(UInt32(state.withLock { $0.leapSeconds })) }
        if let offset { slew(nanoseconds: min(max(offset, -500_000_000), 500_000_000)) } else { applyRate() }
    }

    /// Begins to work an offset off, instead of what was left of another one.
    private static func slew(nanoseconds: Int64) {
        let end = Clock.monotonic &+ min(nanoseconds.magnitude, 1 << 40) * slewRatio
        state.withLock { state in
            state.slewEnd = nanoseconds == 0 ? 0 : end
            state.isSlewForward = nanoseconds >= 0
        }
        applyRate()
        if nanoseconds == 0 { slewTimer.disarm() } else { slewTimer.arm(at: end) }
    }

    /// What is left to be worked off, in nanoseconds.
    private static var offsetLeft: Int64 {
        let now = Clock.monotonic
        return state.withLock { state in
            let left = state.slewEnd > now ? Int64((state.slewEnd - now) / slewRatio) : 0
            return state.isSlewForward ? left : -left
        }
    }

    /// Makes the clock run as it was told to.
    private static func applyRate() {
        let now = Clock.monotonic
        let parts: Int64 = state.withLock { state in
            // A frequency of 65536 is one part in a million; a tick more is a hundred of them.
            var parts = (state.frequency << 16) / 1_000_000 + ((state.tick - 10_000) << 32) / 10_000
            if state.slewEnd > now { parts += state.isSlewForward ? slewParts : -slewParts }
            return parts
        }
        Clock.setRate(parts: parts)
    }

    /// Fills in what there is.
    /// - Returns: the clock's state: 0 when it is synchronised, 5 (TIME_ERROR) when not.
    private static func report(_ timex: inout Timex) -> Int {
        let time = Clock.realtime
        return state.withLock { state in
            timex.frequency = state.frequency
            (timex.maximumError, timex.estimatedError) = (state.maximumError, state.estimatedError)
            (timex.status, timex.constant) = (state.status, state.constant)
            (timex.precision, timex.tolerance) = (1, 500 << 16)
            timex.tick = state.tick
            timex.seconds = Int64(time / 1_000_000_000)
            timex.fraction = Int64(time % 1_000_000_000) / (state.status & Status.nano != 0 ? 1 : 1000)
            timex.pulse = (0, 0)
            timex.shift = 0
            timex.counts = (0, 0, 0, 0, 0)
            timex.leapSeconds = state.leapSeconds
            return state.status & Status.unsynchronized != 0 ? 5 : 0
        }
    }
}
