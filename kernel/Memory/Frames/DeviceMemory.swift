import Support

/// Free address ranges of the device area, ascending.
struct DeviceRanges: ~Copyable {
    private var free: [(start: UInt64, end: UInt64)]

    init(start: UInt64, end: UInt64) { free = [(start, end)] }

    /// Takes a range, with an unmapped page after it so that overruns fault.
    mutating func take(_ byteCount: UInt64) -> UInt64? {
        for index in free.indices where free[index].end - free[index].start >= byteCount + 4096 {
            let start = free[index].start
            free[index].start = start + byteCount + 4096
            if free[index].start == free[index].end { free.remove(at: index) }
            return start
        }
        return nil
    }

    /// Gives a range back and joins it with its neighbours.
    mutating func give(_ start: UInt64, _ byteCount: UInt64) {
        var range = (start: start, end: start + byteCount + 4096)
        var position = 0
        while position < free.count, free[position].start < range.start { position += 1 }
        if position < free.count, free[position].start == range.end {
            range.end = free[position].end
            free.remove(at: position)
        }
        if position > 0, free[position - 1].end == range.start {
            free[position - 1].end = range.end
        } else {
            free.insert(range, at: position)
        }
    }
}

extension KernelMap {
    /// Maps device memory, or RAM with another caching, into the kernel.
    /// - Parameter physical: need not be aligned; the pages that the range touches are mapped.
    /// - Returns: nil when memory or addresses are exhausted, or the range is nonsense.
    public static func mapDevice(_ physical: PhysicalAddress, byteCount: Int, caching: Caching) -> UnsafeMutableRawPointer? {
        guard byteCount > 0, UInt64(byteCount) < 1 << 40, physical.rawValue < 1 << 52, root.rawValue != 0 else { return nil }
        let offset = physical.rawValue & 4095
        let length = pageRoundUp(offset + UInt64(byteCount))
        let base = PhysicalAddress(physical.rawValue - offset)
        let start: UInt64? = lock.withLock { ranges in
            guard let start = ranges.take(length) else { return nil }
            let flags = caching.flags.union([.writable, .noExecute])
            var done: UInt64 = 0
            while done < length {
                // Small pages: device memory changes its caching page by page.
                guard mapPage(start + done, base + done, flags) else {
                    unmapPages(start, done)
                    ranges.give(start, length)
                    return nil
                }
                done += 4096
            }
            return start
        }
        guard let start else { return nil }
        return UnsafeMutableRawPointer(bitPattern: UInt(start + offset))
    }

    /// Undoes `mapDevice`.
    public static func unmapDevice(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
        let address = UInt64(UInt(bitPattern: pointer))
        let start = pageRoundDown(address)
        let length = pageRoundUp(address - start + UInt64(byteCount))
        lock.withLock { ranges in
            unmapPages(start, length)
            ranges.give(start, length)
        }
    }

    /// Maps one kernel page. The caller holds `lock`.
    static func mapPage(_ address: UInt64, _ physical: PhysicalAddress, _ flags: PageFlags) -> Bool {
        guard let slot = PageTables(root: root).makeSlot(address, access: .writable) else { return false }
        if slot.pointee.isPresent { panic("a kernel page was mapped twice") }
        var entryFlags = supported(flags).union([.present, .accessed, .dirty])
        if features.contains(.globalPages) { entryFlags.insert(.global) }
        PageTables.fill(slot, PageTableEntry(physical, entryFlags))
        return true
    }

    /// Unmaps kernel pages; the tables stay. The caller holds `lock`.
    static func unmapPages(_ start: UInt64, _ byteCount: UInt64) {
        let tables = PageTables(root: root)
        var address = start
        while address < start + byteCount {
            if let slot = tables.slot(address), slot.pointee.isPresent { _ = PageTables.clear(slot) }
            address += 4096
        }
        TranslationCache.invalidateKernel(from: start, to: start + byteCount)
    }
}
