import Processor
import Support
import Synchronization

/// The ready threads of one processor, and the one that it runs.
///
/// The lock is held across a context switch and released by the thread that was switched to, so nobody can run a thread whose
/// registers are not saved yet. A processor that holds its own lock may try that of another, but does not wait for it.
struct RunQueue: ~Copyable {
    let lock = Atomic<UInt32>(0)
    let processor: Int
    /// What the processor runs.
    var current: ThreadReference
    /// Runs when nothing else does.
    let idle: ThreadReference
    /// Read without the lock by processors that look for work or for a place.
    let readyCount = Atomic<Int>(0)
    /// A thread that died and whose last reference can be dropped once its stack is not in use.
    var finished: Unmanaged<Thread>?
    private var head: ThreadReference?
    private var tail: ThreadReference?

    init(processor: Int, idle: ThreadReference) {
        self.processor = processor
        self.idle = idle
        current = idle
    }

    var isEmpty: Bool { head == nil }
    /// Whether the processor has nothing to do. A hint without the lock.
    var isIdle: Bool { current == idle && readyCount.load(ordering: .relaxed) == 0 }

    mutating func pushFront(_ block: ThreadReference) {
        block.pointee.next = head
        head = block
        if tail == nil { tail = block }
        readyCount.wrappingAdd(1, ordering: .relaxed)
    }

    mutating func pushBack(_ block: ThreadReference) {
        block.pointee.next = nil
        if let tail { tail.pointee.next = block } else { head = block }
        tail = block
        readyCount.wrappingAdd(1, ordering: .relaxed)
    }

    mutating func popFront() -> ThreadReference? {
        guard let block = head else { return nil }
        head = block.pointee.next
        if head == nil { tail = nil }
        block.pointee.next = nil
        readyCount.wrappingSubtract(1, ordering: .relaxed)
        return block
    }

    /// Takes out the first thread that may run on another processor.
    mutating func popFirst(allowedOn processor: Int) -> ThreadReference? {
        var previous: ThreadReference?
        var next = head
        while let block = next {
            if block.pointee.mayRun(on: processor) {
                if let previous { previous.pointee.next = block.pointee.next } else { head = block.pointee.next }
                if tail == block { tail = previous }
                block.pointee.next = nil
                readyCount.wrappingSubtract(1, ordering: .relaxed)
                return block
            }
            previous = block
            next = block.pointee.next
        }
        return nil
    }
}

extension ThreadControlBlock {
    func mayRun(on processor: Int) -> Bool { allowedProcessors.load(ordering: .relaxed) & 1 << UInt64(processor) != 0 }
}

typealias RunQueueReference = UnsafeMutablePointer<RunQueue>

extension UnsafeMutablePointer where Pointee == RunQueue {
    /// Takes the lock. Interrupts are off.
    @inline(__always)
    func lock() {
        while pointee.lock.exchange(1, ordering: .acquiring) != 0 {
            while pointee.lock.load(ordering: .relaxed) != 0 { machinePause() }
        }
    }
    @inline(__always)
    func tryLock() -> Bool { pointee.lock.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged }
    @inline(__always)
    func unlock() { pointee.lock.store(0, ordering: .releasing) }
}
