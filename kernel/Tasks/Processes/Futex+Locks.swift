import ABI
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// Locks that inherit priority (`Documentation/locking/pi-futex.rst`): the word holds the number of the owner, so that the kernel knows to
/// whom those who wait lend their urgency.
///
/// The kernel keeps a `LockState` for each such lock that somebody waits for. All that is done with one happens under the sleeping lock of
/// its bucket, user memory included.
extension Futex {
    final class LockState {
        let key: Key
        let lock = PriorityLock()
        /// Who has it, by what the kernel was told.
        var owner: UserThread?
        var waiters: [PriorityWaiter] = []
        /// The owner died: the one that has got it since then has to put that into the word, which only it can reach.
        var isInherited = false

        init(_ key: Key, owner: UserThread?) {
            self.key = key
            self.owner = owner
            lock.setOwner(owner)
        }

        /// Whether the word can be that of this lock. An owner that ends marks the word first, and gives the lock away some time later; who
        /// gets it then puts its own number there. In between the word says that nobody has it.
        func agrees(with word: LockWord) -> Bool {
            if isInherited || word.owner == 0 && word.ownerDied { return true }
            return word.owner != 0 && owner?.id == word.owner
        }
    }

    /// States by key; each has waiters, or `isInherited`.
    private struct LockStates {
        var items: [LockState] = []
        func find(_ key: Key) -> LockState? { items.first { $0.key == key } }

        mutating func removeIfUnused(_ state: LockState) {
            guard state.waiters.isEmpty, !state.isInherited else { return }
            state.lock.setOwner(nil)
            items.removeAll { $0 === state }
        }
    }

    nonisolated(unsafe) private static let states: [Scheduling.Mutex<LockStates>] = (0..<64).map { _ in Mutex(LockStates()) }

    private static func withStates<Result>(_ key: Key, _ body: (inout LockStates) throws(Errno) -> Result) throws(Errno) -> Result
    {
        try states[key.bucket & 63].withLock(body)
    }

    // MARK: Locking and unlocking

    /// FUTEX_LOCK_PI and FUTEX_TRYLOCK_PI.
    /// - Throws: `deadlock`; `noProcess` when the owner is gone; `invalidArgument` when the word and the kernel disagree; `wouldBlock`
    ///   when it only tries; `timedOut`.
    public static func lock(at address: UserAddress, isPrivate: Bool, deadline: UInt64?, isTrying: Bool) throws(Errno) {
        let key = try key(address, isPrivate: isPrivate)
        let thread = UserThread.current
        let waiter = PriorityWaiter(thread)
        let state = try withStates(key) { (states) throws(Errno) -> LockState? in
            guard let state = try acquire(&states, key, address, for: thread, keepsWaiters: false) else { return nil }
            defer { states.removeIfUnused(state) }
            if isTrying { throw .wouldBlock }
            guard state.lock.enqueue(waiter) else { throw .deadlock }
            state.waiters.append(waiter)
            return state
        }
        guard let state else { return }
        var failure: Errno?
        do throws(Errno) {
            try Scheduler.sleep(deadline: deadline, interruptible: true) { waiter.isGranted }
        } catch { failure = error == .restart ? .restartAlways : error }
        try withStates(key) { (states) throws(Errno) in try finish(&states, state, waiter, address, failure) }
    }

    /// Ends the wait of the running thread: it has the lock, or it leaves.
    private static func finish(
        _ states: inout LockStates, _ state: LockState, _ waiter: PriorityWaiter, _ address: UserAddress, _ failure: Errno?
    ) throws(Errno) {
        defer { states.removeIfUnused(state) }
        guard waiter.isGranted else {
            state.lock.remove(waiter)
            state.waiters.removeAll { $0 === waiter }
            if let failure { throw failure }
            return
        }
        guard state.isInherited, state.owner === waiter.thread else { return }
        state.isInherited = false
        let word = LockWord(owner: waiter.thread.id, hasWaiters: true, ownerDied: true)
        _ = try changeUserWord(at: address) { _ in word.rawValue }
    }

