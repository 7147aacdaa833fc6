import ABI
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// Fast user-space mutexes: threads that sleep on a word of user memory. Locks that inherit priority are in `Futex+Locks`.
///
/// A sleeper lies on its thread's stack, in the list of a bucket. It is queued first and then reads the word, whereas a waker changes the
/// word first and then looks at the bucket: so none is missed. Whoever wakes does so with the bucket's lock held, which the sleeper takes
/// before it goes, so that it is there as long as somebody looks at it.
public enum Futex {
    /// What identifies the word: its address in one address space, or the object behind a shared one.
    struct Key: Equatable {
        var space: UInt
        var address: UInt64
        var bucket: Int { Int(truncatingIfNeeded: (address >> 2) ^ (address >> 12) ^ UInt64(space >> 12)) & 255 }
    }

    /// A sleeping thread. The fields are protected by the lock of the bucket that holds it.
    struct Sleeper: ~Copyable {
        var key: Key
        let bits: UInt32
        // Unowned: it is the stack that this lies on.
        unowned(unsafe) let thread: Thread
        /// For FUTEX_WAIT_REQUEUE_PI: the lock that it is to be moved to, and how it waits there.
        let target: Key?
        let waiter: PriorityWaiter?
        /// The bucket that it is in; changed with the locks of both held.
        let bucket: Atomic<Int>
        var isQueued = false
        let isWoken = Atomic<Bool>(false)
        var previous: UnsafeMutablePointer<Sleeper>?
        var next: UnsafeMutablePointer<Sleeper>?

        init(_ key: Key, bits: UInt32, target: Key? = nil, waiter: PriorityWaiter? = nil) {
            self.key = key
            self.bits = bits
            self.target = target
            self.waiter = waiter
            bucket = Atomic(key.bucket)
            thread = currentThread
        }
    }
    typealias SleeperPointer = UnsafeMutablePointer<Sleeper>

    struct Bucket: ~Copyable {
        var first: SleeperPointer?
        var last: SleeperPointer?
    }

    // Two are locked in ascending order only.
    nonisolated(unsafe) private static let buckets: UnsafeMutablePointer<SpinLock<Bucket>> = {
        let buckets = UnsafeMutablePointer<SpinLock<Bucket>>.allocate(capacity: 256)
        for index in 0..<256 { (buckets + index).initialize(to: SpinLock(Bucket())) }
        return buckets
    }()

    static func key(_ address: UserAddress, isPrivate: Bool) throws(Errno) -> Key {
        guard address.rawValue & 3 == 0 else { throw .invalidArgument }
        let thread = UserThread.current
        if !isPrivate {
            // Memory that processes share is named by its object and the place in it.
            guard let space = thread.addressSpace else { throw .badAddress }
            if let shared = try space.sharedIdentity(of: address.rawValue) {
                return Key(space: UInt(bitPattern: Unmanaged.passUnretained(shared.object).toOpaque()), address: shared.offset)
            }
        }
        return Key(space: UInt(thread.pageTableRoot), address: address.rawValue)
    }

    // MARK: Waiting

    /// Sleeps while the word has the expected value.
    /// - Throws: `wouldBlock` when it has another value; `timedOut`; `restart` when a signal came.
    public static func wait(
        at address: UserAddress, expected: UInt32, bits: UInt32, isPrivate: Bool, deadline: UInt64?
    ) throws(Errno) {
        guard bits != 0 else { throw .invalidArgument }
        var sleeper = Sleeper(try key(address, isPrivate: isPrivate), bits: bits)
        // SAFETY: the sleeper stays where it is until `sleep` has taken it off its queue.
        let failure = withUnsafeMutablePointer(to: &sleeper) { sleep($0, at: address, expected: expected, deadline: deadline) }
        if let failure { throw failure }
    }

