import Support
import Synchronization

/// Time. The source is the time-stamp counter, calibrated once against the PIT or the ACPI PM timer.
public enum Clock {
    // nanoseconds = (tsc - origin) * multiplier >> 32. Written once at boot, before other processors start.
    nonisolated(unsafe) private static var origin: UInt64 = 0
    nonisolated(unsafe) private static var multiplier: UInt64 = 1 << 32
    /// Ticks of the time-stamp counter a second.
    nonisolated(unsafe) public private(set) static var timestampFrequency: UInt64 = 1_000_000_000
    /// Nanoseconds to add to the monotonic time to get UTC since 1970. Changed by clock_settime.
    private static let realtimeOffset = SpinLock<Int64>(0)

    /// Remembers the time of boot: monotonic time is 0 here.
    public static func markBoot() { origin = asmReadTSC() }

    /// Nanoseconds since boot.
    @inline(__always)
    public static var monotonic: UInt64 { scaled(asmReadTSC() &- origin) }

    /// Nanoseconds since 1970, UTC.
    public static var realtime: UInt64 { UInt64(bitPattern: Int64(monotonic) &+ realtimeOffset.withLock { $0 }) }

    public static func setRealtime(nanoseconds: UInt64) {
        let offset = Int64(bitPattern: nanoseconds) &- Int64(monotonic)
        realtimeOffset.withLock { $0 = offset }
    }

    /// The length of a stretch of time-stamp counts.
    public static func nanoseconds(ofTicks ticks: UInt64) -> UInt64 { scaled(ticks) }

    @inline(__always)
    private static func scaled(_ ticks: UInt64) -> UInt64 {
        let product = ticks.multipliedFullWidth(by: multiplier)
        return product.high << 32 | product.low >> 32
    }

    /// Measures the counter's frequency.
    /// - Parameter powerTimerPort: the I/O port of the ACPI PM timer, if the machine has one (24 bits at 3.579545 MHz).
    public static func calibrate(powerTimerPort: UInt16?) {
        var frequency: UInt64?
        var source = "CPUID"
        if let exact = cpuidFrequency() { frequency = exact }
        if frequency == nil, let port = powerTimerPort { frequency = measurePowerTimer(port); source = "PM timer" }
        if frequency == nil { frequency = measurePIT(); source = "PIT" }
        if let frequency, frequency > 10_000_000, frequency < 20_000_000_000 {
            timestampFrequency = frequency
            multiplier = (1_000_000_000 << 32) / frequency
            Log.info("clock: time-stamp counter at \(frequency / 1000) kHz (\(source))")
        } else {
            multiplier = 1 << 32
            Log.warning("clock: no timer to measure the time-stamp counter with; assuming 1 GHz")
        }
    }

    /// The frequency that CPUID states: leaf 15h (crystal × ratio), where it is complete.
    private static func cpuidFrequency() -> UInt64? {
        guard cpuid(0).eax >= 0x15 else { return nil }
        let leaf = cpuid(0x15)
        guard leaf.eax != 0, leaf.ebx != 0, leaf.ecx != 0 else { return nil }
        return UInt64(leaf.ecx) * UInt64(leaf.ebx) / UInt64(leaf.eax)
    }

    /// Counts TSC ticks over 4,096 ticks of the PM timer (1.14 ms). Bounded: a dead timer gives nil.
    private static func measurePowerTimer(_ port: UInt16) -> UInt64? {
        let wanted: UInt32 = 4096
        guard let start = nextPowerTimerEdge(port) else { return nil }
        let startTSC = asmReadTSC()
        for _ in 0..<1_000_000 {
            let passed = (asmIn32(port) &- start) & 0xff_ffff
            if passed >= wanted {
                let ticks = asmReadTSC() &- startTSC
                return ticks * 3_579_545 / UInt64(passed)
            }
        }
        return nil
    }

    private static func nextPowerTimerEdge(_ port: UInt16) -> UInt32? {
        let first = asmIn32(port) & 0xff_ffff
        for _ in 0..<100_000 {
            let now = asmIn32(port) & 0xff_ffff
            if now != first { return now }
        }
        return nil
    }

    /// Counts TSC ticks while channel 2 of the PIT counts down 2 ms. Bounded.
    private static func measurePIT() -> UInt64? {
        let count: UInt32 = 2386
        asmOut8(0x61, (asmIn8(0x61) & ~2) | 1)
        asmOut8(0x43, 0xb0)
        asmOut8(0x42, UInt8(count & 255))
        asmOut8(0x42, UInt8(count >> 8))
        let start = asmReadTSC()
        for _ in 0..<1_000_000 {
            if asmIn8(0x61) & 0x20 != 0 {
                let ticks = asmReadTSC() &- start
                return ticks * 1_193_182 / UInt64(count)
            }
        }
        return nil
    }
}

