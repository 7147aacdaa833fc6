/// When a service that died is started again.
///
/// It is started at once the first time, then after a delay that doubles; a service that ran for a while starts from the
/// beginning. One that dies too often in a short time is given up.
public struct RestartPolicy: Sendable {
    public enum Decision: Equatable, Sendable {
        case restart(afterMilliseconds: Int)
        case giveUp
    }

    /// At most so many deaths in `window`.
    public let limit: Int
    public let windowNanoseconds: Int64
    private var deaths: [Int64] = []

    public init(limit: Int = 5, windowNanoseconds: Int64 = 10_000_000_000) {
        self.limit = limit
        self.windowNanoseconds = windowNanoseconds
    }

    /// Notes that the service died and decides what to do.
    public mutating func died(atNanoseconds now: Int64) -> Decision {
        deaths.removeAll { now - $0 >= windowNanoseconds }
        deaths.append(now)
        if deaths.count > limit { return .giveUp }
        return .restart(afterMilliseconds: deaths.count == 1 ? 0 : 50 << (deaths.count - 1))
    }

    /// Starts anew, after somebody has looked into it.
    public mutating func reset() { deaths = [] }
}