    /// Takes a lock that nobody has for a thread, or finds out who has it.
    /// - Parameter keepsWaiters: others are about to wait for it.
    /// - Returns: nil when the thread has it now, else the state to wait in, which may be new and without waiters.
    private static func acquire(
        _ states: inout LockStates, _ key: Key, _ address: UserAddress, for thread: UserThread, keepsWaiters: Bool
    ) throws(Errno) -> LockState? {
        // Programs may change the word at any time; one that does so for ever only stops itself.
        for _ in 0..<1000 {
            let word = LockWord(try copyIn(UInt32.self, from: address))
            if word.owner == thread.id { throw .deadlock }
            if let state = states.find(key) {
                if !state.agrees(with: word) { throw .invalidArgument }
                return state
            }
            if word.owner == 0 {
                let mine = LockWord(owner: thread.id, hasWaiters: keepsWaiters, ownerDied: word.ownerDied)
                if try replace(word, by: mine, at: address) { return nil }
                continue
            }
            let contended = LockWord(word.rawValue | LockWord.waiters)
            if word != contended, try !replace(word, by: contended, at: address) { continue }
            if let owner = ProcessTable.thread(word.owner) {
                let state = LockState(key, owner: owner)
                owner.ownsLocks.store(true, ordering: .sequentiallyConsistent)
                // Whoever ends sets this first and then looks for what it owns.
                if !owner.hasLeftLocks.load(ordering: .sequentiallyConsistent) {
                    states.items.append(state)
                    return state
                }
                state.lock.setOwner(nil)
            }
            // It ended; perhaps it marked the word on its way.
            if LockWord(try copyIn(UInt32.self, from: address)) == contended { throw .noProcess }
        }
        throw .wouldBlock
    }

    private static func replace(_ old: LockWord, by new: LockWord, at address: UserAddress) throws(Errno) -> Bool {
        try changeUserWord(at: address) { $0 == old.rawValue ? new.rawValue : $0 } == old.rawValue
    }

    /// FUTEX_UNLOCK_PI: gives the lock to the most urgent of those who wait.
    /// - Throws: `notPermitted` when the caller does not have it; `invalidArgument` when the word and the kernel disagree.
    public static func unlock(at address: UserAddress, isPrivate: Bool) throws(Errno) {
        let thread = UserThread.current
        if LockWord(try copyIn(UInt32.self, from: address)).owner != thread.id { throw .notPermitted }
        let key = try key(address, isPrivate: isPrivate)
        try withStates(key) { (states) throws(Errno) in
            for _ in 0..<1000 {
                let word = LockWord(try copyIn(UInt32.self, from: address))
                if word.owner != thread.id { throw .invalidArgument }
                guard let state = states.find(key) else {
                    if try replace(word, by: LockWord(0), at: address) { return }
                    continue
                }
                guard state.owner === thread, let next = state.lock.first(of: state.waiters) else { throw .invalidArgument }
                guard try replace(word, by: LockWord(owner: next.thread.id, hasWaiters: true), at: address) else { continue }
                hand(state, to: next)
                states.removeIfUnused(state)
                return
            }
            throw .wouldBlock
        }
    }

    private static func hand(_ state: LockState, to next: PriorityWaiter) {
        let thread = unsafeDowncast(next.thread, to: UserThread.self)
        state.waiters.removeAll { $0 === next }
        state.owner = thread
        thread.ownsLocks.store(true, ordering: .sequentiallyConsistent)
        state.lock.grant(to: next)
    }

