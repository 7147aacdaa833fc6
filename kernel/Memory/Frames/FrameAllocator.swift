import Processor
import Support
import Synchronization

/// Hands out physical memory in frames of 4 KiB and in power-of-two blocks of them.
///
/// Single frames come from a list of the current processor, which no other processor touches; it is refilled from and
/// drained to the zones in batches. May be used in any context.
public enum FrameAllocator {
    /// The free frames of one processor, alone on its cache line. Reached with interrupts off only.
    struct ProcessorCache {
        var head: UInt32 = FrameInfo.none
        var count: UInt32 = 0
        /// Page tables that are in no tree: empty ones, and top-level ones whose user half is empty. See `TableFrames`.
        var tables = FrameStack()
        var roots = FrameStack()
        var padding: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
    }

    static let maximumProcessors = 64
    /// Frames moved between a processor's list and the zones at once.
    static let batch: UInt32 = 32
    /// A list longer than this is drained by a batch.
    static let highWater: UInt32 = 128

    // All written once by `Frames.start`.
    nonisolated(unsafe) static var zones = UnsafeMutablePointer<SpinLock<BuddyZone>>(bitPattern: 16)!
    nonisolated(unsafe) static var caches = UnsafeMutablePointer<ProcessorCache>(bitPattern: 16)!
    nonisolated(unsafe) static var isStarted = false
    /// What is free in each zone, to be read without its lock.
    nonisolated(unsafe) static var freeCounts = UnsafeMutablePointer<Atomic<Int>>(bitPattern: 16)!
    /// Free memory is below the low watermarks: somebody should give back. Kept up to date roughly: whenever a processor's list is
    /// refilled or drained.
    nonisolated(unsafe) public internal(set) static var isLow = false
    /// Free memory is below the minimum: what is left is for the kernel itself, programs and file caches get nothing more. Kept up to
    /// date like `isLow`.
    nonisolated(unsafe) public internal(set) static var isCritical = false

    /// Frames under management: usable memory less what the bookkeeping takes. Changed at boot only.
    nonisolated(unsafe) public static var totalFrames = 0

    /// Takes 2^order contiguous frames, aligned to their size, with a reference count of one.
    /// - Parameters:
    ///   - zone: the highest zone that will do; lower ones are used when it is empty.
    ///   - zeroed: whether the memory must be filled with zeros.
    /// - Returns: nil when there is no such block.
    public static func allocate(order: Int = 0, zone: FrameZone = .normal, zeroed: Bool = false) -> PhysicalAddress? {
        let frame: UInt32?
        if order == 0 && zone == .normal {
            frame = takeCached()
        } else {
            frame = takeBlock(order: order, zone: zone)
        }
        guard let frame else { return nil }
        let info = FrameTable[frame]
        info.pointee.kind = .allocated
        info.pointee.order = UInt8(truncatingIfNeeded: order)
        info.pointee.word = 1
        let address = PhysicalAddress(frameNumber: UInt64(frame))
        if zeroed { zero(address, byteCount: pageSize << order) }
        return address
    }

    /// Gives a block back. `order` is that of its allocation.
    public static func free(_ address: PhysicalAddress, order: Int = 0) {
        let info = FrameTable.info(address)
        if info.pointee.kind != .allocated || Int(info.pointee.order) != order {
            panic("a frame that is not allocated was freed")
        }
        if info.pointee.table != .none {
            if TableFrames.keep(UInt32(truncatingIfNeeded: address.frameNumber)) { return }
            // Whoever gets the frame next does not make a table of it, and need not know what it was.
            info.pointee.table = .none
        }
        giveBack(UInt32(truncatingIfNeeded: address.frameNumber), order: order)
    }

    /// Takes one more reference to a frame. Device memory, which has no count, is left alone.
    @inline(__always)
    public static func retain(_ address: PhysicalAddress) {
        guard FrameTable.manages(address) else { return }
        FrameTable.references(address).pointee.wrappingAdd(1, ordering: .relaxed)
    }

    /// Drops a reference to a single frame; the last one frees it.
    @inline(__always)
    public static func release(_ address: PhysicalAddress) {
        guard FrameTable.manages(address) else { return }
        let left = FrameTable.references(address).pointee.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        if left == 0 { free(address) }
    }

    /// The number of references to an allocated frame. Others may change it at any time unless the caller holds the only one.
    @inline(__always)
    public static func referenceCount(_ address: PhysicalAddress) -> UInt32 {
        guard FrameTable.manages(address) else { return .max }
        return FrameTable.references(address).pointee.load(ordering: .acquiring)
    }

    /// Whether the address is RAM with a reference count, as opposed to device memory.
    @inline(__always)
    public static func isManaged(_ address: PhysicalAddress) -> Bool { FrameTable.manages(address) }

