import ABI
import KernelSeams
import Support
import Testing

@testable import Frames
@testable import VirtualMemory

/// A process as arrays over its pages.
private struct LargeModel {
    /// nil: a hole.
    var protections: [UInt8?]
    var marks: [UInt64]

    init(_ count: Int) {
        protections = .init(repeating: nil, count: count)
        marks = .init(repeating: 0, count: count)
    }
}

@Suite struct LargeSpaceTests {
    static let base: UInt64 = 0x4000_0000 - 100 << 12
    static let span = 5 * 512

    private static func address(_ page: Int) -> UInt64 { base + UInt64(page) << 12 }

    /// Big areas that are mapped, written, cut, protected, forgotten, moved and forked at random.
    @Test(arguments: 0..<3) func againstModel(seed: Int) throws {
        FakeMemory.start()
        try withProcessor {
            let before = FrameAllocator.freeFrames
            let counts = (
                MemoryCounters.largeFaults.load(ordering: .relaxed), MemoryCounters.largeSplits.load(ordering: .relaxed)
            )
            try run(Seeded(UInt64(80 + seed)), steps: 4_000)
            #expect(FrameAllocator.freeFrames + 300 > before)
            #expect(LargePages.count == 0)
            #expect(MemoryCounters.largeFaults.load(ordering: .relaxed) > counts.0 + 100)
            #expect(MemoryCounters.largeSplits.load(ordering: .relaxed) > counts.1 + 50)
        }
    }

    private func run(_ seeded: Seeded, steps: Int) throws {
        var random = seeded
        var spaces: [(AddressSpace, LargeModel)] = [(try AddressSpace(), LargeModel(Self.span))]
        var mark: UInt64 = 0
        for step in 0..<steps {
            let which = random.below(spaces.count)
            let space = spaces[which].0
            // Often whole large pages, which begin at page 100 of the region.
            var first = random.below(Self.span), count = 1 + random.below(random.chance(60) ? 40 : 1200)
            if random.chance(40) {
                first = 100 + 512 * random.below(4)
                count = 512 * (1 + random.below(3))
            }
            count = min(count, Self.span - first)
            let pages = first..<first + count
            let start = Self.address(first), size = UInt64(count) << 12
            switch random.below(24) {
            case 0..<3:
                var request = MapRequest(byteCount: size, protection: [.read, .write])
                request.placement = .fixed(start)
                #expect(try space.map(request) == start)
                for page in pages { (spaces[which].1.protections[page], spaces[which].1.marks[page]) = (3, 0) }
            case 3:
                try space.unmap(start, byteCount: size)
                for page in pages { spaces[which].1.protections[page] = nil }
            case 4..<6:
                let protection = UInt8([0, 1, 3, 3][random.below(4)])
                let code = errorNumber { () throws(Errno) in
                    try space.protect(start, byteCount: size, Protection(rawValue: protection))
                }
                let reach = pages.firstIndex { spaces[which].1.protections[$0] == nil } ?? pages.endIndex
                #expect(code == (reach < pages.endIndex ? 12 : 0))
                for page in pages.startIndex..<reach { spaces[which].1.protections[page] = protection }
            case 6:
                // What is locked cannot be forgotten.
                if space.areas.contains(where: { $0.flags.contains(.locked) && $0.start < start + size && $0.end > start }) {
                    continue
                }
                try? space.advise(start, byteCount: size, random.chance(50) ? .drop : .free)
                for page in pages { spaces[which].1.marks[page] = 0 }
            case 7:
                try? space.advise(start, byteCount: size, .setFlag(random.chance(70) ? .largeWanted : .largeForbidden))
            case 8:
                move(space, &spaces[which].1, first, count, to: random.below(Self.span - count + 1))
            case 9 where spaces.count < 4:
                spaces.append((try space.fork(), spaces[which].1))
            case 10 where spaces.count > 1:
                spaces.remove(at: which)
            case 11:
                try? space.setLocked(start, byteCount: size, random.chance(50))
            default:
                mark += 1
                for page in [first, first + count / 2, first + count - 1] {
                    let code = errorNumber { () throws(Errno) in try store(space, page, mark) }
                    let permitted = (spaces[which].1.protections[page] ?? 0) & 2 != 0
                    if (code == 0) != permitted { Issue.record("writing gave \(code) at step \(step)"); return }
                    if permitted { spaces[which].1.marks[page] = mark }
                }
            }
            if step % 200 == 0 { for (space, model) in spaces where !compare(space, model, step) { return } }
        }
        for (space, model) in spaces { _ = compare(space, model, steps) }
        for (space, _) in spaces {
            space.clear()
            #expect(space.usage.resident == 0 && space.usage.large == 0)
        }
    }

    private func move(_ space: AddressSpace, _ model: inout LargeModel, _ first: Int, _ count: Int, to target: Int) {
        var request = RemapRequest(
            start: Self.address(first), oldByteCount: UInt64(count) << 12, newByteCount: UInt64(count) << 12)
        request.mayMove = true
        request.target = Self.address(target)
        if errorNumber({ () throws(Errno) in _ = try space.remap(request) }) != 0 { return }
        let old = model
        for index in 0..<count { model.protections[first + index] = nil }
        for index in 0..<count {
            model.protections[target + index] = old.protections[first + index]
            model.marks[target + index] = old.marks[first + index]
        }
    }

