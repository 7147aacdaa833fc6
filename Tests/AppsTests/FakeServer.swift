import Gfx
import Keymap
import System
import Toolkit
import WaylandServer

/// A Wayland server for one client, in the client's own event loop: it keeps what the client says and answers only
/// when a test tells it to.
final class FakeServer {
    enum Kind {
        case display, registry, compositor, shm, pool, buffer, shell, shellSurface, toplevel, surface, callback, seat, keyboard,
            pointer, other
    }

    final class Pool {
        let mapping: MemoryMapping
        init(_ mapping: consuming MemoryMapping) { self.mapping = mapping }
    }

    struct Buffer {
        let pool: Pool
        let size: Size
        let stride: Int
        var isHeld = false
    }

    struct Commit {
        var buffer: ObjectID?
        var damage: [Rect] = []
        var callbacks: [ObjectID] = []
        var scale: Int32 = 1
    }

    private let stream: UnixStream
    private let inbox = Inbox()
    private let outbox = Outbox(limit: 1 << 20)
    private var objects: [ObjectID: Kind] = [.display: .display]
    private var pools: [ObjectID: Pool] = [:]
    private(set) var buffers: [ObjectID: Buffer] = [:]
    private(set) var commits: [Commit] = []
    private(set) var acknowledged: [UInt32] = []
    private(set) var title = ""
    private var pending = Commit()
    private var surface: ObjectID?
    private var shellSurface: ObjectID?
    private var toplevel: ObjectID?
    private var keyboard: ObjectID?
    private var pointer: ObjectID?
    private var serial: UInt32 = 0
    private(set) var failure = ""

    /// Makes the server's end; the client connects through `WAYLAND_SOCKET`.
    init() throws {
        var mine: UnixStream?
        try UnixStream.pair { left, right in
            mine = consume left
            Environment.set("WAYLAND_SOCKET", "\(right.intoDescriptor().release())")
        }
        stream = mine.take()!
        try stream.descriptor.setNonBlocking()
    }

    /// Serves within a loop until it is stopped.
    func serve(_ loop: EventLoop) throws {
        _ = try loop.watch(stream.descriptor, .readable) { [self] _ in receive() }
    }

    private func receive() {
        while true {
            let result = inbox.receive(from: stream)
            do {
                while var message = try inbox.next() { try handle(&message) }
            } catch { failure = "\(error)" }
            if result != .done { break }
        }
        _ = outbox.flush(to: stream)
    }

    private func handle(_ message: inout IncomingMessage) throws {
        switch objects[message.object] {
        case .display: try display(&message)
        case .registry:
            guard case .bind(_, let id) = try WlRegistry.Request.decode(&message, version: 1) else { return }
            bind(id)
        case .compositor:
            guard case .createSurface(let id) = try WlCompositor.Request.decode(&message, version: 5) else { return }
            objects[id] = .surface
            if surface == nil { surface = id }
        case .shm:
            guard case .createPool(let id, let file, let size) = try WlShm.Request.decode(&message, version: 1),
                let file = file.take()
            else { return }
            if try !file.seals().contains(.shrink) { failure = "the pool can shrink" }
            objects[id] = .pool
            pools[id] = Pool(try MemoryMapping(shared: file, byteCount: Int(size), .read))
        case .pool: try pool(&message)
        case .buffer:
            objects[message.object] = nil
            if buffers.removeValue(forKey: message.object)?.isHeld == true {
                failure = "a buffer was destroyed while it was read"
            }
            delete(message.object)
        case .shell:
            if case .getXdgSurface(let id, _) = try XdgWmBase.Request.decode(&message, version: 5) {
                objects[id] = .shellSurface
                shellSurface = id
            }
        case .shellSurface:
            switch try XdgSurface.Request.decode(&message, version: 5) {
            case .getToplevel(let id):
                objects[id] = .toplevel
                toplevel = id
            case .ackConfigure(let serial): acknowledged.append(serial)
            default: break
            }
        case .toplevel:
            if case .setTitle(let title) = try XdgToplevel.Request.decode(&message, version: 5) { self.title = title }
        case .surface: try surface(&message)
        case .seat:
            switch try WlSeat.Request.decode(&message, version: 7) {
            case .getKeyboard(let id):
                objects[id] = .keyboard
                keyboard = id
            case .getPointer(let id):
                objects[id] = .pointer
                pointer = id
            default: break
            }
        case .keyboard, .pointer, .callback, .other: break
        case nil: failure = "request to an unknown object"
        }
    }

    private func display(_ message: inout IncomingMessage) throws {
        switch try WlDisplay.Request.decode(&message, version: 1) {
        case .sync(let callback):
            objects[callback] = .callback
            done(callback)
        case .getRegistry(let id):
            objects[id] = .registry
            let registry = WlRegistry.Resource(outbox, id, version: 1)
            registry.global(name: 1, interface: "wl_compositor", version: 5)
            registry.global(name: 2, interface: "wl_shm", version: 1)
            registry.global(name: 3, interface: "xdg_wm_base", version: 5)
            registry.global(name: 4, interface: "wl_seat", version: 7)
        }
    }

    private func bind(_ id: UntypedNewID) {
        switch id.interface {
        case "wl_compositor": objects[id.id] = .compositor
        case "wl_shm": objects[id.id] = .shm
        case "xdg_wm_base": objects[id.id] = .shell
        case "wl_seat":
            objects[id.id] = .seat
            WlSeat.Resource(outbox, id.id, version: 7).capabilities(capabilities: [.keyboard, .pointer])
        default: objects[id.id] = .other
        }
    }