    private static func sleep(_ sleeper: SleeperPointer, at address: UserAddress, expected: UInt32, deadline: UInt64?) -> Errno? {
        let failure = doze(sleeper, at: address, expected: expected, deadline: deadline)
        _ = dequeue(sleeper)
        return sleeper.pointee.isWoken.load(ordering: .acquiring) ? nil : failure
    }

    /// Queues a sleeper, looks at the word and sleeps until it is woken. It may still be queued afterwards.
    /// - Returns: why it was not woken.
    static func doze(_ sleeper: SleeperPointer, at address: UserAddress, expected: UInt32, deadline: UInt64?) -> Errno? {
        buckets[sleeper.pointee.key.bucket].withLock { $0.append(sleeper) }
        do throws(Errno) {
            if try copyIn(UInt32.self, from: address) != expected { return .wouldBlock }
            try Scheduler.sleep(deadline: deadline, interruptible: true) {
                sleeper.pointee.isWoken.load(ordering: .acquiring) || sleeper.pointee.waiter?.isGranted ?? false
            }
            return nil
        } catch { return error }
    }

    /// Takes a sleeper off its queue.
    /// - Returns: whether it was on.
    static func dequeue(_ sleeper: SleeperPointer) -> Bool {
        while true {
            let index = sleeper.pointee.bucket.load(ordering: .acquiring)
            let wasQueued: Bool? = buckets[index].withLock { bucket in
                // It may have been moved before the lock was taken.
                guard sleeper.pointee.bucket.load(ordering: .relaxed) == index else { return nil }
                guard sleeper.pointee.isQueued else { return false }
                bucket.remove(sleeper)
                return true
            }
            if let wasQueued { return wasQueued }
        }
    }

    // MARK: Waking

    /// Wakes up to `count` sleepers whose bits match.
    /// - Returns: how many.
    public static func wake(at address: UserAddress, count: Int, bits: UInt32 = .max, isPrivate: Bool) throws(Errno) -> Int {
        guard bits != 0 else { throw .invalidArgument }
        return try wake(try key(address, isPrivate: isPrivate), count: count, bits: bits)
    }

    /// - Throws: `invalidArgument` when one of them waits to be moved to a lock.
    static func wake(_ key: Key, count: Int, bits: UInt32 = .max) throws(Errno) -> Int {
        var woken = 0
        while woken < count {
            // A few at a time: interrupts are off meanwhile.
            let wanted = min(count - woken, 16)
            guard let some = buckets[key.bucket].withLock({ $0.wake(key, count: wanted, bits: bits) }) else {
                throw .invalidArgument
            }
            woken += some
            if some < wanted { break }
        }
        return woken
    }

    /// FUTEX_WAKE_OP: changes a second word, wakes at the first, and at the second too if its old value compares.
    /// - Parameter code: operation, comparison and their operands, as the program encodes them.
    /// - Returns: how many were woken.
    public static func wake(
        at address: UserAddress, count: Int, changing target: UserAddress, count targetCount: Int, _ code: WordOperation,
        isPrivate: Bool
    ) throws(Errno) -> Int {
        let first = try key(address, isPrivate: isPrivate)
        let second = try key(target, isPrivate: isPrivate)
        guard code.isKnown else { throw .notImplemented }
        let old = try changeUserWord(at: target) { code.apply(to: $0) }
        guard let matches = code.compares(old) else { throw .notImplemented }
        let woken = try wake(first, count: count)
        return matches ? woken + (try wake(second, count: targetCount)) : woken
    }

    // MARK: Moving

    /// Wakes some sleepers and moves others to a second word.
    /// - Parameter expected: for CMP_REQUEUE: the value that the first word must have.
    /// - Returns: how many were woken or moved.
    public static func requeue(
        from address: UserAddress, to target: UserAddress, wake wakeCount: Int, move moveCount: Int, expected: UInt32?,
        isPrivate: Bool
    ) throws(Errno) -> Int {
        guard wakeCount >= 0, moveCount >= 0 else { throw .invalidArgument }
        let first = try key(address, isPrivate: isPrivate)
        let second = try key(target, isPrivate: isPrivate)
        if let expected, try copyIn(UInt32.self, from: address) != expected { throw .wouldBlock }
        let woken = try wake(first, count: wakeCount)
        if first == second { return woken + count(first, limit: moveCount) }
        return woken + move(first, to: second, count: moveCount)
    }

