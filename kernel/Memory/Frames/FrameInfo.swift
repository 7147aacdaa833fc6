import Support
import Synchronization

/// What a frame is used for.
enum FrameKind: UInt8 {
    /// Not RAM, or not ours: firmware, kernel image, metadata.
    case reserved = 0
    /// First frame of a free block of `order`.
    case free
    /// A later frame of a block, free or allocated.
    case tail
    /// First frame of an allocated block, or a single allocated frame.
    case allocated
    /// In the free list of a processor.
    case cached
    /// First frame of a slab of `sizeClass`.
    case slab
    /// A later frame of a slab; `next` is the first one.
    case slabTail
    /// First frame of a large heap allocation; `word` is its number of frames.
    case large
}

/// What an allocated frame is as a page table.
enum TableKind: UInt8 {
    case none = 0
    /// A table below the top: when it is freed it is empty.
    case lower
    /// A top-level table: when it is freed it has the kernel's half and no user half.
    case root
}

/// What the kernel knows about one frame: 16 bytes, so that a gibibyte of memory costs 4 MiB.
struct FrameInfo {
    /// Allocated frames: the reference count, changed atomically. Slabs: index of the first free object (low half) and
    /// number of objects in use (high half). Large allocations: number of frames.
    var word: UInt32
    var kind: FrameKind
    var order: UInt8
    var sizeClass: UInt8
    /// Allocated frames: whether it is a page table that is worth keeping when it is freed.
    var table: TableKind
    /// Links of the list the frame is on: frame numbers, `FrameInfo.none` at the ends. Page tables keep their number of live
    /// entries in `previous`.
    var next: UInt32
    var previous: UInt32

    static var none: UInt32 { .max }
}

/// The array of `FrameInfo`, indexed by frame number.
enum FrameTable {
    // Written once by `Frames.start`, before anything runs concurrently.
    nonisolated(unsafe) static var base = UnsafeMutablePointer<FrameInfo>(bitPattern: 16)!
    /// Frames that the table describes.
    nonisolated(unsafe) static var count: UInt64 = 0

    @inline(__always)
    static subscript(_ frame: UInt32) -> UnsafeMutablePointer<FrameInfo> { base + Int(frame) }

    @inline(__always)
    static func info(_ address: PhysicalAddress) -> UnsafeMutablePointer<FrameInfo> { base + Int(address.frameNumber) }

    /// The reference count of an allocated frame.
    @inline(__always)
    static func references(_ address: PhysicalAddress) -> UnsafeMutablePointer<Atomic<UInt32>> {
        // SAFETY: `word` is the first field, four bytes, and every access to it as a count goes through here.
        UnsafeMutableRawPointer(info(address)).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Whether the address is RAM that the allocator has handed out.
    @inline(__always)
    static func manages(_ address: PhysicalAddress) -> Bool {
        address.frameNumber < count && info(address).pointee.kind != .reserved
    }
}
