import ABI
import Files
import Processes
import Processor
import Support

/// Attributes: stat, permissions, owners, times, lengths, space.
public enum AttributeCalls {
    private static var here: Int32 { AtFlags.workingFolder }

    public static func register(_ table: inout SyscallTable) {
        registerStat(&table)
        table.set(.access) { (a) throws(Errno) in try access(here, a.address(0), a.uint32(1), 0) }
        table.set(.faccessat) { (a) throws(Errno) in try access(a.fd(0), a.address(1), a.uint32(2), 0) }
        table.set(.faccessat2) { (a) throws(Errno) in try access(a.fd(0), a.address(1), a.uint32(2), a.uint32(3)) }
        table.set(.chmod) { (a) throws(Errno) in try changeMode(try node(here, a.address(0), 0), a.uint32(1)) }
        table.set(.fchmodat) { (a) throws(Errno) in try changeMode(try node(a.fd(0), a.address(1), 0), a.uint32(2)) }
        table.set(.fchmod) { (a) throws(Errno) in try changeMode(try descriptorNode(a.fd(0)), a.uint32(1)) }
        table.set(.chown) { (a) throws(Errno) in try changeOwner(try node(here, a.address(0), 0), a.uint32(1), a.uint32(2)) }
        table.set(.lchown) { (a) throws(Errno) in
            try changeOwner(try node(here, a.address(0), AtFlags.symbolicLinkNoFollow), a.uint32(1), a.uint32(2))
        }
        table.set(.fchown) { (a) throws(Errno) in try changeOwner(try descriptorNode(a.fd(0)), a.uint32(1), a.uint32(2)) }
        table.set(.fchownat) { (a) throws(Errno) in
            guard a.uint32(4) & ~(AtFlags.symbolicLinkNoFollow | AtFlags.emptyPath) == 0 else { throw .invalidArgument }
            return try changeOwner(try node(a.fd(0), a.address(1), a.uint32(4)), a.uint32(2), a.uint32(3))
        }
        table.set(.truncate) { (a) throws(Errno) in try truncatePath(a.address(0), a.int(1)) }
        table.set(.ftruncate) { (a) throws(Errno) in
            guard a.int(1) >= 0 else { throw .invalidArgument }
            let file = try FileCalls.file(a.fd(0))
            guard file.flags.isWritable else { throw .invalidArgument }
            try file.truncate(to: a.raw(1))
            return 0
        }
        table.set(.fallocate) { (a) throws(Errno) in
            let file = try FileCalls.writable(a.fd(0))
            guard a.int(2) >= 0, a.int(3) > 0 else { throw .invalidArgument }
            guard a.int(2) &+ a.int(3) > 0 else { throw .fileTooLarge }
            guard let regular = file as? RegularFile else { throw file.inode?.kind == .directory ? .isDirectory : .noDevice }
            try regular.allocate(offset: a.raw(2), length: a.raw(3), mode: a.uint32(1))
            return 0
        }
        table.set(.utimensat, setTimes)
        table.set(.umask) { (a) throws(Errno) in
            let context = FileContext.current
            let old = context.umask
            context.umask = a.uint32(0)
            return Int(old)
        }
        // Extended attributes are not stored: the answer of a file system without them.
        for number in [
            SyscallNumber.getxattr, .lgetxattr, .fgetxattr, .setxattr, .lsetxattr, .fsetxattr, .listxattr, .llistxattr,
            .flistxattr, .removexattr, .lremovexattr, .fremovexattr,
        ] {
            table.set(number) { (_) throws(Errno) in throw .notSupported }
        }
    }

    // MARK: stat

