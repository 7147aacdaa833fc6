import ABI
import Frames
import Support
import VirtualMemory

/// The contents of a pipe: a ring of page frames that are allocated when bytes arrive and given back when they left.
///
/// Positions are running byte counts, `tail <= head <= tail + capacity`. An empty buffer starts over at page 0 and keeps that
/// page, so that a pipe which carries small messages touches one page only.
struct PipeBuffer: ~Copyable {
    static var pageShift: Int { 12 }
    static var pageBytes: Int { 1 << pageShift }
    static var defaultCapacity: Int { 16 * pageBytes }
    /// The most that F_SETPIPE_SZ gives.
    static var maximumCapacity: Int { 1 << 20 }

    /// Frame addresses by page of the ring, 0 where there is none.
    private var frames: UnsafeMutablePointer<UInt64>
    private var pageCount: Int
    private var head = 0
    private var tail = 0

    /// - Precondition: `capacity` is a power of two of at least a page.
    init(capacity: Int = PipeBuffer.defaultCapacity) {
        pageCount = capacity >> Self.pageShift
        frames = .allocate(capacity: pageCount)
        frames.initialize(repeating: 0, count: pageCount)
    }

    deinit {
        for index in 0..<pageCount where frames[index] != 0 { FrameAllocator.release(PhysicalAddress(frames[index])) }
        frames.deallocate()
    }

    var capacity: Int { pageCount << Self.pageShift }
    var count: Int { head - tail }
    var room: Int { capacity - count }

    /// Appends bytes from `source`, as many as there is room for.
    /// - Throws: `badAddress` or `outOfMemory` when nothing could be appended.
    mutating func append(from source: inout TransferBuffer, limit: Int) throws(Errno) -> Int {
        let wanted = min(limit, room, source.remaining)
        var done = 0
        while done < wanted {
            let offset = head & (Self.pageBytes - 1)
            let count = min(Self.pageBytes - offset, wanted - done)
            let moved: Int
            do throws(Errno) {
                let page = try page(of: head)
                moved = try source.drain(into: page + offset, count: count)
            } catch {
                if done > 0 { return done }
                throw error
            }
            head += moved
            done += moved
            if moved < count { break }
        }
        return done
    }

    /// Takes bytes out into `target`.
    /// - Throws: `badAddress` when nothing could be stored.
    mutating func take(into target: inout TransferBuffer) throws(Errno) -> Int {
        let wanted = min(count, target.remaining)
        var done = 0
        while done < wanted {
            let offset = tail & (Self.pageBytes - 1)
            let count = min(Self.pageBytes - offset, wanted - done)
            let moved: Int
            do throws(Errno) {
                moved = try target.fill(from: PhysicalAddress(frames[index(of: tail)]).directMapped + offset, count: count)
            } catch {
                if done > 0 { break }
                throw error
            }
            advanceTail(by: moved)
            done += moved
            if moved < count { break }
        }
        if head == tail { startOver() }
        return done
    }

    /// Throws everything away.
    mutating func removeAll() {
        for index in 0..<pageCount where frames[index] != 0 {
            FrameAllocator.release(PhysicalAddress(frames[index]))
            frames[index] = 0
        }
        head = 0
        tail = 0
    }

    /// Changes the capacity to a power of two of pages.
    /// - Throws: `busy` when the contents would not fit.
    mutating func resize(to newCapacity: Int) throws(Errno) {
        let newPageCount = newCapacity >> Self.pageShift
        if newPageCount == pageCount { return }
        // Pages keep their order, so what counts is how many of them hold something.
        let firstPage = tail >> Self.pageShift
        let usedPages = head == tail ? 0 : ((head - 1) >> Self.pageShift) - firstPage + 1
        guard usedPages <= newPageCount, count <= newCapacity else { throw .busy }
        // When the ring has wrapped around inside a page, its start and its end share that frame: the end gets its own.
        var end: PhysicalAddress?
        if usedPages > pageCount {
            guard let copy = FrameAllocator.allocate() else { throw .outOfMemory }
            copy.directMapped.copyMemory(
                from: PhysicalAddress(frames[firstPage % pageCount]).directMapped, byteCount: Self.pageBytes)
            end = copy
        }
        let newFrames = UnsafeMutablePointer<UInt64>.allocate(capacity: newPageCount)
        newFrames.initialize(repeating: 0, count: newPageCount)
        if let end { newFrames[usedPages - 1] = end.rawValue }
        for page in 0..<min(usedPages, pageCount) {
            let old = (firstPage + page) % pageCount
            newFrames[page] = frames[old]
            frames[old] = 0
        }
        for index in 0..<pageCount where frames[index] != 0 { FrameAllocator.release(PhysicalAddress(frames[index])) }
        frames.deallocate()
        head -= firstPage << Self.pageShift
        tail -= firstPage << Self.pageShift
        frames = newFrames
        pageCount = newPageCount
    }

    @inline(__always)
    private func index(of position: Int) -> Int { (position >> Self.pageShift) & (pageCount - 1) }

    @inline(__always)
    private mutating func page(of position: Int) throws(Errno) -> UnsafeMutableRawPointer {
        let index = index(of: position)
        if frames[index] == 0 {
            guard Reclaim.isOpen, let frame = FrameAllocator.allocate() else { throw .outOfMemory }
            frames[index] = frame.rawValue
        }
        return PhysicalAddress(frames[index]).directMapped
    }

    @inline(__always)
    private mutating func advanceTail(by amount: Int) {
        let page = tail >> Self.pageShift
        let old = index(of: tail)
        tail += amount
        // A page that was read to its end goes back, unless the buffer is empty and keeps its last one, or the ring has
        // wrapped around and its newest bytes lie at the start of this very page.
        if tail >> Self.pageShift != page, tail != head, (head - 1) >> Self.pageShift != page + pageCount {
            FrameAllocator.release(PhysicalAddress(frames[old]))
            frames[old] = 0
        }
    }

    /// Moves the last page of an empty buffer to the front.
    private mutating func startOver() {
        if head == 0 { return }
        let last = index(of: head - 1)
        if last != 0 {
            if frames[0] != 0 { FrameAllocator.release(PhysicalAddress(frames[0])) }
            frames[0] = frames[last]
            frames[last] = 0
        }
        head = 0
        tail = 0
    }
}
