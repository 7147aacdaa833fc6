import KernelSeams
import Processor
import Support
import Testing

@testable import Frames

/// The fake memory has two nodes; the test thread's processor is moved from one to the other.
@Suite struct NodeTests {
    /// Runs on a processor of a node.
    private func on<Result>(_ node: UInt32, _ body: () throws -> Result) rethrows -> Result {
        try withProcessor {
            FrameAllocator.drainList()
            PerCPU.current.pointee.node = node
            defer {
                FrameAllocator.drainList()
                PerCPU.current.pointee.node = 0
            }
            return try body()
        }
    }

    private func node(_ frame: PhysicalAddress) -> Int { MemoryNodes.node(of: UInt32(frame.frameNumber)) }

    /// Frames, blocks and large frames come from the processor's own node while it has any, whoever frees them.
    @Test func ownMemoryComesFirst() {
        FakeMemory.start()
        for own in [0, 1, 0] as [UInt32] {
            on(own) {
                let before = MemoryNodes.report(Int(own))
                var taken: [(PhysicalAddress, Int)] = []
                for order in [0, 0, 3, 9, 0, 5] {
                    for _ in 0..<40 where order < 9 || taken.count < 500 {
                        if let frame = FrameAllocator.allocate(order: order) { taken.append((frame, order)) }
                    }
                }
                let large = LargeFrame.allocate()
                for (frame, _) in taken where node(frame) != Int(own) {
                    Issue.record("frame \(frame.frameNumber) is of node \(node(frame)), not \(own)")
                    break
                }
                #expect(large.map { node($0) } == Int(own))
                let after = MemoryNodes.report(Int(own))
                #expect(after.hit > before.hit && after.foreign == before.foreign)
                // The other node's processor frees them; none stays in its list.
                FrameAllocator.drainList()
                PerCPU.current.pointee.node = 1 - own
                for (frame, order) in taken { FrameAllocator.free(frame, order: order) }
                if let large { for index in 0..<512 { FrameAllocator.release(large + UInt64(index * pageSize)) } }
                let next = FrameAllocator.allocate()
                #expect(next.map { node($0) } == Int(1 - own))
                if let next { FrameAllocator.free(next) }
            }
        }
    }

    /// When a node is full the other one helps, and the books say so; what is freed goes back to where it came from.
    @Test func aFullNodeIsHelped() {
        FakeMemory.start()
        on(1) {
            let free = free()
            let before = (MemoryNodes.report(0), MemoryNodes.report(1))
            var taken: [PhysicalAddress] = []
            var foreign = 0
            while foreign < 2000, let frame = FrameAllocator.allocate() {
                taken.append(frame)
                if node(frame) == 0 { foreign += 1 }
            }
            #expect(foreign == 2000)
            #expect(self.free()[1] < 512)
            let after = (MemoryNodes.report(0), MemoryNodes.report(1))
            #expect(after.0.miss >= before.0.miss + 2000 && after.1.foreign >= before.1.foreign + 2000)
            #expect(after.1.miss == before.1.miss)
            for frame in taken { FrameAllocator.free(frame) }
            FrameAllocator.drainList()
            #expect(self.free() == free)
        }
    }

    /// Free frames of each node, without those in lists.
    private func free() -> [Int] {
        (0..<MemoryNodes.count).map { node in
            FrameAllocator.zoneReports.filter { $0.node == node }.reduce(0) { $0 + $1.free }
        }
    }

    /// Each node has its own marks, and the memory of both is all there is.
    @Test func zonesAreApart() {
        FakeMemory.start()
        let reports = FrameAllocator.zoneReports.filter { $0.managed > 0 }
        #expect(MemoryNodes.count == 2)
        #expect(reports.map(\.node) == [0, 0, 1])
        #expect(reports.reduce(0) { $0 + $1.managed } == FrameAllocator.totalFrames)
        #expect(reports.allSatisfy { $0.marks.min > 0 && $0.marks.low > $0.marks.min && $0.marks.high > $0.marks.low })
        // The border is moved to the beginning of the section that it lies in... which belongs to who has its first byte.
        let border = UInt64(384 << 20) >> 12
        #expect(reports[2].firstFrame == border && reports[1].firstFrame + UInt64(reports[1].spanned) == border)
    }
}
