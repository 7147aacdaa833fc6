import ABI
import Files
import Support

// Taking and giving back blocks and inodes. Everything here needs the metadata lock.

extension Ext2FileSystem {
    // MARK: Blocks

    /// Takes a free block, as near after `goal` as there is one.
    func allocateBlock(goal: UInt32) throws(Errno) -> UInt32 {
        guard freeBlockCount > 0 else { throw .noSpace }
        let first = geometry.firstDataBlock
        let start = goal > first && goal < geometry.blockCount ? goal : max(nextGoal, first)
        var group = (start - first) / geometry.blocksPerGroup
        var bit = (start - first) % geometry.blocksPerGroup
        // The last turn looks at the first group again, at what lies before the goal.
        for _ in 0...geometry.groupCount {
            if groups[Int(group)].freeBlockCount > 0, let block = try takeBlock(in: group, from: bit) { return block }
            bit = 0
            group = group + 1 < geometry.groupCount ? group + 1 : 0
        }
        // The counts promised a block that the bitmaps do not have.
        _ = corrupt("free blocks are miscounted")
        throw .noSpace
    }

    /// Takes a block of a group that lies at or after a bit.
    private func takeBlock(in group: UInt32, from bit: UInt32) throws(Errno) -> UInt32? {
        let bitmap = try cache.block(groups[Int(group)].blockBitmap)
        var bit = bit
        let limit = geometry.blocks(in: group)
        while let found = Bitmap.firstClear(bitmap.bytes, from: bit, limit: limit) {
            let block = geometry.firstDataBlock + group * geometry.blocksPerGroup + found
            if isSystemBlock(block) {
                // A damaged bitmap must not hand out the metadata itself.
                _ = corrupt("block bitmap of group \(group) calls metadata free")
                bit = found + 1
                continue
            }
            Bitmap.set(bitmap.bytes, found)
            try markDirty(bitmap)
            groups[Int(group)].freeBlockCount -= 1
            freeBlockCount -= 1
            try storeGroup(group)
            nextGoal = block + 1
            return block
        }
        return nil
    }

    /// Gives a block back.
    func freeBlock(_ block: UInt32) throws(Errno) {
        guard isDataBlock(block) else { throw corrupt("block \(block) cannot be freed") }
        let group = (block - geometry.firstDataBlock) / geometry.blocksPerGroup
        let bit = (block - geometry.firstDataBlock) % geometry.blocksPerGroup
        let bitmap = try cache.block(groups[Int(group)].blockBitmap)
        guard Bitmap.isSet(bitmap.bytes, bit) else { throw corrupt("block \(block) is free already") }
        Bitmap.clear(bitmap.bytes, bit)
        try markDirty(bitmap)
        cache.forget(block)
        groups[Int(group)].freeBlockCount += 1
        freeBlockCount += 1
        try storeGroup(group)
    }

    /// Whether a block can belong to a file: inside the file system and not part of its own structure.
    @inline(__always)
    func isDataBlock(_ block: UInt32) -> Bool {
        block > geometry.firstDataBlock && block < geometry.blockCount && !isSystemBlock(block)
    }

    /// Whether a block is a superblock, descriptor, bitmap or inode table of its group.
    func isSystemBlock(_ block: UInt32) -> Bool {
        let offset = block - geometry.firstDataBlock
        let group = offset / geometry.blocksPerGroup
        let data = groups[Int(group)]
        if block == data.blockBitmap || block == data.inodeBitmap { return true }
        if block >= data.inodeTable, block - data.inodeTable < geometry.inodeTableBlocks { return true }
        return offset % geometry.blocksPerGroup < 1 + geometry.descriptorBlocks && geometry.hasSuperblock(group)
    }

    // MARK: Inodes

    /// Takes a free inode. Folders go where there is much room, other inodes next to their folder.
    func allocateInode(isFolder: Bool, parent: UInt32) throws(Errno) -> UInt32 {
        guard freeInodeCount > 0 else { throw .noSpace }
        let home = min((parent - 1) / geometry.inodesPerGroup, geometry.groupCount - 1)
        var group = isFolder ? roomiestGroup(near: home) : home
        for _ in 0..<geometry.groupCount {
            if groups[Int(group)].freeInodeCount > 0, let number = try takeInode(in: group, isFolder: isFolder) { return number }
            group = group + 1 < geometry.groupCount ? group + 1 : 0
        }
        _ = corrupt("free inodes are miscounted")
        throw .noSpace
    }

