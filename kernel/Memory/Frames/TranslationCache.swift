import Processor
import Support

/// Forgetting cached translations (TLB). The one place that knows which processors have to be told: with several processors,
/// the ones on which the address space is loaded get an interrupt from here.
public enum TranslationCache {
    /// With more pages than this it is cheaper to flush everything that is not global.
    static let wholeFlushThreshold: UInt64 = 32

    /// Forgets the user pages of `[start, end)` of the address space with this root.
    @inline(__always)
    public static func invalidate(root: PhysicalAddress, from start: UInt64, to end: UInt64) {
        guard CPU.pageTable & PageTableEntry.addressMask == root.rawValue else { return }
        if (end &- start) >> 12 > wholeFlushThreshold {
            CPU.flushTLB()
            return
        }
        var address = start
        while address < end {
            CPU.invalidatePage(UInt(address))
            address &+= 4096
        }
    }

    /// Forgets one page of that address space.
    @inline(__always)
    public static func invalidate(root: PhysicalAddress, page: UInt64) {
        guard CPU.pageTable & PageTableEntry.addressMask == root.rawValue else { return }
        CPU.invalidatePage(UInt(page))
    }

    /// Forgets every user page of that address space.
    @inline(__always)
    public static func invalidateAll(root: PhysicalAddress) {
        guard CPU.pageTable & PageTableEntry.addressMask == root.rawValue else { return }
        CPU.flushTLB()
    }

    /// Forgets kernel pages, which are global.
    static func invalidateKernel(from start: UInt64, to end: UInt64) {
        var address = start
        while address < end {
            CPU.invalidatePage(UInt(address))
            address &+= 4096
        }
    }
}

extension TranslationCache {
    /// Loads the kernel's own tables if an address space that is about to be freed is loaded.
    public static func leave(root: PhysicalAddress) {
        guard CPU.pageTable & PageTableEntry.addressMask == root.rawValue else { return }
        CPU.loadPageTable(KernelMap.root.rawValue)
    }
}
