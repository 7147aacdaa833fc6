import ABI
import Files
import Processor
import Support
import Synchronization

/// An ext2 file system on a block device, for reading and writing.
///
/// Two sleeping locks: the namespace lock of every file system protects folders and the table of inodes in memory;
/// `metadataLock` protects everything on disk that is not the contents of a file. They are taken in this order, after an
/// inode's write lock and the lock of its pages. Contents are read and written under neither.
public final class Ext2FileSystem: FileSystem {
    let device2: BlockDevice
    let geometry: Geometry
    private let metadataLock = CompactLock()

    // Protected by metadataLock.
    var cache: BlockCache
    var groups: [Group]
    /// The blocks that hold the superblock and the group descriptors; held, so that the cache keeps them.
    private var superblock: CachedBlock
    private var descriptorBlocks: [CachedBlock] = []
    var freeBlockCount: UInt64 = 0
    var freeInodeCount: UInt64 = 0
    /// Where the search for a free block starts when nothing better is known.
    var nextGoal: UInt32
    private var isMarkedClean: Bool

    // Protected by the namespace lock.
    var inodes = InodeTable()

    /// Inodes without a name whose last user went away: their space is to be freed.
    let orphans = SpinLock<[UInt32]>([])
    private let messageCount = Atomic<UInt32>(0)

    /// Mounts the file system on a device.
    /// - Throws: `invalidArgument` when there is no ext2 or it is damaged; the log says what is wrong.
    public init(device: BlockDevice, number: DeviceNumber, readOnly: Bool) throws(Errno) {
        device2 = device
        let deviceBytes = device.sectorCount.multipliedReportingOverflow(by: UInt64(BlockDevice.sectorSize))
        geometry = try Self.readGeometry(device, deviceBytes.overflow ? .max : deviceBytes.partialValue)
        cache = BlockCache(device: device, geometry: geometry)
        nextGoal = geometry.firstDataBlock
        groups = []
        let superblockNumber = geometry.blockSize == 1024 ? UInt32(1) : 0
        superblock = try cache.block(superblockNumber)
        isMarkedClean = true
        super.init(typeName: "ext2", device: number)
        isMarkedClean = superblockBytes.u16(SuperblockField.state) & SuperblockField.validState != 0
        try readGroups()
        let mustNotWrite = geometry.unknownWriteFeatures != 0 || device.isReadOnly
        if mustNotWrite, !readOnly { Log.warning("ext2: mounted read-only: the device or unknown features forbid writing") }
        isReadOnly.store(readOnly || mustNotWrite, ordering: .relaxed)
        if !isMarkedClean { Log.warning("ext2: was not unmounted cleanly; a check with e2fsck is advised") }
    }

