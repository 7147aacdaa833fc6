import Testing

@testable import Frames

@Suite struct ObjectGuardTests {
    private let sizes = [32, 48, 64, 112, 256, 640, 2048]

    private func withSlot(_ size: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
        let slot = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        defer { slot.deallocate() }
        ObjectGuard.format(slot, size)
        body(slot)
    }

    /// Objects that are used as they should be, with links in their first words while they are free, raise no alarm.
    @Test func properUseIsFine() {
        var random = Seeded(70)
        for size in sizes {
            withSlot(size) { slot in
                for round in 0..<20_000 {
                    let count = random.below(size - ObjectGuard.extra + 1)
                    slot.storeBytes(of: random.next(), as: UInt64.self)
                    if ObjectGuard.take(slot, size, byteCount: count, epoch: UInt32(round)) != nil {
                        Issue.record("taken"); return
                    }
                    for index in 0..<count {
                        slot.storeBytes(of: UInt8(truncatingIfNeeded: random.next()), toByteOffset: index, as: UInt8.self)
                        if index > 40 { break }
                    }
                    if !ObjectGuard.isLive(slot, size) || ObjectGuard.byteCount(slot, size) != count {
                        Issue.record("live"); return
                    }
                    if ObjectGuard.epoch(slot, size) != UInt32(round) { Issue.record("epoch"); return }
                    if ObjectGuard.give(slot, size) != nil { Issue.record("given"); return }
                    if ObjectGuard.isLive(slot, size) { Issue.record("dead"); return }
                }
            }
        }
    }

    /// Every byte behind the end of an object is watched, whatever is written there.
    @Test func overrunsAreFound() {
        var random = Seeded(71)
        for size in sizes {
            for _ in 0..<2_000 {
                withSlot(size) { slot in
                    let count = random.below(size - ObjectGuard.extra + 1)
                    #expect(ObjectGuard.take(slot, size, byteCount: count, epoch: 1) == nil)
                    // The guard bytes and the record's first eight: its length and its state.
                    let offset = count + random.below(size - 8 - count)
                    let old = slot.load(fromByteOffset: offset, as: UInt8.self)
                    slot.storeBytes(of: old ^ UInt8(1 + random.below(255)), toByteOffset: offset, as: UInt8.self)
                    guard case .overrun = ObjectGuard.give(slot, size) else {
                        Issue.record("a write at \(offset) behind \(count) bytes in \(size) was not found")
                        return
                    }
                }
            }
        }
    }

    @Test func usesAfterFreeAreFound() {
        var random = Seeded(72)
        for size in sizes {
            for _ in 0..<2_000 {
                withSlot(size) { slot in
                    #expect(ObjectGuard.take(slot, size, byteCount: 5, epoch: 1) == nil)
                    #expect(ObjectGuard.give(slot, size) == nil)
                    let offset = 8 + random.below(size - 24)
                    let old = slot.load(fromByteOffset: offset, as: UInt8.self)
                    slot.storeBytes(of: old ^ UInt8(1 + random.below(255)), toByteOffset: offset, as: UInt8.self)
                    #expect(ObjectGuard.take(slot, size, byteCount: 5, epoch: 1) == .usedAfterFree(offset))
                }
            }
        }
    }

    @Test func secondFreesAreFound() {
        for size in sizes {
            withSlot(size) { slot in
                #expect(ObjectGuard.give(slot, size) == .freedTwice)
                #expect(ObjectGuard.take(slot, size, byteCount: 8, epoch: 1) == nil)
                #expect(ObjectGuard.give(slot, size) == nil)
                #expect(ObjectGuard.give(slot, size) == .freedTwice)
            }
        }
    }
}
