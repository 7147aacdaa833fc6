import ABI
import Support

/// Where a path starts and in whose name it is walked.
public struct PathOrigin {
    /// What `/` means.
    public let root: PathNode
    /// Where a relative path starts: the working folder, or the folder of a descriptor.
    public let base: PathNode
    public let identity: FileIdentity

    public init(root: PathNode, base: PathNode, identity: FileIdentity) {
        self.root = root
        self.base = base
        self.identity = identity
    }
}

/// Resolves a path component by component (path_resolution(7)).
///
/// Runs of names that the cache knows are walked under one acquisition of its lock; whatever may sleep (a lookup on the
/// disk, the text of a symbolic link) happens outside.
struct PathWalk: ~Copyable {
    /// How many symbolic links one path may lead through.
    static let linkLimit = 40
    static let nameLimit = 255
    static let pathLimit = 4096

    /// What the last component was.
    enum Last { case none, name, dot, dotDot }

    private let root: PathNode
    private let identity: FileIdentity
    /// Where the walk is.
    private(set) var node: PathNode
    /// What is left to walk: the caller's bytes, or `expansion`.
    private var path: UnsafeRawBufferPointer
    private var position = 0
    /// A path that a symbolic link was replaced in; owned.
    private var expansion: UnsafeMutableRawBufferPointer?
    private var linksLeft = PathWalk.linkLimit
    /// The node of the component at `position`, when it was looked up outside the cache.
    private var lookedUp: PathNode?

    /// After walking to the parent: the last component and its kind.
    private(set) var last = Last.none
    private var lastStart = 0
    private var lastCount = 0
    /// A link led straight to a node, so the walk does not stand in the folder of what comes next.
    private(set) var hasJumped = false
    /// The path ended in a slash: it must be a folder.
    private(set) var hasTrailingSlash = false

    /// - Parameter path: the bytes, valid as long as the walk is in use.
    init(_ path: UnsafeRawBufferPointer, from origin: borrowing PathOrigin) {
        root = origin.root
        identity = origin.identity
        self.path = path
        node = path.count > 0 && path[0] == UInt8(ascii: "/") ? origin.root : origin.base
    }

    deinit { expansion?.deallocate() }

    /// The last component, after `walkToParent`.
    var lastName: [UInt8] {
        Array(UnsafeRawBufferPointer(rebasing: path[lastStart..<lastStart + lastCount]))
    }

    /// Walks to the end.
    /// - Parameter followLast: whether a symbolic link at the end is followed.
    mutating func walkToEnd(followLast: Bool) throws(Errno) -> PathNode {
        try walk(stopsAtParent: false, followLast: followLast)
        if hasTrailingSlash, node.inode!.kind != .directory { throw .notDirectory }
        return node
    }

    /// Walks to the folder of the last component, which `last` and `lastName` then tell.
    mutating func walkToParent() throws(Errno) -> PathNode {
        try walk(stopsAtParent: true, followLast: false)
        return node
    }

    /// Replaces the last component, a symbolic link, by its target; the walk can then go on from its folder.
    mutating func expandLast(_ link: PathNode) throws(Errno) {
        position = lastStart + lastCount
        last = .none
        try follow(link)
    }

    // MARK: The walk

    private enum Event {
        case arrived
        case failed(Errno)
        /// The cache does not know the component at `position`.
        case unknown(start: Int, count: Int)
        /// The component, which ends at `position`, is a symbolic link to be followed.
        case link(PathNode)
    }

    private mutating func walk(stopsAtParent: Bool, followLast: Bool) throws(Errno) {
        if path.count == 0 { throw .noEntry }
        if path.count >= Self.pathLimit, expansion == nil { throw .nameTooLong }
        while true {
            switch advance(stopsAtParent: stopsAtParent, followLast: followLast) {
            case .arrived: return
            case .failed(let error): throw error
            case .unknown(let start, let count):
                let name = Array(UnsafeRawBufferPointer(rebasing: path[start..<start + count]))
                lookedUp = try Self.lookUp(name, in: node)
            case .link(let link): try follow(link)
            }
        }
    }

    /// Walks as far as the cache knows the way.
    @inline(__always)
    private mutating func advance(stopsAtParent: Bool, followLast: Bool) -> Event {
        let start = node
        var current = start
        let event = NameCache.locked { table in
            step(&table, &current, stopsAtParent: stopsAtParent, followLast: followLast)
        }
        // The old node may be released here, outside the lock.
        node = current
        return event
    }

