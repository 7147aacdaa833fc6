import ABI
import KernelSeams
import Support
import Testing
import VirtualMemory

@testable import Frames

/// A random number generator that repeats exactly (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// The error number of an operation; 0 when it succeeds.
func errorNumber(_ body: () throws(Errno) -> Void) -> Int32 {
    do throws(Errno) {
        try body()
        return 0
    } catch { return error.rawValue }
}

extension PageCache {
    /// Writes an array of bytes.
    func put(_ bytes: [UInt8], at offset: Int) throws(Errno) -> Int {
        var copy = bytes
        let result: Result<Int, Errno> = copy.withUnsafeMutableBytes { raw in
            var buffer = TransferBuffer(kernel: raw)
            do throws(Errno) { return .success(try write(&buffer, at: UInt64(offset))) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Reads up to `count` bytes.
    func get(_ count: Int, at offset: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xaa, count: count)
        let result: Result<Int, Errno> = bytes.withUnsafeMutableBytes { raw in
            var buffer = TransferBuffer(kernel: raw)
            do throws(Errno) { return .success(try read(&buffer, at: UInt64(offset))) } catch { return .failure(error) }
        }
        return Array(bytes.prefix(try result.get()))
    }
}

/// Page tables of their own, which the body leaves empty: afterwards no frame is missing.
func withTables(_ body: (PageTables) -> Void) {
    FakeMemory.start()
    withProcessor {
        let before = FrameAllocator.freeFrames
        let root = KernelMap.makeRoot()!
        body(PageTables(root: root))
        FrameAllocator.release(root)
        #expect(FrameAllocator.freeFrames == before)
    }
}
