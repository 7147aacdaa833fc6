import Support
import Synchronization

/// Time. It counts by the time-stamp counter; where that one cannot be trusted, by the HPET or the ACPI PM timer.
///
/// The numbers that turn counts into time change seldom (calibration, setting, adjusting, change of the source) and are read everywhere, in
/// interrupts too: under a sequence counter, so that readers take no lock. Programs read a copy of them (`ClockPage`).
public enum Clock {
    /// The numbers. Before calibration counts pass for nanoseconds.
    private static let page = ClockPage()
    /// The copy that programs see; nil until it is made. Protected by `changing`.
    nonisolated(unsafe) private static var sharedPage: UnsafePointer<ClockPage>?
    /// Held by whoever changes the numbers; they are its state.
    private static let changing = SpinLock(ClockValues())

    /// Counts of the time-stamp counter a second.
    nonisolated(unsafe) public private(set) static var timestampFrequency: UInt64 = 1_000_000_000
    /// Its nanoseconds a count, with 32 binary places. For stretches of counts that are accounted for, not for the clocks.
    nonisolated(unsafe) private static var timestampMultiplier: UInt64 = 1 << 32
    /// Whether the clocks count by something else. Changed with the numbers.
    private static let counter = Atomic<UInt8>(0)

    // MARK: Reading

    /// Remembers the time of boot: monotonic time is 0 here.
    public static func markBoot() {
        change { values in
            values = ClockValues()
            values.origin = asmReadTSC()
        }
    }

    /// Nanoseconds since boot.
    public static var monotonic: UInt64 { read { $0.base.load(ordering: .relaxed) &+ scaledSinceOrigin($0.multiplier) } }
    /// The same, as if nobody had adjusted the clock.
    public static var monotonicRaw: UInt64 { read { $0.rawBase.load(ordering: .relaxed) &+ scaledSinceOrigin($0.rawMultiplier) } }
    /// Nanoseconds since 1970, UTC.
    public static var realtime: UInt64 {
        read { page in
            page.base.load(ordering: .relaxed) &+ scaledSinceOrigin(page.multiplier)
                &+ page.realtimeOffset.load(ordering: .relaxed)
        }
    }
    /// The same in international atomic time, as far as `adjtimex` has told how far that is ahead.
    public static var atomicTime: UInt64 { realtime &+ (atomicOffset &- realtimeOffset) }

    /// What is added to the monotonic time for UTC, and for atomic time.
    public static var realtimeOffset: UInt64 { page.realtimeOffset.load(ordering: .relaxed) }
    public static var atomicOffset: UInt64 { page.atomicOffset.load(ordering: .relaxed) }

    /// The clocks that are as coarse as this show the last of the moments which are that far apart.
    public static var coarseNanoseconds: UInt64 { 4_000_000 }
    public static var monotonicCoarse: UInt64 {
        let now = monotonic
        return now &- now % coarseNanoseconds
    }
    public static var realtimeCoarse: UInt64 { monotonicCoarse &+ realtimeOffset }

    /// The length of a stretch of counts of the time-stamp counter.
    public static func nanoseconds(ofTicks ticks: UInt64) -> UInt64 { ClockValues.scaled(ticks, by: timestampMultiplier) }

    /// Reads numbers that belong together. Bounded, because an NMI may come to a processor that is changing them.
    @inline(__always)
    private static func read(_ time: (borrowing ClockPage) -> UInt64) -> UInt64 {
        var result: UInt64 = 0
        for _ in 0..<1_000_000 {
            let before = page.sequence.load(ordering: .acquiring)
            result = time(page)
            atomicMemoryFence(ordering: .acquiring)
            if before & 1 == 0, page.sequence.load(ordering: .relaxed) == before { break }
            machinePause()
        }
        return result
    }

    @inline(__always)
    private static func scaledSinceOrigin(_ multiplier: borrowing Atomic<UInt64>) -> UInt64 {
        let count = currentCount, origin = page.origin.load(ordering: .relaxed)
        // Another processor's counter may be a little behind.
        return count > origin ? ClockValues.scaled(count &- origin, by: multiplier.load(ordering: .relaxed)) : 0
    }

