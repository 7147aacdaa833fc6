import ABI
import Files
import Processes
import Support

/// Names: folders, links, renaming, removing, the working folder.
public enum NameCalls {
    private static var here: Int32 { AtFlags.workingFolder }

    public static func register(_ table: inout SyscallTable) {
        table.set(.mkdir) { (a) throws(Errno) in try make(here, a.address(0), .directory, a.uint32(1), 0) }
        table.set(.mkdirat) { (a) throws(Errno) in try make(a.fd(0), a.address(1), .directory, a.uint32(2), 0) }
        table.set(.mknod) { (a) throws(Errno) in try makeNode(here, a.address(0), a.uint32(1), a.raw(2)) }
        table.set(.mknodat) { (a) throws(Errno) in try makeNode(a.fd(0), a.address(1), a.uint32(2), a.raw(3)) }
        table.set(.rmdir) { (a) throws(Errno) in try remove(here, a.address(0), folder: true) }
        table.set(.unlink) { (a) throws(Errno) in try remove(here, a.address(0), folder: false) }
        table.set(.unlinkat) { (a) throws(Errno) in
            guard a.uint32(2) & ~AtFlags.removeDirectory == 0 else { throw .invalidArgument }
            return try remove(a.fd(0), a.address(1), folder: a.uint32(2) != 0)
        }
        table.set(.rename) { (a) throws(Errno) in try rename(here, a.address(0), here, a.address(1), 0) }
        table.set(.renameat) { (a) throws(Errno) in try rename(a.fd(0), a.address(1), a.fd(2), a.address(3), 0) }
        table.set(.renameat2) { (a) throws(Errno) in try rename(a.fd(0), a.address(1), a.fd(2), a.address(3), a.uint32(4)) }
        table.set(.link) { (a) throws(Errno) in try link(here, a.address(0), here, a.address(1), 0) }
        table.set(.linkat) { (a) throws(Errno) in try link(a.fd(0), a.address(1), a.fd(2), a.address(3), a.uint32(4)) }
        table.set(.symlink) { (a) throws(Errno) in try symlink(a.address(0), here, a.address(1)) }
        table.set(.symlinkat) { (a) throws(Errno) in try symlink(a.address(0), a.fd(1), a.address(2)) }
        table.set(.readlink) { (a) throws(Errno) in try readLink(here, a.address(0), a.address(1), a.int32(2)) }
        table.set(.readlinkat) { (a) throws(Errno) in try readLink(a.fd(0), a.address(1), a.address(2), a.int32(3)) }
        table.set(.chdir) { (a) throws(Errno) in
            try changeFolder(try UserPath.resolve(here, try UserPath.read(a.address(0)), follow: true))
        }
        table.set(.fchdir) { (a) throws(Errno) in
            guard let node = try FileContext.file(a.fd(0)).path else { throw .notDirectory }
            return try changeFolder(node)
        }
        table.set(.chroot) { (a) throws(Errno) in
            let node = try UserPath.resolve(here, try UserPath.read(a.address(0)), follow: true)
            try checkFolder(node)
            guard Process.current.credentials.isPrivileged else { throw .notPermitted }
            FileContext.current.setRoot(node)
            return 0
        }
        table.set(.getcwd) { (a) throws(Errno) in
            let context = FileContext.current
            var path = try context.workingFolder.workingPath(root: context.root)
            path.append(0)
            guard path.count <= a.count(1) else { throw .outOfRange }
            try copyOutBytes(path, to: a.address(0))
            return path.count
        }
    }

    private static func make(
        _ folder: Int32, _ address: UserAddress, _ kind: FileKind, _ mode: UInt32, _ device: UInt64
    ) throws(Errno) -> Int {
        let path = try UserPath.read(address)
        let origin = try UserPath.origin(folder, path)
        // mkdir keeps the sticky bit only; mknod keeps all.
        let permissions = mode & (kind == .directory ? 0o1777 : 0o7777) & ~FileContext.current.umask
        try UserPath.with(path) { (bytes) throws(Errno) in
            try PathOperations.create(
                bytes, origin, kind: kind, permissions: permissions, special: DeviceNumber(rawValue: device))
        }
        return 0
    }

