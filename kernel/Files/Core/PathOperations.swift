import ABI
import Support

/// The operations on paths, apart from how system calls pass their arguments: tests and the kernel itself use them too.
///
/// Paths are bytes without a terminator. Each call checks the permissions of its origin's identity.
public enum PathOperations {
    /// The node that a path leads to.
    public static func resolve(_ path: UnsafeRawBufferPointer, _ origin: borrowing PathOrigin, follow: Bool = true) throws(Errno)
        -> PathNode
    {
        var walk = PathWalk(path, from: origin)
        return try walk.walkToEnd(followLast: follow)
    }

    /// The node that a path in kernel memory leads to.
    public static func resolve(_ path: [UInt8], _ origin: borrowing PathOrigin, follow: Bool = true) throws(Errno) -> PathNode {
        let result: Result<PathNode, Errno> = path.withUnsafeBytes { bytes in
            do throws(Errno) {
                var walk = PathWalk(bytes, from: origin)
                return .success(try walk.walkToEnd(followLast: follow))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The folder of the last component, and that component.
    static func resolveParent(_ path: UnsafeRawBufferPointer, _ origin: borrowing PathOrigin) throws(Errno)
        -> (folder: PathNode, name: [UInt8], last: PathWalk.Last, slash: Bool)
    {
        var walk = PathWalk(path, from: origin)
        let folder = try walk.walkToParent()
        let last = walk.last
        return (folder, last == .name ? walk.lastName : [], last, walk.hasTrailingSlash)
    }

    /// Throws unless entries of a folder may be changed.
    static func checkChange(_ folder: PathNode, _ identity: borrowing FileIdentity) throws(Errno) {
        guard folder.inode!.mayAccess([.write, .execute], identity) else { throw .accessDenied }
        try folder.mount.checkWritable()
    }

    /// Throws unless an entry may be removed or renamed: in a sticky folder only by the owner of one of them.
    static func checkRemoval(_ node: PathNode, of folder: PathNode, _ identity: borrowing FileIdentity) throws(Errno) {
        if node.mounted != nil { throw .busy }
        if identity.isPrivileged { return }
        let (permissions, owner) = folder.inode!.metadata.withLock { ($0.permissions, $0.uid) }
        guard permissions & FileMode.sticky != 0, owner != identity.uid else { return }
        guard node.inode!.metadata.withLock({ $0.uid }) == identity.uid else { throw .notPermitted }
    }

    /// The owner and mode that a new entry gets: set-group-ID folders pass their group on.
    static func newNode(
        _ kind: FileKind, permissions: UInt32, in folder: PathNode, _ identity: borrowing FileIdentity,
        special: DeviceNumber = DeviceNumber(rawValue: 0)
    ) -> NewNode {
        let (mode, group) = folder.inode!.metadata.withLock { ($0.permissions, $0.gid) }
        var node = NewNode(
            kind: kind, permissions: permissions & FileMode.permissionMask, uid: identity.uid, gid: identity.gid,
            special: special)
        if mode & FileMode.setGroup != 0 {
            let runsAsGroup = FileMode.setGroup | 0o010
            if kind != .directory, node.permissions & runsAsGroup == runsAsGroup, !identity.isPrivileged,
                !identity.isMember(of: group)
            {
                node.permissions &= ~FileMode.setGroup
            }
            node.gid = group
            if kind == .directory { node.permissions |= FileMode.setGroup }
        }
        return node
    }

    // MARK: Creating

    /// Creates a folder or a special node; `mkdir` and `mknod`. The umask was applied.
    @discardableResult
    public static func create(
        _ path: UnsafeRawBufferPointer, _ origin: borrowing PathOrigin, kind: FileKind, permissions: UInt32,
        special: DeviceNumber = DeviceNumber(rawValue: 0)
    ) throws(Errno) -> PathNode {
        if kind == .characterDevice || kind == .blockDevice, !origin.identity.isPrivileged { throw .notPermitted }
        let (folder, name, last, slash) = try resolveParent(path, origin)
        guard last == .name else { throw .exists }
        let identity = origin.identity
        return try add(name, to: folder, identity) { (parent: Inode) throws(Errno) -> Inode in
            if slash, kind != .directory { throw .noEntry }
            return try parent.create(name, newNode(kind, permissions: permissions, in: folder, identity, special: special))
        }
    }

    /// Creates a symbolic link.
    public static func symlink(_ target: [UInt8], _ path: UnsafeRawBufferPointer, _ origin: borrowing PathOrigin) throws(Errno) {
        if target.isEmpty { throw .noEntry }
        let (folder, name, last, slash) = try resolveParent(path, origin)
        guard last == .name else { throw .exists }
        let identity = origin.identity
        _ = try add(name, to: folder, identity) { (parent: Inode) throws(Errno) -> Inode in
            if slash { throw .noEntry }
            return try parent.symlink(name, target: target, newNode(.symbolicLink, permissions: 0o777, in: folder, identity))
        }
    }

    /// Gives an existing file another name.
    public static func link(_ node: PathNode, _ path: UnsafeRawBufferPointer, _ origin: borrowing PathOrigin) throws(Errno) {
        let (folder, name, last, slash) = try resolveParent(path, origin)
        guard last == .name else { throw .exists }
        guard let inode = node.inode else { throw .noEntry }
        let identity = origin.identity
        _ = try add(name, to: folder, identity) { (parent: Inode) throws(Errno) -> Inode in
            if slash { throw .noEntry }
            guard folder.mount === node.mount else { throw .crossDevice }
            if inode.kind == .directory { throw .notPermitted }
            if inode.metadata.withLock({ $0.linkCount }) == 0 { throw .noEntry }
            try parent.link(name, to: inode)
            return inode
        }
    }

    /// Adds an entry that does not exist yet.
    static func add(
        _ name: [UInt8], to folder: PathNode, _ identity: borrowing FileIdentity,
        _ make: (Inode) throws(Errno) -> Inode
    ) throws(Errno) -> PathNode {
        guard let parent = folder.inode, let fileSystem = folder.mount.fileSystem else { throw .noEntry }
        return try fileSystem.withNamespace { () throws(Errno) -> PathNode in
            let existing = try PathWalk.child(name, of: folder, parent)
            if existing.inode != nil { throw .exists }
            try checkChange(folder, identity)
            if parent.metadata.withLock({ $0.linkCount }) == 0 { throw .noEntry }
            NameCache.bind(existing, try make(parent))
            return existing
        }
    }

    // MARK: Removing

    /// Removes a name (`unlink`) or an empty folder (`rmdir`).
    public static func remove(_ path: UnsafeRawBufferPointer, _ origin: borrowing PathOrigin, folder wantsFolder: Bool)
        throws(Errno)
    {
        let (folder, name, last, slash) = try resolveParent(path, origin)
        switch last {
        case .name: break
        case .none: throw wantsFolder ? .busy : .isDirectory
        case .dot: throw wantsFolder ? .invalidArgument : .isDirectory
        case .dotDot: throw wantsFolder ? .directoryNotEmpty : .isDirectory
        }
        guard let parent = folder.inode, let fileSystem = folder.mount.fileSystem else { throw .noEntry }
        let identity = origin.identity
        // The removed inode outlives the lock, so that giving its space back does not happen inside.
        let removed: PathNode = try fileSystem.withNamespace { () throws(Errno) -> PathNode in
            let node = try PathWalk.child(name, of: folder, parent)
            guard let inode = node.inode else { throw .noEntry }
            try checkChange(folder, identity)
            try checkRemoval(node, of: folder, identity)
            if wantsFolder {
                guard inode.kind == .directory else { throw .notDirectory }
                try parent.removeDirectory(name, inode)
            } else {
                if inode.kind == .directory { throw .isDirectory }
                if slash { throw .notDirectory }
                try parent.unlink(name, inode)
            }
            NameCache.remove(node)
            return node
        }
        release(removed)
        fileSystem.reclaim()
    }

    /// Lets go of a node at a known place.
    private static func release(_ node: consuming PathNode) {}
}
