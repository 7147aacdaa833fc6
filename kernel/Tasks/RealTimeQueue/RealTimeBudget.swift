/// How much of its time a processor gives to real-time threads while others wait: 0.95 s of each second. A real-time program that never
/// stops can thus be ended by a shell.
///
/// Plain memory: the owner's lock protects it.
public struct RealTimeBudget {
    public static let periodNanoseconds: UInt64 = 1_000_000_000
    public static let budgetNanoseconds: UInt64 = 950_000_000

    /// When the current period started. It starts with the first use after the last one ended.
    private var periodStart: UInt64 = 0
    private var used: UInt64 = 0

    public init() {}

    /// Accounts for time up to `now` that real-time threads used.
    public mutating func charge(_ nanoseconds: UInt64, now: UInt64) {
        if now &- periodStart >= Self.periodNanoseconds {
            periodStart = now &- min(nanoseconds, now)
            used = 0
        }
        used &+= nanoseconds
    }

    /// Whether others come first now.
    public func isExhausted(now: UInt64) -> Bool {
        used >= Self.budgetNanoseconds && now &- periodStart < Self.periodNanoseconds
    }

    /// When `isExhausted` changes next: at the end of the period if it is, or else when a real-time thread that runs from now on has used
    /// the budget up.
    public func nextChange(now: UInt64) -> UInt64 {
        if isExhausted(now: now) { return periodStart &+ Self.periodNanoseconds }
        if now &- periodStart >= Self.periodNanoseconds { return now &+ Self.budgetNanoseconds }
        return now &+ (Self.budgetNanoseconds - min(used, Self.budgetNanoseconds))
    }
}
