import ABI
import Scheduling
import Support

/// Robust mutexes: the list of locks that a dying thread holds (`Documentation/locking/robust-futex-ABI.rst`).
enum RobustList {
    /// Marks each lock that the thread owned as owner-died and wakes a waiter. Bounded, since the list is the program's.
    static func release(_ thread: UserThread) {
        let head = thread.robustList
        guard head != 0 else { return }
        thread.robustList = 0
        do throws(Errno) {
            let offset = try copyIn(Int64.self, from: UserAddress(head &+ 8))
            let pending = try copyIn(UInt64.self, from: UserAddress(head &+ 16))
            var entry = try copyIn(UInt64.self, from: UserAddress(head))
            var budget = 2048
            while entry & ~1 != head, budget > 0 {
                // Read first: as soon as the lock is marked somebody else may take it and change the list.
                let next = Result { () throws(Errno) in try copyIn(UInt64.self, from: UserAddress(entry & ~1)) }
                if entry & ~1 != pending & ~1 { try markDead(entry, offset, thread.id, isPending: false) }
                entry = try next.get()
                budget -= 1
            }
            if pending & ~1 != 0 { try markDead(pending, offset, thread.id, isPending: true) }
        } catch {}
    }

    /// - Parameters:
    ///   - entry: its lowest bit says that the lock inherits priority: then the kernel knows the waiters (`Futex.leaveLocks`).
    ///   - isPending: the thread was about to take or to release it.
    private static func markDead(_ entry: UInt64, _ offset: Int64, _ id: Int32, isPending: Bool) throws(Errno) {
        let inherits = entry & 1 != 0
        let address = UserAddress((entry & ~1) &+ UInt64(bitPattern: offset))
        guard address.rawValue & 3 == 0 else { throw .invalidArgument }
        let word = Futex.LockWord(
            try changeUserWord(at: address) { value in
                let word = Futex.LockWord(value)
                return word.owner == id ? Futex.LockWord(owner: 0, hasWaiters: word.hasWaiters, ownerDied: true).rawValue : value
            })
        if word.rawValue == 0, isPending, !inherits {
            // It has released the lock and not woken anybody yet.
            _ = try Futex.wake(at: address, count: 1, isPrivate: false)
        } else if word.owner == id, word.hasWaiters, !inherits {
            _ = try Futex.wake(at: address, count: 1, isPrivate: false)
        }
    }
}
