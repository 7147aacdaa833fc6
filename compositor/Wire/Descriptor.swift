// Ownership of file descriptors that travel with messages.

import CLibc

/// A file descriptor that closes itself.
@frozen
public struct Descriptor: ~Copyable {
    public let rawValue: Int32

    /// Takes over `rawValue`: nobody else may close it.
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit { _ = close(rawValue) }

    /// Gives the number up without closing it.
    public consuming func release() -> Int32 {
        let value = rawValue
        discard self
        return value
    }
}

/// Descriptors that came in and that no message has claimed yet, in order of arrival.
struct DescriptorQueue: ~Copyable {
    /// More than this many unclaimed descriptors can only be an attempt to exhaust the table.
    static var limit: Int { 64 }

    private var waiting: [Int32] = []
    private var head = 0

    deinit {
        for index in head..<waiting.count { _ = close(waiting[index]) }
    }

    /// Takes over `rawValue`; closes it and reports failure if the queue is full.
    mutating func append(_ rawValue: Int32) throws(WireError) {
        guard waiting.count - head < DescriptorQueue.limit else {
            _ = close(rawValue)
            throw .tooManyDescriptors
        }
        waiting.append(rawValue)
    }

    mutating func take() throws(WireError) -> Descriptor {
        guard head < waiting.count else { throw .missingDescriptor }
        let value = waiting[head]
        head += 1
        if head == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            head = 0
        }
        return Descriptor(owning: value)
    }
}
