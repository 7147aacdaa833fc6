/// Software repetition of a held key: which key repeats and when next. Times are monotonic nanoseconds.
public struct KeyRepeat: Sendable {
    public var delayMilliseconds: UInt32 = 250
    public var periodMilliseconds: UInt32 = 33
    public private(set) var key: UInt16?

    public init() {}

    /// A key went down or up.
    /// - Returns: when the first repetition is due, if one is.
    public mutating func keyChanged(_ code: UInt16, isPressed: Bool, at now: UInt64) -> UInt64? {
        if isPressed {
            guard delayMilliseconds > 0, periodMilliseconds > 0 else { return nil }
            key = code
            return now &+ UInt64(delayMilliseconds) &* 1_000_000
        }
        if key == code { key = nil }
        return nil
    }

    /// The repetition after one at `now`.
    public func next(after now: UInt64) -> UInt64 { now &+ UInt64(max(periodMilliseconds, 1)) &* 1_000_000 }
    public mutating func stop() { key = nil }
}
