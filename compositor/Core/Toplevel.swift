// xdg_toplevel: the protocol's side of a window.

import Gfx
import Scene
import ShellPolicy
import WaylandServer

/// An `xdg_toplevel`.
final class Toplevel: WindowRole {
    let xdgSurface: XdgSurface
    let id: ObjectID
    private let resource: XdgToplevel.Resource
    private var pendingLimits = SizeLimits()
    var decoration: Decoration?
    private var hasEnded = false
    /// Whether the first configure was sent since the surface was unmapped.
    private var hasBegun = false
    private var lastSent: (size: Size, states: [UInt32])?

    init(_ xdgSurface: XdgSurface, _ id: ObjectID) {
        self.xdgSurface = xdgSurface
        self.id = id
        resource = XdgToplevel.Resource(xdgSurface.client.outbox, id, version: xdgSurface.base.version)
        super.init(xdgSurface.surface)
    }

    override var geometry: Rect { xdgSurface.geometry }
    override var hasExplicitGeometry: Bool { xdgSurface.hasExplicitGeometry }
    override var hasMargins: Bool { xdgSurface.hasMargins }
    override var awaitsAcknowledgement: Bool { xdgSurface.awaitsAcknowledgement }
    override var mayConfigure: Bool { hasBegun && !hasEnded }
    private var windows: WindowManager { manager }

    // MARK: Requests

    func handle(_ request: XdgToplevel.Request) {
        switch request {
        case .destroy:
            guard decoration == nil else {
                return client.fail(
                    decoration?.id ?? id, ZxdgToplevelDecorationV1.ErrorCode.orphaned.rawValue,
                    "the toplevel went before its decoration")
            }
            end()
            client.remove(id)
        case .setParent(let parent):
            if let parent, case .toplevel(let other)? = client.objects.live(parent)?.kind {
                window.parent = other.window
            } else {
                window.parent = nil
            }
        case .setTitle(let title): window.setTitle(title)
        case .setAppId(let appID): window.setAppID(appID)
        case .showWindowMenu: break  // There is no such menu; wm_capabilities says so.
        case .move(_, let serial): windows.startMove(window, serial: serial)
        case .resize(_, let serial, let edge):
            let edges = Edges(rawValue: edge.rawValue)
            guard edge.rawValue != 0 else { return }
            guard edges.isValid else { return fail(.invalidResizeEdge, "edge \(edge.rawValue)") }
            windows.startResize(window, edges, serial: serial)
        case .setMaxSize(let width, let height):
            guard width >= 0, height >= 0 else { return fail(.invalidSize, "a maximum of \(width)x\(height)") }
            pendingLimits.maximum = Size(width: width, height: height)
        case .setMinSize(let width, let height):
            guard width >= 0, height >= 0 else { return fail(.invalidSize, "a minimum of \(width)x\(height)") }
            pendingLimits.minimum = Size(width: width, height: height)
        case .setMaximized: windows.setTile(.maximised, window)
        case .unsetMaximized:
            if window.tile == .maximised { windows.setTile(nil, window) } else { scheduleConfigure(force: true) }
        case .setFullscreen: windows.setFullscreen(window, true)
        case .unsetFullscreen: windows.setFullscreen(window, false)
        case .setMinimized: windows.minimise(window)
        }
    }

    private func fail(_ code: XdgToplevel.ErrorCode, _ message: String) { client.fail(id, code.rawValue, message) }

    override func close() { resource.close() }

    // MARK: Configure

    override func sendConfigure() {
        guard needsConfigure, !hasEnded else { return }
        // While a window is resized the next size waits for the answer to the last: the client sets the pace.
        if window.resizeGrab != nil, xdgSurface.awaitsAcknowledgement {
            windows.toConfigure.append(self)
            return
        }
        needsConfigure = false
        let size = window.wantedSize
        let states = wantedStates
        if let last = lastSent, last.size == size, last.states == states, !mustConfigure { return }
        mustConfigure = false
        lastSent = (size, states)
        var bytes: [UInt8] = []
        for state in states { withUnsafeBytes(of: state.littleEndian) { bytes += $0 } }
        resource.configure(width: size.width, height: size.height, states: bytes)
        xdgSurface.configure(origin: window.wantedOrigin, anchor: window.anchor)
    }

