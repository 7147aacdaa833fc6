import Frames
import Support
import Synchronization

/// The pages of a file by index: a radix tree of 64-way nodes that is only as high as the largest index needs.
///
/// An entry is a frame's address (leaf) or a node's (inside), both aligned to at least 16; bit 0 says "dirty": of the page, or
/// of some page below.
struct PageTree: ~Copyable {
    typealias Node = UnsafeMutablePointer<UInt64>
    static let fanoutShift: UInt64 = 6
    static let fanout = 64
    static let dirty: UInt64 = 1
    /// Levels that can exist: more would not fit an index of 52 bits.
    static let maximumHeight = 8

    private var root: UInt64 = 0
    /// 0: the root entry is page 0 itself.
    private var height: UInt64 = 0
    /// Where the next search for pages to drop begins.
    private var hand: UInt64 = 0
    private(set) var count = 0 {
        didSet { Self.totalPages.wrappingAdd(count - oldValue, ordering: .relaxed) }
    }

    /// Pages in all trees together, for reports.
    private static let totalPages = Atomic<Int>(0)
    static var allPages: Int { totalPages.load(ordering: .relaxed) }

    /// Changed pages in all trees together.
    private static let totalDirty = Atomic<Int>(0)
    static var allDirty: Int { max(0, totalDirty.load(ordering: .relaxed)) }

    /// Counts a page that leaves its tree, or is made clean.
    @inline(__always)
    private static func uncountDirty(_ entry: UInt64) {
        if entry & dirty != 0 { totalDirty.wrappingSubtract(1, ordering: .relaxed) }
    }

    init() {}

    /// One past the largest index that fits at the current height.
    private var capacity: UInt64 { 1 << (Self.fanoutShift * height) }

    private static func node(_ entry: UInt64) -> Node {
        // SAFETY: inside entries hold the addresses of nodes made by `makeNode` and not yet freed.
        Node(bitPattern: UInt(entry & ~15)).unsafelyUnwrapped
    }

    private static func makeNode() -> Node {
        let node = Node.allocate(capacity: fanout)
        node.initialize(repeating: 0, count: fanout)
        return node
    }

    /// The entry of a page: 0 when it is not there.
    /// - Complexity: O(height).
    @inline(__always)
    func entry(_ index: UInt64) -> UInt64 {
        if index >= capacity { return 0 }
        var entry = root
        var level = height
        while level > 0, entry != 0 {
            level -= 1
            entry = Self.node(entry)[Int(truncatingIfNeeded: (index >> (Self.fanoutShift * level)) & 63)]
        }
        return entry
    }

    /// Calls `body` with the entries of the pages from `first` on that there are, at most `limit` of them; whole nodes that are missing are
    /// left out.
    @inline(__always)
    func forEachResident(from first: UInt64, limit: Int, _ body: (Int, UInt64) -> Void) {
        var done = 0
        while done < limit {
            let index = first + UInt64(done)
            let inNode = Int(truncatingIfNeeded: index & 63)
            let count = min(limit - done, Self.fanout - inNode)
            if height == 0 {
                if index == 0, root != 0 { body(done, root) }
            } else if let leaf = leaf(of: index) {
                for offset in 0..<count where leaf[inNode + offset] != 0 { body(done + offset, leaf[inNode + offset]) }
            }
            done += count
        }
    }

    /// The lowest node on the way to a page.
    private func leaf(of index: UInt64) -> Node? {
        if index >= capacity { return nil }
        var entry = root
        var level = height
        while level > 1, entry != 0 {
            level -= 1
            entry = Self.node(entry)[Int(truncatingIfNeeded: (index >> (Self.fanoutShift * level)) & 63)]
        }
        return entry == 0 ? nil : Self.node(entry)
    }

    /// Enters a page that is not there yet.
    mutating func insert(_ index: UInt64, frame: PhysicalAddress) {
        while index >= capacity { raise() }
        count += 1
        if height == 0 {
            root = frame.rawValue
            return
        }
        if root == 0 { root = UInt64(UInt(bitPattern: Self.makeNode())) }
        var node = Self.node(root)
        var level = height - 1
        while level > 0 {
            let slot = node + Int(truncatingIfNeeded: (index >> (Self.fanoutShift * level)) & 63)
            if slot.pointee == 0 { slot.pointee = UInt64(UInt(bitPattern: Self.makeNode())) }
            node = Self.node(slot.pointee)
            level -= 1
        }
        node[Int(truncatingIfNeeded: index & 63)] = frame.rawValue
    }

