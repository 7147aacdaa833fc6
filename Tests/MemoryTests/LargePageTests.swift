import ABI
import KernelSeams
import Support
import Testing

@testable import Frames
@testable import VirtualMemory

@Suite struct LargeFrameTests {
    /// However its frames come back, one by one or together, the block is whole again.
    @Test func framesOfABlockJoinAgain() {
        FakeMemory.start()
        withProcessor {
            let before = FrameAllocator.freeFrames
            var random = Seeded(70)
            for round in 0..<200 {
                guard let block = LargeFrame.allocate() else {
                    Issue.record("no block")
                    return
                }
                #expect(block.rawValue & LargeFrame.mask == 0)
                let first = UInt32(block.frameNumber)
                #expect(LargeFrame.isUnshared(first))
                var gather = FrameGather()
                if round & 1 == 0 {
                    gather.releaseLarge(block)
                } else {
                    // Somebody else holds a few of them.
                    var held: [PhysicalAddress] = []
                    for _ in 0..<random.below(20) { held.append(block + UInt64(random.below(512) * pageSize)) }
                    for frame in held { FrameAllocator.retain(frame) }
                    gather.releaseLarge(block)
                    gather.finish()
                    gather = FrameGather()
                    for frame in held {
                        #expect(FrameAllocator.referenceCount(frame) == held.filter { $0.rawValue == frame.rawValue }.count)
                    }
                    for frame in held { gather.release(frame) }
                }
                gather.finish()
                #expect(FrameAllocator.freeFrames == before)
            }
            // What is in the list of the processor keeps blocks apart until it is drained, which a request for one does.
            var blocks: [PhysicalAddress] = []
            while let block = FrameAllocator.allocate(order: 9) { blocks.append(block) }
            #expect(blocks.count >= before / 512 - 40)
            for block in blocks { FrameAllocator.free(block, order: 9) }
        }
    }

    @Test func noBlockIsTakenWhenMemoryIsShort() {
        FakeMemory.start()
        withProcessor {
            guard let spare = FrameAllocator.allocate(order: 9) else {
                Issue.record("no block")
                return
            }
            var taken: [PhysicalAddress] = []
            while FrameAllocator.missingFrames == 0, let frame = FrameAllocator.allocate() { taken.append(frame) }
            FrameAllocator.free(spare, order: 9)
            #expect(LargeFrame.allocate() == nil)
            // There is one, but it is left for those who cannot do without.
            if let block = FrameAllocator.allocate(order: 9) {
                FrameAllocator.free(block, order: 9)
            } else {
                Issue.record("the block is gone")
            }
            for frame in taken { FrameAllocator.release(frame) }
            FrameAllocator.updatePressure()
        }
    }
}

