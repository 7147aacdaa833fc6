import ABI
import Support

extension PathOperations {
    /// Flags of open(2) that take part in opening only and are not kept.
    static var transientFlags: OpenFlags {
        [.create, .exclusive, .noControllingTerminal, .truncate, .closeOnExec]
    }

    /// Opens or creates a file (`openat`). The umask was applied to `permissions`.
    public static func open(
        _ path: UnsafeRawBufferPointer, _ origin: borrowing PathOrigin, flags: OpenFlags,
        permissions: UInt32
    ) throws(Errno) -> OpenFile {
        if flags.contains(.path) {
            var walk = PathWalk(path, from: origin)
            let node = try walk.walkToEnd(followLast: !flags.contains(.noFollow))
            if flags.contains(.directory), node.inode!.kind != .directory { throw .notDirectory }
            return PathFile(flags: flags.intersection([.path, .directory, .noFollow]), inode: node.inode, path: node)
        }
        if flags.contains(.create) { return try openOrCreate(path, origin, flags, permissions) }
        var walk = PathWalk(path, from: origin)
        let node = try walk.walkToEnd(followLast: !flags.contains(.noFollow))
        return try openExisting(node, flags, origin.identity)
    }

    private static func openOrCreate(
        _ path: UnsafeRawBufferPointer, _ origin: borrowing PathOrigin, _ flags: OpenFlags,
        _ permissions: UInt32
    ) throws(Errno) -> OpenFile {
        if flags.contains(.directory) { throw .invalidArgument }
        var walk = PathWalk(path, from: origin)
        // Each turn follows a symbolic link at the end; the walk bounds how many.
        while true {
            let folder = try walk.walkToParent()
            guard walk.last == .name else { throw flags.contains(.exclusive) ? .exists : .isDirectory }
            if walk.hasTrailingSlash { throw .isDirectory }
            let (node, isNew) = try findOrCreate(walk.lastName, folder, flags, permissions, origin.identity)
            if isNew { return try node.inode!.open(flags: flags.subtracting(transientFlags), path: node) }
            if flags.contains(.exclusive) { throw .exists }
            if node.inode!.kind == .symbolicLink, !flags.contains(.noFollow) {
                try walk.expandLast(node)
                if walk.hasJumped { return try openExisting(walk.node, flags, origin.identity) }
                continue
            }
            return try openExisting(NameCache.locked { _ in PathWalk.top(node) }, flags, origin.identity)
        }
    }

    private static func findOrCreate(
        _ name: [UInt8], _ folder: PathNode, _ flags: OpenFlags, _ permissions: UInt32,
        _ identity: borrowing FileIdentity
    ) throws(Errno) -> (PathNode, isNew: Bool) {
        if let known = NameCache.find(folder, name), known.inode != nil { return (known, false) }
        guard let parent = folder.inode, let fileSystem = folder.mount.fileSystem else { throw .noEntry }
        return try fileSystem.withNamespace { () throws(Errno) -> (PathNode, isNew: Bool) in
            let node = try PathWalk.child(name, of: folder, parent)
            if node.inode != nil { return (node, false) }
            try checkChange(folder, identity)
            if parent.metadata.withLock({ $0.linkCount }) == 0 { throw .noEntry }
            let inode = try parent.create(name, newNode(.regular, permissions: permissions, in: folder, identity))
            NameCache.bind(node, inode)
            return (node, true)
        }
    }

    /// Opens a node that exists, after checking that its kind and permissions allow it.
    public static func openExisting(_ node: PathNode, _ flags: OpenFlags, _ identity: borrowing FileIdentity) throws(Errno)
        -> OpenFile
    {
        guard let inode = node.inode else { throw .noEntry }
        let kind = inode.kind
        if kind == .symbolicLink { throw .tooManySymbolicLinks }
        if flags.contains(.directory), kind != .directory { throw .notDirectory }
        let truncates = flags.contains(.truncate)
        if kind == .directory, flags.isWritable || truncates { throw .isDirectory }
        if kind == .characterDevice || kind == .blockDevice, node.mount.flags.contains(.noDevices) { throw .accessDenied }
        try checkOpen(inode, flags, identity)
        if flags.isWritable || truncates, kind == .regular || kind == .directory { try node.mount.checkWritable() }
        let file = try inode.open(flags: flags.subtracting(transientFlags), path: node)
        if flags.isWritable || truncates, kind == .regular, inode.isRunning { throw .textFileBusy }
        if truncates, kind == .regular {
            var change = AttributeChange()
            change.size = 0
            try inode.setAttributes(change)
        }
        return file
    }

    /// Throws unless the access mode is permitted.
    static func checkOpen(_ inode: Inode, _ flags: OpenFlags, _ identity: borrowing FileIdentity) throws(Errno) {
        var wanted: AccessRights = []
        switch flags.rawValue & OpenFlags.accessMode {
        case 0: wanted = .read
        case 1: wanted = .write
        default: wanted = [.read, .write]
        }
        if flags.contains(.truncate) { wanted.insert(.write) }
        guard inode.mayAccess(wanted, identity) else { throw .accessDenied }
    }
}
