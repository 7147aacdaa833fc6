import ABI
import Frames
import KernelSeams
import Support
import Testing

@testable import VirtualMemory

/// A file on a make-believe disk, which counts what is read and written.
private final class DiskFile: PageCache {
    var disk: [UInt64: [UInt8]] = [:]
    var fills = 0
    var failsReads = false
    var readAhead = 1
    override var readAheadPageCount: Int { readAhead }
    override func fill(_ pageIndex: UInt64, _ frame: PhysicalAddress) throws(Errno) {
        if failsReads { throw .ioError }
        fills += 1
        let bytes = disk[pageIndex] ?? [UInt8](repeating: 0, count: 4096)
        frame.directMapped.copyMemory(from: bytes, byteCount: 4096)
    }
    override func writeBack(_ pageIndex: UInt64, _ frame: PhysicalAddress) throws(Errno) {
        disk[pageIndex] = Array(UnsafeRawBufferPointer(start: frame.directMapped, count: 4096))
    }
}

@Suite struct PageCacheTests {
    @Test func treeAgainstDictionary() {
        FakeMemory.start()
        withProcessor {
            var tree = PageTree()
            var random = Seeded(40)
            var model: [UInt64: (UInt64, Bool)] = [:]
            func index() -> UInt64 {
                random.chance(70)
                    ? UInt64(random.below(300)) : random.chance(80) ? UInt64(random.below(1 << 20)) : random.next() >> 20
            }
            for step in 0..<100_000 {
                let page = index()
                switch random.below(10) {
                case 0..<5:
                    if model[page] != nil { continue }
                    let frame = UInt64(step + 1) << 12
                    tree.insert(page, frame: PhysicalAddress(frame))
                    model[page] = (frame, false)
                case 5:
                    if model[page] == nil { continue }
                    tree.markDirty(page)
                    model[page]!.1 = true
                case 6:
                    #expect(tree.remove(page)?.rawValue == model.removeValue(forKey: page)?.0)
                case 7 where random.chance(20):
                    let found = tree.takeDirty(from: page, to: page + 5000)
                    let expected = model.filter { $0.key >= page && $0.key < page + 5000 && $0.value.1 }.keys.min()
                    #expect(found?.index == expected)
                    if let expected { model[expected]!.1 = false }
                case 8 where random.chance(1):
                    var dropped = 0
                    tree.removeAll(from: page) { _ in dropped += 1 }
                    #expect(dropped == model.keys.filter { $0 >= page }.count)
                    model = model.filter { $0.key < page }
                default:
                    let entry = tree.entry(page)
                    #expect(entry == (model[page].map { $0.0 | ($0.1 ? 1 : 0) } ?? 0))
                }
                if tree.count != model.count { Issue.record("count is off"); return }
            }
            var seen = 0
            tree.forEach(from: 0, to: .max) { page, entry in
                seen += 1
                if model[page]?.0 != entry & ~1 { Issue.record("a page is wrong") }
            }
            #expect(seen == model.count)
            tree.removeAll(from: 0) { _ in }
        }
    }

