// zwlr_layer_surface_v1: a surface that belongs to a layer of the desktop instead of a window.

import Gfx
import Scene
import ShellPolicy
import WaylandServer

/// The layers, from the lowest; the numbers are `zwlr_layer_shell_v1.layer`'s. Windows are between `bottom` and `top`.
enum Layer: UInt32, CaseIterable {
    case background = 0
    case bottom, top, overlay
}

/// A `zwlr_layer_surface_v1`.
final class LayerSurface: SurfaceRole {
    typealias Interactivity = ZwlrLayerSurfaceV1.KeyboardInteractivity

    /// What a commit makes current.
    struct State {
        var layer: Layer
        var placement = LayerPlacement()
        var interactivity = Interactivity.none
    }

    // SAFETY: a client ends its objects before it goes away.
    unowned(unsafe) let client: Client
    private let id: ObjectID
    let surface: ClientSurface
    private let resource: ZwlrLayerSurfaceV1.Resource
    private var pending: State
    private(set) var state: State
    private(set) var isMapped = false
    /// Whether the first commit was made, since which the surface takes part in the layout.
    private(set) var hasBegun = false
    private var isConfigured = false
    private var lastSize: Size?
    private var sent: [UInt32] = []
    private(set) var hasEnded = false
    private var fixedOrigin: Point?

    init(_ client: Client, _ id: ObjectID, _ version: UInt32, _ surface: ClientSurface, _ layer: Layer) {
        self.client = client
        self.id = id
        self.surface = surface
        resource = ZwlrLayerSurfaceV1.Resource(client.outbox, id, version: version)
        pending = State(layer: layer)
        state = pending
        surface.layerSurface = self
        surface.surface.role = self
    }

    private var layers: LayerManager { client.compositor.layers }

    /// Whether the surface may have the keyboard.
    var isInteractive: Bool { isMapped && state.interactivity != .none }
    /// Whether it must have it.
    var isExclusive: Bool { isMapped && state.interactivity == .exclusive && state.layer.rawValue >= Layer.top.rawValue }

    // MARK: Requests

    func handle(_ request: ZwlrLayerSurfaceV1.Request) {
        switch request {
        case .setSize(let width, let height):
            pending.placement.size = Size(width: Int32(clamping: width), height: Int32(clamping: height))
        case .setAnchor(let anchor):
            guard anchor.rawValue < 16 else { return fail(.invalidAnchor, "anchor \(anchor.rawValue)") }
            pending.placement.anchor = Edges(rawValue: anchor.rawValue)
        case .setExclusiveZone(let zone): pending.placement.exclusiveZone = zone
        case .setMargin(let top, let right, let bottom, let left):
            var margins = LayerPlacement.Margins()
            (margins.top, margins.right, margins.bottom, margins.left) = (top, right, bottom, left)
            pending.placement.margins = margins
        case .setKeyboardInteractivity(let wish):
            guard wish.rawValue <= 2 else { return fail(.invalidKeyboardInteractivity, "interactivity \(wish.rawValue)") }
            pending.interactivity = wish
        case .getPopup(let popupID):
            guard case .popup(let popup)? = client.objects.live(popupID)?.kind, popup.adopt(.layer(self)) else {
                return fail(.invalidSurfaceState, "the popup has a parent, or is shown already")
            }
        case .ackConfigure(let serial):
            guard let index = sent.firstIndex(of: serial) else {
                return fail(.invalidSurfaceState, "serial \(serial) was not sent or is answered")
            }
            sent.removeFirst(index + 1)
            isConfigured = true
        case .destroy:
            end()
            client.remove(id)
        case .setLayer(let layer):
            guard let layer = Layer(rawValue: layer.rawValue) else {
                return client.fail(id, ZwlrLayerShellV1.ErrorCode.invalidLayer.rawValue, "layer \(layer.rawValue)")
            }
            pending.layer = layer
        }
    }

    private func fail(_ code: ZwlrLayerSurfaceV1.ErrorCode, _ message: String) { client.fail(id, code.rawValue, message) }

    // MARK: Commit

    /// Whether the surface's state may be committed now; reports the error otherwise.
    func mayCommit() -> Bool {
        guard pending.placement.isComplete else {
            fail(.invalidSize, "a size of zero needs anchors at both edges")
            return false
        }
        if surface.surface.pending.hasBuffer, !isConfigured, client.compositor.windows.requiresConfigure {
            fail(.invalidSurfaceState, "a buffer before the first configure was acknowledged")
            return false
        }
        return true
    }

    func surfaceCommitted(_ surface: Surface) {
        let changesLayer = state.layer != pending.layer
        let wasMapped = isMapped
        state = pending
        isMapped = surface.hasContent
        if wasMapped, !isMapped {
            // As after its creation.
            hasBegun = false
            isConfigured = false
            lastSize = nil
            sent = []
        } else {
            hasBegun = true
        }
        if isMapped, !wasMapped || changesLayer { layers.show(self) }
        if !isMapped, wasMapped { surface.node.removeFromParent() }
        layers.arrange()
        client.compositor.updateKeyboardFocus()
    }

    // MARK: Layout

    /// Asks for the size that the area gives, and puts the surface where it belongs.
    func lay(in area: Rect) {
        let size = state.placement.size(in: area)
        if size != lastSize {
            lastSize = size
            let serial = client.compositor.nextSerial()
            // A client that never answers does not make the list grow.
            if sent.count >= 64 { sent.removeFirst() }
            sent.append(serial)
            resource.configure(serial: serial, width: UInt32(size.width), height: UInt32(size.height))
        }
        guard isMapped else { return }
        // The size that was asked for counts, whatever the buffer is: so do other compositors.
        surface.surface.node.setPosition(fixedOrigin ?? state.placement.origin(for: size, in: area))
    }

    /// Puts the surface at a place of the caller's choice, for good.
    func fix(at origin: Point) {
        fixedOrigin = origin
        if isMapped { surface.surface.node.setPosition(origin) }
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        isMapped = false
        surface.layerSurface = nil
        surface.surface.role = nil
        surface.surface.node.removeFromParent()
        layers.remove(self)
    }
}

extension Client {
    func layerShell(_ id: ObjectID, _ version: UInt32, _ request: ZwlrLayerShellV1.Request) throws(WireError) {
        typealias Failure = ZwlrLayerShellV1.ErrorCode
        switch request {
        case .getLayerSurface(let new, let surfaceID, _, let layer, _):
            guard let layer = Layer(rawValue: layer.rawValue) else {
                return fail(id, Failure.invalidLayer.rawValue, "layer \(layer.rawValue)")
            }
            guard let surface = surface(surfaceID), surface.layerSurface == nil, surface.take(role: .layerSurface) else {
                return fail(id, Failure.role.rawValue, "the surface has another role")
            }
            guard !surface.surface.hasContent, !surface.surface.pending.hasBuffer else {
                return fail(id, Failure.alreadyConstructed.rawValue, "the surface has a buffer already")
            }
            let layerSurface = LayerSurface(self, new, version, surface, layer)
            try add(new, version, .layerSurface(layerSurface))
            compositor.layers.add(layerSurface)
        case .destroy: remove(id)
        }
    }
}
