import ABI
import Support

/// The names that were looked up, hashed by folder and name (the "dentry cache").
///
/// A node in the cache is kept alive by it; the cache is bounded, and gives up nodes that nobody else holds, those first
/// that were not looked up lately (a clock over the buckets). One spin lock protects the shape of all trees.
public enum NameCache {
    /// Nodes above which old ones are given up.
    nonisolated(unsafe) public static var limit = 8192  // set at boot only

    struct Table: ~Copyable {
        static let bucketCount = 4096
        let buckets: UnsafeMutablePointer<Unmanaged<PathNode>?>
        var count = 0
        var hand = 0

        init() {
            buckets = .allocate(capacity: Self.bucketCount)
            buckets.initialize(repeating: nil, count: Self.bucketCount)
        }
        deinit { buckets.deallocate() }
    }
    static let table = SpinLock(Table())

    @inline(__always)
    static func locked<Result>(_ body: (inout Table) -> Result) -> Result { table.withLock(body) }

    /// The number of remembered names, for /proc/martlet.
    public static var count: Int { locked { $0.count } }

    // MARK: Hashing

    @inline(__always)
    static var hashSeed: UInt32 { 2_166_136_261 }
    @inline(__always)
    static func hashStep(_ hash: UInt32, _ byte: UInt8) -> UInt32 { (hash ^ UInt32(byte)) &* 16_777_619 }

    static func hash(_ name: [UInt8]) -> UInt32 {
        var hash = hashSeed
        for byte in name { hash = hashStep(hash, byte) }
        return hash
    }

    // MARK: Operations that take the lock

    /// The node of a name in a folder, if it is remembered.
    static func find(_ parent: PathNode, _ name: [UInt8]) -> PathNode? {
        let hash = hash(name)
        return locked { table in name.withUnsafeBytes { table.find(parent, hash, $0) } }
    }

    /// Remembers what a name in a folder stands for (nil: nothing), and returns its node. When another thread was faster,
    /// its node is used.
    static func remember(_ parent: PathNode, _ name: [UInt8], _ inode: Inode?) -> PathNode {
        let hash = hash(name)
        let node = PathNode(parent: parent, name: name, hash: hash, inode: inode, mount: parent.mount)
        let fileSystem = parent.mount.fileSystem!
        guard inode != nil ? fileSystem.cachesNames : fileSystem.cachesMissingNames else { return node }
        let (kept, given): (PathNode, [PathNode]) = locked { table in
            if let known = name.withUnsafeBytes({ table.find(parent, hash, $0) }) {
                if known.inode == nil { known.inode = inode }
                return (known, [])
            }
            // A folder that is gone takes no names any more: nobody would ever drop them.
            if !parent.isDeleted { table.insert(node) }
            return (node, table.count > limit ? table.collectOld(buckets: 64) : [])
        }
        _ = given  // Released here, outside the lock.
        return kept
    }

    /// Gives a node that stood for nothing the inode that was created for its name.
    static func bind(_ node: PathNode, _ inode: Inode) {
        let isRemembered = node.mount.fileSystem!.cachesNames
        let given: [PathNode] = locked { table in
            node.inode = inode
            if isRemembered, !node.isCached, !node.parent!.isDeleted { table.insert(node) }
            return table.count > limit ? table.collectOld(buckets: 64) : []
        }
        _ = given  // Released here, outside the lock.
    }

    /// Forgets all names of an inode that went away by itself, such as the node of a device.
    public static func forget(_ inode: Inode) {
        let dropped: [PathNode] = locked { table in
            let nodes = table.all { $0.inode === inode }
            for node in nodes {
                table.remove(node)
                node.isDeleted = true
            }
            return nodes
        }
        _ = dropped
    }

    /// Forgets a name that was removed. Its users keep the node.
    static func remove(_ node: PathNode) {
        locked { table in
            table.remove(node)
            node.isDeleted = true
        }
        if node.inode?.kind == .directory { purge { $0.parent === node } }
    }

    /// Moves a node to another folder and name, over what was there.
    static func move(_ node: PathNode, to parent: PathNode, _ name: [UInt8], over target: PathNode?) {
        let hash = hash(name)
        let dropped: PathNode? = locked { table in
            if let target {
                table.remove(target)
                if target.inode != nil { target.isDeleted = true }
            }
            let wasCached = node.isCached
            table.remove(node)
            let oldParent = node.parent
            node.parent = parent
            node.name = name
            node.hash = hash
            if wasCached { table.insert(node) }
            return oldParent
        }
        _ = dropped
        if let target, target.inode?.kind == .directory { purge { $0.parent === target } }
    }

    /// Exchanges two nodes' places.
    static func exchange(_ a: PathNode, _ b: PathNode) {
        locked { table in
            let (wasA, wasB) = (a.isCached, b.isCached)
            table.remove(a)
            table.remove(b)
            swap(&a.parent, &b.parent)
            swap(&a.name, &b.name)
            swap(&a.hash, &b.hash)
            if wasA { table.insert(a) }
            if wasB { table.insert(b) }
        }
    }

    /// Forgets nodes that nobody uses.
    /// - Parameter matching: which ones; called under the lock.
    /// - Complexity: O(table); for unmounting and removed folders.
    static func purge(_ matching: (PathNode) -> Bool) {
        // Dropping a leaf may make its parent a leaf: repeat until a pass finds nothing.
        while true {
            let dropped = locked { $0.collectUnused(matching) }
            if dropped.isEmpty { return }
        }
    }

