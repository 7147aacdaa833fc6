import Support

/// Which physical addresses a frame may have.
public enum FrameZone: UInt8, Sendable {
    /// Below 16 MiB, for the oldest devices.
    case dma
    /// Below 4 GiB, for devices with 32-bit addresses.
    case dma32
    /// Anywhere; taken from above 4 GiB first.
    case normal
}

/// A binary buddy allocator over one range of frame numbers (Knuth, The Art of Computer Programming 1, section 2.5).
///
/// Its bookkeeping lies in `FrameTable`; free memory itself is never touched.
struct BuddyZone: ~Copyable {
    /// The largest block is 2^14 frames, 64 MiB.
    static let orderCount = 15

    let firstFrame: UInt32
    let endFrame: UInt32
    private var heads = InlineArray<15, UInt32>(repeating: FrameInfo.none)
    /// Bit n: the list of order n is not empty.
    private var nonEmpty: UInt32 = 0
    private(set) var freeCount = 0
    /// Frames that were ever handed to it.
    private(set) var managedCount = 0
    /// From the first frame that was ever handed to it to the last.
    private(set) var spanned: Range<UInt32> = 0..<0
    /// See `Watermarks`.
    var marks = Watermarks()
    /// How often its lock was taken.
    var lockCount: UInt64 = 0

    init(firstFrame: UInt32, endFrame: UInt32) {
        self.firstFrame = firstFrame
        self.endFrame = endFrame
    }

    /// Takes a block of 2^order frames, aligned to its size.
    /// - Complexity: O(orders).
    @inline(__always)  // a third faster where the order is known
    mutating func allocate(order: Int) -> UInt32? {
        let candidates = nonEmpty & (UInt32.max << UInt32(order))
        if candidates == 0 { return nil }
        var current = candidates.trailingZeroBitCount
        let frame = heads[current]
        unlink(frame, order: current)
        while current > order {
            current -= 1
            push(frame + (1 << UInt32(current)), order: current)
        }
        FrameTable[frame].pointee.kind = .allocated
        FrameTable[frame].pointee.order = UInt8(truncatingIfNeeded: order)
        freeCount -= 1 << order
        return frame
    }

    /// Takes a certain free block of 2^order frames, which the caller has found.
    mutating func take(_ frame: UInt32, order: Int) {
        unlink(frame, order: order)
        freeCount -= 1 << order
    }

    /// Gives a block back and joins it with its free neighbours.
    /// - Complexity: O(orders).
    mutating func free(_ block: UInt32, order blockOrder: Int) {
        var frame = block
        var order = blockOrder
        freeCount += 1 << order
        while order < Self.orderCount - 1 {
            let size: UInt32 = 1 << UInt32(order)
            let buddy = frame ^ size
            guard buddy >= firstFrame, buddy < endFrame, endFrame - buddy >= size else { break }
            let info = FrameTable[buddy]
            guard info.pointee.kind == .free, info.pointee.order == UInt8(truncatingIfNeeded: order) else { break }
            unlink(buddy, order: order)
            FrameTable[frame].pointee.kind = .tail
            info.pointee.kind = .tail
            frame &= ~size
            order += 1
        }
        push(frame, order: order)
    }

    /// Adds frames that were never free before, in the largest aligned blocks.
    mutating func add(_ first: UInt32, _ end: UInt32) {
        var frame = first
        managedCount += Int(end - first)
        spanned = spanned.isEmpty ? first..<end : min(spanned.lowerBound, first)..<max(spanned.upperBound, end)
        while frame < end {
            let order = min(frame.trailingZeroBitCount, 31 - (end - frame).leadingZeroBitCount, Self.orderCount - 1)
            free(frame, order: order)
            frame += 1 << UInt32(order)
        }
    }

    private mutating func push(_ frame: UInt32, order: Int) {
        let info = FrameTable[frame]
        let head = heads[order]
        info.pointee.kind = .free
        info.pointee.order = UInt8(truncatingIfNeeded: order)
        info.pointee.next = head
        info.pointee.previous = FrameInfo.none
        if head != FrameInfo.none { FrameTable[head].pointee.previous = frame }
        heads[order] = frame
        nonEmpty |= 1 << UInt32(order)
    }

    private mutating func unlink(_ frame: UInt32, order: Int) {
        let info = FrameTable[frame]
        let next = info.pointee.next
        let previous = info.pointee.previous
        if next != FrameInfo.none { FrameTable[next].pointee.previous = previous }
        if previous != FrameInfo.none {
            FrameTable[previous].pointee.next = next
        } else {
            heads[order] = next
            if next == FrameInfo.none { nonEmpty &= ~(1 << UInt32(order)) }
        }
    }
}
