import Support
import Synchronization

/// The registers of a processor's one-shot timer.
public protocol TimerRegisters {
    /// IA32_TSC_DEADLINE; 0 disarms.
    func setDeadline(_ count: UInt64)
    /// The local APIC's initial count; 0 disarms.
    func setInitialCount(_ count: UInt32)
    /// Channel 0 of the PIT, mode 0.
    func setPIT(_ count: UInt16)
    var timestamp: UInt64 { get }
}

/// How a deadline becomes a value in a timer's register. Pure but for the registers.
public struct DeadlineProgram: Sendable {
    public enum Source: Sendable { case none, deadline, countdown, pit }
    public var source = Source.none
    /// Local APIC timer counts a second, divider 1.
    public var countdownFrequency: UInt64 = 1_000_000_000
    public var timestampFrequency: UInt64 = 1_000_000_000

    public init() {}

    /// No timer is set for less, and for more: the handler sets what is left.
    public static let shortestNanoseconds: UInt64 = 1000, longestNanoseconds: UInt64 = 1_000_000_000
    private static let pitFrequency: UInt64 = 1_193_182

    /// Asks for an interrupt in `wait` nanoseconds; nil for none.
    @inline(__always)
    public func set<Registers: TimerRegisters>(_ registers: Registers, wait: UInt64?) {
        guard let wait else {
            switch source {
            case .none, .pit: break  // the PIT fires once more at most
            case .deadline: registers.setDeadline(0)
            case .countdown: registers.setInitialCount(0)
            }
            return
        }
        let bounded = min(max(wait, Self.shortestNanoseconds), Self.longestNanoseconds)
        switch source {
        case .none: break
        case .deadline: registers.setDeadline(registers.timestamp &+ Self.counts(bounded, timestampFrequency))
        case .countdown: registers.setInitialCount(UInt32(clamping: max(Self.counts(bounded, countdownFrequency), 1)))
        case .pit: registers.setPIT(UInt16(clamping: max(Self.counts(bounded, Self.pitFrequency), 50)))
        }
    }

    /// Counts in a stretch of time of a second at most, rounded up: a timer must not fire before its time.
    private static func counts(_ nanoseconds: UInt64, _ frequency: UInt64) -> UInt64 {
        // At most 18 GHz: the product fits.
        (nanoseconds * frequency + 999_999_999) / 1_000_000_000
    }
}

/// The one-shot timer interrupt of this processor: TSC deadline, local APIC count-down or PIT, whichever exists.
public enum DeadlineTimer {
    // Written once at boot.
    nonisolated(unsafe) private static var program = DeadlineProgram()

    /// The real registers of the processor that runs this.
    private struct MachineRegisters: TimerRegisters {
        func setDeadline(_ count: UInt64) { asmWriteMSR(MSR.tscDeadline, count) }
        func setInitialCount(_ count: UInt32) { LocalAPIC.write(.initialCount, count) }
        func setPIT(_ count: UInt16) {
            asmOut8(0x43, 0x30)
            asmOut8(0x40, UInt8(count & 255))
            asmOut8(0x40, UInt8(count >> 8))
        }
        var timestamp: UInt64 { asmReadTSC() }
    }

    /// Chooses and starts the source; `handler` gets the interrupts.
    public static func start(_ handler: InterruptHandler) {
        guard Interrupts.usesAPIC else {
            _ = Interrupts.routeLegacy(irq: 0, to: handler)
            program.source = .pit
            Log.info("clock: timer interrupts by the PIT")
            return
        }
        Interrupts.setHandler(handler, vector: Interrupts.timerVector)
        program.timestampFrequency = Clock.timestampFrequency
        if Features.current.hasTSCDeadline, Clock.usesTimestamps {
            program.source = .deadline
            startHere()
            Log.info("clock: timer interrupts by TSC deadline")
        } else {
            LocalAPIC.write(.divide, 0b1011)
            calibrateCountdown()
            program.source = .countdown
            startHere()
            Log.info("clock: timer interrupts by the local APIC at \(program.countdownFrequency / 1000) kHz")
        }
    }

    /// Sets the timer of the processor that runs this up.
    static func startHere() {
        switch program.source {
        case .deadline:
            LocalAPIC.write(.timer, UInt32(Interrupts.timerVector) | (2 << 17))
            // The mode must be in force before the deadline is written (SDM volume 3A, 11.5.4.1).
            asmMemoryFence()
        case .countdown:
            LocalAPIC.write(.divide, 0b1011)
            LocalAPIC.write(.timer, UInt32(Interrupts.timerVector))
        case .none, .pit: break
        }
    }

    private static func calibrateCountdown() {
        var frequency: UInt64 = 1000
        // A virtual processor may stand still at any point. The clock is read before the timer starts and after it is read, so that this
        // makes the timer look slower than it is, never faster: the best of three is kept. A slow one only fires early.
        for _ in 0..<3 {
            let start = Clock.monotonic
            LocalAPIC.write(.initialCount, .max)
            // One millisecond by the calibrated clock; bounded by the count of reads.
            for _ in 0..<10_000_000 {
                if Clock.monotonic &- start >= 1_000_000 { break }
            }
            let ticks = UInt64(UInt32.max - LocalAPIC.read(.currentCount))
            let elapsed = max(Clock.monotonic &- start, 1)
            frequency = max(frequency, ticks * 1_000_000_000 / elapsed)
        }
        LocalAPIC.write(.initialCount, 0)
        program.countdownFrequency = min(frequency, 10_000_000_000)
    }

    /// Asks for an interrupt at `deadline` (monotonic nanoseconds), or none for `.max`. Interrupts are off.
    public static func program(_ deadline: UInt64) {
        let own = PerCPU.current
        if deadline == own.pointee.programmedDeadline { return }
        own.pointee.programmedDeadline = deadline
        guard deadline != .max else { return program.set(MachineRegisters(), wait: nil) }
        let now = Clock.monotonic
        program.set(MachineRegisters(), wait: deadline > now ? deadline &- now : 0)
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