    private func store(_ space: AddressSpace, _ page: Int, _ mark: UInt64) throws(Errno) {
        try space.write((0..<8).map { UInt8(truncatingIfNeeded: mark >> (8 * UInt64($0))) }, at: Self.address(page))
    }

    private func load(_ space: AddressSpace, _ page: Int) throws(Errno) -> UInt64 {
        try space.read(8, at: Self.address(page)).enumerated().reduce(0) {
            $0 | UInt64($1.element) << (8 * UInt64($1.offset))
        }
    }

    /// Contents, rights and counts.
    private func compare(_ space: AddressSpace, _ model: LargeModel, _ step: Int) -> Bool {
        var (anonymous, large) = (UInt64(0), UInt64(0))
        var isRight = true
        space.state.withLock { state in
            var position: UInt64 = 0
            while let run = state.tables.nextPiece(from: position, to: 1 << 46) {
                for index in 0..<run.count {
                    let entry = run.isLarge ? run.slots.pointee : run.slots[index]
                    if entry.rawValue == 0 { continue }
                    let frame = run.isLarge ? entry.frame + UInt64(index * pageSize) : entry.frame
                    let page = Int(run.address >> 12) + index - Int(Self.base >> 12)
                    guard let protection = model.protections[page] else { isRight = false; continue }
                    if entry.isPresent != (protection != 0) { isRight = false }
                    if entry.isWritable, protection & 2 == 0 { isRight = false }
                    if entry.has(.anonymous) { anonymous += 1 }
                    if entry.isWritable, FrameAllocator.referenceCount(frame) != 1 { isRight = false }
                }
                if run.isLarge {
                    large += 1
                    if !run.isWhole || run.address & LargeFrame.mask != 0 { isRight = false }
                    let area = state.areas.area(at: run.address)
                    if area == nil || area!.pointee.end < run.end || area!.pointee.flags.contains(.shared) { isRight = false }
                }
                position = run.end
            }
        }
        if !isRight { Issue.record("the page tables are not what they should be at step \(step)") }
        if space.usage.residentAnonymous != anonymous || space.usage.large != large {
            Issue.record(
                "\(space.usage.residentAnonymous) pages counted, \(anonymous) there; large \(space.usage.large), \(large)")
            isRight = false
        }
        for page in 0..<Self.span where model.protections[page] ?? 0 != 0 {
            let found = try? load(space, page)
            if found != model.marks[page] {
                Issue.record("page \(page) has \(found ?? .max), not \(model.marks[page]), at step \(step)")
                return false
            }
        }
        return isRight
    }

    /// The first write fills 2 MiB, unless one of the conditions fails.
    @Test func whereLargePagesAre() throws {
        FakeMemory.start()
        try withProcessor {
            let size: UInt64 = 2 << 20
            func large(_ flags: AreaFlags = [], at start: UInt64 = 0x4000_0000, bytes: UInt64 = 4 << 20, permitted: Bool = true)
                throws
                -> UInt64
            {
                let space = try AddressSpace()
                space.permitsLargePages = permitted
                var request = MapRequest(byteCount: bytes, protection: [.read, .write])
                request.placement = .fixed(start)
                request.flags = flags
                _ = try space.map(request)
                try space.write([1], at: start + bytes / 2)
                #expect(space.usage.residentAnonymous == (space.usage.large == 0 ? 1 : 512))
                return space.usage.large
            }
            #expect(try large() == 1)
            #expect(try large(.largeWanted) == 1)
            #expect(try large(.heap) == 1)
            #expect(try large(.largeForbidden) == 0)
            #expect(try large(permitted: false) == 0)
            #expect(try large([.growsDown, .stack]) == 0)
            #expect(try large(bytes: size) == 1)
            #expect(try large(bytes: size - 4096) == 0)
            // Big, but no aligned piece lies in it wholly.
            #expect(try large(at: 0x4000_1000, bytes: 2 * size - 8192) == 0)
            let space = try AddressSpace()
            var request = MapRequest(byteCount: size, protection: [.read, .write])
            request.placement = .fixed(0x4000_0000)
            _ = try space.map(request)
            // A page that was read first is there already.
            _ = try space.read(1, at: 0x4000_0000)
            try space.write([1], at: 0x4000_1000)
            #expect(space.usage.large == 0)
            space.permitsLargePages = false
            #expect(try space.fork().permitsLargePages == false)
        }
    }

    @Test func residencyAndPopulationOfLargePages() throws {
        FakeMemory.start()
        try withProcessor {
            let space = try AddressSpace()
            var request = MapRequest(byteCount: 8 << 20, protection: [.read, .write])
            request.placement = .fixed(0x4000_0000)
            request.populates = true
            _ = try space.map(request)
            #expect(space.usage.large == 4 && space.usage.residentAnonymous == 2048)
            try space.unmap(0x4020_1000, byteCount: 4096)
            #expect(space.usage.large == 3 && space.usage.residentAnonymous == 2047)
            #expect(try space.residency(0x4000_0000, pageCount: 513) == .init(repeating: 1, count: 513))
            #expect(errorNumber { () throws(Errno) in _ = try space.residency(0x4020_1000, pageCount: 1) } == 12)
            try space.advise(0x4000_0000, byteCount: 1 << 20, .drop)
            #expect(
                try space.residency(0x4000_0000, pageCount: 512) == .init(repeating: 0, count: 256)
                    + .init(repeating: 1, count: 256))
            #expect(space.usage.large == 2)
        }
    }
}
