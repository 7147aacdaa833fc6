import ABI
import Files
import Support
import Synchronization
import VirtualMemory

/// The pages of a file in memory. They count against the quota of the file system until they are dropped.
final class TmpPages: MemoryPageCache {
    private let quota: TmpQuota
    private let reserved = Atomic<Int>(0)
    private let device: UInt64
    private let inode: UInt64
    private let name = MappedName()

    init(_ quota: TmpQuota, device: UInt64, inode: UInt64) {
        self.quota = quota
        self.device = device
        self.inode = inode
        super.init(byteCount: 0)
    }

    var reservedPages: Int { reserved.load(ordering: .relaxed) }

    override func reservePage() throws(Errno) {
        try quota.takePages(1)
        reserved.wrappingAdd(1, ordering: .relaxed)
    }

    override func unreservePages(_ count: Int) {
        reserved.wrappingSubtract(count, ordering: .relaxed)
        quota.givePages(count)
    }

    func noteMapped(_ path: PathNode) { name.set(path) }

    override var mappedName: [UInt8] { name.bytes }
    override var mappedDevice: UInt64 { device }
    override var mappedInode: UInt64 { inode }

    deinit { quota.givePages(reservedPages) }
}

/// A regular file in memory.
class TmpFile: Inode {
    fileprivate let pages: TmpPages
    private let quota: TmpQuota

    init(_ fileSystem: TmpFileSystem, _ metadata: InodeMetadata) {
        quota = fileSystem.quota
        let number = fileSystem.newNumber()
        pages = TmpPages(quota, device: fileSystem.device.rawValue, inode: number)
        super.init(fileSystem: fileSystem, number: number, kind: .regular, metadata: metadata)
    }

    final override func contents() throws(Errno) -> PageCache { pages }
    final override var byteCount: UInt64 { pages.byteCount }
    final override var blockCount: UInt64 { UInt64(pages.reservedPages) * UInt64(pageSize / 512) }

    override func resize(to length: UInt64) throws(Errno) {
        guard length <= maximumByteCount else { throw .fileTooLarge }
        try pages.truncate(to: length)
    }

    override func allocate(offset: UInt64, length: UInt64, mode: UInt32) throws(Errno) {
        if mode == FallocateMode.punchHole | FallocateMode.keepSize { return try punchHole(offset, offset + length) }
        // Pages come when they are touched: what can be promised is that there is room now.
        guard mode & ~FallocateMode.keepSize == 0 else { throw .notSupported }
        let end = offset + length
        let wanted = Int(clamping: (end + UInt64(pageSize) - 1) / UInt64(pageSize))
        guard wanted - min(wanted, pages.reservedPages) <= quota.pageLimit - quota.usedPages else { throw .noSpace }
        if mode & FallocateMode.keepSize == 0, end > byteCount { try resize(to: end) }
    }

    /// Clears a range; whole pages are given back.
    private func punchHole(_ start: UInt64, _ end: UInt64) throws(Errno) {
        let size = byteCount
        let end = min(end, size)
        guard start < end else { return }
        let page = UInt64(pageSize)
        let firstWhole = (start + page - 1) / page, endWhole = end == size ? (end + page - 1) / page : end / page
        if firstWhole < endWhole { pages.dropPages(from: firstWhole, to: endWhole) }
        try clear(start, min(end, firstWhole * page))
        if endWhole >= firstWhole { try clear(max(start, endWhole * page), end) }
    }

    private func clear(_ start: UInt64, _ end: UInt64) throws(Errno) {
        guard start < end else { return }
        let count = Int(end - start)
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var buffer = TransferBuffer(kernel: zeros)
        _ = try pages.write(&buffer, at: start)
    }

    final override func mapped(_ path: PathNode) { pages.noteMapped(path) }

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
        super.init(
            fileSystem: fileSystem, number: fileSystem.newNumber(), kind: node.kind, special: node.special, metadata: metadata)
    }

    override func synchronize() throws(Errno) {}
    deinit { quota.giveInode() }
}
