import ABI
import Files
import Frames
import PCI
import Processor
import Scheduling
import Support
import Virtio
import VirtioQueue

/// A virtio block device (Virtual I/O Device 1.2, 5.2): up to sixteen requests in flight, completed by interrupt.
final class VirtioDisk: BlockDevice {
    private enum Feature {
        static var segmentSize: UInt64 { 1 << 1 }
        static var segmentCount: UInt64 { 1 << 2 }
        static var readOnly: UInt64 { 1 << 5 }
        static var flush: UInt64 { 1 << 9 }
    }
    private enum Kind: UInt32 { case read = 0, write = 1, flush = 4 }
    /// `virtio_blk_req`'s header.
    private struct Header: BitwiseCopyable {
        var type: UInt32
        var reserved: UInt32 = 0
        var sector: UInt64
    }
    static let slotCount = 16
    /// Header and status byte of a slot, which do not cross a page.
    private static let slotByteCount = 32
    private static let deadlineNanoseconds: UInt64 = 5_000_000_000
    /// How long the processor looks for an answer before it sleeps, when it has nothing else to do: most answers come sooner than an
    /// interrupt and two switches of threads would take.
    private static let pollNanoseconds: UInt64 = 200_000
    /// How long it looks when the deadline has passed. The clock of a machine that was suspended jumps, and with it every deadline,
    /// without the device having had any time at all; a processor that executes for so long has given it some.
    private static let graceNanoseconds: UInt64 = 200_000_000

    private enum SlotState: UInt8 { case free, inFlight, finished }
    private struct Slot {
        var state = SlotState.free
        var head: UInt16 = 0
    }
    private struct State: ~Copyable {
        var slots: InlineArray<16, Slot> = .init(repeating: Slot())
        /// The device broke the rules or did not answer in time; everything fails from then on.
        var isDead = false
        /// The device was reset for that reason.
        var isStopped = false
    }

    private let device: VirtioDevice
    private let queue: VirtioQueueHandle
    private let headers: DMABuffer
    private let waiters: WaitQueue
    private let state = SpinLock(State())
    private let capacity: UInt64
    private let maxSegments: Int
    private let maxSegmentByteCount: Int

    /// Starts the device.
    /// - Returns: nil when it does not follow the rules or resources are short; the device is quiet then.
    init?(_ device: VirtioDevice) {
        guard device.start(wanted: Feature.segmentSize | Feature.segmentCount | Feature.readOnly | Feature.flush) else {
            return nil
        }
        let waiters = WaitQueue()
        guard let queue = device.makeQueue(0, maxSize: 256, handler: CompletionHandler(waiters)),
            let headers = DMABuffer(byteCount: Self.slotCount * Self.slotByteCount),
            let capacity = device.readConfiguration64(0), capacity > 0, capacity < 1 << 55
        else {
            device.fail()
            return nil
        }
        self.device = device
        self.queue = queue
        self.headers = headers
        self.waiters = waiters
        self.capacity = capacity
        let sizeLimit = device.features & Feature.segmentSize != 0 ? Int(device.readConfiguration32(8)) : 1 << 20
        maxSegmentByteCount = max(min(sizeLimit, 1 << 20) / BlockDevice.sectorSize, 1) * BlockDevice.sectorSize
        let countLimit = device.features & Feature.segmentCount != 0 ? Int(device.readConfiguration32(12)) : 1
        maxSegments = max(min(countLimit, Int(queue.size) - 2, 64), 1)
        super.init()
        guard queue.size >= 4 else {
            device.fail()
            return nil
        }
        device.run()
    }

    override var sectorCount: UInt64 { capacity }
    override var isReadOnly: Bool { device.features & Feature.readOnly != 0 }

