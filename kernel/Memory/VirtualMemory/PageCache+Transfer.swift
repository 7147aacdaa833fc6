import ABI
import Frames
import Scheduling
import Support

// Reading, writing and truncating. Pages are found under the lock and held by a reference while user memory is copied.

extension PageCache {
    /// Reads from the file at `offset`, up to its end.
    /// - Returns: bytes read; 0 at or past the end.
    public final func read(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int {
        var position = offset
        var (done, attempts) = (0, 0)
        let end = byteCount
        while buffer.remaining > 0, position < end {
            let inPage = Int(truncatingIfNeeded: position & 4095)
            let wanted = min(buffer.remaining, pageSize - inPage, Int(truncatingIfNeeded: min(end - position, 4096)))
            let copied: Int
            do throws(Errno) {
                copied = try readPage(position >> 12, inPage, wanted, &buffer)
            } catch {
                if error == .outOfMemory, !isMemoryOnly, BackgroundReclaim.waitOutside(&attempts) { continue }
                if done > 0 { return done }
                throw error
            }
            done += copied
            position += UInt64(copied)
            if copied < wanted { break }
        }
        return done
    }

    @inline(__always)
    private final func readPage(_ index: UInt64, _ inPage: Int, _ count: Int, _ buffer: inout TransferBuffer) throws(Errno) -> Int
    {
        let memoryOnly = isMemoryOnly
        let frame: PhysicalAddress = try tree.withLock { (tree: inout PageTree) throws(Errno) -> PhysicalAddress in
            // A hole reads as zeros without becoming a page.
            if memoryOnly, tree.entry(index) == 0 { return PhysicalAddress(0) }
            return try find(index, in: &tree)
        }
        if frame.rawValue == 0 { return try buffer.fillZeros(count: count) }
        defer { FrameAllocator.release(frame) }
        return try buffer.fill(from: frame.directMapped + inPage, count: count)
    }

    /// Writes to the file at `offset`; the file grows as far as needed.
    /// - Returns: bytes written.
    public final func write(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int {
        guard offset < maximumByteCount else { throw .fileTooLarge }
        if offset > byteCount { clearAfterEnd() }
        buffer.limit(to: Int(truncatingIfNeeded: min(maximumByteCount - offset, UInt64(Int.max))))
        var position = offset
        var (done, attempts) = (0, 0)
        while buffer.remaining > 0 {
            let inPage = Int(truncatingIfNeeded: position & 4095)
            let wanted = min(buffer.remaining, pageSize - inPage)
            let copied: Int
            if FrameAllocator.isLow, !isMemoryOnly { Reclaim.slowWriter() }
            do throws(Errno) {
                copied = try writePage(position >> 12, inPage, wanted, &buffer)
            } catch {
                if error == .outOfMemory, !isMemoryOnly, BackgroundReclaim.waitOutside(&attempts) { continue }
                if done > 0 { return done }
                throw error
            }
            done += copied
            position += UInt64(copied)
            if copied < wanted { break }
        }
        return done
    }

    private final func writePage(_ index: UInt64, _ inPage: Int, _ count: Int, _ buffer: inout TransferBuffer) throws(Errno)
        -> Int
    {
        let start = index << 12
        // A page past the end of the file has nothing to be read from anywhere.
        let isFresh = start >= byteCount
        if !isMemoryOnly { try prepareWrite(index) }
        let frame: PhysicalAddress = try tree.withLock { (tree: inout PageTree) throws(Errno) -> PhysicalAddress in
            writingEnd = start + UInt64(inPage + count)
            if isFresh, !isMemoryOnly, tree.entry(index) == 0 {
                if !isRegistered {
                    isRegistered = true
                    Reclaim.register(self.tree)
                }
                if FrameAllocator.isLow { Reclaim.makeRoom(in: &tree) }
                guard let frame = Reclaim.allocate(zeroed: true) else { throw .outOfMemory }
                tree.insert(index, frame: frame)
                FrameAllocator.retain(frame)
                return frame
            }
            return try find(index, in: &tree)
        }
        defer { FrameAllocator.release(frame) }
        let copied: Int
        do throws(Errno) {
            copied = try buffer.drain(into: frame.directMapped + inPage, count: count)
        } catch {
            tree.withLock { _ in writingEnd = 0 }
            throw error
        }
        let end = start + UInt64(inPage + copied)
        tree.withLock { tree in
            if end > byteCount { byteCount = end }
            writingEnd = 0
            // The page may have been truncated away meanwhile.
            if !isMemoryOnly, tree.entry(index) & ~PageTree.dirty == frame.rawValue { tree.markDirty(index) }
        }
        return copied
    }

    /// Changes the length. Pages past the new end are dropped and taken out of all mappings.
    public final func truncate(to length: UInt64) throws(Errno) {
        guard length <= maximumByteCount else { throw .fileTooLarge }
        let old = byteCount
        if length >= old {
            clearAfterEnd()
            byteCount = length
            return
        }
        byteCount = length
        let firstDropped = (length + 4095) >> 12
        unmapPages(from: firstDropped, to: UInt64.max)
        var dropped = 0
        tree.withLock { tree in
            tree.removeAll(from: firstDropped) { frame in
                FrameAllocator.release(frame)
                dropped += 1
            }
        }
        if dropped > 0 { unreservePages(dropped) }
        if isMemoryOnly || length & 4095 == 0 {
            clearAfterEnd()
            return
        }
        // What was cut off must not come back from the device when the file grows again.
        try prepareWrite(length >> 12)
        try tree.withLock { (tree: inout PageTree) throws(Errno) in
            let frame = try find(length >> 12, in: &tree)
            clearTail(length >> 12, frame)
            tree.markDirty(length >> 12)
            FrameAllocator.release(frame)
        }
    }

    /// Clears the rest of the last page: a mapping may have written there, or data was cut off.
    private final func clearAfterEnd() {
        let end = byteCount
        let inPage = Int(truncatingIfNeeded: end & 4095)
        if inPage == 0 { return }
        tree.withLock { tree in
            let entry = tree.entry(end >> 12)
            if entry == 0 { return }
            let frame = PhysicalAddress(entry & ~PageTree.dirty)
            // SAFETY: the page is in the tree, so its frame is alive while the lock is held.
            UnsafeMutableRawBufferPointer(start: frame.directMapped + inPage, count: pageSize - inPage)
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Drops the pages `[first, end)`, which must be whole; they read as zeros (memory only) or are read again (others: only
    /// clean pages may be dropped).
    public final func dropPages(from first: UInt64, to end: UInt64) {
        var dropped = 0
        // First from the tree, so that no fault finds them again; mappings keep what they show until they are told.
        tree.withLock { tree in
            var pages: [UInt64] = []
            tree.forEach(from: first, to: end) { index, entry in
                if isMemoryOnly || entry & PageTree.dirty == 0 { pages.append(index) }
            }
            for index in pages {
                guard let frame = tree.remove(index) else { continue }
                FrameAllocator.release(frame)
                dropped += 1
            }
        }
        unmapPages(from: first, to: end)
        if dropped > 0 { unreservePages(dropped) }
    }
}
