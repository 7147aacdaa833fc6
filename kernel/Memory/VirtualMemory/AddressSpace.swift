import ABI
import Frames
import Scheduling
import Support

/// The memory of a process: its areas and its page tables.
///
/// One sleeping lock protects both; page faults take it too. Lock order: address space, then memory object, then the
/// object's list of mappings.
public final class AddressSpace {
    let state: Mutex<SpaceState>
    /// What must not change while the program in it runs; whoever starts the program keeps it here. Protected by `state`.
    private var programHold: AnyObject?
    /// The top-level table, for the context switch.
    public let pageTableRoot: PhysicalAddress

    /// An empty address space.
    public init(layout: AddressLayout? = nil, limits: MemoryLimits = MemoryLimits()) throws(Errno) {
        guard let root = KernelMap.makeRoot() else { throw .outOfMemory }
        let layout = layout ?? AddressLayout.randomized(stackLimit: limits.stack)
        let state = Mutex(SpaceState(tables: PageTables(root: root), layout: layout, limits: limits))
        self.state = state
        pageTableRoot = root
        state.withLock { $0.owner = Unmanaged.passUnretained(state) }
    }

    deinit {
        clear()
        // The last thread of a process may still run on these tables when it drops them.
        TranslationCache.leave(root: pageTableRoot)
        FrameAllocator.release(pageTableRoot)
    }

    /// Unmaps everything.
    public func clear() {
        var dropped = DroppedObjects()
        state.withLock { $0.removeEverything(&dropped) }
    }

    /// Resolves a page fault of the running thread, from user mode or from a copy of the kernel's.
    @inline(__always)
    public func handleFault(_ address: UInt64, _ access: FaultAccess) throws(FaultError) {
        try state.withLock { (state: inout SpaceState) throws(FaultError) in try state.fault(address, access) }
    }

    /// What is kept as long as the program runs; forked children keep it too.
    public var program: AnyObject? {
        get { state.withLock { _ in programHold } }
        set { state.withLock { _ in programHold = newValue } }
    }

    public var limits: MemoryLimits {
        get { state.withLock { $0.limits } }
        set { state.withLock { $0.limits = newValue } }
    }
    public var layout: AddressLayout { state.withLock { $0.layout } }
    public var usage: MemoryUsage { state.withLock { $0.usage } }
}

/// References to objects whose areas are gone. It is declared outside the locked part and dropped after it, because the last
/// reference closes a file.
struct DroppedObjects: ~Copyable {
    private var first: Unmanaged<MemoryObject>?
    private var rest: [Unmanaged<MemoryObject>] = []

    init() {}

    mutating func add(_ object: Unmanaged<MemoryObject>?) {
        guard let object else { return }
        if first == nil { first = object } else { rest.append(object) }
    }

    deinit {
        first?.release()
        for object in rest { object.release() }
    }
}

/// What the lock of an address space protects.
struct SpaceState: ~Copyable {
    let tables: PageTables
    var areas = AreaTree()
    /// The area of the last fault: the next one is often in it too.
    var lastFault: AreaPointer?
    var layout: AddressLayout
    var limits: MemoryLimits
    var usage = MemoryUsage()
    /// The heap of `brk`: from where programs may move it, to where it is.
    var breakStart: UInt64 = 0
    var breakEnd: UInt64 = 0
    /// New areas are locked (mlockall with MCL_FUTURE).
    var locksFutureAreas = false
    /// Big anonymous areas get large pages.
    var permitsLargePages = true
    /// The lock around this state, by which objects find it.
    var owner: Unmanaged<Mutex<SpaceState>>!

    init(tables: PageTables, layout: AddressLayout, limits: MemoryLimits) {
        self.tables = tables
        self.layout = layout
        self.limits = limits
    }

    /// The lowest address that mmap gives out or accepts (vm.mmap_min_addr).
    static let lowestAddress: UInt64 = 65536

    // MARK: Accounting

    /// Counts an area in (`sign` 1) or out (−1).
    mutating func account(_ area: AreaPointer, pages: UInt64, adding: Bool) {
        let count = adding ? pages : 0 &- pages
        usage.mapped &+= count
        let a = area.pointee
        if a.flags.contains(.stack) || a.flags.contains(.growsDown) {
            usage.stack &+= count
        } else if !a.isShared, a.protection.contains(.write) {
            usage.data &+= count
        } else if a.protection.contains(.execute), a.object != nil {
            usage.text &+= count
        }
        if a.flags.contains(.locked) { usage.locked &+= count }
        if a.isPromised {
            usage.promised &+= count
            Commitment.add(count)
        }
        if usage.mapped > usage.peakMapped { usage.peakMapped = usage.mapped }
    }