    private static func registerStat(_ table: inout SyscallTable) {
        table.set(.stat) { (a) throws(Errno) in try stat(here, a.address(0), a.address(1), 0) }
        table.set(.lstat) { (a) throws(Errno) in try stat(here, a.address(0), a.address(1), AtFlags.symbolicLinkNoFollow) }
        table.set(.fstat) { (a) throws(Errno) in
            try copyOut(try FileContext.file(a.fd(0)).attributes().stat, to: a.address(1))
            return 0
        }
        table.set(.newfstatat) { (a) throws(Errno) in try stat(a.fd(0), a.address(1), a.address(2), a.uint32(3)) }
        table.set(.statx) { (a) throws(Errno) in
            let known = AtFlags.symbolicLinkNoFollow | AtFlags.noAutomount | AtFlags.emptyPath | AtFlags.statxSyncMask
            guard a.uint32(2) & ~known == 0, a.uint32(3) & 0x8000_0000 == 0 else { throw .invalidArgument }
            try copyOut(try attributes(a.fd(0), a.address(1), a.uint32(2)).statx, to: a.address(4))
            return 0
        }
    }

    private static func stat(_ folder: Int32, _ path: UserAddress, _ result: UserAddress, _ flags: UInt32) throws(Errno) -> Int {
        guard flags & ~(AtFlags.symbolicLinkNoFollow | AtFlags.noAutomount | AtFlags.emptyPath) == 0 else {
            throw .invalidArgument
        }
        try copyOut(try attributes(folder, path, flags).stat, to: result)
        return 0
    }

    private static func attributes(_ folder: Int32, _ address: UserAddress, _ flags: UInt32) throws(Errno) -> FileAttributes {
        let path = try UserPath.read(address, allowsEmpty: flags & AtFlags.emptyPath != 0)
        if path.isEmpty, folder != here { return try FileContext.file(folder).attributes() }
        let node = try UserPath.resolve(folder, path, follow: flags & AtFlags.symbolicLinkNoFollow == 0)
        guard let inode = node.inode else { throw .noEntry }
        return try inode.attributes()
    }

    // MARK: Nodes

    private static func node(_ folder: Int32, _ address: UserAddress, _ flags: UInt32) throws(Errno) -> PathNode {
        let path = try UserPath.read(address, allowsEmpty: flags & AtFlags.emptyPath != 0)
        return try UserPath.resolve(folder, path, follow: flags & AtFlags.symbolicLinkNoFollow == 0)
    }

    private static func descriptorNode(_ descriptor: Int32) throws(Errno) -> PathNode {
        guard let node = try FileCalls.file(descriptor).path else { throw .invalidArgument }
        return node
    }

    private static func access(_ folder: Int32, _ address: UserAddress, _ mode: UInt32, _ flags: UInt32) throws(Errno) -> Int {
        guard mode & ~7 == 0, flags & ~(AtFlags.effectiveAccess | AtFlags.symbolicLinkNoFollow | AtFlags.emptyPath) == 0 else {
            throw .invalidArgument
        }
        // The folders on the way are searched in the same name as the file is asked about.
        let identity = flags & AtFlags.effectiveAccess != 0 ? FileContext.identity : FileContext.realIdentity
        let path = try UserPath.read(address, allowsEmpty: flags & AtFlags.emptyPath != 0)
        let node = try UserPath.resolve(folder, path, follow: flags & AtFlags.symbolicLinkNoFollow == 0, identity)
        guard let inode = node.inode else { throw .noEntry }
        let wanted = AccessRights(rawValue: mode)
        if !wanted.isEmpty, !inode.mayAccess(wanted, identity) { throw .accessDenied }
        if wanted.contains(.write), inode.kind == .regular || inode.kind == .directory { try node.mount.checkWritable() }
        return 0
    }

    private static func changeMode(_ node: PathNode, _ mode: UInt32) throws(Errno) -> Int {
        guard let inode = node.inode else { throw .noEntry }
        try node.mount.checkWritable()
        let identity = FileContext.identity
        let (owner, group) = inode.metadata.withLock { ($0.uid, $0.gid) }
        guard identity.isPrivileged || owner == identity.uid else { throw .notPermitted }
        var permissions = mode & FileMode.permissionMask
        // Nobody makes a program run in the name of a group that is not his.
        if !identity.isPrivileged, !identity.isMember(of: group) { permissions &= ~FileMode.setGroup }
        var change = AttributeChange()
        change.permissions = permissions
        try inode.setAttributes(change)
        return 0
    }

