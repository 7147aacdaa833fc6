import ABI
import Files
import Frames
import KernelSeams
import SeededRandom
import Support
import Testing

@testable import Pipes

@Suite struct PipeTests {
    init() { FakeMemory.start() }

    /// Random writes, reads and changes of capacity against a plain array.
    @Test(arguments: 0..<8) func bufferBehavesLikeAQueue(seed: Int) {
        withProcessor {
            let before = FrameAllocator.freeFrames
            do {
                var random = SplitMix(UInt64(seed))
                var buffer = PipeBuffer()
                var model: [UInt8] = []
                for _ in 0..<400 {
                    switch Int.random(in: 0..<20, using: &random) {
                    case 0..<9:
                        let bytes = random.bytes(Int.random(in: 1...(random.chance(20) ? 40000 : 3000), using: &random))
                        let taken = withSource(bytes) { source in
                            attempt { () throws(Errno) in try buffer.append(from: &source, limit: .max) }
                        }
                        let expected = min(bytes.count, buffer.capacity - model.count)
                        #expect(taken.value == expected)
                        model += bytes.prefix(expected)
                    case 9..<18:
                        let (_, bytes) = withTarget(Int.random(in: 1...(random.chance(20) ? 40000 : 3000), using: &random)) {
                            target in
                            attempt { () throws(Errno) in try buffer.take(into: &target) }
                        }
                        #expect(bytes == Array(model.prefix(bytes.count)))
                        model.removeFirst(bytes.count)
                    default:
                        let capacity = 4096 << Int.random(in: 0...6, using: &random)
                        let outcome = attempt { () throws(Errno) in try buffer.resize(to: capacity) }
                        if capacity < model.count { #expect(outcome.error == .busy) }
                        if outcome.error == nil { #expect(buffer.capacity == capacity) }
                    }
                    #expect(buffer.count == model.count)
                }
            }
            #expect(FrameAllocator.freeFrames == before, "frames were lost")
        }
    }

    private func write(_ pipe: Pipe, _ bytes: [UInt8]) -> Result<Int, Errno> {
        withSource(bytes) { source in attempt { () throws(Errno) in try pipe.write(&source, isNonBlocking: true) } }
    }
    private func read(_ pipe: Pipe, _ count: Int) -> (Result<Int, Errno>, [UInt8]) {
        withTarget(count) { target in attempt { () throws(Errno) in try pipe.read(&target, isNonBlocking: true) } }
    }

    @Test func smallWritesAreNotSplit() {
        withProcessor {
            let pipe = Pipe()
            pipe.addReader()
            pipe.addWriter()
            #expect(write(pipe, [UInt8](repeating: 1, count: 65536 - 100)).value == 65436)
            #expect(write(pipe, [UInt8](repeating: 2, count: 101)).error == .wouldBlock)
            #expect(write(pipe, [UInt8](repeating: 2, count: 100)).value == 100)
            #expect(write(pipe, [3]).error == .wouldBlock)
            #expect(read(pipe, 10).0.value == 10)
            // A long write takes what there is room for.
            #expect(write(pipe, [UInt8](repeating: 3, count: 5000)).value == 10)
        }
    }

    @Test func endsAreSeen() {
        withProcessor {
            let (reader, writer): (PipeFile?, PipeFile?) = PipeFile.pair(flags: .nonBlocking)
            var other = writer
            #expect(reader!.poll(nil).isEmpty)
            #expect(other!.poll(nil) == .writable)
            _ = withSource([1, 2, 3]) { source in attempt { () throws(Errno) in try other!.write(&source) } }
            #expect(reader!.poll(nil) == .readable)
            #expect(read(reader!.pipe, 2).1 == [1, 2])
            other = nil
            _ = writer
        }
    }

    @Test func readEndsWithoutWritersButNotBeforeTheBytes() {
        withProcessor {
            let pipe = Pipe()
            pipe.addReader()
            pipe.addWriter()
            #expect(read(pipe, 10).0.error == .wouldBlock)
            _ = write(pipe, [7])
            pipe.removeWriter()
            #expect(read(pipe, 10).1 == [7])
            #expect(read(pipe, 10).0.value == 0)
        }
    }

    @Test func capacityIsAPowerOfTwoOfPages() {
        withProcessor {
            let pipe = Pipe()
            pipe.addReader()
            pipe.addWriter()
            #expect(attempt { () throws(Errno) in try pipe.setCapacity(1) }.value == 4096)
            #expect(attempt { () throws(Errno) in try pipe.setCapacity(4097) }.value == 8192)
            #expect(attempt { () throws(Errno) in try pipe.setCapacity(2 << 20) }.error == .notPermitted)
            _ = write(pipe, [UInt8](repeating: 0, count: 8000))
            #expect(attempt { () throws(Errno) in try pipe.setCapacity(4096) }.error == .busy)
        }
    }
}
