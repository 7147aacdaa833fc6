import ABI
import Support

/// An open folder.
public final class DirectoryFile: OpenFile {
    /// 0 before `.`, 1 before `..`, then 2 more than the file system's own cursor. Protected by `lock`.
    private var cursor: UInt64 = 0
    private let lock = CompactLock()
    private static let ownCursors: UInt64 = 2

    public override init(flags: OpenFlags, inode: Inode?, path: PathNode?) { super.init(flags: flags, inode: inode, path: path) }

    public override var isPollable: Bool { false }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int { throw .isDirectory }
    public override func read(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int { throw .isDirectory }

    public override func readDirectory(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        guard let inode else { throw .notDirectory }
        if inode.metadata.withLock({ $0.linkCount }) == 0 { throw .noEntry }
        lock.lock()
        defer { lock.unlock() }
        var record = DirectoryRecordWriter()
        var failure: Errno?
        var isFull = false
        /// Puts out one entry; false ends the reading.
        func emit(_ name: UnsafeRawBufferPointer, _ number: UInt64, _ kind: FileKind?, next: UInt64) -> Bool {
            do throws(Errno) {
                guard try record.write(name, inode: number, kind: kind, next: next, to: &buffer) else {
                    isFull = true
                    return false
                }
                cursor = next
                return true
            } catch {
                failure = error
                return false
            }
        }
        if cursor == 0, !withName(".", { emit($0, inode.number, .directory, next: 1) }) {
            return try finish(record, isFull, failure)
        }
        if cursor == 1, !withName("..", { emit($0, parentNumber, .directory, next: 2) }) {
            return try finish(record, isFull, failure)
        }
        let start = cursor - Self.ownCursors
        try inode.fileSystem.withStableNamespace { () throws(Errno) in
            try inode.readEntries(from: start) { entry in
                emit(entry.name, entry.inode, entry.kind, next: entry.next &+ Self.ownCursors)
            }
        }
        inode.contentsRead()
        return try finish(record, isFull, failure)
    }

    private func finish(_ record: DirectoryRecordWriter, _ isFull: Bool, _ failure: Errno?) throws(Errno) -> Int {
        if record.written > 0 { return record.written }
        if let failure { throw failure }
        // Not even one entry fits.
        if isFull { throw .invalidArgument }
        return 0
    }

    private func withName(_ name: StaticString, _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        body(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    private var parentNumber: UInt64 {
        guard let path else { return inode!.number }
        let parent = NameCache.locked { _ in path.parent ?? path.mount.point?.parent ?? path }
        return parent.inode?.number ?? inode!.number
    }

    public override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 {
        try lock.withLock { () throws(Errno) -> Int64 in
            let base: Int64
            switch whence {
            case 0: base = 0
            case 1: base = Int64(bitPattern: cursor)
            default: throw .invalidArgument
            }
            let (target, overflows) = base.addingReportingOverflow(offset)
            guard !overflows, target >= 0 else { throw .invalidArgument }
            cursor = UInt64(target)
            return target
        }
    }

    public override func synchronize() throws(Errno) { try inode?.synchronize() }
    public override func descriptorClosed(_ table: DescriptorTable) { inode?.locks.release(owner: table) }
    deinit { inode?.locks.releaseDescription(self) }
}

/// Composes `struct linux_dirent64` records.
struct DirectoryRecordWriter {
    private(set) var written = 0

    /// - Returns: false when the record does not fit any more.
    mutating func write(
        _ name: UnsafeRawBufferPointer, inode: UInt64, kind: FileKind?, next: UInt64,
        to buffer: inout TransferBuffer
    ) throws(Errno) -> Bool {
        let nameCount = min(name.count, PathWalk.nameLimit)
        let length = (DirectoryRecord.nameOffset + nameCount + 1 + 7) & ~7
        guard length <= buffer.remaining else { return false }
        let outcome: Result<Int, Errno> = withUnsafeTemporaryAllocation(byteCount: 288, alignment: 8) { raw in
            // SAFETY: the longest record, 19 + 255 + 1 rounded up to 280, fits.
            let record = raw.baseAddress!
            record.storeBytes(of: 0, toByteOffset: length - 8, as: UInt64.self)
            record.storeBytes(of: inode, toByteOffset: DirectoryRecord.inodeOffset, as: UInt64.self)
            record.storeBytes(of: next, toByteOffset: DirectoryRecord.cursorOffset, as: UInt64.self)
            record.storeBytes(of: UInt16(length), toByteOffset: DirectoryRecord.lengthOffset, as: UInt16.self)
            record.storeBytes(of: kind?.rawValue ?? 0, toByteOffset: DirectoryRecord.typeOffset, as: UInt8.self)
            (record + DirectoryRecord.nameOffset).copyMemory(from: name.baseAddress!, byteCount: nameCount)
            do throws(Errno) { return .success(try buffer.fill(from: record, count: length)) } catch { return .failure(error) }
        }
        guard try outcome.get() == length else { throw .badAddress }
        written += length
        return true
    }
}

/// What `O_PATH` opens: a place in the tree, without a right to the contents.
public final class PathFile: OpenFile {
    public override init(flags: OpenFlags, inode: Inode?, path: PathNode?) { super.init(flags: flags, inode: inode, path: path) }
    public override var isPollable: Bool { false }
    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int { throw .badDescriptor }
    public override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int { throw .badDescriptor }
    public override func read(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int { throw .badDescriptor }
    public override func write(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int { throw .badDescriptor }
    public override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 { throw .badDescriptor }
    public override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int { throw .badDescriptor }
    public override func readDirectory(_ buffer: inout TransferBuffer) throws(Errno) -> Int { throw .badDescriptor }
    public override func truncate(to length: UInt64) throws(Errno) { throw .badDescriptor }
    public override func synchronize() throws(Errno) { throw .badDescriptor }
}