    private func pool(_ message: inout IncomingMessage) throws {
        let id = message.object
        switch try WlShmPool.Request.decode(&message, version: 1) {
        case .createBuffer(let buffer, let offset, let width, let height, let stride, _):
            guard let pool = pools[id], offset == 0 else { return failure = "bad pool" }
            objects[buffer] = .buffer
            buffers[buffer] = Buffer(pool: pool, size: Size(width: width, height: height), stride: Int(stride))
        case .destroy:
            objects[id] = nil
            pools[id] = nil
            delete(id)
        case .resize: failure = "unexpected resize"
        }
    }

    private func surface(_ message: inout IncomingMessage) throws {
        switch try WlSurface.Request.decode(&message, version: 5) {
        case .attach(let buffer, _, _): pending.buffer = buffer
        case .damageBuffer(let x, let y, let width, let height):
            pending.damage.append(Rect(x: x, y: y, width: width, height: height))
        case .frame(let callback):
            objects[callback] = .callback
            pending.callbacks.append(callback)
        case .setBufferScale(let scale): pending.scale = scale
        case .commit:
            if let buffer = pending.buffer {
                if buffers[buffer]?.isHeld != false { failure = "a buffer that is read was committed" }
                buffers[buffer]?.isHeld = true
            }
            commits.append(pending)
            pending = Commit(scale: pending.scale)
        default: break
        }
    }

    // MARK: What tests do

    private func delete(_ id: ObjectID) { WlDisplay.Resource(outbox, .display, version: 1).deleteId(id: id.rawValue) }

    private func done(_ callback: ObjectID) {
        WlCallback.Resource(outbox, callback, version: 1).done(callbackData: 0)
        objects[callback] = nil
        delete(callback)
    }

    /// Says that a frame was shown.
    func finishFrame() {
        for commit in commits.indices {
            for callback in commits[commit].callbacks { done(callback) }
            commits[commit].callbacks = []
        }
        _ = outbox.flush(to: stream)
    }

    /// Gives a buffer back.
    func release(_ id: ObjectID) {
        guard buffers[id]?.isHeld == true else { return }
        buffers[id]?.isHeld = false
        WlBuffer.Resource(outbox, id, version: 1).release()
        _ = outbox.flush(to: stream)
    }

    var heldBuffers: [ObjectID] { buffers.filter(\.value.isHeld).keys.sorted { $0.rawValue < $1.rawValue } }

    func configure(_ width: Int32, _ height: Int32) {
        guard let toplevel, let shellSurface else { return }
        serial += 1
        XdgToplevel.Resource(outbox, toplevel, version: 5).configure(width: width, height: height, states: [])
        XdgSurface.Resource(outbox, shellSurface, version: 5).configure(serial: serial)
        _ = outbox.flush(to: stream)
    }

    func closeWindow() {
        if let toplevel { XdgToplevel.Resource(outbox, toplevel, version: 5).close() }
        _ = outbox.flush(to: stream)
    }

    /// Gives the keyboard a keymap and the window the focus.
    func focus(keymap: String) throws {
        guard let keyboard, let surface else { return }
        let text = Array(keymap.utf8) + [0]
        let file = try FileDescriptor.memory("keymap", byteCount: text.count)
        try file.writeAll(text)
        let resource = WlKeyboard.Resource(outbox, keyboard, version: 7)
        resource.keymap(format: .xkbV1, fd: file, size: UInt32(text.count))
        resource.repeatInfo(rate: 50, delay: 60)
        resource.enter(serial: 10, surface: surface, keys: [])
        _ = outbox.flush(to: stream)
    }

    func key(_ code: UInt32, pressed: Bool, modifiers: Modifiers = []) {
        guard let keyboard else { return }
        let resource = WlKeyboard.Resource(outbox, keyboard, version: 7)
        resource.modifiers(serial: 11, modsDepressed: modifiers.rawValue, modsLatched: 0, modsLocked: 0, group: 0)
        resource.key(serial: 12, time: 0, key: code, state: pressed ? .pressed : .released)
        _ = outbox.flush(to: stream)
    }

    /// Moves the pointer into the window and clicks the left button.
    func click(_ x: Int32, _ y: Int32, time: UInt32) {
        guard let pointer, let surface else { return }
        let resource = WlPointer.Resource(outbox, pointer, version: 7)
        if time == 0 { resource.enter(serial: 20, surface: surface, surfaceX: Fixed(0), surfaceY: Fixed(0)) }
        resource.motion(time: time, surfaceX: Fixed(x), surfaceY: Fixed(y))
        resource.button(serial: 21, time: time, button: 0x110, state: .pressed)
        resource.button(serial: 22, time: time + 5, button: 0x110, state: .released)
        resource.frame()
        _ = outbox.flush(to: stream)
    }

    /// Turns the wheel by a step.
    func wheel() {
        guard let pointer else { return }
        let resource = WlPointer.Resource(outbox, pointer, version: 7)
        resource.axisDiscrete(axis: .verticalScroll, discrete: -1)
        resource.axis(time: 0, axis: .verticalScroll, value: Fixed(-10))
        resource.frame()
        _ = outbox.flush(to: stream)
    }

    /// A pixel of a buffer.
    func pixel(_ id: ObjectID, _ x: Int32, _ y: Int32) -> UInt32 {
        guard let buffer = buffers[id] else { return 0 }
        return buffer.pool.mapping.address.load(fromByteOffset: Int(y) * buffer.stride + Int(x) * 4, as: UInt32.self)
    }
}
