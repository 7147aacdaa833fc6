import Frames
import Scheduling
import Support
import struct Synchronization.Atomic

/// Getting memory back when it runs short: pages of files that are clean, not mapped and not in use are dropped; they can be
/// read again.
public enum Reclaim {
    /// The trees of caches that are filled from a device, as a ring through which a hand moves. The locks are held unretained: a
    /// cache takes itself off before its tree goes.
    struct Registry: ~Copyable {
        var trees: [Unmanaged<Mutex<PageTree>>] = []
        var hand = 0
    }
    private static let registry = SpinLock(Registry())
    /// Until then nobody looks for pages directly.
    private static let emptyUntil = Atomic<UInt64>(0)

    static func register(_ tree: Mutex<PageTree>) { registry.withLock { $0.trees.append(Unmanaged.passUnretained(tree)) } }

    static func unregister(_ tree: Mutex<PageTree>) {
        registry.withLock { registry in
            guard let index = registry.trees.firstIndex(where: { $0.toOpaque() == Unmanaged.passUnretained(tree).toOpaque() })
            else { return }
            registry.trees.swapAt(index, registry.trees.count - 1)
            registry.trees.removeLast()
        }
    }

    /// Calls `body` with the tree of every cache that is filled from a device. Those that come or go meanwhile may be missed.
    static func forEachTree(_ body: (Mutex<PageTree>) -> Void) {
        var index = 0
        while true {
            let tree: Mutex<PageTree>? = registry.withLock { registry in
                index < registry.trees.count ? registry.trees[index].takeUnretainedValue() : nil
            }
            guard let tree else { return }
            body(tree)
            index += 1
        }
    }

    /// Who looks for pages, for the counts in /proc/vmstat.
    enum Seeker { case background, direct }

    /// Tries to free frames, with a look at `budget` pages at most. `direct` may be asked for with any number of caches locked: those are passed over.
    /// - Returns: the number of frames freed.
    /// - Complexity: O(pages of the caches that are looked at), each cache at most once.
    @inline(never)
    @discardableResult
    static func reclaim(frames wanted: Int, for seeker: Seeker, budget: Int = .max) -> Int {
        var eviction = PageTree.Eviction(wanted: wanted, budget: budget)
        var left = registry.withLock { $0.trees.count }
        while !eviction.isOver, left > 0 {
            left -= 1
            let tree: Mutex<PageTree>? = registry.withLock { registry in
                if registry.trees.isEmpty { return nil }
                registry.hand = (registry.hand + 1) % registry.trees.count
                return registry.trees[registry.hand].takeUnretainedValue()
            }
            guard let tree else { break }
            switch seeker {
            // The owner of a lock may be reading from the disk, and that is just the file whose pages there are too many of.
            case .background: tree.withLock { $0.evict(&eviction) }
            case .direct: _ = tree.withLockIfFree { $0.evict(&eviction) }
            }
        }
        MemoryCounters.count(eviction, seeker)
        return eviction.freed
    }

    /// Pages of all files in memory, and those of them that are changed.
    public static var cachedPages: Int { PageTree.allPages }
    public static var dirtyPages: Int { PageTree.allDirty }

    /// Takes a frame for a program or a file. When memory is short, some is reclaimed first; the last part of it stays for the
    /// kernel, which cannot do without. For callers that may sleep.
    @inline(__always)
    static func allocate(zeroed: Bool = false) -> PhysicalAddress? {
        if FrameAllocator.isLow, !hasRoom() { return nil }
        if let frame = FrameAllocator.allocate(zeroed: zeroed) { return frame }
        return makeRoom() ? FrameAllocator.allocate(zeroed: zeroed) : nil
    }

    /// Whether programs may have more memory: page tables, threads, processes. Gives some back first where that is needed. For callers
    /// that may sleep.
    @inline(__always)
    public static var isOpen: Bool { !FrameAllocator.isLow || hasRoom() }

    /// Memory is low: sees to it that some is given back.
    @inline(never)
    static func hasRoom() -> Bool {
        BackgroundReclaim.request()
        return !FrameAllocator.isCritical || makeRoom()
    }

    /// Reclaims until the kernel's reserve is whole again.
    /// - Returns: whether it is.
    @inline(never)
    static func makeRoom() -> Bool {
        FrameAllocator.updatePressure()
        // Whoever gives memory back may need some for it.
        if !FrameAllocator.isCritical || BackgroundReclaim.isCurrent || BackgroundReclaim.mayUseReserve { return true }
        MemoryCounters.stalls.wrappingAdd(1, ordering: .relaxed)
        // Where the last one found nothing, the next need not look at once.
        let now = machineMonotonicNanoseconds()
        if now >= emptyUntil.load(ordering: .relaxed), reclaim(frames: 512, for: .direct) == 0 {
            emptyUntil.store(now + 10_000_000, ordering: .relaxed)
        }
        FrameAllocator.updatePressure()
        if !FrameAllocator.isCritical { return true }
        // Changed pages have to be written first. The caller may hold a lock that is needed for that: it does not wait long.
        if dirtyPages > 0 { BackgroundReclaim.wait(nanoseconds: 100_000_000) { !FrameAllocator.isCritical } }
        return !FrameAllocator.isCritical
    }

    /// Called when memory is low, before a page is changed that has to be written back, with nothing locked that writing back needs: whoever changes pages
    /// faster than they are written waits, before all of memory is such pages.
    @inline(never)
    static func slowWriter() {
        if dirtyPages > FrameAllocator.totalFrames / 8 {
            BackgroundReclaim.wait(nanoseconds: 2_000_000_000) { !FrameAllocator.isLow }
        }
    }

    /// Called when memory is low, before pages are added to a cache whose lock is held: what it has too many of are often its own, which
    /// nobody else can drop meanwhile. This is done for each page that is added, so it looks at a few only,
    /// unless there is no other way.
    @inline(never)
    static func makeRoom(in tree: inout PageTree) {
        BackgroundReclaim.request()
        var eviction = PageTree.Eviction(wanted: 32, budget: 128)
        tree.evict(&eviction)
        if FrameAllocator.isCritical {
            eviction.wanted += 128
            eviction.budget = 4096
            tree.evict(&eviction)
            FrameAllocator.updatePressure()
        }
        MemoryCounters.count(eviction, .direct)
    }
}
