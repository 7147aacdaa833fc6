import Synchronization

/// A spin lock without data. Taking a free one is one atomic step, giving it back a plain store, since only the holder changes that byte.
///
/// Who has to wait takes a ticket: whoever comes first gets it first, and nobody overtakes those who wait. On a virtual machine a queue is
/// harmful, because the processor whose turn it is may not be running, and all behind it wait too: there whoever runs and sees the lock free takes
/// it. The building block of `SpinLock`; by itself it is for locks that are not released by the function that took them. Interrupts
/// are off while it is held.
@frozen
public struct TicketLock: ~Copyable, Sendable {
    /// The lowest byte is 1 while somebody has it, the rest is the number of those who wait with a ticket.
    @usableFromInline let word = Cell(Atomic<UInt32>(0))
    @usableFromInline let next = Atomic<UInt16>(0)
    @usableFromInline let serving = Atomic<UInt16>(0)
    @usableFromInline static var oneWaiter: UInt32 { 256 }

    /// Whether those who wait queue up. Set at boot, while one processor runs; a change would do no harm.
    @usableFromInline nonisolated(unsafe) static var isQueued = true

    /// Says whether a processor that waits does so without a pause; virtual ones may stop for a while at any time.
    public static func useQueue(_ isUseful: Bool) { isQueued = isUseful }

    @inlinable public init() {}

    @inlinable @inline(__always)
    public borrowing func lock() {
        if !word.address.pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged { wait() }
    }

    /// Serves requests of other processors meanwhile: `machinePause` does.
    @inlinable @inline(never)
    borrowing func wait() {
        guard Self.isQueued else {
            while !tryLock() { while isLocked { machinePause() } }
            return
        }
        // While somebody is counted here, the word is not 0, which is what everybody else wants to see.
        word.address.pointee.wrappingAdd(Self.oneWaiter, ordering: .relaxed)
        let ticket = next.wrappingAdd(1, ordering: .relaxed).oldValue
        while serving.load(ordering: .acquiring) != ticket { machinePause() }
        while word.address.pointee.load(ordering: .relaxed) & 1 != 0 { machinePause() }
        word.address.pointee.wrappingAdd(1 &- Self.oneWaiter, ordering: .acquiring)
        serving.store(ticket &+ 1, ordering: .releasing)
    }

    /// - Returns: false when somebody has it, or waits for it.
    @inlinable @inline(__always)
    public borrowing func tryLock() -> Bool {
        word.address.pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
    }

    @inlinable @inline(__always)
    public borrowing func unlock() {
        // SAFETY: the lowest byte of the word, which lies first, is changed by the holder only; the rest of it is not touched.
        UnsafeMutableRawPointer(word.address).assumingMemoryBound(to: Atomic<UInt8>.self).pointee.store(0, ordering: .releasing)
    }

    /// Whether somebody has it. A hint.
    @inlinable
    public var isLocked: Bool { word.address.pointee.load(ordering: .relaxed) != 0 }
}
