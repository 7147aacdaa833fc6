import ABI

/// The memory of one read or write: ranges of user memory (or of kernel memory, for transfers that the kernel does for
/// itself), with a cursor. Files read from it and write to it; they never see an address.
///
/// A short copy before a fault counts: the caller reports the bytes that were moved, as Linux does.
public struct TransferBuffer {
    /// One piece of memory. `iovec` of the ABI has the same layout.
    public struct Segment: BitwiseCopyable {
        public var base: UInt64
        public var count: Int
        @inlinable public init(base: UInt64, count: Int) { self.base = base; self.count = count }
    }

    @usableFromInline var current: Segment
    @usableFromInline var rest: [Segment]
    @usableFromInline var nextIndex = 0
    @usableFromInline let isKernel: Bool
    /// Bytes between the cursor and the end.
    public private(set) var remaining: Int
    /// Bytes moved so far.
    public private(set) var transferred = 0

    /// The most bytes that one call moves: `Int32.max` rounded down to a page, as on Linux.
    public static var limit: Int { 0x7fff_f000 }

    /// A single range of user memory, or the beginning of one that is longer than what one call moves.
    /// - Throws: `badAddress` when the range is not inside the user half.
    public init(user address: UserAddress, count wanted: Int) throws(Errno) {
        guard address.isUserRange(wanted) else { throw .badAddress }
        let count = min(wanted, Self.limit)
        current = Segment(base: address.rawValue, count: count)
        rest = []
        isKernel = false
        remaining = count
    }

    /// Several ranges of user memory (readv, writev, sendmsg).
    /// What is beyond the most that one call moves does not count.
    /// - Throws: `badAddress`; `invalidArgument` when a length is negative.
    public init(user segments: [Segment]) throws(Errno) {
        for segment in segments {
            if segment.count < 0 { throw .invalidArgument }
        }
        var total = 0
        for segment in segments {
            guard UserAddress(segment.base).isUserRange(segment.count) else { throw .badAddress }
            total += min(segment.count, Self.limit - total)
        }
        current = segments.first ?? Segment(base: 0, count: 0)
        rest = segments
        nextIndex = 1
        isKernel = false
        remaining = total
    }

    /// Kernel memory, for the kernel's own transfers.
    /// - Safety: the memory must stay valid while the buffer is in use.
    public init(kernel memory: UnsafeMutableRawBufferPointer) {
        current = Segment(base: UInt64(UInt(bitPattern: memory.baseAddress)), count: memory.count)
        rest = []
        isKernel = true
        remaining = memory.count
    }

    /// Makes the buffer at most `count` bytes long from the cursor.
    public mutating func limit(to count: Int) { if count < remaining { remaining = max(count, 0) } }

    /// Copies out of the kernel into the buffer and advances.
    /// - Returns: bytes copied: less than asked when the buffer ends or memory faults after at least one byte.
    /// - Throws: `badAddress` when nothing could be copied because of a fault.
    public mutating func fill(from source: UnsafeRawPointer, count: Int) throws(Errno) -> Int {
        try move(count) { memory, offset, length in machineUserCopy(memory, source + offset, length) }
    }

    /// Copies from the buffer into kernel memory and advances. Returns and throws as `fill`.
    public mutating func drain(into target: UnsafeMutableRawPointer, count: Int) throws(Errno) -> Int {
        try move(count) { memory, offset, length in machineUserCopy(target + offset, memory, length) }
    }

    /// Writes zeros into the buffer and advances. Returns and throws as `fill`.
    public mutating func fillZeros(count: Int) throws(Errno) -> Int {
        try move(count) { memory, _, length in machineUserZero(memory, length) }
    }

    @inline(__always)
    private mutating func move(
        _ count: Int, _ copy: (UnsafeMutableRawPointer, Int, Int) -> Int
    ) throws(Errno) -> Int {
        let wanted = min(count, remaining)
        var done = 0
        while done < wanted {
            while current.count == 0 {
                guard nextIndex < rest.count else { return done }
                current = rest[nextIndex]
                nextIndex += 1
            }
            let length = min(wanted - done, current.count)
            guard let memory = UnsafeMutableRawPointer(bitPattern: UInt(current.base)) else {
                if done > 0 { return done }
                throw .badAddress
            }
            // SAFETY: user ranges were checked by the initialiser, kernel ranges are vouched for by its caller.
            let copied = length - copy(memory, done, length)
            current.base += UInt64(copied)
            current.count -= copied
            remaining -= copied
            transferred += copied
            done += copied
            if copied < length {
                if done > 0 { return done }
                throw .badAddress
            }
        }
        return done
    }
}
