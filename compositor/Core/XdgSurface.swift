// xdg_surface: window geometry and the configure/ack handshake that toplevels and popups share.

import Gfx
import Scene
import ShellPolicy
import WaylandServer

/// What a configure event asked for, until the client's commit has answered it.
struct Configuration {
    let serial: UInt32
    /// Where the window's content belongs once it has the size; nil: where it is.
    var origin: Point?
    /// Which edges stay while the window is resized.
    var anchor: Resizing?
}

/// An `xdg_surface`.
final class XdgSurface: SurfaceRole {
    enum RoleObject {
        case none
        case toplevel(Toplevel)
        case popup(Popup)
    }

    let base: WmBase
    let id: ObjectID
    let surface: ClientSurface
    private let resource: WaylandServer.XdgSurface.Resource
    var roleObject = RoleObject.none
    private var hadRoleObject = false
    private var pendingGeometry: Rect?
    private var setGeometry: Rect?
    private var sent: [Configuration] = []
    /// The latest configuration that the client accepted, and that its next commit fulfils.
    private(set) var acknowledged: Configuration?
    private var isConfigured = false
    private var hasEnded = false

    init(_ base: WmBase, _ id: ObjectID, _ surface: ClientSurface) {
        self.base = base
        self.id = id
        self.surface = surface
        resource = WaylandServer.XdgSurface.Resource(base.client.outbox, id, version: base.version)
        surface.xdgSurface = self
        surface.surface.role = self
    }

    var client: Client { base.client }

    /// The window without its shadows, in surface coordinates.
    var geometry: Rect {
        let extents = surface.surface.extents
        guard let setGeometry else { return extents }
        let cut = setGeometry.intersection(extents)
        return cut.isEmpty ? extents : cut
    }

    var hasExplicitGeometry: Bool { setGeometry != nil }
    /// Whether the client draws something around its window: then it has decorations of its own.
    var hasMargins: Bool { setGeometry != nil && geometry != surface.surface.extents }

    /// Whether a configuration waits for its answer.
    var awaitsAcknowledgement: Bool { !sent.isEmpty }

    // MARK: Requests

    func handle(_ request: WaylandServer.XdgSurface.Request) throws(WireError) {
        switch request {
        case .destroy:
            if case .none = roleObject {} else { return fail(.defunctRoleObject, "destroyed before its role") }
            end()
            client.remove(id)
        case .getToplevel(let new):
            guard !hadRoleObject else { return fail(.alreadyConstructed, "the surface has a role already") }
            let toplevel = Toplevel(self, new)
            try client.add(new, base.version, .toplevel(toplevel))
            hadRoleObject = true
            roleObject = .toplevel(toplevel)
        case .getPopup(let new, let parentID, let positionerID):
            guard !hadRoleObject else { return fail(.alreadyConstructed, "the surface has a role already") }
            try makePopup(new, parentID, positionerID)
        case .setWindowGeometry(let x, let y, let width, let height):
            guard width > 0, height > 0 else { return fail(.invalidSize, "a window geometry of \(width)x\(height)") }
            pendingGeometry = Rect(x: x, y: y, width: width, height: height)
        case .ackConfigure(let serial):
            guard let index = sent.firstIndex(where: { $0.serial == serial }) else {
                return fail(.invalidSerial, "serial \(serial) was not sent or is answered")
            }
            acknowledged = sent[index]
            sent.removeFirst(index + 1)
            isConfigured = true
        }
    }

    private func makePopup(_ new: ObjectID, _ parentID: ObjectID?, _ positionerID: ObjectID) throws(WireError) {
        guard case .positioner(let positioner)? = client.objects.live(positionerID)?.kind, positioner.rules.isComplete else {
            return base.fail(.invalidPositioner, "the positioner lacks its size or anchor")
        }
        var parent: XdgSurface?
        if let parentID {
            guard case .xdgSurface(let found)? = client.objects.live(parentID)?.kind, found !== self else {
                return base.fail(.invalidPopupParent, "\(parentID.rawValue) cannot be a parent")
            }
            if case .none = found.roleObject { return base.fail(.invalidPopupParent, "the parent has no role") }
            parent = found
        }
        let popup = Popup(self, new, parent: parent, positioner.rules)
        try client.add(new, base.version, .popup(popup))
        hadRoleObject = true
        roleObject = .popup(popup)
    }

    func fail(_ code: WaylandServer.XdgSurface.ErrorCode, _ message: String) { client.fail(id, code.rawValue, message) }

    // MARK: Configure

    /// Ends a group of configure events with this surface's own.
    func configure(origin: Point? = nil, anchor: Resizing? = nil) {
        let configuration = Configuration(serial: client.compositor.nextSerial(), origin: origin, anchor: anchor)
        // A client that never answers does not make the list grow.
        if sent.count >= 64 { sent.removeFirst() }
        sent.append(configuration)
        resource.configure(serial: configuration.serial)
    }

    // MARK: Commit

    /// Whether a buffer may be attached; reports the error otherwise.
    func mayAttach() -> Bool {
        if case .none = roleObject {
            fail(.unconfiguredBuffer, "a buffer before the surface has a role")
            return false
        }
        return true
    }

    /// Whether the surface's state may be committed now; reports the error otherwise.
    func mayCommit() -> Bool {
        if case .none = roleObject {
            fail(.notConstructed, "committed without a role")
            return false
        }
        if case .popup(let popup) = roleObject, !popup.mayCommit() { return false }
        if case .buffer(_?) = surface.surface.pending.attachment, !isConfigured, client.compositor.windows.requiresConfigure {
            fail(.unconfiguredBuffer, "a buffer before the first configure was acknowledged")
            return false
        }
        return true
    }

    func surfaceCommitted(_ surface: Surface) {
        if let geometry = pendingGeometry {
            setGeometry = geometry
            pendingGeometry = nil
        }
        let fulfilled = acknowledged
        acknowledged = nil
        if !surface.hasContent {
            // An unmapped surface starts again from its first configure.
            if case .none = roleObject {} else if isMapped { reset() }
        }
        switch roleObject {
        case .none: break
        case .toplevel(let toplevel): toplevel.committed(fulfilled)
        case .popup(let popup): popup.committed()
        }
        isMapped = surface.hasContent
    }

    private var isMapped = false

    private func reset() {
        isConfigured = false
        sent = []
    }

    // MARK: End

    /// The `wl_surface` goes first, which a client may do when it goes all at once.
    func surfaceEnded() {
        switch roleObject {
        case .none: break
        case .toplevel(let toplevel): toplevel.end()
        case .popup(let popup): popup.end()
        }
        end()
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        base.surfaceCount -= 1
        surface.xdgSurface = nil
        surface.surface.role = nil
        roleObject = .none
    }
}
