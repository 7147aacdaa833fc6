// Messages waiting to be sent to the peer.

import System

/// A connection's send buffer. It is bounded: once `limit` bytes wait, further messages are dropped and `overflowed`
/// is set, which tells the owner that the peer does not read and must be disconnected.
public final class Outbox {
    static var initialCapacity: Int { 4096 }

    public let limit: Int
    public private(set) var overflowed = false

    private var storage: UnsafeMutableRawPointer
    private var capacity: Int
    private var start = 0
    private var end = 0
    /// The message under construction starts here.
    private var messageStart = 0
    private var messageFits = false
    /// Stream position of `storage[0]`, so that a descriptor can remember its place in the stream.
    private var base: UInt64 = 0
    private let descriptors = DescriptorQueue()
    /// Where in the stream the message of each queued descriptor starts.
    private var positions: [UInt64] = []

    public init(limit: Int) {
        precondition(limit >= Outbox.initialCapacity)
        self.limit = limit
        capacity = Outbox.initialCapacity
        storage = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    }

    deinit { storage.deallocate() }

    public var isEmpty: Bool { start == end }
    public var count: Int { end - start }

    // MARK: Building a message (used by the generated bindings)

    /// Starts a message; its arguments follow and `finish` completes it. `extra` is the size of its strings and arrays.
    public func begin(_ object: ObjectID, opcode: UInt16, argumentWords: Int, extra: Int = 0) {
        let size = 8 + argumentWords * 4 + extra
        messageFits = !overflowed && size <= 65532 && count + size <= limit
        guard messageFits else {
            overflowed = true
            return
        }
        reserve(size)
        messageStart = end
        put(object.rawValue)
        put(UInt32(size) << 16 | UInt32(opcode))
    }

    public func finish() {
        guard messageFits else { return }
        let size = Int(storage.loadUnaligned(fromByteOffset: messageStart + 4, as: UInt32.self) >> 16)
        precondition(end - messageStart == size, "the announced size of a message is wrong")
    }

    public func uint(_ value: UInt32) {
        guard messageFits else { return }
        put(value)
    }

    public func int(_ value: Int32) { uint(UInt32(bitPattern: value)) }
    public func fixed(_ value: Fixed) { int(value.rawValue) }
    public func object(_ value: ObjectID?) { uint(value?.rawValue ?? 0) }

    public func string(_ value: String?) {
        guard messageFits else { return }
        guard var value else { return put(0) }
        value.withUTF8 { bytes in
            put(UInt32(bytes.count + 1))
            append(UnsafeRawBufferPointer(bytes), paddedTo: Outbox.padded(bytes.count + 1))
        }
    }

    public func array(_ value: [UInt8]) {
        guard messageFits else { return }
        put(UInt32(value.count))
        value.withUnsafeBytes { append($0, paddedTo: Outbox.padded(value.count)) }
    }

    /// Queues a duplicate of a descriptor; the caller keeps its own.
    public func descriptor(_ value: borrowing Descriptor) {
        guard messageFits else { return }
        do throws(Errno) {
            descriptors.append(try value.duplicate())
            positions.append(base + UInt64(messageStart))
        } catch {
            // Without its descriptor the message would be malformed: the connection cannot go on.
            overflowed = true
        }
    }

    /// Bytes that a string takes beside its length word.
    public static func size(of value: String?) -> Int { value.map { padded($0.utf8.count + 1) } ?? 0 }
    public static func size(of value: [UInt8]) -> Int { padded(value.count) }

    // MARK: Sending

    /// Offers the waiting bytes to `write`, with the descriptors of which the oldest `UnixStream.descriptorLimit` go with
    /// the first byte. `write` returns how many bytes it sent; zero: nothing.
    public func send(_ write: (UnsafeRawBufferPointer, DescriptorQueue) throws(Errno) -> Int) throws(Errno) -> Int {
        var stop = end
        if positions.count > UnixStream.descriptorLimit {
            // A message must not go before its descriptor can.
            stop = max(Int(positions[UnixStream.descriptorLimit] - base), start)
        }
        guard stop > start else { return 0 }
        let sent = try write(UnsafeRawBufferPointer(start: storage + start, count: stop - start), descriptors)
        precondition(sent <= stop - start)
        guard sent > 0 else { return 0 }
        positions.removeFirst(positions.count - descriptors.count)
        start += sent
        if start == end {
            base += UInt64(end)
            start = 0
            end = 0
        }
        return sent
    }

    // MARK: Storage

    private static func padded(_ count: Int) -> Int { (count + 3) & ~3 }

    private func put(_ value: UInt32) {
        // SAFETY: `begin` reserved room for the whole message, which `finish` verifies.
        precondition(end + 4 <= capacity)
        storage.storeBytes(of: value, toByteOffset: end, as: UInt32.self)
        end += 4
    }

    private func append(_ bytes: UnsafeRawBufferPointer, paddedTo size: Int) {
        precondition(bytes.count <= size && end + size <= capacity)
        if let source = bytes.baseAddress { (storage + end).copyMemory(from: source, byteCount: bytes.count) }
        for index in bytes.count..<size { storage.storeBytes(of: 0, toByteOffset: end + index, as: UInt8.self) }
        end += size
    }

    private func reserve(_ size: Int) {
        guard end + size > capacity else { return }
        if start > 0 {
            storage.copyMemory(from: storage + start, byteCount: end - start)
            base += UInt64(start)
            end -= start
            start = 0
        }
        guard end + size > capacity else { return }
        var larger = capacity * 2
        while larger < end + size { larger *= 2 }
        let replacement = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        replacement.copyMemory(from: storage, byteCount: end)
        storage.deallocate()
        storage = replacement
        capacity = larger
    }
}
