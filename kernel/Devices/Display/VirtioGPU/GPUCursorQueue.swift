import ABI
import DisplayModel
import Frames
import Processor
import Support
import Virtio
import VirtioQueue

/// The cursor queue: nobody waits for it. When the device is behind, only the newest position counts.
final class GPUCursorQueue {
    private static let slotCount = 16
    private static let slotByteCount = 64

    private struct State: ~Copyable {
        var isBusy: InlineArray<16, Bool> = .init(repeating: false)
        /// The slot that a head belongs to.
        var owners: InlineArray<16, UInt8> = .init(repeating: 0)
        /// What could not be sent yet.
        var waiting: GPUCursor?
    }

    private let queue: VirtioQueueHandle
    private let memory: DMABuffer
    private let state = SpinLock(State())

    init?(_ device: VirtioDevice) {
        let relay = CursorInterrupt()
        guard let memory = DMABuffer(byteCount: Self.slotCount * Self.slotByteCount),
            let queue = device.makeQueue(1, maxSize: UInt16(Self.slotCount), handler: relay)
        else { return nil }
        self.queue = queue
        self.memory = memory
        relay.queue = self
    }

    /// Sends a command, or keeps it until there is room.
    func send(_ command: GPUCursor) {
        let isQueued = state.withLock { state in
            collect(&state)
            return trySend(command, &state)
        }
        if isQueued { queue.notify() }
    }

    private func trySend(_ command: GPUCursor, _ state: inout State) -> Bool {
        for slot in 0..<Self.slotCount where !state.isBusy[slot] {
            let offset = slot * Self.slotByteCount
            (memory.pointer + offset).storeBytes(of: command, as: GPUCursor.self)
            let segment = RingSegment.readable(memory.physical.rawValue + UInt64(offset), UInt32(MemoryLayout<GPUCursor>.size))
            let segments: InlineArray<1, RingSegment> = [segment]
            let head: UInt16? = segments.span.withUnsafeBufferPointer { pointer in queue.withRing { $0.add(pointer) } }
            guard let head, head < UInt16(Self.slotCount) else { break }
            state.isBusy[slot] = true
            state.owners[Int(head)] = UInt8(slot)
            return true
        }
        // A new image that waits must not be lost to a mere movement after it.
        if var waiting = state.waiting, command.header.type == GPUCommand.moveCursor {
            waiting.x = command.x
            waiting.y = command.y
            state.waiting = waiting
        } else {
            state.waiting = command
        }
        return false
    }

    private func collect(_ state: inout State) {
        while case .completed(let head, _) = queue.withRing({ $0.takeCompletion() }) {
            if head < UInt16(Self.slotCount) { state.isBusy[Int(state.owners[Int(head)])] = false }
        }
    }

    fileprivate func interrupt() {
        let isQueued = state.withLock { state in
            collect(&state)
            guard let waiting = state.waiting else { return false }
            state.waiting = nil
            return trySend(waiting, &state)
        }
        if isQueued { queue.notify() }
    }
}

private final class CursorInterrupt: InterruptHandler {
    override var name: StaticString { "virtio display, pointer" }
    unowned(unsafe) var queue: GPUCursorQueue?
    override func handle() { queue?.interrupt() }
}
