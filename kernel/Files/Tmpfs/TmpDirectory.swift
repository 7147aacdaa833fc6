import ABI
import Files
import Support

/// A folder in memory. Its table is protected by the file system's namespace lock.
public final class TmpDirectory: Inode {
    private var table = TmpNameTable()

    init(_ fileSystem: TmpFileSystem, _ metadata: InodeMetadata) {
        super.init(fileSystem: fileSystem, number: fileSystem.newNumber(), kind: .directory, metadata: metadata)
    }

    private var owner: TmpFileSystem { unsafeDowncast(fileSystem, to: TmpFileSystem.self) }

    public override var byteCount: UInt64 { UInt64(table.count) * 20 }
    public override var blockCount: UInt64 { 0 }

    public override func lookup(_ name: [UInt8]) throws(Errno) -> Inode? { table.find(name) }

    public override func create(_ name: [UInt8], _ node: NewNode) throws(Errno) -> Inode {
        try owner.quota.takeInode()
        let isFolder = node.kind == .directory
        let metadata = InodeMetadata(permissions: node.permissions, uid: node.uid, gid: node.gid, linkCount: isFolder ? 2 : 1)
        let inode: Inode
        switch node.kind {
        case .directory: inode = TmpDirectory(owner, metadata)
        case .regular: inode = TmpFile(owner, metadata)
        default: inode = TmpSpecial(owner, node, metadata)
        }
        add(name, inode, metadata.changeTime)
        return inode
    }

    public override func symlink(_ name: [UInt8], target: [UInt8], _ node: NewNode) throws(Errno) -> Inode {
        try owner.quota.takeInode()
        let metadata = InodeMetadata(permissions: 0o777, uid: node.uid, gid: node.gid)
        let inode = TmpSymbolicLink(owner, target, metadata)
        add(name, inode, metadata.changeTime)
        return inode
    }

    public override func link(_ name: [UInt8], to inode: Inode) throws(Errno) {
        let now = FileClock.now
        inode.metadata.withLock { data in
            data.linkCount += 1
            data.changeTime = now
        }
        add(name, inode, now)
    }

    public override func unlink(_ name: [UInt8], _ inode: Inode) throws(Errno) {
        let now = FileClock.now
        drop(inode, now)
        remove(name, now)
    }

    public override func removeDirectory(_ name: [UInt8], _ inode: Inode) throws(Errno) {
        let folder = unsafeDowncast(inode, to: TmpDirectory.self)
        guard folder.table.count == 0 else { throw .directoryNotEmpty }
        let now = FileClock.now
        drop(inode, now)
        remove(name, now)
        metadata.withLock { $0.linkCount -= 1 }
    }

    public override func rename(
        _ name: [UInt8], _ inode: Inode, to target: Inode, as newName: [UInt8],
        replacing replaced: Inode?
    ) throws(Errno) {
        let folder = unsafeDowncast(target, to: TmpDirectory.self)
        if let replaced {
            if replaced.kind == .directory {
                try folder.removeDirectory(newName, replaced)
            } else {
                try folder.unlink(newName, replaced)
            }
        }
        let now = FileClock.now
        remove(name, now)
        folder.add(newName, inode, now, countsFolder: false)
        if inode.kind == .directory, folder !== self {
            metadata.withLock { $0.linkCount -= 1 }
            folder.metadata.withLock { $0.linkCount += 1 }
        }
        inode.metadata.withLock { $0.changeTime = now }
    }

    public override func exchange(
        _ name: [UInt8], _ inode: Inode, with target: Inode, _ otherName: [UInt8],
        _ other: Inode
    ) throws(Errno) {
        let folder = unsafeDowncast(target, to: TmpDirectory.self)
        let now = FileClock.now
        table.replace(name, other)
        folder.table.replace(otherName, inode)
        if folder !== self, inode.kind != other.kind {
            let gain: Int64 = other.kind == .directory ? 1 : inode.kind == .directory ? -1 : 0
            metadata.withLock { $0.linkCount = UInt32(Int64($0.linkCount) + gain) }
            folder.metadata.withLock { $0.linkCount = UInt32(Int64($0.linkCount) - gain) }
        }
        for changed in [self, folder] { changed.stamp(now) }
        inode.metadata.withLock { $0.changeTime = now }
        other.metadata.withLock { $0.changeTime = now }
    }

    public override func readEntries(from cursor: UInt64, _ emit: (DirectoryEntry) -> Bool) throws(Errno) {
        table.forEach(from: cursor) { name, inode, next in
            name.withUnsafeBytes { bytes in
                emit(DirectoryEntry(name: bytes, inode: inode.number, kind: inode.kind, next: next))
            }
        }
    }

    // MARK: Parts

    private func add(_ name: [UInt8], _ inode: Inode, _ now: TimeSpec, countsFolder: Bool = true) {
        table.insert(name, inode)
        if countsFolder, inode.kind == .directory { metadata.withLock { $0.linkCount += 1 } }
        stamp(now)
    }

    private func remove(_ name: [UInt8], _ now: TimeSpec) {
        table.remove(name)
        stamp(now)
    }

    private func stamp(_ now: TimeSpec) {
        metadata.withLock { data in
            data.modificationTime = now
            data.changeTime = now
        }
    }

    /// Counts one name of an inode less; a folder has no names left then.
    private func drop(_ inode: Inode, _ now: TimeSpec) {
        inode.metadata.withLock { data in
            data.linkCount = inode.kind == .directory ? 0 : data.linkCount - 1
            data.changeTime = now
        }
    }

    /// Lets go of the whole tree below, without recursion: it may be deep.
    func clear() {
        var pending = [self]
        while let folder = pending.popLast() {
            for inode in folder.table.removeAll() where inode.kind == .directory {
                pending.append(unsafeDowncast(inode, to: TmpDirectory.self))
            }
        }
    }

    /// Adds a node if the name is free. Under the namespace lock.
    func addIfMissing(_ name: [UInt8], _ make: () -> Inode) -> Inode {
        if let known = table.find(name) { return known }
        owner.quota.countInode()
        let inode = make()
        add(name, inode, FileClock.now)
        return inode
    }

    deinit { owner.quota.giveInode() }
}
