import Support
import Synchronization

/// A lock that owns its data and whose waiters sleep. The body may sleep and touch user memory.
///
/// Not for interrupt handlers, and never taken with a spin lock held.
public final class Mutex<State: ~Copyable> {
    private let locked = Atomic<Bool>(false)
    private let waiters = WaitQueue()
    private let cell: Cell<State>

    public init(_ state: consuming State) { cell = Cell(state) }

    /// Runs `body` with exclusive access to the state. Not recursive.
    public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body(&cell.address.pointee)
    }

    /// Runs `body` if nobody holds the lock; does not wait.
    /// - Returns: nil when somebody holds it.
    public func withLockIfFree<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result?
    {
        guard tryLock() else { return nil }
        defer { unlock() }
        return try body(&cell.address.pointee)
    }

    private func lock() {
        if tryLock() { return }
        waiters.waitUninterruptibly { tryLock() }
    }

    private func tryLock() -> Bool {
        locked.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    }

    private func unlock() {
        locked.store(false, ordering: .releasing)
        if !waiters.isEmpty { waiters.wake(count: 1) }
    }
}