    private func roomiestGroup(near home: UInt32) -> UInt32 {
        var best = home
        for group in 0..<geometry.groupCount {
            let data = groups[Int(group)], known = groups[Int(best)]
            if data.freeInodeCount > 0, data.freeBlockCount > known.freeBlockCount || known.freeInodeCount == 0 { best = group }
        }
        return best
    }

    private func takeInode(in group: UInt32, isFolder: Bool) throws(Errno) -> UInt32? {
        let bitmap = try cache.block(groups[Int(group)].inodeBitmap)
        let reserved = group == 0 ? geometry.firstInode - 1 : 0
        guard
            let bit = Bitmap.firstClear(
                bitmap.bytes, from: min(reserved, geometry.inodesPerGroup), limit: geometry.inodesPerGroup)
        else {
            return nil
        }
        Bitmap.set(bitmap.bytes, bit)
        try markDirty(bitmap)
        groups[Int(group)].freeInodeCount -= 1
        if isFolder { groups[Int(group)].folderCount += 1 }
        freeInodeCount -= 1
        try storeGroup(group)
        return group * geometry.inodesPerGroup + bit + 1
    }

    /// Gives an inode back.
    func freeInode(_ number: UInt32, isFolder: Bool) throws(Errno) {
        guard number >= geometry.firstInode, number <= geometry.inodeCount else {
            throw corrupt("inode \(number) cannot be freed")
        }
        let group = (number - 1) / geometry.inodesPerGroup
        let bit = (number - 1) % geometry.inodesPerGroup
        let bitmap = try cache.block(groups[Int(group)].inodeBitmap)
        guard Bitmap.isSet(bitmap.bytes, bit) else { throw corrupt("inode \(number) is free already") }
        Bitmap.clear(bitmap.bytes, bit)
        try markDirty(bitmap)
        groups[Int(group)].freeInodeCount += 1
        if isFolder, groups[Int(group)].folderCount > 0 { groups[Int(group)].folderCount -= 1 }
        freeInodeCount += 1
        try storeGroup(group)
    }

    /// The block that holds an inode, and the inode's bytes in it.
    func inodeBytes(_ number: UInt32) throws(Errno) -> (block: CachedBlock, bytes: UnsafeMutableRawPointer) {
        guard number >= 1, number <= geometry.inodeCount else { throw corrupt("there is no inode \(number)") }
        let group = (number - 1) / geometry.inodesPerGroup
        let index = (number - 1) % geometry.inodesPerGroup
        let block = try cache.block(groups[Int(group)].inodeTable + index / geometry.inodesPerBlock)
        return (block, block.bytes + Int(index % geometry.inodesPerBlock) * geometry.inodeSize)
    }
}

/// Bits in a block: bit 0 is the lowest of the first byte.
enum Bitmap {
    @inline(__always)
    static func isSet(_ bytes: UnsafeMutableRawPointer, _ bit: UInt32) -> Bool {
        bytes.load(fromByteOffset: Int(bit >> 3), as: UInt8.self) & (1 << UInt8(bit & 7)) != 0
    }
    @inline(__always)
    static func set(_ bytes: UnsafeMutableRawPointer, _ bit: UInt32) {
        let byte = bytes.load(fromByteOffset: Int(bit >> 3), as: UInt8.self)
        bytes.storeBytes(of: byte | (1 << UInt8(bit & 7)), toByteOffset: Int(bit >> 3), as: UInt8.self)
    }
    @inline(__always)
    static func clear(_ bytes: UnsafeMutableRawPointer, _ bit: UInt32) {
        let byte = bytes.load(fromByteOffset: Int(bit >> 3), as: UInt8.self)
        bytes.storeBytes(of: byte & ~(1 << UInt8(bit & 7)), toByteOffset: Int(bit >> 3), as: UInt8.self)
    }

    /// The first clear bit in `[start, limit)`. The memory must reach to a whole 8 bytes past the limit, as blocks do.
    /// - Complexity: O(limit / 64).
    static func firstClear(_ bytes: UnsafeMutableRawPointer, from start: UInt32, limit: UInt32) -> UInt32? {
        var bit = start
        while bit < limit {
            let word = bytes.load(fromByteOffset: Int(bit >> 6) * 8, as: UInt64.self)
            // Bits before `bit` count as set.
            let free = ~word & (UInt64.max << UInt64(bit & 63))
            if free != 0 {
                let found = (bit & ~63) + UInt32(free.trailingZeroBitCount)
                return found < limit ? found : nil
            }
            bit = (bit & ~63) + 64
        }
        return nil
    }
}