@Suite struct MixedPageTableTests {
    /// Small and large pages in one tree, cut at random, against a dictionary of pages.
    @Test func walkerAgainstModel() {
        withTables { tables in
            var random = Seeded(71)
            // Frames by page; and of which 2 MiB pieces there is one page.
            var small: [UInt64: UInt64] = [:]
            var large: [UInt64: UInt64] = [:]
            func piece() -> UInt64 {
                let parts = (UInt64(random.below(2)), UInt64(random.below(2)), UInt64(random.below(4)))
                return (parts.0 * 100) << 39 | (parts.1 * 255) << 30 | (parts.2 * 3) << 21
            }
            func expected(_ page: UInt64) -> UInt64? {
                if let frame = large[page & ~LargeFrame.mask] { return frame + (page & LargeFrame.mask) }
                return small[page]
            }
            for step in 0..<1_000_000 {
                let start = piece()
                let page = start + UInt64(random.below(19) * 28) << 12
                switch random.below(12) {
                case 0:
                    guard let slot = tables.makeSlot(start, level: 1, access: [.writable, .user]) else {
                        Issue.record("no directory")
                        return
                    }
                    if slot.pointee.rawValue == 0 {
                        let frame = UInt64(random.below(1 << 10)) << 21
                        PageTables.fill(slot, PageTableEntry(PhysicalAddress(frame), [.present, .user, .large, .dirty]))
                        large[start] = frame
                    } else {
                        #expect(slot.pointee.isLarge == (large[start] != nil))
                    }
                case 1:
                    guard let slot = tables.largeSlot(page) else {
                        #expect(large[start] == nil)
                        continue
                    }
                    var flushed = 0
                    #expect(
                        PageTables.split(slot) {
                            flushed += 1
                            // Nobody may find the old page or the new ones meanwhile.
                            if tables.translate(page) != nil { Issue.record("both kinds of page at once") }
                        })
                    #expect(flushed == 1)
                    if let frame = large.removeValue(forKey: start) {
                        for index in 0..<UInt64(512) { small[start + index << 12] = frame + index << 12 }
                    }
                case 2:
                    var gather = FrameGather()
                    if let slot = tables.largeSlot(page) {
                        #expect(PageTables.clear(slot).frame.rawValue == large[start])
                        large[start] = nil
                        tables.pruneDirectory(page, into: &gather)
                    } else if tables.slot(page) != nil {
                        while let run = tables.nextRun(from: start, to: start + 1 << 21) {
                            var count: UInt32 = 0
                            for index in 0..<run.count where run.slots[index].rawValue != 0 {
                                _ = PageTables.exchange(run.slots + index, .empty)
                                small[run.address + UInt64(index) << 12] = nil
                                count += 1
                            }
                            PageTables.cleared(run.slots, count: count)
                            tables.prune(start, into: &gather)
                        }
                    }
                    gather.finish()
                case 3..<7:
                    guard large[start] == nil else {
                        #expect(tables.slot(page) == nil && tables.makeSlot(page, access: [.writable, .user]) == nil)
                        continue
                    }
                    let slot = tables.makeSlot(page, access: [.writable, .user])!
                    let frame = UInt64(random.below(1 << 19)) << 12
                    let entry = PageTableEntry(PhysicalAddress(frame), [.present, .user])
                    if slot.pointee.rawValue == 0 { PageTables.fill(slot, entry) } else { _ = PageTables.exchange(slot, entry) }
                    small[page] = frame
                case 7..<10:
                    guard let slot = tables.slot(page), slot.pointee.rawValue != 0 else { continue }
                    if PageTables.clear(slot).frame.rawValue != small[page] { Issue.record("another frame") }
                    small[page] = nil
                    var gather = FrameGather()
                    tables.prune(page, into: &gather)
                    gather.finish()
                default:
                    let found = tables.translate(page + 5)
                    if found?.physical.rawValue != expected(page).map({ $0 + 5 }) {
                        Issue.record("wrong at step \(step)"); return
                    }
                    if let found, found.flags.contains(.large) != (large[start] != nil) { Issue.record("wrong kind") }
                }
            }
            var seen: [UInt64: UInt64] = [:], seenLarge: [UInt64: UInt64] = [:]
            var position: UInt64 = 0
            while let run = tables.nextPiece(from: position, to: 1 << 46) {
                if run.isLarge {
                    #expect(run.isWhole)
                    seenLarge[run.address] = run.slots.pointee.frame.rawValue
                } else {
                    for index in 0..<run.count where run.slots[index].rawValue != 0 {
                        seen[run.address + UInt64(index) << 12] = run.slots[index].frame.rawValue
                    }
                }
                position = run.end
            }
            #expect(seen == small)
            #expect(seenLarge == large)
            var gather = FrameGather()
            for page in large.keys {
                _ = PageTables.clear(tables.largeSlot(page)!)
                tables.pruneDirectory(page, into: &gather)
            }
            for page in small.keys {
                _ = PageTables.clear(tables.slot(page)!)
                tables.prune(page, into: &gather)
            }
            gather.finish()
        }
    }
}
