import ABI
import Frames
import Scheduling
import Support

/// What mmap asks for. Lengths and offsets are in bytes.
public struct MapRequest {
    public enum Placement {
        /// Where there is room; at the hint if that is free.
        case anywhere(hint: UInt64)
        /// There, replacing what is mapped.
        case fixed(UInt64)
        /// There, or not at all.
        case fixedNoReplace(UInt64)
    }
    public var placement: Placement = .anywhere(hint: 0)
    public var byteCount: UInt64
    public var protection: Protection
    /// What mprotect may ask for later.
    public var maximum: Protection = .all
    public var flags: AreaFlags = []
    /// nil for private anonymous memory.
    public var object: MemoryObject?
    /// Where in the object the mapping starts; page aligned.
    public var offset: UInt64 = 0
    /// Addresses above are not chosen (MAP_32BIT).
    public var highest = UserAddress.limit
    /// Make every page resident before returning.
    public var populates = false
    /// Do not refuse what is larger than memory.
    public var skipsReserve = false

    public init(byteCount: UInt64, protection: Protection) {
        self.byteCount = byteCount
        self.protection = protection
    }
}

extension AddressSpace {
    /// The most areas of an address space (vm.max_map_count).
    static let maximumAreas = 65530

    /// Maps memory and returns its address. Errors are those of mmap(2).
    public func map(_ request: MapRequest) throws(Errno) -> UInt64 {
        var dropped = DroppedObjects()
        return try state.withLock { (state: inout SpaceState) throws(Errno) -> UInt64 in
            let address = try state.map(request, &dropped)
            if request.populates { state.populate(address, address + pageRoundUp(request.byteCount)) }
            return address
        }
    }

    /// Unmaps `[start, start + byteCount)`; holes are permitted. Errors are those of munmap(2).
    public func unmap(_ start: UInt64, byteCount: UInt64) throws(Errno) {
        guard start & 4095 == 0, start <= UserAddress.limit, byteCount <= UserAddress.limit - start else {
            throw .invalidArgument
        }
        let length = pageRoundUp(byteCount)
        if length == 0 { throw .invalidArgument }
        var dropped = DroppedObjects()
        try state.withLock { (state: inout SpaceState) throws(Errno) in try state.unmap(start, start + length, &dropped) }
    }
}

extension SpaceState {
    mutating func map(_ request: MapRequest, _ dropped: inout DroppedObjects) throws(Errno) -> UInt64 {
        if request.byteCount == 0 { throw .invalidArgument }
        let length = pageRoundUp(request.byteCount)
        if length == 0 || length > UserAddress.limit { throw .outOfMemory }
        if request.offset & 4095 != 0 { throw .invalidArgument }
        if request.object != nil, request.offset > UInt64(Int64.max) - length { throw .overflow }
        if areas.count >= AddressSpace.maximumAreas { throw .outOfMemory }
        let start = try place(request, length)
        var flags = request.flags
        if locksFutureAreas { flags.insert(.locked) }
        if request.skipsReserve, Commitment.mode != .never { flags.insert(.notPromised) }
        try checkLimits(request, flags, start, length)
        if case .fixed = request.placement { try unmap(start, start + length, &dropped) }

        let offset = request.object == nil ? start >> 12 : request.offset >> 12
        let area = Area(
            start: start, end: start + length, protection: request.protection, maximum: request.maximum, flags: flags,
            pageFlags: Area.pageFlags(request.protection, request.object), pageOffset: offset,
            object: request.object.map { Unmanaged.passUnretained($0) }, owner: owner)
        insert(area, &dropped)
        if flags.contains(.locked) { populate(start, start + length) }
        return start
    }

    /// Chooses or checks the address of a new mapping.
    private mutating func place(_ request: MapRequest, _ length: UInt64) throws(Errno) -> UInt64 {
        switch request.placement {
        case .anywhere(let hint):
            let wanted = pageRoundDown(hint)
            if wanted != 0 {
                let start = max(wanted, Self.lowestAddress)
                if start <= UserAddress.limit - length, start + length <= request.highest, isFree(start, start + length) {
                    return start
                }
            }
            let low = request.flags.contains(.growsDown) ? Self.lowestAddress + Area.stackGuard : Self.lowestAddress
            if let found = areas.highestGap(byteCount: length, low: low, high: min(layout.mappingTop, request.highest)) {
                return found
            }
            // The usual region is full: anywhere else.
            if let found = areas.highestGap(byteCount: length, low: low, high: request.highest) { return found }
            throw .outOfMemory
        case .fixed(let start), .fixedNoReplace(let start):
            if start & 4095 != 0 { throw .invalidArgument }
            if start > UserAddress.limit - length { throw .outOfMemory }
            if start < Self.lowestAddress { throw .notPermitted }
            if case .fixedNoReplace = request.placement, !areas.isFree(start, start + length) { throw .exists }
            return start
        }
    }

    /// Whether a range is free, the guard of a stack above it included.
    func isFree(_ start: UInt64, _ end: UInt64) -> Bool {
        guard let next = areas.find(start) else { return true }
        return next.pointee.gapEnd >= end && next.pointee.start >= end
    }

