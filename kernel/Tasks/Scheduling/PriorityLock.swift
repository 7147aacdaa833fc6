import Support
import Synchronization

/// The owner and the waiters of a lock whose word is kept elsewhere: a futex that inherits priority.
///
/// It decides nothing about who gets the lock; it knows who waits, the most urgent first, and lends the owner their urgency. Its users
/// serialise what they do with one of them by a lock of their own.
public final class PriorityLock {
    private let lending = Cell(Lending(isProgram: true))

    public init() {}

    deinit { Inheritance.withLock { held in Inheritance.setOwner(nil, of: lending.address, held) } }

    /// Says who has the lock. The thread must be told so again (`nil`, or somebody else) before it ends.
    public func setOwner(_ owner: Thread?) {
        Inheritance.withLock { held in Inheritance.setOwner(owner?.block, of: lending.address, held) }
    }

    /// Queues a thread, unless its waiting would close a circle of threads that wait for each other.
    /// - Returns: false in that case.
    public func enqueue(_ waiter: PriorityWaiter) -> Bool {
        Inheritance.withLock { held in
            if let owner = lending.address.pointee.owner,
                Inheritance.wouldDeadlock(waiter.thread.block, waitingFor: owner, held)
            {
                return false
            }
            Inheritance.enqueue(waiter.core.address, on: lending.address, held)
            return true
        }
    }

    /// Takes a waiter off, if it is on.
    public func remove(_ waiter: PriorityWaiter) {
        Inheritance.withLock { held in Inheritance.dequeue(waiter.core.address, held) }
    }

    public var hasWaiters: Bool { Inheritance.withLock { held in lending.address.pointee.first != nil } }

    /// The most urgent of the waiters.
    public func first(of waiters: [PriorityWaiter]) -> PriorityWaiter? {
        let first = Inheritance.withLock { held in lending.address.pointee.first }
        return waiters.first { $0.core.address == first }
    }

    /// Makes a waiter the owner and wakes it.
    public func grant(to waiter: PriorityWaiter) {
        Inheritance.withLock { held in
            Inheritance.dequeue(waiter.core.address, held)
            Inheritance.setOwner(waiter.thread.block, of: lending.address, held)
        }
        waiter.core.address.pointee.signal.store(LendingWaiter.Signal.granted, ordering: .releasing)
        Scheduler.wake(waiter.thread)
    }
}

/// A thread that waits for a `PriorityLock`.
public final class PriorityWaiter {
    public let thread: Thread
    fileprivate let core: Cell<LendingWaiter>

    public init(_ thread: Thread) {
        self.thread = thread
        core = Cell(LendingWaiter(thread.block))
    }

    /// Wakes the thread, which was given a lock that nobody else waits for. It is in no queue.
    public func grantAlone() {
        core.address.pointee.signal.store(LendingWaiter.Signal.granted, ordering: .releasing)
        Scheduler.wake(thread)
    }

    /// Whether the thread has been given the lock.
    public var isGranted: Bool { core.address.pointee.signal.load(ordering: .acquiring) == LendingWaiter.Signal.granted }
}
