import Support
import Synchronization

/// Frames whose last reference is gone but which a processor may still reach through a cached translation. They are kept on
/// a list through their own bookkeeping, and freed after the flush.
public struct FrameGather: ~Copyable {
    private var head = FrameInfo.none
    /// The blocks of large pages, by their first frames.
    private var blocks = FrameInfo.none

    @inline(__always)
    public init() {}

    /// Drops a reference; when it was the last, the frame waits for `finish`.
    @inline(__always)
    public mutating func release(_ address: PhysicalAddress) {
        guard FrameTable.manages(address) else { return }
        let left = FrameTable.references(address).pointee.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        if left != 0 { return }
        // Nobody else knows the frame any more: its links are ours.
        FrameTable.info(address).pointee.next = head
        head = UInt32(truncatingIfNeeded: address.frameNumber)
    }

    /// Drops a reference to each frame of a large page.
    @inline(never)
    public mutating func releaseLarge(_ address: PhysicalAddress) {
        let first = UInt32(truncatingIfNeeded: address.frameNumber)
        // References are only taken by those who have one, or find the page in the tables that it was just taken out of.
        if LargeFrame.isUnshared(first) {
            FrameTable[first].pointee.next = blocks
            blocks = first
            return
        }
        for index in 0..<LargeFrame.frameCount { release(address + UInt64(index * pageSize)) }
    }

    /// Frees what was gathered. The translation caches have been flushed.
    @inline(__always)
    public mutating func finish() {
        while head != FrameInfo.none {
            let frame = head
            head = FrameTable[frame].pointee.next
            FrameAllocator.free(PhysicalAddress(frameNumber: UInt64(frame)))
        }
        if blocks != FrameInfo.none { finishBlocks() }
    }

    @inline(never)
    private mutating func finishBlocks() {
        while blocks != FrameInfo.none {
            let first = blocks
            blocks = FrameTable[first].pointee.next
            LargeFrame.free(first)
        }
    }

    deinit {
        if blocks != FrameInfo.none { panic("gathered blocks were forgotten") }
        if head != FrameInfo.none { panic("gathered frames were forgotten") }
    }
}
