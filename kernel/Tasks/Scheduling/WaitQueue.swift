import ABI
import Support
import Synchronization

/// Someone who waits on a `WaitQueue`. The base class wakes nobody: see `ThreadWaiter`, and epoll's own subclass.
open class Waiter {
    unowned(unsafe) fileprivate var previous: Waiter?
    unowned(unsafe) fileprivate var next: Waiter?
    /// The queue it is on; nil when on none. Protected by that queue's lock.
    fileprivate var queue: WaitQueue?

    public init() {}

    /// Called when the queue is woken, with the queue's lock held and interrupts off: it must not sleep.
    /// - Parameter events: the poll events that happened (all bits when the waker does not say).
    /// - Returns: whether it counts as one of the waiters that `wake(count:)` wanted.
    open func wake(events: UInt32) -> Bool { false }
}

/// Wakes a thread.
public final class ThreadWaiter: Waiter {
    unowned(unsafe) let thread: Thread
    public init(_ thread: Thread) { self.thread = thread }
    public override func wake(events: UInt32) -> Bool { Scheduler.wake(thread) }
}

/// Threads (and epoll instances) that wait for something to change.
///
/// The usual use, which loses no wake-up because the waiter is queued before the condition is looked at:
///
///     try queue.wait { lock.withLock { !$0.isEmpty } }
///
/// The owner of the condition changes it under its own lock, releases that lock, then calls `wake()`.
public final class WaitQueue {
    private struct Links: ~Copyable {
        unowned(unsafe) var head: Waiter?
        unowned(unsafe) var tail: Waiter?
    }
    private let links = SpinLock(Links())
    /// Whether there are any: changed with the lock held, read without it.
    private let hasWaiters = Atomic<Bool>(false)

    public init() {}

    /// Adds a waiter at the end. The caller keeps it alive until it has removed it.
    public func add(_ waiter: Waiter) {
        links.withLock { links in
            if waiter.queue != nil { return }
            waiter.queue = self
            waiter.previous = links.tail
            waiter.next = nil
            if let tail = links.tail { tail.next = waiter } else { links.head = waiter }
            links.tail = waiter
            // Before the waiter looks at its condition; `wake` has the other half.
            hasWaiters.store(true, ordering: .sequentiallyConsistent)
        }
    }

    /// Takes a waiter off; harmless when it is not on.
    public func remove(_ waiter: Waiter) {
        let held: WaitQueue? = links.withLock { links in
            guard waiter.queue === self else { return nil }
            if let previous = waiter.previous { previous.next = waiter.next } else { links.head = waiter.next }
            if let next = waiter.next { next.previous = waiter.previous } else { links.tail = waiter.previous }
            waiter.previous = nil
            waiter.next = nil
            let held = waiter.queue
            waiter.queue = nil
            if links.head == nil { hasWaiters.store(false, ordering: .relaxed) }
            return held
        }
        // Dropped outside the lock: it may have been the last reference to the queue.
        _ = held
    }

    /// Wakes up to `count` waiters, oldest first. Callable in interrupt handlers.
    public func wake(count: Int = .max, events: UInt32 = .max) {
        // The condition has been changed before: either its new value is seen by a waiter who comes now, or the waiter is seen here.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if !hasWaiters.load(ordering: .relaxed) { return }
        links.withLock { links in
            var left = count
            var waiter = links.head
            while let w = waiter, left > 0 {
                waiter = w.next
                if w.wake(events: events) { left -= 1 }
            }
        }
    }

    /// Whether anybody waits. Only a hint: it may change at once.
    public var isEmpty: Bool { links.withLock { $0.head == nil } }

    /// Sleeps until `condition` holds.
    /// - Parameters:
    ///   - deadline: monotonic nanoseconds after which it gives up; nil for no limit.
    ///   - condition: called with no lock held, first before sleeping at all; it may take locks but not sleep.
    /// - Throws: `restart` when a signal came first; `timedOut` at the deadline.
    public func wait(deadline: UInt64? = nil, until condition: () -> Bool) throws(Errno) {
        if condition() { return }
        try sleep(deadline: deadline, interruptible: true, until: condition)
    }

    /// Like `wait`, but signals do not end it. For waits that always end soon: devices, and locks.
    public func waitUninterruptibly(until condition: () -> Bool) {
        if condition() { return }
        try? sleep(deadline: nil, interruptible: false, until: condition)
    }

    /// Like `waitUninterruptibly`, with a bound for a device that may never answer.
    /// - Returns: false when the deadline passed.
    public func waitUninterruptibly(deadline: UInt64, until condition: () -> Bool) -> Bool {
        if condition() { return true }
        do throws(Errno) {
            try sleep(deadline: deadline, interruptible: false, until: condition)
            return true
        } catch { return false }
    }

    private func sleep(deadline: UInt64?, interruptible: Bool, until condition: () -> Bool) throws(Errno) {
        let waiter = ThreadWaiter(currentThread)
        add(waiter)
        defer { remove(waiter) }
        try Scheduler.sleep(deadline: deadline, interruptible: interruptible, until: condition)
    }
}

extension Scheduler {
    /// Sleeps until `condition` holds. Whoever makes it hold wakes the thread, which must be known to it by now.
    /// - Throws: `restart` when a signal came first; `timedOut` at the deadline (monotonic nanoseconds).
    public static func sleep(deadline: UInt64?, interruptible: Bool, until condition: () -> Bool) throws(Errno) {
        guard let deadline else { return try sleep(nil, interruptible, condition) }
        let timer = WakeTimer(currentThread, deadline: deadline)
        timer.start()
        defer { timer.cancel() }
        try sleep(deadline, interruptible, condition)
    }

    @inline(__always)
    private static func sleep(_ deadline: UInt64?, _ interruptible: Bool, _ condition: () -> Bool) throws(Errno) {
        while true {
            prepareToSleep(interruptible: interruptible)
            if condition() { break }
            if interruptible, running.pointee.interruptPending.load(ordering: .acquiring) != 0 {
                cancelSleep()
                throw .restart
            }
            if let deadline, machineMonotonicNanoseconds() >= deadline {
                cancelSleep()
                throw .timedOut
            }
            sleepNow()
        }
        cancelSleep()
    }
}
