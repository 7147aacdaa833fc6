import Support
import Synchronization

/// Priority inheritance: whoever owns what a more urgent thread waits for is as urgent as that one until it gives it back (Sha, Rajkumar
/// and Lehoczky, "Priority Inheritance Protocols", 1990).
///
/// It is transitive: an owner that waits for something itself passes the loan on. One spin lock protects all of it; only contended locks
/// come here. It is taken before the locks of run queues.
enum Inheritance {
    private static let lock = SpinLock(())

    /// How many owners, one waiting for the next, a loan is passed along. Beyond that it ends, which costs time, not safety.
    static let maximumDepth = 32

    typealias Held = LockToken<InheritanceRank>

    /// Runs `body` with the lock held. What changes queues and loans asks for the token, which is only to be had here.
    @inline(__always)
    static func withLock<Result>(_ body: (borrowing Held) -> Result) -> Result {
        lock.withLock { _ in Held.lend { (held) in body(held) } }
    }

    /// Queues a waiter, behind those that are as urgent, and lends its urgency.
    static func enqueue(_ waiter: LendingWaiterPointer, on lending: LendingPointer, _ held: borrowing Held) {
        lending.pointee.insert(waiter)
        waiter.pointee.lending = lending
        waiter.pointee.thread.setWait(waiter, isProgram: lending.pointee.isProgram)
        passOn(from: lending)
    }

    /// Takes a waiter off.
    static func dequeue(_ waiter: LendingWaiterPointer, _ held: borrowing Held) {
        guard let lending = waiter.pointee.lending else { return }
        lending.pointee.remove(waiter)
        waiter.pointee.lending = nil
        waiter.pointee.thread.setWait(nil, isProgram: lending.pointee.isProgram)
        passOn(from: lending)
    }

    /// Says whose it is now. Only something that is waited for has an owner here.
    static func setOwner(_ owner: ThreadReference?, of lending: LendingPointer, _ held: borrowing Held) {
        let old = lending.pointee.owner
        if old == owner { return }
        if let old {
            unlink(lending, from: old)
            lending.pointee.owner = nil
            refresh(old)
        }
        guard let owner else { return }
        lending.pointee.owner = owner
        lending.pointee.nextOwned = owner.pointee.owned
        owner.pointee.owned = lending
        passOn(from: lending)
    }

    private static func unlink(_ lending: LendingPointer, from owner: ThreadReference) {
        if owner.pointee.owned == lending {
            owner.pointee.owned = lending.pointee.nextOwned
        } else {
            var previous = owner.pointee.owned
            while let candidate = previous, candidate.pointee.nextOwned != lending { previous = candidate.pointee.nextOwned }
            previous?.pointee.nextOwned = lending.pointee.nextOwned
        }
        lending.pointee.nextOwned = nil
    }

    /// Gives a thread the greatest urgency of all that wait for it, if that is more than its own.
    /// - Returns: whether that changed anything.
    @discardableResult
    private static func refresh(_ owner: ThreadReference) -> Bool {
        var best: Urgency?
        var lending = owner.pointee.owned
        while let each = lending {
            if let first = each.pointee.first?.pointee.urgency, best.map({ $0 < first }) ?? true { best = first }
            lending = each.pointee.nextOwned
        }
        if let found = best, !(owner.pointee.parameters.urgency < found) { best = nil }
        if best == owner.pointee.inheritedUrgency { return false }
        Scheduler.reconsider(owner) { $0.pointee.inheritedUrgency = best }
        return true
    }

    /// Lends what the waiters have to the owner, to whom that one waits for, and so on.
    private static func passOn(from lending: LendingPointer, depth: Int = 0) {
        guard depth < maximumDepth, let owner = lending.pointee.owner, refresh(owner) else { return }
        requeue(owner, depth: depth + 1)
    }

