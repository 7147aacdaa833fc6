import KernelSeams
import Support
import Testing

@testable import Frames

@Suite struct FrameTests {
    @Test func memoryMapWithHolesAndLies() {
        let mib: UInt64 = 1 << 20
        let map = [
            MemoryRange(start: 64 * mib, byteCount: 64 * mib, kind: .usable),
            MemoryRange(start: 0, byteCount: 640 << 10, kind: .usable),
            // Unaligned, and overlapping the one before.
            MemoryRange(start: 2 * mib + 100, byteCount: 30 * mib, kind: .usable),
            MemoryRange(start: 16 * mib, byteCount: 40 * mib, kind: .usable),
            // Not usable wins over usable.
            MemoryRange(start: 20 * mib - 1, byteCount: 2, kind: .reserved),
            MemoryRange(start: 100 * mib, byteCount: 4096, kind: .defective),
            // Runs past the end of the number range.
            MemoryRange(start: UInt64.max - 10, byteCount: 100, kind: .usable),
            MemoryRange(start: 1 << 45, byteCount: UInt64.max, kind: .reserved),
        ]
        let frames = MemoryMapRules.usableFrames(
            map: map, reserved: [MemoryRange(start: 3 * mib, byteCount: 1, kind: .reserved)])
        #expect(
            frames == [
                FrameRange(first: 0x201, end: 0x300), FrameRange(first: 0x301, end: 0x13ff),
                FrameRange(first: 0x1401, end: 0x3800),
                FrameRange(first: 0x4000, end: 0x6400), FrameRange(first: 0x6401, end: 0x8000),
            ])
    }

    /// Random allocations and releases in a zone of its own against a table of who owns which frame.
    @Test func buddyAgainstModel() {
        withProcessor {
            let saved = (FrameTable.base, FrameTable.count)
            defer { (FrameTable.base, FrameTable.count) = saved }
            let frameCount = 16384
            let table = UnsafeMutablePointer<FrameInfo>.allocate(capacity: frameCount)
            table.initialize(
                repeating: FrameInfo(word: 0, kind: .reserved, order: 0, sizeClass: 0, table: .none, next: 0, previous: 0),
                count: frameCount)
            defer { table.deallocate() }
            FrameTable.base = table
            FrameTable.count = UInt64(frameCount)

            // Bounds that are not powers of two, and a hole.
            var zone = BuddyZone(firstFrame: 100, endFrame: 16000)
            zone.add(100, 5000)
            zone.add(5003, 16000)
            let total = 16000 - 100 - 3
            #expect(zone.freeCount == total)
            let initial = freeBlocks(&zone)

            var random = Seeded(1)
            var owned = [Bool](repeating: false, count: frameCount)
            var blocks: [(UInt32, Int)] = []
            var used = 0
            for _ in 0..<1_000_000 {
                if random.chance(52), let order = Optional(min(random.below(16), random.below(16), 14)) {
                    guard let frame = zone.allocate(order: order) else {
                        // Refused: then no aligned run of that size may be free.
                        if order <= 1 { #expect(!hasRun(owned, order)) }
                        continue
                    }
                    let size = 1 << order
                    var clash = frame % UInt32(size) != 0
                    for f in Int(frame)..<Int(frame) + size {
                        if owned[f] || f < 100 || f >= 16000 || (f >= 5000 && f < 5003) { clash = true }
                        owned[f] = true
                    }
                    #expect(!clash)
                    blocks.append((frame, order))
                    used += size
                } else if !blocks.isEmpty {
                    let (frame, order) = blocks.swapRemove(random.below(blocks.count))
                    for f in Int(frame)..<Int(frame) + (1 << order) { owned[f] = false }
                    used -= 1 << order
                    zone.free(frame, order: order)
                }
                if zone.freeCount != total - used { Issue.record("free count is off"); return }
            }
            for (frame, order) in blocks { zone.free(frame, order: order) }
            // Everything joins again: the same blocks as at the start.
            #expect(freeBlocks(&zone) == initial)
        }
    }

    /// How many blocks of each order can be had, largest first; gives them back.
    private func freeBlocks(_ zone: inout BuddyZone) -> [Int] {
        var taken: [(UInt32, Int)] = []
        var counts: [Int] = []
        for order in (0..<BuddyZone.orderCount).reversed() {
            var count = 0
            while let frame = zone.allocate(order: order) {
                taken.append((frame, order))
                count += 1
            }
            counts.append(count)
        }
        for (frame, order) in taken { zone.free(frame, order: order) }
        return counts
    }

    private func hasRun(_ owned: [Bool], _ order: Int) -> Bool {
        let size = 1 << order
        var frame = (100 + size - 1) / size * size
        while frame + size <= 16000 {
            if (frame..<frame + size).allSatisfy({ !owned[$0] && !($0 >= 5000 && $0 < 5003) }) { return true }
            frame += size
        }
        return false
    }

    @Test func referencesAndProcessorLists() {
        FakeMemory.start()
        withProcessor {
            let before = FrameAllocator.freeFrames
            var random = Seeded(2)
            var model: [UInt64: UInt32] = [:]
            var frames: [PhysicalAddress] = []
            for _ in 0..<100_000 {
                if frames.isEmpty || (random.chance(45) && frames.count < 3000) {
                    guard let frame = FrameAllocator.allocate(zone: random.chance(90) ? .normal : .dma, zeroed: random.chance(3))
                    else {
                        Issue.record("out of frames")
                        return
                    }
                    #expect(model[frame.rawValue] == nil && frame.rawValue & 4095 == 0)
                    model[frame.rawValue] = 1
                    frames.append(frame)
                } else {
                    let index = random.below(frames.count)
                    let frame = frames[index]
                    let count = model[frame.rawValue]!
                    if FrameAllocator.referenceCount(frame) != count { Issue.record("reference count is off"); return }
                    if random.chance(40) {
                        FrameAllocator.retain(frame)
                        model[frame.rawValue] = count + 1
                    } else {
                        FrameAllocator.release(frame)
                        model[frame.rawValue] = count == 1 ? nil : count - 1
                        if count == 1 { _ = frames.swapRemove(index) }
                    }
                }
            }
            #expect(FrameAllocator.freeFrames == before - frames.count)
            for frame in frames { for _ in 0..<model[frame.rawValue]! { FrameAllocator.release(frame) } }
            #expect(FrameAllocator.freeFrames == before)
            // Device memory has no count and is left alone.
            FrameAllocator.retain(PhysicalAddress(0xfee0_0000))
            FrameAllocator.release(PhysicalAddress(0xfee0_0000))
        }
    }

    /// The marks are in order, single frames spare the memory for old devices, and the flags follow what is free.
    @Test func watermarksAreKept() {
        FakeMemory.start()
        withProcessor {
            let marks = Watermarks.total
            #expect(marks.min >= 256 && marks.low > marks.min && marks.high > marks.low)
            FrameAllocator.updatePressure()
            #expect(!FrameAllocator.isLow && !FrameAllocator.isCritical && FrameAllocator.missingFrames == 0)
            var taken: [PhysicalAddress] = []
            var lowAt = 0
            while FrameAllocator.freeInZones > marks.min {
                guard let frame = FrameAllocator.allocate() else { break }
                taken.append(frame)
                if FrameAllocator.isLow, lowAt == 0 { lowAt = taken.count }
                // All zones but the lowest are above their marks, or none is.
                if !FrameAllocator.isLow, FrameAllocator.zoneIndex(UInt32(frame.frameNumber)) == 0 {
                    let dma = FrameAllocator.zoneReports[0]
                    #expect(dma.free >= dma.marks.low)
                }
            }
            FrameAllocator.updatePressure()
            #expect(lowAt > 0 && FrameAllocator.isLow && FrameAllocator.missingFrames >= marks.high - marks.low)
            for frame in taken { FrameAllocator.release(frame) }
            FrameAllocator.updatePressure()
            #expect(!FrameAllocator.isLow && !FrameAllocator.isCritical)
            // Shared locks are taken once a batch, not once a frame.
            let before = FrameAllocator.sharedLockCount
            for _ in 0..<1000 {
                let frames = (0..<64).compactMap { _ in FrameAllocator.allocate() }
                for frame in frames { FrameAllocator.release(frame) }
            }
            #expect(FrameAllocator.sharedLockCount - before < 64)
        }
    }

    @Test func contiguousBuffersAreTrimmedAndZeroed() {
        FakeMemory.start()
        withProcessor {
            let before = FrameAllocator.freeFrames
            var random = Seeded(3)
            for _ in 0..<200 {
                let byteCount = 1 + random.below(3 << 20)
                guard let buffer = DMABuffer(byteCount: byteCount) else {
                    Issue.record("no buffer of \(byteCount) bytes")
                    return
                }
                let pages = (byteCount + 4095) / 4096
                #expect(before - FrameAllocator.freeFrames == pages)
                #expect(UnsafeRawBufferPointer(start: buffer.pointer, count: byteCount).allSatisfy { $0 == 0 })
                memset(buffer.pointer, byteCount)
                #expect(FrameAllocator.referenceCount(buffer.physical + UInt64((pages - 1) * 4096)) == 1)
            }
            #expect(FrameAllocator.freeFrames == before)
            if DMABuffer(byteCount: 0) != nil { Issue.record("an empty buffer was made") }
            if DMABuffer(byteCount: 65 << 20) != nil { Issue.record("a buffer beyond the largest block was made") }
        }
    }

    /// A frame that was a page table and is a device's buffer next must not be kept as a table, with what the device wrote, afterwards.
    @Test func buffersAreNotKeptAsTheTablesTheyWere() {
        FakeMemory.start()
        withProcessor {
            // More than a processor keeps, so that most of them go back to the zones.
            var tables = (0..<2048).compactMap { _ in TableFrames.allocate() }
            #expect(tables.count == 2048)
            for table in tables { FrameAllocator.release(table) }
            for _ in 0..<64 {
                guard let buffer = DMABuffer(byteCount: 256 << 10) else {
                    Issue.record("no buffer")
                    return
                }
                memset(buffer.pointer, 256 << 10)
            }
            tables = (0..<64).compactMap { _ in TableFrames.allocate() }
            for table in tables {
                #expect(UnsafeRawBufferPointer(start: table.directMapped, count: 4096).allSatisfy { $0 == 0 })
                FrameAllocator.release(table)
            }
        }
    }

    private func memset(_ pointer: UnsafeMutableRawPointer, _ count: Int) {
        UnsafeMutableRawBufferPointer(start: pointer, count: count).initializeMemory(as: UInt8.self, repeating: 0xff)
    }
}

extension Array {
    /// Takes an element out by moving the last one into its place.
    mutating func swapRemove(_ index: Int) -> Element {
        swapAt(index, count - 1)
        return removeLast()
    }
}
