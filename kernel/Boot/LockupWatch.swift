import Processor
import Scheduling
import Support

/// Notices a processor that stays in the kernel for long without a switch of threads: a loop that does not end, or a lock that is never
/// released. Says so in the log, once each time; nothing else is done about it.
///
/// It counts its own wake-ups, not seconds: a machine that was paused, or a slow emulator, does not look stuck.
final class LockupWatch: KernelTimer {
    private static let periodNanoseconds: UInt64 = 5_000_000_000
    /// A stay that has been seen that often again lasts for more than ten seconds.
    private static let limit: UInt8 = 2

    // Touched in `fire` only, which runs on one processor at a time.
    private var stays = InlineArray<64, UInt64>(repeating: 0)
    private var sightings = InlineArray<64, UInt8>(repeating: 0)

    func start() {
        lookAfterClock()
        rearm()
    }

    private func rearm() { arm(at: machineMonotonicNanoseconds() + Self.periodNanoseconds) }

    override func fire() {
        lookAfterClock()
        for processor in 0..<Processors.count {
            let stay = Scheduler.kernelStay(on: processor)
            if stay == 0 || stay != stays[processor] {
                stays[processor] = stay
                sightings[processor] = 0
            } else if sightings[processor] < Self.limit {
                sightings[processor] += 1
                if sightings[processor] == Self.limit { report(processor, since: stay) }
            }
        }
        rearm()
    }

    // Armed once the clocks need it.
    private let clockTimer = ClockTimer()

    private func lookAfterClock() {
        ClockKeeper.check()
        if !Clock.usesTimestamps, !clockTimer.isArmed { clockTimer.start() }
    }

    private func report(_ processor: Int, since: UInt64) {
        let isOwn = processor == Int(PerCPU.current.pointee.index)
        let instruction = isOwn ? PerCPU.current.pointee.interruptedInstruction : ProcessorProbe.instruction(of: processor)
        let seconds = Clock.nanoseconds(ofTicks: CPU.timestamp &- since) / 1_000_000_000
        var place: KernelString = "at an unknown place"
        if let instruction {
            place = "at \(hex(instruction))"
            if let symbol = Symbols.find(UInt(instruction)) { place += " in \(Array(symbol.name))" }
        }
        Log.warning("processor \(processor) has been in the kernel for \(seconds) s without a pause, \(place)")
    }
}
