import ABI
import Frames
import Scheduling
import Support

/// The kinds of advice that change something.
public enum MemoryAdvice: Sendable {
    /// Drop the pages: anonymous memory reads as zeros afterwards, files are read again (MADV_DONTNEED).
    case drop
    /// The contents may be forgotten at any time (MADV_FREE); they are forgotten at once. Private anonymous memory only.
    case free
    /// Make the pages resident (MADV_WILLNEED, MADV_POPULATE_READ).
    case willNeed
    case populateRead
    case populateWrite
    /// Punch a hole into the object (MADV_REMOVE).
    case remove
    case setFlag(AreaFlags)
    case clearFlag(AreaFlags)
    /// Accepted, changes nothing.
    case ignore
}

extension AddressSpace {
    /// madvise(2) for a page-aligned range.
    /// - Throws: `outOfMemory` when part of the range is not mapped (the rest was treated); `invalidArgument` where the
    ///   advice does not fit the area.
    public func advise(_ start: UInt64, byteCount: UInt64, _ advice: MemoryAdvice) throws(Errno) {
        let end = start + pageRoundUp(byteCount)
        if start == end { return }
        var dropped = DroppedObjects()
        var holes: [(PageCache, UInt64, UInt64)] = []
        try state.withLock { (state: inout SpaceState) throws(Errno) in
            try state.advise(start, end, advice, &dropped, &holes)
        }
        // Outside the lock: dropping the object's pages locks every address space that maps it.
        for (object, first, end) in holes { object.dropPages(from: first, to: end) }
    }

    /// Residency of each page of `[start, start + pages)`, one byte a page (mincore).
    /// - Throws: `outOfMemory` when part of the range is not mapped.
    public func residency(_ start: UInt64, pageCount: Int) throws(Errno) -> [UInt8] {
        try state.withLock { (state: inout SpaceState) throws(Errno) -> [UInt8] in
            var result: [UInt8] = []
            result.reserveCapacity(pageCount)
            var page = start
            while result.count < pageCount {
                guard let area = state.areas.area(at: page) else { throw .outOfMemory }
                while page < area.pointee.end, result.count < pageCount {
                    var isResident = (state.tables.slot(page)?.pointee.rawValue ?? 0) != 0
                    if !isResident, state.usage.large > 0 { isResident = state.tables.largeSlot(page) != nil }
                    if !isResident, let object = area.pointee.object {
                        isResident = object._withUnsafeGuaranteedRef { $0.isResident(area.pointee.pageIndex(page)) }
                    }
                    result.append(isResident ? 1 : 0)
                    page += 4096
                }
            }
            return result
        }
    }

    /// Locks or unlocks a range (mlock, munlock). Locked pages are made resident; nothing is ever swapped out anyway.
    public func setLocked(_ start: UInt64, byteCount: UInt64, _ locked: Bool, populates: Bool = true) throws(Errno) {
        let end = start + pageRoundUp(byteCount)
        if start == end { return }
        var dropped = DroppedObjects()
        try state.withLock { (state: inout SpaceState) throws(Errno) in
            if locked {
                let fresh = state.mappedPages(start, end) &- state.lockedPages(start, end)
                if (state.usage.locked &+ fresh) > state.limits.locked >> 12 { throw .outOfMemory }
            }
            var holes: [(PageCache, UInt64, UInt64)] = []
            try state.advise(start, end, locked ? .setFlag(.locked) : .clearFlag(.locked), &dropped, &holes)
            if locked, populates { state.populate(start, end) }
        }
    }

    /// mlockall and munlockall.
    public func setAllLocked(current: Bool, future: Bool) throws(Errno) {
        var dropped = DroppedObjects()
        try state.withLock { (state: inout SpaceState) throws(Errno) in
            if current, state.usage.mapped > state.limits.locked >> 12 { throw .outOfMemory }
            state.locksFutureAreas = future
            // Locking what comes changes nothing of what there is.
            if future, !current { return }
            var holes: [(PageCache, UInt64, UInt64)] = []
            var next = state.areas.first
            while let area = next {
                let (start, end) = (area.pointee.start, area.pointee.end)
                next = area.pointee.next
                // Each area as a whole: nothing is cut, so `next` stays valid; merging waits until the end.
                state.changeFlag(area, current ? .setFlag(.locked) : .clearFlag(.locked))
                if current { state.populate(start, end) }
            }
            _ = holes.isEmpty
            holes = []
            next = state.areas.first?.pointee.next
            while let area = next {
                next = area.pointee.next
                state.mergeWithPrevious(area, &dropped)
            }
        }
    }