    /// A word of bookkeeping that the owner of an allocated frame may use as it likes.
    @inline(__always)
    static func tag(_ address: PhysicalAddress) -> UnsafeMutablePointer<UInt32> {
        // SAFETY: the link fields of an allocated frame are unused; `previous` is the last four of the 16 bytes.
        (UnsafeMutableRawPointer(FrameTable.info(address)) + 12).assumingMemoryBound(to: UInt32.self)
    }

    /// Frames that nobody uses.
    public static var freeFrames: Int {
        guard isStarted else { return 0 }
        var sum = freeInZones
        for processor in 0..<maximumProcessors {
            let cache = caches[processor]
            sum += Int(cache.count &+ cache.tables.count &+ cache.roots.count)
        }
        return sum
    }

    /// Fills memory with zeros through the direct map.
    @inline(__always)
    public static func zero(_ address: PhysicalAddress, byteCount: Int = pageSize) {
        // SAFETY: the frames were just allocated to the caller and the direct map covers all of RAM.
        UnsafeMutableRawBufferPointer(start: address.directMapped, count: byteCount).initializeMemory(
            as: UInt64.self, repeating: 0)
    }
}

// MARK: Runs of frames

extension FrameAllocator {
    /// Takes exactly `count` contiguous frames (no rounding to a power of two) aligned to the next power of two.
    static func allocateRun(count: Int, zone: FrameZone) -> UInt32? {
        guard count > 0, count <= 1 << (BuddyZone.orderCount - 1) else { return nil }
        let order = count == 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount
        guard let frame = order == 0 && zone == .normal ? takeCached() : takeBlock(order: order, zone: zone) else { return nil }
        freeRun(frame + UInt32(count), count: (1 << order) - count)
        return frame
    }

    /// Gives back any run of frames, in aligned blocks.
    static func freeRun(_ first: UInt32, count: Int) {
        var frame = first
        let end = first + UInt32(count)
        while frame < end {
            let order = min(frame.trailingZeroBitCount, 31 - (end - frame).leadingZeroBitCount, BuddyZone.orderCount - 1)
            giveBack(frame, order: order)
            frame += 1 << UInt32(order)
        }
    }
}

// MARK: The two levels

extension FrameAllocator {
    /// Takes one frame from this processor's list.
    @inline(__always)
    private static func takeCached() -> UInt32? {
        guard isStarted else { return nil }
        let flags = machineInterruptSave()
        let cache = caches + Int(PerCPU.current.pointee.index)
        var frame = cache.pointee.head
        if frame == FrameInfo.none {
            refill(cache)
            frame = cache.pointee.head
            if frame == FrameInfo.none {
                frame = TableFrames.takeAny(from: cache)
                machineInterruptRestore(flags)
                return frame == FrameInfo.none ? nil : frame
            }
        }
        cache.pointee.head = FrameTable[frame].pointee.next
        cache.pointee.count &-= 1
        machineInterruptRestore(flags)
        return frame
    }

    @inline(__always)
    private static func giveBack(_ frame: UInt32, order: Int) {
        if order > 0 || frame < firstDMA32Frame {
            locked(zoneIndex(frame)) { $0.free(frame, order: order) }
            return
        }
        let info = FrameTable[frame]
        let flags = machineInterruptSave()
        // The list is for the memory that is near.
        if MemoryNodes.count > 1, MemoryNodes.node(of: frame) != Int(PerCPU.current.pointee.node) {
            machineInterruptRestore(flags)
            locked(zoneIndex(frame)) { $0.free(frame, order: order) }
            return
        }
        let cache = caches + Int(PerCPU.current.pointee.index)
        info.pointee.kind = .cached
        info.pointee.next = cache.pointee.head
        cache.pointee.head = frame
        cache.pointee.count &+= 1
        if cache.pointee.count > highWater { drain(cache, batch) }
        machineInterruptRestore(flags)
    }

    /// Works on a zone, and counts that the lock was taken.
    @inline(__always)
    static func locked<Result>(_ zone: Int, _ body: (inout BuddyZone) -> Result) -> Result {
        zones[zone].withLock { state in
            state.lockCount &+= 1
            let result = body(&state)
            freeCounts[zone].store(state.freeCount, ordering: .relaxed)
            return result
        }
    }

    /// The zones of some types (0 to 2, as `FrameZone`) in the order in which a processor of a node asks them: those of the nearest node
    /// first, and of these the higher first.
    /// - Returns: whether `body` was content with one.
    @inline(__always)
    static func forEachZone(_ types: ClosedRange<Int>, near node: Int, _ body: (Int) -> Bool) -> Bool {
        for rank in 0..<MemoryNodes.count {
            let first = MemoryNodes.node(near: node, rank: rank) * MemoryNodes.zonesInNode
            var type = types.upperBound
            while type >= types.lowerBound {
                if body(first + type) { return true }
                type -= 1
            }
        }
        return false
    }

