import ABI
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// Fast user-space mutexes: threads that sleep on a word of user memory.
public enum Futex {
    /// What identifies the word: its address in one address space, or the object behind a shared one.
    struct Key: Equatable {
        var space: UInt
        var address: UInt64
        var bucket: Int { Int(truncatingIfNeeded: (address >> 2) ^ (address >> 12) ^ UInt64(space >> 5)) & 255 }
    }

    /// A sleeping thread. The fields are protected by the lock of the bucket that holds it.
    final class Sleeper {
        var key: Key
        let bits: UInt32
        let thread: Thread
        var isQueued = false
        let isWoken = Atomic<Bool>(false)
        init(_ key: Key, bits: UInt32) {
            self.key = key
            self.bits = bits
            thread = currentThread
        }
    }

    // One lock for all buckets: requeue moves sleepers between two of them.
    struct Buckets: ~Copyable {
        var sleepers: [[Sleeper]] = Array(repeating: [], count: 256)
    }
    private static let buckets = SpinLock(Buckets())
    // Nobody wakes this queue: sleepers are woken as threads.
    nonisolated(unsafe) private static let never = WaitQueue()

    private static func key(_ address: UserAddress, isPrivate: Bool) throws(Errno) -> Key {
        guard address.rawValue & 3 == 0 else { throw .invalidArgument }
        guard let space = UserThread.current.addressSpace else { throw .badAddress }
        if !isPrivate {
            // Memory that processes share is named by its object and the place in it.
            if let shared = try space.sharedIdentity(of: address.rawValue) {
                return Key(space: UInt(bitPattern: Unmanaged.passUnretained(shared.object).toOpaque()), address: shared.offset)
            }
        }
        return Key(space: UInt(bitPattern: Unmanaged.passUnretained(space).toOpaque()), address: address.rawValue)
    }

    /// Sleeps while the word has the expected value.
    /// - Throws: `wouldBlock` when it has another value; `timedOut`; `restart` when a signal came.
    public static func wait(
        at address: UserAddress, expected: UInt32, bits: UInt32, isPrivate: Bool, deadline: UInt64?
    ) throws(Errno) {
        guard bits != 0 else { throw .invalidArgument }
        let sleeper = Sleeper(try key(address, isPrivate: isPrivate), bits: bits)
        // Queued first, then the value is read: a waker changes the value first, then looks at the queue.
        enqueue(sleeper)
        var failure: Errno?
        do throws(Errno) {
            if try copyIn(UInt32.self, from: address) != expected {
                failure = .wouldBlock
            } else {
                try never.wait(deadline: deadline) { sleeper.isWoken.load(ordering: .acquiring) }
            }
        } catch { failure = error }
        let wasWoken = dequeue(sleeper)
        if let failure, !wasWoken { throw failure }
    }

    private static func enqueue(_ sleeper: Sleeper) {
        buckets.withLock { buckets in
            buckets.sleepers[sleeper.key.bucket].append(sleeper)
            sleeper.isQueued = true
        }
    }

    /// Takes a sleeper off its queue. Returns whether it had been woken.
    private static func dequeue(_ sleeper: Sleeper) -> Bool {
        buckets.withLock { buckets in
            if sleeper.isQueued {
                buckets.sleepers[sleeper.key.bucket].removeAll { $0 === sleeper }
                sleeper.isQueued = false
            }
            return sleeper.isWoken.load(ordering: .acquiring)
        }
    }

    /// Wakes up to `count` sleepers whose bits match.
    /// - Returns: how many.
    public static func wake(at address: UserAddress, count: Int, bits: UInt32 = .max, isPrivate: Bool) throws(Errno) -> Int {
        guard bits != 0 else { throw .invalidArgument }
        let key = try key(address, isPrivate: isPrivate)
        let woken = buckets.withLock { $0.take(key, count: count, bits: bits) }
        for sleeper in woken { Scheduler.wake(sleeper.thread) }
        return woken.count
    }

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
        var moved = 0
        let woken: [Sleeper] = buckets.withLock { buckets in
            let woken = buckets.take(first, count: wakeCount, bits: .max)
            moved = buckets.move(from: first, to: second, count: moveCount)
            return woken
        }
        for sleeper in woken { Scheduler.wake(sleeper.thread) }
        return woken.count + moved
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
        let woken: [Sleeper] = buckets.withLock { buckets in
            let woken = buckets.take(first, count: count, bits: .max)
            return matches ? woken + buckets.take(second, count: targetCount, bits: .max) : woken
        }
        for sleeper in woken { Scheduler.wake(sleeper.thread) }
        return woken.count
    }
}