    private static func changeOwner(_ node: PathNode, _ uid: UInt32, _ gid: UInt32) throws(Errno) -> Int {
        guard let inode = node.inode else { throw .noEntry }
        try node.mount.checkWritable()
        let identity = FileContext.identity
        let (owner, permissions) = inode.metadata.withLock { ($0.uid, $0.permissions) }
        if !identity.isPrivileged {
            guard uid == .max || (uid == owner && owner == identity.uid) else { throw .notPermitted }
            guard gid == .max || (owner == identity.uid && identity.isMember(of: gid)) else { throw .notPermitted }
        }
        var change = AttributeChange()
        if uid != .max { change.uid = uid }
        if gid != .max { change.gid = gid }
        // A change of owner takes set-user-ID and set-group-ID away from programs.
        if inode.kind != .directory {
            var kept = permissions & ~FileMode.setUser
            if permissions & 0o010 != 0 { kept &= ~FileMode.setGroup }
            if kept != permissions { change.permissions = kept }
        }
        try inode.setAttributes(change)
        return 0
    }

    private static func truncatePath(_ address: UserAddress, _ length: Int) throws(Errno) -> Int {
        guard length >= 0 else { throw .invalidArgument }
        let node = try node(here, address, 0)
        guard let inode = node.inode else { throw .noEntry }
        if inode.kind == .directory { throw .isDirectory }
        guard inode.kind == .regular else { throw .invalidArgument }
        guard inode.mayAccess(.write, FileContext.identity) else { throw .accessDenied }
        try node.mount.checkWritable()
        if inode.isRunning { throw .textFileBusy }
        if UInt64(length) > inode.byteCount { try FileSizeLimit.check(length: UInt64(length), for: FileSizeLimit.current) }
        guard UInt64(length) <= inode.maximumByteCount else { throw .fileTooLarge }
        var change = AttributeChange()
        change.size = UInt64(length)
        try inode.setAttributes(change)
        return 0
    }

    // MARK: Times

    private static let timeNow: Int64 = 0x3fff_ffff
    private static let timeOmit: Int64 = 0x3fff_fffe

    private static func setTimes(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = a.uint32(3)
        guard flags & ~(AtFlags.symbolicLinkNoFollow | AtFlags.emptyPath) == 0 else { throw .invalidArgument }
        var times = (TimeSpec(seconds: 0, nanoseconds: timeNow), TimeSpec(seconds: 0, nanoseconds: timeNow))
        if !a.address(2).isNull {
            times.0 = try copyIn(TimeSpec.self, from: a.address(2))
            times.1 = try copyIn(TimeSpec.self, from: a.address(2) + 16)
            try check(times.0)
            try check(times.1)
            if times.0.nanoseconds == timeOmit, times.1.nanoseconds == timeOmit { return 0 }
        }
        // A null path means the descriptor itself (futimens); with the working folder it is just a bad one.
        let target: PathNode
        if a.address(1).isNull, a.fd(0) != here {
            guard flags == 0 else { throw .invalidArgument }
            target = try descriptorNode(a.fd(0))
        } else {
            target = try node(a.fd(0), a.address(1), flags)
        }
        guard let inode = target.inode else { throw .noEntry }
        try target.mount.checkWritable()
        let identity = FileContext.identity
        let isOwner = identity.isPrivileged || inode.metadata.withLock({ $0.uid }) == identity.uid
        let isNow = times.0.nanoseconds == timeNow && times.1.nanoseconds == timeNow
        if !isOwner {
            guard isNow else { throw .notPermitted }
            guard inode.mayAccess(.write, identity) else { throw .accessDenied }
        }
        var change = AttributeChange()
        change.accessTime = resolve(times.0)
        change.modificationTime = resolve(times.1)
        try inode.setAttributes(change)
        return 0
    }

    private static func check(_ time: TimeSpec) throws(Errno) {
        if time.nanoseconds == timeNow || time.nanoseconds == timeOmit { return }
        guard time.nanoseconds >= 0, time.nanoseconds < 1_000_000_000 else { throw .invalidArgument }
    }

    private static func resolve(_ time: TimeSpec) -> TimeSpec? {
        if time.nanoseconds == timeOmit { return nil }
        return time.nanoseconds == timeNow ? TimeSpec(nanoseconds: Clock.realtime) : time
    }
}
