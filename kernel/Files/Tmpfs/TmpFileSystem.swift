import ABI
import Files
import Frames
import Support
import Synchronization

/// How much a memory file system may hold, and how much it does.
final class TmpQuota {
    /// In pages.
    let pageLimit: Int
    let inodeLimit: Int
    private let pages = Atomic<Int>(0)
    private let inodes = Atomic<Int>(0)

    init(pageLimit: Int, inodeLimit: Int) {
        self.pageLimit = pageLimit
        self.inodeLimit = inodeLimit
    }

    var usedPages: Int { max(0, pages.load(ordering: .relaxed)) }
    var usedInodes: Int { max(0, inodes.load(ordering: .relaxed)) }

    /// - Throws: `noSpace`, and nothing is taken.
    func takePages(_ count: Int) throws(Errno) {
        if pages.wrappingAdd(count, ordering: .relaxed).newValue > pageLimit {
            pages.wrappingSubtract(count, ordering: .relaxed)
            throw .noSpace
        }
    }
    func givePages(_ count: Int) { pages.wrappingSubtract(count, ordering: .relaxed) }

    func takeInode() throws(Errno) {
        if inodes.wrappingAdd(1, ordering: .relaxed).newValue > inodeLimit {
            inodes.wrappingSubtract(1, ordering: .relaxed)
            throw .noSpace
        }
    }
    /// Counts an inode that must not fail: the root, and the nodes of devices.
    func countInode() { inodes.wrappingAdd(1, ordering: .relaxed) }
    func giveInode() { inodes.wrappingSubtract(1, ordering: .relaxed) }
}

/// A file system in memory: what is written stays until it is removed, or until the machine stops.
open class TmpFileSystem: FileSystem {
    let quota: TmpQuota
    private let nextNumber = Atomic<UInt64>(1)
    private let rootMetadata: InodeMetadata
    private let showsSize: Bool

    /// - Parameters:
    ///   - pageLimit: how many pages of contents fit; nil for half of the memory, as Linux has it.
    ///   - permissions: of the root folder.
    public init(
        typeName: StaticString = "tmpfs", pageLimit: Int? = nil, inodeLimit: Int? = nil, permissions: UInt32 = 0o1777,
        uid: UInt32 = 0, gid: UInt32 = 0
    ) {
        let half = FrameAllocator.totalFrames / 2
        quota = TmpQuota(pageLimit: pageLimit ?? half, inodeLimit: inodeLimit ?? half)
        rootMetadata = InodeMetadata(permissions: permissions, uid: uid, gid: gid, linkCount: 2)
        showsSize = pageLimit != nil
        super.init(typeName: typeName)
    }

    final func newNumber() -> UInt64 { nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue }

    /// The root folder; a file system has one, whoever asks first makes it.
    private let root = SpinLock<TmpDirectory?>(nil)
    public final func rootDirectory() -> TmpDirectory {
        root.withLock { root in
            if let root { return root }
            quota.countInode()
            let made = TmpDirectory(self, rootMetadata)
            root = made
            return made
        }
    }

    open override func rootInode() throws(Errno) -> Inode { rootDirectory() }
    // Looking a name up costs no more than remembering that it does not exist.
    open override var cachesMissingNames: Bool { false }

    open override func statistics() -> FileSystemStatistics {
        var statistics = FileSystemStatistics()
        statistics.type = 0x0102_1994
        statistics.blocks = UInt64(quota.pageLimit)
        statistics.freeBlocks = UInt64(max(0, quota.pageLimit - quota.usedPages))
        statistics.availableBlocks = statistics.freeBlocks
        statistics.files = UInt64(quota.inodeLimit)
        statistics.freeFiles = UInt64(max(0, quota.inodeLimit - quota.usedInodes))
        return statistics
    }

    open override var mountOptions: [UInt8] {
        showsSize ? Array((",size=" + String(quota.pageLimit * pageSize / 1024) + "k").utf8) : []
    }

    open override func unmounted() {
        // The tree's folders and the file system hold each other; letting go of the root frees everything.
        let released = root.withLock { $0.take() }
        released?.clear()
    }
}

/// `mount -t tmpfs`, with the options `size=`, `nr_inodes=`, `mode=`, `uid=` and `gid=`.
public final class TmpFileSystemType: FileSystemType {
    public init() { super.init(name: "tmpfs", needsDevice: false) }

    public override func mount(device: BlockDevice?, options: [UInt8], readOnly: Bool) throws(Errno) -> FileSystem {
        var pageLimit: Int?, inodeLimit: Int?
        var mode: UInt32 = 0o1777, uid: UInt32 = 0, gid: UInt32 = 0
        for option in MountOptions(options) {
            switch option.name {
            case "size": pageLimit = try size(option.value)
            case "nr_blocks": pageLimit = try option.number()
            case "nr_inodes": inodeLimit = try option.number()
            case "mode": mode = UInt32(truncatingIfNeeded: try option.number(radix: 8)) & FileMode.permissionMask
            case "uid": uid = UInt32(truncatingIfNeeded: try option.number())
            case "gid": gid = UInt32(truncatingIfNeeded: try option.number())
            case "huge", "mpol", "inode64", "inode32": break
            default: throw .invalidArgument
            }
        }
        let fileSystem = TmpFileSystem(pageLimit: pageLimit, inodeLimit: inodeLimit, permissions: mode, uid: uid, gid: gid)
        fileSystem.isReadOnly.store(readOnly, ordering: .relaxed)
        return fileSystem
    }

    /// Bytes with a suffix `k`, `m` or `g`, or a share of the memory with `%`; in pages, rounded up. 0 means no limit.
    private func size(_ text: [UInt8]) throws(Errno) -> Int {
        guard let suffix = text.last else { throw .invalidArgument }
        var digits = text
        var unit = 1
        switch suffix {
        case UInt8(ascii: "k"), UInt8(ascii: "K"): unit = 1 << 10
        case UInt8(ascii: "m"), UInt8(ascii: "M"): unit = 1 << 20
        case UInt8(ascii: "g"), UInt8(ascii: "G"): unit = 1 << 30
        case UInt8(ascii: "%"): unit = 0
        default: break
        }
        if unit != 1 { digits.removeLast() }
        guard let number = MountOptions.number(digits, radix: 10) else { throw .invalidArgument }
        if unit == 0 { return FrameAllocator.totalFrames / 100 * min(number, 1000) }
        let (bytes, overflows) = number.multipliedReportingOverflow(by: unit)
        guard !overflows, bytes < Int.max - pageSize else { throw .invalidArgument }
        return bytes == 0 ? Int.max / 2 : (bytes + pageSize - 1) / pageSize
    }
}
