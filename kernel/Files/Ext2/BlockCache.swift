import ABI
import Files
import Support

/// One block of metadata in memory.
final class CachedBlock {
    let number: UInt32
    /// As many bytes as a block has, aligned to its size.
    let bytes: UnsafeMutableRawPointer
    fileprivate(set) var isDirty = false
    /// In the cache; false once it was forgotten.
    fileprivate var isCached = false
    /// Used since the cache's hand last passed.
    fileprivate var isReferenced = true
    fileprivate var next: CachedBlock?

    fileprivate init(number: UInt32, blockSize: Int) {
        self.number = number
        bytes = .allocate(byteCount: blockSize, alignment: blockSize)
    }

    deinit { bytes.deallocate() }
}

/// The blocks of metadata that were used lately: bitmaps, inode tables, indirect blocks, folders.
///
/// Protected by the file system's metadata lock. A block that somebody holds is never given up, so that a change made to it is
/// not lost.
struct BlockCache {
    private static let bucketCount = 512
    private static let byteLimit = 4 << 20

    private let device: BlockDevice
    private let geometry: Geometry
    private var buckets: [CachedBlock?]
    private var count = 0
    private var hand = 0
    private var dirtyCount = 0
    private let limit: Int

    init(device: BlockDevice, geometry: Geometry) {
        self.device = device
        self.geometry = geometry
        buckets = Array(repeating: nil, count: Self.bucketCount)
        limit = Self.byteLimit / geometry.blockSize
    }

    /// Whether something waits to be written.
    var isDirty: Bool { dirtyCount > 0 }

    /// The block with this number, read if needed.
    /// - Throws: `ioError` when the number is outside the file system or the device fails.
    mutating func block(_ number: UInt32) throws(Errno) -> CachedBlock {
        if let known = find(number) {
            known.isReferenced = true
            return known
        }
        guard number >= geometry.firstDataBlock, number < geometry.blockCount else { throw .ioError }
        let block = CachedBlock(number: number, blockSize: geometry.blockSize)
        try device.read(sector: sector(number), count: geometry.sectorsPerBlock, into: block.bytes)
        try add(block)
        return block
    }

    /// A block that was just allocated: zeros, to be written.
    mutating func newBlock(_ number: UInt32) throws(Errno) -> CachedBlock {
        let block: CachedBlock
        if let known = find(number) {
            block = known
        } else {
            block = CachedBlock(number: number, blockSize: geometry.blockSize)
            try add(block)
        }
        block.bytes.initializeMemory(as: UInt8.self, repeating: 0, count: geometry.blockSize)
        markDirty(block)
        return block
    }

    /// Notes that a block was changed.
    mutating func markDirty(_ block: CachedBlock) {
        if block.isDirty || !block.isCached { return }
        block.isDirty = true
        dirtyCount += 1
    }

    /// Drops a block that was freed; it will not be written.
    mutating func forget(_ number: UInt32) {
        guard let block = find(number) else { return }
        if block.isDirty {
            block.isDirty = false
            dirtyCount -= 1
        }
        remove(block)
    }

    /// Writes every changed block, in the order of their numbers.
    mutating func writeAll() throws(Errno) {
        guard dirtyCount > 0 else { return }
        var dirty: [CachedBlock] = []
        for first in buckets {
            var block = first
            while let current = block {
                if current.isDirty { dirty.append(current) }
                block = current.next
            }
        }
        dirty.sort { $0.number < $1.number }
        var failure: Errno?
        for block in dirty {
            do throws(Errno) { try write(block) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    mutating func write(_ block: CachedBlock) throws(Errno) {
        try device.write(sector: sector(block.number), count: geometry.sectorsPerBlock, from: block.bytes)
        if block.isDirty {
            block.isDirty = false
            dirtyCount -= 1
        }
    }

    /// Drops every block that is neither changed nor in use.
    mutating func purge() {
        for index in buckets.indices { collect(index, ignoringUse: true) }
    }

    private func sector(_ number: UInt32) -> UInt64 { UInt64(number) * UInt64(geometry.sectorsPerBlock) }

    // MARK: The table

    private func bucket(_ number: UInt32) -> Int { Int(number &* 2_654_435_761 >> 23) & (Self.bucketCount - 1) }

    private func find(_ number: UInt32) -> CachedBlock? {
        var block = buckets[bucket(number)]
        while let current = block {
            if current.number == number { return current }
            block = current.next
        }
        return nil
    }

    private mutating func add(_ block: CachedBlock) throws(Errno) {
        if count >= limit { try makeRoom() }
        let index = bucket(block.number)
        block.next = buckets[index]
        buckets[index] = block
        block.isCached = true
        count += 1
    }

    private mutating func remove(_ block: CachedBlock) {
        let index = bucket(block.number)
        if buckets[index] === block {
            buckets[index] = block.next
        } else {
            var previous = buckets[index]
            while let current = previous, current.next !== block { previous = current.next }
            previous?.next = block.next
        }
        block.next = nil
        block.isCached = false
        count -= 1
    }

    /// Gives up blocks that were not used lately; changed ones are written first.
    private mutating func makeRoom() throws(Errno) {
        let wanted = limit - limit / 8
        // Two rounds: the first takes the marks away, the second finds the unmarked.
        for _ in 0..<Self.bucketCount * 2 {
            if count <= wanted { return }
            collect(hand, ignoringUse: false)
            hand = (hand + 1) & (Self.bucketCount - 1)
        }
        if count > wanted, dirtyCount > count / 2 { try writeAll() }
    }

    /// Takes clean, unused blocks out of one bucket.
    private mutating func collect(_ index: Int, ignoringUse: Bool) {
        var kept: CachedBlock?
        var rest = buckets[index].take()
        while rest != nil {
            let following = rest!.next.take()
            var block = rest.take()
            rest = following
            let wasUsed = block!.isReferenced && !ignoringUse
            block!.isReferenced = false
            if !wasUsed, !block!.isDirty, isKnownUniquelyReferenced(&block) {
                block!.isCached = false
                count -= 1
                continue
            }
            block!.next = kept
            kept = block
        }
        buckets[index] = kept
    }
}
