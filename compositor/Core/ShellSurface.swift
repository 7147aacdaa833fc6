// wl_shell, the shell protocol from before xdg-shell: older toolkits know no other.

import Gfx
import Scene
import ShellPolicy
import WaylandServer

/// A `wl_shell_surface`. It is a window, or a popup on another surface.
final class ShellSurface: WindowRole, SurfaceRole {
    private let id: ObjectID
    private let surface: ClientSurface
    private let resource: WlShellSurface.Resource
    private enum Kind {
        case none, window
        /// Where on which surface.
        case popup(ClientSurface, Point, hasGrab: Bool)
    }
    private var kind = Kind.none
    private var isPopupOpen = false
    private var lastSize = Size.zero
    /// The protocol has no acknowledgement: the commit after a configure event is taken as its answer.
    private var sent: Configuration?
    private var hasEnded = false

    init(_ client: Client, _ id: ObjectID, _ surface: ClientSurface) {
        self.id = id
        self.surface = surface
        resource = WlShellSurface.Resource(client.outbox, id, version: 1)
        super.init(surface)
        surface.surface.role = self
        surface.shellSurface = self
    }

    // MARK: Requests

    func handle(_ request: WlShellSurface.Request) {
        switch request {
        case .pong: break
        case .move(_, let serial): manager.startMove(window, serial: serial)
        case .resize(_, let serial, let edges):
            let edges = Edges(rawValue: edges.rawValue)
            if edges.isValid { manager.startResize(window, edges, serial: serial) }
        case .setToplevel: become(.window)
        case .setTransient(let parentID, let x, let y, _):
            become(.window)
            guard let parent = client.surface(parentID), let owner = manager.window(of: parent) else { return }
            window.parent = owner
            window.offsetFromParent = Point(x: x, y: y)
        case .setFullscreen:
            become(.window)
            manager.setFullscreen(window, true)
        case .setMaximized:
            become(.window)
            manager.setTile(.maximised, window)
        case .setPopup(_, let serial, let parentID, let x, let y, _):
            guard let parent = client.surface(parentID), parent !== surface else { return }
            let seat = client.compositor.seat
            become(.popup(parent, Point(x: x, y: y), hasGrab: serial == seat.buttonSerial || serial == seat.lastKeySerial))
        case .setTitle(let title): window.setTitle(title)
        case .setClass(let name): window.setAppID(name)
        }
    }

    private func become(_ new: Kind) {
        if case .popup = new {
            if window.isMapped { manager.unmap(window) }
        } else {
            closePopup()
            if window.isFullscreen { manager.setFullscreen(window, false) }
            if window.tile != nil { manager.setTile(nil, window) }
        }
        kind = new
        if surface.surface.hasContent { surfaceCommitted(surface.surface) }
    }

    // MARK: Configure

    override var awaitsAcknowledgement: Bool { sent != nil }
    override var mayConfigure: Bool { !hasEnded }

    override func sendConfigure() {
        needsConfigure = false
        guard !hasEnded, case .window = kind else { return }
        let size = window.wantedSize
        guard !size.isEmpty, size != lastSize || mustConfigure else { return }
        mustConfigure = false
        lastSize = size
        sent = Configuration(serial: 0, origin: window.wantedOrigin, anchor: window.anchor)
        resource.configure(
            edges: WlShellSurface.Resize(rawValue: window.anchor?.edges.rawValue ?? 0), width: size.width, height: size.height)
    }

    /// The protocol cannot ask a window to close: its client is disconnected, as a person who closes it expects.
    override func close() { client.compositor.toDisconnect.append(client) }

    // MARK: Commit

    func surfaceCommitted(_ surface: Surface) {
        switch kind {
        case .none: break
        case .window:
            guard surface.hasContent else { return manager.unmap(window) }
            let fulfilled = sent
            sent = nil
            window.contentCommitted(fulfilled)
        case .popup(let parent, let position, let hasGrab):
            guard surface.hasContent, !parent.hasEnded else { return closePopup() }
            surface.node.setPosition(position)
            guard !isPopupOpen else { return }
            isPopupOpen = true
            parent.surface.overlay.add(surface.node)
            if hasGrab { client.compositor.shellPopups.append(self) }
        }
    }

    /// Closes a popup that somebody pressed beside.
    func dismiss() {
        closePopup()
        resource.popupDone()
    }

    private func closePopup() {
        guard isPopupOpen else { return }
        isPopupOpen = false
        surface.surface.node.removeFromParent()
        window.node.add(surface.surface.node)
        client.compositor.shellPopups.removeAll { $0 === self }
    }

    // MARK: End

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        closePopup()
        manager.remove(window)
        window.toplevel = nil
        surface.surface.role = nil
        surface.shellSurface = nil
    }
}

extension Client {
    func shell(_ id: ObjectID, _ request: WlShell.Request) throws(WireError) {
        switch request {
        case .getShellSurface(let new, let surfaceID):
            guard let surface = surface(surfaceID), surface.shellSurface == nil, surface.take(role: .shellSurface) else {
                return fail(id, WlShell.ErrorCode.role.rawValue, "the surface has another role")
            }
            try add(new, 1, .shellSurface(ShellSurface(self, new, surface)))
        }
    }
}
