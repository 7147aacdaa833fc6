// Subsurfaces: surfaces that are parts of another one (wl_subcompositor).

import Gfx

/// One place in a surface's order, from the lowest to the uppermost.
enum StackEntry {
    /// The surface's own pixels.
    case own
    case child(Surface)

    func isChild(_ surface: Surface) -> Bool {
        if case .child(let child) = self { return child === surface }
        return false
    }
}

/// What a surface is while it belongs to another one.
public final class Subsurface {
    /// Nil when the parent was destroyed: the subsurface is then unmapped for good.
    public private(set) var parent: Surface?
    // SAFETY: `Surface.destroy` ends the role before the surface goes away.
    private unowned(unsafe) let surface: Surface
    /// Whether commits wait for the parent's.
    private var isSynchronised = true
    private var cached: SurfaceState?
    private var pendingPosition: Point?

    init(surface: Surface, parent: Surface) {
        self.surface = surface
        self.parent = parent
    }

    /// A subsurface of a synchronised one is synchronised, whatever its own mode.
    var isEffectivelySynchronised: Bool {
        var next: Subsurface? = self
        while let current = next {
            if current.isSynchronised { return true }
            next = current.parent?.subsurface
        }
        return false
    }

    /// Takes effect with the parent's next commit.
    public func setPosition(_ position: Point) { pendingPosition = position }

    public func setSynchronised() { isSynchronised = true }

    /// What waited becomes current, unless an ancestor still synchronises.
    public func setDesynchronised() {
        isSynchronised = false
        if !isEffectivelySynchronised, let state = cached {
            cached = nil
            surface.apply(state)
        }
    }

    /// Where in the order relative to `sibling` (the parent or one of its subsurfaces).
    public enum Placement: Sendable { case above, below }

    /// Changes the order with the parent's next commit; false if `sibling` is neither the parent nor a sibling.
    public func place(_ placement: Placement, _ sibling: Surface) -> Bool {
        guard let parent, sibling !== surface else { return false }
        var stack = parent.pendingStack ?? parent.stack
        stack.removeAll { $0.isChild(surface) }
        let index = stack.firstIndex { entry in
            if case .own = entry { return sibling === parent }
            return entry.isChild(sibling)
        }
        guard let index else { return false }
        stack.insert(.child(surface), at: placement == .above ? index + 1 : index)
        parent.pendingStack = stack
        return true
    }

    // MARK: For the surface

    func cache(_ state: SurfaceState) {
        if cached == nil { cached = state } else { cached?.merge(state) }
    }

    func takeCached(mergedWith state: SurfaceState) -> SurfaceState {
        guard var result = cached else { return state }
        cached = nil
        result.merge(state)
        return result
    }

    func dropCached() {
        if case .buffer(let buffer?)? = cached?.attachment { buffer.endUse() }
        cached = nil
        parent = nil
    }

    func parentCommitted() {
        if let position = pendingPosition {
            pendingPosition = nil
            surface.node.setPosition(position)
        }
        if isEffectivelySynchronised, let state = cached {
            cached = nil
            surface.apply(state)
        }
    }
}
