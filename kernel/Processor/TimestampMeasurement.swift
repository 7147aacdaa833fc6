/// Measuring the time-stamp counter's frequency with another counter. Pure: both counters are parameters.
public enum TimestampMeasurement {
    /// How long one measurement takes, in nanoseconds.
    public static let windowNanoseconds: UInt64 = 4_000_000
    /// Frequencies that a processor may have.
    public static let plausible: ClosedRange<UInt64> = 10_000_000...18_000_000_000

    /// The reference's count, and the two time-stamp counts between which it was read.
    private struct Sample {
        var reference: UInt64
        var before: UInt64
        var after: UInt64
        var width: UInt64 { after &- before }
    }

    /// Whether two frequencies are the same but for inaccuracies: within one part in a hundred.
    public static func agree(_ a: UInt64, _ b: UInt64) -> Bool { max(a, b) - min(a, b) <= max(a, b) / 100 }

    /// The frequency by two measurements that agree; a disturbed one is repeated.
    /// - Returns: nil when the reference does not count, or no two measurements agree: then one of the counters is not steady.
    public static func frequency<Reference: ReferenceCounter>(with reference: Reference, timestamp: () -> UInt64) -> UInt64? {
        var last: UInt64?
        for _ in 0..<6 {
            guard let frequency = measure(with: reference, timestamp: timestamp), plausible.contains(frequency) else {
                return nil
            }
            if let last, agree(last, frequency) { return (last + frequency) / 2 }
            last = frequency
        }
        return nil
    }

    /// One measurement. Bounded in both counters.
    static func measure<Reference: ReferenceCounter>(with reference: Reference, timestamp: () -> UInt64) -> UInt64? {
        let wanted = reference.frequency * windowNanoseconds / 1_000_000_000
        let start = sample(reference, timestamp)
        for _ in 0..<2_000_000 {
            let passed = (reference.read() &- start.reference) & reference.mask
            if passed >= wanted { break }
            // As long as that for the quickest counter, and the reference has not come so far.
            if timestamp() &- start.before > plausible.upperBound { return nil }
        }
        let end = sample(reference, timestamp)
        let passed = (end.reference &- start.reference) & reference.mask
        guard passed >= wanted, end.before > start.before else { return nil }
        let counts = (end.before &- start.before) &+ end.width / 2 &- start.width / 2
        guard counts <= UInt64.max / reference.frequency else { return nil }
        return counts * reference.frequency / passed
    }

    /// The sharpest of several samples: reading a device takes long, and an emulator may be interrupted meanwhile.
    private static func sample<Reference: ReferenceCounter>(_ reference: Reference, _ timestamp: () -> UInt64) -> Sample {
        var best: Sample?
        for _ in 0..<6 {
            let before = timestamp()
            let count = reference.read()
            let sample = Sample(reference: count, before: before, after: timestamp())
            if best.map({ sample.width < $0.width }) ?? true { best = sample }
        }
        return best!
    }
}

/// Watches the clocks by a second counter: a time-stamp counter that stops or changes its speed is found out. Pure.
public struct ClockWatch: Sendable {
    public enum Verdict: Equatable, Sendable {
        /// Nothing to compare with yet.
        case first
        case agrees
        /// The two are apart; it may be a disturbance.
        case suspicious
        /// They have been apart several times in a row.
        case wrong
    }
    /// By how much the two may be apart in one period.
    public static let toleranceNanoseconds: UInt64 = 62_500_000
    public static let patience = 3

    private var last: (time: UInt64, count: UInt64)?
    private var failures = 0

    public init() {}

    /// Compares the progress of both since the last call, which may be longer ago than the reference takes to start over: what counts is
    /// the difference, and that is small.
    /// - Parameters:
    ///   - time: nanoseconds by the clock that is watched.
    ///   - count: of the reference at the same moment.
    public mutating func compare(time: UInt64, count: UInt64, frequency: UInt64, mask: UInt64) -> Verdict {
        defer { last = (time, count) }
        guard let last, time >= last.time else { return .first }
        let passed = time - last.time
        let expected = (passed / 1_000_000_000 &* frequency &+ passed % 1_000_000_000 * frequency / 1_000_000_000) & mask
        let difference = (count &- last.count &- expected) & mask
        let apart = min(difference, (mask &+ 1) &- difference)
        let tolerance = frequency * Self.toleranceNanoseconds / 1_000_000_000
        if apart <= tolerance {
            failures = 0
            return .agrees
        }
        failures += 1
        return failures >= Self.patience ? .wrong : .suspicious
    }
}
