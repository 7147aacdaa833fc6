// What every part of the driver throws: one sentence that a person can act on.

/// A check that did not hold, or a step that could not be done.
public struct TestFailure: Error, CustomStringConvertible, Sendable {
    /// What was expected, what was seen and where to look.
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Throws a `TestFailure` when the condition does not hold.
public func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(TestFailure) {
    if !condition { throw TestFailure(message()) }
}
