import Frames
import PCI
import PCIConfiguration
import Processor
import Support
import VirtioQueue

/// A queue of a device: the ring, its memory and the doorbell. All use of the ring is under one lock, so a queue can be
/// filled by a thread and emptied by an interrupt.
public final class VirtioQueueHandle {
    public let index: UInt16
    public let size: UInt16
    /// The ring lives in it: it must outlive the device's use of the queue, so queues are never released while it runs.
    private let memory: DMABuffer
    private let doorbell: MappedWindow
    private let state: SpinLock<SplitRing>

    init(index: UInt16, memory: consuming DMABuffer, ring: consuming SplitRing, doorbell: MappedWindow) {
        self.index = index
        size = ring.size
        self.memory = memory
        self.doorbell = doorbell
        state = SpinLock(ring)
    }

    /// Runs `body` with the ring. It must be short: interrupts are off.
    public func withRing<Result>(_ body: (inout SplitRing) -> Result) -> Result { state.withLock { body(&$0) } }

    /// Shows the device what was added and rings the bell if it wants to hear it.
    public func notify() {
        if state.withLock({ $0.publish() }) { doorbell.write16(0, index) }
    }

    public var isBroken: Bool { state.withLock { $0.isBroken } }
}
