import ABI
import Files
import Support
import Synchronization

/// Where the contents of an inode lie on the disk. It is shared by the inode and its pages, so that pages that are still
/// mapped keep working after everybody else let go of the file.
///
/// All variables are protected by the file system's metadata lock, and every change is stored in the inode table at once (in
/// memory; the block is written by the next sync).
final class Ext2Node {
    let fileSystem: Ext2FileSystem
    let number: UInt32
    /// The 12 direct pointers and the three indirect ones; or the text of a short symbolic link.
    private(set) var slots: InlineArray<15, UInt32>
    /// Allocated space in units of 512 bytes, indirect blocks and the attribute block included.
    private(set) var sectorCount: UInt32
    private(set) var flags: UInt32
    /// Where the last block was allocated: the next one should follow it.
    var lastAllocated: UInt32 = 0
    /// The inode has no name left; its space is freed when this object goes.
    let isOrphan = Atomic<Bool>(false)

    init(_ fileSystem: Ext2FileSystem, _ number: UInt32, _ bytes: UnsafeMutableRawPointer) {
        self.fileSystem = fileSystem
        self.number = number
        slots = InlineArray { bytes.u32(InodeField.blocks + $0 * 4) }
        sectorCount = bytes.u32(InodeField.sectorCount)
        flags = bytes.u32(InodeField.flags)
    }

    deinit {
        // Freeing needs sleeping locks and the device: it is left to whoever calls `reclaim` next.
        let number = number
        if isOrphan.load(ordering: .relaxed) { fileSystem.orphans.withLock { $0.append(number) } }
    }

    /// Sets a pointer in the inode.
    func setSlot(_ index: Int, _ block: UInt32) throws(Errno) {
        slots[index] = block
        let (holder, bytes) = try fileSystem.inodeBytes(number)
        bytes.set32(InodeField.blocks + index * 4, block)
        try fileSystem.markDirty(holder)
    }

    /// Counts blocks that were taken (positive) or given back.
    func addBlocks(_ count: Int) throws(Errno) {
        let perBlock = Int64(fileSystem.geometry.sectorsPerBlock)
        sectorCount = UInt32(clamping: Int64(sectorCount) + Int64(count) * perBlock)
        let (holder, bytes) = try fileSystem.inodeBytes(number)
        bytes.set32(InodeField.sectorCount, sectorCount)
        try fileSystem.markDirty(holder)
    }

    /// The hash index of a folder is not kept up: without the flag nobody looks at it.
    func clearIndexFlag() throws(Errno) {
        guard flags & InodeField.indexFlag != 0 else { return }
        flags &= ~InodeField.indexFlag
        let (holder, bytes) = try fileSystem.inodeBytes(number)
        bytes.set32(InodeField.flags, flags)
        try fileSystem.markDirty(holder)
    }

    /// Where a new block should go.
    var goal: UInt32 {
        if lastAllocated != 0 { return lastAllocated + 1 }
        let geometry = fileSystem.geometry
        return geometry.firstDataBlock + (number - 1) / geometry.inodesPerGroup * geometry.blocksPerGroup
    }
}