    private static func count(_ key: Key, limit: Int) -> Int {
        buckets[key.bucket].withLock { bucket in
            var found = 0
            var sleeper = bucket.first
            while let each = sleeper, found < limit {
                if each.pointee.key == key { found += 1 }
                sleeper = each.pointee.next
            }
            return found
        }
    }

    /// Moves sleepers, oldest first, those that wait for a lock excepted.
    private static func move(_ key: Key, to target: Key, count: Int) -> Int {
        let (low, high) = (min(key.bucket, target.bucket), max(key.bucket, target.bucket))
        var total = 0
        while total < count {
            let wanted = min(count - total, 64)
            let moved = buckets[low].withLock { a in
                if low == high { return a.rename(key, to: target, count: wanted) }
                return buckets[high].withLock { b in
                    key.bucket == low ? a.move(key, to: target, &b, count: wanted) : b.move(key, to: target, &a, count: wanted)
                }
            }
            total += moved
            if moved < wanted { break }
        }
        return total
    }

    /// The oldest sleeper of a word.
    static func first(_ key: Key) -> SleeperPointer? {
        buckets[key.bucket].withLock { bucket in
            var sleeper = bucket.first
            while let each = sleeper, each.pointee.key != key { sleeper = each.pointee.next }
            return sleeper
        }
    }
}

extension Futex.Bucket {
    mutating func append(_ sleeper: Futex.SleeperPointer) {
        sleeper.pointee.previous = last
        sleeper.pointee.next = nil
        if let last { last.pointee.next = sleeper } else { first = sleeper }
        last = sleeper
        sleeper.pointee.isQueued = true
    }

    mutating func remove(_ sleeper: Futex.SleeperPointer) {
        let previous = sleeper.pointee.previous, next = sleeper.pointee.next
        if let previous { previous.pointee.next = next } else { first = next }
        if let next { next.pointee.previous = previous } else { last = previous }
        sleeper.pointee.isQueued = false
    }

    /// Wakes matching sleepers, oldest first.
    /// - Returns: how many; nil when one of them waits to be moved to a lock.
    mutating func wake(_ key: Futex.Key, count: Int, bits: UInt32) -> Int? {
        var woken = 0
        var sleeper = first
        while let each = sleeper, woken < count {
            sleeper = each.pointee.next
            guard each.pointee.key == key else { continue }
            if each.pointee.target != nil { return nil }
            guard each.pointee.bits & bits != 0 else { continue }
            remove(each)
            each.pointee.isWoken.store(true, ordering: .releasing)
            Scheduler.wake(each.pointee.thread)
            woken += 1
        }
        return woken
    }

    mutating func rename(_ key: Futex.Key, to target: Futex.Key, count: Int) -> Int {
        var moved = 0
        var sleeper = first
        while let each = sleeper, moved < count {
            sleeper = each.pointee.next
            guard each.pointee.key == key, each.pointee.target == nil else { continue }
            each.pointee.key = target
            moved += 1
        }
        return moved
    }

    mutating func move(_ key: Futex.Key, to target: Futex.Key, _ other: inout Futex.Bucket, count: Int) -> Int {
        var moved = 0
        var sleeper = first
        while let each = sleeper, moved < count {
            sleeper = each.pointee.next
            guard each.pointee.key == key, each.pointee.target == nil else { continue }
            remove(each)
            each.pointee.key = target
            each.pointee.bucket.store(target.bucket, ordering: .releasing)
            other.append(each)
            moved += 1
        }
        return moved
    }
}
