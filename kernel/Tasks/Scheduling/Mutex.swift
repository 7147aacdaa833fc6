import Processor
import Support
import Synchronization

/// A lock that owns its data and whose waiters sleep. The body may sleep and touch user memory.
///
/// A waiter spins a little while the owner runs on another processor, then sleeps, and lends the owner its urgency meanwhile. Whoever is
/// woken may find that another thread was faster; the second time it is handed the lock, so that nobody waits for ever.
///
/// Not for interrupt handlers, and never taken with a spin lock held. Not recursive.
public final class Mutex<State: ~Copyable> {
    private let core: MutexCore
    private let cell: Cell<State>

    #if LOCKDEP
        public init(_ state: consuming State, file: StaticString = #fileID, line: UInt32 = #line) {
            cell = Cell(state)
            core = MutexCore(file, line)
        }
    #else
        public init(_ state: consuming State) {
            cell = Cell(state)
            core = MutexCore()
        }
    #endif

    /// Runs `body` with exclusive access to the state.
    public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        core.lock()
        defer { core.unlock() }
        return try body(&cell.address.pointee)
    }

    /// Runs `body` if nobody holds the lock; does not wait.
    /// - Returns: nil when somebody holds it.
    public func withLockIfFree<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result?
    {
        guard core.tryLock() else { return nil }
        defer { core.unlock() }
        return try body(&cell.address.pointee)
    }
}

/// The lock of a `Mutex`, by itself. It does not move.
///
/// The word is 0 when it is free, else the address of its owner's block, with the lowest bit set when somebody waits; that bit alone says
/// that it is free and a waiter has been woken. Without waiters, taking it and giving it back are one atomic step each.
struct MutexCore: ~Copyable {
    private let word = Atomic<UInt>(0)
    private let lending = Cell(Lending(isProgram: false))

    #if LOCKDEP
        private let site: Cell<LockSite>
        init(_ file: StaticString, _ line: UInt32) { site = Cell(LockSite(file, line)) }
    #else
        init() {}
    #endif

    /// Who is asking. Before there are threads, the one who does everything.
    @inline(__always)
    private static var own: UInt {
        let block = PerCPU.currentBlock
        return block == 0 ? 2 : block
    }

    @inline(__always)
    borrowing func lock() {
        #if LOCKDEP
            lockCheckMaySleep()
            lockCheckAcquire(site.address, LockUse.sleeping)
        #endif
        let own = Self.own
        if !word.compareExchange(expected: 0, desired: own, ordering: .acquiring).exchanged { lockSlowly(own) }
    }

    @inline(__always)
    borrowing func tryLock() -> Bool {
        guard word.compareExchange(expected: 0, desired: Self.own, ordering: .acquiring).exchanged else { return false }
        #if LOCKDEP
            lockCheckAcquire(site.address, LockUse.tryingToSleep)
        #endif
        return true
    }

    @inline(__always)
    borrowing func unlock() {
        #if LOCKDEP
            lockCheckRelease(site.address)
        #endif
        let own = Self.own
        if !word.compareExchange(expected: own, desired: 0, ordering: .releasing).exchanged { unlockSlowly(own) }
    }

    // MARK: When others want it too

    @inline(never)
    private borrowing func lockSlowly(_ own: UInt) {
        if spin(own) { return }
        var waiter = LendingWaiter(Scheduler.running)
        // SAFETY: the waiter stays where it is until it is off the queue, which `wait` sees to.
        withUnsafeMutablePointer(to: &waiter) { wait($0, own) }
    }

    /// Waits without sleeping while the owner runs on another processor, since then it will soon be done. Bounded, and only as long as
    /// nobody sleeps for it already.
    private borrowing func spin(_ own: UInt) -> Bool {
        for _ in 0..<400 {
            let seen = word.load(ordering: .relaxed)
            if seen == 0 {
                if word.compareExchange(expected: 0, desired: own, ordering: .acquiring).exchanged { return true }
                continue
            }
            if seen & 1 != 0 || PerCPU.current.pointee.needsReschedule || !Scheduler.isOnProcessor(seen) { return false }
            machinePause()
        }
        return false
    }

    private borrowing func wait(_ waiter: LendingWaiterPointer, _ own: UInt) {
        while !Inheritance.withLock({ held in takeOrQueue(waiter, own, held) }) {
            Scheduler.prepareToSleep(interruptible: false)
            if waiter.pointee.signal.load(ordering: .acquiring) == LendingWaiter.Signal.waits { Scheduler.sleepNow() }
            Scheduler.cancelSleep()
        }
    }

    /// - Returns: true when the caller has the lock now, false when it is in the queue.
    private borrowing func takeOrQueue(
        _ waiter: LendingWaiterPointer, _ own: UInt, _ held: borrowing Inheritance.Held
    ) -> Bool {
        switch waiter.pointee.signal.load(ordering: .relaxed) {
        case LendingWaiter.Signal.granted: return true
        case LendingWaiter.Signal.woken:
            waiter.pointee.signal.store(LendingWaiter.Signal.waits, ordering: .relaxed)
            waiter.pointee.failures += 1
        default: break
        }
        while true {
            let seen = word.load(ordering: .relaxed)
            if seen & ~1 == 0 {
                // Nobody has it. With the lock of `Inheritance` held only the fast path of others can change the word now, from 0.
                guard seen == 1 || word.compareExchange(expected: 0, desired: own, ordering: .acquiring).exchanged else {
                    continue
                }
                Inheritance.dequeue(waiter, held)
                let isWanted = lending.address.pointee.first != nil
                if isWanted || seen == 1 { word.store(own | (isWanted ? 1 : 0), ordering: .sequentiallyConsistent) }
                if isWanted { Inheritance.setOwner(Scheduler.running, of: lending.address, held) }
                return true
            }
            if seen & 1 == 0, !word.compareExchange(expected: seen, desired: seen | 1, ordering: .relaxed).exchanged { continue }
            // SAFETY: with the bit set the owner's unlocking comes here, and waits for the lock of `Inheritance`: it is alive.
            Inheritance.setOwner(ThreadReference(bitPattern: seen & ~1), of: lending.address, held)
            if !waiter.pointee.isQueued { Inheritance.enqueue(waiter, on: lending.address, held) }
            return false
        }
    }

    @inline(never)
    private borrowing func unlockSlowly(_ own: UInt) {
        Inheritance.withLock { held in
            Inheritance.setOwner(nil, of: lending.address, held)
            guard let first = lending.address.pointee.first else { return word.store(0, ordering: .releasing) }
            let thread = first.pointee.thread
            if first.pointee.failures > 0 {
                // It has been passed over once already: now it is handed the lock.
                Inheritance.dequeue(first, held)
                let isWanted = lending.address.pointee.first != nil
                word.store(UInt(bitPattern: thread) | (isWanted ? 1 : 0), ordering: .releasing)
                if isWanted { Inheritance.setOwner(thread, of: lending.address, held) }
                first.pointee.signal.store(LendingWaiter.Signal.granted, ordering: .releasing)
            } else {
                word.store(1, ordering: .releasing)
                first.pointee.signal.store(LendingWaiter.Signal.woken, ordering: .releasing)
            }
            // The waiter takes this lock before it goes on, so that its thread is alive.
            Scheduler.wake(thread)
        }
    }
}

extension Scheduler {
    /// Whether the thread with this block runs on a processor right now. A hint: the block is not looked at, and may be gone.
    static func isOnProcessor(_ block: UInt) -> Bool {
        for index in 0..<Processors.count where Processors[index].pointee.currentBlock == block { return true }
        return false
    }
}
