import Support
import Synchronization

/// Stopping every processor but one for good: for a panic, and before the machine is turned off. Others are interrupted with an NMI,
/// so that no loop with interrupts off keeps them from it.
public enum ProcessorStop {
    /// The number of the processor that goes on, plus 1; 0 while all do.
    private static let survivor = Atomic<UInt>(0)
    private static let stopped = Atomic<Int>(0)
    /// Longer than an NMI takes to arrive. On an emulator other work of the host counts too.
    private static let patienceNanoseconds: UInt64 = 2_000_000_000

    public enum Claim { case granted, alreadyMine, refused }

    /// Asks to be the one that goes on. Of several that ask at once, one is granted it.
    public static func claim() -> Claim {
        let own = PerCPU.current.pointee.index + 1
        let (isFirst, holder) = survivor.compareExchange(expected: 0, desired: own, ordering: .acquiringAndReleasing)
        return isFirst ? .granted : holder == own ? .alreadyMine : .refused
    }

    /// Stops the others, after `claim` was granted. Interrupts are off.
    /// - Returns: whether all of them have stopped; one that does not answer is not waited for longer than it is worth.
    @discardableResult
    public static func stopOthers() -> Bool {
        let own = Int(PerCPU.current.pointee.index), count = Processors.count
        for index in 0..<count { if index != own { LocalAPIC.sendNonMaskable(to: Processors[index].pointee.identifier) } }
        let deadline = machineMonotonicNanoseconds() + patienceNanoseconds
        while stopped.load(ordering: .acquiring) < count - 1 {
            if machineMonotonicNanoseconds() > deadline { return false }
            machinePause()
        }
        return true
    }

    /// Stops this processor if another one has asked for it. Called by the NMI handler, and by whoever was refused.
    public static func stopIfAsked() {
        let survivor = survivor.load(ordering: .acquiring)
        if survivor == 0 || survivor == PerCPU.current.pointee.index + 1 { return }
        stopped.wrappingAdd(1, ordering: .releasing)
        CPU.stop()
    }
}

/// Asking a processor what it executes, even if it keeps interrupts off: an NMI makes it say so.
public enum ProcessorProbe {
    /// Longer than an NMI takes to arrive.
    private static let patienceNanoseconds: UInt64 = 100_000_000

    /// The instruction that another processor executes now; nil when it does not answer.
    public static func instruction(of processor: Int) -> UInt64? {
        let target = Processors[processor]
        target.pointee.probe.store(1, ordering: .releasing)
        LocalAPIC.sendNonMaskable(to: target.pointee.identifier)
        let deadline = machineMonotonicNanoseconds() + patienceNanoseconds
        while true {
            let answer = target.pointee.probe.load(ordering: .acquiring)
            if answer != 1 { return answer }
            if machineMonotonicNanoseconds() > deadline { break }
            machinePause()
        }
        // From now on an NMI that comes late is one that nobody has asked for.
        let late = target.pointee.probe.exchange(0, ordering: .acquiring)
        return late == 1 ? nil : late
    }

    /// Answers, if this processor was asked. Called by the NMI handler.
    /// - Returns: whether it was.
    public static func answer(_ instruction: UInt64) -> Bool {
        PerCPU.current.pointee.probe.compareExchange(expected: 1, desired: instruction, ordering: .acquiringAndReleasing)
            .exchanged
    }
}
