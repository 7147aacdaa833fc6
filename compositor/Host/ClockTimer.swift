// Wakes the compositor when the clock's minute turns, and at no other time.

import CLibc
import System

/// A timer on the wall clock (timerfd_create(2), CLOCK_REALTIME) that also fires when somebody sets the clock.
struct ClockTimer: ~Copyable {
    let descriptor: FileDescriptor

    init() throws(Errno) {
        let flags: Int32 = 0x800 | 0x80000  // TFD_NONBLOCK, TFD_CLOEXEC
        let number = timerfd_create(clockid_t(0), flags)
        guard number >= 0 else { throw Errno(rawValue: martlet_errno()) }
        descriptor = FileDescriptor(owning: number)
        arm()
    }

    /// Waits for the next minute.
    func arm() {
        let next = (Clock.realtimeNanoseconds / 60_000_000_000 + 1) * 60
        var value = itimerspec()
        value.it_value.tv_sec = .init(next)
        let absolute: Int32 = 1  // TFD_TIMER_ABSTIME
        // TFD_TIMER_CANCEL_ON_SET; where a kernel lacks it, a clock that is set is noticed up to a minute late.
        let cancelOnSet: Int32 = 2
        if timerfd_settime(descriptor.rawValue, absolute | cancelOnSet, &value, nil) != 0 {
            _ = timerfd_settime(descriptor.rawValue, absolute, &value, nil)
        }
    }

    /// Takes the expiry; a clock that was set reads as an error, which is one as well.
    func acknowledge() {
        var count: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &count) { try? descriptor.read(into: $0) }
        arm()
    }
}
