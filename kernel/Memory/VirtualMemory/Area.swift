import Frames
import Scheduling
import Support

typealias AreaPointer = UnsafeMutablePointer<Area>

/// A range of an address space with one protection and one source of pages (Linux: `vm_area_struct`).
///
/// A plain struct in heap memory, linked by pointers: fault handling touches several of them and must not count references.
/// Everything but the object's list links is protected by the lock of the address space.
struct Area {
    /// Page aligned; `end` is exclusive.
    var start: UInt64
    var end: UInt64
    var protection: Protection
    /// What mprotect may ask for.
    var maximum: Protection
    var flags: AreaFlags
    /// Height in the tree; a leaf has 1.
    var height: Int32 = 1
    /// The bits of a page-table entry that the protection gives, without `writable`.
    var pageFlags: PageFlags
    /// The page of the object that `start` shows. For anonymous memory the address in pages at creation, so that neighbours
    /// which belong together can be told.
    var pageOffset: UInt64
    /// Retained; nil for private anonymous memory.
    var object: Unmanaged<MemoryObject>?

    // The tree of the address space, and its order by address.
    var parent: AreaPointer?
    var left: AreaPointer?
    var right: AreaPointer?
    var previous: AreaPointer?
    var next: AreaPointer?
    /// The largest gap directly before any area of this subtree.
    var largestGap: UInt64 = 0

    // The list of the object; protected by its lock.
    var listPrevious: AreaPointer?
    var listNext: AreaPointer?
    /// The lock of the address space that the area is in. Unretained: the area goes first.
    var owner: Unmanaged<Mutex<SpaceState>>

    var pageCount: UInt64 { (end &- start) >> 12 }
    var isShared: Bool { flags.contains(.shared) }
    /// Memory that the program may fill with its own, and was not told that there may be none (MAP_NORESERVE).
    var isPromised: Bool { protection.contains(.write) && flags.isDisjoint(with: [.shared, .notPromised]) }
    var isSharedWritable: Bool { isShared && maximum.contains(.write) }

    /// Unmapped space that is kept below stacks.
    static let stackGuard: UInt64 = 256 << 12

    /// The usable unmapped space between the previous area and this one.
    var gapBefore: UInt64 {
        let limit = gapEnd
        let low = previous?.pointee.end ?? 0
        return limit > low ? limit &- low : 0
    }

    /// Where the gap before this area ends: stacks keep a guard.
    var gapEnd: UInt64 {
        if !flags.contains(.growsDown) { return start }
        return start > Self.stackGuard ? start &- Self.stackGuard : 0
    }

    /// The page of the object at an address.
    @inline(__always)
    func pageIndex(_ address: UInt64) -> UInt64 { pageOffset &+ ((address &- start) >> 12) }

    mutating func setProtection(_ new: Protection) {
        protection = new
        pageFlags = Self.pageFlags(new, object?.takeUnretainedValue())
    }

    static func pageFlags(_ protection: Protection, _ object: MemoryObject?) -> PageFlags {
        var flags: PageFlags = [.user, .accessed]
        // PROT_WRITE and PROT_EXEC imply reading on x86.
        if !protection.isEmpty { flags.insert(.present) }
        if !protection.contains(.execute) { flags.formUnion(KernelMap.supported(.noExecute)) }
        if let object { flags.formUnion(object.caching.flags) }
        return flags
    }

    /// Whether `other`, which starts where this one ends, could be part of it.
    func continues(into other: Area) -> Bool {
        end == other.start && protection == other.protection && maximum == other.maximum
            && flags.intersection(.identity) == other.flags.intersection(.identity)
            && object?.toOpaque() == other.object?.toOpaque()
            && pageOffset &+ pageCount == other.pageOffset
    }
}

extension UnsafeMutablePointer where Pointee == Area {
    /// Makes a new area and enters it in its object's list, with a reference of its own.
    static func make(_ area: Area) -> AreaPointer {
        let pointer = AreaPointer.allocate(capacity: 1)
        pointer.initialize(to: area)
        if let object = area.object {
            _ = object.retain()
            object.takeUnretainedValue().link(pointer)
        }
        return pointer
    }

    /// Frees an area that is no longer in the tree. Returns the reference that it held, to be released when no lock is held:
    /// it may have been the last one, and closing a file takes time.
    func destroy() -> Unmanaged<MemoryObject>? {
        let object = pointee.object
        object?.takeUnretainedValue().unlink(self)
        deallocate()
        return object
    }
}
