import ABI
import Files
import Support
import Synchronization

/// The inodes of a file system that are in memory, by number. Protected by the namespace lock.
struct InodeTable {
    private static let bucketCount = 256
    /// Inodes above which unused ones are dropped.
    private static let limit = 2048

    private var buckets: [[Ext2Inode]] = Array(repeating: [], count: InodeTable.bucketCount)
    private var count = 0
    private var hand = 0

    func find(_ number: UInt32) -> Ext2Inode? {
        for inode in buckets[Int(number) % Self.bucketCount] where inode.node.number == number { return inode }
        return nil
    }

    mutating func insert(_ inode: Ext2Inode) {
        buckets[Int(inode.node.number) % Self.bucketCount].append(inode)
        count += 1
    }

    mutating func remove(_ inode: Ext2Inode) {
        let index = Int(inode.node.number) % Self.bucketCount
        guard let place = buckets[index].firstIndex(where: { $0 === inode }) else { return }
        buckets[index].remove(at: place)
        count -= 1
    }

    var all: [Ext2Inode] {
        var list: [Ext2Inode] = []
        list.reserveCapacity(count)
        for bucket in buckets { list.append(contentsOf: bucket) }
        return list
    }

    mutating func removeAll() {
        buckets = Array(repeating: [], count: Self.bucketCount)
        count = 0
    }

    /// Takes out some inodes that nobody uses, for the caller to write and drop.
    mutating func takeUnused() -> [Ext2Inode] {
        guard count > Self.limit else { return [] }
        var taken: [Ext2Inode] = []
        for _ in 0..<16 {
            var kept: [Ext2Inode] = []
            var bucket = buckets[hand]
            buckets[hand] = []
            while !bucket.isEmpty {
                var inode: Ext2Inode? = bucket.removeLast()
                // Only this reference is left if nobody uses it; mapped pages outlive their inode and must be found again.
                if isKnownUniquelyReferenced(&inode), inode!.hasUnusedPages() {
                    taken.append(inode!)
                    count -= 1
                } else {
                    kept.append(inode!)
                }
            }
            buckets[hand] = kept
            hand = (hand + 1) % Self.bucketCount
        }
        return taken
    }
}

extension Ext2FileSystem {
    /// The inode with this number. Under the namespace lock.
    func inode(_ number: UInt32) throws(Errno) -> Ext2Inode {
        if let known = inodes.find(number) { return known }
        for unused in inodes.takeUnused() { try unused.writeEverything() }
        let inode = try withMetadata { () throws(Errno) in try load(number) }
        inodes.insert(inode)
        return inode
    }

    /// Reads an inode from its table and checks it. The metadata lock is held.
    private func load(_ number: UInt32) throws(Errno) -> Ext2Inode {
        typealias F = InodeField
        guard number == 2 || number >= geometry.firstInode else { throw corrupt("inode \(number) is reserved") }
        let (_, bytes) = try inodeBytes(number)
        let metadata = InodeCodec.metadata(bytes, inodeSize: geometry.inodeSize)
        guard metadata.linkCount > 0, let kind = FileKind(mode: UInt32(bytes.u16(F.mode))) else {
            throw corrupt("inode \(number) is not in use")
        }
        var byteCount = UInt64(bytes.u32(F.size))
        if kind == .regular { byteCount |= UInt64(bytes.u32(F.sizeHigh)) << 32 }
        let node = Ext2Node(self, number, bytes)
        switch kind {
        case .regular:
            guard byteCount <= geometry.maximumByteCount & ~4095 else { throw corrupt("inode \(number) is too long") }
            return Ext2Inode(node, kind: kind, byteCount: byteCount, special: DeviceNumber(rawValue: 0), metadata: metadata)
        case .directory:
            guard byteCount > 0, byteCount % UInt64(geometry.blockSize) == 0,
                byteCount / UInt64(geometry.blockSize) <= UInt64(geometry.blockCount)
            else { throw corrupt("folder \(number) has an impossible length") }
            return Ext2Folder(node, byteCount: byteCount, metadata: metadata)
        case .symbolicLink:
            guard byteCount > 0, byteCount <= UInt64(geometry.blockSize) else {
                throw corrupt("symbolic link \(number) has an impossible length")
            }
            return Ext2Inode(node, kind: kind, byteCount: byteCount, special: DeviceNumber(rawValue: 0), metadata: metadata)
        case .characterDevice, .blockDevice, .fifo, .socket:
            return Ext2Inode(node, kind: kind, byteCount: 0, special: Self.device(node), metadata: metadata)
        }
    }

