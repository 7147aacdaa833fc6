import Processor
import Support

/// The kernel heap: what Swift's `posix_memalign` and `free` end in.
///
/// Requests up to 2 KiB come from slabs of one size class; each processor keeps free objects of each class, so the usual
/// allocation and release are a few instructions with interrupts off and no lock. Larger requests are runs of whole
/// frames. Until `Frames.start` memory comes from a small static arena, and such memory is never given back.
public enum Heap {
    /// Sizes of the objects, ascending; all are multiples of 16.
    static let classSizes: InlineArray<23, UInt16> = [
        16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048,
    ]
    static let classCount = 23
    static let largestClassSize = 2048

    /// The free objects of one class on one processor: a list through the objects' first words.
    struct Magazine {
        var head: UnsafeMutableRawPointer?
        var count: Int
    }

    /// A class that all processors share.
    struct SlabClass {
        var objectSize: UInt32
        var objectsInSlab: UInt16
        /// A slab is 2^order frames.
        var order: UInt8
        /// Objects moved between a magazine and the slabs at once.
        var batch: UInt8
        /// Slabs with at least one free object, as frame numbers.
        var partial: UInt32
        /// Slabs with no object in use that are kept.
        var emptyCount: UInt32
        /// All slabs of the class.
        var slabCount = 0
        /// Objects that are not in a slab: in use, or in a processor's magazine.
        var takenCount = 0
    }

    /// What the objects of one size amount to, for /proc/slabinfo.
    public struct Usage {
        /// Bytes of an object.
        public let objectSize: Int
        public let activeCount: Int, totalCount: Int
        public let objectsInSlab: Int, framesInSlab: Int, slabCount: Int
    }

    /// The sizes in use, ascending. The counts are those of a moment: other processors go on meanwhile.
    public static var usage: [Usage] {
        (0..<classCount).map { index in
            var kept = 0
            for processor in 0..<FrameAllocator.maximumProcessors { kept += magazines[processor * magazineStride + index].count }
            return classes[index].withLock { state in
                Usage(
                    objectSize: Int(state.objectSize), activeCount: max(0, state.takenCount - kept),
                    totalCount: state.slabCount * Int(state.objectsInSlab), objectsInSlab: Int(state.objectsInSlab),
                    framesInSlab: 1 << Int(state.order), slabCount: state.slabCount)
            }
        }
    }

    // Written once at boot.
    nonisolated(unsafe) static var isStarted = false
    nonisolated(unsafe) static var magazines = UnsafeMutablePointer<Magazine>(bitPattern: 16)!
    nonisolated(unsafe) static var classes = UnsafeMutablePointer<SpinLock<SlabClass>>(bitPattern: 16)!
    /// The class of a size, indexed by (size + 15) / 16.
    nonisolated(unsafe) static var classOfSize = UnsafeMutablePointer<UInt8>(bitPattern: 16)!

    /// Magazines of a processor, padded to a power of two for a cheap index.
    static let magazineStride = 32

    /// Takes memory for `byteCount` bytes.
    /// - Parameter alignment: a power of two.
    /// - Returns: nil when memory is exhausted.
    @inline(__always)
    public static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        if isStarted, alignment <= 16, UInt(bitPattern: byteCount) <= UInt(largestClassSize - slack) {
            return allocateObject(Int(classOfSize[(byteCount + slack + 15) >> 4]), byteCount)
        }
        return allocateUnusual(byteCount: byteCount, alignment: alignment)
    }

    /// Gives memory back. `nil` is permitted, as for C's `free`.
    @inline(__always)
    public static func free(_ pointer: UnsafeMutableRawPointer?) {
        guard let pointer else { return }
        let offset = UInt(bitPattern: pointer) &- directMapBase
        // Memory outside the direct map came from the early arena.
        guard offset >> 12 < UInt(FrameTable.count) else { return }
        let info = FrameTable[UInt32(truncatingIfNeeded: offset >> 12)]
        switch info.pointee.kind {
        case .slab, .slabTail:
            freeObject(pointer, class: Int(info.pointee.sizeClass))
        case .large:
            freeLarge(pointer, info)
        default:
            panic("memory that is not the heap's was freed")
        }
    }

    @inline(__always)
    private static func allocateObject(_ sizeClass: Int, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        let flags = machineInterruptSave()
        let magazine = magazines + (Int(PerCPU.current.pointee.index) * magazineStride + sizeClass)
        if magazine.pointee.head == nil { refill(magazine, sizeClass) }
        guard let object = magazine.pointee.head else {
            machineInterruptRestore(flags)
            return nil
        }
        // SAFETY: free objects hold the link to the next one in their first word.
        magazine.pointee.head = object.load(as: UnsafeMutableRawPointer?.self)
        magazine.pointee.count &-= 1
        machineInterruptRestore(flags)
        #if HEAPCHECK
            checkTaken(object, sizeClass, byteCount: byteCount)
        #endif
        return object
    }

    @inline(__always)
    private static func freeObject(_ object: UnsafeMutableRawPointer, class sizeClass: Int) {
        #if HEAPCHECK
            checkGiven(object, sizeClass)
        #endif
        let flags = machineInterruptSave()
        let magazine = magazines + (Int(PerCPU.current.pointee.index) * magazineStride + sizeClass)
        // SAFETY: the object is the heap's again, at least 16 bytes long and 16-byte aligned.
        object.storeBytes(of: magazine.pointee.head, as: UnsafeMutableRawPointer?.self)
        magazine.pointee.head = object
        magazine.pointee.count &+= 1
        if magazine.pointee.count > magazineLimit(sizeClass) { flush(magazine, sizeClass) }
        machineInterruptRestore(flags)
    }

    /// Small objects are kept in greater numbers than large ones.
    @inline(__always)
    private static func magazineLimit(_ sizeClass: Int) -> Int { sizeClass < 12 ? 64 : 16 }

    /// Early, large or strictly aligned requests.
    @inline(never)
    private static func allocateUnusual(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        guard byteCount >= 0, alignment > 0, alignment & (alignment - 1) == 0 else { return nil }
        guard isStarted else { return EarlyArena.allocate(byteCount: byteCount, alignment: max(alignment, 16)) }
        if alignment > 16, max(byteCount + slack, alignment) <= largestClassSize {
            // Slabs are page aligned, so objects of a power-of-two size are aligned to their size.
            let size = 1 << (Int.bitWidth - (max(byteCount + slack, alignment) - 1).leadingZeroBitCount)
            return allocateObject(Int(classOfSize[(size + 15) >> 4]), byteCount)
        }
        return allocateLarge(byteCount: byteCount, alignment: alignment)
    }
}

/// The memory of the time before the frame allocator runs: a static block of the kernel image, handed out once.
enum EarlyArena {
    /// Where the block lies and how long it is.
    @_extern(c, "martlet_early_arena")
    private static func machineEarlyArena() -> UnsafeMutableRawPointer
    @_extern(c, "martlet_early_arena_size")
    private static func machineEarlyArenaSize() -> Int

    // Only one processor runs this early.
    nonisolated(unsafe) private static var used = 0

    static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        guard alignment <= 4096 else { return nil }
        let start = (used + alignment - 1) & ~(alignment - 1)
        guard byteCount <= machineEarlyArenaSize() - start else { return nil }
        used = start + max(byteCount, 16)
        return machineEarlyArena() + start
    }
}
