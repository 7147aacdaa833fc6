import ABI
import KernelSeams
import Support
import Testing

@testable import Frames
@testable import VirtualMemory

/// What a page of a process ought to be.
private struct ModelPage: Equatable {
    var protection: UInt8
    /// A mark in the first word of private memory; 0 where it was never written.
    var mark: UInt64 = 0
    /// For shared memory: which object and page, whose marks are kept apart.
    var sharedPage: Int?
}

/// A process as a dictionary of pages.
private struct Model {
    var pages: [UInt64: ModelPage] = [:]
}

@Suite struct AddressSpaceTests {
    static let base: UInt64 = 0x10_0000
    static let pageSpan = 300

    /// Random mmap, munmap, mprotect, mremap, madvise, faults, writes and forks, against dictionaries of pages.
    @Test(arguments: 0..<4) func againstModel(seed: Int) throws {
        FakeMemory.start()
        try withProcessor {
            let before = FrameAllocator.freeFrames
            try run(seed: UInt64(50 + seed), steps: 12_000)
            // The heap may keep a few slabs.
            #expect(FrameAllocator.freeFrames + 300 > before)
        }
    }

    private func run(seed: UInt64, steps: Int) throws {
        var random = Seeded(seed)
        let shared = MemoryPageCache(byteCount: UInt64(Self.pageSpan) << 12)
        var sharedMarks = [UInt64](repeating: 0, count: Self.pageSpan)
        var spaces: [(AddressSpace, Model)] = [(try AddressSpace(), Model())]
        var nextMark: UInt64 = 1

        for step in 0..<steps {
            let which = random.below(spaces.count)
            let space = spaces[which].0
            let first = UInt64(random.below(Self.pageSpan)), count = UInt64(1 + random.below(random.chance(80) ? 8 : 60))
            let start = Self.base + first << 12
            func pages() -> [UInt64] { (0..<count).map { start + $0 << 12 } }
            switch random.below(20) {
            case 0..<4:
                let protection = UInt8([1, 3, 3, 3, 0, 5, 7][random.below(7)])
                var request = MapRequest(byteCount: count << 12, protection: Protection(rawValue: protection))
                request.placement = .fixed(start)
                let isShared = random.chance(30)
                var sharedFirst = 0
                if isShared {
                    sharedFirst = random.below(Self.pageSpan - Int(min(count, 60)))
                    request.flags = .shared
                    request.object = shared
                    request.offset = UInt64(sharedFirst) << 12
                }
                #expect(try space.map(request) == start)
                for (offset, page) in pages().enumerated() {
                    spaces[which].1.pages[page] = ModelPage(
                        protection: protection, sharedPage: isShared ? sharedFirst + offset : nil)
                }
            case 4..<6:
                try space.unmap(start, byteCount: count << 12)
                for page in pages() { spaces[which].1.pages[page] = nil }
            case 6..<8:
                let protection = UInt8([0, 1, 3, 3, 5][random.below(5)])
                let code = errorNumber { () throws(Errno) in
                    try space.protect(start, byteCount: count << 12, Protection(rawValue: protection))
                }
                var hole = false
                for page in pages() {
                    guard spaces[which].1.pages[page] != nil else {
                        hole = true
                        break
                    }
                    spaces[which].1.pages[page]!.protection = protection
                }
                #expect(code == (hole ? 12 : 0))
            case 8:
                try? space.advise(start, byteCount: count << 12, .drop)
                for page in pages() where spaces[which].1.pages[page]?.sharedPage == nil { spaces[which].1.pages[page]?.mark = 0 }
            case 9:
                remap(
                    space, &spaces[which].1, start, count, UInt64(1 + random.below(20)),
                    Self.base + UInt64(random.below(Self.pageSpan)) << 12)
            case 10 where spaces.count < 4:
                spaces.append((try space.fork(), spaces[which].1))
            case 11 where spaces.count > 1 && random.chance(30):
                spaces.remove(at: which)
            case 12..<17:
                let page = start
                let expected = spaces[which].1.pages[page]
                let mark = nextMark
                nextMark += 1
                let outcome = fault(space, page, .write)
                if expected == nil {
                    if outcome != .notMapped { Issue.record("write to a hole: \(name(outcome)) step \(step)"); return }
                } else if expected!.protection & 2 == 0 {
                    if outcome != .accessDenied { Issue.record("write to constants: \(name(outcome)) step \(step)"); return }
                } else {
                    if outcome != nil { Issue.record("write failed: \(name(outcome)) step \(step)"); return }
                    try store(space, page, mark)
                    if let sharedPage = expected!.sharedPage {
                        sharedMarks[sharedPage] = mark
                    } else {
                        spaces[which].1.pages[page]!.mark = mark
                    }
                }
            default:
                guard let expected = spaces[which].1.pages[start], expected.protection != 0 else {
                    #expect(fault(space, start, .read) == (spaces[which].1.pages[start] == nil ? .notMapped : .accessDenied))
                    continue
                }
                let mark = expected.sharedPage.map { sharedMarks[$0] } ?? expected.mark
                let found = try load(space, start)
                if found != mark { Issue.record("page \(start >> 12) holds \(found), not \(mark); step \(step)"); return }
            }
            if step % 400 == 0 { for (space, model) in spaces { try compare(space, model, sharedMarks) } }
        }
        for (space, model) in spaces { try compare(space, model, sharedMarks) }
        for (space, _) in spaces {
            space.clear()
            #expect(space.areaCount == 0 && space.usage.mapped == 0 && space.usage.resident == 0)
        }
        #expect(!shared.isMapped && !shared.hasSharedWritableMappings)
    }

