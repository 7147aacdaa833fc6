// The surfaces of layers: their order, their places, and what they leave for windows.

import Gfx
import Scene
import ShellPolicy

final class LayerManager {
    // SAFETY: the compositor owns the manager.
    private unowned(unsafe) let compositor: Compositor
    /// What the desktop itself leaves of the screen.
    private let area: Rect
    private let nodes = Layer.allCases.map { _ in SceneNode() }
    /// In the order of their creation.
    private var surfaces: [LayerSurface] = []
    /// The one that a person has pressed, until something else is.
    private var focused: LayerSurface?

    init(_ compositor: Compositor, area: Rect) {
        self.compositor = compositor
        self.area = area
    }

    func node(_ layer: Layer) -> SceneNode { nodes[Int(layer.rawValue)] }

    func add(_ surface: LayerSurface) { surfaces.append(surface) }

    func remove(_ surface: LayerSurface) {
        surfaces.removeAll { $0 === surface }
        if focused === surface { focused = nil }
        arrange()
        compositor.updateKeyboardFocus()
    }

    /// Puts a surface above the others of its layer. One that wants the keyboard has it until something else is chosen.
    func show(_ surface: LayerSurface) {
        node(surface.state.layer).add(surface.surface.surface.node)
        if surface.isInteractive { focused = surface }
    }

    /// A window was chosen.
    func defocus() { focused = nil }

    /// Gives all surfaces their places: first those that keep others away, from the uppermost layer, then the rest.
    func arrange() {
        var free = area
        for layer in Layer.allCases.reversed() {
            for surface in surfaces where surface.hasBegun && surface.state.layer == layer && surface.state.placement.isExclusive
            {
                surface.lay(in: free)
                if surface.isMapped { free = surface.state.placement.remainder(of: free) }
            }
        }
        for surface in surfaces where surface.hasBegun && !surface.state.placement.isExclusive {
            surface.lay(in: surface.state.placement.exclusiveZone < 0 ? compositor.scene.bounds : free)
        }
        compositor.windows.setWorkArea(free)
    }

    // MARK: Keyboard

    /// The surface that has the keyboard instead of a window.
    var keyboardSurface: ClientSurface? {
        for layer in [Layer.overlay, .top] {
            if let surface = surfaces.last(where: { $0.state.layer == layer && $0.isExclusive }) { return surface.surface }
        }
        guard let focused, focused.isInteractive else { return nil }
        return focused.surface
    }

    /// A press on a surface, through subsurfaces and popups; nil for a press elsewhere.
    func pressed(_ surface: ClientSurface?) {
        let owner = surface.flatMap { pressed in
            surfaces.first { $0.surface.surface.node.isAncestor(of: pressed.surface.node) }
        }
        // A press on a panel that takes no keyboard leaves it where it is.
        if let owner, !owner.isInteractive { return }
        guard focused !== owner else { return }
        focused = owner
        compositor.updateKeyboardFocus()
    }
}
