import ABI
import Frames
import Scheduling
import Support
import struct Synchronization.Atomic

/// The pages of one file that are in memory.
///
/// Subclasses say where pages come from and go to; the defaults give zeros and forget. A sleeping lock protects the
/// tree and is held while a page is filled or written back, so each page is filled once; it is never held while user
/// memory is touched, since that memory may be a mapping of this very file.
open class PageCache: MemoryObject {
    let tree = Mutex(PageTree())
    private let length: Atomic<UInt64>
    /// Known to `Reclaim`. Protected by the lock of the tree.
    final var isRegistered = false
    /// How far a write that is under way reaches, which becomes the length when it is done. Protected by the lock of the tree.
    final var writingEnd: UInt64 = 0

    /// - Parameter byteCount: the file's length.
    public init(byteCount: UInt64 = 0) { length = Atomic(byteCount) }

    // MARK: For subclasses

    /// Reads a page of the file into a frame. The part past the end of the file is cleared afterwards by the cache.
    open func fill(_ pageIndex: UInt64, _ frame: PhysicalAddress) throws(Errno) { FrameAllocator.zero(frame) }

    /// Reads consecutive pages. Override it where one transfer can do.
    open func fill(_ firstPage: UInt64, _ frames: UnsafeBufferPointer<PhysicalAddress>) throws(Errno) {
        for index in 0..<frames.count { try fill(firstPage + UInt64(index), frames[index]) }
    }

    /// Writes a changed page to where the file is kept. The frame is not to be changed: a write may be copying into the part of it that is
    /// past the end of the file.
    open func writeBack(_ pageIndex: UInt64, _ frame: PhysicalAddress) throws(Errno) {}

    /// Told before a page is changed, by a write or through a shared mapping, with no lock held: the place to find room for
    /// it on the device, so that "no space" is reported now and not when it is written back.
    open func prepareWrite(_ pageIndex: UInt64) throws(Errno) {}

    /// Pages that live in memory only (tmpfs, memfd): a page that is not there is all zeros, and nothing is written back.
    open var isMemoryOnly: Bool { false }

    /// Pages to read at once when one is missing, the missing one included.
    open var readAheadPageCount: Int { 1 }

    /// Asked before a page is added; a file system with a size limit throws `noSpace`.
    open func reservePage() throws(Errno) {}
    /// Told when pages go away.
    open func unreservePages(_ count: Int) {}

    /// The largest length.
    open var maximumByteCount: UInt64 { UInt64(Int64.max) & ~4095 }

    // MARK: State

    /// The file's length in bytes. Setting it changes nothing else: see `truncate`.
    public final var byteCount: UInt64 {
        get { length.load(ordering: .acquiring) }
        set { length.store(newValue, ordering: .releasing) }
    }

    /// Pages in memory.
    public final var residentPageCount: Int { tree.withLock { $0.count } }

    public override final var tracksDirtyPages: Bool { !isMemoryOnly }

    deinit {
        if isRegistered { Reclaim.unregister(tree) }
        tree.withLock { $0.removeAll(from: 0) { FrameAllocator.release($0) } }
    }

    // MARK: Finding pages

    /// The frame of a page with a reference taken; it is filled when it is not there. The lock is held.
    final func find(_ index: UInt64, in tree: inout PageTree) throws(Errno) -> PhysicalAddress {
        let entry = tree.entry(index)
        if entry != 0 {
            let frame = PhysicalAddress(entry & ~PageTree.dirty)
            FrameAllocator.retain(frame)
            return frame
        }
        let frame = isMemoryOnly ? try addZeroPage(index, to: &tree) : try addFilledPages(index, to: &tree)
        FrameAllocator.retain(frame)
        return frame
    }

    private final func addZeroPage(_ index: UInt64, to tree: inout PageTree) throws(Errno) -> PhysicalAddress {
        try reservePage()
        guard let frame = Reclaim.allocate(zeroed: true) else {
            unreservePages(1)
            throw .outOfMemory
        }
        tree.insert(index, frame: frame)
        return frame
    }

    /// Reads a missing page, and the missing ones after it as far as read-ahead goes.
    private final func addFilledPages(_ index: UInt64, to tree: inout PageTree) throws(Errno) -> PhysicalAddress {
        if !isRegistered {
            isRegistered = true
            Reclaim.register(self.tree)
        }
        if FrameAllocator.isLow { Reclaim.makeRoom(in: &tree) }
        let pagesInFile = (byteCount + 4095) >> 12
        var wanted = 1
        while wanted < min(readAheadPageCount, 32), index + UInt64(wanted) < pagesInFile, tree.entry(index + UInt64(wanted)) == 0
        {
            wanted += 1
        }
        if wanted > 1, let first = addRun(index, wanted, to: &tree) { return first }
        // One page alone: it may be that only a neighbour was unreadable.
        guard let frame = Reclaim.allocate() else { throw .outOfMemory }
        do throws(Errno) {
            try fill(index, frame)
        } catch {
            FrameAllocator.release(frame)
            throw error
        }
        clearTail(index, frame)
        tree.insert(index, frame: frame)
        return frame
    }