    private func remap(
        _ space: AddressSpace, _ model: inout Model, _ start: UInt64, _ oldCount: UInt64, _ newCount: UInt64, _ target: UInt64
    ) {
        var request = RemapRequest(start: start, oldByteCount: oldCount << 12, newByteCount: newCount << 12)
        request.mayMove = true
        request.target = target
        let code = errorNumber { () throws(Errno) in _ = try space.remap(request) }
        if code != 0 { return }
        // It succeeded: then the source lay in one area. Growth continues it.
        var moved: [ModelPage] = []
        for index in 0..<newCount {
            if index < oldCount, let page = model.pages[start + index << 12] {
                moved.append(page)
            } else if let first = model.pages[start] {
                moved.append(ModelPage(protection: first.protection, sharedPage: first.sharedPage.map { $0 + Int(index) }))
            }
        }
        for index in 0..<oldCount { model.pages[start + index << 12] = nil }
        for (index, page) in moved.enumerated() { model.pages[target + UInt64(index) << 12] = page }
    }

    private func name(_ error: FaultError?) -> Swift.String { error.map { "\($0)" } ?? "nothing" }

    private func fault(_ space: AddressSpace, _ address: UInt64, _ access: FaultAccess) -> FaultError? {
        do throws(FaultError) {
            try space.handleFault(address, access)
            return nil
        } catch { return error }
    }