    /// Reads, writes and truncations at random against an array of bytes, for files in memory and on a disk.
    @Test(arguments: [false, true]) func contentsAgainstArray(onDisk: Bool) throws {
        FakeMemory.start()
        try withProcessor {
            let before = FrameAllocator.freeFrames
            do {
                let disk = DiskFile()
                let cache: PageCache = onDisk ? disk : MemoryPageCache()
                var random = Seeded(onDisk ? 41 : 42)
                var model: [UInt8] = []
                if onDisk {
                    model = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
                    for page in 0..<13 {
                        disk.disk[UInt64(page)] = Array(
                            (model + [UInt8](repeating: 0xcc, count: 8192))[page * 4096..<(page + 1) * 4096])
                    }
                    disk.byteCount = 50_000
                    disk.readAhead = 4
                }
                for step in 0..<8_000 {
                    let offset = random.below(random.chance(90) ? model.count + 5000 : 200_000)
                    let count = random.below(random.chance(80) ? 300 : 20_000)
                    switch random.below(10) {
                    case 0..<4:
                        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 + step) }
                        #expect(try cache.put(bytes, at: offset) == count)
                        if count > 0 {
                            if model.count < offset + count {
                                model += [UInt8](repeating: 0, count: offset + count - model.count)
                            }
                            model.replaceSubrange(offset..<offset + count, with: bytes)
                        }
                    case 4..<9:
                        let got = try cache.get(count, at: offset)
                        let expected = offset < model.count ? Array(model[offset..<min(offset + count, model.count)]) : []
                        if got != expected { Issue.record("read \(count) at \(offset): wrong bytes, step \(step)"); return }
                    default:
                        let length = random.chance(50) ? random.below(model.count + 1) : random.below(150_000)
                        try cache.truncate(to: UInt64(length))
                        if length < model.count {
                            model.removeSubrange(length...)
                        } else {
                            model += [UInt8](repeating: 0, count: length - model.count)
                        }
                        if onDisk {
                            for page in disk.disk.keys where page >= (length + 4095) / 4096 {
                                disk.disk[page] = [UInt8](repeating: 0, count: 4096)
                            }
                        }
                    }
                    #expect(cache.byteCount == UInt64(model.count))
                    if onDisk, random.chance(2) {
                        // Everything goes to the disk, and clean pages may go.
                        try cache.synchronize()
                        cache.dropPages(from: 0, to: .max)
                        #expect(cache.residentPageCount == 0)
                        for page in 0..<((model.count + 4095) / 4096) where disk.disk[UInt64(page)] == nil {
                            disk.disk[UInt64(page)] = [UInt8](repeating: 0, count: 4096)
                        }
                    }
                }
            }
            #expect(FrameAllocator.freeFrames + 400 > before)
        }
    }

    @Test func failedReadsLeaveNothingBehind() {
        FakeMemory.start()
        withProcessor {
            let file = DiskFile(byteCount: 10_000)
            file.failsReads = true
            let code = errorNumber { () throws(Errno) in _ = try file.get(10, at: 0) }
            #expect(code == 5)
            #expect(file.residentPageCount == 0)
            file.failsReads = false
            #expect(throws: FaultError.busError) { _ = try file.frame(at: 3, writing: false) }
            file.readAhead = 16
            let frame = try? file.frame(at: 0, writing: false)
            #expect(frame != nil && file.residentPageCount == 3 && file.fills == 3)
            if let frame { FrameAllocator.release(frame) }
        }
    }
}

@Suite struct ReclaimTests {
    @Test func dropsCleanUnusedPagesOnly() throws {
        FakeMemory.start()
        try withProcessor {
            let file = DiskFile(byteCount: 64 << 12)
            _ = try file.get(64 << 12, at: 0)
            // One page is dirty, one is held.
            _ = try file.put([1], at: 5 << 12)
            let held = try file.frame(at: 9, writing: false)
            #expect(file.residentPageCount == 64)
            while Reclaim.reclaim(frames: 1000, for: .direct) > 0 {}
            #expect(file.residentPageCount == 2)
            #expect(file.isResident(5) && file.isResident(9))
            #expect(try file.get(1, at: 5 << 12) == [1])
            FrameAllocator.release(held)
            try file.synchronize()
            while Reclaim.reclaim(frames: 1000, for: .direct) > 0 {}
            #expect(file.residentPageCount == 0)
            #expect(try file.get(2, at: 5 << 12) == [1, 0])
        }
    }

    /// A file far larger than memory is read once: neither its pages nor the tree that held them stay.
    @Test func treeOfDroppedPagesGoesToo() throws {
        FakeMemory.start()
        try withProcessor {
            let file = DiskFile(byteCount: 1 << 34)
            let before = Heap.frameCount
            for page in 0..<20_000 {
                _ = try file.get(1, at: page * 64 << 12)
                if page % 500 == 499 { while Reclaim.reclaim(frames: 1000, for: .direct) > 0 {} }
            }
            #expect(file.residentPageCount == 0)
            #expect(Heap.frameCount < before + 100)
            #expect(try file.get(1, at: 0) == [0])
        }
    }

