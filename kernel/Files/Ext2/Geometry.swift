import Files
import Support

/// The shape of a file system: what its superblock says, checked.
struct Geometry {
    let blockSize: Int
    let blockCount: UInt32
    let inodeCount: UInt32
    let reservedBlockCount: UInt32
    let firstDataBlock: UInt32
    let blocksPerGroup: UInt32
    let inodesPerGroup: UInt32
    let inodeSize: Int
    /// The first inode number that is not reserved.
    let firstInode: UInt32
    let hasFileTypes: Bool
    let hasSparseSuperblocks: Bool
    /// Features that this module may read but must not write.
    let unknownWriteFeatures: UInt32

    var groupCount: UInt32 { (blockCount - firstDataBlock + blocksPerGroup - 1) / blocksPerGroup }
    var sectorsPerBlock: Int { blockSize / BlockDevice.sectorSize }
    var pointersPerBlock: UInt64 { UInt64(blockSize / 4) }
    var blocksPerPage: Int { pageSize / blockSize }
    var inodesPerBlock: UInt32 { UInt32(blockSize / inodeSize) }
    var inodeTableBlocks: UInt32 { (inodesPerGroup + inodesPerBlock - 1) / inodesPerBlock }
    var descriptorBlocks: UInt32 { (groupCount * UInt32(GroupField.size) + UInt32(blockSize) - 1) / UInt32(blockSize) }

    /// Blocks of a file that its pointers can reach.
    var mappableBlocks: UInt64 {
        let p = pointersPerBlock
        return UInt64(InodeField.directBlocks) + p + p * p + p * p * p
    }
    /// The greatest length of a file: what the pointers reach, and what a 32-bit count of sectors can express.
    var maximumByteCount: UInt64 { min(mappableBlocks * UInt64(blockSize), (UInt64(UInt32.max) - 4096) * 512 / 2) }

    /// Whether a group starts with a copy of the superblock.
    func hasSuperblock(_ group: UInt32) -> Bool {
        if group <= 1 || !hasSparseSuperblocks { return true }
        for base: UInt32 in [3, 5, 7] {
            var power = base
            while power < group { power = power.multipliedReportingOverflow(by: base).overflow ? .max : power * base }
            if power == group { return true }
        }
        return false
    }

    /// Blocks in a group: the last one may be shorter.
    func blocks(in group: UInt32) -> UInt32 {
        min(blocksPerGroup, blockCount - firstDataBlock - group * blocksPerGroup)
    }

    enum Rejection: Error {
        case notExt2
        case unsupported(StaticString)
        case corrupt(StaticString)
    }

    /// Reads and checks a superblock.
    /// - Parameters:
    ///   - bytes: its 1,024 bytes.
    ///   - deviceBytes: the size of the device.
    init(superblock bytes: UnsafeMutableRawPointer, deviceBytes: UInt64) throws(Rejection) {
        typealias F = SuperblockField
        guard bytes.u16(F.magic) == F.magicValue else { throw .notExt2 }
        let shift = bytes.u32(F.blockSizeShift)
        guard shift <= 2 else { throw .unsupported("blocks larger than 4096 bytes") }
        let blockSize = 1024 << Int(shift)
        let revision = bytes.u32(F.revision)
        guard revision <= 1 else { throw .unsupported("an unknown revision") }
        let incompatible = revision == 0 ? 0 : bytes.u32(F.incompatible)
        guard incompatible & ~F.fileTypes == 0 else { throw .unsupported("features that this kernel does not know") }
        let readOnlyCompatible = revision == 0 ? 0 : bytes.u32(F.readOnlyCompatible)
        let inodeSize = revision == 0 ? 128 : Int(bytes.u16(F.inodeSize))
        guard inodeSize >= 128, inodeSize <= blockSize, inodeSize & (inodeSize - 1) == 0 else {
            throw .corrupt("invalid inode size")
        }
        let blockCount = bytes.u32(F.blockCount), firstDataBlock = bytes.u32(F.firstDataBlock)
        guard firstDataBlock == (blockSize == 1024 ? 1 : 0) else { throw .corrupt("invalid first data block") }
        guard blockCount > firstDataBlock + 3 else { throw .corrupt("too small") }
        let blocksPerGroup = bytes.u32(F.blocksPerGroup), inodesPerGroup = bytes.u32(F.inodesPerGroup)
        let bitsPerBlock = UInt32(blockSize * 8)
        guard blocksPerGroup >= 8, blocksPerGroup <= bitsPerBlock else { throw .corrupt("invalid number of blocks per group") }
        guard inodesPerGroup >= 1, inodesPerGroup <= bitsPerBlock else { throw .corrupt("invalid number of inodes per group") }
        guard UInt64(blockCount) * UInt64(blockSize) <= deviceBytes else {
            throw .corrupt("truncated: the file system extends beyond the end of the device")
        }

        self.blockSize = blockSize
        self.blockCount = blockCount
        inodeCount = bytes.u32(F.inodeCount)
        reservedBlockCount = min(bytes.u32(F.reservedBlockCount), blockCount)
        self.firstDataBlock = firstDataBlock
        self.blocksPerGroup = blocksPerGroup
        self.inodesPerGroup = inodesPerGroup
        self.inodeSize = inodeSize
        firstInode = revision == 0 ? 11 : max(bytes.u32(F.firstInode), 11)
        hasFileTypes = incompatible & F.fileTypes != 0
        hasSparseSuperblocks = readOnlyCompatible & F.sparseSuperblocks != 0
        unknownWriteFeatures = readOnlyCompatible & ~(F.sparseSuperblocks | F.largeFiles)
        guard groupCount <= 1 << 20, UInt64(inodeCount) == UInt64(groupCount) * UInt64(inodesPerGroup) else {
            throw .corrupt("invalid number of inodes")
        }
        guard UInt64(firstDataBlock) + 1 + UInt64(descriptorBlocks) < UInt64(blockCount) else {
            throw .corrupt("no room for the group descriptors")
        }
    }
}

/// One group: where its bitmaps and inodes lie, and how much of it is free.
struct Group {
    let blockBitmap: UInt32
    let inodeBitmap: UInt32
    let inodeTable: UInt32
    var freeBlockCount: UInt32
    var freeInodeCount: UInt32
    var folderCount: UInt32

    init(descriptor: UnsafeMutableRawPointer) {
        blockBitmap = descriptor.u32(GroupField.blockBitmap)
        inodeBitmap = descriptor.u32(GroupField.inodeBitmap)
        inodeTable = descriptor.u32(GroupField.inodeTable)
        freeBlockCount = UInt32(descriptor.u16(GroupField.freeBlockCount))
        freeInodeCount = UInt32(descriptor.u16(GroupField.freeInodeCount))
        folderCount = UInt32(descriptor.u16(GroupField.folderCount))
    }

    /// Whether everything it points at lies inside the file system.
    func isValid(_ geometry: Geometry) -> Bool {
        let range = geometry.firstDataBlock + 1..<geometry.blockCount
        return range.contains(blockBitmap) && range.contains(inodeBitmap) && range.contains(inodeTable)
            && blockBitmap != inodeBitmap && geometry.inodeTableBlocks <= geometry.blockCount - inodeTable
    }
}