    /// Adds a level at the top.
    private mutating func raise() {
        if root != 0 {
            let node = Self.makeNode()
            node[0] = root
            root = UInt64(UInt(bitPattern: node)) | (root & Self.dirty)
        }
        height += 1
    }

    /// Marks a page that is there as dirty, and the way to it.
    @inline(__always)
    mutating func markDirty(_ index: UInt64) {
        var previous = root
        root |= Self.dirty
        var entry = root
        var level = height
        while level > 0 {
            level -= 1
            let slot = Self.node(entry) + Int(truncatingIfNeeded: (index >> (Self.fanoutShift * level)) & 63)
            previous = slot.pointee
            entry = previous | Self.dirty
            slot.pointee = entry
        }
        if previous & Self.dirty == 0 { Self.totalDirty.wrappingAdd(1, ordering: .relaxed) }
    }

    /// Finds the first dirty page in `[first, end)`, makes it clean and returns it.
    mutating func takeDirty(from first: UInt64, to end: UInt64) -> (index: UInt64, frame: PhysicalAddress)? {
        var found: (index: UInt64, frame: PhysicalAddress)?
        root = Self.takeDirty(root, height, 0, first, end, &found)
        return found
    }

    /// Returns the entry as it is after the page was made clean.
    private static func takeDirty(
        _ entry: UInt64, _ level: UInt64, _ base: UInt64, _ first: UInt64, _ end: UInt64,
        _ found: inout (index: UInt64, frame: PhysicalAddress)?
    ) -> UInt64 {
        if entry & dirty == 0 { return entry }
        if level == 0 {
            guard base >= first, base < end else { return entry }
            found = (base, PhysicalAddress(entry & ~dirty))
            uncountDirty(entry)
            return entry & ~dirty
        }
        let node = node(entry)
        let span = UInt64(1) << (fanoutShift * (level - 1))
        var stillDirty = false
        for index in 0..<fanout where node[index] & dirty != 0 {
            let childBase = base + UInt64(index) * span
            if found == nil, childBase < end, childBase + span > first {
                node[index] = takeDirty(node[index], level - 1, childBase, first, end, &found)
            }
            if node[index] & dirty != 0 {
                stillDirty = true
                if found != nil { break }
            }
        }
        return stillDirty ? entry : entry & ~dirty
    }

    /// Takes every page from `first` on out of the tree and hands it to `body`.
    mutating func removeAll(from first: UInt64, _ body: (PhysicalAddress) -> Void) {
        root = Self.remove(root, height, 0, first, &count, body)
        if root == 0 { height = 0 }
    }

    /// Returns what is left of the entry.
    private static func remove(
        _ entry: UInt64, _ level: UInt64, _ base: UInt64, _ first: UInt64, _ count: inout Int, _ body: (PhysicalAddress) -> Void
    ) -> UInt64 {
        if entry == 0 { return 0 }
        if level == 0 {
            if base < first { return entry }
            count -= 1
            uncountDirty(entry)
            body(PhysicalAddress(entry & ~dirty))
            return 0
        }
        let node = node(entry)
        let span = UInt64(1) << (fanoutShift * (level - 1))
        var isEmpty = true
        for index in 0..<fanout where node[index] != 0 {
            let childBase = base + UInt64(index) * span
            if childBase + span > first { node[index] = remove(node[index], level - 1, childBase, first, &count, body) }
            if node[index] != 0 { isEmpty = false }
        }
        if !isEmpty { return entry }
        node.deallocate()
        return 0
    }

    /// Takes one page out if `condition` agrees.
    mutating func remove(_ index: UInt64) -> PhysicalAddress? {
        if index >= capacity { return nil }
        if height == 0 {
            let frame = root
            root = 0
            if frame == 0 { return nil }
            count -= 1
            Self.uncountDirty(frame)
            return PhysicalAddress(frame & ~Self.dirty)
        }
        var entry = root
        var level = height
        while level > 1, entry != 0 {
            level -= 1
            entry = Self.node(entry)[Int(truncatingIfNeeded: (index >> (Self.fanoutShift * level)) & 63)]
        }
        if entry == 0 { return nil }
        let slot = Self.node(entry) + Int(truncatingIfNeeded: index & 63)
        let frame = slot.pointee
        if frame == 0 { return nil }
        slot.pointee = 0
        count -= 1
        Self.uncountDirty(frame)
        return PhysicalAddress(frame & ~Self.dirty)
    }

