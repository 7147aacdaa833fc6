// The configuration header of a function (PCI Local Bus Specification 3.0, 6.1 and 6.2.5).

/// Offsets of the registers that both header types share, or that type 0 has.
public enum PCIRegister {
    public static var vendor: UInt16 { 0x00 }
    public static var device: UInt16 { 0x02 }
    public static var command: UInt16 { 0x04 }
    public static var status: UInt16 { 0x06 }
    public static var revision: UInt16 { 0x08 }
    public static var headerType: UInt16 { 0x0E }
    public static var bar0: UInt16 { 0x10 }
    public static var busNumbers: UInt16 { 0x18 }
    public static var subsystem: UInt16 { 0x2C }
    public static var capabilities: UInt16 { 0x34 }
    public static var interruptLine: UInt16 { 0x3C }
    public static var interruptPin: UInt16 { 0x3D }
}

/// Bits of the command register.
public struct PCICommand: OptionSet, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static var ioSpace: PCICommand { PCICommand(rawValue: 1) }
    public static var memorySpace: PCICommand { PCICommand(rawValue: 2) }
    public static var busMaster: PCICommand { PCICommand(rawValue: 4) }
    public static var interruptDisable: PCICommand { PCICommand(rawValue: 1 << 10) }
}

/// Who made a function, and what it is.
public struct PCIIdentity: Equatable, Sendable {
    public let vendor: UInt16
    public let device: UInt16
    public let subsystemVendor: UInt16
    public let subsystemDevice: UInt16
    public let baseClass: UInt8
    public let subclass: UInt8
    public let interface: UInt8
    public let revision: UInt8
    /// 0 for devices, 1 for bridges to another bus.
    public let headerType: UInt8

    /// Reads it; nil when no function answers at that address.
    public init?<Access: PCIConfigAccess>(_ access: Access, _ address: PCIAddress) {
        let id = access.read32(address, PCIRegister.vendor)
        guard id & 0xFFFF != 0xFFFF, id & 0xFFFF != 0 else { return nil }
        vendor = UInt16(truncatingIfNeeded: id)
        device = UInt16(truncatingIfNeeded: id >> 16)
        let kind = access.read32(address, PCIRegister.revision)
        revision = UInt8(truncatingIfNeeded: kind)
        interface = UInt8(truncatingIfNeeded: kind >> 8)
        subclass = UInt8(truncatingIfNeeded: kind >> 16)
        baseClass = UInt8(truncatingIfNeeded: kind >> 24)
        headerType = access.read8(address, PCIRegister.headerType) & 0x7F
        let subsystem = headerType == 0 ? access.read32(address, PCIRegister.subsystem) : 0
        subsystemVendor = UInt16(truncatingIfNeeded: subsystem)
        subsystemDevice = UInt16(truncatingIfNeeded: subsystem >> 16)
    }
}

/// A range of addresses that a function decodes (base address register).
public struct PCIBaseAddress: Equatable, Sendable {
    public enum Space: Sendable { case io, memory }
    public let space: Space
    public let base: UInt64
    public let byteCount: UInt64
    public let isPrefetchable: Bool

    /// Reads and sizes one of a type 0 function's registers.
    ///
    /// Decoding is off while the register holds the probe value, so that the function does not answer at a wrong address.
    /// - Parameter index: 0…5; the upper half of a 64-bit register has no range of its own.
    /// - Returns: nil when the register is not implemented, was not assigned by the firmware, or makes no sense.
    public init?<Access: PCIConfigAccess>(_ access: Access, _ address: PCIAddress, index: Int) {
        guard index >= 0, index < 6 else { return nil }
        let offset = PCIRegister.bar0 + UInt16(index) * 4
        let command = access.read16(address, PCIRegister.command)
        access.write16(
            address, PCIRegister.command,
            command & ~(PCICommand.ioSpace.rawValue | PCICommand.memorySpace.rawValue))
        defer { access.write16(address, PCIRegister.command, command) }

        let low = access.read32(address, offset)
        let lowMask = Self.probe(access, address, offset, low)
        if low & 1 != 0 {
            let size = ~(lowMask & ~3) & 0xFFFF
            guard lowMask & 0xFFFC != 0, low & ~3 != 0 else { return nil }
            space = .io
            base = UInt64(low & 0xFFFC)
            byteCount = UInt64(size) + 1
            isPrefetchable = false
            return
        }
        space = .memory
        isPrefetchable = low & 8 != 0
        switch low >> 1 & 3 {
        case 0:
            guard lowMask & ~0xF != 0 else { return nil }
            base = UInt64(low & ~0xF)
            byteCount = UInt64(~(lowMask & ~0xF)) + 1
        case 2:
            guard index < 5 else { return nil }
            let high = access.read32(address, offset + 4)
            let highMask = Self.probe(access, address, offset + 4, high)
            let mask = UInt64(highMask) << 32 | UInt64(lowMask & ~0xF)
            guard mask != 0 else { return nil }
            base = UInt64(high) << 32 | UInt64(low & ~0xF)
            byteCount = ~mask &+ 1
        default:
            return nil
        }
        // A size is a power of two and the base a multiple of it; anything else is a broken or hostile device.
        guard base != 0, byteCount & (byteCount &- 1) == 0, byteCount >= 16, base & (byteCount &- 1) == 0,
            base <= 1 << 52, byteCount <= 1 << 46
        else { return nil }
    }

    private static func probe<Access: PCIConfigAccess>(
        _ access: Access, _ address: PCIAddress, _ offset: UInt16, _ original: UInt32
    ) -> UInt32 {
        access.write32(address, offset, 0xFFFF_FFFF)
        let mask = access.read32(address, offset)
        access.write32(address, offset, original)
        return mask
    }
}
