import Support
import Synchronization

/// A lock that owns its data, that several readers hold at once, and whose waiters sleep. Bodies may sleep and touch user memory.
///
/// Nobody starves: as soon as somebody waits, who comes later queues behind, readers too, and the lock is handed on in that order, to
/// consecutive readers together. Without waiters, taking it and giving it back are one atomic step each. No urgency is lent: a
/// reader is not known by name. Not recursive, not for interrupt handlers.
public final class ReadWriteLock<State: ~Copyable> {
    private let core: ReadWriteCore
    private let cell: Cell<State>

    #if LOCKDEP
        public init(_ state: consuming State, file: StaticString = #fileID, line: UInt32 = #line) {
            cell = Cell(state)
            core = ReadWriteCore(file, line)
        }
    #else
        public init(_ state: consuming State) {
            cell = Cell(state)
            core = ReadWriteCore()
        }
    #endif

    /// Runs `body` while nobody changes the state. Others may read it too.
    public func withReadLock<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        core.lockToRead()
        defer { core.unlockReader() }
        return try body(cell.address.pointee)
    }

    /// Runs `body` with exclusive access to the state.
    public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        core.lockToWrite()
        defer { core.unlockWriter() }
        return try body(&cell.address.pointee)
    }
}

/// The lock of a `ReadWriteLock`, by itself. It does not move.
struct ReadWriteCore: ~Copyable {
    /// A thread that waits, on its own stack.
    private struct Waiter: ~Copyable {
        let thread: ThreadReference
        let writes: Bool
        let isGranted = Atomic<Bool>(false)
        var next: UnsafeMutablePointer<Waiter>?
    }
    private struct Queue: ~Copyable {
        var first: UnsafeMutablePointer<Waiter>?
        var last: UnsafeMutablePointer<Waiter>?
    }

    /// The number of readers, and the two flags. While `waits` is set only what happens under the queue's lock adds anybody.
    private let word = Atomic<UInt32>(0)
    private let queue = SpinLock(Queue())
    private static var writing: UInt32 { 1 << 31 }
    private static var waits: UInt32 { 1 << 30 }

    #if LOCKDEP
        private let site: Cell<LockSite>
        init(_ file: StaticString, _ line: UInt32) { site = Cell(LockSite(file, line)) }
    #else
        init() {}
    #endif

    @inline(__always)
    borrowing func lockToRead() {
        checkAcquire()
        let seen = word.load(ordering: .relaxed)
        if seen & (Self.writing | Self.waits) != 0
            || !word.compareExchange(expected: seen, desired: seen + 1, ordering: .acquiring).exchanged
        {
            wait(writes: false)
        }
    }

    @inline(__always)
    borrowing func lockToWrite() {
        checkAcquire()
        if !word.compareExchange(expected: 0, desired: Self.writing, ordering: .acquiring).exchanged { wait(writes: true) }
    }

    @inline(__always)
    borrowing func unlockReader() {
        checkRelease()
        if word.wrappingSubtract(1, ordering: .releasing).newValue == Self.waits { handOn() }
    }

    @inline(__always)
    borrowing func unlockWriter() {
        checkRelease()
        if word.bitwiseAnd(~Self.writing, ordering: .releasing).newValue == Self.waits { handOn() }
    }

    @inline(__always)
    private borrowing func checkAcquire() {
        #if LOCKDEP
            lockCheckMaySleep()
            lockCheckAcquire(site.address, LockUse.sleeping)
        #endif
    }

    @inline(__always)
    private borrowing func checkRelease() {
        #if LOCKDEP
            lockCheckRelease(site.address)
        #endif
    }

    @inline(never)
    private borrowing func wait(writes: Bool) {
        var waiter = Waiter(thread: Scheduler.running, writes: writes)
        // SAFETY: the waiter stays where it is until it has been granted the lock, when it is off the queue.
        withUnsafeMutablePointer(to: &waiter) { waiter in
            if queue.withLock({ takeOrQueue(waiter, &$0) }) { return }
            while true {
                Scheduler.prepareToSleep(interruptible: false)
                if waiter.pointee.isGranted.load(ordering: .acquiring) { break }
                Scheduler.sleepNow()
            }
            Scheduler.cancelSleep()
            // Whoever granted it wakes the thread with this lock held, and is done when it is free.
            queue.withLock { _ in }
        }
    }

    private borrowing func takeOrQueue(_ waiter: UnsafeMutablePointer<Waiter>, _ queue: inout Queue) -> Bool {
        while true {
            let seen = word.load(ordering: .relaxed)
            let mayTake = waiter.pointee.writes ? seen == 0 : seen & (Self.writing | Self.waits) == 0
            if mayTake {
                let new = waiter.pointee.writes ? Self.writing : seen + 1
                if word.compareExchange(expected: seen, desired: new, ordering: .acquiring).exchanged { return true }
            } else if word.compareExchange(expected: seen, desired: seen | Self.waits, ordering: .relaxed).exchanged {
                if let last = queue.last { last.pointee.next = waiter } else { queue.first = waiter }
                queue.last = waiter
                // The last holder may have left before the flag was there.
                if seen & ~Self.waits == 0 { grant(&queue) }
                return false
            }
        }
    }

    @inline(never)
    private borrowing func handOn() {
        queue.withLock { queue in
            if word.load(ordering: .acquiring) == Self.waits { grant(&queue) }
        }
    }

    /// Gives the lock, which nobody has, to the first in the queue, and to the readers behind if that is one.
    private borrowing func grant(_ queue: inout Queue) {
        guard let first = queue.first else { return word.store(0, ordering: .releasing) }
        var count: UInt32 = 0
        var last = first
        while let next = last.pointee.next, !first.pointee.writes, !next.pointee.writes {
            last = next
            count += 1
        }
        queue.first = last.pointee.next
        if queue.first == nil { queue.last = nil }
        let holders = first.pointee.writes ? Self.writing : count + 1
        word.store(holders | (queue.first == nil ? 0 : Self.waits), ordering: .releasing)
        last.pointee.next = nil
        var each: UnsafeMutablePointer<Waiter>? = first
        while let waiter = each {
            each = waiter.pointee.next
            let thread = waiter.pointee.thread
            waiter.pointee.isGranted.store(true, ordering: .releasing)
            Scheduler.wake(thread)
        }
    }
}