    private var wantedStates: [UInt32] {
        var states: [UInt32] = []
        if window.isActive { states.append(4) }
        if window.tile == .maximised { states.append(1) }
        if window.isFullscreen { states.append(2) }
        if window.resizeGrab != nil { states.append(3) }
        if let tile = window.tile, tile != .maximised, xdgSurface.base.version >= 2 { states += tile.protocolStates }
        return states
    }

    // MARK: Commit

    func committed(_ fulfilled: Configuration?) {
        window.limits = pendingLimits
        guard xdgSurface.surface.surface.hasContent else {
            if window.isMapped { windows.unmap(window) }
            begin()
            return
        }
        window.contentCommitted(fulfilled)
        // Only where a buffer may come before the first configure was answered.
        if !hasBegun { begin() }
    }

    /// The answer to the first commit of an unmapped toplevel.
    private func begin() {
        if xdgSurface.awaitsAcknowledgement { return }
        hasBegun = true
        lastSent = nil
        let area = windows.contentArea(of: window)
        resource.configureBounds(width: area.width, height: area.height)
        // Maximise, fullscreen, minimise.
        var capabilities: [UInt8] = []
        for capability in [2, 3, 4] as [UInt32] { withUnsafeBytes(of: capability.littleEndian) { capabilities += $0 } }
        resource.wmCapabilities(capabilities: capabilities)
        decoration?.announce()
        // At once: the client can do nothing before it.
        mustConfigure = true
        needsConfigure = true
        sendConfigure()
    }

    // MARK: End

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        windows.remove(window)
        window.toplevel = nil
        decoration?.toplevel = nil
        decoration = nil
        xdgSurface.roleObject = .none
    }
}

extension Tile {
    /// `xdg_toplevel.state`: left 5, right 6, top 7, bottom 8.
    var protocolStates: [UInt32] {
        switch self {
        case .maximised: [1]
        case .left: [5, 7, 8]
        case .right: [6, 7, 8]
        case .topLeft: [5, 7]
        case .topRight: [6, 7]
        case .bottomLeft: [5, 8]
        case .bottomRight: [6, 8]
        }
    }
}

/// A `zxdg_toplevel_decoration_v1`.
final class Decoration {
    // SAFETY: a client ends its objects before it goes away.
    private unowned(unsafe) let client: Client
    let id: ObjectID
    var toplevel: Toplevel?
    private let resource: ZxdgToplevelDecorationV1.Resource

    init(_ client: Client, _ id: ObjectID, _ toplevel: Toplevel) {
        self.client = client
        self.id = id
        self.toplevel = toplevel
        resource = ZxdgToplevelDecorationV1.Resource(client.outbox, id, version: 1)
    }

    func handle(_ request: ZxdgToplevelDecorationV1.Request) {
        switch request {
        case .destroy:
            toplevel?.window.setDecorationWish(nil)
            end()
            client.remove(id)
        case .setMode(let mode): choose(mode == .clientSide ? .client : .server)
        case .unsetMode: choose(.server)
        }
    }

    private func choose(_ side: Window.DecorationSide) {
        toplevel?.window.setDecorationWish(side)
        announce()
        toplevel?.scheduleConfigure(force: true)
    }

    func announce() {
        resource.configure(mode: toplevel?.window.decorationWish == .client ? .clientSide : .serverSide)
    }

    func end() {
        toplevel?.decoration = nil
        toplevel = nil
    }
}

extension Client {
    func decorationManager(_ id: ObjectID, _ request: ZxdgDecorationManagerV1.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .getToplevelDecoration(let new, let toplevelID):
            guard case .toplevel(let toplevel)? = objects.live(toplevelID)?.kind else {
                return fail(.display, WlDisplay.ErrorCode.invalidObject.rawValue, "\(toplevelID.rawValue) is not a toplevel")
            }
            guard toplevel.decoration == nil else {
                return fail(
                    id, ZxdgToplevelDecorationV1.ErrorCode.alreadyConstructed.rawValue, "the toplevel has a decoration already")
            }
            let decoration = Decoration(self, new, toplevel)
            try add(new, 1, .decoration(decoration))
            toplevel.decoration = decoration
            toplevel.window.setDecorationWish(.server)
        }
    }
}