    /// Writes changed pages of shared file mappings back (msync with MS_SYNC).
    /// - Parameter writesBack: false only checks that the range is mapped (MS_ASYNC: the pages are written sooner or later anyway).
    /// - Throws: `outOfMemory` when part of the range is not mapped.
    public func synchronize(_ start: UInt64, byteCount: UInt64, writesBack: Bool = true) throws(Errno) {
        let end = start + pageRoundUp(byteCount)
        var work: [(MemoryObject, UInt64, UInt64)] = []
        var hasHole = false
        state.withLock { state in
            var covered = start
            var area = state.areas.find(start)
            while let current = area, current.pointee.start < end {
                if current.pointee.start > covered { hasHole = true }
                let low = max(current.pointee.start, start), high = min(current.pointee.end, end)
                if writesBack, current.pointee.isShared, let object = current.pointee.object {
                    work.append((object.takeUnretainedValue(), current.pointee.pageIndex(low), current.pointee.pageIndex(high)))
                }
                covered = current.pointee.end
                area = current.pointee.next
            }
            if covered < end { hasHole = true }
        }
        for (object, first, end) in work { try object.synchronize(from: first, to: end) }
        if hasHole { throw .outOfMemory }
    }
}

extension SpaceState {
    mutating func advise(
        _ start: UInt64, _ end: UInt64, _ advice: MemoryAdvice, _ dropped: inout DroppedObjects,
        _ holes: inout [(PageCache, UInt64, UInt64)]
    ) throws(Errno) {
        var covered = start
        var hasHole = false
        while covered < end {
            guard let found = areas.find(covered), found.pointee.start < end else {
                hasHole = true
                break
            }
            var area = found
            if area.pointee.start > covered { hasHole = true }
            let low = max(area.pointee.start, covered), high = min(area.pointee.end, end)
            covered = high
            switch advice {
            case .ignore:
                break
            case .drop:
                if area.pointee.flags.contains(.locked) { throw .invalidArgument }
                try cutLargePages(at: low, and: high)
                zap(area, from: low, to: high)
            case .free:
                if area.pointee.object != nil || area.pointee.isShared { throw .invalidArgument }
                try cutLargePages(at: low, and: high)
                zap(area, from: low, to: high)
            case .willNeed:
                if area.pointee.object != nil { populateRead(low, high) }
            case .populateRead:
                if area.pointee.protection.isEmpty { throw .invalidArgument }
                populateRead(low, high)
            case .populateWrite:
                if !area.pointee.protection.contains(.write) { throw .invalidArgument }
                populate(low, high)
            case .remove:
                guard area.pointee.isShared, area.pointee.maximum.contains(.write), !area.pointee.flags.contains(.locked),
                    let object = area.pointee.object?.takeUnretainedValue() as? PageCache
                else { throw .invalidArgument }
                if !object.isMemoryOnly { throw .notSupported }
                holes.append((object, area.pointee.pageIndex(low), area.pointee.pageIndex(high)))
            case .setFlag, .clearFlag:
                try cutLargePages(at: low, and: high)
                if low > area.pointee.start { area = split(area, at: low) }
                if high < area.pointee.end { split(area, at: high) }
                changeFlag(area, advice)
                mergeWithPrevious(area, &dropped)
                if let next = areas.find(high), next.pointee.start == high { mergeWithPrevious(next, &dropped) }
            }
        }
        if hasHole { throw .outOfMemory }
    }

    mutating func changeFlag(_ area: AreaPointer, _ advice: MemoryAdvice) {
        account(area, pages: area.pointee.pageCount, adding: false)
        switch advice {
        case .setFlag(let flag):
            area.pointee.flags.insert(flag)
            // Either of the two takes the place of the other.
            if flag == .largeWanted { area.pointee.flags.remove(.largeForbidden) }
            if flag == .largeForbidden { area.pointee.flags.remove(.largeWanted) }
        case .clearFlag(let flag): area.pointee.flags.remove(flag)
        default: break
        }
        account(area, pages: area.pointee.pageCount, adding: true)
    }

    private mutating func populateRead(_ start: UInt64, _ end: UInt64) {
        var page = start
        while page < end {
            do throws(FaultError) { try fault(page, .read) } catch { return }
            page += 4096
        }
    }
}
