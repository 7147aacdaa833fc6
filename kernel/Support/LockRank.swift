/// Proof that a lock is held, and of what may be taken beside it: the compiler checks the order of locks where this is passed along.
///
/// A ranked lock lends a token to the body that runs with it held, and asks for one that permits it. Tokens cannot be copied, kept or
/// made up, so a function that takes one is called with that lock held, and a lock that comes earlier in the order cannot be taken with it:
/// its `withLock` asks for a token that does not exist there.
///
/// Ranks are types. Each says by its protocols what may be taken inside it; a new rank is a type here and a line in the order below.
public struct LockToken<Rank: LockRank>: ~Copyable, ~Escapable {
    @_lifetime(immortal)
    @usableFromInline init() {}

    /// Runs `body` with the token. Only locks do this.
    @inlinable
    public static func lend<Result: ~Copyable, Failure: Error>(
        _ body: (borrowing LockToken<Rank>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let token = LockToken<Rank>()
        return try body(token)
    }
}

/// The place of a lock in the order.
public protocol LockRank {}

// The order, outermost first. Who holds the lock of one line may take those of the lines below.

/// Permits the locks of inheritance, and what comes after them.
public protocol PermitsInheritance: LockRank {}
/// Permits the locks of futex buckets, and what comes after them.
public protocol PermitsFutexBucket: PermitsInheritance {}

/// None of the ranked locks is held.
public enum NothingHeld: PermitsFutexBucket {}
/// A bucket of sleepers (`Futex`).
public enum FutexBucketRank: PermitsInheritance {}
/// Who owns what others wait for (`Inheritance`). Innermost, but for run queues, whose locks are not reached from outside the scheduler.
public enum InheritanceRank: LockRank {}