    override func read(sector: UInt64, count: Int, into memory: UnsafeMutableRawPointer) throws(Errno) {
        try read(sector: sector, into: [BlockSegment(directMapped: memory, byteCount: count * BlockDevice.sectorSize)])
    }
    override func write(sector: UInt64, count: Int, from memory: UnsafeRawPointer) throws(Errno) {
        try write(sector: sector, from: [BlockSegment(directMapped: memory, byteCount: count * BlockDevice.sectorSize)])
    }
    override func read(sector: UInt64, into segments: [BlockSegment]) throws(Errno) {
        try transfer(.read, sector: sector, segments)
    }
    override func write(sector: UInt64, from segments: [BlockSegment]) throws(Errno) {
        if isReadOnly { throw .readOnlyFileSystem }
        try transfer(.write, sector: sector, segments)
    }
    override func flush() throws(Errno) {
        guard device.features & Feature.flush != 0 else { return }
        try run { () -> Int? in
            submit(.flush, sector: 0, pieces: [])
        } isFinished: {
            true
        }
    }

    private func transfer(_ kind: Kind, sector: UInt64, _ segments: [BlockSegment]) throws(Errno) {
        var byteCount = 0
        for segment in segments {
            guard segment.byteCount >= 0, segment.byteCount % BlockDevice.sectorSize == 0 else { throw .invalidArgument }
            byteCount += segment.byteCount
        }
        guard contains(sector: sector, count: byteCount / BlockDevice.sectorSize) else { throw .ioError }
        if byteCount == 0 { return }
        // A request of no bytes at the end would be an empty chain.
        var plan = BlockRequestPlan(
            sector: sector, segments: segments.filter { $0.byteCount > 0 }, maxSegments: maxSegments,
            maxSegmentByteCount: maxSegmentByteCount)
        try run {
            // A request that finds no slot is planned again later, so the plan moves only when it was taken.
            var attempt = plan
            var pieces: [RingSegment] = []
            let first = attempt.sector
            let writable = kind == .read
            _ = attempt.takeRequest { pieces.append(RingSegment(address: $0, byteCount: UInt32($1), isDeviceWritable: writable)) }
            guard let slot = submit(kind, sector: first, pieces: pieces) else { return nil }
            plan = attempt
            return slot
        } isFinished: {
            plan.isFinished
        }
    }

    // MARK: Requests

    /// Submits requests and waits until all of them are done.
    /// - Parameters:
    ///   - next: submits the next request; nil when there is no room for it now.
    ///   - isFinished: whether there is nothing more to submit (asked after a submission).
    private func run(_ next: () -> Int?, isFinished: () -> Bool) throws(Errno) {
        var mine: UInt32 = 0
        var hasMore = true
        var hasFailed = false
        while hasMore || mine != 0 {
            var hasNew = false
            while hasMore, let slot = next() {
                mine |= 1 << UInt32(slot)
                hasNew = true
                hasMore = !isFinished()
            }
            if hasNew { queue.notify() }
            let waited = mine
            if !awaitAnswer(waited) { abandon() }
            let (done, failed, dead) = takeFinished(waited)
            if dead {
                abandon()
                throw .ioError
            }
            mine &= ~done
            // After a failure nothing more is submitted, but what the device still has must come back first.
            if failed { hasFailed = true; hasMore = false }
            if done != 0 { waiters.wake() }
        }
        if hasFailed { throw .ioError }
    }

    /// Waits until one of the slots is finished, or, when there are none, until one can be had.
    /// - Returns: false when the device did not answer in time.
    private func awaitAnswer(_ slots: UInt32) -> Bool {
        if poll(slots, nanoseconds: Self.pollNanoseconds, whileIdle: true) { return true }
        let deadline = machineMonotonicNanoseconds() + Self.deadlineNanoseconds
        let inTime = waiters.waitUninterruptibly(deadline: deadline) { [self] in
            collect()
            return isReady(slots)
        }
        return inTime || poll(slots, nanoseconds: Self.graceNanoseconds, whileIdle: false)
    }