    /// Gives what a thread that ends still has to those who wait for it.
    static func leaveLocks(_ thread: UserThread) {
        thread.hasLeftLocks.store(true, ordering: .sequentiallyConsistent)
        guard thread.ownsLocks.load(ordering: .sequentiallyConsistent) else { return }
        for bucket in states {
            bucket.withLock { states in
                for state in states.items where state.owner === thread {
                    guard let next = state.lock.first(of: state.waiters) else {
                        // It was given the lock, and ends before it could say so.
                        state.owner = nil
                        state.isInherited = false
                        states.removeIfUnused(state)
                        continue
                    }
                    state.isInherited = true
                    hand(state, to: next)
                }
            }
        }
    }

    /// As `leaveLocks`, for a thread that goes on with another program.
    static func leaveLocksForExec(_ thread: UserThread) {
        leaveLocks(thread)
        thread.ownsLocks.store(false, ordering: .sequentiallyConsistent)
        thread.hasLeftLocks.store(false, ordering: .sequentiallyConsistent)
    }

    // MARK: From a condition to its lock

    /// FUTEX_WAIT_REQUEUE_PI: sleeps at one word until it is moved to a lock and gets that.
    /// - Throws: `wouldBlock` when the word has another value, or a signal came after it was moved; `timedOut`.
    public static func wait(
        at address: UserAddress, expected: UInt32, thenLock target: UserAddress, isPrivate: Bool, deadline: UInt64?
    ) throws(Errno) {
        if address == target { throw .invalidArgument }
        let lockKey = try key(target, isPrivate: isPrivate)
        let first = try key(address, isPrivate: isPrivate)
        if first == lockKey { throw .invalidArgument }
        let waiter = PriorityWaiter(currentThread)
        var sleeper = Sleeper(first, bits: .max, target: lockKey, waiter: waiter)
        // SAFETY: the sleeper stays where it is until it is off its queue. Those who move it hold the lock's bucket meanwhile.
        try withUnsafeMutablePointer(to: &sleeper) { (sleeper) throws(Errno) in
            let failure = doze(sleeper, at: address, expected: expected, deadline: deadline)
            try withStates(lockKey) { (states) throws(Errno) in
                if dequeue(sleeper) { throw failure == .restart ? .restartAlways : failure ?? .wouldBlock }
                // It was given the lock without waiting for it, if there is no state.
                guard let state = states.find(lockKey),
                    state.owner === waiter.thread || state.waiters.contains(where: { $0 === waiter })
                else { return }
                try finish(&states, state, waiter, target, failure == .restart ? .wouldBlock : failure)
            }
        }
    }

    /// FUTEX_CMP_REQUEUE_PI: gives the lock to the first sleeper if nobody has it, and makes others wait for it.
    /// - Returns: how many were woken or moved.
    public static func requeue(
        from address: UserAddress, toLock target: UserAddress, wake: Int, move moveCount: Int, expected: UInt32, isPrivate: Bool
    ) throws(Errno) -> Int {
        guard wake == 1, moveCount >= 0, address != target else { throw .invalidArgument }
        let first = try key(address, isPrivate: isPrivate)
        let lockKey = try key(target, isPrivate: isPrivate)
        if first == lockKey { throw .invalidArgument }
        return try withStates(lockKey) { (states) throws(Errno) -> Int in
            if try copyIn(UInt32.self, from: address) != expected { throw .wouldBlock }
            var count = 0
            // SAFETY: a sleeper with this target takes the lock that is held here before it goes.
            while count < moveCount + 1, let sleeper = Futex.first(first) {
                guard sleeper.pointee.target == lockKey, let waiter = sleeper.pointee.waiter else { throw .invalidArgument }
                let thread = unsafeDowncast(waiter.thread, to: UserThread.self)
                if let state = try acquire(&states, lockKey, target, for: thread, keepsWaiters: moveCount > 0) {
                    guard state.lock.enqueue(waiter) else {
                        states.removeIfUnused(state)
                        throw .deadlock
                    }
                    state.waiters.append(waiter)
                    _ = dequeue(sleeper)
                } else {
                    _ = dequeue(sleeper)
                    waiter.grantAlone()
                }
                count += 1
            }
            return count
        }
    }
}
