import ABI
import Files
import Support

/// A folder: blocks full of records, each with a name and an inode number, that cover every byte.
///
/// All functions are called under the namespace lock. Folders with a hash index are read like any other: its blocks look like
/// empty records. A change drops the index's flag, as it would not be kept up.
final class Ext2Folder: Ext2Inode {
    init(_ node: Ext2Node, byteCount: UInt64, metadata: InodeMetadata) {
        super.init(node, kind: .directory, byteCount: byteCount, special: DeviceNumber(rawValue: 0), metadata: metadata)
    }

    // MARK: Looking

    override func lookup(_ name: [UInt8]) throws(Errno) -> Inode? {
        guard name.count <= RecordField.nameLimit else { throw .nameTooLong }
        let number = try ext2.withMetadata { () throws(Errno) -> UInt32? in
            try FolderBlocks(self).find(name)?.inode
        }
        guard let number else { return nil }
        return try ext2.inode(number)
    }

    override func readEntries(from cursor: UInt64, _ emit: (DirectoryEntry) -> Bool) throws(Errno) {
        let blockSize = UInt64(ext2.geometry.blockSize)
        var position = cursor
        while position < ownByteCount {
            // A copy, because the receiver may sleep and the metadata lock is not his.
            let block = position / blockSize
            let copy = try ext2.withMetadata { () throws(Errno) -> [UInt8] in
                let cached = try FolderBlocks(self).block(block)
                return Array(UnsafeRawBufferPointer(start: cached.bytes, count: Int(blockSize)))
            }
            guard try emitBlock(copy, block * blockSize, from: Int(position % blockSize), emit) else { return }
            position = (block + 1) * blockSize
        }
    }