    /// Gives up to about `count` names back when memory is short.
    public static func shrink(_ count: Int) {
        var left = count
        for _ in 0..<64 where left > 0 {
            let dropped = locked { $0.collectOld(buckets: 128) }
            left -= dropped.count
        }
    }
}

extension NameCache.Table {
    @inline(__always)
    private func bucket(_ parent: PathNode, _ hash: UInt32) -> Int {
        // Objects are 16-byte aligned: the low bits of their addresses say nothing.
        let address = UInt(bitPattern: Unmanaged.passUnretained(parent).toOpaque())
        let mixed = hash ^ UInt32(truncatingIfNeeded: address >> 4) ^ (hash >> 15)
        return Int(mixed & UInt32(Self.bucketCount - 1))
    }

    /// - Complexity: O(1) expected.
    @inline(__always)
    func find(_ parent: PathNode, _ hash: UInt32, _ name: UnsafeRawBufferPointer) -> PathNode? {
        var cursor = buckets[bucket(parent, hash)]
        while let candidate = cursor {
            // SAFETY: nodes in a bucket are kept alive by the cache, whose lock is held.
            let (matches, next) = candidate._withUnsafeGuaranteedRef { node -> (Bool, Unmanaged<PathNode>?) in
                let matches =
                    node.hash == hash && node.parent === parent && node.name.count == name.count
                    && node.name.withUnsafeBytes { own in equalBytes(own, name) }
                return (matches, node.nextInBucket.map { Unmanaged.passUnretained($0) })
            }
            if matches {
                let node = candidate.takeUnretainedValue()
                node.isReferenced = true
                return node
            }
            cursor = next
        }
        return nil
    }

    mutating func insert(_ node: PathNode) {
        let index = bucket(node.parent!, node.hash)
        node.nextInBucket = buckets[index]?.takeUnretainedValue()
        buckets[index] = Unmanaged.passRetained(node)
        node.isCached = true
        node.isReferenced = true
        node.parent!.cachedChildCount += 1
        count += 1
    }

    /// Takes a node out, if it is in. The caller holds a reference of its own, so nothing is released for good here.
    mutating func remove(_ node: PathNode) {
        guard node.isCached else { return }
        let index = bucket(node.parent!, node.hash)
        unlink(node, bucket: index)
        Unmanaged.passUnretained(node).release()
    }

    private mutating func unlink(_ node: PathNode, bucket index: Int) {
        if buckets[index]?.toOpaque() == Unmanaged.passUnretained(node).toOpaque() {
            buckets[index] = node.nextInBucket.map { Unmanaged.passUnretained($0) }
        } else {
            var previous = buckets[index]?.takeUnretainedValue()
            while let candidate = previous, candidate.nextInBucket !== node { previous = candidate.nextInBucket }
            previous?.nextInBucket = node.nextInBucket
        }
        node.nextInBucket = nil
        node.isCached = false
        node.parent!.cachedChildCount -= 1
        count -= 1
    }

    /// Takes out unused nodes that were not looked up since the last pass; the caller releases them outside the lock.
    mutating func collectOld(buckets limit: Int) -> [PathNode] {
        var given: [PathNode] = []
        for _ in 0..<limit {
            collect(bucket: hand, into: &given) { node in
                if node.isReferenced {
                    node.isReferenced = false
                    return false
                }
                return true
            }
            hand = (hand + 1) % Self.bucketCount
        }
        return given
    }

    /// Takes out all unused nodes that match.
    mutating func collectUnused(_ matching: (PathNode) -> Bool) -> [PathNode] {
        var given: [PathNode] = []
        for index in 0..<Self.bucketCount { collect(bucket: index, into: &given, matching) }
        return given
    }

    /// All nodes that match.
    func all(_ matching: (PathNode) -> Bool) -> [PathNode] {
        var found: [PathNode] = []
        for index in 0..<Self.bucketCount {
            var cursor = buckets[index]?.takeUnretainedValue()
            while let node = cursor {
                if matching(node) { found.append(node) }
                cursor = node.nextInBucket
            }
        }
        return found
    }

    private mutating func collect(bucket index: Int, into given: inout [PathNode], _ matching: (PathNode) -> Bool) {
        var cursor = buckets[index]
        while let candidate = cursor {
            // Takes over the cache's reference: if the node is then unique, nobody else uses it.
            var node: PathNode = candidate.takeRetainedValue()
            cursor = node.nextInBucket.map { Unmanaged.passUnretained($0) }
            if node.cachedChildCount == 0, node.covering == nil, matching(node), isKnownUniquelyReferenced(&node) {
                unlink(node, bucket: index)
                given.append(node)
            } else {
                _ = Unmanaged.passRetained(node)
            }
        }
    }
}

/// Whether two byte ranges of equal length hold the same bytes.
@inline(__always)
func equalBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    let count = a.count
    while index &+ 8 <= count {
        if a.loadUnaligned(fromByteOffset: index, as: UInt64.self) != b.loadUnaligned(fromByteOffset: index, as: UInt64.self) {
            return false
        }
        index &+= 8
    }
    while index < count {
        if a[index] != b[index] { return false }
        index &+= 1
    }
    return true
}
