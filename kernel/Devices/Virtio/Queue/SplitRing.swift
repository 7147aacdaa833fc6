import Synchronization

/// A piece of memory that a request hands to the device, by its physical address.
public struct RingSegment: BitwiseCopyable, Sendable {
    public var address: UInt64
    public var byteCount: UInt32
    /// The device writes it; otherwise the device reads it.
    public var isDeviceWritable: Bool

    public init(address: UInt64, byteCount: UInt32, isDeviceWritable: Bool) {
        self.address = address
        self.byteCount = byteCount
        self.isDeviceWritable = isDeviceWritable
    }
    public static func readable(_ address: UInt64, _ byteCount: UInt32) -> RingSegment {
        RingSegment(address: address, byteCount: byteCount, isDeviceWritable: false)
    }
    public static func writable(_ address: UInt64, _ byteCount: UInt32) -> RingSegment {
        RingSegment(address: address, byteCount: byteCount, isDeviceWritable: true)
    }
}

/// What the used ring says.
public enum RingCompletion: Equatable, Sendable {
    /// The device has finished nothing more.
    case none
    /// The request that `add` called `head` is done; the device says that it wrote `byteCount` bytes.
    case completed(head: UInt16, byteCount: UInt32)
    /// The device broke the rules (an unknown identifier, an impossible length or index). The ring is dead.
    case broken
}

/// The driver's side of a split virtqueue (Virtual I/O Device 1.2, 2.7): pure logic over memory that the device sees too.
///
/// What the device can change is never trusted: the chains are kept in private memory, so that a device that scribbles
/// over descriptors cannot mislead the driver, and everything read from the used ring is checked.
public struct SplitRing: ~Copyable {
    /// The number of descriptors, a power of two.
    public let size: UInt16
    public private(set) var freeCount: UInt16
    public private(set) var isBroken = false

    private let descriptors: UnsafeMutableRawPointer
    private let available: UnsafeMutableRawPointer
    private let used: UnsafeMutableRawPointer
    /// Private copies of the links, and for heads of chains: descriptors and device-writable bytes (0 when not in flight).
    private let next: UnsafeMutablePointer<UInt16>
    private let chainCount: UnsafeMutablePointer<UInt16>
    private let writableByteCount: UnsafeMutablePointer<UInt32>
    private var firstFree: UInt16 = 0
    /// Index of the next available entry, including what is not published yet.
    private var availableIndex: UInt16 = 0
    private var usedIndex: UInt16 = 0

    private static let noInterrupt: UInt16 = 1
    private static let descriptorNext: UInt16 = 1
    private static let descriptorWrite: UInt16 = 2

    /// Where the three parts of a queue lie in one block, and how large that block is.
    public struct Layout: Equatable, Sendable {
        public let availableOffset: Int
        public let usedOffset: Int
        public let byteCount: Int

        public init(size: UInt16) {
            availableOffset = Int(size) * 16
            usedOffset = (availableOffset + 6 + Int(size) * 2 + 3) & ~3
            byteCount = usedOffset + 6 + Int(size) * 8
        }
    }

    /// - Parameters:
    ///   - memory: zeroed, aligned to 16 bytes, `Layout(size:).byteCount` long; it outlives the ring.
    ///   - size: a power of two, 1…32768.
    public init?(memory: UnsafeMutableRawPointer, size: UInt16) {
        guard size > 0, size <= 32768, size & (size - 1) == 0 else { return nil }
        self.size = size
        let layout = Layout(size: size)
        descriptors = memory
        available = memory + layout.availableOffset
        used = memory + layout.usedOffset
        freeCount = size
        next = .allocate(capacity: Int(size))
        chainCount = .allocate(capacity: Int(size))
        writableByteCount = .allocate(capacity: Int(size))
        for index in 0..<Int(size) {
            next[index] = UInt16(truncatingIfNeeded: index + 1)
            chainCount[index] = 0
            writableByteCount[index] = 0
        }
    }

    deinit {
        next.deallocate()
        chainCount.deallocate()
        writableByteCount.deallocate()
    }