    /// Pages that cannot be dropped are not looked at again and again: a search goes on where the last one stopped, and keeps to its bounds.
    @Test func searchesGoOnWhereTheLastOneStopped() {
        FakeMemory.start()
        withProcessor {
            var tree = PageTree()
            // A thousand changed pages, then as many clean ones; some far away.
            for index in 0..<2000 as Range<UInt64> {
                let page = index < 1990 ? index : index << 20
                tree.insert(page, frame: FrameAllocator.allocate()!)
                if index < 1000 { tree.markDirty(page) }
            }
            var (looked, freed) = (0, 0)
            for _ in 0..<100 {
                var eviction = PageTree.Eviction(wanted: 10, budget: 20)
                tree.evict(&eviction)
                #expect(eviction.looked <= 20 && eviction.freed <= 10)
                looked += eviction.looked
                freed += eviction.freed
            }
            // 50 searches pass the changed pages, 50 find ten each: the next pages each time.
            #expect(looked == 1500 && freed == 500)
            var rest = PageTree.Eviction(wanted: 5000)
            tree.evict(&rest)
            // Those behind the hand are looked at too, each once.
            #expect(rest.looked == 1500 && rest.freed == 500 && tree.count == 1000)
            for index in 0..<1000 as Range<UInt64> { #expect(tree.entry(index) & PageTree.dirty != 0) }
            tree.removeAll(from: 0) { FrameAllocator.release($0) }
        }
    }

    @Test func changedPagesAreCounted() throws {
        FakeMemory.start()
        try withProcessor {
            let before = Reclaim.dirtyPages
            let file = DiskFile(byteCount: 64 << 12)
            for page in 0..<10 { _ = try file.put([1], at: page << 12) }
            _ = try file.put([2], at: 3 << 12)
            #expect(Reclaim.dirtyPages == before + 10)
            try file.truncate(to: 8 << 12)
            #expect(Reclaim.dirtyPages == before + 8)
            try file.synchronize()
            #expect(Reclaim.dirtyPages == before)
        }
    }

    /// Pages that a program used of late stay mapped, the others are taken from it and can be dropped; nothing is lost.
    @Test func unusedMappedPagesAreTakenOut() throws {
        FakeMemory.start()
        try withProcessor {
            let file = DiskFile(byteCount: 64 << 12)
            let space = try AddressSpace(layout: AddressLayout(stackLimit: 8 << 20, random: nil))
            var request = MapRequest(byteCount: 64 << 12, protection: [.read, .write])
            request.flags = .shared
            request.object = file
            let start = try space.map(request)
            for page in 0..<64 { try space.write([UInt8(page)], at: start + UInt64(page) << 12) }
            #expect(space.usage.residentShared == 64)
            // Just mapped counts as used.
            #expect(space.unmapUnusedFilePages(atMost: 1000) == 0)
            #expect(space.unmapUnusedFilePages(atMost: 1000) == 64)
            #expect(space.usage.residentShared == 0)
            // Written pages are not dropped before they are on the disk.
            #expect(Reclaim.reclaim(frames: 1000, for: .direct) == 0 || file.residentPageCount == 64)
            try file.synchronize()
            while Reclaim.reclaim(frames: 1000, for: .direct) > 0 {}
            #expect(file.residentPageCount == 0)
            for page in 0..<64 { #expect(try space.read(1, at: start + UInt64(page) << 12) == [UInt8(page)]) }
            // What is locked is not touched.
            try space.setLocked(start, byteCount: 64 << 12, true)
            #expect(space.unmapUnusedFilePages(atMost: 1000) == 0)
            #expect(space.unmapUnusedFilePages(atMost: 1000) == 0)
        }
    }
}
