import Support

/// A run of frames, aligned to its size, that is being emptied to become one free block.
///
/// What is in it is free, or goes elsewhere page by page; each of its frames that is in no use any more is held here, so that nobody else
/// gets it meanwhile. When all are held they go back as one block; when that does not succeed, one by one.
public final class BlockCapture {
    public let order: Int
    let first: UInt32
    /// Whether the frames are held, a bit for each.
    private var held: [UInt64]
    public private(set) var missing: Int

    /// - Parameter first: the first frame, a multiple of 2^order; `order` is at least `LargeFrame.order`.
    public init(first: UInt32, order: Int) {
        self.first = first
        self.order = order
        missing = 1 << order
        held = .init(repeating: 0, count: missing >> 6)
    }

    deinit { giveBack() }

    private var end: UInt32 { first + 1 << UInt32(order) }

    /// Holds a frame that was used until now, and is referenced by the caller alone.
    public func hold(_ address: PhysicalAddress) {
        let frame = UInt32(truncatingIfNeeded: address.frameNumber)
        FrameTable[frame].pointee.table = .none
        mark(frame)
    }

    private func mark(_ frame: UInt32) {
        let index = Int(frame - first)
        held[index >> 6] |= 1 << UInt64(index & 63)
        missing -= 1
    }

    /// Takes what is free in it out of its zone.
    /// - Complexity: O(frames); the zone's lock is held for 512 of them at a time.
    public func holdFree() {
        let zone = FrameAllocator.zoneIndex(first)
        var part = first
        while part < end {
            FrameAllocator.locked(zone) { zone in
                var frame = part
                while frame < part + UInt32(LargeFrame.frameCount) {
                    let info = FrameTable[frame].pointee
                    guard info.kind == .free, Int(info.order) <= order, frame + 1 << UInt32(info.order) <= end else {
                        frame += 1
                        continue
                    }
                    zone.take(frame, order: Int(info.order))
                    for _ in 0..<1 << Int(info.order) {
                        LargeFrame.adopt(frame, count: 1)
                        mark(frame)
                        frame += 1
                    }
                }
            }
            part += UInt32(LargeFrame.frameCount)
        }
    }

    /// Gives the frames back as one block, if all are there.
    public func complete() -> Bool {
        guard missing == 0 else { return false }
        LargeFrame.free(first, order: order)
        forget()
        return true
    }

    /// Gives back what is held.
    private func giveBack() {
        for index in 0..<1 << order where held[index >> 6] & 1 << UInt64(index & 63) != 0 {
            FrameAllocator.release(PhysicalAddress(frameNumber: UInt64(first) + UInt64(index)))
        }
        forget()
    }

    private func forget() {
        for index in held.indices { held[index] = 0 }
        missing = 1 << order
    }
}

/// The blocks that are being emptied, found by the frames in them.
public final class CaptureSet {
    public private(set) var captures: [BlockCapture] = []
    /// For each 2 MiB of memory, the number of the capture that it is in, from 1.
    private var numbers: [UInt8]
    public init() { numbers = .init(repeating: 0, count: Int(FrameTable.count >> 9) + 1) }

    public static let most = 8

    public func add(_ capture: BlockCapture) {
        captures.append(capture)
        let start = Int(capture.first >> 9)
        for index in start..<start + (1 << capture.order) >> 9 { numbers[index] = UInt8(captures.count) }
    }

    /// Takes what is free in the blocks out of the zones.
    public func holdFree() { for capture in captures { capture.holdFree() } }

    /// The capture in whose block a frame lies.
    @inline(__always)
    public subscript(_ address: PhysicalAddress) -> BlockCapture? {
        let index = Int(truncatingIfNeeded: address.frameNumber >> 9)
        guard index < numbers.count, numbers[index] != 0 else { return nil }
        return captures[Int(numbers[index]) - 1]
    }

