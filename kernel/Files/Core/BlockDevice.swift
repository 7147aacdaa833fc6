import ABI
import Support

/// A piece of memory for a transfer to or from a disk: physically contiguous, in whole sectors.
public struct BlockSegment {
    public var physical: PhysicalAddress
    public var byteCount: Int
    public init(physical: PhysicalAddress, byteCount: Int) {
        self.physical = physical
        self.byteCount = byteCount
    }
    public init(directMapped memory: UnsafeRawPointer, byteCount: Int) {
        self.init(physical: PhysicalAddress(directMapped: memory), byteCount: byteCount)
    }
}

/// A disk: sectors of 512 bytes that can be read and written. Subclassed by drivers.
open class BlockDevice {
    public static let sectorSize = 512

    public init() {}

    /// The number of 512-byte sectors.
    open var sectorCount: UInt64 { 0 }
    /// Whether writing always fails.
    open var isReadOnly: Bool { false }

    /// Reads `count` sectors. Sleeps until they are there.
    /// - Parameter memory: kernel memory inside the direct map, physically contiguous, aligned to 512 bytes.
    open func read(sector: UInt64, count: Int, into memory: UnsafeMutableRawPointer) throws(Errno) { throw .ioError }
    /// Reads consecutive sectors into whole pages that need not be contiguous.
    public final func read(sector: UInt64, pages: UnsafeBufferPointer<PhysicalAddress>) throws(Errno) {
        if pages.count == 1 { return try read(sector: sector, count: pageSize / Self.sectorSize, into: pages[0].directMapped) }
        var segments: [BlockSegment] = []
        segments.reserveCapacity(pages.count)
        for index in 0..<pages.count { segments.append(BlockSegment(physical: pages[index], byteCount: pageSize)) }
        try read(sector: sector, into: segments)
    }
    /// Writes `count` sectors. Sleeps until the device has taken them.
    open func write(sector: UInt64, count: Int, from memory: UnsafeRawPointer) throws(Errno) { throw .ioError }
    /// Reads consecutive sectors into several pieces of memory: a driver may do it as one request.
    open func read(sector: UInt64, into segments: [BlockSegment]) throws(Errno) {
        var sector = sector
        for segment in segments {
            let count = segment.byteCount / Self.sectorSize
            try read(sector: sector, count: count, into: segment.physical.directMapped)
            sector += UInt64(count)
        }
    }
    /// Writes consecutive sectors from several pieces of memory.
    open func write(sector: UInt64, from segments: [BlockSegment]) throws(Errno) {
        var sector = sector
        for segment in segments {
            let count = segment.byteCount / Self.sectorSize
            try write(sector: sector, count: count, from: segment.physical.directMapped)
            sector += UInt64(count)
        }
    }
    /// Makes everything that was written survive a loss of power.
    open func flush() throws(Errno) {}

    /// Whether a range of sectors lies on the device.
    public final func contains(sector: UInt64, count: Int) -> Bool {
        count >= 0 && sector <= sectorCount && UInt64(count) <= sectorCount - sector
    }
}

/// The disks of the machine, by name (`vda`) and number.
public enum BlockRegistry {
    private static let major: UInt32 = 254
    private static let nextMinor = SpinLock<UInt32>(0)

    /// Registers a disk; its node appears in /dev.
    public static func register(_ name: String, _ device: BlockDevice) {
        let minor = nextMinor.withLock { minor in
            defer { minor += 16 }
            return minor
        }
        DeviceRegistry.add(
            DeviceRecord(
                number: DeviceNumber(major: major, minor: minor), name: Array(name.utf8), mode: 0o660,
                opener: nil, blockDevice: device))
    }

    /// The disk with this name, for `root=/dev/vda`.
    public static func device(named name: [UInt8]) -> BlockDevice? {
        for device in DeviceRegistry.all where device.isBlock && device.name == name { return device.blockDevice }
        return nil
    }

    /// The disk with this number, for mount(2).
    public static func device(_ number: DeviceNumber) -> BlockDevice? { DeviceRegistry.find(number, isBlock: true)?.blockDevice }

    /// The number of a disk.
    public static func number(of device: BlockDevice) -> DeviceNumber? {
        for record in DeviceRegistry.all where record.blockDevice === device { return record.number }
        return nil
    }

    static func open(_ inode: Inode, flags: OpenFlags, path: PathNode?) throws(Errno) -> OpenFile {
        guard let device = device(inode.special) else { throw .noDeviceOrAddress }
        return BlockFile(flags: flags, inode: inode, path: path, device: device)
    }
}
