import ABI
import DisplayModel
import Frames
import Processor
import Scheduling
import Support
import Synchronization
import Virtio
import VirtioQueue

/// The commands of one frame while they are put together: they lie in one page, requests in its lower half and responses in
/// its upper half.
struct GPUBatch {
    static let maxCommands = 32
    private static let responseOffset = 2048

    private let page: UnsafeMutableRawPointer
    private let physical: UInt64
    private var used = 0
    private(set) var count = 0
    private var commands: InlineArray<32, (offset: UInt16, byteCount: UInt16)> = .init(repeating: (0, 0))

    init(page: UnsafeMutableRawPointer, physical: UInt64) {
        self.page = page
        self.physical = physical
    }

    /// Adds a command. What no longer fits is a bug of the caller: damage is limited so that a frame always fits.
    mutating func add<Command: BitwiseCopyable>(_ command: Command) {
        precondition(count < Self.maxCommands && used + MemoryLayout<Command>.stride <= Self.responseOffset)
        (page + used).storeBytes(of: command, as: Command.self)
        commands[count] = (UInt16(used), UInt16(MemoryLayout<Command>.size))
        (page + Self.responseOffset + count * 24).storeBytes(of: 0, as: UInt32.self)
        used += (MemoryLayout<Command>.stride + 7) & ~7
        count += 1
    }

    /// Asks for a fence on the last command: its completion means that all of them are done.
    func fence(_ number: UInt64) {
        let header = page + Int(commands[count - 1].offset)
        header.storeBytes(of: GPUCommand.flagFence, toByteOffset: 4, as: UInt32.self)
        header.storeBytes(of: number, toByteOffset: 8, as: UInt64.self)
    }

    /// The segments of a command: request and response.
    func segments(_ index: Int) -> InlineArray<2, RingSegment> {
        [
            .readable(physical + UInt64(commands[index].offset), UInt32(commands[index].byteCount)),
            .writable(physical + UInt64(Self.responseOffset + index * 24), 24),
        ]
    }

    static func response(_ page: UnsafeMutableRawPointer, _ index: Int) -> UInt32 {
        (page + responseOffset + index * 24).load(as: UInt32.self)
    }
}

/// The control queue: frames are submitted as one batch with one notification and complete by interrupt; single commands
/// are waited for.
///
/// Submitting is serialised by the card's lock; completing happens in interrupts and while waiting.
final class GPUControlQueue {
    static let queueSize: UInt16 = 64
    /// Frames that may be on their way, each with a page of its own.
    private static let frameSlots = 8
    /// The slot of the single command.
    private static let singleSlot = 8
    private static let deadlineNanoseconds: UInt64 = 5_000_000_000
    /// Room for a single command's response: EDID is the largest.
    static let responseByteCount = 4096

    private struct Slot {
        var outstanding: UInt16 = 0
        var commandCount: UInt16 = 0
        var frame: UInt64 = 0
    }
    private struct State: ~Copyable {
        var slots: InlineArray<9, Slot> = .init(repeating: Slot())
        /// The slot that a head belongs to.
        var owners: InlineArray<64, UInt8> = .init(repeating: 0)
        var isDead = false
        var isStopped = false
        var failedCommands = 0
    }

    private let device: VirtioDevice
    private let queue: VirtioQueueHandle
    private let memory: DMABuffer
    private let waiters = WaitQueue()
    private let state = SpinLock(State())
    private let submitted = Atomic<UInt64>(0)
    private let completed = Atomic<UInt64>(0)
    /// Told about completed frames.
    private unowned(unsafe) let driver: DisplayDriver

    /// - Parameter driver: outlives the queue.
    init?(_ device: VirtioDevice, driver: DisplayDriver) {
        let relay = GPUInterrupt()
        guard let memory = DMABuffer(byteCount: (Self.frameSlots + 2) * pageSize),
            let queue = device.makeQueue(0, maxSize: Self.queueSize, handler: relay)
        else { return nil }
        self.device = device
        self.queue = queue
        self.memory = memory
        self.driver = driver
        relay.queue = self
    }

    var submittedFrame: UInt64 { submitted.load(ordering: .acquiring) }
    var completedFrame: UInt64 { completed.load(ordering: .acquiring) }

    // MARK: Frames

    /// Submits a frame.
    /// - Parameter build: adds the frame's commands, at least one.
    /// - Returns: the frame's number.
    /// - Throws: `ioError` when the device does not take it within five seconds; it is given up then.
    func submit(_ build: (inout GPUBatch) -> Void) throws(Errno) -> UInt64 {
        let slot = try waitForSlot()
        var batch = GPUBatch(page: page(slot), physical: physical(slot))
        build(&batch)
        if batch.count == 0 { return submittedFrame }
        let frame = submittedFrame + 1
        batch.fence(frame)
        try waitUntil { [queue] in queue.withRing { Int($0.freeCount) } >= batch.count * 2 }
        let isQueued = state.withLock { state in
            state.slots[slot] = Slot(outstanding: 0, commandCount: UInt16(batch.count), frame: frame)
            for index in 0..<batch.count {
                let segments = batch.segments(index)
                let head: UInt16? = segments.span.withUnsafeBufferPointer { pointer in queue.withRing { $0.add(pointer) } }
                guard let head else { return false }
                state.owners[Int(head)] = UInt8(slot)
                state.slots[slot].outstanding += 1
            }
            return true
        }
        guard isQueued else {
            stop()
            throw .ioError
        }
        submitted.store(frame, ordering: .releasing)
        queue.notify()
        return frame
    }