    private static func makeNode(_ folder: Int32, _ address: UserAddress, _ mode: UInt32, _ device: UInt64) throws(Errno) -> Int {
        let kind: FileKind
        if mode & FileMode.typeMask == 0 {
            kind = .regular
        } else if let named = FileKind(mode: mode) {
            kind = named
        } else {
            throw .invalidArgument
        }
        if kind == .directory { throw .notPermitted }
        if kind == .symbolicLink { throw .invalidArgument }
        let isDevice = kind == .characterDevice || kind == .blockDevice
        return try make(folder, address, kind, mode, isDevice ? device : 0)
    }

    private static func remove(_ folder: Int32, _ address: UserAddress, folder wantsFolder: Bool) throws(Errno) -> Int {
        let path = try UserPath.read(address)
        let origin = try UserPath.origin(folder, path)
        try UserPath.with(path) { (bytes) throws(Errno) in try PathOperations.remove(bytes, origin, folder: wantsFolder) }
        return 0
    }

    private static func rename(
        _ oldFolder: Int32, _ old: UserAddress, _ newFolder: Int32, _ new: UserAddress, _ flags: UInt32
    ) throws(Errno) -> Int {
        guard flags & ~(RenameFlags.noReplace | RenameFlags.exchange) == 0, flags != 3 else { throw .invalidArgument }
        let oldPath = try UserPath.read(old)
        let newPath = try UserPath.read(new)
        let oldOrigin = try UserPath.origin(oldFolder, oldPath)
        let newOrigin = try UserPath.origin(newFolder, newPath)
        try UserPath.with(oldPath) { (oldBytes) throws(Errno) in
            try UserPath.with(newPath) { (newBytes) throws(Errno) in
                try PathOperations.rename(oldBytes, oldOrigin, newBytes, newOrigin, flags: flags)
            }
        }
        return 0
    }

    private static func link(
        _ oldFolder: Int32, _ old: UserAddress, _ newFolder: Int32, _ new: UserAddress, _ flags: UInt32
    ) throws(Errno) -> Int {
        guard flags & ~(AtFlags.symbolicLinkFollow | AtFlags.emptyPath) == 0 else { throw .invalidArgument }
        let oldPath = try UserPath.read(old, allowsEmpty: flags & AtFlags.emptyPath != 0)
        let node = try UserPath.resolve(oldFolder, oldPath, follow: flags & AtFlags.symbolicLinkFollow != 0)
        let newPath = try UserPath.read(new)
        let origin = try UserPath.origin(newFolder, newPath)
        try UserPath.with(newPath) { (bytes) throws(Errno) in try PathOperations.link(node, bytes, origin) }
        return 0
    }

    private static func symlink(_ target: UserAddress, _ folder: Int32, _ address: UserAddress) throws(Errno) -> Int {
        let text = try UserPath.read(target)
        let path = try UserPath.read(address)
        let origin = try UserPath.origin(folder, path)
        try UserPath.with(path) { (bytes) throws(Errno) in try PathOperations.symlink(text, bytes, origin) }
        return 0
    }

    private static func readLink(_ folder: Int32, _ address: UserAddress, _ buffer: UserAddress, _ size: Int32) throws(Errno)
        -> Int
    {
        guard size > 0 else { throw .invalidArgument }
        let path = try UserPath.read(address, allowsEmpty: true)
        if path.isEmpty, folder == here { throw .noEntry }
        let node = try UserPath.resolve(folder, path, follow: false)
        guard let inode = node.inode, inode.kind == .symbolicLink else { throw path.isEmpty ? .noEntry : .invalidArgument }
        let target = try inode.readLink()
        let count = min(target.count, Int(size))
        try copyOutBytes(Array(target.prefix(count)), to: buffer)
        return count
    }

    private static func checkFolder(_ node: PathNode) throws(Errno) {
        guard let inode = node.inode, inode.kind == .directory else { throw .notDirectory }
        guard inode.mayAccess(.execute, FileContext.identity) else { throw .accessDenied }
    }

    private static func changeFolder(_ node: PathNode) throws(Errno) -> Int {
        try checkFolder(node)
        FileContext.current.setWorkingFolder(node)
        return 0
    }
}
