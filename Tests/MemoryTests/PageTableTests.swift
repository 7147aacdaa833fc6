import KernelSeams
import Support
import Testing

@testable import Frames

@Suite struct PageTableTests {
    /// Random changes at addresses that share tables in every way, against a dictionary.
    @Test func walkerAgainstModel() {
        withTables { tables in
            var random = Seeded(20)
            var model: [UInt64: UInt64] = [:]
            // Few distinct values at each level: neighbours in leaf tables, directories and above.
            func address() -> UInt64 {
                let parts = (UInt64(random.below(3)), UInt64(random.below(3)), UInt64(random.below(3)), UInt64(random.below(40)))
                return (parts.0 * 100) << 39 | (parts.1 * 255) << 30 | (parts.2 * 255) << 21 | (parts.3 * 13) << 12
            }
            for _ in 0..<1_000_000 {
                let page = address()
                switch random.below(10) {
                case 0..<5:
                    let slot = tables.makeSlot(page, access: [.writable, .user])!
                    let entry = PageTableEntry(PhysicalAddress(UInt64(random.below(1 << 20)) << 12), [.present, .user])
                    if slot.pointee.rawValue == 0 { PageTables.fill(slot, entry) } else { _ = PageTables.exchange(slot, entry) }
                    model[page] = entry.frame.rawValue
                case 5..<9:
                    if let slot = tables.slot(page), slot.pointee.rawValue != 0 {
                        #expect(PageTables.clear(slot).frame.rawValue == model[page])
                        model[page] = nil
                    } else {
                        #expect(model[page] == nil)
                    }
                    var gather = FrameGather()
                    tables.prune(page, into: &gather)
                    gather.finish()
                default:
                    #expect(tables.translate(page + 5)?.physical.rawValue == model[page].map { $0 + 5 })
                }
            }
            // A walk over runs sees exactly the model.
            var seen: [UInt64: UInt64] = [:]
            var position: UInt64 = 0
            while let run = tables.nextRun(from: position, to: 1 << 47) {
                for index in 0..<run.count where run.slots[index].rawValue != 0 {
                    seen[run.address + UInt64(index) << 12] = run.slots[index].frame.rawValue
                }
                position = run.end
            }
            #expect(seen == model)
            for page in model.keys {
                _ = PageTables.clear(tables.slot(page)!)
                var gather = FrameGather()
                tables.prune(page, into: &gather)
                gather.finish()
            }
        }
    }

    @Test func directMapUsesLargePages() {
        FakeMemory.start()
        withProcessor {
            KernelMap.features = [.noExecute, .gigabytePages, .globalPages]
            let root = FrameAllocator.allocate(zeroed: true)!
            let tables = PageTables(root: root)
            let base: UInt64 = 0xffff_8000_0000_0000
            #expect(KernelMap.map(tables, base + 0x1f_f000, PhysicalAddress(0x1f_f000), 0x8000_0000, [.writable, .noExecute]))
            for (physical, size) in [
                (0x1f_f000, 4096), (0x20_0000, 1 << 21), (0x4000_0000, 1 << 30), (0x8000_0000, 4096), (0x801f_e000, 4096),
            ] as [(UInt64, UInt64)] {
                let found = tables.translate(base + physical + 123)
                #expect(found?.physical.rawValue == physical + 123)
                #expect(found?.byteCount == size)
                #expect(found?.flags.contains([.writable, .noExecute, .global]) == true)
            }
            #expect(tables.translate(base + 0x801f_f000) == nil)
            #expect(tables.translate(base) == nil)
        }
    }

    @Test func deviceRangesJoinAgain() {
        var ranges = DeviceRanges(start: 0x1000, end: 0x10_0000)
        var random = Seeded(21)
        var live: [(UInt64, UInt64)] = []
        for _ in 0..<20_000 {
            if random.chance(50) {
                let length = UInt64(1 + random.below(8)) << 12
                guard let start = ranges.take(length) else { continue }
                #expect(live.allSatisfy { start >= $0.0 + $0.1 + 4096 || start + length + 4096 <= $0.0 })
                live.append((start, length))
            } else if !live.isEmpty {
                let (start, length) = live.swapRemove(random.below(live.count))
                ranges.give(start, length)
            }
        }
        for (start, length) in live { ranges.give(start, length) }
        #expect(ranges.take(0x10_0000 - 0x1000 - 4096) == 0x1000)
    }
}
