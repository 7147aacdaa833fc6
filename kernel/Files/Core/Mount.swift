import ABI
import Support
import Synchronization

/// Flags of mount(2) that stay with a mount (`include/uapi/linux/mount.h`).
public struct MountFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static var readOnly: MountFlags { MountFlags(rawValue: 1) }
    public static var noSetUser: MountFlags { MountFlags(rawValue: 2) }
    public static var noDevices: MountFlags { MountFlags(rawValue: 4) }
    public static var noExecution: MountFlags { MountFlags(rawValue: 8) }
    public static var remount: MountFlags { MountFlags(rawValue: 32) }
    public static var noAccessTime: MountFlags { MountFlags(rawValue: 1024) }
    public static var relativeAccessTime: MountFlags { MountFlags(rawValue: 1 << 21) }
    public static var bind: MountFlags { MountFlags(rawValue: 4096) }
    public static var move: MountFlags { MountFlags(rawValue: 8192) }
    public static var silent: MountFlags { MountFlags(rawValue: 32768) }
}

/// A file system at its place in the tree.
public final class Mount {
    public let identifier: Int32
    /// What mount(2) was told as the source, for /proc/mounts.
    public let source: [UInt8]
    /// nil only for `Mount.none`.
    public let fileSystem: FileSystem?
    private let flagBits: Atomic<UInt64>

    // Protected by the lock of the name cache; cleared by unmounting, which breaks the cycle with the nodes.
    var rootNode: PathNode?
    /// The folder it covers; nil for the root of everything.
    var point: PathNode?
    var isRoot = false

    /// Where nodes belong that are in no tree. It is never changed.
    nonisolated(unsafe) static let none = Mount(identifier: 0, source: [], fileSystem: nil, flags: [])

    init(identifier: Int32, source: [UInt8], fileSystem: FileSystem?, flags: MountFlags) {
        self.identifier = identifier
        self.source = source
        self.fileSystem = fileSystem
        flagBits = Atomic(flags.rawValue)
    }

    public var flags: MountFlags { MountFlags(rawValue: flagBits.load(ordering: .relaxed)) }

    func setFlags(_ flags: MountFlags) { flagBits.store(flags.rawValue, ordering: .relaxed) }

    /// The root folder; nil after it was unmounted.
    public var root: PathNode? { NameCache.locked { _ in rootNode } }

    /// Throws when nothing may be changed through this mount.
    public func checkWritable() throws(Errno) {
        if flags.contains(.readOnly) { throw .readOnlyFileSystem }
        try fileSystem?.checkWritable()
    }
}

/// Every mount there is, in the order they were made.
public enum MountTable {
    private static let mounts = ReadWriteSpinLock<[Mount]>([])
    private static let nextIdentifier = Atomic<Int32>(1)
    /// Serialises mounting and unmounting.
    private static let changes = CompactLock()

    public static var all: [Mount] { mounts.withReadLock { $0 } }

    /// Mounts the root of everything. Called once at boot.
    public static func mountRoot(_ fileSystem: FileSystem, source: [UInt8], flags: MountFlags = []) throws(Errno) -> PathNode {
        let mount = try make(fileSystem, source: source, flags: flags)
        mount.isRoot = true
        mounts.withLock { $0.append(mount) }
        return mount.rootNode!
    }

    /// Mounts a file system on a folder.
    @discardableResult
    public static func mount(_ fileSystem: FileSystem, on node: PathNode, source: [UInt8], flags: MountFlags = []) throws(Errno)
        -> Mount
    {
        guard node.inode?.kind == .directory else { throw .notDirectory }
        // The same file system twice on one place is refused, as on Linux: init learns that /dev is there already.
        if node.mount.rootNode === node, node.mount.fileSystem === fileSystem { throw .busy }
        let mount = try make(fileSystem, source: source, flags: flags)
        return try changes.withLock { () throws(Errno) -> Mount in
            let isBusy = NameCache.locked { _ in
                if node.covering != nil || node.isDeleted { return true }
                mount.point = node
                node.covering = mount
                return false
            }
            if isBusy { throw .busy }
            mounts.withLock { $0.append(mount) }
            return mount
        }
    }

    private static func make(_ fileSystem: FileSystem, source: [UInt8], flags: MountFlags) throws(Errno) -> Mount {
        let mount = Mount(
            identifier: nextIdentifier.wrappingAdd(1, ordering: .relaxed).oldValue, source: source,
            fileSystem: fileSystem, flags: flags)
        let inode = try fileSystem.rootInode()
        mount.rootNode = PathNode(parent: nil, name: [], hash: 0, inode: inode, mount: mount)
        return mount
    }

    /// Takes a mount away. The caller must hold no node of it.
    /// - Parameter detach: do it even while files are open (MNT_DETACH); they stay usable.
    /// - Throws: `invalidArgument` when it is not mounted or the root of everything, `busy` while something uses it.
    public static func unmount(_ mount: Mount, detach: Bool) throws(Errno) {
        guard !mount.isRoot, let fileSystem = mount.fileSystem else { throw .invalidArgument }
        try changes.withLock { () throws(Errno) in
            let others = all
            guard others.contains(where: { $0 === mount }) else { throw .invalidArgument }
            try fileSystem.synchronize()
            NameCache.purge { $0.mount === mount }
            let hasMounts = others.contains { other in other.point?.mount === mount }
            if hasMounts, !detach { throw .busy }
            guard let released = take(mount, evenIfUsed: detach) else { throw .busy }
            _ = released
            mounts.withLock { $0.removeAll { $0 === mount } }
        }
        if !detach { fileSystem.unmounted() }
    }

    /// Takes the root node and the covered folder from a mount, unless somebody uses it: every user below the root holds
    /// the root through the chain of parents.
    private static func take(_ mount: Mount, evenIfUsed: Bool) -> (root: PathNode?, point: PathNode?)? {
        NameCache.locked { _ in
            var root = mount.rootNode.take()
            guard evenIfUsed || isKnownUniquelyReferenced(&root) else {
                mount.rootNode = root
                return nil
            }
            let point = mount.point.take()
            point?.covering = nil
            return (root, point)
        }
    }

    /// Changes the flags of a mount (MS_REMOUNT).
    public static func remount(_ node: PathNode, flags: MountFlags) throws(Errno) {
        guard node.isMountRoot, let fileSystem = node.mount.fileSystem else { throw .invalidArgument }
        if flags.contains(.readOnly) { try fileSystem.synchronize() }
        node.mount.setFlags(flags.subtracting(.remount))
    }

    /// Writes every mounted file system's dirty data to its device (sync).
    public static func synchronizeAll() {
        for mount in all {
            do throws(Errno) { try mount.fileSystem?.synchronize() } catch {
                Log.error("could not write a file system back: error \(error.rawValue)")
            }
        }
    }
}
