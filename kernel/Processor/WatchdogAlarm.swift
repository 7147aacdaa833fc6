import Support
import Synchronization

/// An alarm that reaches the first processor even if it keeps interrupts off: a comparator of the HPET whose line goes, through the
/// IOAPIC, to the NMI. Whoever watches the processors puts it off again and again; it rings when nobody does any more. It is what notices
/// a machine whose only processor is stuck, and it costs no interrupt as long as all is well.
public enum WatchdogAlarm {
    // Written once at boot.
    nonisolated(unsafe) private static var timer: HPETAlarm?
    /// The HPET's count at which it rings; 0 while it is off.
    private static let deadline = Atomic<UInt64>(0)

    /// The count when it was last put off, the lower 32 bits; 0 once the counter has wrapped around since then and that was noticed.
    private static let lastCount = Atomic<UInt32>(0)

    /// Longer than any processor keeps interrupts off, and than twice the period of who puts it off.
    private static let seconds: UInt64 = 12

    /// Looks for what it needs.
    /// - Returns: whether there is an alarm.
    public static func start() -> Bool {
        guard Interrupts.usesAPIC, let hpet = ClockKeeper.hpet, let alarm = HPETAlarm(hpet),
            let controller = Interrupts.ioAPIC(of: alarm.input)
        else { return false }
        // Delivery mode NMI, edge-triggered.
        controller.program(alarm.input - controller.firstInput, low: 4 << 8, destination: LocalAPIC.identifier)
        timer = alarm
        return true
    }

    /// Puts the alarm off.
    public static func postpone() {
        guard let timer else { return }
        lastCount.store(timer.count, ordering: .releasing)
        deadline.store(timer.ring(inSeconds: seconds), ordering: .releasing)
    }

    /// Whether an NMI means nothing: a comparator of 32 bits also interrupts the first processor, once, when the counter wraps around
    /// (2.3.9.2.1). Called by the NMI handler.
    public static func isWrap() -> Bool {
        guard let timer, PerCPU.current.pointee.index == 0 else { return false }
        let before = lastCount.exchange(0, ordering: .acquiringAndReleasing)
        if timer.count < before { return true }
        lastCount.store(before, ordering: .releasing)
        return false
    }

    /// Whether this is what an NMI is about; then it is off until somebody puts it off again. Called by the NMI handler.
    public static func hasRung() -> Bool {
        guard let timer, deadline.load(ordering: .acquiring) != 0, timer.isPast(deadline.load(ordering: .relaxed)) else {
            return false
        }
        deadline.store(0, ordering: .releasing)
        return true
    }
}

/// The first comparator of the HPET (IA-PC HPET specification 1.0a, sections 2.3.8 and 2.3.9), with 32 bits, for one interrupt.
struct HPETAlarm {
    private let counter: HPETCounter
    /// The global input of the IOAPICs that it raises.
    let input: UInt32

    private static let configuration = 0x100, comparator = 0x108

    /// - Returns: nil when the comparator reaches no input that is free. Those from 16 to 23 belong to PCI lines that are not used here.
    init?(_ counter: HPETCounter) {
        self.counter = counter
        let routes = UInt32(truncatingIfNeeded: asmRead64(UnsafeRawPointer(counter.memory + Self.configuration)) >> 32)
        guard let input = (16..<24).reversed().first(where: { routes >> UInt32($0) & 1 != 0 }) else { return nil }
        self.input = UInt32(input)
    }

    /// - Returns: the count at which it will ring.
    func ring(inSeconds seconds: UInt64) -> UInt64 {
        // Interrupt enabled, edge, one-shot, 32 bits.
        let settings = UInt64(input) << 9 | 1 << 8 | 1 << 2
        let deadline = (counter.read() &+ seconds * counter.frequency) & counter.mask
        // The comparator first: it must not ring for what it held before.
        asmWrite64(counter.memory + Self.comparator, deadline)
        asmWrite64(counter.memory + Self.configuration, settings)
        // 0 stands for none.
        return max(deadline, 1)
    }

    /// The 32 bits that are compared.
    var count: UInt32 { UInt32(truncatingIfNeeded: counter.read()) }

    func isPast(_ deadline: UInt64) -> Bool { (counter.read() &- deadline) & counter.mask < counter.mask >> 1 }
}