    /// A frame to move a page to; its contents are undefined.
    /// - Returns: nil when memory is short.
    public func target() -> PhysicalAddress? {
        while !FrameAllocator.isLow, let frame = FrameAllocator.allocate() {
            guard let capture = self[frame] else { return frame }
            capture.hold(frame)
        }
        return nil
    }
}

/// How much of each 2 MiB of memory is free, and how much could go elsewhere.
public struct BlockSurvey {
    private var free: [UInt16]
    private var movable: [UInt16]
    /// Free frames in blocks that are not wholly free, and from which pages are taken first: pages that go anywhere else would break up what is to be assembled.
    private var room = 0
    /// Free frames above the low mark. What is free in a block that is being emptied is held meanwhile, and what lies in it needs a place
    /// elsewhere: more at once than this would leave memory short, and nothing would move.
    private var spare: Int

    /// Looks at what is free.
    public init() {
        let count = Int(FrameTable.count >> 9)
        movable = .init(repeating: 0, count: count)
        free = .init(repeating: 0, count: count)
        spare = FrameAllocator.freeInZones - Watermarks.total.low
        for block in 0..<count {
            free[block] = Self.freeFrames(UInt32(block) << 9)
            let isAsked = UInt32(block) << 9 >= FrameAllocator.firstDMA32Frame
            if isAsked, Int(free[block]) < LargeFrame.frameCount { room += Int(free[block]) }
        }
    }

    private static func freeFrames(_ first: UInt32) -> UInt16 {
        FrameAllocator.locked(FrameAllocator.zoneIndex(first)) { _ in
            // The block may be a part of a larger free one.
            for order in LargeFrame.order..<BuddyZone.orderCount {
                let head = FrameTable[first & ~((1 << UInt32(order)) - 1)].pointee
                if head.kind == .free, Int(head.order) >= order { return UInt16(LargeFrame.frameCount) }
            }
            var sum: UInt16 = 0
            var frame = first
            while frame < first + UInt32(LargeFrame.frameCount) {
                let info = FrameTable[frame].pointee
                let size: UInt32 = info.kind == .free ? 1 << UInt32(info.order) : 1
                if info.kind == .free { sum += UInt16(size) }
                frame += size
            }
            return sum
        }
    }

    /// Counts a page that could be moved.
    @inline(__always)
    public mutating func count(_ address: PhysicalAddress) {
        let block = Int(truncatingIfNeeded: address.frameNumber >> 9)
        if block < movable.count { movable[block] &+= 1 }
    }

    /// The block of 2^order frames below `limit` with the fewest pages to move, of those that consist of nothing else but free frames.
    /// It is not found again.
    /// - Parameter evenIfIncomplete: other blocks with pages to move will do too.
    public mutating func takeBest(order: Int, below limit: UInt64, evenIfIncomplete: Bool = false) -> UInt32? {
        let step = 1 << (order - LargeFrame.order)
        var best: (block: Int, moves: Int, gaps: Int)?
        // The memory for the oldest devices is left alone, and a block lies in one zone.
        var block = (Int(FrameAllocator.firstDMA32Frame >> 9) + step - 1) / step * step
        while block + step <= min(free.count, Int(limit >> 9)) {
            var (moves, gaps) = (0, 0)
            var isPossible = true
            for part in block..<block + step {
                // Frames in the lists of processors are free too, and pages end while others are counted.
                if Int(free[part]) + Int(movable[part]) < LargeFrame.frameCount {
                    if !evenIfIncomplete || movable[part] < 16 { isPossible = false }
                }
                if Int(free[part]) < LargeFrame.frameCount {
                    moves += LargeFrame.frameCount - Int(free[part])
                    gaps += Int(free[part])
                }
            }
            let fits = moves > 0 && moves + gaps <= min(room, spare)
            if isPossible, fits, moves < best?.moves ?? .max { best = (block, moves, gaps) }
            block += step
        }
        guard let best else { return nil }
        room -= best.gaps + best.moves
        spare -= best.gaps + best.moves
        for part in best.block..<best.block + step { (free[part], movable[part]) = (0, 0) }
        return UInt32(best.block) << 9
    }
}
