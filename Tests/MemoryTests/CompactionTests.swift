import ABI
import KernelSeams
import Support
import Synchronization
import Testing

@testable import Frames
@testable import VirtualMemory

/// The address spaces of a test.
private final class Spaces: ReclaimSources {
    let spaces: [AddressSpace]
    init(_ spaces: [AddressSpace]) { self.spaces = spaces }
    override func forEachAddressSpace(_ body: (AddressSpace) -> Void) { for space in spaces { body(space) } }
}

/// A file whose pages say which they are, and which remembers what was written back.
private final class NumberedFile: PageCache {
    var written: [UInt64: UInt64] = [:]
    override func fill(_ pageIndex: UInt64, _ frame: PhysicalAddress) throws(Errno) {
        FrameAllocator.zero(frame)
        frame.directMapped.storeBytes(of: pageIndex + 1_000_000, as: UInt64.self)
    }
    override func writeBack(_ pageIndex: UInt64, _ frame: PhysicalAddress) throws(Errno) {
        written[pageIndex] = frame.directMapped.load(as: UInt64.self)
    }
}

private struct TakenBlock {
    let address: PhysicalAddress
    let order: Int
}

@Suite struct CompactionTests {
    private static let base: UInt64 = 0x4000_0000

    /// Takes all memory there is, then gives some blocks of 1,024 frames back. Nothing smaller may stay free: it lies beside what other tests
    /// keep, and pages that go there can be moved for ever without a block becoming free.
    private func shortage(leaving count: Int) -> [TakenBlock] {
        FrameAllocator.drainList()
        var taken: [TakenBlock] = []
        for order in (0...10).reversed() {
            while let block = FrameAllocator.allocate(order: order) { taken.append(TakenBlock(address: block, order: order)) }
        }
        // The memory for the oldest devices is left alone by what is tested.
        var left = count
        taken.removeAll { block in
            guard left > 0, block.order == 10, block.address.frameNumber >= FrameAllocator.firstDMA32Frame else { return false }
            FrameAllocator.free(block.address, order: 10)
            left -= 1
            return true
        }
        FrameAllocator.updatePressure()
        return taken
    }

    private func giveBack(_ taken: [TakenBlock]) {
        for block in taken { FrameAllocator.free(block.address, order: block.order) }
    }

    /// Takes the blocks of 512 frames that are left.
    private func wholeBlocks() -> [TakenBlock] {
        FrameAllocator.drainList()
        var taken: [TakenBlock] = []
        while let block = FrameAllocator.allocate(order: 9) { taken.append(TakenBlock(address: block, order: 9)) }
        return taken
    }

    private func blocks() -> Int {
        let taken = wholeBlocks()
        giveBack(taken)
        return taken.count
    }

