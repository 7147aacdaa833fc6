import ABI
import Files
import Processes
import Support

/// Mounting, and what a file system says of itself.
public enum MountCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.mount, mount)
        table.set(.umount2, unmount)
        table.set(.sync) { (_) throws(Errno) in
            MountTable.synchronizeAll()
            return 0
        }
        table.set(.syncfs) { (a) throws(Errno) in
            guard let node = try FileCalls.file(a.fd(0)).path, let fileSystem = node.mount.fileSystem else { return 0 }
            try fileSystem.synchronize()
            return 0
        }
        table.set(.statfs) { (a) throws(Errno) in
            try copyOut(
                try statistics(try UserPath.resolve(AtFlags.workingFolder, try UserPath.read(a.address(0)), follow: true)),
                to: a.address(1))
            return 0
        }
        table.set(.fstatfs) { (a) throws(Errno) in
            let file = try FileContext.file(a.fd(0))
            try copyOut(try statistics(file.path), to: a.address(1))
            return 0
        }
    }

    private static func mount(_ a: SyscallArguments) throws(Errno) -> Int {
        guard Process.current.credentials.isPrivileged else { throw .notPermitted }
        let source = a.address(0).isNull ? [] : try copyInString(from: a.address(0), limit: UserPath.limit)
        let target = try UserPath.read(a.address(1))
        let typeName = a.address(2).isNull ? [] : try copyInString(from: a.address(2), limit: 255)
        // The magic number of old mount programs is in the upper half.
        let flags = MountFlags(rawValue: a.raw(3) & 0xffff_0000 == 0xc0ed_0000 ? a.raw(3) & 0xffff : a.raw(3))
        let node = try UserPath.resolve(AtFlags.workingFolder, target, follow: true)
        if flags.contains(.remount) {
            try MountTable.remount(node, flags: flags)
            return 0
        }
        if flags.contains(.bind) || flags.contains(.move) { throw .invalidArgument }
        guard let type = FileSystemTypes.named(typeName) else { throw .noDevice }
        let options = a.address(4).isNull ? [] : try copyInString(from: a.address(4), limit: 4095)
        var device: BlockDevice?
        if type.needsDevice {
            let deviceNode = try UserPath.resolve(AtFlags.workingFolder, source, follow: true)
            guard let inode = deviceNode.inode, inode.kind == .blockDevice else { throw .notBlockDevice }
            device = BlockRegistry.device(inode.special)
            if device == nil { throw .noDeviceOrAddress }
        }
        let fileSystem = try type.mount(device: device, options: options, readOnly: flags.contains(.readOnly))
        try MountTable.mount(fileSystem, on: node, source: source, flags: flags)
        return 0
    }

    private static func unmount(_ a: SyscallArguments) throws(Errno) -> Int {
        // MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW.
        guard a.uint32(1) & ~15 == 0 else { throw .invalidArgument }
        guard Process.current.credentials.isPrivileged else { throw .notPermitted }
        let mount = try mount(at: try UserPath.read(a.address(0)), follow: a.uint32(1) & 8 == 0)
        try MountTable.unmount(mount, detach: a.uint32(1) & 2 != 0)
        return 0
    }

    /// What is mounted at a path. Not to be inlined: whoever takes the mount away must not hold its root, which counts as a use.
    @inline(never)
    private static func mount(at path: [UInt8], follow: Bool) throws(Errno) -> Mount {
        let node = try UserPath.resolve(AtFlags.workingFolder, path, follow: follow)
        guard node.isMountRoot else { throw .invalidArgument }
        return node.mount
    }

    private static func statistics(_ node: PathNode?) throws(Errno) -> StatFS {
        guard let fileSystem = node?.mount.fileSystem ?? node?.inode?.fileSystem else { throw .notImplemented }
        let numbers = try fileSystem.statistics()
        var result = StatFS()
        result.type = Int64(numbers.type)
        result.blockSize = Int64(numbers.blockSize)
        result.fragmentSize = Int64(numbers.blockSize)
        result.blocks = numbers.blocks
        result.freeBlocks = numbers.freeBlocks
        result.availableBlocks = numbers.availableBlocks
        result.files = numbers.files
        result.freeFiles = numbers.freeFiles
        return result
    }
}
