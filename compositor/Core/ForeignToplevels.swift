// wlr-foreign-toplevel-management: the list of windows for panels and switchers that are clients.

import ShellPolicy
import WaylandServer

/// All lists of windows that clients have, and what was told about each window.
final class ForeignToplevels {
    // SAFETY: the compositor owns this object.
    private unowned(unsafe) let compositor: Compositor
    private var managers: [ForeignToplevelManager] = []

    init(_ compositor: Compositor) { self.compositor = compositor }

    func add(_ manager: ForeignToplevelManager) { managers.append(manager) }
    func remove(_ manager: ForeignToplevelManager) { managers.removeAll { $0 === manager } }

    /// Tells all lists what has changed since the last call.
    func refresh() {
        guard !managers.isEmpty else { return }
        let windows = compositor.windows.openingOrder
        for manager in managers { manager.refresh(windows) }
    }
}

/// A `zwlr_foreign_toplevel_manager_v1`.
final class ForeignToplevelManager {
    // SAFETY: a client ends its objects before it goes away.
    unowned(unsafe) let client: Client
    private let id: ObjectID
    private let version: UInt32
    private let resource: ZwlrForeignToplevelManagerV1.Resource
    private var handles: [ForeignToplevel] = []

    init(_ client: Client, _ id: ObjectID, _ version: UInt32) {
        self.client = client
        self.id = id
        self.version = version
        resource = ZwlrForeignToplevelManagerV1.Resource(client.outbox, id, version: version)
    }

    func handle(_ request: ZwlrForeignToplevelManagerV1.Request) {
        switch request {
        case .stop:
            end()
            resource.finished()
            client.remove(id)
        }
    }

    func refresh(_ windows: [Window]) {
        for handle in handles where !windows.contains(where: { $0 === handle.window }) { handle.close() }
        handles.removeAll { $0.window == nil }
        for window in windows where !handles.contains(where: { $0.window === window }) { announce(window) }
        for handle in handles { handle.refresh { window in self.handles.first { $0.window === window }?.id } }
    }

    private func announce(_ window: Window) {
        let handle = ForeignToplevel(client, version, window)
        guard let id = client.objects.allocate(Resource(version: version, kind: .foreignToplevel(handle))) else { return }
        resource.toplevel(toplevel: id)
        handle.begin(id)
        handles.append(handle)
    }

    func end() {
        client.compositor.foreignToplevels.remove(self)
        handles = []
    }
}

/// A `zwlr_foreign_toplevel_handle_v1`: one window of a list.
final class ForeignToplevel {
    // SAFETY: a client ends its objects before it goes away.
    private unowned(unsafe) let client: Client
    private let version: UInt32
    /// Nil once the window or the handle is gone.
    private(set) var window: Window?
    private(set) var id = ObjectID.display
    private var title: String?
    private var appID: String?
    private var states: [UInt32]?
    private var parent: ObjectID?

    init(_ client: Client, _ version: UInt32, _ window: Window) {
        self.client = client
        self.version = version
        self.window = window
    }

    private var resource: ZwlrForeignToplevelHandleV1.Resource {
        ZwlrForeignToplevelHandleV1.Resource(client.outbox, id, version: version)
    }

    func begin(_ id: ObjectID) {
        self.id = id
        for output in client.compositor.outputResources where output.client === client { resource.outputEnter(output: output.id) }
    }

    /// Sends what has changed. `idOf` finds the handle of a parent.
    func refresh(_ idOf: (Window) -> ObjectID?) {
        guard let window else { return }
        var changed = false
        if title != window.title {
            title = window.title
            resource.title(title: window.title)
            changed = true
        }
        if appID != window.appID {
            appID = window.appID
            resource.appId(appId: window.appID)
            changed = true
        }
        let newStates = self.states(of: window)
        if states != newStates {
            states = newStates
            var bytes: [UInt8] = []
            for state in newStates { withUnsafeBytes(of: state.littleEndian) { bytes += $0 } }
            resource.state(state: bytes)
            changed = true
        }
        let newParent = window.parent.flatMap(idOf)
        if parent != newParent {
            parent = newParent
            resource.parent(parent: newParent)
            changed = true
        }
        if changed { resource.done() }
    }

    /// `zwlr_foreign_toplevel_handle_v1.state`: maximised 0, minimised 1, activated 2, fullscreen 3.
    private func states(of window: Window) -> [UInt32] {
        var result: [UInt32] = []
        if window.tile == .maximised { result.append(0) }
        if window.isMinimised { result.append(1) }
        if window.isActive { result.append(2) }
        if window.isFullscreen, version >= 2 { result.append(3) }
        return result
    }

    func close() {
        window = nil
        resource.closed()
    }

    func handle(_ request: ZwlrForeignToplevelHandleV1.Request) {
        if case .destroy = request {
            end()
            return client.remove(id)
        }
        if case .setRectangle(_, _, _, let width, let height) = request, width < 0 || height < 0 {
            let code = ZwlrForeignToplevelHandleV1.ErrorCode.invalidRectangle
            return client.fail(id, code.rawValue, "a rectangle of \(width)x\(height)")
        }
        // A window that has closed meanwhile is not an error.
        guard let window else { return }
        let windows = client.compositor.windows
        switch request {
        case .setMaximized: windows.setTile(.maximised, window)
        case .unsetMaximized: if window.tile == .maximised { windows.setTile(nil, window) }
        case .setMinimized: windows.minimise(window)
        case .unsetMinimized: if window.isMinimised { windows.activate(window) }
        case .activate: windows.activate(window)
        case .close: window.close()
        case .setFullscreen: windows.setFullscreen(window, true)
        case .unsetFullscreen: windows.setFullscreen(window, false)
        // Minimising is not animated, so nothing flies to the rectangle.
        case .setRectangle, .destroy: break
        }
    }

    func end() { window = nil }
}