    /// A device node's number: 8 bits each in the first slot (old), or 12 and 20 bits in the second (new).
    private static func device(_ node: Ext2Node) -> DeviceNumber {
        let old = node.slots[0], new = node.slots[1]
        if old != 0 { return DeviceNumber(major: old >> 8 & 0xff, minor: old & 0xff) }
        return DeviceNumber(major: new >> 8 & 0xfff, minor: (new & 0xff) | (new >> 12 & 0xf_ff00))
    }

    /// Creates an inode in the table. Under the namespace lock.
    func makeInode(_ new: NewNode, parent: UInt32, linkCount: UInt32) throws(Errno) -> Ext2Inode {
        typealias F = InodeField
        let metadata = InodeMetadata(permissions: new.permissions, uid: new.uid, gid: new.gid, linkCount: linkCount)
        let inode = try withMetadata { () throws(Errno) -> Ext2Inode in
            let isFolder = new.kind == .directory
            let number = try allocateInode(isFolder: isFolder, parent: parent)
            let (block, bytes) = try inodeBytes(number)
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: geometry.inodeSize)
            if geometry.inodeSize >= F.baseSize + F.wantedExtraSize {
                bytes.set16(F.extraSize, UInt16(F.wantedExtraSize))
                InodeCodec.store(metadata.birthTime, bytes, F.birthTime, F.birthTimeExtra, F.wantedExtraSize)
            }
            bytes.set32(F.generation, UInt32(truncatingIfNeeded: KernelRandom.next()))
            InodeCodec.store(metadata, kind: new.kind, byteCount: 0, to: bytes, inodeSize: geometry.inodeSize)
            if new.kind == .characterDevice || new.kind == .blockDevice { storeDevice(new.special, bytes) }
            try markDirty(block)
            let node = Ext2Node(self, number, bytes)
            if isFolder { return Ext2Folder(node, byteCount: 0, metadata: metadata) }
            return Ext2Inode(node, kind: new.kind, byteCount: 0, special: new.special, metadata: metadata)
        }
        inodes.insert(inode)
        return inode
    }

    private func storeDevice(_ device: DeviceNumber, _ bytes: UnsafeMutableRawPointer) {
        let (major, minor) = (device.major, device.minor)
        if major < 256, minor < 256 {
            bytes.set32(InodeField.blocks, major << 8 | minor)
        } else {
            bytes.set32(InodeField.blocks + 4, (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12)
        }
    }

    /// The last name of an inode was removed: it lives on until nobody uses it. Under the namespace lock.
    func abandon(_ inode: Ext2Inode) throws(Errno) {
        inode.node.isOrphan.store(true, ordering: .relaxed)
        inode.metadataChanged()
        try withMetadata { () throws(Errno) in try inode.store() }
        inodes.remove(inode)
    }

    /// Frees the inodes that were abandoned and that nobody uses any more.
    func freeOrphans() {
        while let number = orphans.withLock({ $0.popLast() }) {
            do throws(Errno) {
                try withMetadata { () throws(Errno) in try free(number) }
            } catch {
                Log.error("ext2: the space of inode \(number) could not be freed: error \(error.rawValue)")
            }
        }
    }

    private func free(_ number: UInt32) throws(Errno) {
        typealias F = InodeField
        let (block, bytes) = try inodeBytes(number)
        let kind = FileKind(mode: UInt32(bytes.u16(F.mode)))
        let node = Ext2Node(self, number, bytes)
        let hasBlocks =
            kind == .regular || kind == .directory || (kind == .symbolicLink && node.sectorCount > 0 && !isFastLink(bytes))
        if hasBlocks { try node.freeBlocks(from: 0) }
        try freeAttributes(bytes)
        bytes.set32(F.sectorCount, 0)
        bytes.set32(F.size, 0)
        bytes.set32(F.deletionTime, max(1, UInt32(truncatingIfNeeded: FileClock.now.seconds)))
        bytes.set16(F.linkCount, 0)
        try markDirty(block)
        try freeInode(number, isFolder: kind == .directory)
    }

    private func isFastLink(_ bytes: UnsafeMutableRawPointer) -> Bool {
        let attributes = bytes.u32(InodeField.attributeBlock) == 0 ? 0 : UInt32(geometry.sectorsPerBlock)
        return bytes.u32(InodeField.sectorCount) == attributes
    }

    /// Gives back a block of extended attributes, which several inodes may share.
    private func freeAttributes(_ bytes: UnsafeMutableRawPointer) throws(Errno) {
        let number = bytes.u32(InodeField.attributeBlock)
        guard number != 0, isDataBlock(number) else { return }
        let block = try cache.block(number)
        let magic: UInt32 = 0xea02_0000
        guard block.bytes.u32(0) == magic else { return }
        let references = block.bytes.u32(4)
        if references > 1 {
            block.bytes.set32(4, references - 1)
            try markDirty(block)
        } else {
            try freeBlock(number)
        }
        bytes.set32(InodeField.attributeBlock, 0)
    }
}
