// Bytes and descriptors that came from the peer, cut into messages.

import System

/// A connection's receive buffer. It is bounded: what does not fit stays in the socket.
public final class Inbox {
    /// More unclaimed descriptors than this can only be an attempt to exhaust the table.
    public static var descriptorLimit: Int { 64 }
    /// The header's size field has 16 bits, so every legal message fits.
    public static var capacity: Int { 65536 }
    static var headerSize: Int { 8 }

    private let storage: UnsafeMutableRawPointer
    private var start = 0
    private var end = 0
    /// Descriptors that came in and that no message has claimed yet, in order of arrival.
    let descriptors = DescriptorQueue()

    public init() {
        storage = UnsafeMutableRawPointer.allocate(byteCount: Inbox.capacity, alignment: 16)
    }

    deinit { storage.deallocate() }

    /// Bytes received and not yet taken as messages.
    public var count: Int { end - start }

    /// Lets `read` write received bytes into the free space; it returns how many it wrote.
    public func fill(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        if start > 0 {
            // SAFETY: both ranges lie inside the storage, and memmove allows overlap.
            if end > start { storage.copyMemory(from: storage + start, byteCount: end - start) }
            end -= start
            start = 0
        }
        let free = Inbox.capacity - end
        let written = read(UnsafeMutableRawBufferPointer(start: storage + end, count: free))
        precondition(written <= free)
        if written > 0 { end += written }
        return written
    }

    /// Takes over a descriptor that came with the bytes.
    public func receive(_ descriptor: consuming Descriptor) { descriptors.append(descriptor) }

    /// The next complete message, or nil until more bytes come. The message must be read before the next `fill`.
    public func next() throws(WireError) -> IncomingMessage? {
        guard descriptors.count <= Inbox.descriptorLimit else { throw .tooManyDescriptors }
        guard count >= Inbox.headerSize else { return nil }
        let word = load(at: start + 4)
        let size = Int(word >> 16)
        guard size >= Inbox.headerSize, size % 4 == 0 else { throw .badMessageSize }
        guard let object = ObjectID(rawValue: load(at: start)) else { throw .unexpectedNull }
        guard count >= size else { return nil }
        let body = start + Inbox.headerSize
        start += size
        return IncomingMessage(object: object, opcode: UInt16(truncatingIfNeeded: word), inbox: self, offset: body, end: start)
    }

    func takeDescriptor() throws(WireError) -> Descriptor {
        guard let descriptor = descriptors.take() else { throw .missingDescriptor }
        return descriptor
    }

    func load(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset + 4 <= end)
        // SAFETY: the four bytes were received, as just checked.
        return storage.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    }

    func bytes(at offset: Int, count: Int) -> UnsafeRawBufferPointer {
        precondition(offset >= 0 && count >= 0 && offset + count <= end)
        return UnsafeRawBufferPointer(start: storage + offset, count: count)
    }
}

/// One message of an inbox; its arguments are read in order by the generated bindings.
public struct IncomingMessage {
    public let object: ObjectID
    public let opcode: UInt16
    private let inbox: Inbox
    private var offset: Int
    private let end: Int

    init(object: ObjectID, opcode: UInt16, inbox: Inbox, offset: Int, end: Int) {
        self.object = object
        self.opcode = opcode
        self.inbox = inbox
        self.offset = offset
        self.end = end
    }

    public mutating func uint() throws(WireError) -> UInt32 {
        guard end - offset >= 4 else { throw .truncatedArgument }
        let value = inbox.load(at: offset)
        offset += 4
        return value
    }

    public mutating func int() throws(WireError) -> Int32 { Int32(bitPattern: try uint()) }

    public mutating func fixed() throws(WireError) -> Fixed { Fixed(rawValue: try int()) }

    public mutating func optionalObjectID() throws(WireError) -> ObjectID? { ObjectID(rawValue: try uint()) }

    public mutating func objectID() throws(WireError) -> ObjectID {
        guard let id = ObjectID(rawValue: try uint()) else { throw .unexpectedNull }
        return id
    }

    public mutating func untypedNewID() throws(WireError) -> UntypedNewID {
        let interface = try string()
        let version = try uint()
        return UntypedNewID(interface: interface, version: version, id: try objectID())
    }

    /// Ill-formed UTF-8 is repaired, not refused: titles from careless clients must not end them.
    public mutating func optionalString() throws(WireError) -> String? {
        let length = Int(try uint())
        guard length > 0 else { return nil }
        let bytes = try take(length)
        guard bytes[length - 1] == 0 else { throw .malformedString }
        for index in 0..<(length - 1) where bytes[index] == 0 { throw .malformedString }
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[0..<(length - 1)]), as: UTF8.self)
    }

    public mutating func string() throws(WireError) -> String {
        guard let value = try optionalString() else { throw .unexpectedNull }
        return value
    }

    public mutating func array() throws(WireError) -> [UInt8] {
        let length = Int(try uint())
        let bytes = try take(length)
        return [UInt8](bytes)
    }

    public mutating func descriptor() throws(WireError) -> ReceivedDescriptor { ReceivedDescriptor(try inbox.takeDescriptor()) }

    /// Requires that every byte was an argument.
    public func finish() throws(WireError) {
        guard offset == end else { throw .trailingBytes }
    }

    /// `length` bytes and the padding after them.
    private mutating func take(_ length: Int) throws(WireError) -> UnsafeRawBufferPointer {
        let padded = (length + 3) & ~3
        guard padded <= end - offset else { throw .truncatedArgument }
        let bytes = inbox.bytes(at: offset, count: length)
        offset += padded
        return bytes
    }
}
