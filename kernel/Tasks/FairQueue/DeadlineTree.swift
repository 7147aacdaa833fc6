/// The waiting entities in the order of their virtual deadlines: an AVL tree through links in the entities. Each node knows the
/// least virtual runtime of its subtree, so that the first eligible entity is found on one way down.
///
/// Entities of equal deadlines keep the order in which they came.
///
/// SAFETY: every link points to an entity in the tree; `FairQueue` puts an entity in once, takes it out before its record
/// goes away or its times change, and is only used under its owner's lock.
struct DeadlineTree: ~Copyable {
    private(set) var root: FairReference?

    /// - Complexity: O(log n)
    mutating func insert(_ entity: FairReference) {
        entity.pointee.left = nil
        entity.pointee.right = nil
        guard root != nil else {
            // The usual case on a processor that is not crowded.
            entity.pointee.parent = nil
            entity.pointee.height = 1
            entity.pointee.leastRuntime = entity.pointee.virtualRuntime
            root = entity
            return
        }
        var parent: FairReference?
        var isLeft = false
        var next = root
        while let node = next {
            parent = node
            isLeft = isBefore(entity.pointee.virtualDeadline, node.pointee.virtualDeadline)
            next = isLeft ? node.pointee.left : node.pointee.right
        }
        entity.pointee.parent = parent
        if let parent {
            if isLeft { parent.pointee.left = entity } else { parent.pointee.right = entity }
        } else {
            root = entity
        }
        restore(from: entity)
    }

    /// - Complexity: O(log n)
    mutating func remove(_ entity: FairReference) {
        if root == entity, entity.pointee.height == 1 {
            root = nil
            return
        }
        let lowestChanged: FairReference?
        if let left = entity.pointee.left, let right = entity.pointee.right {
            // The next one in order takes its place.
            var heir = right
            while let next = heir.pointee.left { heir = next }
            if heir == right {
                lowestChanged = heir
            } else {
                lowestChanged = heir.pointee.parent
                replace(heir, by: heir.pointee.right)
                heir.pointee.right = right
                right.pointee.parent = heir
            }
            heir.pointee.left = left
            left.pointee.parent = heir
            replace(entity, by: heir)
        } else {
            lowestChanged = entity.pointee.parent
            replace(entity, by: entity.pointee.left ?? entity.pointee.right)
        }
        entity.pointee.parent = nil
        entity.pointee.left = nil
        entity.pointee.right = nil
        restore(from: lowestChanged)
    }

    /// The last entity in order that fulfils a condition.
    /// - Complexity: O(n)
    func last(where condition: (FairReference) -> Bool) -> FairReference? {
        var node = root
        while let right = node?.pointee.right { node = right }
        while let entity = node {
            if condition(entity) { return entity }
            node = Self.previous(entity)
        }
        return nil
    }

    /// The entity before another one in order.
    private static func previous(_ entity: FairReference) -> FairReference? {
        if var node = entity.pointee.left {
            while let right = node.pointee.right { node = right }
            return node
        }
        var child = entity
        while let parent = child.pointee.parent {
            if parent.pointee.right == child { return parent }
            child = parent
        }
        return nil
    }

    /// The entity with the earliest deadline among those whose virtual runtime has not passed `virtualTime`.
    /// - Complexity: O(log n)
    func firstEligible(at virtualTime: UInt64) -> FairReference? {
        guard var node = root, !isBefore(virtualTime, node.pointee.leastRuntime) else { return nil }
        // Some entity at or below `node` is eligible, always.
        while true {
            if let left = node.pointee.left, !isBefore(virtualTime, left.pointee.leastRuntime) {
                node = left
            } else if !isBefore(virtualTime, node.pointee.virtualRuntime) {
                return node
            } else if let right = node.pointee.right {
                node = right
            } else {
                return nil
            }
        }
    }

    // MARK: Balance

    /// Brings heights, least runtimes and balance in order from `start` up to the root.
    private mutating func restore(from start: FairReference?) {
        var next = start
        while let node = next { next = balance(node).pointee.parent }
    }

