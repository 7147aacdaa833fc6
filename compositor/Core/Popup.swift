// xdg_popup: menus and tooltips.

import Gfx
import Scene
import ShellPolicy
import WaylandServer

/// An `xdg_popup`.
final class Popup {
    let xdgSurface: XdgSurface
    private let id: ObjectID
    private let parent: XdgSurface
    private let resource: XdgPopup.Resource
    private var rules: PopupPositioner
    /// Relative to the parent's window geometry.
    private var rect = Rect.zero
    private var hasBegun = false
    private var isMapped = false
    private var hasEnded = false
    private(set) var hasGrab = false

    init(_ xdgSurface: XdgSurface, _ id: ObjectID, parent: XdgSurface, _ rules: PopupPositioner) {
        self.xdgSurface = xdgSurface
        self.id = id
        self.parent = parent
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
        while case .popup(let popup) = next.roleObject {
            if popup === other { return true }
            next = popup.parent
        }
        return false
    }

    // MARK: Place

    private func configure() {
        let origin = parentOrigin
        let area = compositor.windows.popupArea.translated(by: .zero - origin)
        rect = rules.rect(within: area)
        resource.configure(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
        xdgSurface.configure()
    }

    /// Where the parent's window geometry begins on the screen.
    private var parentOrigin: Point { parent.surface.surface.node.globalPosition + parent.geometry.origin }

    private func place() {
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
        if !isMapped {
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