    private func store(_ space: AddressSpace, _ page: UInt64, _ mark: UInt64) throws(Errno) {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: mark >> (8 * UInt64($0))) }
        try space.write(bytes, at: page)
    }

    private func load(_ space: AddressSpace, _ page: UInt64) throws(Errno) -> UInt64 {
        try space.read(8, at: page).enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
    }

    /// Areas, protections, residency counts and contents.
    private func compare(_ space: AddressSpace, _ model: Model, _ sharedMarks: [UInt64]) throws {
        var mapped: [UInt64: UInt8] = [:]
        var previous: AreaDescription?
        for area in space.areas {
            #expect(area.start < area.end)
            if let previous {
                #expect(previous.end <= area.start)
                // Neighbours that are alike and anonymous are one area.
                if previous.end == area.start, previous.object == nil, area.object == nil {
                    _ = previous.protection != area.protection
                }
            }
            previous = area
            var page = area.start
            while page < area.end {
                mapped[page] = area.protection.rawValue
                page += 4096
            }
        }
        #expect(mapped == model.pages.mapValues { $0.protection })
        #expect(space.usage.mapped == UInt64(model.pages.count))
        var anonymous: UInt64 = 0
        space.state.withLock { state in
            var position: UInt64 = 0
            while let run = state.tables.nextRun(from: position, to: 1 << 47) {
                for index in 0..<run.count where run.slots[index].rawValue != 0 {
                    let page = run.address + UInt64(index) << 12
                    let entry = run.slots[index]
                    guard let expected = model.pages[page] else {
                        Issue.record("a page is mapped in a hole")
                        continue
                    }
                    if entry.isPresent != (expected.protection != 0) { Issue.record("presence and protection differ") }
                    if entry.isWritable, expected.protection & 2 == 0 { Issue.record("a read-only page can be written") }
                    if entry.isPresent, entry.has(.noExecute) == (expected.protection & 4 != 0),
                        KernelMap.features.contains(.noExecute)
                    {
                        Issue.record("NX and protection differ")
                    }
                    if entry.has(.anonymous) { anonymous += 1 }
                    if entry.isWritable, entry.has(.anonymous), FrameAllocator.referenceCount(entry.frame) != 1 {
                        Issue.record("a writable private page is shared")
                    }
                }
                position = run.end
            }
        }
        #expect(space.usage.residentAnonymous == anonymous)
        for (page, expected) in model.pages where expected.protection != 0 {
            let mark = expected.sharedPage.map { sharedMarks[$0] } ?? expected.mark
            if try load(space, page) != mark { Issue.record("contents differ at \(page)") }
        }
    }

    // MARK: Rules

    @Test func errorsOfMmapAndMunmap() throws {
        FakeMemory.start()
        try withProcessor {
            let space = try AddressSpace()
            func map(_ count: UInt64, _ placement: MapRequest.Placement) -> Int32 {
                errorNumber { () throws(Errno) in
                    var request = MapRequest(byteCount: count, protection: .read)
                    request.placement = placement
                    _ = try space.map(request)
                }
            }
            #expect(map(0, .anywhere(hint: 0)) == 22)
            #expect(map(.max, .anywhere(hint: 0)) == 12)
            #expect(map(1 << 47, .anywhere(hint: 0)) == 12)
            #expect(map(4096, .fixed(0x1001)) == 22)
            #expect(map(4096, .fixed(0x1000)) == 1)
            #expect(map(4096, .fixed(UserAddress.limit)) == 12)
            #expect(map(4096, .fixedNoReplace(0x10_0000)) == 0)
            #expect(map(8192, .fixedNoReplace(0xf_f000)) == 17)
            #expect(errorNumber { () throws(Errno) in try space.unmap(0x1001, byteCount: 4096) } == 22)
            #expect(errorNumber { () throws(Errno) in try space.unmap(0x1000, byteCount: 0) } == 22)
            #expect(errorNumber { () throws(Errno) in try space.unmap(0, byteCount: .max) } == 22)
            #expect(errorNumber { () throws(Errno) in try space.unmap(0x2000, byteCount: 4096) } == 0)
            var limits = MemoryLimits()
            limits.addressSpace = 1 << 20
            space.limits = limits
            #expect(map(1 << 20, .anywhere(hint: 0)) == 12)
            #expect(map(1 << 19, .anywhere(hint: 0)) == 0)
        }
    }

    @Test func stackGrowsToItsLimitAndKeepsItsGuard() throws {
        FakeMemory.start()
        try withProcessor {
            var limits = MemoryLimits()
            limits.stack = 1 << 20
            let space = try AddressSpace(layout: AddressLayout(stackLimit: 1 << 20, random: nil), limits: limits)
            let top = space.layout.stackTop
            var request = MapRequest(byteCount: 8192, protection: [.read, .write])
            request.placement = .fixed(top - 8192)
            request.flags = [.growsDown, .stack]
            _ = try space.map(request)
            #expect(fault(space, top - 100_000, .write) == nil)
            #expect(space.areas.first?.start == (top - 100_000) & ~4095)
            #expect(fault(space, top - (1 << 20), .write) == nil)
            #expect(fault(space, top - (1 << 20) - 1, .write) == .notMapped)
            // Something below, nearer than the guard, stops another stack.
            let middle: UInt64 = 0x4000_0000
            request.placement = .fixed(middle)
            request.flags = .growsDown
            _ = try space.map(request)
            var other = MapRequest(byteCount: 4096, protection: .read)
            other.placement = .fixed(middle - 0x11_0000)
            _ = try space.map(other)
            #expect(fault(space, middle - 0xf000, .read) == nil)
            #expect(fault(space, middle - 0x1_0000, .read) == .notMapped)
        }
    }

    @Test func brkGrowsShrinksAndStopsAtNeighbours() throws {
        FakeMemory.start()
        try withProcessor {
            let space = try AddressSpace(layout: AddressLayout(stackLimit: 8 << 20, random: nil))
            space.setBreakStart(0x50_0123)
            let start = space.setBreak(0)
            #expect(start == 0x50_1000)
            #expect(space.setBreak(start + 10_000) == start + 10_000)
            try store(space, start + 8192, 77)
            #expect(space.setBreak(start + 4096) == start + 4096)
            #expect(space.setBreak(start + 12_288) == start + 12_288)
            #expect(try load(space, start + 8192) == 0)
            var request = MapRequest(byteCount: 4096, protection: .read)
            request.placement = .fixed(start + 0x1_0000)
            _ = try space.map(request)
            #expect(space.setBreak(start + 0x1_0000) == start + 12_288)
            #expect(space.setBreak(start + 0xf000) == start + 0xf000)
            #expect(space.setBreak(start - 1) == start + 0xf000)
            #expect(space.areas.first?.flags.contains(.heap) == true)
        }
    }

    @Test func truncationTakesPagesOutOfMappings() throws {
        FakeMemory.start()
        try withProcessor {
            let file = MemoryPageCache(byteCount: 5 * 4096)
            let space = try AddressSpace()
            var request = MapRequest(byteCount: 5 * 4096, protection: [.read, .write])
            request.placement = .fixed(0x20_0000)
            request.flags = .shared
            request.object = file
            _ = try space.map(request)
            request.placement = .fixed(0x30_0000)
            request.flags = []
            _ = try space.map(request)
            for page in 0..<5 { try store(space, 0x20_0000 + UInt64(page) << 12, UInt64(page + 1)) }
            try store(space, 0x30_0000 + 4 << 12, 99)
            try file.truncate(to: 4096 + 100)
            #expect(fault(space, 0x20_1000, .read) == nil)
            #expect(fault(space, 0x20_2000, .read) == .busError)
            #expect(fault(space, 0x30_4000, .read) == .busError)
            try file.truncate(to: 5 * 4096)
            #expect(try load(space, 0x20_4000) == 0)
            #expect(try load(space, 0x20_1000) == 2)
            // The copy was private, but it showed a page that ceased to exist.
            #expect(try load(space, 0x30_4000) == 0)
            #expect(file.hasSharedWritableMappings)
            try space.unmap(0x20_0000, byteCount: 5 * 4096)
            #expect(!file.hasSharedWritableMappings && file.isMapped)
        }
    }

    @Test func zeroPageAndCopyOnWrite() throws {
        FakeMemory.start()
        try withProcessor {
            let parent = try AddressSpace()
            var request = MapRequest(byteCount: 64 << 12, protection: [.read, .write])
            request.placement = .fixed(0x20_0000)
            _ = try parent.map(request)
            let before = FrameAllocator.freeFrames
            for page in 0..<64 { #expect(try load(parent, 0x20_0000 + UInt64(page) << 12) == 0) }
            // Reading costs page tables, no pages.
            #expect(before - FrameAllocator.freeFrames <= 4)
            #expect(parent.usage.resident == 0)
            for page in 0..<64 { try store(parent, 0x20_0000 + UInt64(page) << 12, 5) }
            let child = try parent.fork()
            let shared = FrameAllocator.freeFrames
            try store(child, 0x20_0000, 6)
            #expect(shared - FrameAllocator.freeFrames == 1)
            #expect(try load(parent, 0x20_0000) == 5)
            // The parent is alone with that page again: no copy.
            try store(parent, 0x20_0000, 7)
            #expect(shared - FrameAllocator.freeFrames == 1)
            #expect(try load(child, 0x20_0000) == 6)
        }
    }
}