    @inline(__always)
    private mutating func step(
        _ table: inout NameCache.Table, _ current: inout PathNode, stopsAtParent: Bool,
        followLast: Bool
    ) -> Event {
        let path = self.path
        let end = path.count
        var index = position
        defer { position = index }
        while true {
            while index < end, path[index] == UInt8(ascii: "/") { index &+= 1 }
            if index == end { return .arrived }
            let start = index
            var hash = NameCache.hashSeed
            while index < end, path[index] != UInt8(ascii: "/") {
                hash = NameCache.hashStep(hash, path[index])
                index &+= 1
            }
            let count = index &- start
            var after = index
            while after < end, path[after] == UInt8(ascii: "/") { after &+= 1 }
            let isLast = after == end
            hasTrailingSlash = isLast && after > index

            guard let inode = current.inode, inode.kind == .directory else { return .failed(.notDirectory) }
            if !identity.isPrivileged, !inode.mayAccess(.execute, identity) { return .failed(.accessDenied) }
            if count > Self.nameLimit { return .failed(.nameTooLong) }

            let isDot = path[start] == UInt8(ascii: ".") && count == 1
            let isDotDot = count == 2 && path[start] == UInt8(ascii: ".") && path[start &+ 1] == UInt8(ascii: ".")
            if isLast, stopsAtParent {
                last = isDot ? .dot : isDotDot ? .dotDot : .name
                lastStart = start
                lastCount = count
                return .arrived
            }
            if isDot {
                continue
            }
            if isDotDot {
                current = parent(of: current)
                continue
            }
            let found: PathNode
            if let lookedUp {
                found = lookedUp
                self.lookedUp = nil
            } else {
                let name = UnsafeRawBufferPointer(rebasing: path[start..<index])
                guard let known = table.find(current, hash, name) else {
                    index = start
                    return .unknown(start: start, count: count)
                }
                found = known
            }
            guard let inode = found.inode else { return .failed(.noEntry) }
            if inode.kind == .symbolicLink, !isLast || followLast || hasTrailingSlash { return .link(found) }
            current = Self.top(found)
        }
    }

    /// The folder above, never above the root folder of the process.
    private func parent(of start: PathNode) -> PathNode {
        var node = start
        while true {
            if node === root { return node }
            if let parent = node.parent { return Self.top(parent) }
            guard let point = node.mount.point else { return node }
            node = point
        }
    }

    /// The root of whatever is mounted on top of a node. Under the name cache's lock.
    @inline(__always)
    static func top(_ node: PathNode) -> PathNode {
        guard let mount = node.covering else { return node }
        var result = node
        var next: Mount? = mount
        while let mount = next, let root = mount.rootNode {
            result = root
            next = root.covering
        }
        return result
    }

    /// Asks the file system for a name that the cache does not know.
    private static func lookUp(_ name: [UInt8], in folder: PathNode) throws(Errno) -> PathNode {
        guard let inode = folder.inode, let fileSystem = folder.mount.fileSystem else { throw .noEntry }
        return try fileSystem.withNamespace { () throws(Errno) -> PathNode in
            try child(name, of: folder, inode)
        }
    }

    /// The node of a name, from the cache or the file system. Under the namespace lock.
    static func child(_ name: [UInt8], of folder: PathNode, _ inode: Inode) throws(Errno) -> PathNode {
        if let known = NameCache.find(folder, name) { return known }
        return NameCache.remember(folder, name, try inode.lookup(name))
    }

    /// Continues with the target of a link instead of its name; the walk stands in the link's folder.
    private mutating func follow(_ link: PathNode) throws(Errno) {
        guard linksLeft > 0 else { throw .tooManySymbolicLinks }
        linksLeft -= 1
        switch try link.inode!.followLink() {
        case .node(let target):
            hasJumped = true
            node = NameCache.locked { _ in Self.top(target) }
        case .path(let target):
            if target.isEmpty { throw .noEntry }
            let rest = path.count - position
            guard target.count < Self.pathLimit, rest <= Self.pathLimit else { throw .nameTooLong }
            let joined = UnsafeMutableRawBufferPointer.allocate(byteCount: target.count + rest, alignment: 1)
            joined.copyBytes(from: target)
            if rest > 0 {
                // What is left starts with the slash after the link's name.
                UnsafeMutableRawBufferPointer(rebasing: joined[target.count...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: path[position...]))
            }
            expansion?.deallocate()
            expansion = joined
            path = UnsafeRawBufferPointer(joined)
            position = 0
            if target[0] == UInt8(ascii: "/") { node = root }
        }
    }
}
