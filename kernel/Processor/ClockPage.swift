import Support
import Synchronization

/// The page of numbers by which programs read the clocks without entering the kernel. Every program has it mapped, read-only, one page
/// below the shared object that reads it (`vdso/vdso.nasm`, which knows the offsets).
///
/// The sequence counter is odd while the numbers change; a reader that sees it odd, or changed, reads again.
public struct ClockPage: ~Copyable, Sendable {
    /// Offset 0.
    let sequence = Atomic<UInt64>(0)
    /// Offset 8: `Flags`.
    let flags = Atomic<UInt64>(0)
    /// Offset 16: the counts of the time-stamp counter at which the clocks had the values `base` and `rawBase`.
    let origin = Atomic<UInt64>(0)
    /// Offset 24: nanoseconds a count, with 32 binary places. Until somebody knows better a count is one.
    let multiplier = Atomic<UInt64>(1 << 32)
    let base = Atomic<UInt64>(0)
    /// Offset 40: the same without what `adjtimex` has changed.
    let rawMultiplier = Atomic<UInt64>(1 << 32)
    let rawBase = Atomic<UInt64>(0)
    /// Offset 56: what is to be added to the monotonic time for UTC since 1970.
    let realtimeOffset = Atomic<UInt64>(0)
    /// Offset 64: the same for international atomic time.
    let atomicOffset = Atomic<UInt64>(0)
    /// Offset 72: what is added to clocks that are not offset. Always 0.
    let zero = Atomic<UInt64>(0)

    enum Flags {
        /// Programs may use the time-stamp counter.
        static let hasCounter: UInt64 = 1
        /// RDPID tells the processor's number.
        static let hasRDPID: UInt64 = 2
    }

    public init() {}

    /// Puts new numbers in. One at a time: the caller holds a lock.
    func store(_ values: ClockValues, flags new: UInt64) {
        let round = sequence.load(ordering: .relaxed)
        sequence.store(round &+ 1, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
        flags.store(new, ordering: .relaxed)
        origin.store(values.origin, ordering: .relaxed)
        multiplier.store(values.multiplier, ordering: .relaxed)
        base.store(values.base, ordering: .relaxed)
        rawMultiplier.store(values.rawMultiplier, ordering: .relaxed)
        rawBase.store(values.rawBase, ordering: .relaxed)
        realtimeOffset.store(values.realtimeOffset, ordering: .relaxed)
        atomicOffset.store(values.realtimeOffset &+ UInt64(values.leapSeconds) &* 1_000_000_000, ordering: .relaxed)
        sequence.store(round &+ 2, ordering: .releasing)
    }
}

/// What turns counts into the time of all clocks.
public struct ClockValues: Equatable, Sendable {
    /// The count at which the clocks had the values `base` and `rawBase`.
    public var origin: UInt64 = 0
    /// Nanoseconds a count, with 32 binary places: as `adjtimex` set it, and as it was measured.
    public var multiplier: UInt64 = 1 << 32
    public var rawMultiplier: UInt64 = 1 << 32
    public var base: UInt64 = 0
    public var rawBase: UInt64 = 0
    /// To be added to the monotonic time for UTC since 1970, modulo 2^64.
    public var realtimeOffset: UInt64 = 0
    /// How far international atomic time is ahead of UTC, in seconds: what `adjtimex` was told.
    public var leapSeconds: UInt32 = 0

    public init() {}

    /// Nanoseconds of a number of counts.
    @inline(__always)
    public static func scaled(_ counts: UInt64, by multiplier: UInt64) -> UInt64 {
        let product = counts.multipliedFullWidth(by: multiplier)
        return product.high << 32 | product.low >> 32
    }

    /// The same clocks, told from a later count on: what is changed next counts from there.
    public mutating func advance(to count: UInt64) {
        guard count > origin else { return }
        base &+= Self.scaled(count &- origin, by: multiplier)
        rawBase &+= Self.scaled(count &- origin, by: rawMultiplier)
        origin = count
    }
}
