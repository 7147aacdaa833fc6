import Synchronization

/// A fair spin lock without data: whoever comes first gets it first.
///
/// The word is two numbers: the next ticket, and the one that is served. Taking it is one atomic addition; giving it back is a plain store,
/// since only the holder changes what is served. The building block of `SpinLock`; by itself it is for locks that are not released by the
/// function that took them. Interrupts are off while it is held.
@frozen
public struct TicketLock: ~Copyable, Sendable {
    @usableFromInline let next = Atomic<UInt16>(0)
    @usableFromInline let serving = Atomic<UInt16>(0)

    @inlinable public init() {}

    @inlinable @inline(__always)
    public borrowing func lock() {
        let ticket = next.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
        if serving.load(ordering: .acquiring) != ticket { wait(ticket) }
    }

    /// Serves requests of other processors meanwhile: `machinePause` does.
    @inlinable @inline(never)
    borrowing func wait(_ ticket: UInt16) {
        while serving.load(ordering: .acquiring) != ticket { machinePause() }
    }

    /// - Returns: false when somebody has it, or waits for it.
    @inlinable @inline(__always)
    public borrowing func tryLock() -> Bool {
        let ticket = serving.load(ordering: .relaxed)
        return next.compareExchange(expected: ticket, desired: ticket &+ 1, ordering: .acquiring).exchanged
    }

    @inlinable @inline(__always)
    public borrowing func unlock() { serving.store(serving.load(ordering: .relaxed) &+ 1, ordering: .releasing) }

    /// Whether somebody has it. A hint.
    @inlinable
    public var isLocked: Bool { next.load(ordering: .relaxed) != serving.load(ordering: .relaxed) }
}
