import ABI
import Frames
import Scheduling
import Support

extension AddressSpace {
    /// Changes the protection of `[start, start + byteCount)`. Errors are those of mprotect(2).
    public func protect(_ start: UInt64, byteCount: UInt64, _ protection: Protection) throws(Errno) {
        guard start & 4095 == 0 else { throw .invalidArgument }
        let length = pageRoundUp(byteCount)
        if byteCount == 0 { return }
        guard length != 0, start <= UserAddress.limit, length <= UserAddress.limit - start else { throw .outOfMemory }
        var dropped = DroppedObjects()
        try state.withLock { (state: inout SpaceState) throws(Errno) in
            try state.protect(start, start + length, protection, &dropped)
        }
    }
}

extension SpaceState {
    mutating func protect(_ start: UInt64, _ end: UInt64, _ protection: Protection, _ dropped: inout DroppedObjects) throws(Errno)
    {
        guard var area = areas.find(start), area.pointee.start <= start else { throw .outOfMemory }
        var covered = start
        while covered < end {
            if area.pointee.start > covered { throw .outOfMemory }
            if !protection.isSubset(of: area.pointee.maximum) { throw .accessDenied }
            if area.pointee.protection != protection {
                area = try protectPart(area, max(area.pointee.start, start), min(area.pointee.end, end), protection)
            }
            covered = area.pointee.end
            let previous = area.pointee.previous
            mergeWithPrevious(area, &dropped)
            // After a merge the area is gone and its place is taken by the one before it.
            let merged = previous?.pointee.end == covered ? previous.unsafelyUnwrapped : area
            guard let next = merged.pointee.next else {
                if covered < end { throw .outOfMemory }
                return
            }
            area = next
        }
        mergeWithPrevious(area, &dropped)
    }

    /// Gives `[low, high)` of an area another protection, cutting it as needed; returns the area of that part.
    private mutating func protectPart(
        _ whole: AreaPointer, _ low: UInt64, _ high: UInt64, _ protection: Protection
    ) throws(Errno) -> AreaPointer {
        let cuts = (low > whole.pointee.start ? 1 : 0) + (high < whole.pointee.end ? 1 : 0)
        if areas.count + cuts > AddressSpace.maximumAreas { throw .outOfMemory }
        if protection.contains(.write), !whole.pointee.protection.contains(.write), !whole.pointee.isShared,
            !whole.pointee.flags.contains(.growsDown)
        {
            let pages = (high - low) >> 12
            if limits.data != .max, (usage.data &+ pages) > limits.data >> 12 { throw .outOfMemory }
            if !whole.pointee.flags.contains(.notPromised), !Commitment.permits(pages) { throw .outOfMemory }
        }
        try cutLargePages(at: low, and: high)
        // An entry without access is not present, and a directory's entry that is not present is an empty one.
        if protection.isEmpty { try splitLargePages(from: low, to: high) }
        var area = whole
        if low > area.pointee.start { area = split(area, at: low) }
        if high < area.pointee.end { split(area, at: high) }
        account(area, pages: area.pointee.pageCount, adding: false)
        area.pointee.setProtection(protection)
        account(area, pages: area.pointee.pageCount, adding: true)
        applyProtection(area)
        return area
    }

    /// Brings the page tables in line with the protection of an area.
    private mutating func applyProtection(_ area: AreaPointer) {
        let flags = area.pointee.pageFlags
        let mayWrite = area.pointee.protection.contains(.write)
        let writesUnnoticed =
            mayWrite && area.pointee.isShared
            && !(area.pointee.object.map { $0._withUnsafeGuaranteedRef { $0.tracksDirtyPages } } ?? false)
        let changed: PageFlags = [.present, .writable, .user, .accessed, .noExecute, .cacheDisabled, .writeThrough]
        var any = false
        var address = area.pointee.start
        while let run = tables.nextPiece(from: address, to: area.pointee.end) {
            if run.isLarge {
                // Its pages are nobody else's.
                let new = run.slots.pointee.removing(changed).adding(mayWrite ? flags.union([.writable, .dirty]) : flags)
                _ = PageTables.exchange(run.slots, new)
                any = true
                address = run.end
                continue
            }
            for index in 0..<run.count {
                let slot = run.slots + index
                let old = slot.pointee
                if old.rawValue == 0 { continue }
                var new = old.removing(changed).adding(flags)
                // A page that nobody shares is made writable now; others by copy-on-write when they are written.
                if writesUnnoticed
                    || (mayWrite && old.has(.anonymous) && !area.pointee.isShared
                        && FrameAllocator.referenceCount(old.frame) == 1)
                {
                    new = new.adding([.writable, .dirty])
                }
                if new != old {
                    _ = PageTables.exchange(slot, new)
                    any = true
                }
            }
            address = run.end
        }
        if any { TranslationCache.invalidate(root: tables.root, from: area.pointee.start, to: area.pointee.end) }
    }
}
