// A client's end of a Wayland connection: objects, and events on their way to them.

import System
import WaylandClient

/// Why a connection is over.
public enum ConnectionEnd: Sendable {
    /// The server is gone: a new one may come.
    case closed
    /// The server said what we did wrong, or broke the protocol itself.
    case failed
}

/// Reads an event of one object.
typealias EventHandler = (inout IncomingMessage) throws(WireError) -> Void

final class Connection {
    private struct Object {
        let handler: EventHandler
        /// Its events carry descriptors, which must be taken out of the stream even when nobody is interested any more.
        let carriesDescriptors: Bool
    }

    let stream: UnixStream
    let outbox = Outbox(limit: 1 << 20)
    private let inbox = Inbox()
    private var objects = ObjectMap<Object>(side: .client, limit: 1 << 16)
    private(set) var end: ConnectionEnd?

    /// Connects to the server that the environment names.
    static func open() throws(Errno) -> Connection {
        if let inherited = Environment["WAYLAND_SOCKET"], let number = Int32(inherited), number > 2 {
            Environment.remove("WAYLAND_SOCKET")
            return try Connection(UnixStream(FileDescriptor(owning: number)))
        }
        let name = Environment["WAYLAND_DISPLAY"] ?? "wayland-0"
        if name.utf8.first == UInt8(ascii: "/") { return try Connection(UnixStream(connectingTo: name)) }
        guard let directory = Environment["XDG_RUNTIME_DIR"] else { throw .noEntry }
        return try Connection(UnixStream(connectingTo: directory + "/" + name))
    }

    private init(_ stream: consuming UnixStream) throws(Errno) {
        try stream.descriptor.setNonBlocking()
        self.stream = stream
        // The first object of the map is number one, which is the display on every connection.
        _ = objects.allocate(Object(handler: { _ throws(WireError) in }, carriesDescriptors: false))
        unowned(unsafe) let this = self
        // SAFETY: the handler is only called by this object.
        objects.update(
            .display, Object(handler: { message throws(WireError) in try this.display(&message) }, carriesDescriptors: false))
    }

    var display: WlDisplay.Proxy { WlDisplay.Proxy(outbox, .display, version: 1) }

    // MARK: Objects

    /// Enters a new object of ours.
    func create(carriesDescriptors: Bool = false, _ handler: @escaping EventHandler = { _ throws(WireError) in }) -> ObjectID {
        guard let id = objects.allocate(Object(handler: handler, carriesDescriptors: carriesDescriptors)) else {
            // An application with so many live objects leaks them.
            fatalError("too many Wayland objects")
        }
        return id
    }

    /// Enters a new object of the server's.
    func adopt(_ id: ObjectID, _ handler: @escaping EventHandler) throws(WireError) {
        try objects.insert(Object(handler: handler, carriesDescriptors: false), peer: id)
    }

    /// Notes that the request which ends an object has been sent; its number is free when the server says so.
    func retire(_ id: ObjectID) {
        // The server never tells about numbers of its own: those are free at once.
        if id.isAllocatedByServer { objects.remove(id) } else { objects.retire(id) }
    }

    private func display(_ message: inout IncomingMessage) throws(WireError) {
        switch try WlDisplay.Event.decode(&message, version: 1) {
        case .error(let object, let code, let text):
            Log.write("toolkit", "Wayland error \(code) at object \(object.rawValue): \(text)")
            end = .failed
        case .deleteId(let number):
            if let id = ObjectID(rawValue: number), id != .display { objects.remove(id) }
        }
    }

    // MARK: Transport

    /// Reads what is there and calls the handlers.
    func receive() {
        while end == nil {
            let result = inbox.receive(from: stream)
            dispatch()
            switch result {
            case .done: continue
            case .wouldBlock: return
            case .closed: end = end ?? .closed
            case .failed: end = end ?? .failed
            }
        }
    }

    private func dispatch() {
        do throws(WireError) {
            while end == nil, var message = try inbox.next() {
                switch objects[message.object] {
                case .live(let object)?: try object.handler(&message)
                case .retired(let object)?: if object.carriesDescriptors { try object.handler(&message) }
                // An event that crossed the end of a server's object.
                case nil: break
                }
            }
        } catch {
            Log.write("toolkit", "malformed Wayland message")
            end = .failed
        }
    }

    /// Sends what waits; true if something is left because the socket is full.
    func flush() -> Bool {
        guard end == nil else { return false }
        if outbox.overflowed {
            end = .failed
            return false
        }
        switch outbox.flush(to: stream) {
        case .done: return false
        case .wouldBlock: return true
        case .closed:
            // The server's last words may say why.
            receive()
            end = end ?? .closed
            return false
        case .failed:
            end = .failed
            return false
        }
    }
}
