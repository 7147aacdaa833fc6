import ABI
import Files
import Support
import Synchronization
import VirtualMemory

/// The pages of a file in memory. They count against the quota of the file system until they are dropped.
final class TmpPages: PageCache {
    private let quota: TmpQuota
    private let charged = Atomic<Int>(0)

    init(_ quota: TmpQuota) {
        self.quota = quota
        super.init(byteCount: 0)
    }

    var chargedPages: Int { max(0, charged.load(ordering: .relaxed)) }

    override func fill(pageIndex: UInt64, frame: PhysicalAddress) throws(Errno) {
        try quota.takePages(1)
        charged.wrappingAdd(1, ordering: .relaxed)
        frame.directMapped.initializeMemory(as: UInt64.self, repeating: 0, count: pageSize / 8)
    }

    /// Gives back what was charged for pages that are gone.
    func settle() {
        let surplus = chargedPages - pageCount
        guard surplus > 0 else { return }
        charged.wrappingSubtract(surplus, ordering: .relaxed)
        quota.givePages(surplus)
    }

    deinit { quota.givePages(chargedPages) }
}

/// A regular file in memory.
class TmpFile: Inode {
    fileprivate let pages: TmpPages
    private let quota: TmpQuota

    init(_ fileSystem: TmpFileSystem, _ metadata: InodeMetadata) {
        quota = fileSystem.quota
        pages = TmpPages(quota)
        super.init(fileSystem: fileSystem, number: fileSystem.newNumber(), kind: .regular, metadata: metadata)
    }

    final override func contents() throws(Errno) -> PageCache { pages }
    final override var byteCount: UInt64 { pages.byteCount }
    final override var blockCount: UInt64 { UInt64(pages.chargedPages) * UInt64(pageSize / 512) }

    override func resize(to length: UInt64) throws(Errno) {
        guard length <= maximumByteCount else { throw .fileTooLarge }
        try pages.truncate(to: length)
        pages.settle()
    }

    override func allocate(offset: UInt64, length: UInt64, mode: UInt32) throws(Errno) {
        // Only plain reservation and "keep size"; pages come when they are touched.
        guard mode & ~1 == 0 else { throw .notSupported }
        let end = offset + length
        let wanted = Int(clamping: (end + UInt64(pageSize) - 1) / UInt64(pageSize))
        guard wanted - min(wanted, pages.chargedPages) <= quota.pageLimit - quota.usedPages else { throw .noSpace }
        if mode & 1 == 0, end > byteCount { try resize(to: end) }
    }

    final override func synchronize() throws(Errno) {}

    deinit { quota.giveInode() }
}

/// A symbolic link in memory.
final class TmpSymbolicLink: Inode {
    private let target: [UInt8]
    private let quota: TmpQuota

    init(_ fileSystem: TmpFileSystem, _ target: [UInt8], _ metadata: InodeMetadata) {
        self.target = target
        quota = fileSystem.quota
        super.init(fileSystem: fileSystem, number: fileSystem.newNumber(), kind: .symbolicLink, metadata: metadata)
    }

    override func readLink() throws(Errno) -> [UInt8] { target }
    override var byteCount: UInt64 { UInt64(target.count) }
    override var blockCount: UInt64 { 0 }
    deinit { quota.giveInode() }
}

/// A device node, FIFO or socket in memory.
final class TmpSpecial: Inode {
    private let quota: TmpQuota

    init(_ fileSystem: TmpFileSystem, _ node: NewNode, _ metadata: InodeMetadata) {
        quota = fileSystem.quota
        super.init(fileSystem: fileSystem, number: fileSystem.newNumber(), kind: node.kind, special: node.special, metadata: metadata)
    }

    override func synchronize() throws(Errno) {}
    deinit { quota.giveInode() }
}
