import ABI
import Frames
import Scheduling
import Support

extension AddressSpace {
    /// A copy for a forked child. Private memory is shared until either side writes to it.
    public func fork() throws(Errno) -> AddressSpace {
        guard Reclaim.isOpen else { throw .outOfMemory }
        let (layout, limits) = state.withLock { ($0.layout, $0.limits) }
        let child = try AddressSpace(layout: layout, limits: limits)
        try state.withLock { (parent: inout SpaceState) throws(Errno) in
            // The child is not known to anybody yet: its lock is free.
            try child.state.withLock { (copy: inout SpaceState) throws(Errno) in try parent.copy(to: &copy) }
        }
        child.program = program
        return child
    }
}

extension SpaceState {
    mutating func copy(to child: inout SpaceState) throws(Errno) {
        child.breakStart = breakStart
        child.breakEnd = breakEnd
        child.permitsLargePages = permitsLargePages
        var protected = false
        // What was copied before an error is in the list, by which it is freed.
        defer { child.areas.balance() }
        defer { if protected { TranslationCache.invalidateAll(root: tables.root) } }
        var next = areas.first
        while let area = next {
            next = area.pointee.next
            if area.pointee.flags.contains(.notForked) { continue }
            var value = area.pointee
            value.owner = child.owner
            value.flags.remove(.locked)
            let copiesPages = !value.isShared && value.flags.contains(.hasPrivatePages) && !value.flags.contains(.wipedOnFork)
            if !copiesPages { value.flags.remove(.hasPrivatePages) }
            if value.isPromised, Commitment.mode == .never, !Commitment.permits(value.pageCount) { throw .outOfMemory }
            let copy = AreaPointer.make(value)
            child.areas.append(copy)
            child.account(copy, pages: value.pageCount, adding: true)
            if copiesPages {
                try splitLargePages(from: area.pointee.start, to: area.pointee.end)
                try copyPages(of: area, to: &child, &protected)
            }
        }
    }

    /// Shares the pages of a private area: both sides get them read-only.
    private mutating func copyPages(of area: AreaPointer, to child: inout SpaceState, _ protected: inout Bool) throws(Errno) {
        var address = area.pointee.start
        while let run = tables.nextRun(from: address, to: area.pointee.end) {
            address = run.end
            // The area may have a part in a table that holds pages of its neighbours only.
            var index = 0
            while index < run.count, run.slots[index].rawValue == 0 { index += 1 }
            if index == run.count { continue }
            // The tables of a big process are many.
            guard Reclaim.isOpen else { throw .outOfMemory }
            guard let targets = child.tables.makeSlot(run.address, access: [.writable, .user]) else { throw .outOfMemory }
            var filled: UInt32 = 0
            var anonymous: UInt64 = 0
            while index < run.count {
                defer { index += 1 }
                let slot = run.slots + index
                var entry = slot.pointee
                if entry.rawValue == 0 { continue }
                if entry.isWritable {
                    entry = entry.removing(.writable)
                    slot.pointee = entry
                    protected = true
                }
                if !entry.has(.unowned) { FrameAllocator.retain(entry.frame) }
                (targets + index).pointee = entry
                filled &+= 1
                if entry.has(.anonymous) { anonymous &+= 1 } else { child.countResident(area, entry) }
            }
            PageTables.filled(targets, count: filled)
            child.usage.residentAnonymous &+= anonymous
        }
    }
}