    private func emitBlock(_ copy: [UInt8], _ start: UInt64, from first: Int, _ emit: (DirectoryEntry) -> Bool) throws(Errno)
        -> Bool
    {
        let outcome: Result<Bool, Errno> = copy.withUnsafeBytes { raw in
            // SAFETY: only read; the records are checked to stay inside the block.
            let bytes = UnsafeMutableRawPointer(mutating: raw.baseAddress!)
            var offset = 0
            do throws(Errno) {
                while offset < raw.count {
                    let record = try FolderBlocks(self).record(bytes, offset)
                    let end = offset + record.length
                    if offset >= first, record.inode != 0, !record.isDots(bytes) {
                        let name = UnsafeRawBufferPointer(start: bytes + offset + RecordField.name, count: record.nameCount)
                        let entry = DirectoryEntry(
                            name: name, inode: UInt64(record.inode), kind: record.kind, next: start + UInt64(end))
                        if !emit(entry) { return .success(false) }
                    }
                    offset = end
                }
                return .success(true)
            } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    // MARK: Creating

    override func create(_ name: [UInt8], _ new: NewNode) throws(Errno) -> Inode {
        let isFolder = new.kind == .directory
        if isFolder, linkCount >= 32000 { throw .tooManyLinks }
        let inode = try ext2.makeInode(new, parent: node.number, linkCount: isFolder ? 2 : 1)
        do throws(Errno) {
            if isFolder { try unsafeDowncast(inode, to: Ext2Folder.self).fillNew(parent: node.number) }
            try addRecord(name, inode)
        } catch {
            try discard(inode)
            throw error
        }
        if isFolder { changeLinks(of: self, by: 1) }
        return inode
    }

    override func symlink(_ name: [UInt8], target: [UInt8], _ new: NewNode) throws(Errno) -> Inode {
        guard target.count < ext2.geometry.blockSize else { throw .nameTooLong }
        let inode = try ext2.makeInode(new, parent: node.number, linkCount: 1)
        do throws(Errno) {
            try inode.setLinkText(target)
            try addRecord(name, inode)
        } catch {
            try discard(inode)
            throw error
        }
        return inode
    }

    override func link(_ name: [UInt8], to inode: Inode) throws(Errno) {
        guard inode.metadata.withLock({ $0.linkCount }) < 32000 else { throw .tooManyLinks }
        try addRecord(name, unsafeDowncast(inode, to: Ext2Inode.self))
        changeLinks(of: inode, by: 1)
    }

    /// Undoes the creation of an inode that could not be entered.
    private func discard(_ inode: Ext2Inode) throws(Errno) {
        inode.metadata.withLock { $0.linkCount = 0 }
        try ext2.abandon(inode)
    }

    /// Writes `.` and `..` into a new folder.
    private func fillNew(parent: UInt32) throws(Errno) {
        try ext2.withMetadata { () throws(Errno) in
            let blocks = FolderBlocks(self)
            let block = try blocks.appendBlock()
            let own = RecordField.length(nameCount: 1)
            blocks.write(block.bytes, 0, length: own, name: [UInt8(ascii: ".")], inode: node.number, kind: .directory)
            blocks.write(
                block.bytes, own, length: ext2.geometry.blockSize - own, name: [UInt8(ascii: "."), UInt8(ascii: ".")],
                inode: parent, kind: .directory)
        }
        metadataChanged()
    }

    // MARK: Removing and moving

    override func unlink(_ name: [UInt8], _ inode: Inode) throws(Errno) {
        try removeRecord(name)
        changeLinks(of: inode, by: -1)
        try abandonIfUnnamed(inode)
    }

    override func removeDirectory(_ name: [UInt8], _ inode: Inode) throws(Errno) {
        let folder = unsafeDowncast(inode, to: Ext2Folder.self)
        let isEmpty = try ext2.withMetadata { () throws(Errno) in try FolderBlocks(folder).isEmpty }
        guard isEmpty else { throw .directoryNotEmpty }
        try removeRecord(name)
        inode.metadata.withLock { $0.linkCount = 0 }
        changeLinks(of: self, by: -1)
        try abandonIfUnnamed(inode)
    }

    override func rename(
        _ name: [UInt8], _ inode: Inode, to target: Inode, as newName: [UInt8],
        replacing replaced: Inode?
    ) throws(Errno) {
        let folder = unsafeDowncast(target, to: Ext2Folder.self)
        let moved = unsafeDowncast(inode, to: Ext2Inode.self)
        let isFolder = moved.kind == .directory
        if isFolder, folder !== self, replaced == nil, folder.linkCount >= 32000 { throw .tooManyLinks }
        if let replaced {
            if replaced.kind == .directory {
                let other = unsafeDowncast(replaced, to: Ext2Folder.self)
                let isEmpty = try ext2.withMetadata { () throws(Errno) in try FolderBlocks(other).isEmpty }
                guard isEmpty else { throw .directoryNotEmpty }
            }
            try folder.setRecord(newName, moved)
        } else {
            try folder.addRecord(newName, moved)
        }
        try removeRecord(name)
        if isFolder, folder !== self {
            try unsafeDowncast(moved, to: Ext2Folder.self).setParent(folder.node.number)
            changeLinks(of: self, by: -1)
            changeLinks(of: folder, by: 1)
        }
        if let replaced {
            if replaced.kind == .directory {
                replaced.metadata.withLock { $0.linkCount = 0 }
                changeLinks(of: folder, by: -1)
            } else {
                changeLinks(of: replaced, by: -1)
            }
            try abandonIfUnnamed(replaced)
        }
        stampChange(moved)
    }

    override func exchange(_ name: [UInt8], _ inode: Inode, with target: Inode, _ otherName: [UInt8], _ other: Inode)
        throws(Errno)
    {
        let folder = unsafeDowncast(target, to: Ext2Folder.self)
        let (mine, theirs) = (unsafeDowncast(inode, to: Ext2Inode.self), unsafeDowncast(other, to: Ext2Inode.self))
        try setRecord(name, theirs)
        try folder.setRecord(otherName, mine)
        if folder !== self {
            if mine.kind == .directory {
                try unsafeDowncast(mine, to: Ext2Folder.self).setParent(folder.node.number)
                changeLinks(of: self, by: -1)
                changeLinks(of: folder, by: 1)
            }
            if theirs.kind == .directory {
                try unsafeDowncast(theirs, to: Ext2Folder.self).setParent(node.number)
                changeLinks(of: folder, by: -1)
                changeLinks(of: self, by: 1)
            }
        }
        stampChange(mine)
        stampChange(theirs)
    }

    // MARK: Parts

    private var linkCount: UInt32 { metadata.withLock { $0.linkCount } }

    private func changeLinks(of inode: Inode, by delta: Int64) {
        let now = FileClock.now
        inode.metadata.withLock { data in
            data.linkCount = UInt32(clamping: Int64(data.linkCount) + delta)
            data.changeTime = now
        }
        inode.metadataChanged()
    }

    private func stampChange(_ inode: Inode) {
        let now = FileClock.now
        inode.metadata.withLock { $0.changeTime = now }
        inode.metadataChanged()
    }

    private func abandonIfUnnamed(_ inode: Inode) throws(Errno) {
        if inode.metadata.withLock({ $0.linkCount }) == 0 { try ext2.abandon(unsafeDowncast(inode, to: Ext2Inode.self)) }
    }

    private func addRecord(_ name: [UInt8], _ inode: Ext2Inode) throws(Errno) {
        try changeRecords { (blocks) throws(Errno) in try blocks.add(name, inode.node.number, inode.kind) }
    }

    private func removeRecord(_ name: [UInt8]) throws(Errno) {
        try changeRecords { (blocks) throws(Errno) in try blocks.remove(name) }
    }

    /// Makes a name refer to another inode.
    private func setRecord(_ name: [UInt8], _ inode: Ext2Inode) throws(Errno) {
        try changeRecords { (blocks) throws(Errno) in try blocks.replace(name, inode.node.number, inode.kind) }
    }

    /// Corrects `..` after the folder was moved.
    private func setParent(_ number: UInt32) throws(Errno) {
        try changeRecords { (blocks) throws(Errno) in
            try blocks.replace([UInt8(ascii: "."), UInt8(ascii: ".")], number, .directory)
        }
    }

    private func changeRecords(_ change: (FolderBlocks) throws(Errno) -> Void) throws(Errno) {
        try ext2.withMetadata { () throws(Errno) in
            try node.clearIndexFlag()
            try change(FolderBlocks(self))
        }
        contentsChanged()
    }
}

extension Ext2Inode {
    /// Writes the text of a new symbolic link: into the inode if it fits, else into a block.
    final func setLinkText(_ text: [UInt8]) throws(Errno) {
        try ext2.withMetadata { () throws(Errno) in
            if text.count < InodeField.fastLinkLimit {
                let (holder, bytes) = try ext2.inodeBytes(node.number)
                text.withUnsafeBytes { (bytes + InodeField.blocks).copyMemory(from: $0.baseAddress!, byteCount: text.count) }
                try ext2.markDirty(holder)
            } else {
                let block = try ext2.cache.newBlock(try node.mapAllocating(0).block)
                text.withUnsafeBytes { block.bytes.copyMemory(from: $0.baseAddress!, byteCount: text.count) }
                try ext2.markDirty(block)
            }
        }
        ownByteCount = UInt64(text.count)
        metadataChanged()
    }
}
