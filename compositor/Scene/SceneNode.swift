// The tree of everything that is on the screen: wallpaper, panel, shadows, frames, client surfaces, the cursor.

import Gfx

/// Draws the pixels of a node.
public protocol Drawable: AnyObject {
    /// Draws so that the node's top left corner lands on `origin`; only pixels inside the clip of `target` change.
    func draw(into target: PixelBuffer, at origin: Point)
}

/// Where a node takes part in hit tests.
public enum InputShape: Equatable {
    case none
    case everywhere
    /// Node coordinates.
    case region(Region)
}

/// A node draws itself first, then its children in order, so later children are nearer to the viewer.
///
/// Every change of a node that is in a scene damages what it changes on the screen.
public final class SceneNode {
    // SAFETY: a parent clears this reference of all its children before it goes away.
    public private(set) unowned(unsafe) var parent: SceneNode?
    // SAFETY: set on the root by its scene, which clears it in its deinit.
    unowned(unsafe) var scene: Scene?

    public private(set) var children: [SceneNode] = []
    public private(set) var position = Point.zero
    public private(set) var size: Size
    public private(set) var isVisible = true
    /// Which part of the node hides everything below it, in node coordinates.
    public private(set) var opaque = Region()

    public var drawable: (any Drawable)?
    public var input = InputShape.none {
        didSet { if input != oldValue { attachedScene?.hitsMayDiffer = true } }
    }
    public var target: PointerTarget?

    public init(size: Size = .zero) { self.size = size }

    deinit { for child in children { child.parent = nil } }

    // MARK: Geometry

    /// The node's own rectangle, in its own coordinates.
    public var bounds: Rect { Rect(size: size) }

    /// The position of the node's corner on the screen.
    public var globalPosition: Point {
        var result = position
        var next = parent
        while let node = next {
            result = result + node.position
            next = node.parent
        }
        return result
    }

    public func setPosition(_ newValue: Point) {
        guard newValue != position else { return }
        invalidateTree()
        position = newValue
        changed()
        invalidateTree()
    }

    public func setSize(_ newValue: Size) {
        guard newValue != size else { return }
        invalidate()
        size = newValue
        changed()
        invalidate()
    }

    public func setVisible(_ newValue: Bool) {
        guard newValue != isVisible else { return }
        if !newValue { invalidateTree() }
        isVisible = newValue
        changed()
        if newValue { invalidateTree() }
    }

    /// Declares the opaque part. What the node draws must already agree with it.
    public func setOpaque(_ newValue: Region) {
        guard newValue != opaque else { return }
        opaque = newValue
        changed()
    }

    // MARK: Tree

    /// Adds a child nearest to the viewer, or directly below `sibling`; a child of another node moves here.
    public func add(_ child: SceneNode, below sibling: SceneNode? = nil) {
        child.removeFromParent()
        let index = sibling.flatMap { sibling in children.firstIndex { $0 === sibling } } ?? children.count
        children.insert(child, at: index)
        child.parent = self
        changed()
        child.invalidateTree()
    }

    public func removeFromParent() {
        guard let parent else { return }
        invalidateTree()
        parent.children.removeAll { $0 === self }
        parent.changed()
        self.parent = nil
    }

    /// Moves a child to the front; nothing happens when it is there already.
    public func raise(_ child: SceneNode) {
        guard children.last !== child, let index = children.firstIndex(where: { $0 === child }) else { return }
        children.remove(at: index)
        children.append(child)
        changed()
        child.invalidateTree()
    }

    /// Puts the children into a new order; nodes that were children and are not listed are removed.
    public func setChildren(_ newChildren: [SceneNode]) {
        guard newChildren.count != children.count || !zip(newChildren, children).allSatisfy({ $0 === $1 }) else { return }
        for child in children { child.invalidateTree() }
        for child in children where child.parent === self { child.parent = nil }
        for child in newChildren {
            if let other = child.parent, other !== self { child.removeFromParent() }
            child.parent = self
        }
        children = newChildren
        changed()
        for child in children { child.invalidateTree() }
    }

    // MARK: Damage

    /// Damages the whole node, without its children.
    public func invalidate() { invalidate(Region(bounds)) }

    /// Damages a part of the node, in its own coordinates.
    public func invalidate(_ part: Region) {
        guard !part.isEmpty, let scene = attachedScene else { return }
        scene.invalidate(part.intersection(bounds).translated(by: globalPosition), of: self)
    }

    /// Damages the node and everything below it in the tree, as far as it draws anything.
    public func invalidateTree() {
        guard let scene = attachedScene else { return }
        var everything = Region()
        collectBounds(globalPosition, into: &everything)
        scene.invalidate(everything, of: self)
    }

    private func collectBounds(_ origin: Point, into region: inout Region) {
        guard isVisible else { return }
        if drawable != nil { region.formUnion(bounds.translated(by: origin)) }
        for child in children { child.collectBounds(origin + child.position, into: &region) }
    }

    /// Whether the node is another one or above it in the tree.
    public func isAncestor(of other: SceneNode) -> Bool {
        var next: SceneNode? = other
        while let current = next {
            if current === self { return true }
            next = current.parent
        }
        return false
    }

    /// Whether the node and all its ancestors are visible in a scene.
    public var isOnScreen: Bool { attachedScene != nil }

    /// The scene, if the node and all its ancestors are visible in one.
    private var attachedScene: Scene? {
        var node = self
        while node.isVisible {
            guard let parent = node.parent else { return node.scene }
            node = parent
        }
        return nil
    }

    /// Tells the scene that its paint order must be computed again.
    private func changed() {
        var node = self
        while let parent = node.parent { node = parent }
        node.scene?.orderIsStale = true
        node.scene?.hitsMayDiffer = true
    }
}