    private func waitForSlot() throws(Errno) -> Int {
        var found = 0
        try waitUntil { [self] in
            state.withLock { state in
                for index in 0..<Self.frameSlots where state.slots[index].outstanding == 0 {
                    found = index
                    return true
                }
                return false
            }
        }
        return found
    }

    // MARK: Single commands

    /// Performs one command and waits for its response.
    /// - Parameters:
    ///   - attachment: memory that follows the command, for the device to read.
    ///   - response: the expected type of response.
    /// - Returns: the response, valid until the next command.
    /// - Throws: `ioError` when the device does not answer in five seconds, or answers with an error.
    @discardableResult
    func perform<Command: BitwiseCopyable>(
        _ command: Command, attachment: RingSegment? = nil, expecting response: UInt32 = GPUCommand.responseOK
    ) throws(Errno) -> (bytes: UnsafeRawPointer, count: Int) {
        let slot = Self.singleSlot
        let request = page(slot), answer = page(slot + 1)
        request.storeBytes(of: command, as: Command.self)
        answer.storeBytes(of: 0, as: UInt32.self)
        var segments: [RingSegment] = [.readable(physical(slot), UInt32(MemoryLayout<Command>.size))]
        if let attachment { segments.append(attachment) }
        segments.append(.writable(physical(slot + 1), UInt32(Self.responseByteCount)))
        let needed = segments.count
        try waitUntil { [queue] in queue.withRing { Int($0.freeCount) } >= needed }
        let isQueued = state.withLock { state in
            guard let head = queue.withRing({ ring in segments.withUnsafeBufferPointer { ring.add($0) } }) else { return false }
            state.owners[Int(head)] = UInt8(slot)
            state.slots[slot] = Slot(outstanding: 1, commandCount: 0, frame: 0)
            return true
        }
        guard isQueued else {
            stop()
            throw .ioError
        }
        queue.notify()
        try waitUntil { [self] in state.withLock { $0.slots[slot].outstanding == 0 } }
        let type = answer.load(as: UInt32.self)
        guard type == response else {
            Log.warning("virtio-gpu: command \(hex(request.load(as: UInt32.self))) failed with \(hex(type))")
            throw .ioError
        }
        return (UnsafeRawPointer(answer), Self.responseByteCount)
    }

    // MARK: Completion

    /// Takes what the device has finished. Called in interrupts and by waiting threads.
    fileprivate func collect() {
        var newest: UInt64 = 0
        state.withLock { state in
            while true {
                switch queue.withRing({ $0.takeCompletion() }) {
                case .none: return
                case .broken:
                    state.isDead = true
                    return
                case .completed(let head, _):
                    let slot = Int(state.owners[Int(head)])
                    guard state.slots[slot].outstanding > 0 else { continue }
                    state.slots[slot].outstanding -= 1
                    if state.slots[slot].outstanding == 0 { newest = max(newest, finish(slot, &state)) }
                }
            }
        }
        if newest > completed.load(ordering: .relaxed) {
            completed.store(newest, ordering: .releasing)
            driver.card?.frameCompleted()
        }
    }

    /// All commands of a slot are done.
    /// - Returns: the frame's number; 0 for single commands.
    private func finish(_ slot: Int, _ state: inout State) -> UInt64 {
        for index in 0..<Int(state.slots[slot].commandCount)
        where GPUBatch.response(page(slot), index) >= GPUCommand.responseErrors {
            state.failedCommands += 1
        }
        return state.slots[slot].frame
    }

    fileprivate func interrupt() {
        collect()
        waiters.wake()
    }

    private func waitUntil(_ condition: () -> Bool) throws(Errno) {
        let deadline = machineMonotonicNanoseconds() + Self.deadlineNanoseconds
        let inTime = waiters.waitUninterruptibly(deadline: deadline) { [self] in
            collect()
            return state.withLock { $0.isDead } || condition()
        }
        let (isDead, failures) = state.withLock { state in
            let failures = state.failedCommands
            state.failedCommands = 0
            return (state.isDead, failures)
        }
        if failures > 0 { Log.warning("virtio-gpu: \(failures) commands failed") }
        if !inTime || isDead {
            stop()
            throw .ioError
        }
    }

    /// Resets a device that does not answer or answers nonsense, so that it forgets all memory that it was given.
    private func stop() {
        let isFirst = state.withLock { state in
            state.isDead = true
            if state.isStopped { return false }
            state.isStopped = true
            return true
        }
        guard isFirst else { return }
        device.reset()
        Log.error("virtio-gpu: no valid answer in 5 s, the display is given up")
    }

    private func page(_ slot: Int) -> UnsafeMutableRawPointer { memory.pointer + slot * pageSize }
    private func physical(_ slot: Int) -> UInt64 { memory.physical.rawValue + UInt64(slot * pageSize) }
}

/// Forwards the queue's interrupt; it exists before the queue does.
private final class GPUInterrupt: InterruptHandler {
    override var name: StaticString { "virtio display" }
    unowned(unsafe) var queue: GPUControlQueue?
    override func handle() { queue?.interrupt() }
}
