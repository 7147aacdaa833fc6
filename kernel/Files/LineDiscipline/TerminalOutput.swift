/// Where a line discipline writes: the ring towards a pty's master or a serial line's transmitter, an array in tests.
public protocol TerminalOutput: ~Copyable {
    /// Bytes that may be put now.
    var room: Int { get }
    /// Appends one byte.
    /// - Precondition: `room > 0`.
    mutating func put(_ byte: UInt8)
    /// Appends as many of the bytes as fit and returns how many did.
    mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) -> Int
    /// Throws away what has not been transmitted yet.
    mutating func discard()
}

/// What a call into the line discipline asks its terminal to do. The discipline itself touches nothing but its output.
public struct TerminalEffects: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Send SIGINT, SIGQUIT or SIGTSTP to the foreground group.
    public static var interrupt: TerminalEffects { TerminalEffects(rawValue: 1) }
    public static var quit: TerminalEffects { TerminalEffects(rawValue: 2) }
    public static var suspend: TerminalEffects { TerminalEffects(rawValue: 4) }
    /// Input became readable: wake readers.
    public static var readable: TerminalEffects { TerminalEffects(rawValue: 8) }
    /// Output was put: start the transmitter, wake the master.
    public static var transmit: TerminalEffects { TerminalEffects(rawValue: 16) }
    /// Output may go on (flow control, or the queue was thrown away): wake writers.
    public static var writable: TerminalEffects { TerminalEffects(rawValue: 32) }
    /// Flow control stopped or started the output: the master in packet mode hears of it.
    public static var stopped: TerminalEffects { TerminalEffects(rawValue: 64) }
    public static var started: TerminalEffects { TerminalEffects(rawValue: 128) }
    /// The input or output queue was thrown away.
    public static var inputFlushed: TerminalEffects { TerminalEffects(rawValue: 256) }
    public static var outputFlushed: TerminalEffects { TerminalEffects(rawValue: 512) }

    public static var anySignal: TerminalEffects { [.interrupt, .quit, .suspend] }
}
