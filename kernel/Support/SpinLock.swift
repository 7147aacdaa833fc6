/// A lock that owns its data and is taken with interrupts off. Waiters get it in the order in which they came.
///
/// It may be taken in any context, interrupt handlers included. The body must be short: it must not sleep, touch user
/// memory or wait for anything. Allocating is permitted (the heap's locks are ranked below all others).
///
///     let queue = SpinLock(State())
///     queue.withLock { state in state.count += 1 }
@frozen
public struct SpinLock<State: ~Copyable>: ~Copyable, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `cell` is only reached while `lock` is held.
    @usableFromInline let lock = TicketLock()
    @usableFromInline let cell: Cell<State>

    #if LOCKDEP
        @usableFromInline let site: Cell<LockSite>
        /// - Parameters: where it is declared, which is what the checker tells locks apart by.
        @inlinable
        public init(_ state: consuming State, file: StaticString = #fileID, line: UInt32 = #line) {
            cell = Cell(state)
            site = Cell(LockSite(file, line))
        }
    #else
        @inlinable
        public init(_ state: consuming State) { cell = Cell(state) }
    #endif

    /// Runs `body` with exclusive access to the state.
    @inlinable
    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let flags = machineInterruptSave()
        #if LOCKDEP
            lockCheckAcquire(site.address, LockUse.spinning)
        #endif
        lock.lock()
        defer {
            #if LOCKDEP
                lockCheckRelease(site.address)
            #endif
            lock.unlock()
            machineInterruptRestore(flags)
        }
        return try body(&cell.address.pointee)
    }
}
