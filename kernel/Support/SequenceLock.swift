import Synchronization

/// A small value that is read without any lock and without writing to memory: readers that met a change read again.
///
/// For what is read all the time, by any processor and in any context, and changed seldom. The value is plain bits; readers get a copy.
@frozen
public struct SequenceLock<Value: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: writers hold `lock`; readers throw away what they read while a writer was at it.
    /// Odd while the value changes.
    @usableFromInline let sequence = Atomic<UInt32>(0)
    @usableFromInline let lock = TicketLock()
    @usableFromInline let cell: Cell<Value>

    @inlinable
    public init(_ value: Value) { cell = Cell(value) }

    /// The value, as it was at one moment.
    @inlinable
    public var value: Value {
        while true {
            let before = sequence.load(ordering: .acquiring)
            if before & 1 == 0 {
                // SAFETY: plain bits may be copied at any time; a copy that is torn is not looked at.
                let copy = cell.address.pointee
                atomicMemoryFence(ordering: .acquiring)
                if sequence.load(ordering: .relaxed) == before { return copy }
            }
            machinePause()
        }
    }

    /// Changes the value, one writer at a time, with interrupts off: a reader in an interrupt would wait for ever.
    @inlinable
    public borrowing func withWriteLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let flags = machineInterruptSave()
        lock.lock()
        let before = sequence.load(ordering: .relaxed)
        sequence.store(before &+ 1, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
        defer {
            sequence.store(before &+ 2, ordering: .releasing)
            lock.unlock()
            machineInterruptRestore(flags)
        }
        return try body(&cell.address.pointee)
    }
}
