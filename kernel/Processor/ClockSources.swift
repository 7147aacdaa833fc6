import Support
import Synchronization

/// The counter that the clocks go by when the time-stamp counter cannot be trusted: HPET or PM timer. Both have few bits, so somebody must
/// read them before they start over (`ClockKeeper`); what is counted on from there never goes back.
enum FallbackCounter {
    private enum Kind: UInt8 { case none, hpet, powerTimer }
    // Written once at boot.
    nonisolated(unsafe) private static var hpet: HPETCounter?
    nonisolated(unsafe) private static var powerTimer: PowerTimerCounter?
    private static let latest = Atomic<UInt64>(0)

    /// Prepares the first of both that exists.
    static func prepare(hpet: HPETCounter?, powerTimer: PowerTimerCounter?) {
        self.hpet = hpet
        self.powerTimer = hpet == nil ? powerTimer : nil
        latest.store(reading, ordering: .relaxed)
    }

    static var isThere: Bool { hpet != nil || powerTimer != nil }
    static var name: StaticString { hpet != nil ? "hpet" : powerTimer != nil ? "acpi_pm" : "none" }
    static var frequency: UInt64 { hpet?.frequency ?? powerTimer?.frequency ?? 1_000_000_000 }
    static var mask: UInt64 { hpet?.mask ?? powerTimer?.mask ?? .max }
    /// The counter as it is.
    static var reading: UInt64 { hpet?.read() ?? powerTimer?.read() ?? 0 }

    /// Counts since the preparation, with all bits. Apart, so that readers of the time-stamp counter save no registers for it.
    @inline(never)
    static var count: UInt64 {
        let mask = mask
        while true {
            let old = latest.load(ordering: .acquiring)
            let passed = (reading &- old) & mask
            // Somebody else has counted on since this one read: it would go back.
            if passed > mask >> 1 { return old }
            let (isStored, _) = latest.compareExchange(expected: old, desired: old &+ passed, ordering: .acquiringAndReleasing)
            if isStored { return old &+ passed }
        }
    }
}

/// Chooses what the clocks count by, and keeps an eye on it.
public enum ClockKeeper {
    /// The HPET, if there is one. Written once at boot.
    nonisolated(unsafe) static private(set) var hpet: HPETCounter?
    // Touched by the boot code, then by `check`, which runs on one processor at a time.
    nonisolated(unsafe) private static var watch = ClockWatch()
    nonisolated(unsafe) private static var isRefined = false
    nonisolated(unsafe) private static var refinementStart: (timestamp: UInt64, count: UInt64, width: UInt64)?

    /// How often `check` must be called at least, while the clocks do not count by the time-stamp counter.
    public static let longestPauseNanoseconds: UInt64 = 2_000_000_000

    /// Measures the time-stamp counter with what the machine has, and falls back to something else if it is not steady.
    /// - Parameters:
    ///   - hpetMemory: the HPET's registers, if ACPI lists one.
    ///   - powerTimerPort: the I/O port of the PM timer, if there is one.
    ///   - wanted: what `clocksource=` on the command line asks for: `tsc`, `hpet` or `acpi_pm`.
    public static func start(hpetMemory: UnsafeMutableRawPointer?, powerTimerPort: UInt16?, wanted: [UInt8]?) {
        var hpet = hpetMemory.flatMap { HPETCounter(memory: $0) }
        var powerTimer = powerTimerPort.flatMap { PowerTimerCounter(port: $0) }
        self.hpet = hpet
        if hpet == nil { Log.notice("clock: no HPET") }
        if powerTimer == nil { Log.notice("clock: no PM timer") }
        let isSteady = measure(hpet, powerTimer)
        let asked = wanted.map { $0.elementsEqual("hpet".utf8) ? 1 : $0.elementsEqual("acpi_pm".utf8) ? 2 : 0 } ?? 0
        if asked == 1, hpet != nil { powerTimer = nil }
        if asked == 2, powerTimer != nil { hpet = nil }
        FallbackCounter.prepare(hpet: hpet, powerTimer: powerTimer)
        guard !isSteady || asked != 0 else { return }
        if FallbackCounter.isThere {
            Clock.useFallback(frequency: FallbackCounter.frequency)
            Log.notice(
                "clock: counting by \(FallbackCounter.name), as \(isSteady ? "asked for" : "the time-stamp counter is not steady")"
            )
        } else {
            Log.warning("clock: nothing but the time-stamp counter to count by")
        }
    }

