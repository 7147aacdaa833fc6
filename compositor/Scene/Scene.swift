// The screen: what must be repainted, in which order, and what lies under a point.

import Gfx

/// The root of a tree of nodes, with the damage that has gathered since the last frame.
public final class Scene {
    /// A node as the paint order sees it, in screen coordinates.
    struct Entry {
        let node: SceneNode
        let origin: Point
        let bounds: Rect
        let opaque: Region
    }

    public let root = SceneNode()
    public private(set) var bounds: Rect
    public private(set) var damage = Region()
    var orderIsStale = true
    /// Whether what lies under a point may be something else than at the last `takeHitChange`.
    var hitsMayDiffer = true
    private var order: [Entry] = []

    /// Damage of one frame is at most this many rectangles: more of them cost more than the pixels between them.
    public static var damageLimit: Int { 24 }

    public init(size: Size) {
        bounds = Rect(size: size)
        root.scene = self
        damage = Region(bounds)
    }

    deinit { root.scene = nil }

    // MARK: Damage

    /// Adds damage of a node, in screen coordinates; what opaque nodes above it hide needs no repaint.
    func invalidate(_ region: Region, of node: SceneNode) {
        var visible = region.intersection(bounds)
        guard !visible.isEmpty else { return }
        for entry in paintOrder.reversed() {
            if isSame(entry.node, orInside: node) { break }
            if !entry.opaque.isEmpty, entry.bounds.intersects(visible.bounds) {
                visible.subtract(entry.opaque)
                if visible.isEmpty { return }
            }
        }
        damage.formUnion(visible)
    }

    private func isSame(_ node: SceneNode, orInside ancestor: SceneNode) -> Bool {
        var next: SceneNode? = node
        while let current = next {
            if current === ancestor { return true }
            next = current.parent
        }
        return false
    }

    /// Takes the damage for a frame that is about to be painted.
    public func takeDamage() -> Region {
        var taken = damage
        taken.simplify(limit: Scene.damageLimit)
        damage = Region()
        return taken
    }

    public func invalidateEverything() { damage = Region(bounds) }

    // MARK: Painting

    /// Paints a part of the scene; pixels that an opaque node hides are not drawn.
    public func paint(_ region: Region, into target: PixelBuffer) {
        var remaining = region.intersection(bounds)
        var plan: [(entry: Entry, part: Region)] = []
        for entry in paintOrder.reversed() {
            if remaining.isEmpty { break }
            guard entry.node.drawable != nil, entry.bounds.intersects(remaining.bounds) else { continue }
            let part = remaining.intersection(entry.bounds)
            guard !part.isEmpty else { continue }
            plan.append((entry, part))
            remaining.subtract(entry.opaque)
        }
        for step in plan.reversed() {
            guard let drawable = step.entry.node.drawable else { continue }
            for rect in step.part.rects { drawable.draw(into: target.clipped(to: rect), at: step.entry.origin) }
        }
    }

    // MARK: Hit test

    /// Whether the answers of hit tests may have changed since the last call.
    public func takeHitChange() -> Bool {
        let changed = hitsMayDiffer
        hitsMayDiffer = false
        return changed
    }

    /// The uppermost node with a target under a point, and the node.
    public func hitTest(_ point: Point) -> (target: PointerTarget, node: SceneNode)? {
        for entry in paintOrder.reversed() where entry.bounds.contains(point) {
            guard let target = entry.node.target else { continue }
            switch entry.node.input {
            case .none: continue
            case .everywhere: return (target, entry.node)
            case .region(let region):
                if region.contains(point - entry.origin) { return (target, entry.node) }
            }
        }
        return nil
    }

    // MARK: Order

    private var paintOrder: [Entry] {
        if orderIsStale {
            order.removeAll(keepingCapacity: true)
            append(root, at: root.position)
            orderIsStale = false
        }
        return order
    }

    private func append(_ node: SceneNode, at origin: Point) {
        guard node.isVisible else { return }
        if !node.size.isEmpty {
            let bounds = node.bounds.translated(by: origin)
            order.append(
                Entry(
                    node: node, origin: origin, bounds: bounds,
                    opaque: node.drawable == nil ? Region() : node.opaque.intersection(node.bounds).translated(by: origin)))
        }
        for child in node.children { append(child, at: origin + child.position) }
    }
}