    /// Puts a thread whose urgency has changed where it belongs among those it waits with.
    private static func requeue(_ thread: ThreadReference, depth: Int) {
        requeue(thread.pointee.waitsForKernel, depth)
        requeue(thread.pointee.waitsForProgram, depth)
    }

    private static func requeue(_ waiter: LendingWaiterPointer?, _ depth: Int) {
        guard let waiter, let lending = waiter.pointee.lending else { return }
        lending.pointee.remove(waiter)
        lending.pointee.insert(waiter)
        passOn(from: lending, depth: depth)
    }

    /// Brings up to date what follows from a thread's own urgency, which has changed.
    static func ownUrgencyChanged(_ thread: ThreadReference) {
        // Hints: who starts to wait after this does so with the new urgency.
        if thread.pointee.owned == nil, thread.pointee.waitsForKernel == nil, thread.pointee.waitsForProgram == nil { return }
        withLock { _ in
            refresh(thread)
            requeue(thread, depth: 0)
        }
    }

    /// Whether `owner` waits in the end for a program's lock that `thread` owns: if that waited for `owner` too, neither would go on.
    /// Locks of the kernel are given back in any case.
    static func wouldDeadlock(
        _ thread: ThreadReference, waitingFor owner: ThreadReference, _ held: borrowing Held
    ) -> Bool {
        var owner = owner
        for _ in 0..<1024 {
            if owner == thread { return true }
            guard let next = owner.pointee.waitsForProgram?.pointee.lending?.pointee.owner else { return false }
            owner = next
        }
        return true
    }
}

/// Something that a thread owns and others wait for. It does not move.
struct Lending {
    /// Whether it stands for a lock of a program, which may never be given back.
    let isProgram: Bool
    fileprivate(set) var owner: ThreadReference?
    /// Waiters, the most urgent first, those of the same urgency as they came.
    fileprivate(set) var first: LendingWaiterPointer?
    /// In the list of what the owner owns.
    fileprivate var nextOwned: LendingPointer?

    init(isProgram: Bool) { self.isProgram = isProgram }

    fileprivate mutating func insert(_ waiter: LendingWaiterPointer) {
        let urgency = waiter.pointee.urgency
        guard let head = first, !(head.pointee.urgency < urgency) else {
            waiter.pointee.next = first
            first = waiter
            return
        }
        var previous = head
        while let next = previous.pointee.next, !(next.pointee.urgency < urgency) { previous = next }
        waiter.pointee.next = previous.pointee.next
        previous.pointee.next = waiter
    }

    fileprivate mutating func remove(_ waiter: LendingWaiterPointer) {
        if first == waiter {
            first = waiter.pointee.next
        } else {
            var previous = first
            while let candidate = previous, candidate.pointee.next != waiter { previous = candidate.pointee.next }
            previous?.pointee.next = waiter.pointee.next
        }
        waiter.pointee.next = nil
    }
}

extension ThreadReference {
    fileprivate func setWait(_ waiter: LendingWaiterPointer?, isProgram: Bool) {
        if isProgram { pointee.waitsForProgram = waiter } else { pointee.waitsForKernel = waiter }
    }
}

typealias LendingPointer = UnsafeMutablePointer<Lending>

/// A thread that waits. It lies on that thread's stack, or in an object that the thread keeps.
struct LendingWaiter: ~Copyable {
    enum Signal {
        static let waits: UInt8 = 0
        /// It may try again.
        static let woken: UInt8 = 1
        /// It has been given what it waits for.
        static let granted: UInt8 = 2
    }
    let thread: ThreadReference
    let signal = Atomic<UInt8>(Signal.waits)
    /// How often it was woken and somebody else was faster.
    var failures = 0
    fileprivate(set) var lending: LendingPointer?
    fileprivate var next: LendingWaiterPointer?

    init(_ thread: ThreadReference) { self.thread = thread }

    var isQueued: Bool { lending != nil }
    fileprivate var urgency: Urgency { thread.pointee.urgency }
}

typealias LendingWaiterPointer = UnsafeMutablePointer<LendingWaiter>