    /// - Returns: whether the counter is steady and its frequency known.
    private static func measure(_ hpet: HPETCounter?, _ powerTimer: PowerTimerCounter?) -> Bool {
        let timestamp = { asmReadTSC() }
        var results: [(name: StaticString, frequency: UInt64)] = []
        var wasUnsteady = false
        func add(_ name: StaticString, _ frequency: UInt64?) {
            if let frequency { results.append((name, frequency)) } else { wasUnsteady = true }
        }
        if let exact = cpuidFrequency() { results.append(("CPUID", exact)) }
        if let hpet { add(hpet.name, TimestampMeasurement.frequency(with: hpet, timestamp: timestamp)) }
        if let powerTimer, results.count < 2 {
            add(powerTimer.name, TimestampMeasurement.frequency(with: powerTimer, timestamp: timestamp))
        }
        let isSettled = results.count >= 2 && TimestampMeasurement.agree(results[0].frequency, results[1].frequency)
        if !isSettled {
            // One more opinion.
            if let pit = PITCounter() {
                add(pit.name, TimestampMeasurement.frequency(with: pit, timestamp: timestamp))
            } else if results.isEmpty {
                Log.notice("clock: no PIT")
            }
        }
        guard let choice = ClockChoice(results.map { $0.frequency }) else {
            Log.warning("clock: no timer to measure the time-stamp counter with; assuming 1 GHz")
            return !wasUnsteady
        }
        let chosen = results[choice.index]
        Clock.setTimestampFrequency(chosen.frequency, isFirst: true)
        isRefined = choice.index == 0 && results[0].name.utf8CodeUnitCount == 5  // CPUID's is exact
        var line: KernelString = "clock: time-stamp counter at \(chosen.frequency / 1000) kHz (\(chosen.name)"
        if let witness = choice.witness { line += ", and \(results[witness].name)" }
        Log.info(line + ")")
        for (index, result) in results.enumerated() {
            if !TimestampMeasurement.agree(result.frequency, chosen.frequency), index != choice.index {
                Log.warning("clock: \(result.name) says \(result.frequency / 1000) kHz, which is not believed")
            }
        }
        return true
    }

    /// The frequency that CPUID states: leaf 15h (crystal × ratio), where it is complete.
    private static func cpuidFrequency() -> UInt64? {
        guard cpuid(0).eax >= 0x15 else { return nil }
        let leaf = cpuid(0x15)
        guard leaf.eax != 0, leaf.ebx != 0, leaf.ecx != 0 else { return nil }
        let frequency = UInt64(leaf.ecx) * UInt64(leaf.ebx) / UInt64(leaf.eax)
        return TimestampMeasurement.plausible.contains(frequency) ? frequency : nil
    }

    /// Looks after the clocks; to be called every few seconds, from one processor at a time. Compares the time-stamp counter with the
    /// other counter, refines its frequency the first time, and gives it up if it is wrong.
    public static func check() {
        guard FallbackCounter.isThere else { return }
        guard Clock.usesTimestamps else {
            // So that no turn of the counter is missed.
            _ = Clock.monotonic
            return
        }
        let flags = machineInterruptSave()
        let before = asmReadTSC(), count = FallbackCounter.reading, width = asmReadTSC() &- before
        let time = Clock.monotonicRaw
        machineInterruptRestore(flags)
        // An interruption between the readings would show as a difference.
        guard Clock.nanoseconds(ofTicks: width) < 1_000_000 else { return }
        if !isRefined { refine(before &+ width / 2, count, width) }
        switch watch.compare(time: time, count: count, frequency: FallbackCounter.frequency, mask: FallbackCounter.mask) {
        case .first, .agrees: break
        case .suspicious: Log.notice("clock: the time-stamp counter and \(FallbackCounter.name) disagree")
        case .wrong:
            Log.warning("clock: the time-stamp counter is wrong; counting by \(FallbackCounter.name)")
            Clock.useFallback(frequency: FallbackCounter.frequency)
        }
    }

    /// A frequency that was measured for milliseconds is a little off; over seconds it is exact.
    private static func refine(_ timestamp: UInt64, _ count: UInt64, _ width: UInt64) {
        guard let start = refinementStart else {
            refinementStart = (timestamp, count, width)
            return
        }
        isRefined = true
        let old = Clock.timestampFrequency
        let counts = timestamp &- start.timestamp
        // As many counts as have passed by the old frequency, to find out how often the reference started over.
        let expected = counts / old * FallbackCounter.frequency + counts % old * FallbackCounter.frequency / old
        let turn = FallbackCounter.mask &+ 1
        var passed = (count &- start.count) & FallbackCounter.mask
        passed &+= (expected &- passed &+ turn / 2) / turn * turn
        guard counts < UInt64.max / FallbackCounter.frequency / 2, passed > FallbackCounter.frequency else { return }
        let frequency = counts * (FallbackCounter.frequency / 100) / passed * 100
        guard max(frequency, old) - min(frequency, old) < old / 200 else { return }
        Clock.setTimestampFrequency(frequency, isFirst: false)
        Log.info("clock: time-stamp counter refined to \(frequency / 1000) kHz")
    }
}

/// Which of several opinions on a frequency is believed. Pure.
public struct ClockChoice: Equatable, Sendable {
    /// The one that is used.
    public let index: Int
    /// One that agrees with it.
    public let witness: Int?

    /// The first that another one agrees with; if there is none, the first.
    /// - Returns: nil without opinions.
    public init?(_ frequencies: [UInt64]) {
        guard !frequencies.isEmpty else { return nil }
        for first in frequencies.indices {
            for second in frequencies.indices {
                if second > first, TimestampMeasurement.agree(frequencies[first], frequencies[second]) {
                    (index, witness) = (first, second)
                    return
                }
            }
        }
        (index, witness) = (0, nil)
    }
}
