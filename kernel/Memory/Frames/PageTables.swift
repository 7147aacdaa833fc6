import Support
import Synchronization

/// A four-level translation tree (Intel SDM volume 3, section 4.5), reached through the direct map.
///
/// It is a handle: whoever owns the root also serialises changes. Each table counts its live entries in the bookkeeping of
/// its frame, so that an empty table is noticed without looking through it.
@frozen
public struct PageTables {
    public typealias Slot = UnsafeMutablePointer<PageTableEntry>

    public let root: PhysicalAddress
    @inlinable public init(root: PhysicalAddress) { self.root = root }

    /// Bits of the address below the index of a level; level 0 are the leaf tables.
    @inline(__always)
    static func shift(_ level: Int) -> UInt64 { 12 + 9 * UInt64(level) }

    @inline(__always)
    static func index(_ address: UInt64, _ level: Int) -> Int { Int(truncatingIfNeeded: (address >> shift(level)) & 511) }

    @inline(__always)
    static func table(_ frame: PhysicalAddress) -> Slot {
        // SAFETY: page tables are frames of RAM, and the direct map shows all of RAM.
        frame.directMapped.assumingMemoryBound(to: PageTableEntry.self)
    }

    /// The number of live entries of the table that holds `slot`.
    @inline(__always)
    static func liveCount(_ slot: Slot) -> UnsafeMutablePointer<UInt32> {
        let page = UnsafeRawPointer(bitPattern: UInt(bitPattern: slot) & ~4095).unsafelyUnwrapped
        return FrameAllocator.tag(PhysicalAddress(directMapped: page))
    }

    // MARK: Single pages

    /// The slot of a page of the given level (0: 4 KiB, 1: 2 MiB, 2: 1 GiB), if its table exists.
    @inline(__always)
    public func slot(_ address: UInt64, level: Int = 0) -> Slot? {
        var table = Self.table(root)
        var current = 3
        while current > level {
            let entry = table[Self.index(address, current)]
            if !entry.isPresent || entry.isLarge { return nil }
            table = Self.table(entry.frame)
            current -= 1
        }
        return table + Self.index(address, level)
    }

    /// The slot of a page of the given level, as for `slot`; missing tables are made.
    /// - Parameter access: what the upper levels permit: `[.writable, .user]` for user memory, `[.writable]` for the kernel's.
    /// - Returns: nil when memory is exhausted, or a larger page is there.
    @inline(never)
    public func makeSlot(_ address: UInt64, level: Int = 0, access: PageFlags) -> Slot? {
        var table = Self.table(root)
        var current = 3
        while current > level {
            let slot = table + Self.index(address, current)
            if slot.pointee.isPresent {
                if slot.pointee.isLarge { return nil }
                table = Self.table(slot.pointee.frame)
            } else {
                guard let fresh = Self.addTable(at: slot, access, countsParent: current < 3) else { return nil }
                table = fresh
            }
            current -= 1
        }
        return table + Self.index(address, level)
    }

    @inline(never)
    static func addTable(at slot: Slot, _ access: PageFlags, countsParent: Bool) -> Slot? {
        guard let frame = TableFrames.allocate() else { return nil }
        slot.pointee = PageTableEntry(frame, access.union(.present))
        if countsParent { liveCount(slot).pointee &+= 1 }
        return table(frame)
    }

    /// Fills an empty slot.
    @inline(__always)
    public static func fill(_ slot: Slot, _ entry: PageTableEntry) {
        slot.pointee = entry
        liveCount(slot).pointee &+= 1
    }

    /// Empties a slot and returns what it held, with the dirty bit that the processor set last.
    @inline(__always)
    public static func clear(_ slot: Slot) -> PageTableEntry {
        let old = exchange(slot, .empty)
        liveCount(slot).pointee &-= 1
        return old
    }

    /// The number of entries in the table of `slot` that are not empty.
    @inline(__always)
    public static func liveEntries(_ slot: Slot) -> UInt32 { liveCount(slot).pointee }

    /// Counts entries in that were stored directly, all in the table of `slot`.
    @inline(__always)
    public static func filled(_ slot: Slot, count: UInt32) { liveCount(slot).pointee &+= count }

    /// Counts entries out that were emptied by `exchange`.
    @inline(__always)
    public static func cleared(_ slot: Slot, count: UInt32) { liveCount(slot).pointee &-= count }

    /// Replaces a live entry in one step: the processor may set its accessed and dirty bits at any time.
    @inline(__always)
    public static func exchange(_ slot: Slot, _ entry: PageTableEntry) -> PageTableEntry {
        // SAFETY: an entry is one aligned 64-bit word.
        let word = UnsafeMutableRawPointer(slot).assumingMemoryBound(to: Atomic<UInt64>.self)
        return PageTableEntry(rawValue: word.pointee.exchange(entry.rawValue, ordering: .relaxed))
    }

