/// The vertical blanks of a display that has none: a tick every 1/60 s of the monotonic clock. The counter is computed from
/// the time, so nothing runs while nobody waits.
public struct VBlankClock: Sendable {
    public static let periodNanoseconds: UInt64 = 16_666_667

    /// The time of blank number 0.
    public let origin: UInt64
    public init(origin: UInt64) { self.origin = origin }

    /// The number of the last blank at or before `now`.
    public func sequence(at now: UInt64) -> UInt64 { now <= origin ? 0 : (now - origin) / Self.periodNanoseconds }
    /// When a blank happens.
    public func time(of sequence: UInt64) -> UInt64 { origin &+ sequence &* Self.periodNanoseconds }

    /// The full sequence number that a program's 32-bit one stands for: the nearest to the current one.
    public func expand(_ low: UInt32, near current: UInt64) -> UInt64 {
        let difference = Int32(bitPattern: low &- UInt32(truncatingIfNeeded: current))
        return current &+ UInt64(bitPattern: Int64(difference))
    }
}
