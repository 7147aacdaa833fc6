import Processor
import Support

/// Where the parts of the kernel image lie. Virtual addresses, page aligned; physical = virtual − `virtualOffset`.
public struct KernelImageLayout {
    /// Text up to `textEnd`, read-only data up to `readOnlyEnd`, writable data up to `end`.
    public var textStart: UInt64, textEnd: UInt64, readOnlyEnd: UInt64, end: UInt64
    public var virtualOffset: UInt64 = kernelImageBase

    public init(textStart: UInt64, textEnd: UInt64, readOnlyEnd: UInt64, end: UInt64) {
        self.textStart = textStart
        self.textEnd = textEnd
        self.readOnlyEnd = readOnlyEnd
        self.end = end
    }
}

/// What the processor offers for kernel mappings.
public struct PagingFeatures: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// EFER.NXE is set.
    public static var noExecute: PagingFeatures { PagingFeatures(rawValue: 1) }
    /// 1 GiB pages exist.
    public static var gigabytePages: PagingFeatures { PagingFeatures(rawValue: 2) }
    /// CR4.PGE is set.
    public static var globalPages: PagingFeatures { PagingFeatures(rawValue: 4) }
}

/// The kernel's half of every address space: the direct map of all memory, the image with W^X, and an area for stacks and
/// device memory.
///
/// The tables of the top level are made once, here; every process copies the top-level entries, so that the kernel half
/// is the same everywhere and never needs to be brought up to date.
public enum KernelMap {
    /// Kernel stacks, each with guard pages.
    nonisolated(unsafe) private(set) static var stackArea: UInt64 = 0x0000_6000_0000_0000
    /// Device memory.
    static let deviceArea: UInt64 = 0x0000_6080_0000_0000
    static let deviceAreaEnd: UInt64 = 0x0000_6100_0000_0000

    // Written by `buildFinal`, before other processors and threads run.
    nonisolated(unsafe) public private(set) static var root = PhysicalAddress(0)
    nonisolated(unsafe) static var features: PagingFeatures = []

    /// Puts the stacks at one of 2^22 places. Before the first one is made.
    public static func moveStacks(_ random: UInt64) { stackArea &+= (random & 0x3f_ffff) &* KernelStack.stride }

    /// Serialises changes to the kernel's tables.
    static let lock = SpinLock(DeviceRanges(start: deviceArea, end: deviceAreaEnd))

    /// Flags that exist on this processor.
    @inline(__always)
    public static func supported(_ flags: PageFlags) -> PageFlags {
        features.contains(.noExecute) ? flags : flags.subtracting(.noExecute)
    }

    /// Builds the final kernel mappings and loads them. The identity map of the boot code is gone afterwards.
    /// - Returns: false when memory is exhausted.
    public static func buildFinal(_ image: KernelImageLayout, features available: PagingFeatures) -> Bool {
        features = available
        guard let top = FrameAllocator.allocate(zeroed: true) else { return false }
        let tables = PageTables(root: top)
        guard mapDirect(tables, image), mapImage(tables, image), reserveTopLevel(tables) else { return false }
        root = top
        CPU.loadPageTable(top.rawValue)
        Frames.addHighMemory()
        return true
    }

    /// A fresh top-level table with the kernel's half filled in and an empty user half.
    public static func makeRoot() -> PhysicalAddress? {
        // Those of the kernel itself are made before anything can be kept.
        if let kept = TableFrames.takeRoot() { return kept }
        guard let top = FrameAllocator.allocate() else { return nil }
        TableFrames.markRoot(top)
        let target = PageTables.table(top)
        // SAFETY: both are whole frames; the first 128 entries are the user part.
        UnsafeMutableRawBufferPointer(start: target, count: userTopLevelEntries * 8).initializeMemory(
            as: UInt64.self, repeating: 0)
        if root.rawValue != 0 {
            (target + userTopLevelEntries).update(
                from: PageTables.table(root) + userTopLevelEntries, count: 512 - userTopLevelEntries)
        } else {
            (target + userTopLevelEntries).update(repeating: .empty, count: 512 - userTopLevelEntries)
        }
        return top
    }