    private final func addRun(_ first: UInt64, _ wanted: Int, to tree: inout PageTree) -> PhysicalAddress? {
        withUnsafeTemporaryAllocation(of: PhysicalAddress.self, capacity: wanted) { frames in
            var count = 0
            while count < wanted, let frame = FrameAllocator.allocate() {
                (frames.baseAddress! + count).initialize(to: frame)
                count += 1
            }
            if count == 0 { return nil }
            do throws(Errno) {
                try fill(first, UnsafeBufferPointer(rebasing: frames[0..<count]))
            } catch {
                for index in 0..<count { FrameAllocator.release(frames[index]) }
                return nil
            }
            for index in 0..<count {
                clearTail(first + UInt64(index), frames[index])
                tree.insert(first + UInt64(index), frame: frames[index])
            }
            return frames[0]
        }
    }

    /// Clears what lies past the end of the file in a page: it must read as zeros when the file grows.
    final func clearTail(_ index: UInt64, _ frame: PhysicalAddress) { clearTail(index, frame, end: byteCount) }

    private final func clearTail(_ index: UInt64, _ frame: PhysicalAddress, end: UInt64) {
        let start = index << 12
        if end >= start + 4096 { return }
        let valid = end > start ? Int(end - start) : 0
        // SAFETY: within one frame, which the caller holds a reference to.
        UnsafeMutableRawBufferPointer(start: frame.directMapped + valid, count: pageSize - valid).initializeMemory(
            as: UInt8.self, repeating: 0)
    }

    // MARK: Mapping

    public override final func frame(at pageIndex: UInt64, writing: Bool) throws(FaultError) -> PhysicalAddress {
        if pageIndex >= (byteCount + 4095) >> 12 { throw .busError }
        let marksDirty = writing && !isMemoryOnly
        do throws(Errno) {
            if marksDirty { try prepareWrite(pageIndex) }
            return try tree.withLock { (tree: inout PageTree) throws(Errno) -> PhysicalAddress in
                let frame = try find(pageIndex, in: &tree)
                if marksDirty { tree.markDirty(pageIndex) }
                return frame
            }
        } catch {
            switch error {
            case .outOfMemory: throw .outOfMemory
            case .noSpace: throw .busError
            default: throw .ioError
            }
        }
    }

    public override final func residentFrames(from first: UInt64, count: Int, into frames: UnsafeMutablePointer<UInt64>) {
        let pagesInFile = (byteCount + 4095) >> 12
        for index in 0..<count { frames[index] = 0 }
        guard first < pagesInFile else { return }
        tree.withLock { tree in
            tree.forEachResident(from: first, limit: min(count, Int(clamping: pagesInFile - first))) { index, entry in
                let frame = PhysicalAddress(entry & ~PageTree.dirty)
                FrameAllocator.retain(frame)
                frames[index] = frame.rawValue
            }
        }
    }

    public override final func isResident(_ pageIndex: UInt64) -> Bool { tree.withLock { $0.entry(pageIndex) != 0 } }

    public override final func synchronize(from first: UInt64, to end: UInt64) throws(Errno) {
        if isMemoryOnly { return }
        // First stop unnoticed writes, then write: whatever is changed later is noticed and marked again.
        writeProtectMappings(from: first, to: end)
        var next = first
        while true {
            let found: UInt64? = try tree.withLock { (tree: inout PageTree) throws(Errno) -> UInt64? in
                guard let (index, frame) = tree.takeDirty(from: next, to: end) else { return nil }
                // A mapping may have written behind the end; but a write that appends is not cut off.
                clearTail(index, frame, end: max(byteCount, writingEnd))
                do throws(Errno) {
                    try writeBack(index, frame)
                } catch {
                    tree.markDirty(index)
                    throw error
                }
                // When memory is short, what is written is dropped at once: it may be all that can be.
                if FrameAllocator.missingFrames > 0, FrameAllocator.referenceCount(frame) == 1, tree.remove(index) != nil {
                    FrameAllocator.release(frame)
                    MemoryCounters.backgroundFreed.wrappingAdd(1, ordering: .relaxed)
                    MemoryCounters.backgroundLooked.wrappingAdd(1, ordering: .relaxed)
                }
                return index
            }
            guard let found else { return }
            next = found + 1
        }
    }

    /// Writes every changed page back.
    public final func synchronize() throws(Errno) { try synchronize(from: 0, to: UInt64.max) }
}

/// A page cache whose pages live in memory only: tmpfs files, memfd, shared anonymous mappings.
open class MemoryPageCache: PageCache {
    public override init(byteCount: UInt64 = 0) { super.init(byteCount: byteCount) }
    open override var isMemoryOnly: Bool { true }
}
