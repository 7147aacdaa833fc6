import ABI
import Events
import Files
import Processes
import Processor
import Support

/// epoll, eventfd, timerfd and signalfd.
public enum EventCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.epollCreate) { (a) throws(Errno) in
            guard a.int32(0) > 0 else { throw .invalidArgument }
            return Int(try NewDescriptors.insert(EpollFile(), closeOnExec: false))
        }
        table.set(.epollCreate1) { (a) throws(Errno) in
            guard a.uint32(0) & ~OpenFlags.closeOnExec.rawValue == 0 else { throw .invalidArgument }
            return Int(try NewDescriptors.insert(EpollFile(), closeOnExec: a.uint32(0) != 0))
        }
        table.set(.epollCtl, epollControl)
        table.set(.epollWait) { (a) throws(Errno) in try epollWait(a, deadline: deadline(milliseconds: a.int32(3))) }
        table.set(.epollPwait) { (a) throws(Errno) in
            try withSignalMask(a.address(4), byteCount: a.raw(5)) { () throws(Errno) in
                try epollWait(a, deadline: deadline(milliseconds: a.int32(3)))
            }
        }
        table.set(.epollPwait2) { (a) throws(Errno) in
            let deadline = try deadline(timeout: a.address(3))
            return try withSignalMask(a.address(4), byteCount: a.raw(5)) { () throws(Errno) in
                try epollWait(a, deadline: deadline)
            }
        }
        table.set(.eventfd) { (a) throws(Errno) in try eventfd(a.uint32(0), flags: 0) }
        table.set(.eventfd2) { (a) throws(Errno) in try eventfd(a.uint32(0), flags: a.uint32(1)) }
        table.set(.timerfdCreate, timerCreate)
        table.set(.timerfdSettime, timerSet)
        table.set(.timerfdGettime) { (a) throws(Errno) in
            try copyOut(try timer(a.fd(0)).setting, to: a.address(1))
            return 0
        }
        table.set(.signalfd) { (a) throws(Errno) in try signalfd(a, flags: 0) }
        table.set(.signalfd4) { (a) throws(Errno) in try signalfd(a, flags: a.uint32(3)) }
    }

    // MARK: epoll

    private static func epollControl(_ a: SyscallArguments) throws(Errno) -> Int {
        let operation = a.int32(1)
        var event = EpollEvent(events: 0, data: 0)
        if operation != EpollOperation.delete { event = try copyIn(EpollEvent.self, from: a.address(3)) }
        let table = FileContext.current.descriptors
        let file = try table.file(a.fd(0))
        let target = try table.file(a.fd(2))
        guard target.isPollable else { throw .notPermitted }
        guard file !== target, let epoll = file as? EpollFile else { throw .invalidArgument }
        try epoll.change(operation, target, descriptor: a.fd(2), event: event)
        return 0
    }

    private static func epollWait(_ a: SyscallArguments, deadline: UInt64?) throws(Errno) -> Int {
        let limit = Int(a.int32(2))
        guard limit > 0, limit <= Int(Int32.max) / EpollEvent.byteCount else { throw .invalidArgument }
        guard a.address(1).isUserRange(limit * EpollEvent.byteCount) else { throw .badAddress }
        guard let epoll = try FileContext.file(a.fd(0)) as? EpollFile else { throw .invalidArgument }
        return try epoll.wait(into: a.address(1), limit: limit, deadline: deadline)
    }

    /// The end of a wait: nil for a negative timeout, 0 for none at all.
    private static func deadline(milliseconds: Int32) -> UInt64? {
        if milliseconds < 0 { return nil }
        return milliseconds == 0 ? 0 : Clock.monotonic &+ UInt64(milliseconds) * 1_000_000
    }

    private static func deadline(timeout address: UserAddress) throws(Errno) -> UInt64? {
        if address.isNull { return nil }
        guard let duration = try copyIn(TimeSpec.self, from: address).duration else { throw .invalidArgument }
        return duration == 0 ? 0 : Clock.monotonic &+ duration
    }

    /// Runs a wait with a signal mask of its own.
    private static func withSignalMask(_ address: UserAddress, byteCount: UInt64, _ body: () throws(Errno) -> Int) throws(Errno)
        -> Int
    {
        if address.isNull { return try body() }
        guard byteCount == 8 else { throw .invalidArgument }
        let mask = try copyIn(UInt64.self, from: address)
        let thread = UserThread.current
        thread.setTemporaryMask(mask)
        // If a signal came, its delivery restores the mask instead.
        defer { thread.endTemporaryMask() }
        return try body()
    }

    // MARK: eventfd

    private static func eventfd(_ initial: UInt32, flags: UInt32) throws(Errno) -> Int {
        let semaphore: UInt32 = 1
        guard flags & ~(semaphore | OpenFlags([.closeOnExec, .nonBlocking]).rawValue) == 0 else { throw .invalidArgument }
        let file = EventFile(
            initial: initial, isSemaphore: flags & semaphore != 0,
            flags: OpenFlags(rawValue: flags).intersection(.nonBlocking))
        return Int(try NewDescriptors.insert(file, closeOnExec: flags & OpenFlags.closeOnExec.rawValue != 0))
    }

    // MARK: timerfd

    private static func timerCreate(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = OpenFlags(rawValue: a.uint32(1))
        guard flags.subtracting([.closeOnExec, .nonBlocking]).isEmpty else { throw .invalidArgument }
        let clock: TimerFile.Clock
        switch a.int32(0) {
        case 0, 8: clock = .realtime
        case 1, 7, 9: clock = .monotonic
        default: throw .invalidArgument
        }
        // The alarm clocks would wake a sleeping machine.
        if a.int32(0) >= 8, !Process.current.credentials.isPrivileged { throw .notPermitted }
        let file = TimerFile(clock, flags: flags.intersection(.nonBlocking))
        return Int(try NewDescriptors.insert(file, closeOnExec: flags.contains(.closeOnExec)))
    }

    private static func timer(_ descriptor: Int32) throws(Errno) -> TimerFile {
        guard let file = try FileContext.file(descriptor) as? TimerFile else { throw .invalidArgument }
        return file
    }

    private static func timerSet(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = a.uint32(1)
        let new = try copyIn(IntervalTimerSpec.self, from: a.address(2))
        guard flags & ~(TimerFlags.absolute | TimerFlags.cancelOnSet) == 0 else { throw .invalidArgument }
        let old = try timer(a.fd(0)).set(
            new, isAbsolute: flags & TimerFlags.absolute != 0,
            cancelsOnSet: flags & TimerFlags.cancelOnSet != 0)
        if !a.address(3).isNull { try copyOut(old, to: a.address(3)) }
        return 0
    }

    // MARK: signalfd

    private static func signalfd(_ a: SyscallArguments, flags: UInt32) throws(Errno) -> Int {
        guard a.raw(2) == 8 else { throw .invalidArgument }
        let mask = try copyIn(UInt64.self, from: a.address(1))
        let kept = OpenFlags(rawValue: flags)
        guard kept.subtracting([.closeOnExec, .nonBlocking]).isEmpty else { throw .invalidArgument }
        if a.fd(0) == -1 {
            let file = SignalFile(mask: mask, flags: kept.intersection(.nonBlocking))
            return Int(try NewDescriptors.insert(file, closeOnExec: kept.contains(.closeOnExec)))
        }
        guard let file = try FileContext.file(a.fd(0)) as? SignalFile else { throw .invalidArgument }
        file.setMask(mask)
        return Int(a.fd(0))
    }
}
