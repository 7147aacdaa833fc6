/// Where a function sits: bus, device (0…31) and function (0…7).
public struct PCIAddress: Equatable, Sendable {
    public let bus: UInt8
    public let device: UInt8
    public let function: UInt8

    /// Fails for a device or function number that does not exist.
    public init?(bus: UInt8, device: UInt8, function: UInt8) {
        guard device < 32, function < 8 else { return nil }
        self.bus = bus
        self.device = device
        self.function = function
    }

    /// The 16-bit requester identifier: bus, device and function packed.
    public var requesterID: UInt16 { UInt16(bus) << 8 | UInt16(device) << 3 | UInt16(function) }
}

/// A way to reach configuration space: the configuration ports, a memory window (ECAM), or a test's model.
///
/// `offset` is a multiple of 4 below 4096. What lies beyond the reach of an access reads as all ones and ignores writes.
public protocol PCIConfigAccess {
    func read32(_ address: PCIAddress, _ offset: UInt16) -> UInt32
    func write32(_ address: PCIAddress, _ offset: UInt16, _ value: UInt32)
    /// A write of one half of the word at `offset & ~3`. The command register needs it: its upper neighbour, the status
    /// register, is cleared by writing ones.
    func write16(_ address: PCIAddress, _ offset: UInt16, _ value: UInt16)
}

extension PCIConfigAccess {
    public func read16(_ address: PCIAddress, _ offset: UInt16) -> UInt16 {
        UInt16(truncatingIfNeeded: read32(address, offset & ~3) >> (UInt32(offset & 2) * 8))
    }
    public func read8(_ address: PCIAddress, _ offset: UInt16) -> UInt8 {
        UInt8(truncatingIfNeeded: read32(address, offset & ~3) >> (UInt32(offset & 3) * 8))
    }
}
