import ABI
import Frames
import Scheduling
import Support
import struct Synchronization.Atomic

// Pages of 2 MiB for big private anonymous areas, which programs need not ask for.
//
// A large page belongs to one address space alone: a fork cuts it into 512 small ones that both sides share. It lies in one area: whoever
// is about to cut an area, or to change a part of it, first cuts the large pages at the ends of that part.

/// Counts of large pages.
public enum LargePages {
    static let byteCount = UInt64(LargeFrame.byteCount)
    static let mask = byteCount - 1
    static let pageCount = UInt64(LargeFrame.frameCount)

    private static let mapped = Atomic<Int>(0)

    /// Large pages in all address spaces together.
    public static var count: Int { mapped.load(ordering: .relaxed) }

    static func add(_ count: Int) { mapped.wrappingAdd(count, ordering: .relaxed) }
}

extension AddressSpace {
    /// Whether memory of this program may get large pages (PR_SET_THP_DISABLE). Forked children and the next program have the same.
    public var permitsLargePages: Bool {
        get { state.withLock { $0.permitsLargePages } }
        set { state.withLock { $0.permitsLargePages = newValue } }
    }
}

extension SpaceState {
    // MARK: Faults

    /// The slot for a fault where there is no leaf table: on a large page, or in memory that was never touched.
    /// - Returns: nil when nothing is left to do.
    @inline(never)
    mutating func slotWithoutTable(
        _ area: AreaPointer, _ page: UInt64, _ access: FaultAccess
    ) throws(FaultError) -> PageTables.Slot? {
        if usage.large > 0, let slot = tables.largeSlot(page) {
            // Another thread was faster, or the processor had an older translation.
            if access.isWrite, !slot.pointee.isWritable { slot.pointee = slot.pointee.adding([.writable, .dirty]) }
            TranslationCache.invalidateStale(root: tables.root, page: page)
            return nil
        }
        if access.isWrite, mapLarge(area, page) { return nil }
        if let slot = tables.makeSlot(page, access: [.writable, .user]) { return slot }
        var gather = FrameGather()
        tables.pruneDirectory(page, into: &gather)
        TranslationCache.invalidate(root: tables.root, page: page)
        gather.finish()
        throw .outOfMemory
    }

    /// Gives the 2 MiB around a page that is written for the first time one large page, if they lie in one suitable area and there is one.
    private mutating func mapLarge(_ area: AreaPointer, _ page: UInt64) -> Bool {
        let start = page & ~LargePages.mask
        guard area.pointee.object == nil, start >= area.pointee.start, area.pointee.end &- start >= LargePages.byteCount,
            area.pointee.flags.isDisjoint(with: [.shared, .growsDown, .stack, .largeForbidden]), permitsLargePages
        else { return false }
        guard let slot = tables.makeSlot(start, level: 1, access: [.writable, .user]), slot.pointee.rawValue == 0 else {
            return false
        }
        guard let frame = LargeFrame.allocate() else {
            MemoryCounters.largeFallbacks.wrappingAdd(1, ordering: .relaxed)
            Compaction.request()
            return false
        }
        FrameAllocator.zero(frame, byteCount: LargeFrame.byteCount)
        area.pointee.flags.insert(.hasPrivatePages)
        PageTables.fill(
            slot, PageTableEntry(frame, area.pointee.pageFlags.union([.writable, .dirty, .anonymous, .large])))
        usage.residentAnonymous &+= LargePages.pageCount
        usage.large &+= 1
        LargePages.add(1)
        MemoryCounters.largeFaults.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    // MARK: Cutting

    /// Makes small pages of the large page around an address, if there is one.
    /// - Returns: false when there is no memory for a page table.
    mutating func splitLargePage(_ address: UInt64) -> Bool {
        if usage.large == 0 { return true }
        guard let slot = tables.largeSlot(address) else { return true }
        let root = tables.root
        guard PageTables.split(slot, flush: { TranslationCache.invalidate(root: root, page: address & ~LargePages.mask) }) else {
            return false
        }
        usage.large &-= 1
        LargePages.add(-1)
        MemoryCounters.largeSplits.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    /// Makes sure that no large page reaches across the ends of a range.
    @inline(__always)
    mutating func cutLargePages(at start: UInt64, and end: UInt64) throws(Errno) {
        if usage.large == 0 { return }
        if start & LargePages.mask != 0, !splitLargePage(start) { throw .outOfMemory }
        if end & LargePages.mask != 0, !splitLargePage(end) { throw .outOfMemory }
    }

    /// Makes small pages of all large ones in a range.
    mutating func splitLargePages(from start: UInt64, to end: UInt64) throws(Errno) {
        if usage.large == 0 { return }
        var address = start
        while let piece = tables.nextPiece(from: address, to: end) {
            if piece.isLarge {
                guard Reclaim.isOpen, splitLargePage(piece.address) else { throw .outOfMemory }
            }
            address = piece.end
        }
    }

    // MARK: Taking out

    /// Empties the slot of a large page that `piece` is or is a part of.
    /// - Returns: false when only a part was meant: then there are small pages now, to be looked at again.
    @inline(never)
    mutating func unmapLarge(_ piece: PageTables.Run, _ gather: inout FrameGather) -> Bool {
        if !piece.isWhole {
            // The ends of what is unmapped were cut before.
            if !splitLargePage(piece.address) { panic("no memory to cut a large page") }
            return false
        }
        let old = PageTables.clear(piece.slots)
        gather.releaseLarge(old.frame)
        tables.pruneDirectory(piece.address, into: &gather)
        usage.residentAnonymous &-= LargePages.pageCount
        usage.large &-= 1
        LargePages.add(-1)
        return true
    }
}

/// What a range of page-table slots held before it was emptied.
enum Unmapped {
    case nothing
    /// Large pages only.
    case large
    case small

    mutating func add(_ other: Unmapped) { if self != .small, other != .nothing { self = other } }

    /// Makes all processors forget it.
    @inline(__always)
    func flush(root: PhysicalAddress, from start: UInt64, to end: UInt64) {
        switch self {
        case .nothing: break
        case .large: TranslationCache.invalidateLarge(root: root, from: start & ~LargePages.mask, to: end)
        case .small: TranslationCache.invalidate(root: root, from: start, to: end)
        }
    }
}
