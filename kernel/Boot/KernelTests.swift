import Processor
import Scheduling
import Support
import Synchronization

/// Faults that the kernel makes on demand (`martlet.test=` on the command line), so that tests can see how it reports them.
enum KernelTests {
    private static let ready = Atomic<Int>(0)

    static func run(_ options: CommandLine) {
        #if HEAPCHECK
            HeapTests.run(options.value("martlet.test") ?? [])
        #endif
        guard let name = options.value("martlet.test") else { return }
        if name.elementsEqual("panic".utf8) { panic("test of the panic path, asked for on the command line") }
        if name.elementsEqual("panic-everywhere".utf8) { panicEverywhere() }
        if name.elementsEqual("lockup".utf8) { lockUp() }
        if name.elementsEqual("lock-orders".utf8) { LockTests.takeInBothOrders() }
        if name.elementsEqual("inheritance".utf8) { LockTests.inherit() }
        if name.elementsEqual("interrupts-off".utf8) { keepInterruptsOff() }
        if name.elementsEqual("nested-interrupts".utf8) { nestInterrupts() }
        if name.elementsEqual("calls".utf8) { callAll() }
    }

    private static let endedCallers = Atomic<Int>(0)
    private static let answers = Atomic<Int>(0)

    /// Calls all processors a hundred times from each of them at the same time, and counts who comes.
    private static func callAll() {
        let count = Processors.count
        for processor in 0..<count {
            launch(on: processor) {
                for _ in 0..<100 { ProcessorCalls.onAll { answers.wrappingAdd(1, ordering: .relaxed) } }
                if endedCallers.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == count {
                    Log.info("test: \(answers.load(ordering: .relaxed)) answers to \(count * 100) calls")
                }
            }
        }
    }

    /// Serves a device's interrupt until the timer's has come in between.
    private static func nestInterrupts() {
        let handler = SlowHandler()
        guard let vector = Interrupts.allocateVector(handler) else { return Log.error("test: no vector is left") }
        let flags = machineInterruptSave()
        handler.timer.arm(at: machineMonotonicNanoseconds() + 2_000_000)
        Interrupts.raiseHere(vector)
        machineInterruptRestore(flags)
        let end = machineMonotonicNanoseconds() + 2_000_000_000
        while !handler.isDone.load(ordering: .acquiring), machineMonotonicNanoseconds() < end { machinePause() }
        let isNested = handler.wasInterrupted.load(ordering: .acquiring)
        Log.info("test: \(isNested ? "the timer interrupted a device's handler" : "a device's handler kept the timer back")")
        Interrupts.releaseVector(vector)
    }

    /// The processors that are said to be there: on demand one among them that is not, so that nobody answers its start-up.
    static func processors(_ listed: [UInt32], _ options: CommandLine) -> [UInt32] {
        guard let name = options.value("martlet.test"), name.elementsEqual("silent-processor".utf8) else { return listed }
        return listed.prefix(2) + [absentIdentifier] + listed.dropFirst(2)
    }

    /// The number of a local APIC that no small machine has.
    private static let absentIdentifier: UInt32 = 0xee

    /// Panics on all processors at the same moment.
    private static func panicEverywhere() {
        for processor in 0..<Processors.count {
            launch(on: processor) {
                ready.wrappingAdd(1, ordering: .acquiringAndReleasing)
                while ready.load(ordering: .acquiring) < Processors.count { machinePause() }
                panic("test of several panics at once, asked for on the command line")
            }
        }
    }

    /// Keeps interrupts off on the first processor for longer than is decent.
    private static func keepInterruptsOff() {
        launch(on: 0) {
            let flags = machineInterruptSave()
            let end = machineMonotonicNanoseconds() + 25_000_000_000
            while machineMonotonicNanoseconds() < end { machinePause() }
            machineInterruptRestore(flags)
            Log.info("test: interrupts are on again")
        }
    }

    /// Keeps the last processor in the kernel for longer than is decent.
    private static func lockUp() {
        launch(on: Processors.count - 1) {
            let end = machineMonotonicNanoseconds() + 25_000_000_000
            while machineMonotonicNanoseconds() < end { machinePause() }
            Log.info("test: the lockup is over")
        }
    }

    static func launch(on processor: Int, _ body: @escaping () -> Void) { Scheduler.launchHere(on: processor, body) }
}

/// A device that takes its time: 0.3 s, unless a timer ends it.
private final class SlowHandler: InterruptHandler {
    final class EndTimer: KernelTimer {
        let hasFired = Atomic<Bool>(false)
        override func fire() { hasFired.store(true, ordering: .releasing) }
    }

    let timer = EndTimer()
    let wasInterrupted = Atomic<Bool>(false), isDone = Atomic<Bool>(false)

    override func handle() {
        let thread = PerCPU.currentThread
        let end = machineMonotonicNanoseconds() + 300_000_000
        while !timer.hasFired.load(ordering: .acquiring), machineMonotonicNanoseconds() < end { machinePause() }
        // Still the same thread: whatever came in between has not switched.
        let isInterrupted = timer.hasFired.load(ordering: .acquiring) && PerCPU.currentThread == thread
        wasInterrupted.store(isInterrupted, ordering: .releasing)
        isDone.store(true, ordering: .releasing)
    }
}
