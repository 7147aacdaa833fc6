/// Kinds of capability (PCI Code and ID Assignment Specification, 2).
public enum PCICapabilityKind {
    public static var msi: UInt8 { 0x05 }
    public static var vendorSpecific: UInt8 { 0x09 }
    public static var msix: UInt8 { 0x11 }
}

/// One entry of a function's list of capabilities.
public struct PCICapability: Equatable, Sendable {
    public let kind: UInt8
    /// Of the entry in configuration space.
    public let offset: UInt16
}

/// Walks the list of capabilities. The list comes from the device: the walk ends at the first link that makes no sense, and
/// after 48 entries, which is more than 192 bytes can hold.
public func forEachCapability<Access: PCIConfigAccess>(
    _ access: Access, _ address: PCIAddress, _ body: (PCICapability) -> Void
) {
    guard access.read16(address, PCIRegister.status) & 0x10 != 0 else { return }
    var pointer = access.read8(address, PCIRegister.capabilities) & 0xFC
    for _ in 0..<48 {
        guard pointer >= 0x40 else { return }
        let head = access.read32(address, UInt16(pointer))
        let kind = UInt8(truncatingIfNeeded: head)
        guard kind != 0xFF else { return }
        body(PCICapability(kind: kind, offset: UInt16(pointer)))
        pointer = UInt8(truncatingIfNeeded: head >> 8) & 0xFC
    }
}
