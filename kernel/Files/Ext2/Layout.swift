// The on-disk layout of ext2 (Linux, `Documentation/filesystems/ext2.rst` and e2fsprogs' `ext2_fs.h`): offsets in bytes.
// All numbers are little-endian.

/// Fields of the superblock, which lies 1,024 bytes into the device.
enum SuperblockField {
    static let offset = 1024
    static let inodeCount = 0, blockCount = 4, reservedBlockCount = 8, freeBlockCount = 12, freeInodeCount = 16
    static let firstDataBlock = 20, blockSizeShift = 24, blocksPerGroup = 32, inodesPerGroup = 40
    static let mountTime = 44, writeTime = 48, mountCount = 52, magic = 56, state = 58, revision = 76
    static let firstInode = 84, inodeSize = 88, compatible = 92, incompatible = 96, readOnlyCompatible = 100
    static let volumeName = 120

    static let magicValue: UInt16 = 0xef53
    /// `state`: cleanly unmounted.
    static let validState: UInt16 = 1
    /// Incompatible feature: directory records tell the type of their file.
    static let fileTypes: UInt32 = 0x2
    /// Read-only compatible features that writing respects: sparse superblocks, large files.
    static let sparseSuperblocks: UInt32 = 0x1, largeFiles: UInt32 = 0x2
}

/// Fields of a group descriptor of 32 bytes.
enum GroupField {
    static let size = 32
    static let blockBitmap = 0, inodeBitmap = 4, inodeTable = 8, freeBlockCount = 12, freeInodeCount = 14, folderCount = 16
}

/// Fields of an inode; those from 128 on exist in larger inodes only.
enum InodeField {
    static let mode = 0, uid = 2, size = 4, accessTime = 8, changeTime = 12, modificationTime = 16, deletionTime = 20
    static let gid = 24, linkCount = 26, sectorCount = 28, flags = 32, blocks = 40, generation = 100
    static let attributeBlock = 104, sizeHigh = 108, uidHigh = 120, gidHigh = 122
    static let extraSize = 128, changeTimeExtra = 132, modificationTimeExtra = 136, accessTimeExtra = 140, birthTime = 144,
        birthTimeExtra = 148
    static let baseSize = 128
    /// What `extraSize` must be for all the fields above to exist.
    static let wantedExtraSize = 32

    static let directBlocks = 12
    static let blockSlots = 15
    /// Flag: the folder has a hash index, which a linear change would leave wrong.
    static let indexFlag: UInt32 = 0x1000
    /// Flags: the file may not be changed, or only appended to.
    static let immutableFlag: UInt32 = 0x10, appendOnlyFlag: UInt32 = 0x20
    /// A symbolic link this short lies in the block slots themselves.
    static let fastLinkLimit = 60
}

/// Fields of a directory record.
enum RecordField {
    static let inode = 0, length = 4, nameCount = 6, kind = 7, name = 8
    static let nameLimit = 255

    /// The least length of a record for a name.
    @inline(__always)
    static func length(nameCount: Int) -> Int { (name + nameCount + 3) & ~3 }
}

extension UnsafeMutableRawPointer {
    @inline(__always) func u16(_ offset: Int) -> UInt16 { loadUnaligned(fromByteOffset: offset, as: UInt16.self) }
    @inline(__always) func u32(_ offset: Int) -> UInt32 { loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    @inline(__always) func set16(_ offset: Int, _ value: UInt16) { storeBytes(of: value, toByteOffset: offset, as: UInt16.self) }
    @inline(__always) func set32(_ offset: Int, _ value: UInt32) { storeBytes(of: value, toByteOffset: offset, as: UInt32.self) }
}
