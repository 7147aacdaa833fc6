import ABI
import Frames
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// What happens when a program needs a page and there is none left, not even after file caches were dropped: one process is killed, the
/// one whose end gives back most. The system goes on.
public enum OutOfMemory {
    /// What the program may do that found no memory.
    public enum Outcome {
        /// Try again: memory was freed, or will be soon.
        case retry
        /// It was chosen itself.
        case killed
        /// There is nobody to kill.
        case hopeless
    }

    /// Whether the running thread is a program's that ends.
    public static var isCurrentEnding: Bool { UserThread.currentIfUser?.mustExit.load(ordering: .acquiring) ?? false }

    /// Whether the running process is never killed for want of memory.
    public static var isCurrentEssential: Bool {
        guard let process = UserThread.currentIfUser?.process else { return false }
        return process.memoryKillAdjustment.load(ordering: .relaxed) <= -1000
    }

    /// One at a time chooses: two would kill two.
    private static let isChoosing = Atomic<Bool>(false)
    /// How long the end of a victim is waited for before another one is chosen.
    private static let patience: UInt64 = 2_000_000_000
    /// The last victim and until when it may take its time. Touched by whoever is choosing.
    nonisolated(unsafe) private static var victim: Int32 = 0
    nonisolated(unsafe) private static var victimDeadline: UInt64 = 0

    /// Kills a process if no other is on its way out already, and waits a moment. The caller holds no lock but those that may be held
    /// when user memory is touched.
    public static func relieve() -> Outcome {
        let own = UserThread.current
        if own.mustExit.load(ordering: .acquiring) { return .killed }
        // Here nothing is locked that giving back needs: pages that only have to be written first, or taken out of mappings, are no
        // reason to kill.
        if BackgroundReclaim.waitForMemory() { return .retry }
        if isChoosing.exchange(true, ordering: .acquiring) {
            BackgroundReclaim.pause()
            return .retry
        }
        let outcome = choose(own.process)
        isChoosing.store(false, ordering: .releasing)
        if case .retry = outcome { BackgroundReclaim.pause() }
        return outcome
    }

    private static func choose(_ own: Process) -> Outcome {
        let now = machineMonotonicNanoseconds()
        if victim != 0, now < victimDeadline, ProcessTable.process(victim)?.addressSpace != nil {
            return victim == own.pid ? .killed : .retry
        }
        var worst: Process?
        var (most, size): (Int, UInt64) = (0, 0)
        for process in ProcessTable.all where process.pid != 1 {
            let (score, resident) = self.score(of: process)
            if score > most { (worst, most, size) = (process, score, resident) }
        }
        guard let worst else { return .hopeless }
        victim = worst.pid
        victimDeadline = now + patience
        Log.error(
            "out of memory: process \(own.pid) found no page; killing process \(worst.pid) (\(worst.commandName.withLock { $0 })), which has \(size * 4) KiB, adjustment \(Int(worst.memoryKillAdjustment.load(ordering: .relaxed)))"
        )
        ProcessTable.send(SignalInfo(.kill), to: worst)
        return worst === own ? .killed : .retry
    }

    /// How much a process deserves to be killed, in thousandths of the memory, 0 for never; and its pages.
    ///
    /// As on Linux: its pages, and an adjustment of −1000 (never) to 1000 (first).
    public static func score(of process: Process) -> (score: Int, pages: UInt64) {
        let adjustment = Int(process.memoryKillAdjustment.load(ordering: .relaxed))
        guard adjustment > -1000, process.pid != 1, let space = process.addressSpace else { return (0, 0) }
        // The kernel's own memory counts too: a stack for each thread.
        let pages = space.usage.resident + UInt64(process.threads.count) * (KernelStack.byteCount / UInt64(pageSize))
        let total = max(FrameAllocator.totalFrames, 1)
        // At least 1: a small process may be killed too. Millionths keep small ones apart.
        return (max(1, Int(clamping: pages) * 1_000_000 / total + adjustment * 1000), pages)
    }
}