extension Futex {
    /// The sixth argument of FUTEX_WAKE_OP: 4 bits of operation, 4 of comparison, and two operands of 12.
    public struct WordOperation {
        private let code: UInt32
        public init(code: UInt32) { self.code = code }

        private var operation: UInt32 { code >> 28 & 7 }
        private var operand: UInt32 {
            let value = Self.signed(code >> 12)
            // FUTEX_OP_OPARG_SHIFT: the operand is the number of a bit.
            return code >> 31 != 0 ? 1 << (value & 31) : value
        }
        private static func signed(_ field: UInt32) -> UInt32 { UInt32(bitPattern: Int32(bitPattern: field << 20) >> 20) }

        var isKnown: Bool { operation <= 4 }

        func apply(to value: UInt32) -> UInt32 {
            switch operation {
            case 0: operand
            case 1: value &+ operand
            case 2: value | operand
            case 3: value & ~operand
            default: value ^ operand
            }
        }

        /// Whether the old value satisfies the comparison; nil when there is no such comparison.
        func compares(_ old: UInt32) -> Bool? {
            let (value, other) = (Int32(bitPattern: old), Int32(bitPattern: Self.signed(code)))
            switch code >> 24 & 15 {
            case 0: return value == other
            case 1: return value != other
            case 2: return value < other
            case 3: return value <= other
            case 4: return value > other
            case 5: return value >= other
            default: return nil
            }
        }
    }
}

extension Futex.Buckets {
    /// Takes matching sleepers, oldest first, and marks them woken.
    mutating func take(_ key: Futex.Key, count: Int, bits: UInt32) -> [Futex.Sleeper] {
        var taken: [Futex.Sleeper] = []
        let bucket = key.bucket
        var index = 0
        while index < sleepers[bucket].count, taken.count < count {
            let sleeper = sleepers[bucket][index]
            if sleeper.key == key, sleeper.bits & bits != 0 {
                sleepers[bucket].remove(at: index)
                sleeper.isQueued = false
                sleeper.isWoken.store(true, ordering: .releasing)
                taken.append(sleeper)
            } else {
                index += 1
            }
        }
        return taken
    }

    mutating func move(from key: Futex.Key, to target: Futex.Key, count: Int) -> Int {
        var moved = 0
        let bucket = key.bucket
        var index = 0
        while index < sleepers[bucket].count, moved < count {
            let sleeper = sleepers[bucket][index]
            if sleeper.key == key, key != target {
                sleepers[bucket].remove(at: index)
                sleeper.key = target
                sleepers[target.bucket].append(sleeper)
                moved += 1
                if bucket == target.bucket { index += 0 }
            } else {
                index += 1
            }
        }
        return moved
    }
}

/// Robust mutexes: the list of locks that a dying thread holds (`Documentation/locking/robust-futex-ABI.rst`).
enum RobustList {
    /// Marks each lock that the thread owned as owner-died and wakes a waiter. Bounded, since the list is the program's.
    static func release(_ thread: UserThread) {
        guard thread.robustList != 0 else { return }
        do throws(Errno) {
            let head = thread.robustList
            let offset = try copyIn(Int64.self, from: UserAddress(head + 8))
            let pending = try copyIn(UInt64.self, from: UserAddress(head + 16)) & ~1
            var entry = try copyIn(UInt64.self, from: UserAddress(head)) & ~1
            var budget = 2048
            while entry != head, budget > 0 {
                let next = try copyIn(UInt64.self, from: UserAddress(entry)) & ~1
                if entry != pending { try markDead(entry, offset, thread.id) }
                entry = next
                budget -= 1
            }
            if pending != 0 { try markDead(pending, offset, thread.id) }
        } catch {}
    }

    private static func markDead(_ entry: UInt64, _ offset: Int64, _ id: Int32) throws(Errno) {
        let address = UserAddress(entry &+ UInt64(bitPattern: offset))
        let word = try changeUserWord(at: address) { word in
            word & 0x3fff_ffff == UInt32(bitPattern: id) ? (word & 0x8000_0000) | 0x4000_0000 : word
        }
        guard word & 0x3fff_ffff == UInt32(bitPattern: id) else { return }
        if word & 0x8000_0000 != 0 { _ = try Futex.wake(at: address, count: 1, isPrivate: false) }
    }
}
