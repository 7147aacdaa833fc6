import Processor
import Support
import struct Synchronization.Atomic

/// Starting the allocators: which memory they get and where their bookkeeping lies.
public enum Frames {
    /// Usable memory above 4 GiB, which the boot page tables do not map; `addHighMemory` hands it out once the direct map is
    /// complete.
    nonisolated(unsafe) static var highMemory: [FrameRange] = []
    /// The memory map as it was given, for building the direct map and for reports.
    nonisolated(unsafe) public private(set) static var memoryMap: [MemoryRange] = []

    /// Starts the frame allocator and the heap with the memory below 4 GiB.
    /// - Parameters:
    ///   - map: the firmware's memory map; it may overlap and be in any order.
    ///   - reserved: ranges that are in use: kernel image, boot modules, boot information.
    ///   - nodes: which memory is near which processors.
    /// - Returns: false when there is too little memory to go on.
    public static func start(memoryMap map: [MemoryRange], reserved: [MemoryRange], nodes: Nodes = Nodes()) -> Bool {
        var ranges = MemoryMapRules.usableFrames(map: map, reserved: reserved)
        guard !ranges.isEmpty else { return false }
        // Metadata for everything; if no hole is large enough, the memory furthest up is given up.
        while true {
            let frameCount = ranges[ranges.count - 1].end
            let byteCount = Bookkeeping.byteCount(frameCount: frameCount, nodes)
            if let place = place(bytes: byteCount, in: &ranges) {
                Bookkeeping.initialize(at: place, byteCount: byteCount, frameCount: frameCount, nodes)
                break
            }
            ranges.removeLast()
            if ranges.isEmpty { return false }
        }
        memoryMap = map
        highMemory = []
        for range in ranges {
            let limit = UInt64(FrameAllocator.firstNormalFrame)
            if range.first < limit { add(FrameRange(first: range.first, end: min(range.end, limit))) }
            if range.end > limit { highMemory.append(FrameRange(first: max(range.first, limit), end: range.end)) }
        }
        Watermarks.set()
        FrameAllocator.isStarted = true
        Heap.isStarted = true
        return true
    }

    /// Hands out the memory above 4 GiB. Called once the direct map covers it.
    static func addHighMemory() {
        for range in highMemory { add(range) }
        highMemory = []
        Watermarks.set()
    }

    private static func add(_ range: FrameRange) {
        var first = UInt32(truncatingIfNeeded: range.first)
        let end = UInt32(truncatingIfNeeded: range.end)
        for zoneEnd in [FrameAllocator.firstDMA32Frame, FrameAllocator.firstNormalFrame, UInt32.max] {
            while first < min(end, zoneEnd) {
                let pieceEnd = min(end, zoneEnd, MemoryNodes.sectionEnd(first))
                FrameAllocator.locked(FrameAllocator.zoneIndex(first)) { $0.add(first, pieceEnd) }
                first = pieceEnd
            }
        }
        FrameAllocator.totalFrames += Int(range.count)
    }

    /// Cuts memory for the bookkeeping out of a range below 4 GiB, preferably above the memory of the oldest devices.
    private static func place(bytes: Int, in ranges: inout [FrameRange]) -> PhysicalAddress? {
        let frames = UInt64(bytes + pageSize - 1) >> 12
        let dmaEnd = UInt64(FrameAllocator.firstDMA32Frame)
        let limit = UInt64(FrameAllocator.firstNormalFrame)
        for lowest in [dmaEnd, 0] {
            for index in ranges.indices {
                let range = ranges[index]
                let first = max(range.first, lowest)
                let end = min(range.end, limit)
                guard first < end, end - first >= frames else { continue }
                ranges[index].first = first + frames
                if range.first < first { ranges.insert(FrameRange(first: range.first, end: first), at: index) }
                ranges.removeAll { $0.first >= $0.end }
                return PhysicalAddress(frameNumber: first)
            }
        }
        return nil
    }
}

