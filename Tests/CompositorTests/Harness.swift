import Chrome
import CompositorCore
import Gfx
import Keymap
import Scene
import System
import WaylandClient

/// A compositor without devices, for tests.
final class TestDesktop {
    let compositor: Compositor
    /// Immutable, and slow to draw without optimisation: drawn once for all tests.
    nonisolated(unsafe) private static let style = ChromeStyle(palette: .dark, fonts: InterfaceFonts())

    init(size: Size = Size(width: 800, height: 600)) throws {
        let text = Array("xkb_keymap {};\0".utf8)
        let file = try FileDescriptor.memory("keymap", byteCount: text.count)
        compositor = Compositor(
            CompositorConfiguration(
                size: size, workArea: Rect(size: size).inset(top: 30), keyTable: Self.keyTable(), keymapFile: file,
                keymapTextSize: text.count,
                chromeStyle: Self.style))
    }

    /// Letters on their codes, Shift on 42.
    static func keyTable() -> KeyTable {
        var words: [UInt32] = [KeyTable.magic, KeyTable.version, 128, 0]
        for code in 0..<128 as Range<UInt32> {
            for combination in 0..<16 { words.append(code == 30 ? (combination & 1 == 1 ? 0x41 : 0x61) : 0) }
        }
        for code in 0..<128 { words.append(code == 42 ? 1 : 0) }
        return words.withUnsafeBytes { KeyTable(file: $0)! }
    }

    func connect() throws -> TestClient {
        var ends: [Int32] = []
        try UnixStream.pair { first, second in
            ends = [first.intoDescriptor().release(), second.intoDescriptor().release()]
        }
        let server = FileDescriptor(owning: ends[0])
        let local = FileDescriptor(owning: ends[1])
        try server.setNonBlocking()
        try local.setNonBlocking()
        guard let client = compositor.connect(UnixStream(server)) else { throw Errno.busy }
        return TestClient(self, client, UnixStream(local))
    }

    func frame(_ time: UInt32 = 1) {
        _ = compositor.scene.takeDamage()
        compositor.frameShown(FrameTime(nanoseconds: UInt64(time) * 1_000_000, refreshNanoseconds: 16_000_000))
    }
}

/// An event that came to a test client.
struct ReceivedEvent {
    let object: UInt32
    let opcode: UInt16
    let words: [UInt32]
}

/// A client that speaks by the generated bindings.
final class TestClient {
    let desktop: TestDesktop
    let server: Client
    let stream: UnixStream
    let outbox = Outbox(limit: 1 << 20)
    let inbox = Inbox()
    private var nextID: UInt32 = 2
    private(set) var events: [ReceivedEvent] = []
    private(set) var isAlive = true
    /// The globals by interface.
    private(set) var globals: [String: (name: UInt32, version: UInt32)] = [:]
    private(set) var error: String?
    private var registryID: UInt32 = 0

    init(_ desktop: TestDesktop, _ server: Client, _ stream: consuming UnixStream) {
        self.desktop = desktop
        self.server = server
        self.stream = stream
    }

    func newID() -> ObjectID {
        nextID += 1
        return ObjectID(rawValue: nextID - 1)!
    }

    /// Sends what waits, lets the server obey, and reads its answers.
    func exchange() {
        guard isAlive else { return }
        _ = outbox.flush(to: stream)
        if !server.receive() { isAlive = false }
        desktop.compositor.finishBatch()
        _ = server.flush()
        readEvents()
        if !isAlive { desktop.compositor.disconnect(server) }
    }

    func readEvents() {
        while inbox.receive(from: stream) == .done {
            do throws(WireError) {
                while let message = try inbox.next() { note(message) }
            } catch { return }
        }
    }

    private func note(_ message: IncomingMessage) {
        var copy = message
        if message.object == .display, message.opcode == 0 {
            if case .error(let object, let code, let text)? = try? WlDisplay.Event.decode(&copy, version: 1) {
                error = "\(object.rawValue) \(code) \(text)"
            }
        } else if message.object.rawValue == registryID, message.opcode == 0 {
            if case .global(let name, let interface, let version)? = try? WlRegistry.Event.decode(&copy, version: 1) {
                globals[interface] = (name, version)
            }
        }
        var words: [UInt32] = []
        copy = message
        while let word = try? copy.uint() { words.append(word) }
        events.append(ReceivedEvent(object: message.object.rawValue, opcode: message.opcode, words: words))
    }

