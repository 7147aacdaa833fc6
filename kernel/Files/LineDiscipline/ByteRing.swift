/// A ring buffer of bytes with a fixed, power-of-two capacity.
///
/// Positions are running counts, so that the ring is full at exactly `capacity` bytes and never ambiguous.
public struct ByteRing: ~Copyable {
    private let storage: UnsafeMutablePointer<UInt8>
    private let mask: Int
    private var head = 0
    private var tail = 0

    /// - Precondition: `capacity` is a power of two.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0)
        storage = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        mask = capacity - 1
    }

    deinit { storage.deallocate() }

    public var capacity: Int { mask + 1 }
    /// Bytes stored.
    public var count: Int { head &- tail }
    /// Bytes that still fit.
    public var room: Int { capacity - count }
    public var isEmpty: Bool { head == tail }

    /// Appends a byte.
    /// - Precondition: `room > 0`.
    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        storage[head & mask] = byte
        head &+= 1
    }

    /// Appends as many of the bytes as fit.
    /// - Returns: how many did.
    public mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let taken = min(bytes.count, room)
        guard taken > 0, let source = bytes.baseAddress else { return 0 }
        let start = head & mask
        let first = min(taken, capacity - start)
        // SAFETY: `first` bytes lie before the end of the storage, the rest fits at its start because `taken <= room`.
        (storage + start).update(from: source, count: first)
        storage.update(from: source + first, count: taken - first)
        head &+= taken
        return taken
    }

    /// Takes the oldest bytes out.
    /// - Returns: how many were stored in `target`.
    public mutating func take(into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let taken = copy(into: target)
        tail &+= taken
        return taken
    }

    /// Copies the oldest bytes without taking them.
    public func copy(into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let taken = min(target.count, count)
        guard taken > 0, let destination = target.baseAddress else { return 0 }
        let start = tail & mask
        let first = min(taken, capacity - start)
        // SAFETY: as in `append`.
        destination.update(from: storage + start, count: first)
        (destination + first).update(from: storage, count: taken - first)
        return taken
    }

    /// Drops the oldest `amount` bytes.
    public mutating func drop(_ amount: Int) { tail &+= min(amount, count) }

    public mutating func removeAll() {
        head = 0
        tail = 0
    }
}
