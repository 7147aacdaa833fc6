import ABI
import Files
import Support
import Synchronization
import VirtualMemory

/// An inode of an ext2 file system: a file, a symbolic link or a special node. Folders are a subclass.
class Ext2Inode: Inode {
    let node: Ext2Node
    /// The pages of a regular file.
    private var pages: Ext2Pages?
    /// The length of anything else. Changed under the namespace lock.
    var ownByteCount: UInt64
    /// The attributes differ from the inode table.
    private let isChanged = Atomic<Bool>(false)

    final var ext2: Ext2FileSystem { node.fileSystem }

    init(_ node: Ext2Node, kind: FileKind, byteCount: UInt64, special: DeviceNumber, metadata: InodeMetadata) {
        self.node = node
        ownByteCount = byteCount
        pages = kind == .regular ? Ext2Pages(node, byteCount: byteCount) : nil
        super.init(fileSystem: node.fileSystem, number: UInt64(node.number), kind: kind, special: special, metadata: metadata)
    }

    override final func contents() throws(Errno) -> PageCache {
        guard let pages else { throw .invalidArgument }
        return pages
    }
    override final var byteCount: UInt64 { pages?.byteCount ?? ownByteCount }
    override final var blockCount: UInt64 { UInt64(node.sectorCount) }
    override final var maximumByteCount: UInt64 { ext2.geometry.maximumByteCount & ~4095 }
    override final func mapped(_ path: PathNode) { pages?.noteMapped(path) }

    override final func attributes() throws(Errno) -> FileAttributes {
        var attributes = baseAttributes
        attributes.blockSize = UInt32(ext2.geometry.blockSize)
        return attributes
    }

    // MARK: Contents

    override final func open(flags: OpenFlags, path: PathNode?) throws(Errno) -> OpenFile {
        if flags.isWritable {
            if node.flags & InodeField.immutableFlag != 0 { throw .notPermitted }
            if node.flags & InodeField.appendOnlyFlag != 0, !flags.contains(.append) { throw .notPermitted }
        }
        return try super.open(flags: flags, path: path)
    }

    override final func prepareWrite(at offset: UInt64, count: UInt64) throws(Errno) {
        guard let pages else { return }
        do throws(Errno) {
            try pages.reserve(from: offset, to: offset + count)
        } catch {
            // What was reserved past the end before space ran out is given back.
            try finishWrite(end: offset)
            throw error
        }
    }

    override final func finishWrite(end: UInt64) throws(Errno) {
        guard let pages else { return }
        let blockSize = UInt64(ext2.geometry.blockSize)
        let firstUnused = (max(pages.byteCount, end) + blockSize - 1) / blockSize
        try ext2.withMetadata { () throws(Errno) in try node.freeBlocks(from: firstUnused) }
    }

    override final func resize(to length: UInt64) throws(Errno) {
        guard let pages else { throw .invalidArgument }
        guard length <= maximumByteCount else { throw .fileTooLarge }
        let old = pages.byteCount
        defer { metadataChanged() }
        guard length < old else { return try pages.truncate(to: length) }
        // Clearing the rest of the last page may fail for want of space; what was cut off is freed all the same.
        var failure: Errno?
        do throws(Errno) { try pages.truncate(to: length) } catch { failure = error }
        let blockSize = UInt64(ext2.geometry.blockSize)
        try ext2.withMetadata { () throws(Errno) in try node.freeBlocks(from: (length + blockSize - 1) / blockSize) }
        if let failure { throw failure }
    }

    override final func allocate(offset: UInt64, length: UInt64, mode: UInt32) throws(Errno) {
        guard mode & ~FallocateMode.keepSize == 0, let pages else { throw .notSupported }
        let end = offset + length
        // Blocks past the end are not something that ext2 can express without growing the file.
        if mode & FallocateMode.keepSize != 0, end > pages.byteCount { throw .notSupported }
        if end > pages.byteCount { try pages.truncate(to: end) }
        metadataChanged()
        try pages.reserve(from: offset, to: end)
    }

    override final func readLink() throws(Errno) -> [UInt8] {
        guard kind == .symbolicLink else { throw .invalidArgument }
        let count = Int(ownByteCount)
        return try ext2.withMetadata { () throws(Errno) -> [UInt8] in
            let attributes = try attributeSectors
            let isFast = count < InodeField.fastLinkLimit && node.sectorCount == attributes
            if isFast {
                let (_, bytes) = try ext2.inodeBytes(node.number)
                return Array(UnsafeRawBufferPointer(start: bytes + InodeField.blocks, count: count))
            }
            let block = try node.map(0)
            guard block != 0, count <= ext2.geometry.blockSize else { throw ext2.corrupt("symbolic link \(number) has no text") }
            let cached = try ext2.cache.block(block)
            return Array(UnsafeRawBufferPointer(start: cached.bytes, count: count))
        }
    }

    /// What a block of extended attributes adds to the sector count.
    private var attributeSectors: UInt32 {
        get throws(Errno) {
            let (_, bytes) = try ext2.inodeBytes(node.number)
            return bytes.u32(InodeField.attributeBlock) == 0 ? 0 : UInt32(ext2.geometry.sectorsPerBlock)
        }
    }

    // MARK: Writing back

    override final func metadataChanged() { isChanged.store(true, ordering: .releasing) }

