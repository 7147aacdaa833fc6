import Processor
import Support

/// Forgetting cached translations (TLB), on every processor that may have them. The change to the tables comes first; when a function
/// here returns, nobody can reach the old pages any more and they may be freed.
public enum TranslationCache {
    /// With more pages than this it is cheaper to flush everything that is not global.
    static let wholeFlushThreshold: UInt64 = 32

    /// Makes this kernel's answer to other processors' requests known. Before the second processor starts.
    public static func start() { ProcessorRequests.perform = { perform($0) } }

    /// Forgets the user pages of `[start, end)` of the address space with this root.
    @inline(__always)
    public static func invalidate(root: PhysicalAddress, from start: UInt64, to end: UInt64) {
        everywhere(.invalidate, root, from: start, to: end) {
            if isLoadedOrForget(root) { invalidateHere(from: start, to: end) }
        }
    }

    /// Forgets one page of that address space.
    @inline(__always)
    public static func invalidate(root: PhysicalAddress, page: UInt64) {
        everywhere(.invalidate, root, from: page, to: page &+ 4096) {
            if isLoadedOrForget(root) { CPU.invalidatePage(UInt(page)) }
        }
    }

    /// Forgets the large pages of `[start, end)`, which holds no others: one instruction for each of them.
    public static func invalidateLarge(root: PhysicalAddress, from start: UInt64, to end: UInt64) {
        everywhere(.invalidateLarge, root, from: start, to: end) {
            if isLoadedOrForget(root) { invalidateLargeHere(from: start, to: end) }
        }
    }

    /// Forgets one page on this processor only, whose translation was older than the tables. Another one finds out by itself.
    @inline(__always)
    public static func invalidateStale(root: PhysicalAddress, page: UInt64) {
        if isLoaded(root) { CPU.invalidatePage(UInt(page)) }
    }

    /// Forgets every user page of that address space.
    @inline(__always)
    public static func invalidateAll(root: PhysicalAddress) {
        everywhere(.invalidateAll, root, from: 0, to: 0) {
            if isLoadedOrForget(root) { CPU.flushTLB() }
        }
    }

    /// Makes every processor leave an address space that is about to be freed: kernel threads run in whatever was loaded last.
    public static func leave(root: PhysicalAddress) {
        let flags = machineInterruptSave()
        if isLoaded(root) { CPU.loadPageTable(KernelMap.root.rawValue) }
        // Who gets the root's frame next must not find what was there.
        CPU.forgetTranslations(root.rawValue)
        if Processors.count > 1 { broadcast(.leave, root, from: 0, to: 0) }
        machineInterruptRestore(flags)
    }

    /// Forgets kernel pages, which every processor may have.
    static func invalidateKernel(from start: UInt64, to end: UInt64) {
        everywhere(.invalidate, PhysicalAddress(0), from: start, to: end) { invalidateEach(from: start, to: end) }
    }

    /// Does `here` on this processor and asks all others. Interrupts are off meanwhile: a thread that went to another processor in between
    /// would leave that one out, since it asks all but the one it is on.
    @inline(__always)
    private static func everywhere(
        _ kind: ProcessorRequest.Kind, _ root: PhysicalAddress, from start: UInt64, to end: UInt64, here: () -> Void
    ) {
        if Processors.count == 1 { return here() }
        let flags = machineInterruptSave()
        here()
        broadcast(kind, root, from: start, to: end)
        machineInterruptRestore(flags)
    }

    @inline(__always)
    private static func isLoaded(_ root: PhysicalAddress) -> Bool { CPU.pageTable & PageTableEntry.addressMask == root.rawValue }

    /// Whether it is loaded here; if not, what this processor keeps of it is dropped.
    @inline(__always)
    private static func isLoadedOrForget(_ root: PhysicalAddress) -> Bool {
        if isLoaded(root) { return true }
        CPU.forgetTranslations(root.rawValue)
        return false
    }

    @inline(__always)
    private static func invalidateHere(from start: UInt64, to end: UInt64) {
        if (end &- start) >> 12 > wholeFlushThreshold { CPU.flushTLB() } else { invalidateEach(from: start, to: end) }
    }

    private static func invalidateLargeHere(from start: UInt64, to end: UInt64) {
        let size = UInt64(LargeFrame.byteCount)
        if (end &- start) / size > wholeFlushThreshold { return CPU.flushTLB() }
        var address = start
        while address < end {
            CPU.invalidatePage(UInt(address))
            address &+= size
        }
    }

    private static func invalidateEach(from start: UInt64, to end: UInt64) {
        var address = start
        while address < end {
            CPU.invalidatePage(UInt(address))
            address &+= 4096
        }
    }

    // MARK: Other processors

    @inline(never)
    private static func broadcast(_ kind: ProcessorRequest.Kind, _ root: PhysicalAddress, from start: UInt64, to end: UInt64) {
        var request = ProcessorRequest()
        (request.kind, request.root, request.start, request.end) = (kind, root.rawValue, start, end)
        ProcessorRequests.broadcast(request)
    }

    private static func perform(_ request: ProcessorRequest) {
        if request.root == 0 {
            // Kernel pages are global: a flush by CR3 would keep them.
            if (request.end &- request.start) >> 12 > wholeFlushThreshold {
                CPU.flushTLBGlobal()
            } else {
                invalidateEach(from: request.start, to: request.end)
            }
            return
        }
        // It may have loaded other tables meanwhile, which forgot these or kept them.
        guard isLoadedOrForget(PhysicalAddress(request.root)) else { return }
        switch request.kind {
        case .invalidate: invalidateHere(from: request.start, to: request.end)
        case .invalidateLarge: invalidateLargeHere(from: request.start, to: request.end)
        case .invalidateAll: CPU.flushTLB()
        case .leave:
            CPU.loadPageTable(KernelMap.root.rawValue)
            CPU.forgetTranslations(request.root)
        }
    }
}
