// The server's global objects, and the windows that belong to a connection.

import System
import WaylandClient

/// A connection with the globals that applications use. It lives as long as the server does.
final class Display {
    let connection: Connection
    unowned(unsafe) let application: Application

    private(set) var compositor: WlCompositor.Proxy?
    private(set) var shm: WlShm.Proxy?
    private(set) var shell: XdgWmBase.Proxy?
    private(set) var decorations: ZxdgDecorationManagerV1.Proxy?
    private(set) var seat: Seat?
    private(set) var clipboard: Clipboard?
    private var dataDeviceManager: WlDataDeviceManager.Proxy?
    /// Outputs and their scales.
    private var outputs: [(name: UInt32, id: ObjectID, scale: Int32)] = []
    private var surfaces: [ObjectID: Window] = [:]

    init(_ connection: Connection, _ application: Application, ready: @escaping () -> Void) {
        self.connection = connection
        self.application = application
        unowned(unsafe) let this = self
        // SAFETY: handlers are called by the connection, which lives no longer than this object.
        let registry = connection.create { message throws(WireError) in try this.registry(&message) }
        registryID = registry
        connection.display.getRegistry(registry: registry)
        let callback = connection.create { message throws(WireError) in
            _ = try WlCallback.Event.decode(&message, version: 1)
            this.connect()
            ready()
        }
        connection.display.sync(callback: callback)
    }

    private var registryID = ObjectID.display

    /// Whether the server has what an application cannot do without.
    var isUsable: Bool { compositor != nil && shm != nil && shell != nil }

    private func registry(_ message: inout IncomingMessage) throws(WireError) {
        switch try WlRegistry.Event.decode(&message, version: 1) {
        case .global(let name, let interface, let version): bind(name, interface, version)
        case .globalRemove(let name):
            if let index = outputs.firstIndex(where: { $0.name == name }) {
                let output = outputs.remove(at: index)
                for window in application.windows { window.left(output: output.id) }
            }
        }
    }

    private func bind(_ name: UInt32, _ interface: String, _ version: UInt32) {
        unowned(unsafe) let this = self
        let outbox = connection.outbox
        func bound(_ newest: UInt32, _ id: ObjectID) -> UInt32 {
            let version = min(version, newest)
            WlRegistry.Proxy(outbox, registryID, version: 1)
                .bind(name: name, id: UntypedNewID(interface: interface, version: version, id: id))
            return version
        }
        switch interface {
        case WlCompositor.interfaceName where compositor == nil && version >= 4:
            let id = connection.create()
            compositor = WlCompositor.Proxy(outbox, id, version: bound(WlCompositor.version, id))
        case WlShm.interfaceName where shm == nil:
            let id = connection.create()
            shm = WlShm.Proxy(outbox, id, version: bound(WlShm.version, id))
        case XdgWmBase.interfaceName where shell == nil:
            let id = connection.create { message throws(WireError) in
                if case .ping(let serial) = try XdgWmBase.Event.decode(&message, version: 5) { this.shell?.pong(serial: serial) }
            }
            shell = XdgWmBase.Proxy(outbox, id, version: bound(XdgWmBase.version, id))
        case ZxdgDecorationManagerV1.interfaceName where decorations == nil:
            let id = connection.create()
            decorations = ZxdgDecorationManagerV1.Proxy(outbox, id, version: bound(ZxdgDecorationManagerV1.version, id))
        case WlDataDeviceManager.interfaceName where dataDeviceManager == nil:
            let id = connection.create()
            dataDeviceManager = WlDataDeviceManager.Proxy(outbox, id, version: bound(WlDataDeviceManager.version, id))
        case WlSeat.interfaceName where seat == nil:
            let id = connection.create { message throws(WireError) in try this.seat?.receive(&message) }
            seat = Seat(WlSeat.Proxy(outbox, id, version: bound(WlSeat.version, id)), self)
        case WlOutput.interfaceName:
            let id = connection.create { message throws(WireError) in
                if case .scale(let factor) = try WlOutput.Event.decode(&message, version: 4) { this.setScale(name, factor) }
            }
            outputs.append((name, id, 1))
            _ = bound(WlOutput.version, id)
        default: break
        }
    }

    /// What needs two globals is made when all are known.
    private func connect() {
        if let seat, let dataDeviceManager { clipboard = Clipboard(dataDeviceManager, seat, self) }
    }

    private func setScale(_ name: UInt32, _ factor: Int32) {
        guard let index = outputs.firstIndex(where: { $0.name == name }), (1...4).contains(factor) else { return }
        outputs[index].scale = factor
        for window in application.windows { window.updateScale() }
    }

    /// The scale of an output; one if it is not known.
    func scale(of output: ObjectID) -> Int32 { outputs.first { $0.id == output }?.scale ?? 1 }

    // MARK: Surfaces

    func register(_ surface: ObjectID, _ window: Window) { surfaces[surface] = window }
    func unregister(_ surface: ObjectID) { surfaces[surface] = nil }
    func window(of surface: ObjectID) -> Window? { surfaces[surface] }
}