    @inline(__always)
    private static var currentCount: UInt64 {
        counter.load(ordering: .relaxed) == 0 ? asmReadTSC() : FallbackCounter.count
    }

    // MARK: Changing

    /// Changes some of the numbers. The clocks go on from where they are, unless `body` says otherwise.
    static func change(_ body: (inout ClockValues) -> Void) {
        changing.withLock { values in
            values.advance(to: currentCount)
            body(&values)
            store(values)
        }
    }

    private static func store(_ values: ClockValues) {
        var flags: UInt64 = counter.load(ordering: .relaxed) == 0 ? ClockPage.Flags.hasCounter : 0
        if Features.current.hasRDPID { flags |= ClockPage.Flags.hasRDPID }
        page.store(values, flags: flags)
        sharedPage?.pointee.store(values, flags: flags)
    }

    /// Sets the time of day; the monotonic clocks do not notice.
    public static func setRealtime(nanoseconds: UInt64) { change { $0.realtimeOffset = nanoseconds &- $0.base } }
    /// Moves the time of day.
    public static func shiftRealtime(by nanoseconds: Int64) { change { $0.realtimeOffset &+= UInt64(bitPattern: nanoseconds) } }
    /// Sets how far international atomic time is ahead of UTC.
    public static func setLeapSeconds(_ seconds: UInt32) { change { $0.leapSeconds = seconds } }
    /// Makes the clocks run faster or slower than measured.
    /// - Parameter parts: of 2^32; positive is faster. At most a tenth.
    public static func setRate(parts: Int64) {
        let parts = min(max(parts, -(1 << 32) / 10), (1 << 32) / 10)
        change { values in
            let change = ClockValues.scaled(values.rawMultiplier, by: parts.magnitude)
            values.multiplier = parts < 0 ? values.rawMultiplier &- change : values.rawMultiplier &+ change
        }
    }

    /// Makes a page the one that programs read the clocks by.
    /// - Parameter memory: a page of zeros that stays for ever.
    public static func share(in memory: UnsafeMutableRawPointer) {
        let shared = memory.bindMemory(to: ClockPage.self, capacity: 1)
        shared.initialize(to: ClockPage())
        changing.withLock { values in
            sharedPage = UnsafePointer(shared)
            store(values)
        }
    }

    // MARK: Where the counts come from

    /// What the clocks count by.
    public static var sourceName: StaticString { counter.load(ordering: .relaxed) == 0 ? "tsc" : FallbackCounter.name }
    /// Whether that is the time-stamp counter.
    public static var usesTimestamps: Bool { counter.load(ordering: .relaxed) == 0 }

    /// Takes the time-stamp counter's frequency for known. The clocks go on from where they are; before the first call they stood for
    /// counts, and start over from the boot.
    static func setTimestampFrequency(_ frequency: UInt64, isFirst: Bool) {
        timestampFrequency = frequency
        timestampMultiplier = multiplier(of: frequency)
        guard usesTimestamps else { return }
        changing.withLock { values in
            if isFirst { (values.base, values.rawBase) = (0, 0) } else { values.advance(to: currentCount) }
            (values.multiplier, values.rawMultiplier) = (timestampMultiplier, timestampMultiplier)
            store(values)
        }
    }

    /// Stops counting by the time-stamp counter. The clocks go on from where they are.
    static func useFallback(frequency: UInt64) {
        changing.withLock { values in
            values.advance(to: currentCount)
            values.origin = FallbackCounter.count
            (values.multiplier, values.rawMultiplier) = (multiplier(of: frequency), multiplier(of: frequency))
            counter.store(1, ordering: .relaxed)
            store(values)
        }
    }

    static func multiplier(of frequency: UInt64) -> UInt64 { (1_000_000_000 << 32) / frequency }
}

@c(martlet_monotonic_ns)
public func monotonicNanoseconds() -> UInt64 { Clock.monotonic }
