// Signals as readable bytes. A handler may do almost nothing, so it writes the signal's number into a pipe (the
// self-pipe of D. J. Bernstein) that the event loop reads.

import CLibc

/// The numbers of signals that programs here use.
public enum Signal {
    public static var hangUp: Int32 { 1 }
    public static var interrupt: Int32 { 2 }
    public static var kill: Int32 { 9 }
    public static var user1: Int32 { 10 }
    public static var user2: Int32 { 12 }
    public static var pipe: Int32 { 13 }
    public static var terminate: Int32 { 15 }
    public static var child: Int32 { 17 }

    /// Ignores a signal from now on.
    public static func ignore(_ number: Int32) { _ = martlet_signal_ignore(number) }
}

/// Where the handler writes; -1 while no pipe exists. Plain 32-bit accesses: a handler reads it at any moment.
nonisolated(unsafe) private var handlerPipe: Int32 = -1

/// The signals of this process, as a descriptor. One exists in a process.
public final class SignalPipe {
    private let pipe: Pipe

    /// Starts to catch the signals.
    public init(_ signals: [Int32]) throws(Errno) {
        pipe = try FileDescriptor.pipe(.nonBlocking)
        handlerPipe = pipe.write.rawValue
        for number in signals { _ = martlet_signal_handle(number, noteSignal) }
    }

    deinit { handlerPipe = -1 }

    /// Readable when a signal has come.
    public var rawDescriptor: Int32 { pipe.read.rawValue }

    /// Adds the pipe to a queue.
    public func register(in queue: borrowing EventQueue, token: UInt64) throws(Errno) {
        try queue.add(pipe.read, .readable, token: token)
    }

    /// The next signal that came; nil if there is none.
    public func next() -> Int32? {
        var byte: UInt8 = 0
        return CLibc.read(pipe.read.rawValue, &byte, 1) == 1 ? Int32(byte) : nil
    }
}

/// The handler.
private func noteSignal(_ number: Int32) {
    // SAFETY: write(2) is async-signal-safe; errno is kept for the code that was interrupted. A full pipe loses
    // nothing that matters: its reader will wake anyway.
    let saved = martlet_errno()
    var byte = UInt8(truncatingIfNeeded: number)
    _ = CLibc.write(handlerPipe, &byte, 1)
    martlet_set_errno(saved)
}
