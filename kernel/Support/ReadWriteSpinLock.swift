import Synchronization

/// A spin lock that several readers hold at once, for what is read often and changed seldom.
///
/// Like `SpinLock` it is taken with interrupts off, in any context, for short work. A writer that waits keeps new readers out, so that
/// it gets its turn. Reading is not recursive: a writer that came in between would wait for the first and be waited for by the second.
@frozen
public struct ReadWriteSpinLock<State: ~Copyable>: ~Copyable, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `cell` is only reached while `word` says so.
    /// The number of readers, and the two flags below.
    @usableFromInline let word = Atomic<UInt32>(0)
    @usableFromInline let cell: Cell<State>
    @usableFromInline static var writing: UInt32 { 1 << 31 }
    @usableFromInline static var writerWaits: UInt32 { 1 << 30 }

    #if LOCKDEP
        @usableFromInline let site: Cell<LockSite>
        @inlinable
        public init(_ state: consuming State, file: StaticString = #fileID, line: UInt32 = #line) {
            cell = Cell(state)
            site = Cell(LockSite(file, line))
        }
    #else
        @inlinable
        public init(_ state: consuming State) { cell = Cell(state) }
    #endif

    /// Runs `body` while nobody changes the state. Others may read it too.
    @inlinable
    public borrowing func withReadLock<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let flags = machineInterruptSave()
        #if LOCKDEP
            lockCheckAcquire(site.address, LockUse.spinning)
        #endif
        while true {
            let seen = word.load(ordering: .relaxed)
            if seen & (Self.writing | Self.writerWaits) == 0,
                word.compareExchange(expected: seen, desired: seen + 1, ordering: .acquiring).exchanged
            {
                break
            }
            machinePause()
        }
        defer {
            #if LOCKDEP
                lockCheckRelease(site.address)
            #endif
            word.wrappingSubtract(1, ordering: .releasing)
            machineInterruptRestore(flags)
        }
        return try body(cell.address.pointee)
    }

    /// Runs `body` with exclusive access to the state.
    @inlinable
    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let flags = machineInterruptSave()
        #if LOCKDEP
            lockCheckAcquire(site.address, LockUse.spinning)
        #endif
        if !word.compareExchange(expected: 0, desired: Self.writing, ordering: .acquiring).exchanged { waitToWrite() }
        defer {
            #if LOCKDEP
                lockCheckRelease(site.address)
            #endif
            // Another writer may have announced itself meanwhile.
            word.bitwiseAnd(~Self.writing, ordering: .releasing)
            machineInterruptRestore(flags)
        }
        return try body(&cell.address.pointee)
    }

    @inlinable @inline(never)
    borrowing func waitToWrite() {
        while true {
            let seen = word.load(ordering: .relaxed)
            if seen & ~Self.writerWaits == 0 {
                // Writers that wait beside this one announce themselves again.
                if word.compareExchange(expected: seen, desired: Self.writing, ordering: .acquiring).exchanged { return }
            } else if seen & Self.writerWaits == 0 {
                word.bitwiseOr(Self.writerWaits, ordering: .relaxed)
            }
            machinePause()
        }
    }
}
