import Frames
import Scheduling
import Support
import struct Synchronization.Atomic

extension AddressSpace {
    /// Takes pages of files that were not used since the last call out of the page tables, so that their cache can drop them. They are
    /// mapped again by the next access.
    ///
    /// The processor marks what is used in the page-table entry; a page with that mark loses it and stays.
    /// - Returns: how many were taken out; 0 while somebody holds the lock.
    func unmapUnusedFilePages(atMost limit: Int) -> Int {
        state.withLockIfFree { (state: inout SpaceState) -> Int in state.unmapUnusedFilePages(atMost: limit) } ?? 0
    }
}

extension SpaceState {
    fileprivate mutating func unmapUnusedFilePages(atMost limit: Int) -> Int {
        var left = limit
        var next = areas.first
        while let area = next, left > 0 {
            next = area.pointee.next
            guard let object = area.pointee.object, !area.pointee.flags.contains(.locked),
                object._withUnsafeGuaranteedRef({ $0.tracksDirtyPages })
            else { continue }
            left -= unmapUnusedPages(area, atMost: left)
        }
        return limit - left
    }

    private mutating func unmapUnusedPages(_ area: AreaPointer, atMost limit: Int) -> Int {
        var gather = FrameGather()
        var (unmapped, kept) = (0, 0)
        var address = area.pointee.start
        while unmapped < limit, let run = tables.nextRun(from: address, to: area.pointee.end) {
            var cleared: UInt32 = 0
            for index in 0..<run.count {
                let slot = run.slots + index
                let entry = slot.pointee
                if entry.rawValue == 0 || entry.has(.anonymous) || entry.has(.unowned) { continue }
                if entry.has(.accessed) {
                    // The processor need not be told: that it takes the page for used a little longer does no harm.
                    PageTables.forgetAccess(slot)
                    kept += 1
                    continue
                }
                let old = PageTables.exchange(slot, .empty)
                cleared &+= 1
                uncountResident(area, old)
                gather.release(old.frame)
            }
            if cleared > 0 {
                unmapped += Int(cleared)
                PageTables.cleared(run.slots, count: cleared)
                tables.prune(run.address, into: &gather)
            }
            address = run.end
        }
        if unmapped > 0 { TranslationCache.invalidate(root: tables.root, from: area.pointee.start, to: area.pointee.end) }
        gather.finish()
        MemoryCounters.unmapped.wrappingAdd(unmapped, ordering: .relaxed)
        MemoryCounters.kept.wrappingAdd(kept, ordering: .relaxed)
        return unmapped
    }
}
