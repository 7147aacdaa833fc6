import Support

/// One frame that its holder owns; it is released when the value is destroyed.
@frozen
public struct Frame: ~Copyable {
    public let address: PhysicalAddress

    /// Takes a frame from the allocator.
    public init?(zone: FrameZone = .normal, zeroed: Bool = false) {
        guard let address = FrameAllocator.allocate(zone: zone, zeroed: zeroed) else { return nil }
        self.address = address
    }

    /// Takes over a reference that the caller holds.
    public init(adopting address: PhysicalAddress) { self.address = address }

    /// Hands the reference over to the caller.
    public consuming func take() -> PhysicalAddress {
        let address = address
        discard self
        return address
    }

    deinit { FrameAllocator.release(address) }
}

/// Zeroed memory with consecutive physical addresses, for devices.
///
/// Each frame has a reference of its own, so pages can be mapped into a process and outlive the buffer.
public struct DMABuffer: ~Copyable {
    public let physical: PhysicalAddress
    public let pointer: UnsafeMutableRawPointer
    /// As asked for; the memory behind it is a whole number of pages.
    public let byteCount: Int

    /// - Returns: nil when there is no such run of memory, or it is longer than 64 MiB.
    public init?(byteCount: Int, zone: FrameZone = .dma32) {
        guard byteCount > 0 else { return nil }
        let count = (byteCount + pageSize - 1) >> pageShift
        guard let first = Self.takeRun(count, zone) else { return nil }
        for index in 0..<UInt32(count) {
            let info = FrameTable[first + index]
            info.pointee.kind = .allocated
            info.pointee.order = 0
            info.pointee.word = 1
        }
        physical = PhysicalAddress(frameNumber: UInt64(first))
        pointer = physical.directMapped
        self.byteCount = byteCount
        FrameAllocator.zero(physical, byteCount: count << pageShift)
    }

    /// Takes consecutive frames; when there are none, some are made free by moving what is in the way.
    private static func takeRun(_ count: Int, _ zone: FrameZone) -> UInt32? {
        if let first = FrameAllocator.allocateRun(count: count, zone: zone) { return first }
        guard count > 1, zone != .dma else { return nil }
        let order = Int.bitWidth - (count - 1).leadingZeroBitCount
        let limit = zone == .dma32 ? UInt64(FrameAllocator.firstNormalFrame) : .max
        // Somebody else may be faster once.
        for _ in 0..<2 {
            guard LargeFrame.assemble(order, limit) else { return nil }
            if let first = FrameAllocator.allocateRun(count: count, zone: zone) { return first }
        }
        return nil
    }

    deinit {
        for index in 0..<(byteCount + pageSize - 1) >> pageShift {
            FrameAllocator.release(physical + UInt64(index << pageShift))
        }
    }
}
