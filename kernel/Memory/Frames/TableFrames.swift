import Processor
import Support

/// Frames linked through their bookkeeping, last in, first out.
struct FrameStack {
    var head: UInt32 = FrameInfo.none
    var count: UInt32 = 0

    @inline(__always)
    mutating func push(_ frame: UInt32) {
        FrameTable[frame].pointee.next = head
        head = frame
        count &+= 1
    }

    /// - Returns: `FrameInfo.none` when there is none.
    @inline(__always)
    mutating func pop() -> UInt32 {
        let frame = head
        if frame == FrameInfo.none { return frame }
        head = FrameTable[frame].pointee.next
        count &-= 1
        return frame
    }
}

/// The frames of page tables. A process that ends leaves its tables empty, since emptying them is how its pages are found; and the next one
/// wants empty tables. So each processor keeps some, which saves clearing them; the same with top-level tables, whose kernel half is
/// the same everywhere.
enum TableFrames {
    /// The most that a processor keeps: about what three small processes have.
    private static let keptTables: UInt32 = 32
    private static let keptRoots: UInt32 = 8

    /// An empty table with one reference and no live entries.
    static func allocate() -> PhysicalAddress? {
        if let frame = take(.lower) { return frame }
        guard let frame = FrameAllocator.allocate(zeroed: true) else { return nil }
        FrameTable.info(frame).pointee.table = .lower
        FrameAllocator.tag(frame).pointee = 0
        return frame
    }

    /// A top-level table that was freed before, with its kernel half; nil when there is none.
    static func takeRoot() -> PhysicalAddress? { take(.root) }

    /// From now on the frame is kept as a top-level table when it is freed.
    static func markRoot(_ frame: PhysicalAddress) { FrameTable.info(frame).pointee.table = .root }

    @inline(__always)
    private static func take(_ kind: TableKind) -> PhysicalAddress? {
        guard FrameAllocator.isStarted else { return nil }
        let flags = machineInterruptSave()
        let cache = FrameAllocator.caches + Int(PerCPU.current.pointee.index)
        let frame = kind == .root ? cache.pointee.roots.pop() : cache.pointee.tables.pop()
        machineInterruptRestore(flags)
        if frame == FrameInfo.none { return nil }
        let info = FrameTable[frame]
        info.pointee.kind = .allocated
        info.pointee.word = 1
        info.pointee.previous = 0
        return PhysicalAddress(frameNumber: UInt64(frame))
    }

    /// Keeps a table whose last reference is gone.
    /// - Returns: false when there are enough, or memory is short.
    static func keep(_ frame: UInt32) -> Bool {
        let info = FrameTable[frame]
        if FrameAllocator.isLow { return false }
        assert(isEmpty(frame, info.pointee.table), "a page table was freed that is not empty")
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        let cache = FrameAllocator.caches + Int(PerCPU.current.pointee.index)
        if info.pointee.table == .root {
            if cache.pointee.roots.count >= keptRoots { return false }
            info.pointee.kind = .cached
            cache.pointee.roots.push(frame)
        } else {
            if cache.pointee.tables.count >= keptTables { return false }
            info.pointee.kind = .cached
            cache.pointee.tables.push(frame)
        }
        return true
    }

    /// Any of a processor's kept frames, for other use. Interrupts are off.
    @inline(never)
    static func takeAny(from cache: UnsafeMutablePointer<FrameAllocator.ProcessorCache>) -> UInt32 {
        let table = cache.pointee.tables.pop()
        let frame = table == FrameInfo.none ? cache.pointee.roots.pop() : table
        if frame != FrameInfo.none { FrameTable[frame].pointee.table = .none }
        return frame
    }

    private static func isEmpty(_ frame: UInt32, _ kind: TableKind) -> Bool {
        let table = PageTables.table(PhysicalAddress(frameNumber: UInt64(frame)))
        for index in 0..<(kind == .root ? userTopLevelEntries : 512) {
            if table[index].rawValue != 0 { return false }
        }
        return true
    }
}
