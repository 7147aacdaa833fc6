// Waiting for many descriptors at once (epoll(7)) and the descriptors that become ready by time or by request.

import CLibc

/// An epoll instance.
public struct EventQueue: ~Copyable {
    public let descriptor: FileDescriptor

    /// What a descriptor is ready for.
    public struct Readiness: OptionSet, Sendable {
        public let rawValue: UInt32
        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static var readable: Readiness { Readiness(rawValue: 0x001) }
        public static var writable: Readiness { Readiness(rawValue: 0x004) }
        /// Reported without being asked for.
        public static var error: Readiness { Readiness(rawValue: 0x008) }
        /// Reported without being asked for: the peer has closed its end.
        public static var hangUp: Readiness { Readiness(rawValue: 0x010) }
        public static var edgeTriggered: Readiness { Readiness(rawValue: 1 << 31) }
    }

    /// A descriptor that is ready.
    public struct Event: Sendable {
        public var readiness: Readiness
        /// The number that was given to `add`.
        public var token: UInt64
    }

    public init() throws(Errno) {
        descriptor = FileDescriptor(owning: try callInt { epoll_create1(Linux.closeOnExec) })
    }

    public func add(_ file: borrowing FileDescriptor, _ interest: Readiness, token: UInt64) throws(Errno) {
        try control(Linux.epollAdd, file.rawValue, interest, token)
    }

    public func modify(_ file: borrowing FileDescriptor, _ interest: Readiness, token: UInt64) throws(Errno) {
        try control(Linux.epollModify, file.rawValue, interest, token)
    }

    public func remove(_ file: borrowing FileDescriptor) throws(Errno) {
        try control(Linux.epollRemove, file.rawValue, [], 0)
    }

    private func control(_ operation: Int32, _ file: Int32, _ interest: Readiness, _ token: UInt64) throws(Errno) {
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = token
        try callInt { epoll_ctl(descriptor.rawValue, operation, file, &event) }
    }

    /// The most events that one `wait` reports.
    public static var batch: Int { 32 }

    /// Waits until something is ready or the time is over, and calls `body` for each. A signal ends the wait early
    /// with no event. A negative timeout waits without end.
    public func wait(timeoutMilliseconds: Int32, _ body: (Event) -> Void) throws(Errno) {
        let none = epoll_event()
        var events = InlineArray<32, epoll_event>(repeating: none)
        let count = withUnsafeMutableBytes(of: &events) { bytes in
            epoll_wait(
                descriptor.rawValue, bytes.baseAddress!.assumingMemoryBound(to: epoll_event.self),
                Int32(EventQueue.batch), timeoutMilliseconds)
        }
        if count < 0 {
            let error = lastError()
            if error == .interrupted { return }
            throw error
        }
        for index in 0..<Int(count) {
            body(Event(readiness: Readiness(rawValue: events[index].events), token: events[index].data.u64))
        }
    }
}

/// A timer that is waited for like a file (timerfd_create(2)), on the monotonic clock.
public struct TimerDescriptor: ~Copyable {
    public let descriptor: FileDescriptor

    public init() throws(Errno) {
        descriptor = FileDescriptor(
            owning: try callInt {
                timerfd_create(Linux.clockMonotonic, Linux.nonBlocking | Linux.closeOnExec)
            })
    }

    /// Fires after `first` nanoseconds, then every `interval` if that is not zero. Zero for `first` stops the timer.
    public func set(firstNanoseconds first: Int64, intervalNanoseconds interval: Int64 = 0) throws(Errno) {
        var value = itimerspec()
        value.it_value = timespec(nanoseconds: first)
        value.it_interval = timespec(nanoseconds: interval)
        try callInt { timerfd_settime(descriptor.rawValue, 0, &value, nil) }
    }

    /// Fires once at a time of the monotonic clock; a time that is past fires at once.
    public func set(deadlineNanoseconds deadline: Int64) throws(Errno) {
        var value = itimerspec()
        value.it_value = timespec(nanoseconds: max(deadline, 1))
        try callInt { timerfd_settime(descriptor.rawValue, Linux.timerAbsolute, &value, nil) }
    }

    public func stop() throws(Errno) { try set(firstNanoseconds: 0) }

    /// How often the timer fired since the last call; zero if it did not.
    public func acknowledge() -> UInt64 { descriptor.readCounter() }
}

/// A counter that is waited for like a file (eventfd(2)).
public struct EventDescriptor: ~Copyable {
    public let descriptor: FileDescriptor

    public init() throws(Errno) {
        descriptor = FileDescriptor(owning: try callInt { eventfd(0, Linux.nonBlocking | Linux.closeOnExec) })
    }

    /// Makes the descriptor readable.
    public func signal() throws(Errno) {
        var one: UInt64 = 1
        try withUnsafeBytes(of: &one) { bytes throws(Errno) in _ = try descriptor.write(bytes) }
    }

    /// The sum of the signals since the last call; zero if there was none.
    public func acknowledge() -> UInt64 { descriptor.readCounter() }
}

extension FileDescriptor {
    /// Reads the 64-bit counter of a timer or event descriptor without waiting.
    func readCounter() -> UInt64 {
        var value: UInt64 = 0
        let count = withUnsafeMutableBytes(of: &value) { CLibc.read(rawValue, $0.baseAddress, 8) }
        return count == 8 ? value : 0
    }
}
