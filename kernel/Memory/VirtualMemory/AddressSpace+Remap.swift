import ABI
import Frames
import Scheduling
import Support

/// What mremap asks for.
public struct RemapRequest {
    public var start: UInt64
    public var oldByteCount: UInt64
    public var newByteCount: UInt64
    /// MREMAP_MAYMOVE.
    public var mayMove = false
    /// MREMAP_FIXED: the new address.
    public var target: UInt64?
    /// MREMAP_DONTUNMAP: the old range stays, empty.
    public var keepsOld = false

    public init(start: UInt64, oldByteCount: UInt64, newByteCount: UInt64) {
        self.start = start
        self.oldByteCount = oldByteCount
        self.newByteCount = newByteCount
    }
}

extension AddressSpace {
    /// Grows, shrinks or moves a mapping; returns its address. Errors are those of mremap(2).
    public func remap(_ request: RemapRequest) throws(Errno) -> UInt64 {
        var dropped = DroppedObjects()
        return try state.withLock { (state: inout SpaceState) throws(Errno) in try state.remap(request, &dropped) }
    }
}

extension SpaceState {
    mutating func remap(_ request: RemapRequest, _ dropped: inout DroppedObjects) throws(Errno) -> UInt64 {
        let start = request.start
        let oldLength = pageRoundUp(request.oldByteCount), newLength = pageRoundUp(request.newByteCount)
        guard start & 4095 == 0, newLength != 0, newLength <= UserAddress.limit else { throw .invalidArgument }
        if let target = request.target {
            guard target & 4095 == 0, target <= UserAddress.limit - newLength else { throw .invalidArgument }
            // The two ranges must not overlap.
            if start < target &+ newLength, target < start &+ oldLength { throw .invalidArgument }
            if target < Self.lowestAddress { throw .notPermitted }
        }
        if request.keepsOld, oldLength != newLength { throw .invalidArgument }
        guard start < UserAddress.limit, let area = areas.area(at: start) else { throw .badAddress }
        if oldLength == 0 {
            // A second mapping of the same pages; only shared memory has such a thing.
            guard area.pointee.isShared, request.mayMove else { throw .invalidArgument }
            return try moved(area, start, 0, newLength, request, &dropped)
        }
        if request.target == nil, !request.keepsOld, newLength <= oldLength {
            if newLength < oldLength { try unmap(start + newLength, start + oldLength, &dropped) }
            return start
        }
        guard oldLength <= area.pointee.end - start else { throw .badAddress }
        if newLength > oldLength { try checkGrowth(area, (newLength - oldLength) >> 12) }
        if request.target == nil, !request.keepsOld, start + oldLength == area.pointee.end,
            newLength <= UserAddress.limit - start, isFree(area.pointee.end, start + newLength)
        {
            extend(area, to: start + newLength, &dropped)
            return start
        }
        guard request.mayMove else { throw .outOfMemory }
        return try moved(area, start, oldLength, newLength, request, &dropped)
    }

    private func checkGrowth(_ area: AreaPointer, _ pages: UInt64) throws(Errno) {
        if (usage.mapped &+ pages) > limits.addressSpace >> 12 { throw .outOfMemory }
        if !area.pointee.isShared, area.pointee.protection.contains(.write) {
            if limits.data != .max, (usage.data &+ pages) > limits.data >> 12 { throw .outOfMemory }
            if !area.pointee.flags.contains(.notPromised), !Commitment.permits(pages) { throw .outOfMemory }
        }
        if area.pointee.flags.contains(.locked), (usage.locked &+ pages) > limits.locked >> 12 { throw .wouldBlock }
    }

    private mutating func extend(_ area: AreaPointer, to end: UInt64, _ dropped: inout DroppedObjects) {
        let old = area.pointee.end
        area.pointee.end = end
        account(area, pages: (end - old) >> 12, adding: true)
        if area.pointee.flags.contains(.locked) { populate(old, end) }
        if let next = area.pointee.next {
            areas.gapChanged(next)
            mergeWithPrevious(next, &dropped)
        }
    }

    /// Moves `[start, start + oldLength)` of an area elsewhere, with its pages.
    private mutating func moved(
        _ area: AreaPointer, _ start: UInt64, _ oldLength: UInt64, _ newLength: UInt64, _ request: RemapRequest,
        _ dropped: inout DroppedObjects
    ) throws(Errno) -> UInt64 {
        if areas.count + 3 > AddressSpace.maximumAreas { throw .outOfMemory }
        var value = area.pointee
        let oldEnd = start + oldLength
        let firstPage = value.pageIndex(start)
        // The object must outlive the old area until the new one holds it.
        let object = value.object?.takeUnretainedValue()
        let target: UInt64
        if let wanted = request.target {
            try unmap(wanted, wanted + newLength, &dropped)
            target = wanted
        } else {
            guard let found = areas.highestGap(byteCount: newLength, low: Self.lowestAddress, high: layout.mappingTop) else {
                throw .outOfMemory
            }
            target = found
        }
        // Unmapping the target may have cut or freed neighbours, but not this range, which does not overlap it.
        guard let source = areas.area(at: start) else { throw .badAddress }
        value.start = target
        value.end = target + newLength
        // Anonymous pages keep their numbers, so that a moved range never merges with strangers of other origin.
        value.pageOffset = firstPage
        value.flags.remove([.growsDown, .heap, .stack])
        let fresh = AreaPointer.make(value)
        areas.insert(fresh)
        account(fresh, pages: value.pageCount, adding: true)
        if oldLength > 0 {
            do throws(Errno) {
                try splitLargePages(from: start, to: start + min(oldLength, newLength))
                try movePages(source, from: start, to: target, byteCount: min(oldLength, newLength))
            } catch {
                // Whatever has moved goes back where it was: those tables still exist or can be had again.
                areas.remove(fresh)
                account(fresh, pages: value.pageCount, adding: false)
                _ = unmapAll(fresh)
                forget(fresh, &dropped)
                throw error
            }
            if !request.keepsOld { try unmap(start, oldEnd, &dropped) }
        }
        if value.flags.contains(.locked) { populate(target, target + newLength) }
        _ = object
        return target
    }

    private mutating func unmapAll(_ area: AreaPointer) -> Bool {
        zap(area, from: area.pointee.start, to: area.pointee.end)
        return true
    }

    /// Moves page-table entries. All tables of the target are made first, so that a failure moves nothing.
    private mutating func movePages(_ area: AreaPointer, from start: UInt64, to target: UInt64, byteCount: UInt64) throws(Errno) {
        var address = start
        while let run = tables.nextRun(from: address, to: start + byteCount) {
            for index in 0..<run.count where run.slots[index].rawValue != 0 {
                let page = run.address + UInt64(index) << 12
                guard tables.makeSlot(target + (page - start), access: [.writable, .user]) != nil else { throw .outOfMemory }
            }
            address = run.end
        }
        var gather = FrameGather()
        address = start
        while let run = tables.nextRun(from: address, to: start + byteCount) {
            var cleared: UInt32 = 0
            for index in 0..<run.count where run.slots[index].rawValue != 0 {
                let page = run.address + UInt64(index) << 12
                guard let slot = tables.makeSlot(target + (page - start), access: [.writable, .user]) else { continue }
                PageTables.fill(slot, PageTables.exchange(run.slots + index, .empty))
                cleared += 1
            }
            PageTables.cleared(run.slots, count: cleared)
            tables.prune(run.address, into: &gather)
            address = run.end
        }
        TranslationCache.invalidate(root: tables.root, from: start, to: start + byteCount)
        gather.finish()
    }
}