    private func checkLimits(_ request: MapRequest, _ flags: AreaFlags, _ start: UInt64, _ length: UInt64) throws(Errno) {
        let pages = length >> 12
        var replaced: UInt64 = 0
        if case .fixed = request.placement { replaced = mappedPages(start, start + length) }
        if (usage.mapped &+ pages &- replaced) > limits.addressSpace >> 12 { throw .outOfMemory }
        let isPrivateWritable = !flags.contains(.shared) && request.protection.contains(.write)
        if isPrivateWritable {
            if (usage.data &+ pages) > limits.data >> 12, limits.data != .max { throw .outOfMemory }
            if !flags.contains(.notPromised), !Commitment.permits(pages) { throw .outOfMemory }
        }
        if flags.contains(.locked), (usage.locked &+ pages) > limits.locked >> 12 { throw .wouldBlock }
    }

    /// Pages of a range that are mapped.
    func mappedPages(_ start: UInt64, _ end: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        var area = areas.find(start)
        while let current = area, current.pointee.start < end {
            sum &+= (min(current.pointee.end, end) &- max(current.pointee.start, start)) >> 12
            area = current.pointee.next
        }
        return sum
    }

    /// Pages of a range that are locked.
    func lockedPages(_ start: UInt64, _ end: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        var area = areas.find(start)
        while let current = area, current.pointee.start < end {
            if current.pointee.flags.contains(.locked) {
                sum &+= (min(current.pointee.end, end) &- max(current.pointee.start, start)) >> 12
            }
            area = current.pointee.next
        }
        return sum
    }

    // MARK: Areas

    /// Enters a new area, as part of a neighbour where that is possible.
    mutating func insert(_ area: Area, _ dropped: inout DroppedObjects) {
        let next = areas.find(area.start)
        let previous = next != nil ? next?.pointee.previous : areas.last
        if let previous, previous.pointee.continues(into: area) {
            previous.pointee.end = area.end
            if let next { areas.gapChanged(next) }
            account(previous, pages: area.pageCount, adding: true)
            if let next { mergeWithPrevious(next, &dropped) }
            return
        }
        if let next, area.continues(into: next.pointee) {
            next.pointee.start = area.start
            next.pointee.pageOffset = area.pageOffset
            areas.gapChanged(next)
            account(next, pages: area.pageCount, adding: true)
            return
        }
        let pointer = AreaPointer.make(area)
        areas.insert(pointer)
        account(pointer, pages: area.pageCount, adding: true)
    }

    /// Joins an area with the one before it if they are alike.
    mutating func mergeWithPrevious(_ area: AreaPointer, _ dropped: inout DroppedObjects) {
        guard let previous = area.pointee.previous, previous.pointee.continues(into: area.pointee) else { return }
        let end = area.pointee.end
        let private_ = area.pointee.flags.intersection(.hasPrivatePages)
        areas.remove(area)
        previous.pointee.end = end
        previous.pointee.flags.formUnion(private_)
        if let next = previous.pointee.next { areas.gapChanged(next) }
        forget(area, &dropped)
    }

    /// Frees an area that is out of the tree.
    mutating func forget(_ area: AreaPointer, _ dropped: inout DroppedObjects) {
        if lastFault == area { lastFault = nil }
        dropped.add(area.destroy())
    }

    /// Cuts an area in two at `address`, which lies inside it; returns the upper part.
    @discardableResult
    mutating func split(_ area: AreaPointer, at address: UInt64) -> AreaPointer {
        var upper = area.pointee
        upper.pageOffset = upper.pageIndex(address)
        upper.start = address
        area.pointee.end = address
        let pointer = AreaPointer.make(upper)
        areas.insert(pointer)
        return pointer
    }

    // MARK: Unmapping

    mutating func unmap(_ start: UInt64, _ end: UInt64, _ dropped: inout DroppedObjects) throws(Errno) {
        guard var area = areas.find(start), area.pointee.start < end else { return }
        if area.pointee.start < start, area.pointee.end > end, areas.count >= AddressSpace.maximumAreas { throw .outOfMemory }
        try cutLargePages(at: start, and: end)
        var gather = FrameGather()
        var unmapped = Unmapped.nothing
        while area.pointee.start < end {
            let next = area.pointee.next
            let low = max(area.pointee.start, start), high = min(area.pointee.end, end)
            unmapped.add(unmapSlots(area, from: low, to: high, &gather))
            account(area, pages: (high &- low) >> 12, adding: false)
            if low > area.pointee.start {
                if high < area.pointee.end { split(area, at: high) }
                area.pointee.end = low
                if let after = area.pointee.next { areas.gapChanged(after) }
            } else if high < area.pointee.end {
                area.pointee.pageOffset = area.pointee.pageIndex(high)
                area.pointee.start = high
                areas.gapChanged(area)
            } else {
                areas.remove(area)
                forget(area, &dropped)
            }
            guard let next else { break }
            area = next
        }
        unmapped.flush(root: tables.root, from: start, to: end)
        gather.finish()
    }

    // MARK: Populating

    /// Makes pages resident as far as that is possible.
    mutating func populate(_ start: UInt64, _ end: UInt64) {
        var page = start
        while page < end {
            guard let area = areas.find(page), area.pointee.start < end else { return }
            page = max(page, area.pointee.start)
            let stop = min(end, area.pointee.end)
            let writes = area.pointee.protection.contains(.write) && (!area.pointee.isShared || area.pointee.object != nil)
            if area.pointee.protection.isEmpty {
                page = stop
                continue
            }
            let access: FaultAccess =
                writes ? .write : area.pointee.protection == .execute ? FaultAccess(isWrite: false, isExecute: true) : .read
            while page < stop {
                do throws(FaultError) { try fault(page, access) } catch { return }
                page = usage.large > 0 && tables.largeSlot(page) != nil ? (page | LargePages.mask) &+ 1 : page &+ 4096
            }
        }
    }
}
