import Frames
import Scheduling
import Support
import Synchronization

/// What the thread that gives memory back needs from the upper layers.
open class ReclaimSources {
    public init() {}
    /// Writes the changed pages of all files to where they are kept.
    open func writeBack() {}
    /// Calls `body` with every address space.
    open func forEachAddressSpace(_ body: (AddressSpace) -> Void) {}
}

/// The thread that gives memory back when it runs low, before anybody has to wait for that.
///
/// It is woken below the low watermark and works until the high one is reached: it drops clean pages of files, then takes those that were
/// not used of late out of mappings, then has changed pages written. When that was not enough, because the memory is programs' own,
/// it rests a while.
public enum BackgroundReclaim {
    private static let isWanted = Atomic<Bool>(false)
    /// Requests are not heard until then: the last run found too little.
    private static let restUntil = Atomic<UInt64>(0)
    /// Completed runs.
    private static let runs = Atomic<UInt64>(0)
    private static let restNanoseconds: UInt64 = 200_000_000
    // Queues have locks of their own.
    nonisolated(unsafe) private static let requests = WaitQueue()
    nonisolated(unsafe) private static let completions = WaitQueue()
    // Written before the thread runs.
    nonisolated(unsafe) private static var sources = ReclaimSources()
    nonisolated(unsafe) private static var thread: Thread?

    /// Starts the thread. Called once at boot.
    public static func start(threadID: Int32, sources: ReclaimSources) {
        self.sources = sources
        guard let thread = Thread(id: threadID, name: "reclaim", entry: { _ in BackgroundReclaim.run() }) else {
            Log.error("no memory for the thread that gives memory back")
            return
        }
        self.thread = thread
        Scheduler.launch(thread)
    }

    /// Whether the running thread is the one that reclaims.
    static var isCurrent: Bool { thread != nil && thread === currentThread }

    /// Has memory given back. For callers that may sleep; returns at once.
    static func request() {
        if isWanted.load(ordering: .relaxed) || machineMonotonicNanoseconds() < restUntil.load(ordering: .relaxed) { return }
        if isWanted.exchange(true, ordering: .sequentiallyConsistent) { return }
        requests.wake()
    }

    /// Has memory given back and waits for a result, but no longer than one whole run. The longer the caller may wait, the fewer locks it
    /// may hold.
    static func wait(nanoseconds: UInt64, until isEnough: () -> Bool) {
        guard let thread, thread !== currentThread else { return }
        let deadline = machineMonotonicNanoseconds() + nanoseconds
        let before = runs.load(ordering: .acquiring)
        restUntil.store(0, ordering: .relaxed)
        request()
        while runs.load(ordering: .acquiring) == before, !isEnough(), machineMonotonicNanoseconds() < deadline {
            // Pages come back one by one meanwhile, and nobody is woken for each.
            let soon = machineMonotonicNanoseconds() + 10_000_000
            _ = completions.waitUninterruptibly(deadline: soon) { runs.load(ordering: .acquiring) != before }
            FrameAllocator.updatePressure()
        }
    }

    /// Waits for memory before somebody is killed for it: as long as something comes of it, but not for ever. The caller holds no lock that
    /// giving memory back needs.
    /// - Returns: whether programs may have memory again.
    public static func waitForMemory() -> Bool {
        FrameAllocator.updatePressure()
        for _ in 0..<20 {
            if !FrameAllocator.isCritical { return true }
            let before = progress
            wait(nanoseconds: 1_000_000_000) { !FrameAllocator.isCritical }
            if FrameAllocator.isCritical, progress == before { return false }
        }
        return !FrameAllocator.isCritical
    }

    /// Changes whenever a page was written or dropped.
    private static var progress: Int { MemoryCounters.backgroundFreed.load(ordering: .relaxed) &- Reclaim.dirtyPages }

    private static func run() -> Never {
        while true {
            requests.waitUninterruptibly { isWanted.load(ordering: .acquiring) }
            MemoryCounters.wakes.wrappingAdd(1, ordering: .relaxed)
            let isDone = balance()
            if !isDone { restUntil.store(machineMonotonicNanoseconds() + restNanoseconds, ordering: .relaxed) }
            FrameAllocator.updatePressure()
            isWanted.store(false, ordering: .sequentiallyConsistent)
            runs.wrappingAdd(1, ordering: .releasing)
            completions.wake()
        }
    }

    /// Works until the high watermark is reached.
    /// - Returns: whether it is.
    private static func balance() -> Bool {
        var written = false
        // A page that was used is passed over once: after two rounds nothing is left that could be taken out of mappings.
        var rounds = 0
        while FrameAllocator.missingFrames > 0 {
            if Reclaim.reclaim(frames: FrameAllocator.missingFrames, for: .background) > 0 { continue }
            if rounds < 3 {
                rounds += 1
                if unmapUnused() > 0 { continue }
                if rounds < 2 { continue }
            }
            if written || Reclaim.dirtyPages == 0 { return false }
            written = true
            rounds = 0
            MemoryCounters.writeBacks.wrappingAdd(1, ordering: .relaxed)
            sources.writeBack()
        }
        return true
    }

    /// Takes pages of files that were not used since the last look out of mappings: several times what is missing at most.
    private static func unmapUnused() -> Int {
        var left = FrameAllocator.missingFrames * 4
        var count = 0
        sources.forEachAddressSpace { space in
            if left <= 0 { return }
            let unmapped = space.unmapUnusedFilePages(atMost: left)
            left -= unmapped
            count += unmapped
        }
        return count
    }
}
