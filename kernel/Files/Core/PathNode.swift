import ABI
import Support

/// A name in the tree of folders (a "dentry"): its folder, its name and the inode it names.
///
/// Nodes form one tree a mount. They are remembered in the name cache while nobody uses them; a node without an inode
/// remembers that a name does not exist. The links are protected by the lock of `NameCache`.
public final class PathNode {
    /// The folder; nil for the root of a mount and for nodes outside any tree.
    var parent: PathNode?
    var name: [UInt8]
    var hash: UInt32
    /// Set once: a node that has an inode keeps it.
    public internal(set) var inode: Inode?
    /// What is mounted on this folder.
    var covering: Mount?
    public let mount: Mount

    // The name cache's part.
    unowned(unsafe) var nextInBucket: PathNode?
    var isCached = false
    /// Looked up since the cache's hand last passed.
    var isReferenced = false
    /// Cached nodes whose parent is this one.
    var cachedChildCount: Int32 = 0
    /// The name was removed while the node was in use.
    var isDeleted = false

    init(parent: PathNode?, name: [UInt8], hash: UInt32, inode: Inode?, mount: Mount) {
        self.parent = parent
        self.name = name
        self.hash = hash
        self.inode = inode
        self.mount = mount
    }

    /// A node outside any tree, so that something without a name can be shown as a path (`/memfd:x (deleted)`).
    public static func detached(name: [UInt8], inode: Inode) -> PathNode {
        PathNode(parent: nil, name: name, hash: 0, inode: inode, mount: Mount.none)
    }

    /// Whether it was made by `detached`.
    var isDetached: Bool { mount === Mount.none }

    /// The path of a detached node.
    static func detachedPath(_ name: [UInt8]) -> [UInt8] { [UInt8(ascii: "/")] + name + Array(" (deleted)".utf8) }

    deinit {
        // A long chain of nodes that only their children kept would otherwise be released by recursion.
        var next = parent.take()
        while next != nil, isKnownUniquelyReferenced(&next) {
            let above = next!.parent.take()
            next = above
        }
    }

    /// Whether this is the root of a mount.
    public var isMountRoot: Bool { NameCache.locked { _ in parent == nil && mount !== Mount.none } }

    /// What is mounted on this folder, if anything.
    public var mounted: Mount? { NameCache.locked { _ in covering } }

    /// The base name, for /proc and messages.
    public var lastName: [UInt8] { NameCache.locked { _ in name } }

    /// The absolute path as seen by a process whose root folder is `root` (nil: the real root).
    ///
    /// Nodes that were removed get ` (deleted)` at the end; nodes that cannot be reached from `root` start with
    /// `(unreachable)`, as Linux shows them.
    public func absolutePath(root: PathNode?) -> [UInt8] {
        let (names, isReachable, isDeleted) = chain(root: root)
        var path: [UInt8] = isReachable ? [] : Array("(unreachable)".utf8)
        for name in names.reversed() {
            path.append(UInt8(ascii: "/"))
            path.append(contentsOf: name)
        }
        if names.isEmpty { path.append(UInt8(ascii: "/")) }
        if isDeleted { path.append(contentsOf: " (deleted)".utf8) }
        return path
    }

    /// The path below the root folder, or the error that getcwd gives.
    public func workingPath(root: PathNode) throws(Errno) -> [UInt8] {
        let isDeleted = NameCache.locked { _ in self.isDeleted }
        if isDeleted { throw .noEntry }
        return absolutePath(root: root)
    }

    /// The names from here up to `root`.
    private func chain(root: PathNode?) -> (names: [[UInt8]], isReachable: Bool, isDeleted: Bool) {
        NameCache.locked { _ in
            var names: [[UInt8]] = []
            var node = self
            if node.mount === Mount.none { return ([node.name], true, true) }
            while node !== root {
                if let parent = node.parent {
                    names.append(node.name)
                    node = parent
                } else if let point = node.mount.point {
                    node = point
                } else {
                    return (names, root == nil || node.mount.isRoot && root!.parent == nil && root!.mount.isRoot, isDeleted)
                }
            }
            return (names, true, isDeleted)
        }
    }

    /// Whether `other` is this node or lies below it, across mounts. Under the name cache's lock.
    func containsLocked(_ other: PathNode) -> Bool {
        var node = other
        while true {
            if node === self { return true }
            if let parent = node.parent {
                node = parent
            } else if let point = node.mount.point {
                node = point
            } else {
                return false
            }
        }
    }
}
