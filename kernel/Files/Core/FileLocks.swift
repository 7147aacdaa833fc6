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

    func conflicts(with other: FileLock) -> Bool {
        family == other.family && owner != other.owner && start < other.end && other.start < end
            && (kind == .exclusive || other.kind == .exclusive)
    }
}

/// The locks of one inode; made when the first is taken.
final class FileLockTable {
    let locks = SpinLock<[FileLock]>([])
    let released = WaitQueue()
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
    borrowing func acquire(_ wanted: FileLock, waits: Bool) throws(Errno) {
        let table = makeTable()
        func attempt() -> Bool {
            table.locks.withLock { locks in
                if locks.contains(where: { $0.conflicts(with: wanted) }) { return false }
                Self.cut(&locks, wanted)
                locks.append(wanted)
                return true
            }
        }
        if attempt() {
            // A lock that became weaker may let somebody in.
            if !table.released.isEmpty { table.released.wake() }
            return
        }
        guard waits else { throw .wouldBlock }
        try table.released.wait(until: attempt)
    }

    /// Gives a range back.
    borrowing func release(_ range: FileLock) {
        guard let table = existing() else { return }
        table.locks.withLock { Self.cut(&$0, range) }
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

    /// Removes the owner's locks inside a range, keeping what sticks out on both sides.
    private static func cut(_ locks: inout [FileLock], _ range: FileLock) {
        var kept: [FileLock] = []
        kept.reserveCapacity(locks.count + 1)
        for lock in locks {
            guard lock.owner == range.owner, lock.family == range.family, lock.start < range.end, range.start < lock.end else {
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
}

extension Inode {
    /// The first lock that stands in the way of `wanted` (F_GETLK).
    public final func lockConflict(_ wanted: FileLock) -> FileLock? { locks.conflict(with: wanted) }
    /// Takes an advisory lock.
    public final func acquireLock(_ wanted: FileLock, waits: Bool) throws(Errno) { try locks.acquire(wanted, waits: waits) }
    /// Gives a range of an advisory lock back.
    public final func releaseLock(_ range: FileLock) { locks.release(range) }
}
