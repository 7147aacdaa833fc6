import Frames
import Processor
import Scheduling
import Support
import struct Synchronization.Atomic

/// Assembling large blocks of free memory: the pages that lie scattered in a block are moved elsewhere.
///
/// What can be moved is what only page tables or the trees of file caches refer to: private pages that one address space has, leaf page
/// tables, and pages of files that nobody uses at the moment. Everything else stays, and with it its block. The work is done by the thread
/// that gives memory back: when a program could not get a large page though much is free, and for those who need a large buffer.
public enum Compaction {
    /// Blocks are wanted, of this order; 0: none.
    private static let wantedOrder = Atomic<Int>(0)
    /// The blocks must lie below this frame.
    private static let wantedLimit = Atomic<UInt64>(.max)
    /// Requests of page faults are not heard until then.
    private static let restUntil = Atomic<UInt64>(0)
    private static let failures = Atomic<UInt64>(0)
    /// Somebody waits, who may hold locks: what is locked is passed over.
    private static let isAwaited = Atomic<Bool>(false)
    /// Not a few blocks are wanted but all that can be had.
    private static let wantsAll = Atomic<Bool>(false)
    /// Pages are moved even out of blocks that cannot be emptied.
    private static let movesForNothing = Atomic<Bool>(false)
    private static let results = Atomic<UInt64>(0)

    /// Makes it known to those who need large buffers.
    static func start() { LargeFrame.assemble = { order, limit in assemble(order: order, below: limit) } }

    static var isWanted: Bool { wantedOrder.load(ordering: .relaxed) != 0 }

    /// Called when there was no block for a large page. Returns at once.
    @inline(never)
    static func request() {
        // Where little is free at all, moving it together helps nobody.
        guard FrameAllocator.missingFrames == 0, FrameAllocator.freeFrames > Watermarks.total.high + 2 * LargeFrame.frameCount,
            !isWanted, machineMonotonicNanoseconds() >= restUntil.load(ordering: .relaxed)
        else {
            return
        }
        wantedLimit.store(.max, ordering: .relaxed)
        wantedOrder.store(LargeFrame.order, ordering: .releasing)
        BackgroundReclaim.wake()
    }

    /// Has a block assembled and waits for it, 2 s at most. For callers that may sleep; they may hold locks, whose memory is passed over.
    /// - Returns: whether it is worth trying again.
    private static func assemble(order: Int, below limit: UInt64, holdsLocks: Bool = true) -> Bool {
        guard BackgroundReclaim.mayWait, !Preemption.isDisabled, !FrameAllocator.isLow else { return false }
        MemoryCounters.compactionStalls.wrappingAdd(1, ordering: .relaxed)
        let before = results.load(ordering: .acquiring)
        wantedLimit.store(limit, ordering: .relaxed)
        if holdsLocks { isAwaited.store(true, ordering: .relaxed) }
        wantedOrder.store(max(order, LargeFrame.order), ordering: .releasing)
        BackgroundReclaim.wait(nanoseconds: 2_000_000_000) { !isWanted }
        return results.load(ordering: .acquiring) != before
    }

    /// Assembles what can be assembled (/proc/sys/vm/compact_memory).
    /// - Parameter movesForNothing: for tests: pages move whether or not a block can come of it.
    public static func assembleAll(movesForNothing: Bool = false) {
        Self.movesForNothing.store(movesForNothing, ordering: .relaxed)
        wantsAll.store(true, ordering: .relaxed)
        _ = assemble(order: LargeFrame.order, below: .max, holdsLocks: false)
    }

    // MARK: The work

    /// Serves a request. Runs in the thread that gives memory back.
    static func run(_ sources: ReclaimSources) {
        let order = wantedOrder.load(ordering: .acquiring)
        if order == 0 { return }
        MemoryCounters.compactionRuns.wrappingAdd(1, ordering: .relaxed)
        let limit = wantedLimit.load(ordering: .relaxed)
        let most = wantsAll.exchange(false, ordering: .relaxed) ? 1000 : 1
        var count = 0
        for _ in 0..<most {
            let assembled = compact(order: order, below: limit, sources, waits: !isAwaited.load(ordering: .relaxed))
            if assembled == 0 { break }
            count += assembled
        }
        if count > 0 {
            results.wrappingAdd(1, ordering: .releasing)
            failures.store(0, ordering: .relaxed)
        } else {
            // Whoever asks because of page faults asks often: the longer nothing comes of it, the seldomer it is tried.
            failures.store(min(failures.load(ordering: .relaxed) * 2 + 1, 60), ordering: .relaxed)
        }
        restUntil.store(
            machineMonotonicNanoseconds() + 100_000_000 + failures.load(ordering: .relaxed) * 1_000_000_000, ordering: .relaxed)
        isAwaited.store(false, ordering: .relaxed)
        wantedOrder.store(0, ordering: .releasing)
    }

    /// Assembles blocks of 2^order frames.
    /// - Parameter waits: for locks; otherwise what is locked is passed over.
    /// - Returns: how many.
    static func compact(order: Int, below limit: UInt64, _ sources: ReclaimSources, waits: Bool = true) -> Int {
        guard order >= LargeFrame.order, !FrameAllocator.isLow else { return 0 }
        drainLists()
        var survey = BlockSurvey()
        sources.forEachAddressSpace { $0.countMovable(&survey, waits: waits) }
        forEachTree(waits: waits) { $0.countMovable(&survey) }
        let set = CaptureSet()
        // A few at a time: to find the pages in a block, all page tables are looked through.
        let most = order == LargeFrame.order ? CaptureSet.most : 2
        let anyBlock = movesForNothing.exchange(false, ordering: .relaxed)
        while set.captures.count < most, let first = survey.takeBest(order: order, below: limit, evenIfIncomplete: anyBlock) {
            set.add(BlockCapture(first: first, order: order))
        }
        if set.captures.isEmpty { return 0 }
        set.holdFree()
        sources.forEachAddressSpace { $0.migrate(set, waits: waits) }
        forEachTree(waits: waits) { $0.migrate(set) }
        // What was freed meanwhile is in the lists of the processors.
        drainLists()
        set.holdFree()
        var assembled = 0
        for capture in set.captures {
            if capture.complete() { assembled += 1 } else { MemoryCounters.compactionFailures.wrappingAdd(1, ordering: .relaxed) }
        }
        MemoryCounters.compactionSuccesses.wrappingAdd(assembled, ordering: .relaxed)
        return assembled
    }

    private static func forEachTree(waits: Bool, _ body: (inout PageTree) -> Void) {
        Reclaim.forEachTree { tree in
            if waits { tree.withLock { body(&$0) } } else { _ = tree.withLockIfFree { body(&$0) } }
        }
    }

    /// Gives the free frames in the lists of all processors back to their zones. Only a processor itself reaches its lists.
    private static func drainLists() {
        guard BackgroundReclaim.isCurrent else { return FrameAllocator.drainList() }
        ProcessorCalls.onAll { FrameAllocator.drainList() }
    }
}
