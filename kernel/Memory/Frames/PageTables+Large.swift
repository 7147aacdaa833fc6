import Support

// Pages of 2 MiB: entries of a directory, in place of a table with 512 pages.

extension PageTables {
    /// The slot in whose 2 MiB page an address lies; nil when there is no such page.
    public func largeSlot(_ address: UInt64) -> Slot? { directorySlot(address, isLarge: true) }

    /// The slot of the leaf table in whose range an address lies; nil when there is none.
    public func directorySlot(_ address: UInt64) -> Slot? { directorySlot(address, isLarge: false) }

    @inline(__always)
    private func directorySlot(_ address: UInt64, isLarge: Bool) -> Slot? {
        guard let slot = slot(address, level: 1), slot.pointee.isPresent, slot.pointee.isLarge == isLarge else { return nil }
        return slot
    }

    /// The frame of the table that `slot` is in.
    public static func tableFrame(_ slot: Slot) -> PhysicalAddress {
        PhysicalAddress(directMapped: UnsafeRawPointer(bitPattern: UInt(bitPattern: slot) & ~4095).unsafelyUnwrapped)
    }

    /// Moves a leaf table to a frame that the caller has; `slot` is the one in its directory.
    ///
    /// In between the slot is empty and `flush` is called, so that no processor looks through the old table any more, or marks pages in it.
    /// - Returns: the old frame, with its reference.
    public static func moveTable(_ slot: Slot, to frame: PhysicalAddress, flush: () -> Void) -> PhysicalAddress {
        let entry = exchange(slot, .empty)
        flush()
        table(frame).update(from: table(entry.frame), count: 512)
        FrameTable.info(frame).pointee.table = .lower
        FrameAllocator.tag(frame).pointee = FrameAllocator.tag(entry.frame).pointee
        slot.pointee = PageTableEntry(frame, entry.flags)
        return entry.frame
    }

    /// Makes a table of the 512 pages that a large page consists of, with the same rights, and puts it in the place of that page.
    ///
    /// In between the slot is empty and `flush` is called: no processor may have translations of both kinds.
    /// - Returns: false when there is no memory for a table.
    public static func split(_ slot: Slot, flush: () -> Void) -> Bool {
        guard let frame = TableFrames.allocate() else { return false }
        let large = exchange(slot, .empty)
        flush()
        let flags = large.flags.subtracting(.large)
        let entries = table(frame)
        for index in 0..<512 { entries[index] = PageTableEntry(large.frame + UInt64(index * pageSize), flags) }
        filled(entries, count: 512)
        slot.pointee = PageTableEntry(frame, [.present, .writable, .user])
        return true
    }

    /// Frees the directory of `address` and what is above it, as far as they are empty. User half only.
    public func pruneDirectory(_ address: UInt64, into gather: inout FrameGather) {
        let pml4 = Self.table(root) + Self.index(address, 3)
        guard pml4.pointee.isPresent else { return }
        let pdpt = Self.table(pml4.pointee.frame) + Self.index(address, 2)
        guard pdpt.pointee.isPresent, !pdpt.pointee.isLarge else { return }
        let directory = pdpt.pointee.frame
        guard FrameAllocator.tag(directory).pointee == 0 else { return }
        gather.release(directory)
        guard Self.drop(pdpt) else { return }
        gather.release(pml4.pointee.frame)
        pml4.pointee = .empty
    }
}
