import Foundation
import Frames
import Processor
import Support

/// Physical memory for host tests: an anonymous mapping of the test process, which the direct map points to and the frame
/// allocator manages. Started once; all tests share it.
public enum FakeMemory {
    public static let byteCount = 512 << 20
    /// The memory has two nodes; the border lies in the middle of a section of 64 MiB.
    public static let firstNodeByteCount = 352 << 20

    // Initialised once, by whoever comes first.
    private static let started: Bool = {
        guard let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            memory != MAP_FAILED
        else { fatalError("no memory for tests") }
        directMapBase = UInt(bitPattern: memory)
        let map = [MemoryRange(start: 0, byteCount: UInt64(byteCount), kind: .usable)]
        var topology = NodeTopology()
        topology.memory = [
            .init(domain: 4, start: 0, byteCount: UInt64(firstNodeByteCount)),
            .init(domain: 9, start: UInt64(firstNodeByteCount), byteCount: UInt64(byteCount - firstNodeByteCount)),
        ]
        return withProcessor { Frames.start(memoryMap: map, reserved: [], nodes: Nodes(topology)) }
    }()

    /// Makes frames available. Harmless when they are already.
    public static func start() { precondition(started, "the frame allocator did not start") }
}
