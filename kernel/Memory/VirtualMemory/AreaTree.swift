/// The areas of an address space: an AVL tree by address, augmented with the largest gap below each node, so that finding an
/// area and finding room both take O(log n). The areas are also linked in order.
struct AreaTree: ~Copyable {
    private(set) var root: AreaPointer?
    private(set) var first: AreaPointer?
    private(set) var last: AreaPointer?
    private(set) var count = 0
    /// What the last search for a gap has shown: below `high` no gap of `byteCount` or more ends above `ceiling`. No length: nothing.
    private var known: (byteCount: UInt64, high: UInt64, ceiling: UInt64) = (0, 0, 0)

    init() {}

    // MARK: Looking up

    /// The first area that ends above `address`: the one that contains it, or the next one.
    @inline(__always)
    func find(_ address: UInt64) -> AreaPointer? {
        var node = root
        var best: AreaPointer?
        while let current = node {
            if current.pointee.end > address {
                best = current
                if current.pointee.start <= address { return current }
                node = current.pointee.left
            } else {
                node = current.pointee.right
            }
        }
        return best
    }

    /// The area that contains `address`.
    func area(at address: UInt64) -> AreaPointer? {
        guard let area = find(address), area.pointee.start <= address else { return nil }
        return area
    }

    /// Whether nothing is mapped in `[start, end)`.
    func isFree(_ start: UInt64, _ end: UInt64) -> Bool {
        guard let area = find(start) else { return true }
        return area.pointee.start >= end
    }

    /// The highest address in `[low, high)` at which `byteCount` bytes are free.
    /// - Complexity: O(log n). Programs map one area below the other: then one look below the last place is enough.
    mutating func highestGap(byteCount: UInt64, low: UInt64, high: UInt64) -> UInt64? {
        guard byteCount > 0, high >= low, high - low >= byteCount else { return nil }
        let lastEnd = max(last?.pointee.end ?? 0, low)
        if lastEnd <= high, high - lastEnd >= byteCount { return high - byteCount }
        let found: UInt64?
        if known.byteCount != 0, byteCount >= known.byteCount, high == known.high, low < known.ceiling {
            found = highestGapBelowKnown(byteCount, low)
        } else {
            found = Self.highestGap(root, byteCount, low, high)
        }
        if let found { known = (byteCount, high, found + byteCount) }
        return found
    }

    /// The same, with no need to look above what is known.
    private func highestGapBelowKnown(_ byteCount: UInt64, _ low: UInt64) -> UInt64? {
        // What was mapped there, or the first area above: the gap is often just before it.
        if let area = find(known.ceiling - 1) {
            let start = max(area.pointee.previous?.pointee.end ?? 0, low), end = min(area.pointee.gapEnd, known.ceiling)
            if end > start, end - start >= byteCount { return end - byteCount }
        }
        guard known.ceiling - low >= byteCount else { return nil }
        return Self.highestGap(root, byteCount, low, known.ceiling)
    }

    /// A gap that ends at `end` is or may be larger than before.
    @inline(__always)
    private mutating func gapGrew(before area: AreaPointer?) {
        if known.byteCount != 0, area.map({ $0.pointee.gapEnd > known.ceiling }) ?? true { known.byteCount = 0 }
    }

    private static func highestGap(_ start: AreaPointer?, _ byteCount: UInt64, _ low: UInt64, _ high: UInt64) -> UInt64? {
        guard let node = start, node.pointee.largestGap >= byteCount else { return nil }
        // Gaps on the right begin at this node's end or later.
        if node.pointee.end <= high - byteCount, let right = node.pointee.right, right.pointee.largestGap >= byteCount,
            let found = highestGap(right, byteCount, low, high)
        {
            return found
        }
        let gapStart = max(node.pointee.previous?.pointee.end ?? 0, low)
        let gapEnd = min(node.pointee.gapEnd, high)
        if gapEnd > gapStart, gapEnd - gapStart >= byteCount { return gapEnd - byteCount }
        // Gaps on the left end below this node's start.
        if node.pointee.start < low { return nil }
        return highestGap(node.pointee.left, byteCount, low, high)
    }

    // MARK: Changing

    /// Enters an area that overlaps no other.
    mutating func insert(_ area: AreaPointer) {
        area.pointee.left = nil
        area.pointee.right = nil
        area.pointee.height = 1
        count += 1
        var parent: AreaPointer?
        var isLeft = false
        var node = root
        while let current = node {
            parent = current
            isLeft = area.pointee.start < current.pointee.start
            node = isLeft ? current.pointee.left : current.pointee.right
        }
        area.pointee.parent = parent
        let previous = isLeft ? parent?.pointee.previous : parent
        let next = isLeft ? parent : parent?.pointee.next
        area.pointee.previous = previous
        area.pointee.next = next
        if let previous { previous.pointee.next = area } else { first = area }
        if let next {
            next.pointee.previous = area
        } else {
            // What was the open end is a gap now, of which nothing is known.
            last = area
            known.byteCount = 0
        }
        // An area in the guard of a stack takes the stack's place as what bounds the gap.
        gapGrew(before: area)
        if let parent {
            if isLeft { parent.pointee.left = area } else { parent.pointee.right = area }
        } else {
            root = area
        }
        area.pointee.largestGap = area.pointee.gapBefore
        if let parent { rebalance(from: parent) }
        if let next { gapChanged(next) }
    }

