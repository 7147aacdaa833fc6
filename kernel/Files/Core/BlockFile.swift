import ABI
import Frames
import Support

/// An open disk: reads and writes go to the device through a bounce page, whatever their offset and length.
public final class BlockFile: OpenFile {
    private let device: BlockDevice
    /// Protected by `lock`, which also makes each transfer one piece.
    private var position: UInt64 = 0
    private let lock = CompactLock()

    public init(flags: OpenFlags, inode: Inode, path: PathNode?, device: BlockDevice) {
        self.device = device
        super.init(flags: flags, inode: inode, path: path)
    }

    private var byteCount: UInt64 { device.sectorCount * UInt64(BlockDevice.sectorSize) }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        try lock.withLock { () throws(Errno) -> Int in
            let count = try transfer(&buffer, at: position, writes: false)
            position += UInt64(count)
            return count
        }
    }

    public override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        try lock.withLock { () throws(Errno) -> Int in
            let count = try transfer(&buffer, at: position, writes: true)
            position += UInt64(count)
            return count
        }
    }

    public override func read(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int {
        try lock.withLock { () throws(Errno) -> Int in try transfer(&buffer, at: offset, writes: false) }
    }

    public override func write(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int {
        try lock.withLock { () throws(Errno) -> Int in try transfer(&buffer, at: offset, writes: true) }
    }

    private func transfer(_ buffer: inout TransferBuffer, at start: UInt64, writes: Bool) throws(Errno) -> Int {
        let size = byteCount
        if start >= size {
            if writes, buffer.remaining > 0 { throw .noSpace }
            return 0
        }
        buffer.limit(to: Int(clamping: size - start))
        guard let page = FrameAllocator.allocate() else { throw .outOfMemory }
        defer { FrameAllocator.release(page) }
        let memory = page.directMapped
        var offset = start
        do throws(Errno) {
            while buffer.remaining > 0 {
                let within = Int(offset % UInt64(pageSize))
                let first = (offset - UInt64(within)) / UInt64(BlockDevice.sectorSize)
                let sectors = Int(min(UInt64(pageSize / BlockDevice.sectorSize), device.sectorCount - first))
                let count = min(buffer.remaining, sectors * BlockDevice.sectorSize - within)
                if !writes || count < sectors * BlockDevice.sectorSize {
                    try device.read(sector: first, count: sectors, into: memory)
                }
                let moved =
                    writes
                    ? try buffer.drain(into: memory + within, count: count) : try buffer.fill(from: memory + within, count: count)
                if writes { try device.write(sector: first, count: sectors, from: memory) }
                offset += UInt64(moved)
                if moved < count { break }
            }
        } catch {
            if offset == start { throw error }
        }
        return Int(offset - start)
    }

    public override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 {
        try lock.withLock { () throws(Errno) -> Int64 in
            let base: Int64
            switch whence {
            case 0: base = 0
            case 1: base = Int64(clamping: position)
            case 2: base = Int64(clamping: byteCount)
            default: throw .invalidArgument
            }
            let (target, overflows) = base.addingReportingOverflow(offset)
            guard !overflows, target >= 0 else { throw .invalidArgument }
            position = UInt64(target)
            return target
        }
    }

    public override func synchronize() throws(Errno) { try device.flush() }

    public override func attributes() throws(Errno) -> FileAttributes { try inode!.attributes() }

    public override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        switch request {
        case 0x1260: try copyOut(device.sectorCount, to: UserAddress(argument))  // BLKGETSIZE
        case 0x8008_1272: try copyOut(byteCount, to: UserAddress(argument))  // BLKGETSIZE64
        case 0x1268: try copyOut(Int32(BlockDevice.sectorSize), to: UserAddress(argument))  // BLKSSZGET
        case 0x1261: try device.flush()  // BLKFLSBUF
        default: throw .notTerminal
        }
        return 0
    }
}
