import ABI
import Files
import Support

/// A message on its way into a socket: what `sendmsg` was given, validated.
public struct OutgoingMessage: ~Copyable {
    public var bytes: TransferBuffer
    public var flags: MessageFlags
    /// The socket address it is for, as raw bytes; nil when the call named none.
    public var destination: [UInt8]?
    /// Files that travel with it (SCM_RIGHTS).
    public var rights: FileRights?
    /// Who sends it: the caller, or whom the caller may speak for (SCM_CREDENTIALS).
    public var credentials: SocketCredentials

    public init(
        bytes: TransferBuffer, flags: MessageFlags, destination: [UInt8]? = nil, rights: FileRights? = nil,
        credentials: SocketCredentials
    ) {
        self.bytes = bytes
        self.flags = flags
        self.destination = destination
        self.rights = rights
        self.credentials = credentials
    }
}

/// What came out of a socket beside the bytes.
public struct IncomingMessage {
    /// What the call returns: bytes stored, or the message's length with MSG_TRUNC.
    public var count = 0
    /// MSG_TRUNC, MSG_EOR …
    public var flags: MessageFlags = []
    public var rights: FileRights?
    /// Present when the receiver asked for credentials (SO_PASSCRED).
    public var credentials: SocketCredentials?
    /// The sender's address; empty when it has none.
    public var sender: [UInt8] = []
    public init() {}
}

/// An open socket, of any family. The defaults answer as Linux does for a socket that lacks the operation.
open class SocketFile: OpenFile {
    open func bind(_ address: [UInt8]) throws(Errno) { throw .notSupported }
    open func listen(backlog: Int32) throws(Errno) { throw .notSupported }
    /// Takes a connection that waits.
    /// - Parameter flags: status flags of the new file.
    open func accept(flags: OpenFlags) throws(Errno) -> SocketFile { throw .notSupported }
    open func connect(_ address: [UInt8]) throws(Errno) { throw .notSupported }
    /// Ends one direction (SHUT_RD 0, SHUT_WR 1) or both (2).
    open func shutdown(_ how: Int32) throws(Errno) { throw .notSupported }
    /// Addresses as raw bytes of a `sockaddr`.
    open func localAddress() throws(Errno) -> [UInt8] { throw .notSupported }
    open func peerAddress() throws(Errno) -> [UInt8] { throw .notSupported }
    /// - Returns: bytes sent.
    open func send(_ message: inout OutgoingMessage) throws(Errno) -> Int { throw .notSupported }
    open func receive(_ buffer: inout TransferBuffer, flags: MessageFlags) throws(Errno) -> IncomingMessage {
        throw .notSupported
    }
    /// The bytes of an option's value.
    open func option(level: Int32, name: Int32) throws(Errno) -> [UInt8] { throw .noProtocolOption }
    open func setOption(level: Int32, name: Int32, value: [UInt8]) throws(Errno) { throw .noProtocolOption }
}