    /// Copies changed attributes into the inode table. The metadata lock is held.
    final func store() throws(Errno) {
        guard isChanged.exchange(false, ordering: .acquiringAndReleasing) else { return }
        do throws(Errno) {
            let (block, bytes) = try ext2.inodeBytes(node.number)
            InodeCodec.store(
                metadata.withLock { $0 }, kind: kind, byteCount: byteCount, to: bytes, inodeSize: ext2.geometry.inodeSize)
            try ext2.markDirty(block)
        } catch {
            isChanged.store(true, ordering: .releasing)
            throw error
        }
    }

    /// Writes dirty pages to the device and attributes to the (cached) inode table.
    final func writeEverything() throws(Errno) {
        if !node.isOrphan.load(ordering: .relaxed) { try pages?.synchronize() }
        try ext2.withMetadata { () throws(Errno) in try store() }
    }

    override final func synchronize() throws(Errno) {
        if ext2.isReadOnly.load(ordering: .relaxed) { return }
        try writeEverything()
        try ext2.writeMetadata(clean: false)
    }

    /// Whether nobody uses the pages apart from the inode: a mapping would go on using them after the inode was dropped.
    final func hasUnusedPages() -> Bool { pages == nil || isKnownUniquelyReferenced(&pages) }
}

/// Translates between attributes and the bytes of an inode.
enum InodeCodec {
    static func metadata(_ bytes: UnsafeMutableRawPointer, inodeSize: Int) -> InodeMetadata {
        typealias F = InodeField
        let extra = inodeSize > F.baseSize ? Int(bytes.u16(F.extraSize)) : 0
        var metadata = InodeMetadata(
            permissions: UInt32(bytes.u16(F.mode)) & FileMode.permissionMask,
            uid: UInt32(bytes.u16(F.uid)) | UInt32(bytes.u16(F.uidHigh)) << 16,
            gid: UInt32(bytes.u16(F.gid)) | UInt32(bytes.u16(F.gidHigh)) << 16,
            linkCount: UInt32(bytes.u16(F.linkCount)), time: TimeSpec())
        metadata.accessTime = time(bytes, F.accessTime, F.accessTimeExtra, extra)
        metadata.modificationTime = time(bytes, F.modificationTime, F.modificationTimeExtra, extra)
        metadata.changeTime = time(bytes, F.changeTime, F.changeTimeExtra, extra)
        metadata.birthTime = extra >= F.wantedExtraSize - 4 ? time(bytes, F.birthTime, F.birthTimeExtra, extra) : TimeSpec()
        return metadata
    }

    /// Seconds since 1970, signed; the extra field has two more bits of them and the nanoseconds.
    private static func time(_ bytes: UnsafeMutableRawPointer, _ field: Int, _ extraField: Int, _ extra: Int) -> TimeSpec {
        let seconds = Int64(Int32(bitPattern: bytes.u32(field)))
        guard extraField + 4 <= InodeField.baseSize + extra, extra <= 128 else { return TimeSpec(seconds: seconds) }
        let more = bytes.u32(extraField)
        return TimeSpec(seconds: seconds + Int64(more & 3) << 32, nanoseconds: min(Int64(more >> 2), 999_999_999))
    }

    static func store(
        _ metadata: InodeMetadata, kind: FileKind, byteCount: UInt64, to bytes: UnsafeMutableRawPointer, inodeSize: Int
    ) {
        typealias F = InodeField
        let extra = inodeSize > F.baseSize ? Int(bytes.u16(F.extraSize)) : 0
        bytes.set16(F.mode, UInt16(truncatingIfNeeded: kind.modeBits | metadata.permissions))
        bytes.set16(F.uid, UInt16(truncatingIfNeeded: metadata.uid))
        bytes.set16(F.uidHigh, UInt16(truncatingIfNeeded: metadata.uid >> 16))
        bytes.set16(F.gid, UInt16(truncatingIfNeeded: metadata.gid))
        bytes.set16(F.gidHigh, UInt16(truncatingIfNeeded: metadata.gid >> 16))
        bytes.set16(F.linkCount, UInt16(truncatingIfNeeded: metadata.linkCount))
        bytes.set32(F.size, UInt32(truncatingIfNeeded: byteCount))
        if kind == .regular { bytes.set32(F.sizeHigh, UInt32(truncatingIfNeeded: byteCount >> 32)) }
        store(metadata.accessTime, bytes, F.accessTime, F.accessTimeExtra, extra)
        store(metadata.modificationTime, bytes, F.modificationTime, F.modificationTimeExtra, extra)
        store(metadata.changeTime, bytes, F.changeTime, F.changeTimeExtra, extra)
    }

    static func store(_ time: TimeSpec, _ bytes: UnsafeMutableRawPointer, _ field: Int, _ extraField: Int, _ extra: Int) {
        bytes.set32(field, UInt32(truncatingIfNeeded: time.seconds))
        guard extraField + 4 <= InodeField.baseSize + extra, extra <= 128 else { return }
        let epoch = UInt32(truncatingIfNeeded: (time.seconds - Int64(Int32(truncatingIfNeeded: time.seconds))) >> 32) & 3
        bytes.set32(extraField, UInt32(truncatingIfNeeded: time.nanoseconds) << 2 | epoch)
    }
}
