import Support

/// Something that happens once at a given time. Subclasses say what.
open class KernelTimer {
    /// Monotonic nanoseconds; valid while armed.
    public internal(set) var deadline: UInt64 = 0
    /// Place in the heap of `Timers`, or -1. Protected by its lock.
    var heapIndex = -1

    public init() {}

    /// Called in the timer interrupt, interrupts off, without locks held. It must not sleep; it may arm timers.
    open func fire() {}

    /// Arms the timer for `deadline` (monotonic nanoseconds), or moves it there.
    public final func arm(at deadline: UInt64) { Timers.arm(self, at: deadline) }

    /// Disarms it. After this returns, `fire` may still be running on another processor, but will not start.
    public final func disarm() { Timers.disarm(self) }

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
    func cancel() { disarm() }
    override func fire() { _ = Scheduler.wake(thread) }
}

/// All armed timers, in a binary heap by deadline. One lock protects it.
public enum Timers {
    struct Heap: ~Copyable {
        var items: [KernelTimer] = []
    }
    static let heap = SpinLock(Heap())

    /// The deadline of the earliest timer, if any.
    public static var earliest: UInt64? { heap.withLock { $0.items.first?.deadline } }

    static func isArmed(_ timer: KernelTimer) -> Bool { heap.withLock { _ in timer.heapIndex >= 0 } }

    static func arm(_ timer: KernelTimer, at deadline: UInt64) {
        let isEarliest = heap.withLock { heap in
            if timer.heapIndex >= 0 { heap.remove(timer) }
            timer.deadline = deadline
            heap.insert(timer)
            return timer.heapIndex == 0
        }
        if isEarliest { Scheduler.programTimer() }
    }

    static func disarm(_ timer: KernelTimer) {
        heap.withLock { heap in
            if timer.heapIndex >= 0 { heap.remove(timer) }
        }
    }

    /// Fires every timer whose deadline has come. Called by the timer interrupt.
    static func expire(now: UInt64) {
        while true {
            let due: KernelTimer? = heap.withLock { heap in
                guard let first = heap.items.first, first.deadline <= now else { return nil }
                heap.remove(first)
                return first
            }
            guard let due else { return }
            due.fire()
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
