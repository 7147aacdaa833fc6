// One connection: its sockets' ends, its objects and its end.

import Scene
import System
import WaylandServer

/// A program that is connected to the compositor.
public final class Client {
    /// What one client may use; more ends its connection.
    public enum Limits {
        public static var objects: Int { 16384 }
        /// Bytes that wait because the client does not read.
        public static var outgoingBytes: Int { 256 << 10 }
        /// Address space, not memory: terminals reserve gigabytes of which they use little.
        public static var poolBytes: Int { 64 << 30 }
        /// Files of shared memory that stay open. Toolkits keep one or a few for each window.
        public static var pools: Int { 256 }
        /// The compositor's own memory for buffers of files that are not sealed.
        public static var copiedBytes: Int { 256 << 20 }
        public static var frameCallbacks: Int { 1024 }
        public static var regionRects: Int { 4096 }
    }

    public let number: UInt32
    let stream: UnixStream
    let inbox = Inbox()
    let outbox = Outbox(limit: Limits.outgoingBytes)
    // SAFETY: the compositor ends all its clients before it goes away.
    unowned(unsafe) let compositor: Compositor
    var objects = ObjectMap<Resource>(side: .server, limit: Limits.objects)
    let sharedMemory = SharedMemoryAccount()
    public private(set) var hasFailed = false
    /// How many messages it has sent that were complete.
    public private(set) var messageCount = 0

    init(number: UInt32, stream: consuming UnixStream, compositor: Compositor) {
        self.number = number
        self.stream = stream
        self.compositor = compositor
        // A new map cannot refuse its first object.
        try? objects.insert(Resource(version: 1, kind: .display), peer: .display)
    }

    /// Reads and obeys what came; false when the connection is over.
    public func receive() -> Bool {
        switch inbox.receive(from: stream) {
        case .done: break
        case .wouldBlock: return true
        case .closed, .failed: return false
        }
        var current = ObjectID.display
        do throws(WireError) {
            while !hasFailed, var message = try inbox.next() {
                current = message.object
                messageCount += 1
                try dispatch(&message)
            }
        } catch {
            reportWireError(error, at: current)
        }
        return !hasFailed
    }

    /// Sends what waits. False when the connection is over.
    public func flush() -> TransferResult {
        if outbox.overflowed { return .failed }
        return outbox.flush(to: stream)
    }

    /// The client has let more wait than it may.
    public var outboxOverflowed: Bool { outbox.overflowed }

    public var hasOutgoing: Bool { !outbox.isEmpty || outbox.overflowed }

    /// Runs `body` with the socket, for registering it with an event queue.
    public func withDescriptor(_ body: (borrowing FileDescriptor) -> Void) { body(stream.descriptor) }

    // MARK: Objects

    func add(_ id: ObjectID, _ version: UInt32, _ kind: Resource.Kind) throws(WireError) {
        try objects.insert(Resource(version: version, kind: kind), peer: id)
    }

    /// Forgets an object and tells the client that its identifier is free.
    func remove(_ id: ObjectID) {
        objects.remove(id)
        if !id.isAllocatedByServer { WlDisplay.Resource(outbox, .display, version: 1).deleteId(id: id.rawValue) }
    }

    /// The version that an object was bound with.
    func version(_ id: ObjectID) -> UInt32 { objects.live(id)?.version ?? 1 }

    func surface(_ id: ObjectID) -> ClientSurface? {
        if case .surface(let surface)? = objects.live(id)?.kind { return surface }
        return nil
    }

    // MARK: End

    /// Reports a violation of the protocol; the connection ends after the report was sent.
    func fail(_ object: ObjectID, _ code: UInt32, _ message: String) {
        guard !hasFailed else { return }
        hasFailed = true
        Log.write("compositor", "client \(number): object \(object.rawValue): \(message)")
        WlDisplay.Resource(outbox, .display, version: 1).error(objectId: object, code: code, message: message)
        // The socket may be full; the client then misses the reason, not the end.
        _ = outbox.flush(to: stream)
    }

    private func reportWireError(_ error: WireError, at object: ObjectID) {
        let interface = objects.live(object)?.kind.interfaceName ?? "unknown object"
        let code = error == .tooManyObjects ? WlDisplay.ErrorCode.noMemory : WlDisplay.ErrorCode.invalidMethod
        fail(.display, code.rawValue, "\(interface)@\(object.rawValue): \(error.reason)")
    }

    /// Takes everything of the client off the screen. Called once, when the connection is over.
    func end() {
        hasFailed = true
        var all: [(ObjectID, Resource)] = []
        objects.forEach { all.append(($0, $1)) }
        // Roles before the surfaces that have them, the rest afterwards.
        for rank in 0...Resource.Kind.lastRank {
            for (id, resource) in all where resource.kind.rank == rank {
                resource.kind.end()
                objects.remove(id)
            }
        }
        compositor.seat.clientEnded(self)
    }
}

extension WireError {
    /// Why, in words.
    var reason: String {
        switch self {
        case .badMessageSize: "the message has an impossible size"
        case .truncatedArgument: "an argument is cut off"
        case .trailingBytes: "the message is longer than its arguments"
        case .malformedString: "a string is malformed"
        case .unexpectedNull: "null is not allowed"
        case .missingDescriptor: "a file descriptor is missing"
        case .tooManyDescriptors: "too many file descriptors wait"
        case .unknownOpcode: "there is no such request in this version"
        case .badNewID: "the new object's identifier is not free"
        case .tooManyObjects: "there are too many objects"
        }
    }
}
