/// How much of its time a processor gives to real-time threads while others wait: 0.95 s of each second. A real-time program that never
/// stops can thus be ended by a shell.
///
/// Plain memory: the owner's lock protects it.
public struct RealTimeBudget {
    public static let periodNanoseconds: UInt64 = 1_000_000_000
    public static let budgetNanoseconds: UInt64 = 950_000_000

    /// When the current period started.
    private var periodStart: UInt64 = 0
    /// Time used in it, and what earlier ones were overdrawn by: an interrupt that comes late costs the others nothing.
    private var used: UInt64 = 0

    public init() {}

    /// Accounts for time up to `now` that real-time threads used.
    public mutating func charge(_ nanoseconds: UInt64, now: UInt64) {
        used &+= nanoseconds
        let periods = elapsedPeriods(now)
        used = left(after: periods)
        periodStart &+= periods &* Self.periodNanoseconds
    }

    private func elapsedPeriods(_ now: UInt64) -> UInt64 { now > periodStart ? (now - periodStart) / Self.periodNanoseconds : 0 }

    /// What has been used beyond the budgets of as many periods.
    private func left(after periods: UInt64) -> UInt64 {
        if periods == 0 { return used }
        let paid = periods.multipliedReportingOverflow(by: Self.budgetNanoseconds)
        return paid.overflow || paid.partialValue >= used ? 0 : used - paid.partialValue
    }

    /// Whether others come first now.
    public func isExhausted(now: UInt64) -> Bool {
        used >= Self.budgetNanoseconds && left(after: elapsedPeriods(now)) >= Self.budgetNanoseconds
    }

    /// When to look at `isExhausted` again: at the end of the period if it is, or else when a real-time thread that runs from now on has
    /// used the budget up.
    public func nextChange(now: UInt64) -> UInt64 {
        let periods = elapsedPeriods(now)
        let left = left(after: periods)
        if left < Self.budgetNanoseconds { return now &+ (Self.budgetNanoseconds - left) }
        return periodStart &+ (periods &+ 1) &* Self.periodNanoseconds
    }
}
