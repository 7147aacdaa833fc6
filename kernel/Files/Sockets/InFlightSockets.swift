import ABI
import Files
import Support
import Synchronization

/// Sockets that are on their way through sockets. When such a socket's only users are messages in queues that nobody can
/// read any more, a cycle has formed that would live for ever; `collect` finds and breaks it.
///
/// The rule is that of every cycle collector by trial deletion: a socket whose uses are all messages is a candidate; uses
/// that come from the candidates' own queues are subtracted; what is left without uses, and is not reached from one that has
/// some, is garbage.
enum InFlightSockets {
    private static let lock = CompactLock()
    /// Each socket that at least one message carries. Protected by `lock`.
    nonisolated(unsafe) private static var sockets: [UnixSocket] = []
    private static let count = Atomic<Int>(0)
    /// Above this number every further one triggers a collection.
    private static var crowd: Int { 1024 }

    static func add(_ socket: UnixSocket) {
        var isCrowded = false
        locked {
            if socket.inFlightCount == 0 {
                socket.inFlightIndex = sockets.count
                sockets.append(socket)
                count.store(sockets.count, ordering: .releasing)
            }
            socket.inFlightCount += 1
            isCrowded = sockets.count > crowd && sockets.count % 256 == 0
        }
        if isCrowded { collect() }
    }

    static func remove(_ socket: UnixSocket) {
        locked {
            socket.inFlightCount -= 1
            guard socket.inFlightCount == 0 else { return }
            let index = socket.inFlightIndex
            let last = sockets.removeLast()
            count.store(sockets.count, ordering: .releasing)
            if last !== socket {
                sockets[index] = last
                last.inFlightIndex = index
            }
            socket.inFlightIndex = -1
        }
    }

    /// Called when a descriptor of a file was closed, or a message that carried it was thrown away. Only if that leaves a
    /// socket with nothing but messages can a cycle have come loose.
    static func lostUse(_ file: OpenFile) {
        if count.load(ordering: .acquiring) == 0 { return }
        guard let file = file as? UnixSocketFile else { return }
        var isSuspect = false
        locked { isSuspect = file.socket.inFlightCount > 0 && file.users == file.socket.inFlightCount }
        if isSuspect { collect() }
    }

    /// Throws away the queues of sockets that can never be read.
    static func collect() {
        var garbage: [UnixSocket] = []
        locked {
            for socket in sockets {
                let isCandidate = socket.file.map { $0.users == socket.inFlightCount } ?? false
                socket.reachability = isCandidate ? .candidate : .unknown
                socket.unexplainedUses = socket.inFlightCount
            }
            for socket in sockets where socket.reachability == .candidate {
                socket.forEachQueuedSocket { $0.unexplainedUses -= 1 }
            }
            var reached: [UnixSocket] = []
            for socket in sockets where socket.reachability == .candidate && socket.unexplainedUses > 0 {
                socket.reachability = .reachable
                reached.append(socket)
            }
            while let socket = reached.popLast() {
                socket.forEachQueuedSocket { other in
                    guard other.reachability == .candidate else { return }
                    other.reachability = .reachable
                    reached.append(other)
                }
            }
            for socket in sockets where socket.reachability == .candidate { garbage.append(socket) }
        }
        for socket in garbage { socket.discardQueues() }
    }

    private static func locked(_ body: () -> Void) {
        try? lock.withLock { () throws(Errno) in body() }
    }
}

extension UnixSocket {
    /// Shows the sockets that messages in this one's queues carry; a listener's are those of its waiting connections too.
    fileprivate func forEachQueuedSocket(_ body: (UnixSocket) -> Void) {
        let pending = state.withLock { state in
            state.queue.forEachFile { file in
                if let socket = file as? UnixSocketFile { body(socket.socket) }
            }
            return state.pending
        }
        for connection in pending {
            connection.state.withLock { state in
                state.queue.forEachFile { file in
                    if let socket = file as? UnixSocketFile { body(socket.socket) }
                }
            }
        }
    }

    /// Throws away everything that is queued.
    fileprivate func discardQueues() {
        let pending = state.withLock { $0.pending }
        for socket in [self] + pending {
            let queue = socket.state.withLock { $0.queue.takeAll() }
            queue.discard()
        }
    }
}
