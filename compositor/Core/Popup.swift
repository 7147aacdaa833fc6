// xdg_popup: menus and tooltips.

import Gfx
import Scene
import ShellPolicy
import WaylandServer

/// What a popup belongs to.
enum PopupParent {
    case xdg(XdgSurface)
    case layer(LayerSurface)

    var surface: ClientSurface {
        switch self {
        case .xdg(let parent): parent.surface
        case .layer(let parent): parent.surface
        }
    }

    var geometry: Rect {
        switch self {
        case .xdg(let parent): parent.geometry
        case .layer(let parent): Rect(size: parent.surface.surface.size)
        }
    }
}

/// An `xdg_popup`.
final class Popup {
    let xdgSurface: XdgSurface
    private let id: ObjectID
    /// Nil until another protocol says what the popup belongs to.
    private var parent: PopupParent?
    private let resource: XdgPopup.Resource
    private var rules: PopupPositioner
    /// Relative to the parent's window geometry.
    private var rect = Rect.zero
    private var hasBegun = false
    private var isMapped = false
    private var hasEnded = false
    private(set) var hasGrab = false

    init(_ xdgSurface: XdgSurface, _ id: ObjectID, parent: XdgSurface?, _ rules: PopupPositioner) {
        self.xdgSurface = xdgSurface
        self.id = id
        self.parent = parent.map { .xdg($0) }
        self.rules = rules
        resource = XdgPopup.Resource(xdgSurface.client.outbox, id, version: xdgSurface.base.version)
    }

    private var compositor: Compositor { xdgSurface.client.compositor }

    func handle(_ request: XdgPopup.Request) {
        switch request {
        case .destroy:
            if let top = compositor.popups.last, top !== self, compositor.popups.contains(where: { $0 === self }),
                top.isDescendant(of: self)
            {
                return xdgSurface.base.fail(.notTheTopmostPopup, "a popup above it is open")
            }
            end()
            xdgSurface.client.remove(id)
        case .grab(_, let serial):
            guard !isMapped else {
                return xdgSurface.client.fail(id, XdgPopup.ErrorCode.invalidGrab.rawValue, "the popup is open already")
            }
            // A grab must answer a press of the client's own; a stale one is dismissed at once.
            guard serial == compositor.seat.buttonSerial || serial == compositor.seat.lastKeySerial else { return dismiss() }
            hasGrab = true
        case .reposition(let positionerID, let token):
            guard case .positioner(let positioner)? = xdgSurface.client.objects.live(positionerID)?.kind,
                positioner.rules.isComplete
            else {
                return xdgSurface.base.fail(.invalidPositioner, "the positioner lacks its size or anchor")
            }
            rules = positioner.rules
            resource.repositioned(token: token)
            configure()
            place()
        }
    }

    private func isDescendant(of other: Popup) -> Bool {
        var next = parent
        while case .xdg(let surface)? = next, case .popup(let popup) = surface.roleObject {
            if popup === other { return true }
            next = popup.parent
        }
        return false
    }

    /// Gives a popup without a parent one; false if it has one or has begun.
    func adopt(_ newParent: PopupParent) -> Bool {
        guard parent == nil, !hasBegun, !isMapped else { return false }
        parent = newParent
        return true
    }

    /// Whether a commit may begin the popup; reports the error otherwise.
    func mayCommit() -> Bool {
        if parent == nil { xdgSurface.base.fail(.invalidPopupParent, "the popup has no parent") }
        return parent != nil
    }

    // MARK: Place

    private func configure() {
        let origin = parentOrigin
        let area = popupArea.translated(by: .zero - origin)
        rect = rules.rect(within: area)
        resource.configure(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
        xdgSurface.configure()
    }

    /// Where the parent's window geometry begins on the screen.
    private var parentOrigin: Point {
        guard let parent else { return .zero }
        return parent.surface.surface.node.globalPosition + parent.geometry.origin
    }

    /// Popups of layers may cover what those keep free.
    private var popupArea: Rect {
        if case .layer? = parent { return compositor.scene.bounds }
        return compositor.windows.popupArea
    }

    private func place() {
        guard let parent else { return }
        xdgSurface.surface.surface.node.setPosition(parent.geometry.origin + rect.origin - xdgSurface.geometry.origin)
    }

    func committed() {
        let surface = xdgSurface.surface.surface
        guard surface.hasContent else {
            if isMapped {
                unmap()
            } else if !hasBegun {
                hasBegun = true
                configure()
            }
            return
        }
        if !hasBegun {
            // Only where a buffer may come before the first configure was answered.
            hasBegun = true
            configure()
        }
        if !isMapped, let parent {
            isMapped = true
            parent.surface.surface.overlay.add(surface.node)
            compositor.opened(self)
        }
        place()
    }

    /// Tells the client that the popup is closed by something outside it.
    func dismiss() {
        unmap()
        resource.popupDone()
    }

    /// Whether a surface belongs to the popup's client: a press there does not dismiss it.
    func isOfClient(_ surface: ClientSurface) -> Bool { surface.client === xdgSurface.client }

    private func unmap() {
        guard isMapped else { return }
        isMapped = false
        hasBegun = false
        xdgSurface.surface.surface.node.removeFromParent()
        compositor.closed(self)
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        unmap()
        xdgSurface.roleObject = .none
    }
}
