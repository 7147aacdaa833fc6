// Every wait of the driver has a bound. A bound is stretched by MARTLET_TEST_PATIENCE (a factor) on slow machines.

import Foundation

/// A moment after which a wait gives up.
public struct Deadline: Sendable {
    private let end: ContinuousClock.Instant

    /// The factor by which every bound is multiplied.
    public static let patience: Double = {
        guard let text = ProcessInfo.processInfo.environment["MARTLET_TEST_PATIENCE"], let value = Double(text), value > 0
        else { return 1 }
        return value
    }()

    /// A bound that many seconds from now, times `patience`.
    public init(seconds: Double) { end = .now + .seconds(seconds * Deadline.patience) }

    /// Seconds left; never negative.
    public var remainingSeconds: Double {
        let left = ContinuousClock.Instant.now.duration(to: end).components
        return max(0, Double(left.seconds) + Double(left.attoseconds) * 1e-18)
    }

    /// Whether the moment has passed.
    public var hasPassed: Bool { remainingSeconds == 0 }

    /// Asks `probe` until it answers with a value; throws when the bound passes first.
    /// - Parameter intervalSeconds: pause between two questions.
    @discardableResult
    public static func poll<Value>(
        seconds: Double, every intervalSeconds: Double = 0.05, _ what: String, _ probe: () throws -> Value?
    ) throws -> Value {
        let deadline = Deadline(seconds: seconds)
        while true {
            if let value = try probe() { return value }
            if deadline.hasPassed { throw TestFailure("not within \(seconds) s: \(what)") }
            Thread.sleep(forTimeInterval: intervalSeconds)
        }
    }
}
