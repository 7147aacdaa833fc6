import ABI
import Scheduling
import Support
import Synchronization

/// A sleeping lock of one word, for objects that exist by the thousand (open files, inodes), where a `Mutex` with its own
/// wait queue would cost more than what it protects.
///
/// Waiters share one queue: contention is rare, and a wake-up too many only looks at its word again. Not recursive, and
/// not for interrupt handlers.
public struct CompactLock: ~Copyable, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: it holds nothing but an atomic word.
    /// 0 free, 1 held, 2 held and somebody waits.
    private let word = Atomic<UInt32>(0)
    nonisolated(unsafe) private static let waiters = WaitQueue()  // has a lock of its own

    #if LOCKDEP
        private let site: Cell<LockSite>
        public init(file: StaticString = #fileID, line: UInt32 = #line) { site = Cell(LockSite(file, line)) }
    #else
        public init() {}
    #endif

    /// Runs `body` with the lock held. It may sleep and touch user memory.
    @inline(__always)
    public borrowing func withLock<Result: ~Copyable>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }

    @inline(__always)
    borrowing func lock() {
        #if LOCKDEP
            lockCheckMaySleep()
            lockCheckAcquire(site.address, LockUse.sleeping)
        #endif
        if word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged { return }
        lockSlowly()
    }

    @inline(never)
    private borrowing func lockSlowly() {
        // A waiter that gets it leaves the word at 2, so its unlock wakes the next one, if any.
        Self.wait(word)
    }

    private static func wait(_ word: borrowing Atomic<UInt32>) {
        while word.exchange(2, ordering: .acquiring) != 0 {
            let waiter = ThreadWaiter(currentThread)
            waiters.add(waiter)
            Scheduler.prepareToSleep(interruptible: false)
            if word.load(ordering: .acquiring) == 2 { Scheduler.sleepNow() }
            Scheduler.cancelSleep()
            waiters.remove(waiter)
        }
    }

    @inline(__always)
    borrowing func unlock() {
        #if LOCKDEP
            lockCheckRelease(site.address)
        #endif
        if word.exchange(0, ordering: .releasing) == 2 { Self.waiters.wake() }
    }
}
