import Support

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
    /// - Returns: false when there is too little memory to go on.
    public static func start(memoryMap map: [MemoryRange], reserved: [MemoryRange]) -> Bool {
        var ranges = MemoryMapRules.usableFrames(map: map, reserved: reserved)
        guard !ranges.isEmpty else { return false }
        // Metadata for everything; if no hole is large enough, the memory furthest up is given up.
        while true {
            let frameCount = ranges[ranges.count - 1].end
            let byteCount = Bookkeeping.byteCount(frameCount: frameCount)
            if let place = place(bytes: byteCount, in: &ranges) {
                Bookkeeping.initialize(at: place, byteCount: byteCount, frameCount: frameCount)
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
        for (zone, zoneEnd) in [FrameAllocator.firstDMA32Frame, FrameAllocator.firstNormalFrame, UInt32.max].enumerated() {
            let pieceEnd = min(end, zoneEnd)
            if first < pieceEnd {
                FrameAllocator.zones[zone].withLock { $0.add(first, pieceEnd) }
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
    static func byteCount(frameCount: UInt64) -> Int {
        zonesByteCount + cachesByteCount + Heap.stateByteCount + Int(frameCount) * MemoryLayout<FrameInfo>.stride
    }

    private static var zonesByteCount: Int { (3 * MemoryLayout<SpinLock<BuddyZone>>.stride + 63) & ~63 }
    private static var cachesByteCount: Int {
        FrameAllocator.maximumProcessors * MemoryLayout<FrameAllocator.ProcessorCache>.stride
    }

    static func initialize(at place: PhysicalAddress, byteCount: Int, frameCount: UInt64) {
        // SAFETY: `place` is RAM that nobody uses, of `byteCount` bytes, below 4 GiB and thus in the boot direct map; the
        // pieces below follow each other and each is aligned, because the first is page aligned and their sizes are
        // multiples of 64.
        var cursor = place.directMapped
        UnsafeMutableRawBufferPointer(start: cursor, count: byteCount).initializeMemory(as: UInt8.self, repeating: 0)

        let zones = cursor.bindMemory(to: SpinLock<BuddyZone>.self, capacity: 3)
        let dma32 = FrameAllocator.firstDMA32Frame, normal = FrameAllocator.firstNormalFrame
        (zones + 0).initialize(to: SpinLock(BuddyZone(firstFrame: 0, endFrame: dma32)))
        (zones + 1).initialize(to: SpinLock(BuddyZone(firstFrame: dma32, endFrame: normal)))
        (zones + 2).initialize(to: SpinLock(BuddyZone(firstFrame: normal, endFrame: UInt32(max(frameCount, UInt64(normal))))))
        FrameAllocator.zones = zones
        cursor += zonesByteCount

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
