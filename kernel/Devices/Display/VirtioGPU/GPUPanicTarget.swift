import DisplayModel
import Frames
import Support
import Virtio
import VirtioQueue

/// The panic screen on a virtio GPU. The driver's own state may be half changed, so the device is reset and set up anew with
/// memory that was put aside at boot; it is asked by polling.
final class GPUPanicTarget: PanicTarget {
    private static let columns = 800
    private static let lines = 600
    private static let ringSize: UInt16 = 8
    private static let resource: UInt32 = 1

    private let device: VirtioDevice
    private let pixels: DMABuffer
    /// Ring, request and response, a page each.
    private let memory: DMABuffer
    private var ring: SplitRing

    /// - Returns: nil when there is no memory to put aside.
    init?(_ device: VirtioDevice) {
        guard let pixels = DMABuffer(byteCount: Self.columns * Self.lines * 4), let memory = DMABuffer(byteCount: 3 * pageSize),
            let ring = SplitRing(memory: memory.pointer, size: Self.ringSize)
        else { return nil }
        self.device = device
        self.pixels = pixels
        self.memory = memory
        self.ring = ring
    }

    override var width: Int { Self.columns }
    override var height: Int { Self.lines }

    override func begin() -> Bool {
        guard device.restartPolled(ring: memory.physical, size: Self.ringSize) else { return false }
        let whole = GPURect(ScreenRect(width: Int32(width), height: Int32(height)))
        return perform(
            GPUResourceCreate2D(
                resource: Self.resource, format: GPUFormat.b8g8r8x8, width: UInt32(width), height: UInt32(height)))
            && perform(
                GPUAttachOneBacking(
                    attach: GPUAttachBacking(resource: Self.resource, count: 1),
                    entry: GPUMemoryEntry(address: pixels.physical.rawValue, byteCount: UInt32(width * height * 4))))
            && perform(GPUSetScanout(rect: whole, scanout: 0, resource: Self.resource))
    }

    override func write(_ run: UnsafeRawPointer, count: Int, x: Int, y: Int) {
        guard x >= 0, y >= 0, y < height, count >= 0, x <= width - count else { return }
        // SAFETY: the run lies inside the picture, which is as large as the buffer.
        (pixels.pointer + (y * width + x) * 4).copyMemory(from: run, byteCount: count * 4)
    }

    override func present(first: Int, end: Int) {
        let rect = GPURect(ScreenRect(x1: 0, y1: Int32(first), x2: Int32(width), y2: Int32(end)))
        _ =
            perform(GPUTransferToHost2D(rect: rect, offset: UInt64(first * width * 4), resource: Self.resource))
            && perform(GPUResourceFlush(rect: rect, resource: Self.resource))
    }

    /// Performs a command: polls for its end, a quarter of a second at most.
    private func perform<Command: BitwiseCopyable>(_ command: Command) -> Bool {
        let request = memory.pointer + pageSize, response = memory.pointer + 2 * pageSize
        request.storeBytes(of: command, as: Command.self)
        response.storeBytes(of: 0, as: UInt32.self)
        let physical = memory.physical.rawValue
        let segments: InlineArray<2, RingSegment> = [
            .readable(physical + UInt64(pageSize), UInt32(MemoryLayout<Command>.size)),
            .writable(physical + UInt64(2 * pageSize), 24),
        ]
        guard segments.span.withUnsafeBufferPointer({ ring.add($0) }) != nil else { return false }
        _ = ring.publish()
        device.ringPolledQueue()
        let deadline = machineMonotonicNanoseconds() + 250_000_000
        while true {
            switch ring.takeCompletion() {
            case .completed: return response.load(as: UInt32.self) == GPUCommand.responseOK
            case .broken: return false
            case .none:
                if machineMonotonicNanoseconds() > deadline { return false }
                machinePause()
            }
        }
    }
}

/// `virtio_gpu_resource_attach_backing` with a single entry.
private struct GPUAttachOneBacking: BitwiseCopyable {
    var attach: GPUAttachBacking
    var entry: GPUMemoryEntry
}
