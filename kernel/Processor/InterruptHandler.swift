import Support

/// What a handler says about an interrupt.
public enum InterruptOutcome: Sendable {
    case served
    /// The device did not ask for anything: somebody else on the same line did, or nobody.
    case notMine
}

/// Someone who handles a device's interrupt.
///
/// It runs on the stack of what it interrupted, and does what cannot wait: it takes what the device has, in bounded loops, and wakes. Work that
/// takes longer is done by a thread (`ThreadedInterrupt` in Scheduling). A device's handler can be interrupted by the processor's own
/// interrupts, which have a higher priority class: timer, reschedule and requests; those run with interrupts off. So at most two handlers
/// are on a stack. What a handler shares with them it protects by locks, which turn interrupts off.
open class InterruptHandler {
    /// What /proc/interrupts calls it.
    open var name: StaticString { "device" }
    public init() {}
    /// Must not sleep; it should not allocate.
    open func handle() {}
    /// The same for those that can tell whether the interrupt was theirs.
    open func serve() -> InterruptOutcome {
        handle()
        return .served
    }
}

/// The way of an interrupt from its device to a processor: an input of an IOAPIC, or a message that the device writes.
open class InterruptRoute {
    public init() {}
    /// What /proc/interrupts calls it.
    open var kind: StaticString { "" }
    /// Sends the interrupt to a processor from now on, by the number that controllers know it by.
    open func direct(to identifier: UInt32) {}
    /// Stops it.
    open func mask() {}
}

/// Counts the interrupts of a vector that nobody claims. Hardware that keeps a line asserted would otherwise stop the processor. Pure.
public struct FloodGuard: Sendable {
    /// As many interrupts are looked at together; if at most `tolerated` of them were claimed, the vector is to be shut off.
    public static let window: UInt32 = 100_000
    public static let tolerated: UInt32 = 100

    public private(set) var total: UInt32 = 0
    public private(set) var unclaimed: UInt32 = 0
    /// All that nobody claimed so far.
    public private(set) var unclaimedEver: UInt64 = 0

    public init() {}

    /// Counts one.
    /// - Returns: whether the vector is to be shut off.
    @inline(__always)
    public mutating func note(_ outcome: InterruptOutcome) -> Bool {
        total += 1
        if outcome == .notMine {
            unclaimed += 1
            unclaimedEver += 1
        }
        guard total == Self.window else { return false }
        let isFlood = unclaimed >= Self.window - Self.tolerated
        total = 0
        unclaimed = 0
        return isFlood
    }
}

/// Chooses processors for interrupts, so that each gets as many as the others. Pure.
public enum InterruptBalance {
    /// The processor of `allowed` that has the fewest.
    /// - Parameter loads: how many vectors each processor has, by number.
    /// - Returns: nil when none is allowed.
    public static func choose(allowed: UInt64, loads: [Int]) -> Int? {
        var best: Int?
        for processor in loads.indices {
            if allowed >> UInt64(processor) & 1 == 0 { continue }
            if best.map({ loads[processor] < loads[$0] }) ?? true { best = processor }
        }
        return best
    }
}
