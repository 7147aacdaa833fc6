import ABI
import Support

extension PathOperations {
    /// Moves a name (`renameat2`).
    /// - Parameter flags: `RenameFlags`; checked by the caller.
    public static func rename(
        _ oldPath: UnsafeRawBufferPointer, _ oldOrigin: borrowing PathOrigin,
        _ newPath: UnsafeRawBufferPointer, _ newOrigin: borrowing PathOrigin, flags: UInt32
    ) throws(Errno) {
        let source = try resolveParent(oldPath, oldOrigin)
        let target = try resolveParent(newPath, newOrigin)
        guard source.folder.mount === target.folder.mount else { throw .crossDevice }
        guard source.last == .name else { throw .busy }
        guard target.last == .name else { throw flags & RenameFlags.noReplace != 0 ? .exists : .busy }
        guard let fileSystem = source.folder.mount.fileSystem else { throw .noEntry }
        let identity = oldOrigin.identity
        try fileSystem.withNamespace { () throws(Errno) in
            let move = try Move(from: source.folder, source.name, to: target.folder, target.name)
            let exchanges = flags & RenameFlags.exchange != 0
            if let existing = move.replaced.inode {
                if flags & RenameFlags.noReplace != 0 { throw .exists }
                if exchanges, existing.kind != .directory, target.slash { throw .notDirectory }
            } else if exchanges {
                throw .noEntry
            }
            if move.node.inode!.kind != .directory {
                // Only folders may be written with a slash at the end.
                if source.slash { throw .notDirectory }
                if target.slash, !exchanges { throw .notDirectory }
            }
            try move.checkAncestors(exchanges: exchanges)
            if exchanges { try move.exchange(identity) } else { try move.replace(identity) }
        }
        fileSystem.reclaim()
    }
}

/// One rename whose names were looked up. Lives under the namespace lock.
private struct Move {
    let oldFolder: PathNode, newFolder: PathNode
    let oldName: [UInt8], newName: [UInt8]
    let node: PathNode
    /// What has the new name; without an inode when nothing does.
    let replaced: PathNode

    init(from oldFolder: PathNode, _ oldName: [UInt8], to newFolder: PathNode, _ newName: [UInt8]) throws(Errno) {
        self.oldFolder = oldFolder
        self.newFolder = newFolder
        self.oldName = oldName
        self.newName = newName
        node = try PathWalk.child(oldName, of: oldFolder, oldFolder.inode!)
        replaced = try PathWalk.child(newName, of: newFolder, newFolder.inode!)
        guard node.inode != nil else { throw .noEntry }
    }

    /// A folder cannot move below itself, nor can something replace a folder that it lies in.
    func checkAncestors(exchanges: Bool) throws(Errno) {
        let isDirectory = node.inode!.kind == .directory
        let (movesBelowItself, replacesAncestor) = NameCache.locked { _ in
            (isDirectory && node.containsLocked(newFolder), replaced.inode != nil && replaced.containsLocked(oldFolder))
        }
        if movesBelowItself { throw .invalidArgument }
        if replacesAncestor { throw exchanges ? .invalidArgument : .directoryNotEmpty }
    }

    private func check(_ identity: borrowing FileIdentity) throws(Errno) {
        try PathOperations.checkChange(oldFolder, identity)
        try PathOperations.checkRemoval(node, of: oldFolder, identity)
        try PathOperations.checkChange(newFolder, identity)
        if newFolder.inode!.metadata.withLock({ $0.linkCount }) == 0 { throw .noEntry }
        if replaced.inode != nil { try PathOperations.checkRemoval(replaced, of: newFolder, identity) }
        // Moving a folder to another one changes its `..`: that needs the right to write it.
        if oldFolder !== newFolder, node.inode!.kind == .directory, !node.inode!.mayAccess(.write, identity) {
            throw .accessDenied
        }
    }

    func replace(_ identity: borrowing FileIdentity) throws(Errno) {
        let inode = node.inode!
        if let target = replaced.inode {
            if target === inode { return }
            if inode.kind == .directory, target.kind != .directory { throw .notDirectory }
            if inode.kind != .directory, target.kind == .directory { throw .isDirectory }
        }
        try check(identity)
        try oldFolder.inode!.rename(oldName, inode, to: newFolder.inode!, as: newName, replacing: replaced.inode)
        NameCache.move(node, to: newFolder, newName, over: replaced)
    }

    func exchange(_ identity: borrowing FileIdentity) throws(Errno) {
        let inode = node.inode!, other = replaced.inode!
        if other === inode { return }
        try check(identity)
        if oldFolder !== newFolder, other.kind == .directory, !other.mayAccess(.write, identity) { throw .accessDenied }
        try oldFolder.inode!.exchange(oldName, inode, with: newFolder.inode!, newName, other)
        NameCache.exchange(node, replaced)
    }
}
