import ABI
import Files
import Support

/// A disk that is a piece of RAM: the root file system that the boot loader brought as a module. Changes are lost at the end.
public final class RAMDisk: BlockDevice {
    private let physical: PhysicalAddress
    private let sectors: UInt64

    /// - Parameters:
    ///   - physical: the memory, which belongs to the disk from now on; it must be in the direct map.
    ///   - byteCount: its length; an incomplete last sector is not used.
    public init(physical: PhysicalAddress, byteCount: UInt64) {
        self.physical = physical
        sectors = byteCount / UInt64(BlockDevice.sectorSize)
    }

    public override var sectorCount: UInt64 { sectors }

    public override func read(sector: UInt64, count: Int, into memory: UnsafeMutableRawPointer) throws(Errno) {
        guard contains(sector: sector, count: count) else { throw .ioError }
        memory.copyMemory(from: place(sector), byteCount: count * BlockDevice.sectorSize)
    }

    public override func write(sector: UInt64, count: Int, from memory: UnsafeRawPointer) throws(Errno) {
        guard contains(sector: sector, count: count) else { throw .ioError }
        place(sector).copyMemory(from: memory, byteCount: count * BlockDevice.sectorSize)
    }

    /// SAFETY: called for sectors that `contains` has accepted, so the place lies in the disk's memory.
    private func place(_ sector: UInt64) -> UnsafeMutableRawPointer {
        (physical + sector * UInt64(BlockDevice.sectorSize)).directMapped
    }
}
