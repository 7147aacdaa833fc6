import Processor
@testable import Scheduling

/// The one processor of host tests: it has a run queue, in which there is never anything, since nothing is scheduled on the host.
public enum FakeProcessor {
    // Initialised once, by whoever comes first.
    private static let started: Bool = withProcessor {
        Processors.registerFirst()
        let size = MemoryLayout<ThreadControlBlock>.size
        let idle = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        // SAFETY: nobody runs this thread; only its counters are read, and zeros are good ones.
        idle.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        Scheduler.makeQueue(idle: idle.assumingMemoryBound(to: ThreadControlBlock.self))
        return true
    }

    public static func start() { _ = started }
}
