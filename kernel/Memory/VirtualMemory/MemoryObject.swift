import ABI
import Frames
import Scheduling
import Support

/// Something whose pages can be mapped: a file's page cache, shared anonymous memory, a device's buffer.
///
/// An area keeps its object alive. The object knows the areas that map it, so that it can take pages away again.
open class MemoryObject {
    /// The areas that map this object.
    struct MappingList: ~Copyable {
        var head: AreaPointer?
        /// Shared areas that are or may be made writable.
        var sharedWritable = 0
    }
    let mappings = SpinLock(MappingList())

    public init() {}

    /// The frame of a page, with one reference taken for the caller. Called with the address space locked; may sleep.
    /// - Parameter writing: the page is about to be changed through a shared mapping.
    open func frame(at pageIndex: UInt64, writing: Bool) throws(FaultError) -> PhysicalAddress { throw .busError }

    /// Stores the frames of `count` pages from `first` that need no waiting for, each with one reference taken, and 0 for the
    /// others. Used to map the neighbours of a faulting page with it.
    open func residentFrames(from first: UInt64, count: Int, into frames: UnsafeMutablePointer<UInt64>) {
        for index in 0..<count { frames[index] = 0 }
    }

    /// Whether a page is in memory (mincore).
    open func isResident(_ pageIndex: UInt64) -> Bool { true }

    /// How the pages are cached when mapped.
    open var caching: Caching { .writeBack }

    /// Whether the first write to each mapped page must be noticed, because changed pages are written back somewhere.
    open var tracksDirtyPages: Bool { false }

    /// Writes changed pages back (msync).
    open func synchronize(from first: UInt64, to end: UInt64) throws(Errno) {}

    // What /proc/PID/maps shows.
    open var mappedName: [UInt8] { [] }
    open var mappedDevice: UInt64 { 0 }
    open var mappedInode: UInt64 { 0 }

    /// Whether some process has a shared mapping that it may write through (F_SEAL_WRITE asks).
    public final var hasSharedWritableMappings: Bool { mappings.withLock { $0.sharedWritable > 0 } }
    public final var isMapped: Bool { mappings.withLock { $0.head != nil } }
}

// MARK: The reverse map

extension MemoryObject {
    /// Enters an area; called with its address space locked.
    final func link(_ area: AreaPointer) {
        mappings.withLock { list in
            area.pointee.listPrevious = nil
            area.pointee.listNext = list.head
            list.head?.pointee.listPrevious = area
            list.head = area
            if area.pointee.isSharedWritable { list.sharedWritable += 1 }
        }
    }

    final func unlink(_ area: AreaPointer) {
        mappings.withLock { list in
            let previous = area.pointee.listPrevious, next = area.pointee.listNext
            next?.pointee.listPrevious = previous
            if let previous { previous.pointee.listNext = next } else { list.head = next }
            if area.pointee.isSharedWritable { list.sharedWritable -= 1 }
        }
    }

    /// The address spaces that map this object, each once. They are kept alive by the array: whoever destroys an address
    /// space first takes its areas off the list, which needs the lock that is held here.
    private final func mappingSpaces() -> [Mutex<SpaceState>] {
        var spaces: [Mutex<SpaceState>] = []
        mappings.withLock { list in
            var area = list.head
            while let current = area {
                let owner = current.pointee.owner.takeUnretainedValue()
                if !spaces.contains(where: { $0 === owner }) { spaces.append(owner) }
                area = current.pointee.listNext
            }
        }
        return spaces
    }

    /// Takes pages out of every mapping, private copies included. The next access faults.
    ///
    /// The caller holds no lock of its own and has already made sure that a fault does not find the pages again.
    public final func unmapPages(from first: UInt64, to end: UInt64) {
        if !isMapped { return }
        for space in mappingSpaces() {
            space.withLock { state in
                state.forEachRange(of: self, from: first, to: end) { state, area, start, end in
                    state.zap(area, from: start, to: end)
                }
            }
        }
    }

    /// Makes the next write through any shared mapping fault, so that it is noticed.
    public final func writeProtectMappings(from first: UInt64, to end: UInt64) {
        if !isMapped { return }
        for space in mappingSpaces() {
            space.withLock { state in
                state.forEachRange(of: self, from: first, to: end) { state, area, start, end in
                    if area.pointee.flags.contains(.shared) { state.writeProtect(from: start, to: end) }
                }
            }
        }
    }
}