    private static func readGeometry(_ device: BlockDevice, _ deviceBytes: UInt64) throws(Errno) -> Geometry {
        guard deviceBytes >= 4096 else {
            Log.error("ext2: cannot mount: the device is too small")
            throw .invalidArgument
        }
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 1024)
        defer { bytes.deallocate() }
        try device.read(sector: UInt64(SuperblockField.offset / BlockDevice.sectorSize), count: 2, into: bytes)
        do throws(Geometry.Rejection) {
            return try Geometry(superblock: bytes, deviceBytes: deviceBytes)
        } catch {
            switch error {
            case .notExt2: Log.error("ext2: cannot mount: not an ext2 file system (bad magic)")
            case .unsupported(let what): Log.error("ext2: cannot mount: it uses \(what)")
            case .corrupt(let what): Log.error("ext2: cannot mount: corrupt superblock: \(what)")
            }
            throw .invalidArgument
        }
    }

    private func readGroups() throws(Errno) {
        let perBlock = UInt32(geometry.blockSize / GroupField.size)
        groups.reserveCapacity(Int(geometry.groupCount))
        for group in 0..<geometry.groupCount {
            if group % perBlock == 0 {
                descriptorBlocks.append(try cache.block(geometry.firstDataBlock + 1 + group / perBlock))
            }
            let found = Group(descriptor: descriptor(group))
            guard found.isValid(geometry) else {
                Log.error("ext2: cannot mount: corrupt descriptor of group \(group): it points beyond the end of the file system")
                throw .invalidArgument
            }
            groups.append(found)
            freeBlockCount += UInt64(found.freeBlockCount)
            freeInodeCount += UInt64(found.freeInodeCount)
        }
    }

    var superblockBytes: UnsafeMutableRawPointer { superblock.bytes + (geometry.blockSize == 1024 ? 0 : SuperblockField.offset) }

    private func descriptor(_ group: UInt32) -> UnsafeMutableRawPointer {
        let perBlock = UInt32(geometry.blockSize / GroupField.size)
        return descriptorBlocks[Int(group / perBlock)].bytes + Int(group % perBlock) * GroupField.size
    }

    /// Runs `body` with exclusive access to the metadata.
    @inline(__always)
    func withMetadata<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result { try metadataLock.withLock(body) }

    /// Reports damage, not endlessly, and gives the error to throw.
    func corrupt(_ what: @autoclosure () -> String) -> Errno {
        if messageCount.wrappingAdd(1, ordering: .relaxed).oldValue < 32 { Log.error("ext2: corrupt: " + what()) }
        return .ioError
    }

    // MARK: Changing (metadata lock held)

    /// Notes that a block was changed. The first change after a sync makes the device say that it is in use.
    func markDirty(_ block: CachedBlock) throws(Errno) {
        if isMarkedClean { try setClean(false) }
        cache.markDirty(block)
    }

    private func setClean(_ isClean: Bool) throws(Errno) {
        let state = superblockBytes.u16(SuperblockField.state)
        superblockBytes.set16(
            SuperblockField.state, isClean ? state | SuperblockField.validState : state & ~SuperblockField.validState)
        try cache.write(superblock)
        isMarkedClean = isClean
    }

    /// Copies a group's counts, which were changed, into its descriptor.
    func storeGroup(_ group: UInt32) throws(Errno) {
        let bytes = descriptor(group)
        let data = groups[Int(group)]
        bytes.set16(GroupField.freeBlockCount, UInt16(truncatingIfNeeded: data.freeBlockCount))
        bytes.set16(GroupField.freeInodeCount, UInt16(truncatingIfNeeded: data.freeInodeCount))
        bytes.set16(GroupField.folderCount, UInt16(truncatingIfNeeded: data.folderCount))
        let perBlock = UInt32(geometry.blockSize / GroupField.size)
        try markDirty(descriptorBlocks[Int(group / perBlock)])
    }

    private func storeCounts() {
        superblockBytes.set32(SuperblockField.freeBlockCount, UInt32(truncatingIfNeeded: freeBlockCount))
        superblockBytes.set32(SuperblockField.freeInodeCount, UInt32(truncatingIfNeeded: freeInodeCount))
        superblockBytes.set32(SuperblockField.writeTime, UInt32(truncatingIfNeeded: FileClock.now.seconds))
    }

    // MARK: FileSystem

    public override func rootInode() throws(Errno) -> Inode {
        let root = try withNamespace { () throws(Errno) in try inode(2) }
        guard root.kind == .directory else { throw corrupt("the root is not a folder") }
        return root
    }

    public override func statistics() -> FileSystemStatistics {
        reclaim()
        var statistics = FileSystemStatistics()
        statistics.type = 0xef53
        statistics.blockSize = UInt32(geometry.blockSize)
        var overhead = UInt64(geometry.firstDataBlock)
        for group in 0..<geometry.groupCount {
            overhead += 2 + UInt64(geometry.inodeTableBlocks)
            if geometry.hasSuperblock(group) { overhead += 1 + UInt64(geometry.descriptorBlocks) }
        }
        statistics.blocks = UInt64(geometry.blockCount) - min(overhead, UInt64(geometry.blockCount))
        do throws(Errno) {
            try withMetadata { () throws(Errno) in
                statistics.freeBlocks = freeBlockCount
                statistics.freeFiles = freeInodeCount
            }
        } catch {}
        let reserved = UInt64(geometry.reservedBlockCount)
        statistics.availableBlocks = statistics.freeBlocks > reserved ? statistics.freeBlocks - reserved : 0
        statistics.files = UInt64(geometry.inodeCount)
        return statistics
    }

    public override func reclaim() { freeOrphans() }

    public override func synchronize() throws(Errno) {
        if isReadOnly.load(ordering: .relaxed) { return }
        reclaim()
        var failure: Errno?
        let all = try withNamespace { () throws(Errno) in inodes.all }
        for inode in all {
            do throws(Errno) { try inode.writeEverything() } catch { failure = error }
        }
        try writeMetadata(clean: failure == nil)
        if let failure { throw failure }
    }

    /// Writes all changed metadata, and the superblock last.
    /// - Parameter clean: whether nothing else is left to write, so that the device may be called clean.
    func writeMetadata(clean: Bool) throws(Errno) {
        try withMetadata { () throws(Errno) in
            guard cache.isDirty || (clean && !isMarkedClean) else { return }
            storeCounts()
            try markDirty(superblock)
            try cache.writeAll()
            try device2.flush()
            if clean {
                try setClean(true)
                try device2.flush()
            }
        }
    }

    public override func unmounted() {
        do throws(Errno) {
            try synchronize()
            try withNamespace { () throws(Errno) in inodes.removeAll() }
        } catch {
            Log.error("ext2: could not write everything at unmount: error \(error.rawValue)")
        }
    }
}
