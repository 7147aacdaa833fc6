import ABI
import Frames
import Scheduling
import Support
import Synchronization

/// What the thread that gives memory back needs from the upper layers.
open class ReclaimSources {
    public init() {}
    /// Writes the changed pages of all files to where they are kept.
    open func writeBack() {}
    /// Whether the running program is on its way out: it needs little memory, and gives back much.
    open var isEnding: Bool { false }
    /// Whether the running program is one that is never killed for want of memory.
    open var isEssential: Bool { false }
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
    /// Runs in a row that came to nothing.
    private static let fruitless = Atomic<Int>(0)
    /// Threads that sleep until there is memory.
    private static let waiting = Atomic<Int>(0)
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
        Compaction.start()
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

    /// Wakes the thread, for which there is other work.
    static func wake() { requests.wake() }

    /// Whether the caller may wait for the thread.
    static var mayWait: Bool { thread != nil && !isCurrent }

    /// Has memory given back and waits for a result, but no longer than one whole run. The longer the caller may wait, the fewer locks it
    /// may hold.
    static func wait(nanoseconds: UInt64, until isEnough: () -> Bool) {
        guard let thread, thread !== currentThread else { return }
        let deadline = machineMonotonicNanoseconds() + nanoseconds
        let before = runs.load(ordering: .acquiring)
        restUntil.store(0, ordering: .relaxed)
        request()
        waiting.wrappingAdd(1, ordering: .relaxed)
        while runs.load(ordering: .acquiring) == before, !isEnough(), !sources.isEnding, machineMonotonicNanoseconds() < deadline
        {
            // Pages come back one by one meanwhile, and nobody is woken for each.
            let soon = min(machineMonotonicNanoseconds() + pollNanoseconds, deadline)
            sleep(deadline: soon) { runs.load(ordering: .acquiring) != before }
            FrameAllocator.updatePressure()
        }
        waiting.wrappingSubtract(1, ordering: .relaxed)
    }

    /// How long to sleep before one looks again whether there is memory: the longer, the more others do so. A thousand that look a hundred
    /// times a second would leave no time for what they wait for.
    private static var pollNanoseconds: UInt64 { 10_000_000 * UInt64(1 + max(0, waiting.load(ordering: .relaxed)) / 8) }

    /// Sleeps a moment, for others to give memory back.
    public static func pause() {
        waiting.wrappingAdd(1, ordering: .relaxed)
        sleep(deadline: machineMonotonicNanoseconds() + pollNanoseconds) { false }
        waiting.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Sleeps among those who wait for memory. Who is killed goes on at once: others wait for just that. Other signals have time.
    private static func sleep(deadline: UInt64, until condition: () -> Bool) {
        do throws(Errno) {
            try completions.wait(deadline: deadline, until: condition)
        } catch {
            if machineMonotonicNanoseconds() >= deadline || sources.isEnding { return }
            _ = completions.waitUninterruptibly(deadline: deadline, until: condition)
        }
    }

    /// Whether the running program may use the first half of the kernel's reserve: those who end give back more than they take, and those
    /// who are never killed are there to help.
    static var mayUseReserve: Bool { FrameAllocator.hasHalfOfReserve && (sources.isEnding || sources.isEssential) }

    /// Waits, with nothing locked, for memory that a call needs.
    /// - Returns: whether to try again.
    static func waitOutside(_ attempts: inout Int) -> Bool {
        attempts += 1
        if attempts > 8 || sources.isEnding { return false }
        wait(nanoseconds: 500_000_000) { !FrameAllocator.isCritical }
        return true
    }

    /// Waits for memory before somebody is killed for it: as long as something comes of it, but not for ever. The caller holds no lock that
    /// giving memory back needs.
    /// - Returns: whether to try again.
    public static func waitForMemory() -> Bool {
        FrameAllocator.updatePressure()
        for _ in 0..<20 {
            if !FrameAllocator.isCritical || mayUseReserve || sources.isEnding { return true }
            // The last runs found nothing, and there is nothing to be written: another would not find more. One alone says little: it
            // passes over the memory of whoever was interrupted while he changed it.
            let isHopeless = fruitless.load(ordering: .relaxed) >= 3
            if isHopeless, Reclaim.dirtyPages < 64, machineMonotonicNanoseconds() < restUntil.load(ordering: .relaxed) {
                return false
            }
            wait(nanoseconds: 1_000_000_000) { !FrameAllocator.isCritical }
            if FrameAllocator.isCritical, fruitless.load(ordering: .relaxed) >= 3 { return sources.isEnding }
        }
        return !FrameAllocator.isCritical
    }

    /// Changes whenever a page was written or dropped.
    private static var progress: Int { MemoryCounters.backgroundFreed.load(ordering: .relaxed) &- Reclaim.dirtyPages }

    private static func run() -> Never {
        while true {
            requests.waitUninterruptibly { isWanted.load(ordering: .acquiring) || Compaction.isWanted }
            Compaction.run(sources)
            MemoryCounters.wakes.wrappingAdd(1, ordering: .relaxed)
            let before = progress
            let isDone = balance()
            if isDone || progress != before {
                fruitless.store(0, ordering: .relaxed)
            } else {
                fruitless.wrappingAdd(1, ordering: .relaxed)
            }
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
            let missing = FrameAllocator.missingFrames
            let freed = Reclaim.reclaim(frames: missing, for: .background, budget: rounds == 0 ? missing * 8 : .max)
            // When few are found, most are mapped or changed: looking at them again does not help.
            if freed * 4 >= missing { continue }
            if rounds < 3 {
                rounds += 1
                if unmapUnused() > 0 { continue }
                if rounds < 2 { continue }
            }
            if freed == 0, written || Reclaim.dirtyPages == 0 { return false }
            if Reclaim.dirtyPages == 0 { continue }
            written = true
            rounds = 0
            MemoryCounters.writeBacks.wrappingAdd(1, ordering: .relaxed)
            sources.writeBack()
        }
        return true
    }

    /// Takes pages of files that were not used since the last look out of mappings: several times what is missing at most.
    private static func unmapUnused() -> Int {
        var left = FrameAllocator.missingFrames * 8
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