    /// Queues a request: what the device reads comes first, then what it writes.
    ///
    /// The device does not see it before `publish()`.
    /// - Returns: the identifier that the completion will carry; nil when there are too few free descriptors, the ring is
    ///   broken, or the segments are not in order.
    public mutating func add(_ segments: UnsafeBufferPointer<RingSegment>) -> UInt16? {
        let count = segments.count
        guard !isBroken, count > 0, count <= Int(freeCount) else { return nil }
        var writable: UInt64 = 0
        for segment in segments {
            guard segment.isDeviceWritable || writable == 0, segment.byteCount > 0 else { return nil }
            if segment.isDeviceWritable { writable += UInt64(segment.byteCount) }
        }
        guard writable <= UInt64(UInt32.max) else { return nil }
        let head = firstFree
        var index = head
        for position in 0..<count {
            let segment = segments[position]
            let isLast = position == count - 1
            let following = next[Int(index)]
            let entry = descriptors + Int(index) * 16
            entry.storeBytes(of: segment.address, as: UInt64.self)
            entry.storeBytes(of: segment.byteCount, toByteOffset: 8, as: UInt32.self)
            entry.storeBytes(
                of: (segment.isDeviceWritable ? Self.descriptorWrite : 0) | (isLast ? 0 : Self.descriptorNext),
                toByteOffset: 12, as: UInt16.self)
            entry.storeBytes(of: isLast ? 0 : following, toByteOffset: 14, as: UInt16.self)
            if isLast { firstFree = following }
            index = following
        }
        chainCount[Int(head)] = UInt16(count)
        writableByteCount[Int(head)] = UInt32(writable)
        freeCount -= UInt16(count)
        available.storeBytes(of: head, toByteOffset: 4 + Int(availableIndex & (size - 1)) * 2, as: UInt16.self)
        availableIndex &+= 1
        return head
    }

    /// Shows the device everything that was added.
    /// - Returns: whether the device wants to be notified.
    public mutating func publish() -> Bool {
        atomic(available + 2).store(availableIndex, ordering: .releasing)
        // The device reads the index after it has allowed notifications again; we read its flag after the index is out.
        // Without a full barrier both could miss each other.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return atomic(used).load(ordering: .relaxed) & 1 == 0
    }

    /// Whether the device has finished something that was not taken yet.
    public var hasCompletions: Bool { atomic(used + 2).load(ordering: .acquiring) != usedIndex }

    /// Takes the next finished request and frees its descriptors.
    public mutating func takeCompletion() -> RingCompletion {
        if isBroken { return .broken }
        let deviceIndex = atomic(used + 2).load(ordering: .acquiring)
        let waiting = deviceIndex &- usedIndex
        if waiting == 0 { return .none }
        let entry = used + 4 + Int(usedIndex & (size - 1)) * 8
        let identifier = entry.load(as: UInt32.self)
        let byteCount = entry.load(fromByteOffset: 4, as: UInt32.self)
        guard waiting <= size - freeCount, identifier < UInt32(size), chainCount[Int(identifier)] != 0,
            byteCount <= writableByteCount[Int(identifier)]
        else {
            isBroken = true
            return .broken
        }
        usedIndex &+= 1
        let head = UInt16(identifier)
        release(head)
        return .completed(head: head, byteCount: byteCount)
    }

    /// Asks the device not to interrupt, or to do it again. Only a hint to it.
    public mutating func suppressInterrupts() { atomic(available).store(Self.noInterrupt, ordering: .relaxed) }
    public mutating func allowInterrupts() {
        atomic(available).store(0, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Puts a chain's descriptors back at the front of the free list.
    private mutating func release(_ head: UInt16) {
        let count = chainCount[Int(head)]
        var last = head
        for _ in 1..<max(count, 1) { last = next[Int(last)] }
        next[Int(last)] = firstFree
        firstFree = head
        chainCount[Int(head)] = 0
        writableByteCount[Int(head)] = 0
        freeCount += count
    }

    /// A 16-bit field that the device reads or writes at the same time.
    private func atomic(_ field: UnsafeMutableRawPointer) -> AtomicField { AtomicField(field) }
}

/// Atomic access to a 16-bit field of shared memory.
struct AtomicField {
    private let pointer: UnsafeMutablePointer<Atomic<UInt16>>

    init(_ field: UnsafeMutableRawPointer) {
        // SAFETY: `Atomic<UInt16>` has the size, the alignment and the representation of UInt16; the fields are aligned to 2.
        pointer = field.assumingMemoryBound(to: Atomic<UInt16>.self)
    }
    @inline(__always) func load(ordering: AtomicLoadOrdering) -> UInt16 {
        switch ordering {
        case .acquiring: pointer.pointee.load(ordering: .acquiring)
        default: pointer.pointee.load(ordering: .relaxed)
        }
    }
    @inline(__always) func store(_ value: UInt16, ordering: AtomicStoreOrdering) {
        switch ordering {
        case .releasing: pointer.pointee.store(value, ordering: .releasing)
        default: pointer.pointee.store(value, ordering: .relaxed)
        }
    }
}
