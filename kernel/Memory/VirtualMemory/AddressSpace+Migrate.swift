import Frames
import Scheduling
import Support
import struct Synchronization.Atomic

// Moving the pages of an address space. Its lock is held all the time: a thread that touches a page which is under way faults, and waits.

extension AddressSpace {
    /// Counts what could be moved.
    func countMovable(_ survey: inout BlockSurvey, waits: Bool) {
        if waits { state.withLock { $0.countMovable(&survey) } } else { _ = state.withLockIfFree { $0.countMovable(&survey) } }
    }

    /// Moves what lies in blocks that are being emptied.
    func migrate(_ set: CaptureSet, waits: Bool) {
        if waits { state.withLock { $0.migrate(set) } } else { _ = state.withLockIfFree { $0.migrate(set) } }
    }
}

extension SpaceState {
    /// Whether a page can be moved, or taken out so that its file's cache can move it.
    @inline(__always)
    private func isMovable(_ entry: PageTableEntry, _ area: AreaPointer) -> Bool {
        if entry.rawValue == 0 || entry.has(.unowned) { return false }
        if entry.has(.anonymous) { return FrameAllocator.referenceCount(entry.frame) == 1 }
        return area.pointee.object.map { $0._withUnsafeGuaranteedRef { $0.tracksDirtyPages } } ?? false
    }

    fileprivate func countMovable(_ survey: inout BlockSurvey) {
        var next = areas.first
        var lastTable: UInt64 = .max
        while let area = next {
            next = area.pointee.next
            var address = area.pointee.start
            while let run = tables.nextRun(from: address, to: area.pointee.end) {
                // Areas may share a table.
                if run.address >> 21 != lastTable {
                    lastTable = run.address >> 21
                    survey.count(PageTables.tableFrame(run.slots))
                }
                // A page of a file that is mapped is counted by its cache.
                for index in 0..<run.count where run.slots[index].has(.anonymous) && isMovable(run.slots[index], area) {
                    survey.count(run.slots[index].frame)
                }
                address = run.end
            }
        }
    }

    fileprivate mutating func migrate(_ set: CaptureSet) {
        var next = areas.first
        while let area = next {
            next = area.pointee.next
            var address = area.pointee.start
            while let run = tables.nextRun(from: address, to: area.pointee.end) {
                address = run.end
                migrate(run, area, set)
                migrateTable(run.address, set)
            }
        }
    }

    /// Moves a page table.
    private func migrateTable(_ address: UInt64, _ set: CaptureSet) {
        guard let slot = tables.directorySlot(address), let capture = set[slot.pointee.frame], let target = set.target() else {
            return
        }
        let root = tables.root
        capture.hold(PageTables.moveTable(slot, to: target) { TranslationCache.invalidate(root: root, page: address) })
        MemoryCounters.migrated.wrappingAdd(1, ordering: .relaxed)
    }

    private mutating func migrate(_ run: PageTables.Run, _ area: AreaPointer, _ set: CaptureSet) {
        // Groups of pages, each with one flush.
        var first = 0
        while first < run.count {
            let count = min(32, run.count - first)
            migrate(run, first, count, area, set)
            first += count
        }
        var gather = FrameGather()
        tables.prune(run.address, into: &gather)
        // Other processors may have looked through the table meanwhile.
        if PageTables.liveEntries(run.slots) == 0 { TranslationCache.invalidate(root: tables.root, page: run.address) }
        gather.finish()
    }

    private mutating func migrate(_ run: PageTables.Run, _ first: Int, _ count: Int, _ area: AreaPointer, _ set: CaptureSet) {
        MemoryCounters.migrationLooked.wrappingAdd(count, ordering: .relaxed)
        // Bit n: page first + n was taken out and goes elsewhere.
        var taken: UInt32 = 0
        var (moved, failed) = (0, 0)
        var unmapped: UInt32 = 0
        var gather = FrameGather()
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 32) { old in
            for index in 0..<count {
                let slot = run.slots + first + index
                guard set[slot.pointee.frame] != nil, isMovable(slot.pointee, area) else { continue }
                let entry = PageTables.exchange(slot, .empty)
                if entry.has(.anonymous) {
                    old[index] = entry.rawValue
                    taken |= 1 << UInt32(index)
                } else {
                    // The cache moves it; the next access maps it again.
                    uncountResident(area, entry)
                    gather.release(entry.frame)
                    unmapped += 1
                }
            }
            if taken == 0, unmapped == 0 { return }
            let start = run.address + UInt64(first) << 12
            TranslationCache.invalidate(root: tables.root, from: start, to: start + UInt64(count) << 12)
            for index in 0..<count where taken & 1 << UInt32(index) != 0 {
                let entry = PageTableEntry(rawValue: old[index])
                guard let capture = set[entry.frame], let target = set.target() else {
                    (run.slots + first + index).pointee = entry
                    failed += 1
                    continue
                }
                copyPage(to: target, from: entry.frame)
                (run.slots + first + index).pointee = PageTableEntry(target, entry.flags)
                capture.hold(entry.frame)
                moved += 1
            }
        }
        if unmapped > 0 { PageTables.cleared(run.slots, count: unmapped) }
        gather.finish()
        MemoryCounters.migrated.wrappingAdd(moved, ordering: .relaxed)
        MemoryCounters.migrationFailures.wrappingAdd(failed, ordering: .relaxed)
        MemoryCounters.unmapped.wrappingAdd(Int(unmapped), ordering: .relaxed)
    }
}