    private func bytes(_ mark: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: mark >> (8 * UInt64($0))) } }
    private func number(_ bytes: [UInt8]) -> UInt64 {
        bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
    }

    /// Two processes and a file lie scattered over all memory there is; blocks are assembled, and everything is as it was.
    @Test(arguments: 0..<3) func scatteredPagesAreMovedTogether(seed: Int) throws {
        FakeMemory.start()
        try withProcessor {
            let freeBefore = FrameAllocator.freeFrames
            try scatter(Seeded(UInt64(90 + seed)))
            #expect(FrameAllocator.freeFrames + 300 > freeBefore)
        }
    }

    private func scatter(_ seeded: Seeded) throws {
        var random = seeded
        let held = shortage(leaving: 12)
        defer { giveBack(held) }
        let file = NumberedFile(byteCount: 2000 << 12)
        var spaces: [AddressSpace] = [], marks: [[UInt64]] = [[], []]
        let count = 3500
        for _ in 0..<2 {
            let space = try AddressSpace()
            space.permitsLargePages = false
            var request = MapRequest(byteCount: UInt64(count) << 12, protection: [.read, .write])
            request.placement = .fixed(Self.base)
            _ = try space.map(request)
            request = MapRequest(byteCount: 2000 << 12, protection: [.read, .write])
            request.placement = .fixed(Self.base << 1)
            request.flags = .shared
            request.object = file
            _ = try space.map(request)
            spaces.append(space)
        }
        var fileMarks = (0..<2000).map { UInt64($0) + 1_000_000 }
        var mark: UInt64 = 0
        for page in 0..<count {
            for which in 0..<2 {
                mark += 1
                try spaces[which].write(bytes(mark), at: Self.base + UInt64(page) << 12)
                marks[which].append(mark)
            }
            if page < 2000 {
                let address = Self.base << 1 + UInt64(page) << 12
                if random.chance(30) {
                    mark += 1
                    try spaces[0].write(bytes(mark), at: address)
                    fileMarks[page] = mark
                } else if random.chance(60) {
                    _ = try spaces[1].read(8, at: address)
                } else {
                    _ = try file.get(8, at: page << 12)
                }
            }
        }
        // Two of three pages go, so that no block is full and none is free.
        for page in 0..<count {
            for which in 0..<2 where random.chance(66) {
                try spaces[which].advise(Self.base + UInt64(page) << 12, byteCount: 4096, .drop)
                marks[which][page] = 0
            }
        }
        // A page that is shared by two stays where it is; so does one that somebody uses.
        try spaces[0].advise(Self.base + 50 << 12, byteCount: UInt64(count - 50) << 12, .setFlag(.notForked))
        let child = try spaces[0].fork()
        let rest = wholeBlocks()
        defer { giveBack(rest) }
        let dirty = Reclaim.dirtyPages, cached = Reclaim.cachedPages
        let moved = MemoryCounters.migrated.load(ordering: .relaxed)
        let sources = Spaces(spaces)
        var assembled = 0
        for _ in 0..<8 { assembled += Compaction.compact(order: 9, below: .max, sources) }
        #expect(assembled > 0)
        #expect(blocks() >= assembled)
        #expect(MemoryCounters.migrated.load(ordering: .relaxed) > moved)
        #expect(Reclaim.dirtyPages == dirty && Reclaim.cachedPages == cached)
        for which in 0..<2 {
            for page in 0..<count {
                let found = number(try spaces[which].read(8, at: Self.base + UInt64(page) << 12))
                if found != marks[which][page] { Issue.record("page \(page) of \(which) has \(found)"); return }
            }
        }
        for page in 0..<50 where number(try child.read(8, at: Self.base + UInt64(page) << 12)) != marks[0][page] {
            Issue.record("the child's page \(page) is another")
            return
        }
        for page in 0..<2000 where number(try file.get(8, at: page << 12)) != fileMarks[page] {
            Issue.record("page \(page) of the file is another")
            return
        }
        try file.synchronize()
        for (page, value) in file.written { #expect(value == fileMarks[Int(page)]) }
        #expect(file.written.count == fileMarks.filter { $0 < 1_000_000 }.count)
        for (space, expected) in [(spaces[0], marks[0]), (spaces[1], marks[1])] {
            #expect(space.usage.residentAnonymous == UInt64(expected.filter { $0 != 0 }.count))
            space.clear()
            #expect(space.usage.resident == 0)
        }
        try file.truncate(to: 0)
    }

    /// A block in which one frame is the kernel's own is given back as it was.
    @Test func whatCannotBeMovedStays() throws {
        FakeMemory.start()
        withProcessor {
            let held = shortage(leaving: 1)
            guard let block = FrameAllocator.allocate(order: 9) else {
                Issue.record("no block")
                return
            }
            let before = FrameAllocator.freeFrames
            LargeFrame.adopt(UInt32(block.frameNumber))
            for index in 0..<512 where index != 100 { FrameAllocator.release(block + UInt64(index * pageSize)) }
            FrameAllocator.drainList()
            do {
                let set = CaptureSet()
                set.add(BlockCapture(first: UInt32(block.frameNumber), order: 9))
                set.holdFree()
                #expect(set.captures[0].missing == 1)
                #expect(FrameAllocator.freeFrames == before)
                #expect(!set.captures[0].complete())
            }
            FrameAllocator.drainList()
            #expect(FrameAllocator.freeFrames == before + 511)
            FrameAllocator.release(block + UInt64(100 * pageSize))
            #expect(blocks() >= 1)
            giveBack(held)
        }
    }

    /// A buffer for a device that is larger than anything free.
    @Test func largeBuffersAreAssembled() throws {
        FakeMemory.start()
        try withProcessor {
            let held = shortage(leaving: 6)
            let space = try AddressSpace()
            space.permitsLargePages = false
            let count = 12 * 512 - 600
            let start = try space.map(MapRequest(byteCount: UInt64(count) << 12, protection: [.read, .write]))
            for page in 0..<count { try space.write(bytes(UInt64(page + 1)), at: start + UInt64(page) << 12) }
            for page in 0..<count where page % 4 != 0 {
                try space.advise(start + UInt64(page) << 12, byteCount: 4096, .drop)
            }
            let rest = wholeBlocks()
            if DMABuffer(byteCount: 2 << 20) != nil { Issue.record("there is room as it is") }
            let sources = Spaces([space])
            let old = LargeFrame.assemble
            LargeFrame.assemble = { order, limit in Compaction.compact(order: max(order, 9), below: limit, sources) > 0 }
            defer { LargeFrame.assemble = old }
            do {
                let small = DMABuffer(byteCount: 2 << 20), large = DMABuffer(byteCount: 3 << 20)
                if small == nil || large == nil { Issue.record("no buffer was assembled") }
                for page in 0..<count {
                    let found = number(try space.read(8, at: start + UInt64(page) << 12))
                    if found != (page % 4 == 0 ? UInt64(page + 1) : 0) { Issue.record("page \(page) has \(found)"); return }
                }
            }
            giveBack(held + rest)
        }
    }
}