    func take(_ object: ObjectID, _ opcode: UInt16) -> [ReceivedEvent] {
        let found = events.filter { $0.object == object.rawValue && $0.opcode == opcode }
        events.removeAll { $0.object == object.rawValue && $0.opcode == opcode }
        return found
    }

    func registry() -> WlRegistry.Proxy {
        let id = newID()
        registryID = id.rawValue
        WlDisplay.Proxy(outbox, .display, version: 1).getRegistry(registry: id)
        exchange()
        return WlRegistry.Proxy(outbox, id, version: 1)
    }

    func bind(_ registry: WlRegistry.Proxy, _ interface: String) -> (id: ObjectID, version: UInt32) {
        let id = newID()
        let global = globals[interface] ?? (name: 0, version: 1)
        registry.bind(name: global.name, id: UntypedNewID(interface: interface, version: global.version, id: id))
        return (id, global.version)
    }
}

/// The objects of a client with one window.
struct TestWindow {
    let client: TestClient
    let compositor: WlCompositor.Proxy
    let shm: WlShm.Proxy
    let seat: WlSeat.Proxy
    let base: XdgWmBase.Proxy
    let surface: WlSurface.Proxy
    let xdgSurface: XdgSurface.Proxy
    let toplevel: XdgToplevel.Proxy

    init(_ client: TestClient) {
        self.client = client
        let registry = client.registry()
        let compositor = client.bind(registry, WlCompositor.interfaceName)
        let shm = client.bind(registry, WlShm.interfaceName)
        let seat = client.bind(registry, WlSeat.interfaceName)
        let base = client.bind(registry, XdgWmBase.interfaceName)
        self.compositor = WlCompositor.Proxy(client.outbox, compositor.id, version: compositor.version)
        self.shm = WlShm.Proxy(client.outbox, shm.id, version: shm.version)
        self.seat = WlSeat.Proxy(client.outbox, seat.id, version: seat.version)
        self.base = XdgWmBase.Proxy(client.outbox, base.id, version: base.version)
        surface = WlSurface.Proxy(client.outbox, client.newID(), version: compositor.version)
        self.compositor.createSurface(id: surface.id)
        xdgSurface = XdgSurface.Proxy(client.outbox, client.newID(), version: base.version)
        self.base.getXdgSurface(id: xdgSurface.id, surface: surface.id)
        toplevel = XdgToplevel.Proxy(client.outbox, client.newID(), version: base.version)
        xdgSurface.getToplevel(id: toplevel.id)
    }

    /// A buffer of a pool of its own.
    func buffer(_ width: Int32, _ height: Int32, sealed: Bool = true) throws -> ObjectID {
        let file = try FileDescriptor.memory("test", byteCount: Int(width * height) * 4)
        if sealed { try file.add([.shrink]) }
        let pool = WlShmPool.Proxy(client.outbox, client.newID(), version: 1)
        shm.createPool(id: pool.id, fd: file, size: width * height * 4)
        let buffer = client.newID()
        pool.createBuffer(id: buffer, offset: 0, width: width, height: height, stride: width * 4, format: .xrgb8888)
        pool.destroy()
        return buffer
    }

    /// Answers configure events until the window is shown.
    func show(_ width: Int32, _ height: Int32) throws {
        surface.commit()
        client.exchange()
        acknowledge()
        surface.attach(buffer: try buffer(width, height), x: 0, y: 0)
        surface.damageBuffer(x: 0, y: 0, width: width, height: height)
        surface.commit()
        client.exchange()
        acknowledge()
        client.exchange()
    }

    func acknowledge() {
        for event in client.take(xdgSurface.id, 0) { xdgSurface.ackConfigure(serial: event.words[0]) }
    }
}
