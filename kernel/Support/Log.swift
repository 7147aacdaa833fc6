/// How important a log line is; the numbers are those of syslog and of Linux's `loglevel=`.
public enum LogLevel: UInt8, Comparable, Sendable {
    case emergency = 0, alert, critical, error, warning, notice, info, debug
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The kernel's log: a ring of records that `/dev/kmsg` and the panic screen read, copied to the consoles as far as the
/// console level allows. May be called in any context, but composing a message may allocate.
public enum Log {
    /// Lines at or above this importance go to the consoles too.
    nonisolated(unsafe) public static var consoleLevel: LogLevel = .info

    static let ring = SpinLock(LogRing())

    /// Writes one line.
    public static func write(_ level: LogLevel, _ message: String) {
        let now = machineMonotonicNanoseconds()
        var line = timestamp(now)
        line += message
        line += "\n"
        line.withUTF8 { bytes in
            ring.withLock { $0.append(level: level, nanoseconds: now, bytes) }
            if level <= consoleLevel, let base = bytes.baseAddress { machineConsoleWrite(base, bytes.count) }
        }
    }

    public static func info(_ message: @autoclosure () -> String) { write(.info, message()) }
    public static func notice(_ message: @autoclosure () -> String) { write(.notice, message()) }
    public static func warning(_ message: @autoclosure () -> String) { write(.warning, message()) }
    public static func error(_ message: @autoclosure () -> String) { write(.error, message()) }
    public static func debug(_ message: @autoclosure () -> String) { write(.debug, message()) }

    /// The bytes of the log from `position` on, as many as fit.
    /// - Parameter position: a running byte count; it is moved past what is returned, and past what was overwritten.
    public static func read(position: inout UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let start = position
        let (count, next) = ring.withLock { $0.read(from: start, into: buffer) }
        position = next
        return count
    }

    /// `[    1.234567] ` as Linux prints it.
    private static func timestamp(_ nanoseconds: UInt64) -> String {
        let micros = nanoseconds / 1000
        let seconds = String(micros / 1_000_000)
        let fraction = String(micros % 1_000_000)
        return "[" + String(repeating: " ", count: max(0, 5 - seconds.utf8.count)) + seconds + "."
            + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction + "] "
    }
}

/// The bytes of the newest log lines.
struct LogRing: ~Copyable {
    static let capacity = 64 * 1024
    private let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: LogRing.capacity)
    /// Bytes ever written; the ring holds the last `capacity` of them.
    private var written: UInt64 = 0

    mutating func append(level: LogLevel, nanoseconds: UInt64, _ text: UnsafeBufferPointer<UInt8>) {
        for byte in text {
            bytes[Int(written % UInt64(Self.capacity))] = byte
            written &+= 1
        }
    }

    func read(from start: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> (count: Int, next: UInt64) {
        let oldest = written > UInt64(Self.capacity) ? written - UInt64(Self.capacity) : 0
        var position = min(max(start, oldest), written)
        var count = 0
        while position < written, count < buffer.count {
            buffer[count] = bytes[Int(position % UInt64(Self.capacity))]
            count += 1
            position += 1
        }
        return (count, position)
    }

    deinit { bytes.deallocate() }
}

/// Hexadecimal with the prefix `0x`.
public func hex<T: FixedWidthInteger>(_ value: T) -> String { "0x" + String(value, radix: 16) }
