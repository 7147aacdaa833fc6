/// One movement report of a PS/2 mouse; y grows downward and the wheel away from the user, as evdev wants them.
public struct PS2MouseReport: Equatable, Sendable {
    public var x: Int32 = 0
    public var y: Int32 = 0
    public var wheel: Int32 = 0
    public var isLeftPressed = false
    public var isRightPressed = false
    public var isMiddlePressed = false
    public init() {}
}

/// Turns a mouse's bytes into reports: three bytes a report, or four with a wheel (IntelliMouse).
///
/// A lost byte shifts everything after it, so the decoder looks for the bit that every first byte has set, and starts over
/// when the bytes of a report come too far apart.
public struct PS2MouseDecoder: Sendable {
    public enum Event: Equatable, Sendable {
        case report(PS2MouseReport)
        /// The mouse was plugged in again and must be set up again.
        case reconnected
    }

    private static let maxGapNanoseconds: UInt64 = 200_000_000

    private let byteCount: Int
    private var bytes: (UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0)
    private var position = 0
    private var lastByteTime: UInt64 = 0

    /// - Parameter hasWheel: whether reports have a fourth byte.
    public init(hasWheel: Bool) { byteCount = hasWheel ? 4 : 3 }

    public mutating func decode(_ byte: UInt8, at time: UInt64) -> Event? {
        if position > 0, time &- lastByteTime > Self.maxGapNanoseconds { position = 0 }
        lastByteTime = time
        switch position {
        case 0:
            if byte & 0x08 == 0 { return nil }
            bytes.0 = byte
        case 1:
            bytes.1 = byte
            // AA 00: the end of a self-test and the identifier of a mouse. As a report it would move by 0 with the sign bit set.
            if bytes.0 == 0xAA, byte == 0x00 {
                position = 0
                return .reconnected
            }
        case 2: bytes.2 = byte
        default: bytes.3 = byte
        }
        position += 1
        if position < byteCount { return nil }
        position = 0
        return report()
    }

    private func report() -> Event? {
        let flags = bytes.0
        var report = PS2MouseReport()
        // An overflow bit says that the count is meaningless.
        if flags & 0xC0 == 0 {
            report.x = Int32(bytes.1) - (flags & 0x10 != 0 ? 256 : 0)
            report.y = -(Int32(bytes.2) - (flags & 0x20 != 0 ? 256 : 0))
        }
        if byteCount == 4 { report.wheel = -Int32(Int8(bitPattern: bytes.3)) }
        report.isLeftPressed = flags & 1 != 0
        report.isRightPressed = flags & 2 != 0
        report.isMiddlePressed = flags & 4 != 0
        return .report(report)
    }
}
