// Layouts and numbers of epoll, eventfd, timerfd and signalfd (`include/uapi/linux/{eventpoll,eventfd,timerfd,signalfd}.h`).

/// `struct epoll_event`: packed on x86-64, 12 bytes.
public struct EpollEvent: BitwiseCopyable, Sendable {
    public var events: UInt32
    private var dataLow: UInt32
    private var dataHigh: UInt32

    @inlinable public static var byteCount: Int { 12 }

    public init(events: UInt32, data: UInt64) {
        self.events = events
        dataLow = UInt32(truncatingIfNeeded: data)
        dataHigh = UInt32(truncatingIfNeeded: data >> 32)
    }
    /// What the program wants to get back with the event.
    public var data: UInt64 { UInt64(dataLow) | UInt64(dataHigh) << 32 }
}

/// Behaviour bits of `epoll_event.events`.
public enum EpollFlags {
    @inlinable public static var exclusive: UInt32 { 1 << 28 }
    @inlinable public static var wakeUp: UInt32 { 1 << 29 }
    @inlinable public static var oneShot: UInt32 { 1 << 30 }
    @inlinable public static var edgeTriggered: UInt32 { 1 << 31 }
    @inlinable public static var all: UInt32 { 0xF000_0000 }
}

/// Operations of `epoll_ctl`.
public enum EpollOperation {
    @inlinable public static var add: Int32 { 1 }
    @inlinable public static var delete: Int32 { 2 }
    @inlinable public static var modify: Int32 { 3 }
}

/// `struct itimerspec`.
public struct IntervalTimerSpec: BitwiseCopyable, Sendable {
    public var interval = TimeSpec()
    public var value = TimeSpec()
    public init() {}
}

/// Flags of `timerfd_settime`.
public enum TimerFlags {
    @inlinable public static var absolute: UInt32 { 1 }
    @inlinable public static var cancelOnSet: UInt32 { 2 }
}

/// `struct signalfd_siginfo`, 128 bytes.
public struct SignalFileInfo: BitwiseCopyable, Sendable {
    public var signal: UInt32 = 0
    public var error: Int32 = 0
    public var code: Int32 = 0
    public var pid: UInt32 = 0
    public var uid: UInt32 = 0
    public var descriptor: Int32 = 0
    public var timer: UInt32 = 0
    public var band: UInt32 = 0
    public var overrun: UInt32 = 0
    public var trapNumber: UInt32 = 0
    public var status: Int32 = 0
    public var integer: Int32 = 0
    public var pointer: UInt64 = 0
    public var userTime: UInt64 = 0
    public var systemTime: UInt64 = 0
    public var address: UInt64 = 0
    private var padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
    public init() {}
}

extension Errno {
    @inlinable public static var canceled: Errno { Errno(rawValue: 125) }  // ECANCELED
}
