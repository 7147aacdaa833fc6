import ABI
import Scheduling
import Support
import Synchronization

/// An advisory lock on a range of bytes (fcntl) or on a whole file (flock).
public struct FileLock: Sendable {
    public enum Kind: Sendable { case shared, exclusive }
    /// Which locks see each other: fcntl's and flock's do not.
    public enum Family: Sendable { case range, whole }

    public var kind: Kind
    public var family: Family
    public var start: UInt64
    /// One past the last byte; `UInt64.max` for "to the end".
    public var end: UInt64
    /// Whose lock it is: the address of a descriptor table, or of an open file description.
    public var owner: UInt
    /// For F_GETLK; -1 for locks of a description.
    public var pid: Int32

    public init(kind: Kind, family: Family, start: UInt64, end: UInt64, owner: UInt, pid: Int32) {
        self.kind = kind
        self.family = family
        self.start = start
        self.end = end
        self.owner = owner
        self.pid = pid
    }

    /// Held by a process, not by an open file description.
    var isOfProcess: Bool { family == .range && pid != -1 }

    func isSibling(of other: FileLock) -> Bool { owner == other.owner && family == other.family }

    func conflicts(with other: FileLock) -> Bool {
        family == other.family && owner != other.owner && start < other.end && other.start < end
            && (kind == .exclusive || other.kind == .exclusive)
    }
}

/// The locks of one inode; made when the first is taken. Those of one owner stand together, by ascending place.
final class FileLockTable {
    let locks = SpinLock<[FileLock]>([])
    let released = WaitQueue()

    /// Takes a lock if nothing stands in its way.
    /// - Returns: what does.
    func attempt(_ wanted: FileLock) -> FileLock? {
        let obstacle: FileLock? = locks.withLock { locks in
            if let obstacle = locks.first(where: { $0.conflicts(with: wanted) }) { return obstacle }
            Self.cut(&locks, wanted)
            Self.insert(&locks, wanted)
            return nil
        }
        // A lock that became weaker may let somebody in.
        if obstacle == nil, !released.isEmpty { released.wake() }
        return obstacle
    }

    /// The first half of changing a lock on a whole file: the old one is given up before the new one is tried, and stays lost
    /// if that fails (flock(2)).
    /// - Returns: true when the owner has just such a lock already.
    func exchange(_ wanted: FileLock) -> Bool {
        let (isHeld, isDropped): (Bool, Bool) = locks.withLock { locks in
            guard let index = locks.firstIndex(where: { $0.owner == wanted.owner && $0.family == .whole }) else {
                return (false, false)
            }
            if locks[index].kind == wanted.kind { return (true, false) }
            locks.remove(at: index)
            return (false, true)
        }
        if isDropped { released.wake() }
        return isHeld
    }

    /// Removes the owner's locks inside a range, keeping what sticks out on both sides.
    static func cut(_ locks: inout [FileLock], _ range: FileLock) {
        var kept: [FileLock] = []
        kept.reserveCapacity(locks.count + 1)
        for lock in locks {
            guard lock.isSibling(of: range), lock.start < range.end, range.start < lock.end else {
                kept.append(lock)
                continue
            }
            if lock.start < range.start {
                var before = lock
                before.end = range.start
                kept.append(before)
            }
            if lock.end > range.end {
                var after = lock
                after.start = range.end
                kept.append(after)
            }
        }
        locks = kept
    }

    /// Inserts a lock whose range is free of its owner's others, and joins it with those of its kind beside it.
    private static func insert(_ locks: inout [FileLock], _ new: FileLock) {
        var new = new
        locks.removeAll { lock in
            guard lock.isSibling(of: new), lock.kind == new.kind, lock.end == new.start || new.end == lock.start else {
                return false
            }
            new.start = min(new.start, lock.start)
            new.end = max(new.end, lock.end)
            return true
        }
        let next = locks.firstIndex { $0.isSibling(of: new) && $0.start > new.start }
        let last = locks.lastIndex { $0.isSibling(of: new) }
        locks.insert(new, at: next ?? last.map { $0 + 1 } ?? locks.count)
    }
}

/// Where an inode keeps its locks, if it has any.
struct FileLockSlot: ~Copyable {
    private let table = SpinLock<FileLockTable?>(nil)
    /// Set with the first lock; spares files that were never locked a look at the table.
    private let wasUsed = Atomic<Bool>(false)

    private borrowing func existing() -> FileLockTable? {
        wasUsed.load(ordering: .acquiring) ? table.withLock { $0 } : nil
    }

    private borrowing func makeTable() -> FileLockTable {
        let made = table.withLock { table in
            if let table { return table }
            let made = FileLockTable()
            table = made
            return made
        }
        wasUsed.store(true, ordering: .releasing)
        return made
    }

    /// The first lock that stands in the way of `wanted`.
    borrowing func conflict(with wanted: FileLock) -> FileLock? {
        existing()?.locks.withLock { locks in locks.first { $0.conflicts(with: wanted) } }
    }

    /// Takes a lock, replacing what its owner holds in the range.
    /// - Parameter waits: sleep until it can be had, instead of failing with `wouldBlock`.
    /// - Throws: `deadlock` when its holder waits, perhaps through others, for the same owner.
    borrowing func acquire(_ wanted: FileLock, waits: Bool) throws(Errno) {
        let table = makeTable()
        if wanted.family == .whole, table.exchange(wanted) { return }
        if table.attempt(wanted) == nil { return }
        guard waits else { throw .wouldBlock }
        let token = wanted.isOfProcess ? FileLockWaits.makeToken() : 0
        defer { if token != 0 { FileLockWaits.leave(token) } }
        var isDeadlock = false
        try table.released.wait {
            guard let obstacle = table.attempt(wanted) else { return true }
            if token != 0, obstacle.isOfProcess, !FileLockWaits.enter(token, waiter: wanted.owner, holder: obstacle.owner) {
                isDeadlock = true
            }
            return isDeadlock
        }
        if isDeadlock { throw .deadlock }
    }

    /// Gives a range back.
    borrowing func release(_ range: FileLock) {
        guard let table = existing() else { return }
        table.locks.withLock { FileLockTable.cut(&$0, range) }
        table.released.wake()
    }

    /// Gives back all range locks of a descriptor table: POSIX drops them when any descriptor of the file is closed.
    borrowing func release(owner table: DescriptorTable) {
        releaseAll(owner: UInt(bitPattern: Unmanaged.passUnretained(table).toOpaque()), family: .range)
    }

    /// Gives back everything that an open file description holds.
    borrowing func releaseDescription(_ file: OpenFile) {
        let owner = UInt(bitPattern: Unmanaged.passUnretained(file).toOpaque())
        releaseAll(owner: owner, family: .whole)
        releaseAll(owner: owner, family: .range)
    }

    private borrowing func releaseAll(owner: UInt, family: FileLock.Family) {
        guard let table = existing() else { return }
        let changed = table.locks.withLock { locks in
            let count = locks.count
            locks.removeAll { $0.owner == owner && $0.family == family }
            return locks.count != count
        }
        if changed { table.released.wake() }
    }
}

extension Inode {
    /// The first lock that stands in the way of `wanted` (F_GETLK).
    public final func lockConflict(_ wanted: FileLock) -> FileLock? { locks.conflict(with: wanted) }
    /// Takes an advisory lock.
    public final func acquireLock(_ wanted: FileLock, waits: Bool) throws(Errno) { try locks.acquire(wanted, waits: waits) }
    /// Gives a range of an advisory lock back.
    public final func releaseLock(_ range: FileLock) { locks.release(range) }
}