    @inline(__always)
    mutating func countResident(_ area: AreaPointer, _ entry: PageTableEntry) {
        if entry.has(.anonymous) {
            usage.residentAnonymous &+= 1
        } else if entry.has(.unowned) {
            return
        } else if area.pointee.isShared {
            usage.residentShared &+= 1
        } else {
            usage.residentFile &+= 1
        }
    }

    @inline(__always)
    mutating func uncountResident(_ area: AreaPointer, _ entry: PageTableEntry) {
        if entry.has(.anonymous) {
            usage.residentAnonymous &-= 1
        } else if entry.has(.unowned) {
            return
        } else if area.pointee.isShared {
            usage.residentShared &-= 1
        } else {
            usage.residentFile &-= 1
        }
    }

    // MARK: Pages of areas

    /// Empties the page-table slots of a range of one area and drops the pages.
    mutating func zap(_ area: AreaPointer, from start: UInt64, to end: UInt64) {
        var gather = FrameGather()
        unmapSlots(area, from: start, to: end, &gather).flush(root: tables.root, from: start, to: end)
        gather.finish()
    }

    /// The part of `zap` before the flush.
    mutating func unmapSlots(_ area: AreaPointer, from start: UInt64, to end: UInt64, _ gather: inout FrameGather) -> Unmapped {
        var unmapped = Unmapped.nothing
        var address = start
        while let run = tables.nextPiece(from: address, to: end) {
            if run.isLarge {
                if unmapLarge(run, &gather) {
                    unmapped.add(.large)
                    address = run.end
                }
                continue
            }
            var cleared: UInt32 = 0
            // Most tables hold a few pages: whoever has found them all need not look further.
            let live = PageTables.liveEntries(run.slots)
            var slot = run.slots
            let end = slot + run.count
            while slot < end, cleared < live {
                defer { slot += 1 }
                if slot.pointee.rawValue == 0 { continue }
                let old = PageTables.exchange(slot, .empty)
                cleared &+= 1
                uncountResident(area, old)
                if !old.has(.unowned) { gather.release(old.frame) }
            }
            if cleared > 0 {
                unmapped = .small
                PageTables.cleared(run.slots, count: cleared)
                tables.prune(run.address, into: &gather)
            }
            address = run.end
        }
        return unmapped
    }

    /// Makes the pages of a range read-only in the page tables.
    mutating func writeProtect(from start: UInt64, to end: UInt64) {
        var any = false
        var address = start
        while let run = tables.nextRun(from: address, to: end) {
            for index in 0..<run.count where run.slots[index].isWritable {
                _ = PageTables.exchange(run.slots + index, run.slots[index].removing([.writable, .dirty]))
                any = true
            }
            address = run.end
        }
        if any { TranslationCache.invalidate(root: tables.root, from: start, to: end) }
    }

    /// Calls `body` for each area that shows pages `[first, end)` of an object, with the addresses of that part.
    mutating func forEachRange(
        of object: MemoryObject, from first: UInt64, to end: UInt64,
        _ body: (inout SpaceState, AreaPointer, UInt64, UInt64) -> Void
    ) {
        let wanted = Unmanaged.passUnretained(object).toOpaque()
        var next = areas.first
        while let area = next {
            next = area.pointee.next
            guard area.pointee.object?.toOpaque() == wanted else { continue }
            let areaFirst = area.pointee.pageOffset, areaEnd = areaFirst &+ area.pointee.pageCount
            let low = max(first, areaFirst), high = min(end, areaEnd)
            if low >= high { continue }
            body(&self, area, area.pointee.start &+ (low &- areaFirst) << 12, area.pointee.start &+ (high &- areaFirst) << 12)
        }
    }

    /// Frees every area and every page.
    mutating func removeEverything(_ dropped: inout DroppedObjects) {
        var gather = FrameGather()
        var area = areas.first
        while let current = area {
            area = current.pointee.next
            _ = unmapSlots(current, from: current.pointee.start, to: current.pointee.end, &gather)
            dropped.add(current.destroy())
        }
        areas.forgetAll()
        lastFault = nil
        Commitment.add(0 &- usage.promised)
        usage = MemoryUsage()
        breakStart = 0
        breakEnd = 0
        TranslationCache.invalidateAll(root: tables.root)
        gather.finish()
    }
}
