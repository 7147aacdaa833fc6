import Frames
import PCIConfiguration
import Processor
import Support

/// Device registers that are mapped into the kernel, uncached. Mappings of devices live as long as the kernel.
public struct MappedWindow: RegisterWindow {
    private let base: UnsafeMutableRawPointer
    public let byteCount: Int

    /// - Returns: nil when the kernel has no room to map it.
    public init?(physical: PhysicalAddress, byteCount: Int) {
        guard let base = KernelMap.mapDevice(physical, byteCount: byteCount, caching: .uncached) else { return nil }
        self.base = base
        self.byteCount = byteCount
    }

    private init(base: UnsafeMutableRawPointer, byteCount: Int) {
        self.base = base
        self.byteCount = byteCount
    }

    /// A part of it; nil when it does not lie inside.
    public func part(offset: Int, byteCount count: Int) -> MappedWindow? {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else { return nil }
        return MappedWindow(base: base + offset, byteCount: count)
    }

    // SAFETY of all accesses: `base` maps `byteCount` bytes of device memory, and the precondition keeps offsets inside.
    private func address(_ offset: Int, _ width: Int) -> UnsafeMutableRawPointer {
        precondition(offset >= 0 && offset <= byteCount - width)
        return base + offset
    }
    public func read8(_ offset: Int) -> UInt8 { MMIO.read8(address(offset, 1)) }
    public func read16(_ offset: Int) -> UInt16 { MMIO.read16(address(offset, 2)) }
    public func read32(_ offset: Int) -> UInt32 { MMIO.read32(address(offset, 4)) }
    public func write8(_ offset: Int, _ value: UInt8) { MMIO.write8(address(offset, 1), value) }
    public func write16(_ offset: Int, _ value: UInt16) { MMIO.write16(address(offset, 2), value) }
    public func write32(_ offset: Int, _ value: UInt32) { MMIO.write32(address(offset, 4), value) }
}
