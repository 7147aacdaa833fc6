import PCIConfiguration
import Processor
import Support

/// Configuration space through the ports 0xCF8 (address) and 0xCFC (data): mechanism #1 of PCI Local Bus Specification 3.0,
/// 3.2.2.3.2. It reaches the first 256 bytes of each function.
public struct PortConfigAccess: PCIConfigAccess {
    /// Address and data are two accesses: nobody may come between them.
    private static let ports = SpinLock<Void>(())

    public init() {}

    public func read32(_ address: PCIAddress, _ offset: UInt16) -> UInt32 {
        guard offset < 256 else { return 0xFFFF_FFFF }
        return Self.ports.withLock { _ in
            Port.out32(0xCF8, Self.select(address, offset))
            return Port.in32(0xCFC)
        }
    }

    public func write32(_ address: PCIAddress, _ offset: UInt16, _ value: UInt32) {
        guard offset < 256 else { return }
        Self.ports.withLock { _ in
            Port.out32(0xCF8, Self.select(address, offset))
            Port.out32(0xCFC, value)
        }
    }

    public func write16(_ address: PCIAddress, _ offset: UInt16, _ value: UInt16) {
        guard offset < 256 else { return }
        Self.ports.withLock { _ in
            Port.out32(0xCF8, Self.select(address, offset))
            Port.out16(0xCFC + (offset & 2), value)
        }
    }

    private static func select(_ address: PCIAddress, _ offset: UInt16) -> UInt32 {
        0x8000_0000 | UInt32(address.requesterID) << 8 | UInt32(offset & 0xFC)
    }
}
