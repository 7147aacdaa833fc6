// Numbers and layouts of the socket calls (`include/linux/socket.h`, `include/uapi/asm-generic/socket.h`).

/// Address families.
public enum AddressFamily {
    @inlinable public static var unspecified: UInt16 { 0 }
    @inlinable public static var unix: UInt16 { 1 }
    /// Numbers from here on name no family.
    @inlinable public static var limit: Int32 { 46 }
}

/// Socket types and the flags that share the argument with them.
public enum SocketType {
    @inlinable public static var stream: Int32 { 1 }
    @inlinable public static var datagram: Int32 { 2 }
    @inlinable public static var raw: Int32 { 3 }
    @inlinable public static var sequencedPacket: Int32 { 5 }
    @inlinable public static var mask: Int32 { 0xF }
    @inlinable public static var nonBlocking: Int32 { 0o4000 }
    @inlinable public static var closeOnExec: Int32 { 0o2000000 }
}

/// Flags of `send` and `recv`, and of `msg_flags`.
public struct MessageFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static var outOfBand: MessageFlags { MessageFlags(rawValue: 1) }
    public static var peek: MessageFlags { MessageFlags(rawValue: 2) }
    public static var controlTruncated: MessageFlags { MessageFlags(rawValue: 8) }
    public static var truncated: MessageFlags { MessageFlags(rawValue: 0x20) }
    public static var doNotWait: MessageFlags { MessageFlags(rawValue: 0x40) }
    public static var endOfRecord: MessageFlags { MessageFlags(rawValue: 0x80) }
    public static var waitAll: MessageFlags { MessageFlags(rawValue: 0x100) }
    public static var errorQueue: MessageFlags { MessageFlags(rawValue: 0x2000) }
    public static var noSignal: MessageFlags { MessageFlags(rawValue: 0x4000) }
    public static var waitForOne: MessageFlags { MessageFlags(rawValue: 0x10000) }
    public static var closeOnExec: MessageFlags { MessageFlags(rawValue: 0x4000_0000) }
}

/// `struct msghdr`, 56 bytes.
public struct MessageHeader: BitwiseCopyable, Sendable {
    public var name: UInt64 = 0
    public var nameLength: Int32 = 0
    private var padding1: Int32 = 0
    public var vectors: UInt64 = 0
    public var vectorCount: UInt64 = 0
    public var control: UInt64 = 0
    public var controlLength: UInt64 = 0
    public var flags: UInt32 = 0
    private var padding2: UInt32 = 0
    public init() {}
}

/// `struct mmsghdr`, 64 bytes.
public struct MultipleMessageHeader: BitwiseCopyable, Sendable {
    public var header = MessageHeader()
    public var byteCount: UInt32 = 0
    private var padding: UInt32 = 0
    public init() {}
}

/// `struct cmsghdr`, 16 bytes: what stands before each piece of ancillary data.
public struct ControlHeader: BitwiseCopyable, Sendable {
    public var length: UInt64
    public var level: Int32
    public var type: Int32
    public init(length: UInt64, level: Int32, type: Int32) {
        self.length = length
        self.level = level
        self.type = type
    }
    @inlinable public static var byteCount: Int { 16 }
    /// `CMSG_ALIGN`.
    @inlinable public static func aligned(_ length: Int) -> Int { (length + 7) & ~7 }
}

/// Types of ancillary data at level SOL_SOCKET.
public enum ControlType {
    @inlinable public static var rights: Int32 { 1 }
    @inlinable public static var credentials: Int32 { 2 }
}

/// `struct ucred`.
public struct SocketCredentials: BitwiseCopyable, Equatable, Sendable {
    public var pid: Int32
    public var uid: UInt32
    public var gid: UInt32
    @inlinable public init(pid: Int32, uid: UInt32, gid: UInt32) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }
    /// What SO_PEERCRED says without a peer.
    public static var none: SocketCredentials { SocketCredentials(pid: 0, uid: .max, gid: .max) }
}

/// Options at level SOL_SOCKET (1).
public enum SocketOption {
    @inlinable public static var level: Int32 { 1 }
    @inlinable public static var debug: Int32 { 1 }
    @inlinable public static var reuseAddress: Int32 { 2 }
    @inlinable public static var type: Int32 { 3 }
    @inlinable public static var error: Int32 { 4 }
    @inlinable public static var broadcast: Int32 { 6 }
    @inlinable public static var sendBuffer: Int32 { 7 }
    @inlinable public static var receiveBuffer: Int32 { 8 }
    @inlinable public static var keepAlive: Int32 { 9 }
    @inlinable public static var priority: Int32 { 12 }
    @inlinable public static var linger: Int32 { 13 }
    @inlinable public static var reusePort: Int32 { 15 }
    @inlinable public static var passCredentials: Int32 { 16 }
    @inlinable public static var peerCredentials: Int32 { 17 }
    @inlinable public static var receiveLowWater: Int32 { 18 }
    @inlinable public static var sendLowWater: Int32 { 19 }
    @inlinable public static var receiveTimeout: Int32 { 20 }
    @inlinable public static var sendTimeout: Int32 { 21 }
    @inlinable public static var acceptsConnections: Int32 { 30 }
    @inlinable public static var sendBufferForce: Int32 { 32 }
    @inlinable public static var receiveBufferForce: Int32 { 33 }
    @inlinable public static var protocolNumber: Int32 { 38 }
    @inlinable public static var domain: Int32 { 39 }
}