    /// Tables for the first steps of another processor: the kernel, and below that the first GiB mapped to itself.
    /// - Parameter boot: the tables of the boot code, which have that map.
    /// - Returns: a frame below 4 GiB, which the caller releases; nil when there is none.
    public static func makeStartTables(boot: PhysicalAddress) -> PhysicalAddress? {
        guard let top = FrameAllocator.allocate(zone: .dma32) else { return nil }
        PageTables.table(top).update(from: PageTables.table(root), count: 512)
        PageTables.table(top).pointee = PageTables.table(boot).pointee
        return top
    }

    // MARK: Parts

    private static func mapDirect(_ tables: PageTables, _ image: KernelImageLayout) -> Bool {
        let readOnlyStart = image.textStart - image.virtualOffset
        let readOnlyEnd = image.readOnlyEnd - image.virtualOffset
        var pieces: [FrameRange] = [FrameRange(first: 0, end: 0x100)]
        for range in Frames.memoryMap where range.byteCount > 0 && range.kind != .defective {
            // Firmware tables lie in reserved ranges; far above RAM such ranges are devices.
            if range.kind == .reserved, range.end > 1 << 32 { continue }
            let end = min(range.end, MemoryMapRules.highestUsable)
            if range.start >= end { continue }
            pieces.append(FrameRange(first: range.start >> 12, end: (end + 4095) >> 12))
        }
        pieces.sort { $0.first < $1.first }
        var mapped: UInt64 = 0
        for piece in pieces {
            let start = max(piece.first << 12, mapped), end = piece.end << 12
            if start >= end { continue }
            mapped = end
            // The alias of the kernel's text and constants is read-only too.
            let cuts = [start, min(max(readOnlyStart, start), end), min(max(readOnlyEnd, start), end), end]
            for index in 0..<3 where cuts[index] < cuts[index + 1] {
                let flags: PageFlags = index == 1 ? [.noExecute] : [.writable, .noExecute]
                guard
                    map(
                        tables, directMapBase64 &+ cuts[index], PhysicalAddress(cuts[index]), cuts[index + 1] - cuts[index], flags
                    )
                else { return false }
            }
        }
        return true
    }

    private static var directMapBase64: UInt64 { UInt64(directMapBase) }

    private static func mapImage(_ tables: PageTables, _ image: KernelImageLayout) -> Bool {
        let parts: [(UInt64, UInt64, PageFlags)] = [
            (image.textStart, image.textEnd, []),
            (image.textEnd, image.readOnlyEnd, [.noExecute]),
            (image.readOnlyEnd, image.end, [.writable, .noExecute]),
        ]
        for (start, end, flags) in parts where start < end {
            guard map(tables, start, PhysicalAddress(start - image.virtualOffset), end - start, flags) else { return false }
        }
        return true
    }

    /// Makes the second-level tables of the areas that grow later, so that their top-level entries never change.
    private static func reserveTopLevel(_ tables: PageTables) -> Bool {
        for address in [stackArea, deviceArea, kernelImageBase] {
            guard tables.makeSlot(address, access: .writable) != nil else { return false }
        }
        return true
    }

    /// Maps a range with the largest pages that fit.
    static func map(
        _ tables: PageTables, _ start: UInt64, _ physical: PhysicalAddress, _ byteCount: UInt64, _ flags: PageFlags
    ) -> Bool {
        var entryFlags = supported(flags).union([.present, .accessed, .dirty])
        if features.contains(.globalPages) { entryFlags.insert(.global) }
        var offset: UInt64 = 0
        while offset < byteCount {
            let address = start &+ offset
            let target = physical + offset
            let room = byteCount - offset
            var level = 0
            if (address | target.rawValue) & 0x3fff_ffff == 0, room >= 1 << 30, features.contains(.gigabytePages) {
                level = 2
            } else if (address | target.rawValue) & 0x1f_ffff == 0, room >= 1 << 21 {
                level = 1
            }
            guard let slot = tables.makeSlot(address, level: level, access: .writable) else { return false }
            if slot.pointee.isPresent { panic("a kernel page was mapped twice") }
            PageTables.fill(slot, PageTableEntry(target, level > 0 ? entryFlags.union(.large) : entryFlags))
            offset += 1 << PageTables.shift(level)
        }
        return true
    }
}
