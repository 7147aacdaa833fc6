import ABI
import Files
import Frames
import Support
import VirtualMemory

/// The pages of a regular file on the disk.
final class Ext2Pages: PageCache {
    let node: Ext2Node
    private let name = MappedName()

    init(_ node: Ext2Node, byteCount: UInt64) {
        self.node = node
        super.init(byteCount: byteCount)
    }

    private var fileSystem: Ext2FileSystem { node.fileSystem }

    override var readAheadPageCount: Int { 16 }
    override var maximumByteCount: UInt64 { fileSystem.geometry.maximumByteCount & ~4095 }
    override var mappedName: [UInt8] { name.bytes }
    override var mappedDevice: UInt64 { fileSystem.device.rawValue }
    override var mappedInode: UInt64 { UInt64(node.number) }
    func noteMapped(_ path: PathNode) { name.set(path) }

    // MARK: Reading

    override func fill(_ pageIndex: UInt64, _ frame: PhysicalAddress) throws(Errno) {
        let outcome: Result<Void, Errno> = withUnsafePointer(to: frame) { pointer in
            do throws(Errno) {
                try fill(pageIndex, UnsafeBufferPointer(start: pointer, count: 1))
                return .success(())
            } catch { return .failure(error) }
        }
        try outcome.get()
    }

    override func fill(_ firstPage: UInt64, _ frames: UnsafeBufferPointer<PhysicalAddress>) throws(Errno) {
        let perPage = fileSystem.geometry.blocksPerPage
        let count = frames.count * perPage
        let outcome: Result<Void, Errno> = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { blocks in
            do throws(Errno) {
                try fileSystem.withMetadata { () throws(Errno) in
                    for index in 0..<count { blocks[index] = try node.map(firstPage * UInt64(perPage) + UInt64(index)) }
                }
                try read(UnsafeBufferPointer(blocks), into: frames)
                return .success(())
            } catch { return .failure(error) }
        }
        try outcome.get()
    }

    /// Reads mapped blocks into frames: runs that are contiguous on the device in one transfer, holes as zeros.
    private func read(_ blocks: UnsafeBufferPointer<UInt32>, into frames: UnsafeBufferPointer<PhysicalAddress>) throws(Errno) {
        let geometry = fileSystem.geometry
        let perPage = geometry.blocksPerPage
        var page = 0
        while page < frames.count {
            let run = contiguousPages(blocks, from: page, count: frames.count)
            if run > 0 {
                let sector = UInt64(blocks[page * perPage]) * UInt64(geometry.sectorsPerBlock)
                try fileSystem.device2.read(sector: sector, pages: UnsafeBufferPointer(rebasing: frames[page..<page + run]))
                page += run
                continue
            }
            for index in 0..<perPage {
                let memory = frames[page].directMapped + index * geometry.blockSize
                let block = blocks[page * perPage + index]
                if block == 0 {
                    memory.initializeMemory(as: UInt8.self, repeating: 0, count: geometry.blockSize)
                } else {
                    let sector = UInt64(block) * UInt64(geometry.sectorsPerBlock)
                    try fileSystem.device2.read(sector: sector, count: geometry.sectorsPerBlock, into: memory)
                }
            }
            page += 1
        }
    }

    /// How many pages from `page` on lie on the device one after the other, without holes.
    private func contiguousPages(_ blocks: UnsafeBufferPointer<UInt32>, from page: Int, count: Int) -> Int {
        let perPage = fileSystem.geometry.blocksPerPage
        let first = page * perPage
        if blocks[first] == 0 { return 0 }
        var length = 1
        while first + length < count * perPage, blocks[first + length] == blocks[first] + UInt32(length) { length += 1 }
        return length / perPage
    }

    // MARK: Writing

    /// Finds room for the part of a page that lies inside the file, as a write through a mapping needs it.
    override func prepareWrite(_ pageIndex: UInt64) throws(Errno) {
        let start = pageIndex << UInt64(pageShift)
        let end = min(start + UInt64(pageSize), byteCount)
        if start < end { try reserve(from: start, to: end) }
    }

    /// Allocates the blocks of a range of bytes. Inside the file, new blocks are cleared on the device: until the page that
    /// covers them is written, they must read as zeros.
    func reserve(from start: UInt64, to end: UInt64) throws(Errno) {
        let blockSize = UInt64(fileSystem.geometry.blockSize)
        try fileSystem.withMetadata { () throws(Errno) in
            var block = start / blockSize
            while block * blockSize < end {
                let (place, isNew) = try node.mapAllocating(block)
                if isNew, block * blockSize < byteCount { try fileSystem.clear(place) }
                block += 1
            }
        }
    }

    /// The cache has cleared what lies behind the end. What a write that is under way has put there already stays untouched: the file's length
    /// does not cover it yet, and the page is marked again when that write is done.
    override func writeBack(_ pageIndex: UInt64, _ frame: PhysicalAddress) throws(Errno) {
        let geometry = fileSystem.geometry
        let start = pageIndex << UInt64(pageShift)
        let end = byteCount
        if start >= end { return }
        let memory = frame.directMapped
        var index = 0
        while index < geometry.blocksPerPage, start + UInt64(index * geometry.blockSize) < end {
            let (block, run) = try writableRun(pageIndex, index, memory, end)
            if block != 0 {
                let sector = UInt64(block) * UInt64(geometry.sectorsPerBlock)
                try fileSystem.device2.write(
                    sector: sector, count: run * geometry.sectorsPerBlock, from: memory + index * geometry.blockSize)
            }
            index += run
        }
    }

    /// The device block of a block of a page, and how many blocks after it follow on the device too. A block that has none
    /// is a hole that was never written, unless the file grew under a mapping: then it gets one now.
    private func writableRun(_ page: UInt64, _ index: Int, _ memory: UnsafeMutableRawPointer, _ end: UInt64) throws(Errno) -> (
        block: UInt32, count: Int
    ) {
        let geometry = fileSystem.geometry
        let first = page * UInt64(geometry.blocksPerPage) + UInt64(index)
        return try fileSystem.withMetadata { () throws(Errno) -> (block: UInt32, count: Int) in
            var block = try node.map(first)
            if block == 0 {
                guard !isZero(memory + index * geometry.blockSize, geometry.blockSize) else { return (0, 1) }
                block = try node.mapAllocating(first).block
            }
            var count = 1
            while index + count < geometry.blocksPerPage, (first + UInt64(count)) * UInt64(geometry.blockSize) < end,
                try node.map(first + UInt64(count)) == block + UInt32(count)
            { count += 1 }
            return (block, count)
        }
    }

    private func isZero(_ memory: UnsafeMutableRawPointer, _ count: Int) -> Bool {
        for offset in stride(from: 0, to: count, by: 8) where memory.load(fromByteOffset: offset, as: UInt64.self) != 0 {
            return false
        }
        return true
    }
}

extension Ext2FileSystem {
    /// Clears a block on the device.
    func clear(_ block: UInt32) throws(Errno) {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: geometry.blockSize, alignment: geometry.blockSize)
        defer { bytes.deallocate() }
        bytes.initializeMemory(as: UInt8.self, repeating: 0, count: geometry.blockSize)
        try device2.write(sector: UInt64(block) * UInt64(geometry.sectorsPerBlock), count: geometry.sectorsPerBlock, from: bytes)
    }
}
