import Processor
import Scheduling
import Support
import Syscalls

/// Notices processors that are stuck, and says so in the log, once each time; nothing else is done about it. Two things are noticed:
///
/// - A processor that stays in the kernel for long without a switch of threads: a loop that does not end, or a lock that is never
///   released.
/// - A processor that does not take an interrupt for long. The first one is watched by the second; a machine with one processor, and one
///   whose processors all keep interrupts off, by the HPET's NMI (`WatchdogAlarm`).
///
/// It counts its own wake-ups, not seconds: a machine that was paused, or a slow emulator, does not look stuck.
final class LockupWatch: KernelTimer {
    private static let periodNanoseconds: UInt64 = 5_000_000_000
    /// What has been seen that often again lasts for more than ten seconds.
    private static let limit: UInt8 = 2

    // Touched in `fire` only, which runs on one processor at a time.
    private var stays = InlineArray<64, UInt64>(repeating: 0)
    private var sightings = InlineArray<64, UInt8>(repeating: 0)
    /// How many interrupts each processor had taken when it was sent one, and how often it did not take it.
    private var interrupts = InlineArray<64, UInt64>(repeating: .max)
    private var silences = InlineArray<64, UInt8>(repeating: 0)
    private let watchesAll: Bool

    private init(watchesAll: Bool) { self.watchesAll = watchesAll }

    // Alive for ever, as they stay armed.
    nonisolated(unsafe) private static let first = LockupWatch(watchesAll: true)
    nonisolated(unsafe) private static let second = LockupWatch(watchesAll: false)

    /// Starts watching. It runs on the first processor, once all run.
    static func start() {
        KernelFault.stuckReporter = { reportSilence($0) }
        StateReport.start()
        if WatchdogAlarm.start() {
            WatchdogAlarm.postpone()
        } else if Processors.count == 1 {
            Log.notice("watchdog: no NMI alarm; a processor with its interrupts off is not noticed")
        }
        Scheduler.launchHere(on: 0) { first.begin() }
        if Processors.count > 1 { Scheduler.launchHere(on: 1) { second.begin() } }
    }

    private func begin() {
        if watchesAll { lookAfterMachine() }
        rearm()
    }

    private func rearm() { arm(at: machineMonotonicNanoseconds() + Self.periodNanoseconds) }

    override func fire() {
        if watchesAll {
            lookAfterMachine()
            StateReport.reportIfAsked()
            for processor in 0..<Processors.count {
                lookForStay(processor)
                lookForSilence(processor)
            }
        } else {
            lookForSilence(0)
        }
        rearm()
    }

    private func lookForStay(_ processor: Int) {
        let stay = Scheduler.kernelStay(on: processor)
        if stay == 0 || stay != stays[processor] {
            stays[processor] = stay
            sightings[processor] = 0
        } else if sightings[processor] < Self.limit {
            sightings[processor] += 1
            if sightings[processor] == Self.limit { report(processor, since: stay) }
        }
    }

    /// Sends a processor an interrupt, and looks whether it took the one before.
    private func lookForSilence(_ processor: Int) {
        if processor == Int(PerCPU.current.pointee.index) { return }
        let count = Processors.interruptCount(processor: processor, vector: Int(Interrupts.rescheduleVector))
        if count != interrupts[processor] {
            silences[processor] = 0
        } else if silences[processor] < Self.limit {
            silences[processor] += 1
            if silences[processor] == Self.limit {
                Log.warning("processor \(processor) takes no interrupts, \(place(ProcessorProbe.instruction(of: processor)))")
            }
        }
        interrupts[processor] = count
        Interrupts.sendReschedule(to: processor)
    }

    // Armed once the clocks need it.
    private let clockTimer = ClockTimer()

    private func lookAfterMachine() {
        WatchdogAlarm.postpone()
        ClockKeeper.check()
        if !Clock.usesTimestamps, !clockTimer.isArmed { clockTimer.start() }
    }

    private func report(_ processor: Int, since: UInt64) {
        let isOwn = processor == Int(PerCPU.current.pointee.index)
        let instruction = isOwn ? PerCPU.current.pointee.interruptedInstruction : ProcessorProbe.instruction(of: processor)
        let seconds = Clock.nanoseconds(ofTicks: CPU.timestamp &- since) / 1_000_000_000
        Log.warning("processor \(processor) has been in the kernel for \(seconds) s without a pause, \(place(instruction))")
    }

    private func place(_ instruction: UInt64?) -> KernelString {
        guard let instruction else { return "at an unknown place" }
        var place: KernelString = "at \(hex(instruction))"
        if let symbol = Symbols.find(UInt(instruction)) { place += " in \(Array(symbol.name))" }
        return place
    }

    /// In the NMI of the processor that is stuck, which may hold any lock: straight to the serial port.
    private static func reportSilence(_ frame: TrapFrame) {
        Panic.put("\nwatchdog: processor ")
        Panic.putDecimal(PerCPU.current.pointee.index)
        Panic.put(" takes no interrupts, at ")
        Panic.putHex(frame.rip)
        if let symbol = Symbols.find(UInt(frame.rip)) {
            Panic.put(" in ")
            Panic.put(symbol.name)
        }
        Panic.put("\n")
    }
}

extension Scheduler {
    /// Runs something short in a thread on a given processor.
    static func launchHere(on processor: Int, _ body: @escaping () -> Void) {
        let made = Thread(
            id: 4, name: "start",
            entry: { _ in
                body()
                return nil
            })
        guard let made else { return Log.error("no memory for a thread") }
        setAllowedProcessors(of: made, to: 1 << UInt64(processor))
        launch(made)
    }
}
