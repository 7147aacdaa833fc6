// The small value types of the Wayland wire format (The Wayland Protocol, chapter 4 "Wire Format").

/// Names an object within one connection. Zero is "no object" on the wire and is never an `ObjectID` here:
/// optional arguments decode to `ObjectID?`.
public struct ObjectID: Hashable, Sendable {
    public let rawValue: UInt32

    @inlinable
    public init?(rawValue: UInt32) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    @inlinable
    init(unchecked rawValue: UInt32) { self.rawValue = rawValue }

    /// The object every connection starts with: `wl_display`.
    @inlinable
    public static var display: ObjectID { ObjectID(unchecked: 1) }

    /// The first identifier of the range from which the server allocates.
    @inlinable
    public static var firstOfServer: UInt32 { 0xff00_0000 }

    @inlinable
    public var isAllocatedByServer: Bool { rawValue >= ObjectID.firstOfServer }
}

/// A signed 24.8 fixed-point number, the only fraction that Wayland has.
public struct Fixed: Equatable, Comparable, Sendable {
    /// The number times 256.
    public let rawValue: Int32

    @inlinable
    public init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    public init(_ whole: Int32) { rawValue = whole &<< 8 }

    /// The whole part, rounded toward negative infinity.
    @inlinable
    public var floor: Int32 { rawValue >> 8 }

    @inlinable
    public static func < (a: Fixed, b: Fixed) -> Bool { a.rawValue < b.rawValue }

    @inlinable
    public static func + (a: Fixed, b: Fixed) -> Fixed { Fixed(rawValue: a.rawValue &+ b.rawValue) }

    @inlinable
    public static func - (a: Fixed, b: Fixed) -> Fixed { Fixed(rawValue: a.rawValue &- b.rawValue) }
}

/// A `new_id` argument whose interface the message itself names (`wl_registry.bind`).
public struct UntypedNewID: Sendable {
    public let interface: String
    public let version: UInt32
    public let id: ObjectID

    public init(interface: String, version: UInt32, id: ObjectID) {
        self.interface = interface
        self.version = version
        self.id = id
    }
}

/// Why a byte stream is not a valid sequence of messages. Every case ends the connection.
public enum WireError: Error, Equatable, Sendable {
    /// The header's size is below eight bytes, not a multiple of four or above what a message may have.
    case badMessageSize
    /// An argument runs past the end of its message.
    case truncatedArgument
    /// Bytes are left after the last argument.
    case trailingBytes
    /// A string without its terminating NUL, or with one inside.
    case malformedString
    /// Null where the protocol does not allow it.
    case unexpectedNull
    /// The message needs a descriptor and none came with it.
    case missingDescriptor
    /// More descriptors are queued than any client needs.
    case tooManyDescriptors
    /// The interface (in the version that was bound) has no such request or event.
    case unknownOpcode
    /// A new object's identifier is in use, outside the peer's range or leaves a gap.
    case badNewID
    /// The peer has as many objects as it is allowed.
    case tooManyObjects
}