    /// The same for all types up to one; the memory for the oldest devices comes last, whatever node it is of.
    @inline(__always)
    private static func forEachZone(downFrom type: FrameZone, near node: Int, _ body: (Int) -> Bool) -> Bool {
        if type != .dma, forEachZone(1...Int(type.rawValue), near: node, body) { return true }
        return forEachZone(0...0, near: node, body)
    }

    /// Moves up to a batch from the zones to a processor's list: from the first zone that has enough, else from any.
    @inline(never)
    private static func refill(_ cache: UnsafeMutablePointer<ProcessorCache>) {
        let node = Int(PerCPU.current.pointee.node)
        for sparesLow in [true, false] {
            let isFilled = forEachZone(downFrom: .normal, near: node) { index in
                let moved = moveBatch(from: index, to: cache, sparesLow: sparesLow)
                if moved > 0 { MemoryNodes.note(from: index / MemoryNodes.zonesInNode, for: node, Int(moved)) }
                return moved > 0
            }
            if isFilled { break }
        }
        updatePressure()
    }

    /// - Parameter sparesLow: whether what is below the zone's low mark stays there.
    @inline(never)
    private static func moveBatch(
        from index: Int, to cache: UnsafeMutablePointer<ProcessorCache>, sparesLow: Bool
    ) -> UInt32 {
        let moved = locked(index) { zone in
            var moved: UInt32 = 0
            while moved < batch, !sparesLow || zone.freeCount > zone.marks.low, let frame = zone.allocate(order: 0) {
                let info = FrameTable[frame]
                info.pointee.kind = .cached
                info.pointee.next = cache.pointee.head
                cache.pointee.head = frame
                moved &+= 1
            }
            return moved
        }
        cache.pointee.count &+= moved
        return moved
    }

    /// Moves frames from a processor's list back to their zones, neighbours in the list under one lock.
    @inline(never)
    private static func drain(_ cache: UnsafeMutablePointer<ProcessorCache>, _ wanted: UInt32) {
        var left = wanted
        while left > 0, cache.pointee.head != FrameInfo.none {
            let index = zoneIndex(cache.pointee.head)
            locked(index) { zone in
                while left > 0 {
                    let frame = cache.pointee.head
                    if frame == FrameInfo.none || zoneIndex(frame) != index { break }
                    cache.pointee.head = FrameTable[frame].pointee.next
                    cache.pointee.count &-= 1
                    zone.free(frame, order: 0)
                    left -= 1
                }
            }
        }
        if isLow || isCritical { updatePressure() }
    }

    /// Gives everything in this processor's lists back to the zones, where neighbours are joined.
    public static func drainList() {
        let flags = machineInterruptSave()
        let cache = caches + Int(PerCPU.current.pointee.index)
        drain(cache, .max)
        while true {
            let table = TableFrames.takeAny(from: cache)
            if table == FrameInfo.none { break }
            locked(zoneIndex(table)) { $0.free(table, order: 0) }
        }
        machineInterruptRestore(flags)
        updatePressure()
    }

    /// Takes a block from the zones, from `zone` downwards.
    @inline(never)
    private static func takeBlock(order: Int, zone: FrameZone) -> UInt32? {
        guard isStarted, order >= 0, order < BuddyZone.orderCount else { return nil }
        if let frame = takeFromZones(order: order, zone: zone) { return frame }
        // The processor's own list may hold what keeps blocks from being joined.
        let flags = machineInterruptSave()
        drain(caches + Int(PerCPU.current.pointee.index), .max)
        machineInterruptRestore(flags)
        return takeFromZones(order: order, zone: zone)
    }

    private static func takeFromZones(order: Int, zone: FrameZone) -> UInt32? {
        // Another processor's node by now will do as well.
        let node = Int(PerCPU.current.pointee.node)
        var found: UInt32?
        _ = forEachZone(downFrom: zone, near: node) { index in
            found = locked(index) { $0.allocate(order: order) }
            if found == nil { return false }
            MemoryNodes.note(from: index / MemoryNodes.zonesInNode, for: node, 1 << order)
            return true
        }
        return found
    }

    static let firstDMA32Frame: UInt32 = 0x100_0000 >> 12
    static let firstNormalFrame: UInt32 = 1 << 20

    @inline(__always)
    static func zoneIndex(_ frame: UInt32) -> Int {
        let type = frame >= firstNormalFrame ? 2 : frame >= firstDMA32Frame ? 1 : 0
        return MemoryNodes.count == 1 ? type : type + MemoryNodes.node(of: frame) * MemoryNodes.zonesInNode
    }
}
