import Synchronization

/// A lock that owns its data and is taken with interrupts off.
///
/// It may be taken in any context, interrupt handlers included. The body must be short: it must not sleep, touch user
/// memory or wait for anything. Allocating is permitted (the heap's locks are ranked below all others).
///
///     let queue = SpinLock(State())
///     queue.withLock { state in state.count += 1 }
@frozen
public struct SpinLock<State: ~Copyable>: ~Copyable, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `cell` is only reached between acquire and release of `word`.
    @usableFromInline let word = Atomic<UInt32>(0)
    @usableFromInline let cell: Cell<State>

    @inlinable
    public init(_ state: consuming State) { cell = Cell(state) }

    /// Runs `body` with exclusive access to the state.
    @inlinable
    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let flags = machineInterruptSave()
        while word.exchange(1, ordering: .acquiring) != 0 {
            while word.load(ordering: .relaxed) != 0 { machinePause() }
        }
        defer {
            word.store(0, ordering: .releasing)
            machineInterruptRestore(flags)
        }
        return try body(&cell.address.pointee)
    }
}