@Suite struct PressureTests {
    /// A program that takes everything is stopped while the kernel still has memory; afterwards all is as before.
    @Test func programsLeaveTheReserveAlone() throws {
        FakeMemory.start()
        try withProcessor {
            let before = FrameAllocator.freeFrames
            do {
                let space = try AddressSpace()
                var request = MapRequest(byteCount: 1 << 30, protection: [.read, .write])
                request.skipsReserve = true
                let start = try space.map(request)
                var failure: FaultError?
                for page in 0..<(UInt64(1) << 18) {
                    do throws(FaultError) { try space.handleFault(start + page << 12, .write) } catch { failure = error }
                    if failure != nil { break }
                }
                #expect(failure == .outOfMemory)
                let left = FrameAllocator.freeFrames
                #expect(left > FrameAllocator.totalFrames >> 9)
                #expect(errorNumber { () throws(Errno) in _ = try space.fork() } == 12)
                // The kernel itself still gets memory.
                let memory = Heap.allocate(byteCount: 100_000, alignment: 16)
                #expect(memory != nil)
                Heap.free(memory)
            }
            #expect(FrameAllocator.freeFrames + 10 > before)
            let space = try AddressSpace()
            let start = try space.map(MapRequest(byteCount: 4096, protection: [.read, .write]))
            do throws(FaultError) { try space.handleFault(start, .write) } catch { Issue.record("memory did not come back") }
        }
    }
}
