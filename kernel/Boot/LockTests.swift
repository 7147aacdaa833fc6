import Processor
import Scheduling
import Support
import struct Synchronization.Atomic

/// Kernel tests of locks, asked for on the command line.
enum LockTests {
    private static let first = SpinLock(0)
    private static let second = SpinLock(0)

    /// Takes two locks in one order and then in the other: nobody waits, and yet the checker of debug builds must tell.
    static func takeInBothOrders() {
        takeFirstThenSecond()
        takeSecondThenFirst()
        Log.info("test: two locks were taken in both orders")
    }

    @inline(never)
    private static func takeFirstThenSecond() { first.withLock { a in second.withLock { b in a += b } } }

    @inline(never)
    private static func takeSecondThenFirst() { second.withLock { b in first.withLock { a in b += a } } }

    // MARK: Priority inheritance

    private final class Scene {
        let inner = Scheduling.Mutex(0)
        let outer = Scheduling.Mutex(0)
        let stage = Atomic<Int>(0)
        let stop = Atomic<Bool>(false)
        func reach(_ wanted: Int) { while stage.load(ordering: .acquiring) < wanted { Scheduler.yield() } }
    }

    /// An idle thread has a lock, an ordinary one waits for it and has another, and a real-time thread wants that, while a thread of a
    /// priority between keeps the processor busy: only what the waiters lend lets the idle one go on.
    static func inherit() {
        let scene = Scene()
        let processor = Processors.count - 1
        KernelTests.launch(on: processor) {
            set(.idle, 0)
            scene.inner.withLock { _ in
                scene.stage.store(1, ordering: .releasing)
                // Long enough for all the others to come.
                work(milliseconds: 300)
            }
        }
        KernelTests.launch(on: processor) {
            scene.reach(1)
            scene.outer.withLock { _ in
                scene.stage.store(2, ordering: .releasing)
                scene.inner.withLock { _ in }
            }
        }
        KernelTests.launch(on: processor) {
            scene.reach(2)
            set(.fifo, 20)
            scene.stage.store(3, ordering: .releasing)
            sleep(milliseconds: 20)
            let end = machineMonotonicNanoseconds() + 8_000_000_000
            while !scene.stop.load(ordering: .relaxed), machineMonotonicNanoseconds() < end { machinePause() }
            Log.info("test: the busy thread ends")
        }
        KernelTests.launch(on: processor) {
            scene.reach(3)
            set(.fifo, 40)
            sleep(milliseconds: 60)
            let start = machineMonotonicNanoseconds()
            scene.outer.withLock { _ in }
            let waited = (machineMonotonicNanoseconds() - start) / 1_000_000
            scene.stop.store(true, ordering: .relaxed)
            Log.info("test: the urgent thread waited \(waited) ms")
        }
    }

    private static func set(_ policy: SchedulingPolicy, _ priority: UInt8) {
        var parameters = currentThread.scheduling
        parameters.policy = policy
        parameters.realTimePriority = priority
        currentThread.scheduling = parameters
    }

    /// Processor time of the running thread.
    private static func work(milliseconds: UInt64) {
        let end = currentThread.usedNanoseconds + milliseconds * 1_000_000
        while currentThread.usedNanoseconds < end { machinePause() }
    }

    private static func sleep(milliseconds: UInt64) {
        _ = WaitQueue().waitUninterruptibly(deadline: machineMonotonicNanoseconds() + milliseconds * 1_000_000) { false }
    }
}
