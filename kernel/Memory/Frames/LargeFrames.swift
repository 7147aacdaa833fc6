import Processor
import Support
import Synchronization

/// Blocks of 512 frames, aligned to 2 MiB, for large pages.
///
/// Each frame of a block is a single frame with a reference of its own from the beginning. So whoever cuts a large page into small ones has
/// nothing to do here, and the frames go back one by one or together: free neighbours join again.
public enum LargeFrame {
    public static let order = 9
    public static let frameCount = 512
    public static let byteCount = 512 * pageSize
    static let mask = UInt64(byteCount) - 1

    /// Takes a block if there is one at once, and so much memory is free that nothing need be given back for it. Its contents are undefined.
    public static func allocate() -> PhysicalAddress? {
        guard FrameAllocator.isStarted, FrameAllocator.freeInZones >= Watermarks.total.high + frameCount else { return nil }
        let node = Int(PerCPU.current.pointee.node)
        var found: UInt32?
        // The memory for the oldest devices is left alone.
        _ = FrameAllocator.forEachZone(1...2, near: node) { index in
            found = FrameAllocator.locked(index) { zone in
                zone.freeCount >= zone.marks.high + frameCount ? zone.allocate(order: order) : nil
            }
            if found == nil { return false }
            MemoryNodes.note(from: index / MemoryNodes.zonesInNode, for: node, frameCount)
            return true
        }
        guard let found else { return nil }
        adopt(found)
        return PhysicalAddress(frameNumber: UInt64(found))
    }

    /// Tries to assemble a block of 2^order frames below a frame number; returns whether it is worth looking for one again. For callers that
    /// may sleep. Set by the upper layers at boot.
    nonisolated(unsafe) public static var assemble: (_ order: Int, _ limit: UInt64) -> Bool = { _, _ in false }

    /// Makes single frames, with a reference each, of a block that the caller has just taken.
    static func adopt(_ first: UInt32, count: Int = frameCount) {
        let infos = FrameTable[first]
        for index in 0..<count {
            let info = infos + index
            info.pointee.word = 1
            info.pointee.kind = .allocated
            info.pointee.order = 0
            info.pointee.sizeClass = 0
            info.pointee.table = .none
        }
    }

    /// Gives back a block whose frames are referenced by the caller alone.
    static func free(_ first: UInt32, order: Int = order) {
        let infos = FrameTable[first]
        for index in 1..<1 << order { infos[index].kind = .tail }
        FrameAllocator.locked(FrameAllocator.zoneIndex(first)) { $0.free(first, order: order) }
    }

    /// Whether nobody else has a reference to a frame of the block.
    static func isUnshared(_ first: UInt32) -> Bool {
        var address = PhysicalAddress(frameNumber: UInt64(first))
        for _ in 0..<frameCount {
            if FrameTable.references(address).pointee.load(ordering: .acquiring) != 1 { return false }
            address = address + UInt64(pageSize)
        }
        return true
    }
}
