import ABI
import Files
import Scheduling
import Support

// Names and connections: bind, listen, connect, accept.
extension UnixSocket {
    /// Makes two sockets each other's peer (socketpair).
    static func connectPair(_ a: UnixSocket, _ b: UnixSocket, credentials: SocketCredentials) {
        for (one, other) in [(a, b), (b, a)] {
            one.state.withLock { state in
                state.phase = .connected
                state.peer = other
                state.peerCredentials = credentials
            }
        }
    }

    // MARK: Names

    func bind(_ address: UnixAddress, origin: () throws(Errno) -> PathOrigin, umask: UInt32) throws(Errno) {
        try checkUnbound()
        switch address {
        case .unnamed:
            let name = try AbstractNames.addAutomatic(self)
            try adopt(.abstract(name), inode: nil)
        case .abstract(let name):
            guard AbstractNames.add(name, self) else { throw .addressInUse }
            try adopt(address, inode: nil)
        case .path(let path):
            let origin = try origin()
            let node: PathNode
            do throws(Errno) {
                node = try path.withBytes { (bytes) throws(Errno) in
                    try PathOperations.create(bytes, origin, kind: .socket, permissions: 0o777 & ~umask)
                }
            } catch {
                throw error == .exists ? .addressInUse : error
            }
            guard let inode = node.inode else { throw .noEntry }
            inode.attachment.withLock { $0 = self }
            try adopt(address, inode: inode)
        }
    }

    private func checkUnbound() throws(Errno) {
        let isBound = state.withLock { state in
            if case .unnamed = state.address { return false }
            return true
        }
        if isBound { throw .invalidArgument }
    }

    private func adopt(_ address: UnixAddress, inode: Inode?) throws(Errno) {
        let isAdopted = state.withLock { state in
            guard case .unnamed = state.address else { return false }
            state.address = address
            state.inode = inode
            return true
        }
        if isAdopted { return }
        // Another thread bound it in the meantime.
        if case .abstract(let name) = address { AbstractNames.remove(name, self) }
        inode?.attachment.withLock { $0 = nil }
        throw .invalidArgument
    }

    /// The socket that listens or receives at an address.
    static func find(_ address: UnixAddress, _ kind: Kind, origin: () throws(Errno) -> PathOrigin) throws(Errno) -> UnixSocket {
        switch address {
        case .unnamed: throw .invalidArgument
        case .abstract(let name):
            guard let socket = AbstractNames.find(name, kind) else { throw .connectionRefused }
            return socket
        case .path(let path):
            let origin = try origin()
            let node = try PathOperations.resolve(path, origin)
            guard let inode = node.inode, inode.kind == .socket else { throw .connectionRefused }
            guard inode.mayAccess(.write, origin.identity) else { throw .accessDenied }
            let attached: AnyObject? = inode.attachment.withLock { $0 }
            guard let attached else { throw .connectionRefused }
            // SAFETY: nothing but `bind` attaches to inodes of sockets.
            let socket = unsafeDowncast(attached, to: UnixSocket.self)
            if socket.kind != kind { throw .wrongProtocolType }
            return socket
        }
    }

    // MARK: Listening

    static var maximumBacklog: Int { 4096 }

    func listen(backlog: Int32, credentials: SocketCredentials) throws(Errno) {
        guard isConnectionOriented else { throw .notSupported }
        let isListening = state.withLock { state in
            if case .unnamed = state.address { return false }
            guard state.phase == .unconnected || state.phase == .listening else { return false }
            state.phase = .listening
            // A negative number counts as a very large one.
            state.backlog = backlog < 0 ? Self.maximumBacklog : min(Int(backlog), Self.maximumBacklog)
            state.listenCredentials = credentials
            return true
        }
        if !isListening { throw .invalidArgument }
        // Room in the queue may have grown.
        budget.writable.wake()
    }

