import ABI
import Files
import Support

/// The file system behind /dev: a memory file system in which the nodes of devices appear and disappear by themselves.
public final class DeviceFileSystem: TmpFileSystem {
    private let observer: Observer

    /// Fills itself with the devices that are registered, and follows those that come.
    public init() {
        observer = Observer()
        super.init(typeName: "devtmpfs", permissions: 0o755)
        addUsualEntries()
        observer.fileSystem = self
        DeviceRegistry.observe(observer)
    }

    /// What programs expect beside the devices: the standard descriptors by name, and places for ptys and shared memory.
    private func addUsualEntries() {
        let root = rootDirectory()
        let links: [(StaticString, StaticString)] = [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
        ]
        for (name, target) in links {
            _ = root.addIfMissing(name.bytes) {
                TmpSymbolicLink(self, target.bytes, InodeMetadata(permissions: 0o777, uid: 0, gid: 0))
            }
        }
        for (name, permissions) in [(StaticString("pts"), UInt32(0o755)), ("shm", 0o1777)] {
            _ = root.addIfMissing(name.bytes) {
                TmpDirectory(self, InodeMetadata(permissions: permissions, uid: 0, gid: 0, linkCount: 2))
            }
        }
    }

    private final class Observer: DeviceObserver {
        // The kernel's one instance lives as long as the kernel.
        unowned(unsafe) var fileSystem: DeviceFileSystem?
        override func added(_ device: DeviceRecord) { fileSystem?.add(device) }
        override func removed(_ device: DeviceRecord) { fileSystem?.remove(device) }
    }

    private func add(_ device: DeviceRecord) {
        var parts = Self.split(device.name)
        guard let last = parts.popLast() else { return }
        let tree = self
        let node = NewNode(
            kind: device.isBlock ? .blockDevice : .characterDevice, permissions: device.mode, special: device.number)
        do throws(Errno) {
            try withNamespace { () throws(Errno) in
                var folder = tree.rootDirectory()
                for part in parts {
                    let inode = folder.addIfMissing(part) {
                        TmpDirectory(tree, InodeMetadata(permissions: 0o755, uid: 0, gid: 0, linkCount: 2))
                    }
                    guard inode.kind == .directory else { throw .notDirectory }
                    folder = unsafeDowncast(inode, to: TmpDirectory.self)
                }
                _ = folder.addIfMissing(last) {
                    TmpSpecial(tree, node, InodeMetadata(permissions: node.permissions, uid: 0, gid: 0))
                }
            }
        } catch {
            Log.error("devtmpfs: no node for a device: error \(error.rawValue)")
        }
    }

    private func remove(_ device: DeviceRecord) {
        var parts = Self.split(device.name)
        guard let last = parts.popLast() else { return }
        let tree = self
        do throws(Errno) {
            try withNamespace { () throws(Errno) in
                var folder = tree.rootDirectory()
                for part in parts {
                    guard let inode = try folder.lookup(part), inode.kind == .directory else { return }
                    folder = unsafeDowncast(inode, to: TmpDirectory.self)
                }
                guard let inode = try folder.lookup(last), inode.special == device.number else { return }
                try folder.unlink(last, inode)
                NameCache.forget(inode)
            }
        } catch {
            Log.error("devtmpfs: a node could not be removed: error \(error.rawValue)")
        }
    }

    /// The components of `input/event0`.
    private static func split(_ name: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var part: [UInt8] = []
        for byte in name + [UInt8(ascii: "/")] {
            if byte != UInt8(ascii: "/") {
                part.append(byte)
            } else if !part.isEmpty {
                parts.append(part)
                part = []
            }
        }
        return parts
    }
}

/// `mount -t devtmpfs` shows the one instance.
public final class DeviceFileSystemType: FileSystemType {
    private let instance: DeviceFileSystem
    public init(_ instance: DeviceFileSystem) {
        self.instance = instance
        super.init(name: "devtmpfs", needsDevice: false)
    }
    public override func mount(device: BlockDevice?, options: [UInt8], readOnly: Bool) throws(Errno) -> FileSystem { instance }
}
