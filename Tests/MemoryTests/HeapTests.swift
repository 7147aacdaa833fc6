import KernelSeams
import Support
import Testing

@testable import Frames

@Suite struct HeapTests {
    /// Random allocations, each filled with its own pattern, which nobody else may disturb.
    @Test func patternsSurvive() {
        FakeMemory.start()
        withProcessor {
            var random = Seeded(10)
            var live: [(UnsafeMutableRawPointer, Int, UInt8)] = []
            let before = FrameAllocator.freeFrames
            for step in 0..<1_000_000 {
                if live.isEmpty || (random.chance(51) && live.count < 4000) {
                    let size =
                        random.chance(90) ? random.below(300) : random.chance(80) ? random.below(4096) : random.below(100_000)
                    let alignment = random.chance(90) ? 16 : 1 << random.below(14)
                    guard let memory = Heap.allocate(byteCount: size, alignment: alignment) else {
                        Issue.record("the heap is exhausted")
                        return
                    }
                    if UInt(bitPattern: memory) & UInt(max(alignment, 1) - 1) != 0 { Issue.record("misaligned"); return }
                    let mark = UInt8(truncatingIfNeeded: step)
                    fill(memory, size, mark)
                    live.append((memory, size, mark))
                } else {
                    let (memory, size, mark) = live.swapRemove(random.below(live.count))
                    if !check(memory, size, mark) { Issue.record("memory was overwritten"); return }
                    Heap.free(memory)
                }
            }
            for (memory, size, mark) in live {
                #expect(check(memory, size, mark))
                Heap.free(memory)
            }
            // Some slabs stay: those that magazines hold objects of, and one empty one a class.
            #expect(before - FrameAllocator.freeFrames < 1000)
        }
    }

    @Test func sizesAndAlignments() {
        FakeMemory.start()
        withProcessor {
            for size in 0...5000 {
                let memory = Heap.allocate(byteCount: size, alignment: 16)!
                #expect(UInt(bitPattern: memory) & 15 == 0)
                fill(memory, size, 1)
                Heap.free(memory)
            }
            for shift in 4...20 {
                let memory = Heap.allocate(byteCount: 24, alignment: 1 << shift)!
                #expect(UInt(bitPattern: memory) & (1 << UInt(shift) - 1) == directMapBase & (1 << UInt(shift) - 1))
                Heap.free(memory)
            }
            Heap.free(nil)
            #expect(Heap.allocate(byteCount: -1, alignment: 16) == nil)
            #expect(Heap.allocate(byteCount: 16, alignment: 24) == nil)
            #expect(Heap.allocate(byteCount: 1 << 40, alignment: 16) == nil)
        }
    }

    private func fill(_ memory: UnsafeMutableRawPointer, _ size: Int, _ mark: UInt8) {
        UnsafeMutableRawBufferPointer(start: memory, count: size).initializeMemory(as: UInt8.self, repeating: mark)
    }

    private func check(_ memory: UnsafeMutableRawPointer, _ size: Int, _ mark: UInt8) -> Bool {
        let bytes = UnsafeRawBufferPointer(start: memory, count: size)
        return size == 0 || (bytes[0] == mark && bytes[size - 1] == mark && bytes[size / 2] == mark)
    }
}
