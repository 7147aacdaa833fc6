// A protocol description as values: what wayland.dtd says, reduced to what bindings need.

public struct ProtocolDescription: Equatable, Sendable {
    public var name = ""
    public var interfaces: [InterfaceDescription] = []
    public init() {}
}

public struct InterfaceDescription: Equatable, Sendable {
    public var name = ""
    public var version = 1
    public var summary = ""
    public var requests: [MessageDescription] = []
    public var events: [MessageDescription] = []
    public var enumerations: [EnumerationDescription] = []
}

public struct MessageDescription: Equatable, Sendable {
    public var name = ""
    public var summary = ""
    public var since = 1
    public var isDestructor = false
    public var arguments: [ArgumentDescription] = []
}

public struct ArgumentDescription: Equatable, Sendable {
    public enum Kind: String, Sendable { case int, uint, fixed, object, new_id, string, array, fd }
    public var name = ""
    public var kind = Kind.uint
    public var interface: String?
    public var enumeration: String?
    public var allowsNull = false
}

public struct EnumerationDescription: Equatable, Sendable {
    public var name = ""
    public var summary = ""
    public var isBitfield = false
    public var entries: [EntryDescription] = []
}

public struct EntryDescription: Equatable, Sendable {
    public var name = ""
    public var value: UInt32 = 0
    public var summary = ""
}
