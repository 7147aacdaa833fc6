import Processor
import Support
import Synchronization

/// Something that happens once at a given time. Subclasses say what.
open class KernelTimer {
    /// Monotonic nanoseconds; valid while armed.
    public internal(set) var deadline: UInt64 = 0
    /// Place in the heap of its processor, or -1. Protected by that heap's lock.
    var heapIndex = -1
    /// The processor in whose heap it is; -1 for none, -2 while it is put into one.
    let processor = Atomic<Int>(-1)

    public init() {}

    /// Called in the timer interrupt, interrupts off, without locks held. It must not sleep; it may arm timers.
    open func fire() {}

    /// Arms the timer for `deadline` (monotonic nanoseconds), or moves it there.
    public final func arm(at deadline: UInt64) { Timers.arm(self, at: deadline) }

    /// Disarms it. After this returns, `fire` may still be running on another processor, but will not start.
    public final func disarm() { Timers.disarm(self) }

    /// Disarms it, and waits until `fire` does not run any more: what it uses may then go away. Not from `fire` itself, nor with a lock
    /// held that `fire` takes.
    public final func disarmAndWait() {
        Timers.disarm(self)
        Timers.awaitEnd(of: self)
    }

    public final var isArmed: Bool { Timers.isArmed(self) }
}

/// Wakes a thread at a deadline.
final class WakeTimer: KernelTimer {
    unowned(unsafe) let thread: Thread
    let wakeAt: UInt64
    init(_ thread: Thread, deadline: UInt64) {
        self.thread = thread
        wakeAt = deadline
    }
    func start() { arm(at: wakeAt) }
    func cancel() { disarmAndWait() }
    override func fire() { _ = Scheduler.wake(thread) }
}

/// All armed timers: for each processor a binary heap by deadline. A timer fires on the processor that armed it.
public enum Timers {
    struct Heap: ~Copyable {
        var items: [KernelTimer] = []
        /// The timer that fires on this processor right now.
        unowned(unsafe) var firing: KernelTimer?
    }
    typealias HeapReference = UnsafeMutablePointer<SpinLock<Heap>>

    // By processor. Written once for each, when its run queue is made.
    nonisolated(unsafe) private static var heaps = InlineArray<64, HeapReference?>(repeating: nil)

    /// Makes the heap of this processor.
    static func startHere() {
        let heap = HeapReference.allocate(capacity: 1)
        heap.initialize(to: SpinLock(Heap()))
        heaps[Int(PerCPU.current.pointee.index)] = heap
    }

    private static func heap(_ processor: Int) -> HeapReference { heaps[processor].unsafelyUnwrapped }
    private static var ownHeap: HeapReference { heap(Int(PerCPU.current.pointee.index)) }

    /// The deadline of this processor's earliest timer; `.max` when there is none. Interrupts are off.
    static var earliest: UInt64 { ownHeap.pointee.withLock { $0.items.first?.deadline ?? .max } }

    static func isArmed(_ timer: KernelTimer) -> Bool { timer.processor.load(ordering: .acquiring) != -1 }

    static func arm(_ timer: KernelTimer, at deadline: UInt64) {
        let flags = machineInterruptSave()
        // Whoever makes it -2 is the one who puts it into a heap; several may try at once.
        while !timer.processor.compareExchange(expected: -1, desired: -2, ordering: .acquiringAndReleasing).exchanged {
            disarm(timer)
        }
        let own = Int(PerCPU.current.pointee.index)
        let isEarliest = heap(own).pointee.withLock { heap in
            timer.deadline = deadline
            heap.insert(timer)
            timer.processor.store(own, ordering: .releasing)
            return timer.heapIndex == 0
        }
        if isEarliest { Scheduler.programTimer() }
        machineInterruptRestore(flags)
    }

    static func disarm(_ timer: KernelTimer) {
        while true {
            let processor = timer.processor.load(ordering: .acquiring)
            if processor == -1 { return }
            if processor >= 0 {
                let isDone = heap(processor).pointee.withLock { heap in
                    // It may have fired or moved before the lock was taken.
                    guard timer.processor.load(ordering: .relaxed) == processor else { return false }
                    heap.remove(timer)
                    return true
                }
                if isDone { return }
            }
            machinePause()
        }
    }

    /// Fires every timer of this processor whose deadline has come. Called by the timer interrupt.
    static func expire(now: UInt64) {
        let own = ownHeap
        while true {
            let due: KernelTimer? = own.pointee.withLock { heap in
                guard let first = heap.items.first, first.deadline <= now else { return nil }
                heap.remove(first)
                heap.firing = first
                return first
            }
            guard let due else { return }
            due.fire()
            own.pointee.withLock { $0.firing = nil }
        }
    }

    /// Waits until the timer does not fire on any other processor.
    static func awaitEnd(of timer: KernelTimer) {
        for processor in 0..<Processors.count {
            guard let heap = heaps[processor] else { continue }
            while heap.pointee.withLock({ $0.firing === timer }) { machinePause() }
        }
    }
}

extension Timers.Heap {
    mutating func insert(_ timer: KernelTimer) {
        timer.heapIndex = items.count
        items.append(timer)
        siftUp(items.count - 1)
    }

    mutating func remove(_ timer: KernelTimer) {
        let hole = timer.heapIndex
        let last = items.count - 1
        timer.heapIndex = -1
        if hole != last {
            items[hole] = items[last]
            items[hole].heapIndex = hole
        }
        items.removeLast()
        if hole < items.count {
            siftUp(hole)
            siftDown(hole)
        }
        timer.processor.store(-1, ordering: .releasing)
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            if items[parent].deadline <= items[child].deadline { return }
            exchange(parent, child)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            let left = 2 * parent + 1
            if left < items.count, items[left].deadline < items[least].deadline { least = left }
            if left + 1 < items.count, items[left + 1].deadline < items[least].deadline { least = left + 1 }
            if least == parent { return }
            exchange(parent, least)
            parent = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        items.swapAt(a, b)
        items[a].heapIndex = a
        items[b].heapIndex = b
    }
}
