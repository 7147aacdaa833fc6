import Frames
import Scheduling
import Support

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

    static func register(_ tree: Mutex<PageTree>) { registry.withLock { $0.trees.append(Unmanaged.passUnretained(tree)) } }

    static func unregister(_ tree: Mutex<PageTree>) {
        registry.withLock { registry in
            guard let index = registry.trees.firstIndex(where: { $0.toOpaque() == Unmanaged.passUnretained(tree).toOpaque() })
            else { return }
            registry.trees.swapAt(index, registry.trees.count - 1)
            registry.trees.removeLast()
        }
    }

    /// Tries to free frames. It may be called with any number of caches locked: those are passed over.
    /// - Returns: the number of frames freed.
    /// - Complexity: O(pages of the caches that are looked at), each cache at most once.
    @inline(never)
    @discardableResult
    public static func reclaim(frames wanted: Int) -> Int {
        var freed = 0
        var looked = registry.withLock { $0.trees.count }
        while freed < wanted, looked > 0 {
            looked -= 1
            let tree: Mutex<PageTree>? = registry.withLock { registry in
                if registry.trees.isEmpty { return nil }
                registry.hand = (registry.hand + 1) % registry.trees.count
                return registry.trees[registry.hand].takeUnretainedValue()
            }
            guard let tree else { break }
            freed += tree.withLockIfFree { $0.evict(wanted - freed) } ?? 0
        }
        return freed
    }

    /// Pages of all files in memory.
    public static var cachedPages: Int { PageTree.allPages }

    /// Takes a frame for a program or a file. When memory is short, some is reclaimed first; the last part of it stays for the
    /// kernel, which cannot do without. For callers that may sleep.
    @inline(__always)
    static func allocate(zeroed: Bool = false) -> PhysicalAddress? {
        if FrameAllocator.isCritical, !makeRoom() { return nil }
        if let frame = FrameAllocator.allocate(zeroed: zeroed) { return frame }
        return makeRoom() ? FrameAllocator.allocate(zeroed: zeroed) : nil
    }

    /// Reclaims until the kernel's reserve is whole again.
    /// - Returns: whether it is.
    @inline(never)
    static func makeRoom() -> Bool {
        FrameAllocator.updatePressure()
        if !FrameAllocator.isCritical { return true }
        reclaim(frames: 512)
        FrameAllocator.updatePressure()
        return !FrameAllocator.isCritical
    }

    /// Called before pages are added to a cache: keeps files from eating the last memory.
    @inline(__always)
    static func makeRoomIfLow() { if FrameAllocator.isLow { reclaim(frames: 128) } }
}
