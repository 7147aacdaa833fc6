// xdg_wm_base and xdg_positioner.

import Gfx
import Scene
import ShellPolicy
import WaylandServer

/// An `xdg_wm_base` of a client.
final class WmBase {
    // SAFETY: a client ends its objects before it goes away.
    unowned(unsafe) let client: Client
    let id: ObjectID
    let version: UInt32
    /// The last unstable version of the protocol: the same messages but for the positioner's anchors, so it needs no
    /// bindings of its own.
    let isUnstable: Bool
    /// How many `xdg_surface`s were made with it and are alive.
    var surfaceCount = 0

    static let unstableInterfaceName = "zxdg_shell_v6"

    init(_ client: Client, _ id: ObjectID, _ version: UInt32, isUnstable: Bool = false) {
        self.client = client
        self.id = id
        self.version = version
        self.isUnstable = isUnstable
    }

    func handle(_ request: XdgWmBase.Request) throws(WireError) {
        switch request {
        case .destroy:
            guard surfaceCount == 0 else { return fail(.defunctSurfaces, "destroyed before its surfaces") }
            client.remove(id)
        case .createPositioner(let new):
            try client.add(new, version, .positioner(Positioner(client, new, isUnstable: isUnstable)))
        case .getXdgSurface(let new, let surfaceID):
            guard let surface = client.surface(surfaceID) else { return fail(.role, "no such surface") }
            guard surface.xdgSurface == nil, surface.take(role: .xdgSurface) else {
                return fail(.role, "the surface has another role")
            }
            guard !surface.surface.hasContent, !surface.surface.pending.hasBuffer else {
                return fail(.invalidSurfaceState, "the surface has a buffer already")
            }
            let xdgSurface = XdgSurface(self, new, surface)
            try client.add(new, version, .xdgSurface(xdgSurface))
            surfaceCount += 1
        case .pong: break
        }
    }

    func fail(_ code: XdgWmBase.ErrorCode, _ message: String) { client.fail(id, code.rawValue, message) }
}

/// An `xdg_positioner`.
final class Positioner {
    // SAFETY: a client ends its objects before it goes away.
    private unowned(unsafe) let client: Client
    private let id: ObjectID
    private(set) var rules = PopupPositioner()

    private let isUnstable: Bool

    init(_ client: Client, _ id: ObjectID, isUnstable: Bool) {
        self.client = client
        self.id = id
        self.isUnstable = isUnstable
    }

    /// An anchor or a gravity of either protocol.
    private func corner(_ raw: UInt32) -> PopupPositioner.Corner? {
        isUnstable ? PopupPositioner.Corner(edges: raw) : PopupPositioner.Corner(rawValue: raw)
    }

    func handle(_ request: XdgPositioner.Request) {
        switch request {
        case .destroy: client.remove(id)
        case .setSize(let width, let height):
            guard width > 0, height > 0 else { return fail("a size of \(width)x\(height)") }
            rules.size = Size(width: width, height: height)
        case .setAnchorRect(let x, let y, let width, let height):
            guard width >= 0, height >= 0 else { return fail("an anchor rectangle of \(width)x\(height)") }
            rules.anchorRect = Rect(x: x, y: y, width: width, height: height)
            rules.hasAnchorRect = true
        case .setAnchor(let anchor):
            guard let value = corner(anchor.rawValue) else { return fail("anchor \(anchor.rawValue)") }
            rules.anchor = value
        case .setGravity(let gravity):
            guard let value = corner(gravity.rawValue) else {
                return fail("gravity \(gravity.rawValue)")
            }
            rules.gravity = value
        case .setConstraintAdjustment(let adjustment): rules.adjustment = PopupPositioner.Adjustment(rawValue: adjustment)
        case .setOffset(let x, let y): rules.offset = Point(x: x, y: y)
        case .setReactive: rules.isReactive = true
        // The parent's future size does not matter: popups are placed against the screen when they are shown.
        case .setParentSize, .setParentConfigure: break
        }
    }

    private func fail(_ message: String) { client.fail(id, XdgPositioner.ErrorCode.invalidInput.rawValue, message) }
}
