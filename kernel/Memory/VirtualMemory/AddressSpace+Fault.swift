import Frames
import Scheduling
import Support

// Page faults. The usual ones, a first write to anonymous memory and a write to a shared page after fork, allocate nothing but
// frames and count no references of objects.

/// The page of zeros that untouched anonymous memory shows when it is read.
enum ZeroPage {
    /// Never freed.
    static let frame: PhysicalAddress = {
        guard let frame = FrameAllocator.allocate(zeroed: true) else { panic("no memory for the zero page") }
        return frame
    }()
}

extension SpaceState {
    /// Makes the page at `address` accessible as `access` wants, or says why not.
    mutating func fault(_ address: UInt64, _ access: FaultAccess) throws(FaultError) {
        let area = try area(forFaultAt: address)
        let protection = area.pointee.protection
        if access.isWrite {
            if !protection.contains(.write) { throw .accessDenied }
        } else if access.isExecute {
            if !protection.contains(.execute) { throw .accessDenied }
        } else if protection.isEmpty {
            throw .accessDenied
        }
        let page = address & ~4095
        // Page tables count too: a program must not use up the kernel's reserve.
        guard Reclaim.isOpen else { throw .outOfMemory }
        var found = tables.slot(page)
        if found == nil { found = try slotWithoutTable(area, page, access) }
        guard let slot = found else { return }
        do throws(FaultError) {
            if slot.pointee.rawValue != 0 {
                try faultPresent(area, page, slot, access)
            } else if area.pointee.object == nil {
                try faultAnonymous(area, slot, access)
            } else {
                try faultObject(area, page, slot, access)
            }
        } catch {
            // A table that was made for this fault alone would stay behind empty.
            var gather = FrameGather()
            tables.prune(page, into: &gather)
            // Another processor may have looked through it meanwhile.
            TranslationCache.invalidate(root: tables.root, page: page)
            gather.finish()
            throw error
        }
    }

    /// The area at a faulting address; a stack is extended down to it.
    @inline(__always)
    private mutating func area(forFaultAt address: UInt64) throws(FaultError) -> AreaPointer {
        if let last = lastFault, last.pointee.start <= address, address < last.pointee.end { return last }
        guard address < UserAddress.limit, let area = areas.find(address) else { throw .notMapped }
        if area.pointee.start > address {
            if !growStack(area, to: address & ~4095) { throw .notMapped }
        }
        lastFault = area
        return area
    }

    /// Extends a stack downwards, if it may grow that far.
    private mutating func growStack(_ area: AreaPointer, to start: UInt64) -> Bool {
        guard area.pointee.flags.contains(.growsDown), start >= Self.lowestAddress else { return false }
        guard area.pointee.end - start <= limits.stack else { return false }
        let grown = (area.pointee.start - start) >> 12
        guard (usage.mapped &+ grown) << 12 <= limits.addressSpace, Commitment.permits(grown) else { return false }
        if area.pointee.flags.contains(.locked), (usage.locked &+ grown) > limits.locked >> 12 { return false }
        if let previous = area.pointee.previous, !previous.pointee.flags.contains(.growsDown),
            !previous.pointee.protection.isEmpty
        {
            guard start >= previous.pointee.end, start - previous.pointee.end >= Area.stackGuard else { return false }
        } else if let previous = area.pointee.previous, start < previous.pointee.end {
            return false
        }
        area.pointee.start = start
        area.pointee.pageOffset &-= grown
        areas.gapChanged(area)
        account(area, pages: grown, adding: true)
        return true
    }

    // MARK: Anonymous memory

    @inline(__always)
    private mutating func faultAnonymous(_ area: AreaPointer, _ slot: PageTables.Slot, _ access: FaultAccess) throws(FaultError) {
        area.pointee.flags.insert(.hasPrivatePages)
        if !access.isWrite {
            PageTables.fill(slot, PageTableEntry(ZeroPage.frame, area.pointee.pageFlags.union(.unowned)))
            return
        }
        guard let frame = Reclaim.allocate(zeroed: true) else { throw .outOfMemory }
        PageTables.fill(slot, PageTableEntry(frame, area.pointee.pageFlags.union([.writable, .dirty, .anonymous])))
        usage.residentAnonymous &+= 1
    }

    // MARK: Pages that are mapped