/// The one block of memory that holds all the state of the allocators.
enum Bookkeeping {
    static func byteCount(frameCount: UInt64, _ nodes: Nodes) -> Int {
        zonesByteCount(nodes) + nodesByteCount(nodes) + MemoryNodes.sectionByteCount(frameCount: frameCount) + cachesByteCount
            + Heap.stateByteCount + Int(frameCount) * MemoryLayout<FrameInfo>.stride
    }

    private static func zonesByteCount(_ nodes: Nodes) -> Int {
        (nodes.count * MemoryNodes.zonesInNode * MemoryLayout<SpinLock<BuddyZone>>.stride + 63) & ~63
    }
    /// What is free in each zone, and the counters of each node.
    private static func nodesByteCount(_ nodes: Nodes) -> Int {
        (nodes.count * (MemoryNodes.zonesInNode * 8 + MemoryLayout<NodeCounters>.stride) + 63) & ~63
    }
    private static var cachesByteCount: Int {
        FrameAllocator.maximumProcessors * MemoryLayout<FrameAllocator.ProcessorCache>.stride
    }

    static func initialize(at place: PhysicalAddress, byteCount: Int, frameCount: UInt64, _ nodes: Nodes) {
        // SAFETY: `place` is RAM that nobody uses, of `byteCount` bytes, below 4 GiB and thus in the boot direct map; the
        // pieces below follow each other and each is aligned, because the first is page aligned and their sizes are
        // multiples of 64.
        var cursor = place.directMapped
        UnsafeMutableRawBufferPointer(start: cursor, count: byteCount).initializeMemory(as: UInt8.self, repeating: 0)

        let zoneCount = nodes.count * MemoryNodes.zonesInNode
        let zones = cursor.bindMemory(to: SpinLock<BuddyZone>.self, capacity: zoneCount)
        let dma32 = FrameAllocator.firstDMA32Frame, normal = FrameAllocator.firstNormalFrame
        for node in 0..<nodes.count {
            let first = zones + node * MemoryNodes.zonesInNode
            (first + 0).initialize(to: SpinLock(BuddyZone(firstFrame: 0, endFrame: dma32)))
            (first + 1).initialize(to: SpinLock(BuddyZone(firstFrame: dma32, endFrame: normal)))
            (first + 2).initialize(
                to: SpinLock(BuddyZone(firstFrame: normal, endFrame: UInt32(max(frameCount, UInt64(normal))))))
        }
        FrameAllocator.zones = zones
        cursor += zonesByteCount(nodes)

        let counts = cursor.bindMemory(to: Atomic<Int>.self, capacity: zoneCount)
        for zone in 0..<zoneCount { (counts + zone).initialize(to: Atomic(0)) }
        FrameAllocator.freeCounts = counts
        let counters = (cursor + zoneCount * 8).bindMemory(to: NodeCounters.self, capacity: nodes.count)
        for node in 0..<nodes.count { (counters + node).initialize(to: NodeCounters()) }
        MemoryNodes.counters = counters
        cursor += nodesByteCount(nodes)
        MemoryNodes.start(nodes, sections: cursor.assumingMemoryBound(to: UInt8.self), frameCount: frameCount)
        cursor += MemoryNodes.sectionByteCount(frameCount: frameCount)

        let caches = cursor.bindMemory(to: FrameAllocator.ProcessorCache.self, capacity: FrameAllocator.maximumProcessors)
        caches.initialize(repeating: FrameAllocator.ProcessorCache(), count: FrameAllocator.maximumProcessors)
        FrameAllocator.caches = caches
        cursor += cachesByteCount

        Heap.initialize(at: cursor)
        cursor += Heap.stateByteCount

        FrameTable.base = cursor.bindMemory(to: FrameInfo.self, capacity: Int(frameCount))
        FrameTable.count = frameCount
        FrameAllocator.totalFrames = 0
    }
}