    /// - Returns: the root of the subtree that `node` was the root of.
    private mutating func balance(_ node: FairReference) -> FairReference {
        let slant = Self.height(node.pointee.left) - Self.height(node.pointee.right)
        if slant > 1, let left = node.pointee.left {
            if Self.height(left.pointee.left) < Self.height(left.pointee.right) { _ = rotateLeft(left) }
            return rotateRight(node)
        }
        if slant < -1, let right = node.pointee.right {
            if Self.height(right.pointee.right) < Self.height(right.pointee.left) { _ = rotateRight(right) }
            return rotateLeft(node)
        }
        Self.refresh(node)
        return node
    }

    private mutating func rotateLeft(_ node: FairReference) -> FairReference {
        guard let up = node.pointee.right else { return node }
        replace(node, by: up)
        node.pointee.right = up.pointee.left
        up.pointee.left?.pointee.parent = node
        up.pointee.left = node
        node.pointee.parent = up
        Self.refresh(node)
        Self.refresh(up)
        return up
    }

    private mutating func rotateRight(_ node: FairReference) -> FairReference {
        guard let up = node.pointee.left else { return node }
        replace(node, by: up)
        node.pointee.left = up.pointee.right
        up.pointee.right?.pointee.parent = node
        up.pointee.right = node
        node.pointee.parent = up
        Self.refresh(node)
        Self.refresh(up)
        return up
    }

    /// Hangs `new` where `old` hangs.
    private mutating func replace(_ old: FairReference, by new: FairReference?) {
        let parent = old.pointee.parent
        if let parent {
            if parent.pointee.left == old { parent.pointee.left = new } else { parent.pointee.right = new }
        } else {
            root = new
        }
        new?.pointee.parent = parent
    }

    private static func height(_ node: FairReference?) -> Int { node.map { Int($0.pointee.height) } ?? 0 }

    /// Computes what a node knows of its subtree from its children.
    private static func refresh(_ node: FairReference) {
        node.pointee.height = UInt8(1 + max(height(node.pointee.left), height(node.pointee.right)))
        var least = node.pointee.virtualRuntime
        if let left = node.pointee.left, isBefore(left.pointee.leastRuntime, least) { least = left.pointee.leastRuntime }
        if let right = node.pointee.right, isBefore(right.pointee.leastRuntime, least) { least = right.pointee.leastRuntime }
        node.pointee.leastRuntime = least
    }
}

// MARK: Checking

extension DeadlineTree {
    /// Looks at every node. For tests: it is recursive.
    /// - Returns: how many entities there are, and what is wrong, if anything.
    func check() -> (count: Int, fault: StaticString?) {
        if let root, root.pointee.parent != nil { return (0, "the root has a parent") }
        return Self.check(root)
    }

    private static func check(_ node: FairReference?) -> (count: Int, fault: StaticString?) {
        guard let node else { return (0, nil) }
        let left = check(node.pointee.left)
        let right = check(node.pointee.right)
        let count = left.count + right.count + 1
        if let fault = left.fault ?? right.fault { return (count, fault) }
        var least = node.pointee.virtualRuntime
        if let child = node.pointee.left {
            if child.pointee.parent != node { return (count, "a left child has another parent") }
            if isBefore(node.pointee.virtualDeadline, last(child).pointee.virtualDeadline) { return (count, "the left is later") }
            if isBefore(child.pointee.leastRuntime, least) { least = child.pointee.leastRuntime }
        }
        if let child = node.pointee.right {
            if child.pointee.parent != node { return (count, "a right child has another parent") }
            if isBefore(first(child).pointee.virtualDeadline, node.pointee.virtualDeadline) {
                return (count, "the right is earlier")
            }
            if isBefore(child.pointee.leastRuntime, least) { least = child.pointee.leastRuntime }
        }
        let (l, r) = (height(node.pointee.left), height(node.pointee.right))
        if abs(l - r) > 1 { return (count, "out of balance") }
        if Int(node.pointee.height) != max(l, r) + 1 { return (count, "wrong height") }
        if node.pointee.leastRuntime != least { return (count, "wrong least runtime") }
        return (count, nil)
    }

    private static func first(_ node: FairReference) -> FairReference {
        var node = node
        while let next = node.pointee.left { node = next }
        return node
    }

    private static func last(_ node: FairReference) -> FairReference {
        var node = node
        while let next = node.pointee.right { node = next }
        return node
    }
}
