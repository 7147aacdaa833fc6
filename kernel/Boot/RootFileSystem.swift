import ABI
import Files
import Support
import Tmpfs

/// Finds and mounts the root, and /dev on it.
enum RootFileSystem {
    /// What is mounted on /dev. Set once, before the root is mounted.
    nonisolated(unsafe) static var deviceFileSystem: DeviceFileSystem?

    /// Mounts the root that the command line names (`root=/dev/vda`, `rootfstype=`, `ro`); without one, the boot module if
    /// there is one, else the first disk.
    static func mount(_ options: CommandLine) -> PathNode {
        let name = options.value("root").map { deviceName($0) } ?? defaultDevice()
        guard let device = BlockRegistry.device(named: name) else {
            panic("cannot mount the root: no block device \"\(name)\"; give one with root=, for example root=/dev/vda")
        }
        let typeName = options.value("rootfstype") ?? Array("ext2".utf8)
        guard let type = FileSystemTypes.named(typeName) else { panic("cannot mount the root: no file system type \(typeName)") }
        do throws(Errno) {
            let readOnly = options.has("ro")
            let fileSystem = try type.mount(device: device, options: [], readOnly: readOnly)
            let root = try MountTable.mountRoot(fileSystem, source: Array("/dev/".utf8) + name, flags: readOnly ? .readOnly : [])
            Log.info("root: \(typeName) on \(name)")
            mountDevices(root)
            // A program that the command line names finds /proc and /dev/pts; our own init mounts them itself.
            if options.value("init") != nil { mountForShell(root) }
            return root
        } catch {
            panic("cannot mount the root: \(name) holds no usable \(typeName) file system (error \(error.rawValue))")
        }
    }

    private static func deviceName(_ value: [UInt8]) -> [UInt8] {
        let prefix = Array("/dev/".utf8)
        return value.starts(with: prefix) ? Array(value.dropFirst(prefix.count)) : value
    }

    private static func defaultDevice() -> [UInt8] {
        let ram = Array("ram0".utf8)
        return BlockRegistry.device(named: ram) != nil ? ram : Array("vda".utf8)
    }

    private static func mountDevices(_ root: PathNode) {
        guard let deviceFileSystem else { return }
        do throws(Errno) {
            let origin = PathOrigin(root: root, base: root, identity: .root)
            try MountTable.mount(
                deviceFileSystem, on: try PathOperations.resolve(Array("/dev".utf8), origin), source: Array("devtmpfs".utf8))
        } catch {
            Log.warning("the root has no folder /dev to mount devices on (error \(error.rawValue))")
        }
    }

    private static func mountForShell(_ root: PathNode) {
        let origin = PathOrigin(root: root, base: root, identity: .root)
        do throws(Errno) {
            try mount("devpts", on: try PathOperations.resolve(Array("/dev/pts".utf8), origin))
            try mount("proc", on: try PathOperations.resolve(Array("/proc".utf8), origin))
        } catch {
            Log.warning("cannot mount /dev/pts and /proc (error \(error.rawValue))")
        }
    }

    private static func mount(_ name: StaticString, on node: PathNode) throws(Errno) {
        guard let type = FileSystemTypes.named(name.bytes) else { throw .noDevice }
        let fileSystem = try type.mount(device: nil, options: [], readOnly: false)
        try MountTable.mount(fileSystem, on: node, source: name.bytes)
    }
}