    /// Takes the oldest connection that waits.
    func accept(isNonBlocking: Bool) throws(Errno) -> UnixSocket {
        guard isConnectionOriented else { throw .notSupported }
        let deadline = deadline(state.withLock { $0.receiveTimeout })
        while true {
            var isListening = false
            let connection: UnixSocket? = state.withLock { state in
                isListening = state.phase == .listening && !state.noMoreReceiving
                return state.pending.isEmpty ? nil : state.pending.removeFirst()
            }
            if let connection {
                // Those who wait to connect wait on the listener's write side.
                budget.writable.wake()
                return connection
            }
            if !isListening { throw .invalidArgument }
            if isNonBlocking { throw .wouldBlock }
            try readable.waitForSocket(deadline: deadline) {
                state.withLock { !$0.pending.isEmpty || $0.phase != .listening || $0.noMoreReceiving }
            }
        }
    }

    // MARK: Connecting

    /// Connects a stream or sequenced-packet socket to a listener.
    func connect(
        _ address: UnixAddress, origin: () throws(Errno) -> PathOrigin, credentials: SocketCredentials,
        isNonBlocking: Bool
    ) throws(Errno) {
        let oldPhase = state.withLock { state in
            let old = state.phase
            if old == .unconnected { state.phase = .connecting }
            return old
        }
        switch oldPhase {
        case .unconnected: break
        case .connecting: throw .alreadyInProgress
        case .connected: throw .alreadyConnected
        case .listening, .closed: throw .invalidArgument
        }
        do throws(Errno) {
            let listener = try Self.find(address, kind, origin: origin)
            try connect(to: listener, credentials: credentials, isNonBlocking: isNonBlocking)
        } catch {
            state.withLock { state in
                if state.phase == .connecting { state.phase = .unconnected }
            }
            throw error
        }
    }

    private func connect(to listener: UnixSocket, credentials: SocketCredentials, isNonBlocking: Bool) throws(Errno) {
        let server = UnixSocket(kind)
        let timeout = state.withLock { $0.sendTimeout }
        let deadline = deadline(timeout)
        while true {
            var refusal: Errno?
            var address = UnixAddress.unnamed
            var listenerCredentials = SocketCredentials.none
            listener.state.withLock { state in
                if state.phase != .listening || state.noMoreReceiving {
                    refusal = .connectionRefused
                } else if state.pending.count > state.backlog {
                    refusal = .wouldBlock
                } else {
                    address = state.address
                    listenerCredentials = state.listenCredentials
                }
            }
            if refusal == .wouldBlock, !isNonBlocking {
                try listener.budget.writable.waitForSocket(deadline: deadline) {
                    listener.state.withLock { $0.pending.count <= $0.backlog || $0.phase != .listening || $0.noMoreReceiving }
                }
                continue
            }
            if let refusal { throw refusal }
            server.state.withLock { state in
                state.phase = .connected
                state.peer = self
                state.address = address
                state.peerCredentials = credentials
            }
            // This end is complete before the other one can be accepted and closed.
            state.withLock { state in
                state.phase = .connected
                state.peer = server
                state.peerCredentials = listenerCredentials
            }
            let isQueued = listener.state.withLock { state in
                guard state.phase == .listening, !state.noMoreReceiving else { return false }
                state.pending.append(server)
                return true
            }
            if isQueued {
                listener.readable.wake(events: PollEvents.readable.rawValue)
                return
            }
            state.withLock { state in
                state.phase = .unconnected
                state.peer = nil
            }
            throw .connectionRefused
        }
    }

    /// Sets or clears the default destination of a datagram socket.
    func connectDatagrams(_ destination: UnixSocket?) throws(Errno) {
        if let destination {
            let mayTalk = destination.state.withLock { $0.phase != .closed && ($0.peer == nil || $0.peer === self) }
            guard mayTalk else { throw .notPermitted }
        }
        // What came from an old peer is dropped when the peer changes. The old peer is released outside the lock.
        var old: UnixSocket?
        let queue = state.withLock { state in
            old = state.peer
            state.peer = destination
            return old != nil && old !== destination ? state.queue.takeAll() : SocketMessageQueue()
        }
        queue.discard()
        wakeAll()
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` with a typed error.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws(Errno) -> Result) throws(Errno) -> Result {
        try span.withUnsafeBytes(body)
    }
}
