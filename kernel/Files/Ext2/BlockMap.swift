import ABI
import Files
import Support

// Which block of the device holds which block of a file: 12 direct pointers, then one, two and three levels of indirect
// blocks. Everything here needs the metadata lock.

extension Ext2Node {
    /// The way from the inode to a block of the file: the slot, then an index for each indirect block.
    private struct Path {
        var slot: Int
        /// How many of the indexes count: the levels of indirection.
        var depth: Int
        var indexes: (Int, Int, Int)

        func index(_ level: Int) -> Int { level == 0 ? indexes.0 : level == 1 ? indexes.1 : indexes.2 }

        /// - Returns: nil when no pointer reaches so far.
        init?(_ block: UInt64, _ p: UInt64) {
            var rest = block
            if rest < UInt64(InodeField.directBlocks) {
                (slot, depth, indexes) = (Int(rest), 0, (0, 0, 0))
                return
            }
            rest -= UInt64(InodeField.directBlocks)
            if rest < p {
                (slot, depth, indexes) = (12, 1, (Int(rest), 0, 0))
                return
            }
            rest -= p
            if rest < p * p {
                (slot, depth, indexes) = (13, 2, (Int(rest / p), Int(rest % p), 0))
                return
            }
            rest -= p * p
            guard rest < p * p * p else { return nil }
            (slot, depth, indexes) = (14, 3, (Int(rest / (p * p)), Int(rest / p % p), Int(rest % p)))
        }
    }

    /// The device block that holds a block of the file; 0 for a hole.
    func map(_ block: UInt64) throws(Errno) -> UInt32 {
        guard let path = Path(block, fileSystem.geometry.pointersPerBlock) else { return 0 }
        var pointer = slots[path.slot]
        for level in 0..<path.depth {
            if pointer == 0 { return 0 }
            try check(pointer)
            pointer = try fileSystem.cache.block(pointer).bytes.u32(path.index(level) * 4)
        }
        if pointer != 0 { try check(pointer) }
        return pointer
    }

    private func check(_ pointer: UInt32) throws(Errno) {
        guard fileSystem.isDataBlock(pointer) else {
            throw fileSystem.corrupt("inode \(number) points at block \(pointer), which cannot belong to a file")
        }
    }

    /// The device block of a block of the file, allocated if there is none.
    /// - Returns: the block, and whether it is new: its contents on the device are then whatever they were before.
    func mapAllocating(_ block: UInt64) throws(Errno) -> (block: UInt32, isNew: Bool) {
        guard let path = Path(block, fileSystem.geometry.pointersPerBlock) else { throw .fileTooLarge }
        var pointer = slots[path.slot]
        var isNew = false
        if pointer == 0 {
            pointer = try allocate(isIndirect: path.depth > 0)
            try setSlot(path.slot, pointer)
            isNew = true
        }
        try check(pointer)
        for level in 0..<path.depth {
            let indirect = try fileSystem.cache.block(pointer)
            let offset = path.index(level) * 4
            pointer = indirect.bytes.u32(offset)
            isNew = pointer == 0
            if isNew {
                pointer = try allocate(isIndirect: level + 1 < path.depth)
                indirect.bytes.set32(offset, pointer)
                try fileSystem.markDirty(indirect)
            }
            try check(pointer)
        }
        return (pointer, isNew)
    }

    /// Takes a block for this inode; an indirect one starts as zeros.
    private func allocate(isIndirect: Bool) throws(Errno) -> UInt32 {
        let block = try fileSystem.allocateBlock(goal: goal)
        lastAllocated = block
        if isIndirect { _ = try fileSystem.cache.newBlock(block) } else { fileSystem.cache.forget(block) }
        try addBlocks(1)
        return block
    }

    // MARK: Freeing

    /// Frees every block of the file from `first` on, and the indirect blocks that are not needed any more.
    ///
    /// Damage on the way is reported and stepped over, so that the rest is still freed.
    func freeBlocks(from first: UInt64) throws(Errno) {
        let p = fileSystem.geometry.pointersPerBlock
        for slot in 0..<InodeField.directBlocks where UInt64(slot) >= first && slots[slot] != 0 {
            let block = slots[slot]
            try setSlot(slot, 0)
            try release(block)
        }
        var start = UInt64(InodeField.directBlocks)
        var span = p
        for depth in 1...3 {
            let slot = InodeField.directBlocks + depth - 1
            if slots[slot] != 0, first < start + span {
                let isEmpty = try freeIndirect(slots[slot], depth: depth, span: span / p, from: first > start ? first - start : 0)
                if isEmpty {
                    let block = slots[slot]
                    try setSlot(slot, 0)
                    try release(block)
                }
            }
            start += span
            span *= p
        }
        lastAllocated = 0
    }

    /// Frees what an indirect block points at, from the block `first` of its span on.
    /// - Parameter span: how many blocks of the file each pointer stands for.
    /// - Returns: whether nothing is left in it.
    private func freeIndirect(_ block: UInt32, depth: Int, span: UInt64, from first: UInt64) throws(Errno) -> Bool {
        guard fileSystem.isDataBlock(block) else {
            _ = fileSystem.corrupt("inode \(number) has an indirect block \(block)")
            return true
        }
        let indirect = try fileSystem.cache.block(block)
        let p = Int(fileSystem.geometry.pointersPerBlock)
        let start = Int(first / span)
        var isEmpty = true
        for index in start..<p {
            let pointer = indirect.bytes.u32(index * 4)
            if pointer == 0 { continue }
            if depth > 1 {
                let inner = index == start ? first % span : 0
                guard try freeIndirect(pointer, depth: depth - 1, span: span / UInt64(p), from: inner) else {
                    isEmpty = false
                    continue
                }
            }
            indirect.bytes.set32(index * 4, 0)
            try fileSystem.markDirty(indirect)
            try release(pointer)
        }
        for index in 0..<start where indirect.bytes.u32(index * 4) != 0 { return false }
        return isEmpty
    }

    private func release(_ block: UInt32) throws(Errno) {
        do throws(Errno) {
            try fileSystem.freeBlock(block)
        } catch {
            // Damage was reported; a device that fails ends it.
            if fileSystem.isDataBlock(block) == false { return }
            guard error == .ioError else { throw error }
        }
        try addBlocks(-1)
    }
}