    /// A search for pages to drop: what it may do and what came of it.
    struct Eviction {
        /// Pages still wanted.
        var wanted: Int
        /// Pages that may still be looked at.
        var budget = Int.max
        var looked = 0
        var freed = 0
        /// One past the page that was looked at last.
        var next: UInt64 = 0

        var isOver: Bool { wanted <= 0 || budget <= 0 }
    }

    /// Takes out clean pages that nobody else holds: neither mapped nor in use by a transfer. Each search goes on where the last one
    /// stopped, so that the same changed pages are not looked at again and again. Nodes that become empty go too: a file that is read
    /// once may be far larger than memory.
    mutating func evict(_ eviction: inout Eviction) {
        let start = hand
        evict(from: start, to: .max, &eviction)
        if !eviction.isOver, start > 0 { evict(from: 0, to: start, &eviction) }
        hand = eviction.isOver ? eviction.next : 0
        if root == 0 { height = 0 }
    }

    private mutating func evict(from first: UInt64, to end: UInt64, _ eviction: inout Eviction) {
        let before = eviction.freed
        root = Self.evict(root, height, 0, first, end, &eviction)
        count -= eviction.freed - before
    }

    /// Returns what is left of the entry.
    private static func evict(
        _ entry: UInt64, _ level: UInt64, _ base: UInt64, _ first: UInt64, _ end: UInt64, _ eviction: inout Eviction
    ) -> UInt64 {
        if entry == 0 { return 0 }
        if level == 0 {
            let frame = PhysicalAddress(entry & ~dirty)
            eviction.looked += 1
            eviction.budget -= 1
            eviction.next = base + 1
            if entry & dirty != 0 || FrameAllocator.referenceCount(frame) != 1 { return entry }
            FrameAllocator.release(frame)
            eviction.wanted -= 1
            eviction.freed += 1
            return 0
        }
        let node = node(entry)
        let shift = fanoutShift * (level - 1)
        var index = first > base ? Int(truncatingIfNeeded: min((first - base) >> shift, UInt64(fanout))) : 0
        var left: UInt64 = 0
        while index < fanout, !eviction.isOver {
            let childBase = base + UInt64(index) << shift
            if childBase >= end { break }
            node[index] = evict(node[index], level - 1, childBase, first, end, &eviction)
            left |= node[index]
            index += 1
        }
        if left != 0 { return entry }
        for index in 0..<fanout { left |= node[index] }
        if left != 0 { return entry }
        node.deallocate()
        return 0
    }

    /// Replaces the entry of each page by what `body` returns, which is not 0.
    mutating func changeEntries(_ body: (UInt64) -> UInt64) { root = Self.change(root, height, body) }

    private static func change(_ entry: UInt64, _ level: UInt64, _ body: (UInt64) -> UInt64) -> UInt64 {
        if entry == 0 { return 0 }
        if level == 0 { return body(entry) }
        let node = node(entry)
        for index in 0..<fanout where node[index] != 0 { node[index] = change(node[index], level - 1, body) }
        return entry
    }

    /// The pages in `[first, end)`, ascending.
    func forEach(from first: UInt64, to end: UInt64, _ body: (UInt64, UInt64) -> Void) {
        Self.visit(root, height, 0, first, end, body)
    }

    private static func visit(
        _ entry: UInt64, _ level: UInt64, _ base: UInt64, _ first: UInt64, _ end: UInt64, _ body: (UInt64, UInt64) -> Void
    ) {
        if entry == 0 { return }
        if level == 0 {
            if base >= first, base < end { body(base, entry) }
            return
        }
        let node = node(entry)
        let span = UInt64(1) << (fanoutShift * (level - 1))
        for index in 0..<fanout where node[index] != 0 {
            let childBase = base + UInt64(index) * span
            if childBase < end, childBase + span > first { visit(node[index], level - 1, childBase, first, end, body) }
        }
    }
}
