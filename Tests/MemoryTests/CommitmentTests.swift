import ABI
import Frames
import KernelSeams
import Support
import Testing

@testable import VirtualMemory

@Suite struct CommitmentTests {
    /// Promises of memory are counted in and out by whatever changes areas, and refused as the mode says.
    @Test func promisesAreCounted() throws {
        FakeMemory.start()
        try withProcessor {
            let before = Commitment.total
            do {
                let space = try AddressSpace(layout: AddressLayout(stackLimit: 8 << 20, random: nil))
                let start = try space.map(MapRequest(byteCount: 100 << 12, protection: [.read, .write]))
                #expect(Commitment.total == before + 100)
                try space.protect(start, byteCount: 10 << 12, .read)
                #expect(Commitment.total == before + 90)
                try space.unmap(start + 50 << 12, byteCount: 20 << 12)
                #expect(Commitment.total == before + 70)
                var request = MapRequest(byteCount: 1000 << 12, protection: [.read, .write])
                request.skipsReserve = true
                _ = try space.map(request)
                _ = try space.map(MapRequest(byteCount: 1000 << 12, protection: .read))
                #expect(Commitment.total == before + 70)
                let child = try space.fork()
                #expect(Commitment.total == before + 140)
                child.clear()
                #expect(Commitment.total == before + 70)
                let all = UInt64(FrameAllocator.totalFrames)
                let far = errorNumber { () throws(Errno) in
                    _ = try space.map(MapRequest(byteCount: (all + 1) << 12, protection: [.read, .write]))
                }
                #expect(far == 12)
                do {
                    let shared = SharedAnonymousMemory(byteCount: 30 << 12, skipsReserve: false)
                    #expect(shared != nil && Commitment.total == before + 100)
                }
                let none = SharedAnonymousMemory(byteCount: (all + 1) << 12, skipsReserve: false)
                #expect(none == nil)
            }
            #expect(Commitment.total == before)
        }
    }
}