    /// A write to a read-only page: copy-on-write, or the first write to a shared page. Anything else was resolved by another
    /// thread meanwhile, or by a translation that the processor still had.
    private mutating func faultPresent(
        _ area: AreaPointer, _ page: UInt64, _ slot: PageTables.Slot, _ access: FaultAccess
    ) throws(FaultError) {
        let entry = slot.pointee
        guard access.isWrite, !entry.isWritable else {
            TranslationCache.invalidateStale(root: tables.root, page: page)
            return
        }
        if area.pointee.isShared {
            if let object = area.pointee.object, object._withUnsafeGuaranteedRef({ $0.tracksDirtyPages }) {
                let frame = try objectFrame(area, page, writing: true)
                FrameAllocator.release(frame)
                if frame != entry.frame {
                    // The page was replaced (truncated and written again): start over with the new one.
                    zap(area, from: page, to: page &+ 4096)
                    return
                }
            }
            slot.pointee = entry.adding([.writable, .dirty])
            TranslationCache.invalidateStale(root: tables.root, page: page)
            return
        }
        let flags = area.pointee.pageFlags.union([.writable, .dirty, .anonymous])
        area.pointee.flags.insert(.hasPrivatePages)
        if entry.has(.unowned), entry.frame == ZeroPage.frame {
            guard let frame = Reclaim.allocate(zeroed: true) else { throw .outOfMemory }
            _ = PageTables.exchange(slot, PageTableEntry(frame, flags))
            TranslationCache.invalidate(root: tables.root, page: page)
            usage.residentAnonymous &+= 1
            return
        }
        if entry.has(.anonymous), FrameAllocator.referenceCount(entry.frame) == 1 {
            // Nobody shares it any more.
            slot.pointee = PageTableEntry(entry.frame, flags)
            TranslationCache.invalidateStale(root: tables.root, page: page)
            return
        }
        guard let frame = Reclaim.allocate() else { throw .outOfMemory }
        copyPage(to: frame, from: entry.frame)
        _ = PageTables.exchange(slot, PageTableEntry(frame, flags))
        TranslationCache.invalidate(root: tables.root, page: page)
        uncountResident(area, entry)
        usage.residentAnonymous &+= 1
        if !entry.has(.unowned) { FrameAllocator.release(entry.frame) }
    }

    // MARK: Objects

    private func objectFrame(_ area: AreaPointer, _ page: UInt64, writing: Bool) throws(FaultError) -> PhysicalAddress {
        guard let object = area.pointee.object else { throw .busError }
        return try object.takeUnretainedValue().frame(at: area.pointee.pageIndex(page), writing: writing)
    }

    private mutating func faultObject(
        _ area: AreaPointer, _ page: UInt64, _ slot: PageTables.Slot, _ access: FaultAccess
    ) throws(FaultError) {
        let isShared = area.pointee.isShared
        let frame = try objectFrame(area, page, writing: access.isWrite && isShared)
        if access.isWrite, !isShared {
            guard let copy = Reclaim.allocate() else {
                FrameAllocator.release(frame)
                throw .outOfMemory
            }
            copyPage(to: copy, from: frame)
            FrameAllocator.release(frame)
            area.pointee.flags.insert(.hasPrivatePages)
            PageTables.fill(slot, PageTableEntry(copy, area.pointee.pageFlags.union([.writable, .dirty, .anonymous])))
            usage.residentAnonymous &+= 1
            return
        }
        let flags = objectPageFlags(area, written: access.isWrite)
        let entry = PageTableEntry(frame, FrameAllocator.isManaged(frame) ? flags : flags.union(.unowned))
        PageTables.fill(slot, entry)
        countResident(area, entry)
        // A page that is written for the first time is probably new, and so are its neighbours; one that somebody else maps is not.
        if !access.isWrite || FrameAllocator.referenceCount(frame) > 2 { mapNeighbours(area, page, slot) }
    }

    /// The bits for a page of an object. Where writes must be noticed, a page that is only read is mapped read-only.
    private func objectPageFlags(_ area: AreaPointer, written: Bool) -> PageFlags {
        var flags = area.pointee.pageFlags
        guard area.pointee.isShared, area.pointee.protection.contains(.write), let object = area.pointee.object else {
            return flags
        }
        if written {
            flags.formUnion([.writable, .dirty])
        } else if !object._withUnsafeGuaranteedRef({ $0.tracksDirtyPages }) {
            flags.insert(.writable)
        }
        return flags
    }

    /// Maps the pages around a fault that are in memory anyway: programs touch files in runs. The window is 16 pages, aligned,
    /// and so within one page table.
    private mutating func mapNeighbours(_ area: AreaPointer, _ page: UInt64, _ slot: PageTables.Slot) {
        guard let object = area.pointee.object?.takeUnretainedValue() else { return }
        let window: UInt64 = 16 << 12
        let start = max(page & ~(window - 1), area.pointee.start)
        let end = min((page & ~(window - 1)) &+ window, area.pointee.end)
        let count = Int((end &- start) >> 12)
        if count <= 1 { return }
        let slots = slot - Int((page &- start) >> 12)
        let flags = objectPageFlags(area, written: false)
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { frames in
            guard let base = frames.baseAddress else { return }
            object.residentFrames(from: area.pointee.pageIndex(start), count: count, into: base)
            for index in 0..<count where base[index] != 0 {
                let frame = PhysicalAddress(base[index])
                if slots[index].rawValue != 0 {
                    FrameAllocator.release(frame)
                    continue
                }
                let entry = PageTableEntry(frame, FrameAllocator.isManaged(frame) ? flags : flags.union(.unowned))
                PageTables.fill(slots + index, entry)
                countResident(area, entry)
            }
        }
    }

    @inline(__always)
    func copyPage(to target: PhysicalAddress, from source: PhysicalAddress) {
        // SAFETY: `target` is a frame nobody else knows; `source` is referenced by the page tables or by the caller.
        target.directMapped.copyMemory(from: source.directMapped, byteCount: pageSize)
    }
}
