import ABI
import Support
import Synchronization
import VirtualMemory

/// An open regular file: a position over the pages of an inode.
open class RegularFile: OpenFile {
    public final let contents: PageCache
    /// Protected by `positionLock`, as reads and writes through one description happen one after the other.
    private var position: UInt64 = 0
    private let positionLock = CompactLock()

    public init(flags: OpenFlags, inode: Inode, path: PathNode?, contents: PageCache) {
        self.contents = contents
        super.init(flags: flags, inode: inode, path: path)
        if flags.isWritable { inode.programUse.writers.wrappingAdd(1, ordering: .sequentiallyConsistent) }
    }

    /// The inode, which a regular file always has.
    @inline(__always)
    public final var node: Inode { inode.unsafelyUnwrapped }

    open override var isPollable: Bool { false }

    // MARK: Reading

    open override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        positionLock.lock()
        defer { positionLock.unlock() }
        try Self.checkRange(position, buffer.remaining)
        let count = try contents.read(&buffer, at: position)
        position &+= UInt64(count)
        node.contentsRead()
        return count
    }

    open override func read(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int {
        try Self.checkRange(offset, buffer.remaining)
        let count = try contents.read(&buffer, at: offset)
        node.contentsRead()
        return count
    }

    // MARK: Writing

    open override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        positionLock.lock()
        defer { positionLock.unlock() }
        let inode = node
        inode.writeLock.lock()
        defer { inode.writeLock.unlock() }
        try Self.checkRange(position, buffer.remaining)
        let start = flags.contains(.append) ? inode.byteCount : position
        let count = try writeLocked(&buffer, at: start)
        position = start &+ UInt64(count)
        return count
    }

    open override func write(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int {
        try Self.checkRange(offset, buffer.remaining)
        let inode = node
        inode.writeLock.lock()
        defer { inode.writeLock.unlock() }
        // As on Linux, append wins over the offset.
        return try writeLocked(&buffer, at: flags.contains(.append) ? inode.byteCount : offset)
    }

    private func writeLocked(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int {
        if buffer.remaining == 0 { return 0 }
        let inode = node
        let ownLimit = FileSizeLimit.current
        if ownLimit != .max { buffer.limit(to: try FileSizeLimit.allowed(buffer.remaining, at: offset, for: ownLimit)) }
        buffer.limit(to: try permittedWrite(at: offset, count: buffer.remaining))
        let limit = inode.maximumByteCount
        guard offset < limit else { throw .fileTooLarge }
        buffer.limit(to: Int(clamping: limit - offset))
        let count = UInt64(buffer.remaining)
        try inode.prepareWrite(at: offset, count: count)
        var written = 0
        do throws(Errno) {
            written = try contents.write(&buffer, at: offset)
        } catch {
            try inode.finishWrite(end: offset)
            throw error
        }
        if UInt64(written) < count { try inode.finishWrite(end: offset + UInt64(written)) }
        if inode.hasPrivilegeBits, !FileContext.identity.isPrivileged { inode.dropPrivilegeBits() }
        inode.contentsChanged()
        if flags.contains(.dataSync) { try inode.synchronize() }
        return written
    }

    /// No position is beyond what a signed number holds.
    @inline(__always)
    private static func checkRange(_ offset: UInt64, _ count: Int) throws(Errno) {
        guard offset <= UInt64(Int64.max) - UInt64(count) else { throw .invalidArgument }
    }

    /// How many bytes of a write the kind of file permits (seals).
    /// - Throws: `notPermitted` when it permits none.
    open func permittedWrite(at offset: UInt64, count: Int) throws(Errno) -> Int { count }
    /// Throws when changing the length is forbidden for the kind of file (seals).
    open func checkResize(to length: UInt64) throws(Errno) {}

    open override func truncate(to length: UInt64) throws(Errno) {
        guard flags.isWritable else { throw .invalidArgument }
        try path?.mount.checkWritable()
        if length > node.byteCount { try FileSizeLimit.check(length: length, for: FileSizeLimit.current) }
        guard length <= node.maximumByteCount else { throw .fileTooLarge }
        try checkResize(to: length)
        var change = AttributeChange()
        change.size = length
        try node.setAttributes(change)
    }

    /// `fallocate(2)`.
    public final func allocate(offset: UInt64, length: UInt64, mode: UInt32) throws(Errno) {
        guard flags.isWritable else { throw .badDescriptor }
        let (end, overflows) = offset.addingReportingOverflow(length)
        guard !overflows, end <= node.maximumByteCount else { throw .fileTooLarge }
        guard try permittedWrite(at: offset, count: Int(clamping: length)) == Int(clamping: length) else { throw .notPermitted }
        if end > node.byteCount, mode & FallocateMode.keepSize == 0 {
            try FileSizeLimit.check(length: end, for: FileSizeLimit.current)
            try checkResize(to: end)
        }
        let inode = node
        try inode.writeLock.withLock { () throws(Errno) in try inode.allocate(offset: offset, length: length, mode: mode) }
        inode.contentsChanged()
    }

    // MARK: The rest

    open override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 {
        try positionLock.withLock { () throws(Errno) -> Int64 in
            let size = Int64(clamping: node.byteCount)
            let base: Int64
            switch whence {
            case 0: base = 0
            case 1: base = Int64(clamping: position)
            case 2: base = size
            case 3, 4:
                // One stretch of data with a hole behind it: what POSIX allows every file system to say.
                guard offset >= 0, offset < size else { throw .noDeviceOrAddress }
                position = UInt64(whence == 3 ? offset : size)
                return Int64(position)
            default: throw .invalidArgument
            }
            let (target, overflows) = base.addingReportingOverflow(offset)
            guard !overflows else { throw .overflow }
            guard target >= 0 else { throw .invalidArgument }
            position = UInt64(target)
            return target
        }
    }

    open override func memoryObject(offset: UInt64, length: UInt64, shared: Bool, writable: Bool) throws(Errno) -> MemoryObject {
        guard flags.isReadable else { throw .accessDenied }
        if shared, writable, !flags.isWritable { throw .accessDenied }
        if let path { node.mapped(path) }
        return contents
    }

    open override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        // FIONREAD: bytes up to the end.
        guard request == 0x541b else { throw .notTerminal }
        let position = try positionLock.withLock { () throws(Errno) in self.position }
        let size = node.byteCount
        try copyOut(Int32(clamping: size > position ? size - position : 0), to: UserAddress(argument))
        return 0
    }

    open override func synchronize() throws(Errno) { try node.synchronize() }

    open override func descriptorClosed(_ table: DescriptorTable) { node.locks.release(owner: table) }

    deinit {
        if flags.isWritable { node.programUse.writers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
        node.locks.releaseDescription(self)
    }
}

extension Inode {
    /// Whether set-user-ID or set-group-ID is set, which a write by an ordinary user takes away.
    final var hasPrivilegeBits: Bool {
        metadata.withLock { $0.permissions & (FileMode.setUser | FileMode.setGroup) != 0 }
    }

    final func dropPrivilegeBits() {
        metadata.withLock { data in
            data.permissions &= ~FileMode.setUser
            if data.permissions & 0o010 != 0 { data.permissions &= ~FileMode.setGroup }
        }
    }
}