    /// Takes the mark of use from a live entry.
    @inline(__always)
    public static func forgetAccess(_ slot: Slot) {
        // SAFETY: as in `exchange`.
        let word = UnsafeMutableRawPointer(slot).assumingMemoryBound(to: Atomic<UInt64>.self)
        word.pointee.bitwiseAnd(~PageFlags.accessed.rawValue, ordering: .relaxed)
    }

    /// What an address translates to, for any page size.
    public func translate(_ address: UInt64) -> (physical: PhysicalAddress, flags: PageFlags, byteCount: UInt64)? {
        var table = Self.table(root)
        var level = 3
        while true {
            let entry = table[Self.index(address, level)]
            if !entry.isPresent { return nil }
            if level == 0 || entry.isLarge {
                let size = UInt64(1) << Self.shift(level)
                let base = entry.rawValue & PageTableEntry.addressMask & ~(size - 1)
                return (PhysicalAddress(base | (address & (size - 1))), entry.flags, size)
            }
            table = Self.table(entry.frame)
            level -= 1
        }
    }

    // MARK: Runs of slots

    /// Consecutive slots of one leaf table; or the slot of a large page.
    @frozen
    public struct Run {
        /// The address that the first slot translates.
        public let address: UInt64
        public let slots: Slot
        /// Pages of 4 KiB. Of a large page, those that lie in the range.
        public let count: Int
        /// `slots` is the one slot of a 2 MiB page in its directory.
        public let isLarge: Bool
        @inlinable public var end: UInt64 { address &+ UInt64(count) &* 4096 }
        /// Of a large page: all of it lies in the range.
        @inlinable public var isWhole: Bool { count == 512 }
    }

    /// The slots of the first leaf table that exists in `[address, end)`; both are page aligned. Large pages are left out.
    /// - Complexity: O(levels) for each 512 GiB, 1 GiB or 2 MiB that is skipped.
    @inline(__always)
    public func nextRun(from start: UInt64, to end: UInt64) -> Run? { nextRun(from: start, to: end, includesLarge: false) }

    /// The same with large pages.
    @inline(__always)
    public func nextPiece(from start: UInt64, to end: UInt64) -> Run? { nextRun(from: start, to: end, includesLarge: true) }

    @inline(__always)
    private func nextRun(from start: UInt64, to end: UInt64, includesLarge: Bool) -> Run? {
        var address = start
        while address < end {
            var slot = Self.table(root) + Self.index(address, 3)
            var level = 3
            while level > 0 {
                let entry = slot.pointee
                if !entry.isPresent || entry.isLarge { break }
                level -= 1
                slot = Self.table(entry.frame) + Self.index(address, level)
            }
            let size = UInt64(1) << Self.shift(max(level, 1))
            let next = (address & ~(size &- 1)) &+ size
            if level == 0 || (includesLarge && level == 1 && slot.pointee.isPresent) {
                let runEnd = min(next, end)
                return Run(address: address, slots: slot, count: Int((runEnd &- address) >> 12), isLarge: level != 0)
            }
            address = next
        }
        return nil
    }

    /// Frees the tables on the way to `address` that have become empty. User half only.
    /// - Parameter gather: keeps the tables until the translation caches are flushed.
    @inline(__always)
    public func prune(_ address: UInt64, into gather: inout FrameGather) {
        let pml4 = Self.table(root) + Self.index(address, 3)
        guard pml4.pointee.isPresent else { return }
        let pdpt = Self.table(pml4.pointee.frame) + Self.index(address, 2)
        guard pdpt.pointee.isPresent, !pdpt.pointee.isLarge else { return }
        let directory = Self.table(pdpt.pointee.frame) + Self.index(address, 1)
        guard directory.pointee.isPresent, !directory.pointee.isLarge else { return }
        let leaf = directory.pointee.frame
        guard FrameAllocator.tag(leaf).pointee == 0 else { return }
        gather.release(leaf)
        guard Self.drop(directory) else { return }
        gather.release(pdpt.pointee.frame)
        guard Self.drop(pdpt) else { return }
        gather.release(pml4.pointee.frame)
        pml4.pointee = .empty
    }

    /// Empties a slot of an upper table; returns whether that table is now empty.
    @inline(__always)
    static func drop(_ slot: Slot) -> Bool {
        slot.pointee = .empty
        let count = liveCount(slot)
        count.pointee &-= 1
        return count.pointee == 0
    }
}