@c(martlet_monotonic_ns)
public func monotonicNanoseconds() -> UInt64 { Clock.monotonic }

/// The one-shot timer interrupt of this processor: TSC deadline, local APIC count-down or PIT, whichever exists.
public enum DeadlineTimer {
    private enum Source { case none, deadline, countdown, pit }
    // Written once at boot.
    nonisolated(unsafe) private static var source = Source.none
    /// Local APIC timer ticks a second, divider 1.
    nonisolated(unsafe) private static var countdownFrequency: UInt64 = 0
    /// Chooses and starts the source; `handler` gets the interrupts.
    public static func start(_ handler: InterruptHandler) {
        if Interrupts.usesAPIC {
            Interrupts.setHandler(handler, vector: Interrupts.timerVector)
            if Features.current.hasTSCDeadline {
                LocalAPIC.write(.timer, UInt32(Interrupts.timerVector) | (2 << 17))
                source = .deadline
            } else {
                LocalAPIC.write(.divide, 0b1011)
                calibrateCountdown()
                LocalAPIC.write(.timer, UInt32(Interrupts.timerVector))
                source = .countdown
            }
        } else {
            _ = Interrupts.routeLegacy(irq: 0, to: handler)
            source = .pit
        }
    }

    /// Sets the timer of another processor up like the first one's. It runs there.
    static func startHere() {
        switch source {
        case .deadline: LocalAPIC.write(.timer, UInt32(Interrupts.timerVector) | (2 << 17))
        case .countdown:
            LocalAPIC.write(.divide, 0b1011)
            LocalAPIC.write(.timer, UInt32(Interrupts.timerVector))
        case .none, .pit: break
        }
    }

    private static func calibrateCountdown() {
        LocalAPIC.write(.initialCount, .max)
        let start = Clock.monotonic
        // One millisecond by the calibrated clock; bounded by the count of reads.
        for _ in 0..<10_000_000 {
            if Clock.monotonic &- start >= 1_000_000 { break }
        }
        let ticks = UInt64(UInt32.max - LocalAPIC.read(.currentCount))
        let elapsed = max(Clock.monotonic &- start, 1)
        LocalAPIC.write(.initialCount, 0)
        countdownFrequency = max(ticks * 1_000_000_000 / elapsed, 1000)
    }

    /// Asks for an interrupt at `deadline` (monotonic nanoseconds), or none for `.max`. Interrupts are off.
    public static func program(_ deadline: UInt64) {
        let own = PerCPU.current
        if deadline == own.pointee.programmedDeadline { return }
        own.pointee.programmedDeadline = deadline
        if deadline == .max {
            if source == .countdown { LocalAPIC.write(.initialCount, 0) }
            if source == .deadline { asmWriteMSR(MSR.tscDeadline, 0) }
            return
        }
        let now = Clock.monotonic
        // At least a microsecond ahead, at most a second: the handler programs what is left.
        let wait = deadline > now ? min(deadline - now, 1_000_000_000) : 1000
        switch source {
        case .none: break
        case .deadline:
            asmWriteMSR(MSR.tscDeadline, asmReadTSC() &+ max(wait, 1000) * Clock.timestampFrequency / 1_000_000_000)
        case .countdown:
            let ticks = max(wait, 1000) * countdownFrequency / 1_000_000_000
            LocalAPIC.write(.initialCount, UInt32(min(max(ticks, 1), UInt64(UInt32.max))))
        case .pit:
            let ticks = min(max(wait * 1_193_182 / 1_000_000_000, 50), 65535)
            asmOut8(0x43, 0x30)
            asmOut8(0x40, UInt8(ticks & 255))
            asmOut8(0x40, UInt8(ticks >> 8))
        }
    }

    /// The interrupt came: nothing is programmed any more.
    public static func fired(now: UInt64) {
        let own = PerCPU.current
        let late = now > own.pointee.programmedDeadline ? now - own.pointee.programmedDeadline : 0
        if late > own.pointee.longestTimerDelay.load(ordering: .relaxed) {
            own.pointee.longestTimerDelay.store(late, ordering: .relaxed)
        }
        own.pointee.programmedDeadline = .max
    }
}