    /// Adds an area behind all others, to the list only: `balance` makes the tree. For copying a whole address space.
    mutating func append(_ area: AreaPointer) {
        area.pointee.previous = last
        area.pointee.next = nil
        if let last { last.pointee.next = area } else { first = area }
        last = area
        count += 1
    }

    /// Makes the tree anew from the list.
    /// - Complexity: O(count).
    mutating func balance() {
        var next = first
        root = Self.takeTree(&next, count)
        root?.pointee.parent = nil
    }

    /// A balanced tree of the next areas of a list.
    private static func takeTree(_ next: inout AreaPointer?, _ count: Int) -> AreaPointer? {
        if count == 0 { return nil }
        let left = takeTree(&next, count >> 1)
        guard let node = next else { return left }
        next = node.pointee.next
        let right = takeTree(&next, count - 1 - count >> 1)
        node.pointee.left = left
        node.pointee.right = right
        left?.pointee.parent = node
        right?.pointee.parent = node
        update(node)
        return node
    }

    /// Takes an area out; it is not freed.
    mutating func remove(_ area: AreaPointer) {
        count -= 1
        let previous = area.pointee.previous, next = area.pointee.next
        gapGrew(before: next)
        if let previous { previous.pointee.next = next } else { first = next }
        if let next { next.pointee.previous = previous } else { last = previous }

        let lowest: AreaPointer?
        if area.pointee.left != nil, area.pointee.right != nil, let successor = next {
            // The successor, leftmost on the right, has no left child: it takes the area's place.
            lowest = successor.pointee.parent == area ? successor : successor.pointee.parent
            if successor.pointee.parent != area {
                replaceChild(of: successor.pointee.parent, successor, with: successor.pointee.right)
                successor.pointee.right = area.pointee.right
                area.pointee.right?.pointee.parent = successor
            }
            successor.pointee.left = area.pointee.left
            area.pointee.left?.pointee.parent = successor
            replaceChild(of: area.pointee.parent, area, with: successor)
            // What the ancestors know about this place; it is corrected on the way up and by `gapChanged`.
            successor.pointee.height = area.pointee.height
            successor.pointee.largestGap = area.pointee.largestGap
        } else {
            lowest = area.pointee.parent
            replaceChild(of: area.pointee.parent, area, with: area.pointee.left ?? area.pointee.right)
        }
        if let lowest { rebalance(from: lowest) }
        if let next { gapChanged(next) }
    }

    /// The gap before `area` is another one: its start, or the end of the area before it, was changed.
    mutating func gapChanged(_ area: AreaPointer) {
        gapGrew(before: area)
        var node: AreaPointer? = area
        while let current = node {
            let gap = Self.largestGap(current)
            if gap == current.pointee.largestGap { return }
            current.pointee.largestGap = gap
            node = current.pointee.parent
        }
    }

    // MARK: Balance

    private static func height(_ node: AreaPointer?) -> Int32 { node?.pointee.height ?? 0 }

    private static func largestGap(_ node: AreaPointer) -> UInt64 {
        max(node.pointee.gapBefore, node.pointee.left?.pointee.largestGap ?? 0, node.pointee.right?.pointee.largestGap ?? 0)
    }

    private static func update(_ node: AreaPointer) {
        node.pointee.height = max(height(node.pointee.left), height(node.pointee.right)) + 1
        node.pointee.largestGap = largestGap(node)
    }

    private mutating func replaceChild(of parent: AreaPointer?, _ old: AreaPointer, with new: AreaPointer?) {
        if let parent {
            if parent.pointee.left == old { parent.pointee.left = new } else { parent.pointee.right = new }
        } else {
            root = new
        }
        new?.pointee.parent = parent
    }

    /// Restores heights, gaps and balance from `node` up to the root.
    private mutating func rebalance(from start: AreaPointer) {
        var node: AreaPointer? = start
        while let current = node {
            let oldHeight = current.pointee.height, oldGap = current.pointee.largestGap
            Self.update(current)
            let balance = Self.height(current.pointee.left) - Self.height(current.pointee.right)
            var top = current
            if balance > 1, let left = current.pointee.left {
                if Self.height(left.pointee.left) < Self.height(left.pointee.right) { _ = rotateLeft(left) }
                top = rotateRight(current)
            } else if balance < -1, let right = current.pointee.right {
                if Self.height(right.pointee.right) < Self.height(right.pointee.left) { _ = rotateRight(right) }
                top = rotateLeft(current)
            } else if current.pointee.height == oldHeight, current.pointee.largestGap == oldGap, current != start {
                return
            }
            node = top.pointee.parent
        }
    }

    private mutating func rotateLeft(_ node: AreaPointer) -> AreaPointer {
        guard let top = node.pointee.right else { return node }
        replaceChild(of: node.pointee.parent, node, with: top)
        node.pointee.right = top.pointee.left
        top.pointee.left?.pointee.parent = node
        top.pointee.left = node
        node.pointee.parent = top
        Self.update(node)
        Self.update(top)
        return top
    }

    private mutating func rotateRight(_ node: AreaPointer) -> AreaPointer {
        guard let top = node.pointee.left else { return node }
        replaceChild(of: node.pointee.parent, node, with: top)
        node.pointee.left = top.pointee.right
        top.pointee.right?.pointee.parent = node
        top.pointee.right = node
        node.pointee.parent = top
        Self.update(node)
        Self.update(top)
        return top
    }

    /// Forgets every area without touching them: the caller frees them.
    mutating func forgetAll() {
        root = nil
        first = nil
        last = nil
        count = 0
    }
}
