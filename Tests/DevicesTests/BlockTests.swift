import ABI
@testable import Block
import Files
import Frames
import KernelSeams
import Support
import Testing

@Suite struct BlockPlanTests {
    /// Whatever the pieces and the limits, the requests cover every byte once, in order, within the limits.
    @Test func requestsTileTheTransfer() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            var segments: [BlockSegment] = []
            var bytes: [UInt64] = []
            for index in 0..<Int.random(in: 1...40, using: &random) {
                let count = Int.random(in: 0...200, using: &random) * 512
                let start = UInt64(index) << 32
                segments.append(BlockSegment(physical: PhysicalAddress(start), byteCount: count))
                for sector in 0..<(count / 512) { bytes.append(start + UInt64(sector) * 512) }
            }
            let maxSegments = Int.random(in: 1...64, using: &random), maxByteCount = Int.random(in: 1...300, using: &random) * 512
            var plan = BlockRequestPlan(
                sector: 100, segments: segments, maxSegments: maxSegments, maxSegmentByteCount: maxByteCount)
            var covered: [UInt64] = []
            var isWithinLimits = true
            while !plan.isFinished {
                let first = plan.sector
                var total = 0
                let pieces = plan.takeRequest { address, count in
                    total += count
                    if count <= 0 || count > maxByteCount || count % 512 != 0 { isWithinLimits = false }
                    for sector in 0..<(count / 512) { covered.append(address + UInt64(sector) * 512) }
                }
                if pieces > maxSegments || total > BlockRequestPlan.maxRequestByteCount { isWithinLimits = false }
                if plan.sector != first + UInt64(total / 512) { isWithinLimits = false }
                if pieces == 0, !plan.isFinished { isWithinLimits = false; break }
            }
            #expect(isWithinLimits)
            #expect(covered == bytes)
        }
    }

    @Test func ramDiskKeepsItsBounds() throws {
        FakeMemory.start()
        let frame = try #require(withProcessor { FrameAllocator.allocate(zeroed: true) })
        let disk = RAMDisk(physical: frame, byteCount: 4096 + 100)
        #expect(disk.sectorCount == 8)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 512)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0x5A, count: 1024)
        try disk.write(sector: 6, count: 2, from: memory)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: 1024)
        try disk.read(sector: 7, count: 1, into: memory)
        #expect(memory.load(as: UInt8.self) == 0x5A)
        #expect(throws: Errno.ioError) { try disk.read(sector: 7, count: 2, into: memory) }
        #expect(throws: Errno.ioError) { try disk.write(sector: .max, count: 1, from: memory) }
    }
}
