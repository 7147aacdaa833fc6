import ABI
import Files
import Processes
import Support

/// The open file of an AF_UNIX socket.
public final class UnixSocketFile: SocketFile {
    let socket: UnixSocket

    public init(_ kind: UnixSocket.Kind, flags: OpenFlags) {
        socket = UnixSocket(kind)
        super.init(flags: flags.union(.readWrite))
        socket.file = self
    }

    private init(accepted socket: UnixSocket, flags: OpenFlags) {
        self.socket = socket
        super.init(flags: flags.union(.readWrite))
        socket.file = self
    }

    /// Two connected sockets.
    public static func pair(_ kind: UnixSocket.Kind, flags: OpenFlags) -> (UnixSocketFile, UnixSocketFile) {
        let pair = (UnixSocketFile(kind, flags: flags), UnixSocketFile(kind, flags: flags))
        UnixSocket.connectPair(pair.0.socket, pair.1.socket, credentials: callerCredentials)
        return pair
    }

    deinit {
        socket.file = nil
        socket.close()
    }

    public override func descriptorClosed(_ table: DescriptorTable) {
        InFlightSockets.lostUse(self)
    }

    /// Who the running thread is, for the other end.
    public static var callerCredentials: SocketCredentials {
        let process = Process.current
        let credentials = process.credentials
        return SocketCredentials(pid: process.pid, uid: credentials.euid, gid: credentials.egid)
    }

    private static func origin() throws(Errno) -> PathOrigin {
        try FileContext.current.origin(AtFlags.workingFolder, isAbsolute: false, identity: FileContext.identity)
    }

    // MARK: Connections

    public override func bind(_ address: [UInt8]) throws(Errno) {
        try socket.bind(try UnixAddress(address), origin: Self.origin, umask: FileContext.current.umask)
    }

    public override func listen(backlog: Int32) throws(Errno) {
        try socket.listen(backlog: backlog, credentials: Self.callerCredentials)
    }

    public override func accept(flags: OpenFlags) throws(Errno) -> SocketFile {
        UnixSocketFile(accepted: try socket.accept(isNonBlocking: isNonBlocking), flags: flags)
    }

    public override func connect(_ address: [UInt8]) throws(Errno) {
        // AF_UNSPEC dissolves the association of a datagram socket.
        if address.count >= 2, address[0] == 0, address[1] == 0, !socket.isConnectionOriented {
            return try socket.connectDatagrams(nil)
        }
        let name = try UnixAddress(address)
        if socket.isConnectionOriented {
            try socket.connect(name, origin: Self.origin, credentials: Self.callerCredentials, isNonBlocking: isNonBlocking)
        } else {
            try socket.connectDatagrams(try UnixSocket.find(name, .datagram, origin: Self.origin))
        }
    }

    public override func shutdown(_ how: Int32) throws(Errno) {
        guard how >= 0, how <= 2 else { throw .invalidArgument }
        socket.shutdown(receiving: how != 1, sending: how != 0)
    }

    public override func localAddress() throws(Errno) -> [UInt8] { socket.state.withLock { $0.address }.bytes }

    public override func peerAddress() throws(Errno) -> [UInt8] {
        guard let peer = socket.state.withLock({ $0.peer }) else { throw .notConnected }
        return peer.state.withLock { $0.address }.bytes
    }

    // MARK: Messages

    public override func send(_ message: inout OutgoingMessage) throws(Errno) -> Int {
        if message.flags.contains(.outOfBand) { throw .notSupported }
        let isNonBlocking = isNonBlocking || message.flags.contains(.doNotWait)
        let isStream = socket.kind == .stream
        do throws(Errno) {
            return isStream
                ? try socket.sendStream(&message, isNonBlocking: isNonBlocking)
                : try socket.sendMessage(&message, isNonBlocking: isNonBlocking, origin: Self.origin)
        } catch {
            if error == .brokenPipe, socket.isConnectionOriented, !message.flags.contains(.noSignal) {
                ProcessTable.send(SignalInfo(.brokenPipe), to: UserThread.current)
            }
            throw error
        }
    }

    public override func receive(_ buffer: inout TransferBuffer, flags: MessageFlags) throws(Errno) -> IncomingMessage {
        if flags.contains(.outOfBand) { throw .notSupported }
        let isNonBlocking = isNonBlocking || flags.contains(.doNotWait)
        var incoming =
            socket.kind == .stream
            ? try socket.receiveStream(&buffer, flags: flags, isNonBlocking: isNonBlocking)
            : try socket.receiveMessage(&buffer, flags: flags, isNonBlocking: isNonBlocking)
        if !socket.state.withLock({ $0.passesCredentials }) { incoming.credentials = nil }
        return incoming
    }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int { try receive(&buffer, flags: []).count }

    public override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        var message = OutgoingMessage(bytes: buffer, flags: [], credentials: Self.callerCredentials)
        defer { buffer = message.bytes }
        return try send(&message)
    }

    // MARK: State

    public override func option(level: Int32, name: Int32) throws(Errno) -> [UInt8] { try readOption(level: level, name: name) }
    public override func setOption(level: Int32, name: Int32, value: [UInt8]) throws(Errno) {
        try writeOption(level: level, name: name, value: value)
    }

    public override func poll(_ registration: PollRegistration?) -> PollEvents { socket.poll(registration) }

    public override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        let value: Int
        switch request {
        case TerminalRequest.inputQueued:
            let (isListening, bytes, first) = socket.state.withLock { state in
                (state.phase == .listening, state.queue.byteCount, state.queue.head?.count ?? 0)
            }
            if isListening { throw .invalidArgument }
            // For messages it is the size of the next one.
            value = socket.kind == .stream || socket.kind == .sequencedPacket ? bytes : first
        case TerminalRequest.outputQueued: value = socket.budget.used
        default: throw .notTerminal
        }
        try copyOut(Int32(clamping: value), to: UserAddress(argument))
        return 0
    }

    public override func attributes() throws(Errno) -> FileAttributes {
        FileAttributes.anonymous(kind: .socket, inode: socket.inodeNumber)
    }

    public override var anonymousName: String { "socket:[" + String(socket.inodeNumber) + "]" }
    public override func reopen(flags: OpenFlags) throws(Errno) -> OpenFile { throw .noDeviceOrAddress }
}