    /// Looks for an answer without sleeping, for a bounded time.
    /// - Parameter whileIdle: stop as soon as another thread could use the processor.
    private func poll(_ slots: UInt32, nanoseconds: UInt64, whileIdle: Bool) -> Bool {
        let end = machineMonotonicNanoseconds() + nanoseconds
        repeat {
            collect()
            if isReady(slots) { return true }
            if Scheduler.hasReadyThreads {
                if whileIdle { return false }
                Scheduler.yield()
            }
            machinePause()
        } while machineMonotonicNanoseconds() < end
        return false
    }

    /// Queues one request.
    /// - Returns: its slot, or nil when the slots or the descriptors are used up, or the device is dead.
    private func submit(_ kind: Kind, sector: UInt64, pieces: [RingSegment]) -> Int? {
        state.withLock { state in
            if state.isDead { return nil }
            var free: Int?
            for index in 0..<Self.slotCount where state.slots[index].state == .free {
                free = index
                break
            }
            guard let slot = free else { return nil }
            let offset = slot * Self.slotByteCount
            let header = headers.pointer + offset
            header.storeBytes(of: Header(type: kind.rawValue, sector: sector), as: Header.self)
            header.storeBytes(of: 0xFF, toByteOffset: 16, as: UInt8.self)
            let physical = headers.physical.rawValue + UInt64(offset)
            let chain = [.readable(physical, 16)] + pieces + [.writable(physical + 16, 1)]
            guard let head = queue.withRing({ ring in chain.withUnsafeBufferPointer { ring.add($0) } }) else { return nil }
            state.slots[slot] = Slot(state: .inFlight, head: head)
            return slot
        }
    }

    /// Takes what the device has finished.
    private func collect() {
        state.withLock { state in
            while true {
                switch queue.withRing({ $0.takeCompletion() }) {
                case .none: return
                case .broken:
                    state.isDead = true
                    return
                case .completed(let head, _):
                    for index in 0..<Self.slotCount
                    where state.slots[index].state == .inFlight && state.slots[index].head == head {
                        state.slots[index].state = .finished
                    }
                }
            }
        }
    }

    /// Whether one of the slots is finished, or, when there are none, whether one could be had.
    private func isReady(_ slots: UInt32) -> Bool {
        state.withLock { state in
            if state.isDead { return true }
            for index in 0..<Self.slotCount {
                if slots == 0 {
                    if state.slots[index].state == .free { return queue.withRing { Int($0.freeCount) } >= maxSegments + 2 }
                } else if slots & (1 << UInt32(index)) != 0, state.slots[index].state == .finished {
                    return true
                }
            }
            return false
        }
    }

    private func takeFinished(_ slots: UInt32) -> (done: UInt32, failed: Bool, dead: Bool) {
        state.withLock { state in
            var done: UInt32 = 0
            var failed = false
            for index in 0..<Self.slotCount
            where slots & (1 << UInt32(index)) != 0 && state.slots[index].state == .finished {
                done |= 1 << UInt32(index)
                if headers.pointer.load(fromByteOffset: index * Self.slotByteCount + 16, as: UInt8.self) != 0 { failed = true }
                state.slots[index].state = .free
            }
            return (done, failed, state.isDead)
        }
    }

    /// The device did not answer, or wrongly: stops it, so that it cannot write to memory that is used for something else by then.
    private func abandon() {
        let isFirst = state.withLock { state in
            state.isDead = true
            if state.isStopped { return false }
            state.isStopped = true
            return true
        }
        guard isFirst else { return }
        device.reset()
        Log.error("virtio-blk: \(device.pci.description): no valid answer in 5 s, the disk is given up")
        waiters.wake()
    }
}

/// Wakes everybody who waits for a request; they look for themselves what is finished.
private final class CompletionHandler: InterruptHandler {
    override var name: StaticString { "virtio disk" }
    private let waiters: WaitQueue
    init(_ waiters: WaitQueue) { self.waiters = waiters }
    override func handle() { waiters.wake() }
}
