import PCIConfiguration

/// One structure of a modern virtio device's PCI transport (Virtual I/O Device 1.2, 4.1.4): where in which base address
/// register's range it lies.
public struct VirtioCapability: Equatable, Sendable {
    public enum Kind: UInt8, Sendable {
        case common = 1, notification, interruptStatus, device
    }
    public let kind: Kind
    public let bar: Int
    public let offset: Int
    public let byteCount: Int
    /// For `notification`: bytes between the notification addresses of queues whose offsets differ by one.
    public let notifyMultiplier: Int

    /// Decodes a vendor-specific capability; nil when it is of another kind or nonsense.
    public init?<Access: PCIConfigAccess>(_ access: Access, _ address: PCIAddress, _ capability: PCICapability) {
        guard capability.kind == PCICapabilityKind.vendorSpecific,
            let kind = Kind(rawValue: access.read8(address, capability.offset + 3))
        else { return nil }
        let bar = Int(access.read8(address, capability.offset + 4))
        let offset = Int(access.read32(address, capability.offset + 8))
        let byteCount = Int(access.read32(address, capability.offset + 12))
        guard bar < 6, byteCount > 0, byteCount >= kind.minimumByteCount, offset & 3 == 0 || kind == .interruptStatus else {
            return nil
        }
        self.kind = kind
        self.bar = bar
        self.offset = offset
        self.byteCount = byteCount
        notifyMultiplier = kind == .notification ? Int(access.read32(address, capability.offset + 16)) : 0
    }
}

extension VirtioCapability.Kind {
    var minimumByteCount: Int {
        switch self {
        case .common: 56
        case .notification: 2
        case .interruptStatus: 1
        case .device: 1
        }
    }
}

/// The first usable structure of each kind: the device lists them in its order of preference (4.1.4.1).
public struct VirtioCapabilities: Equatable, Sendable {
    public private(set) var common: VirtioCapability?
    public private(set) var notification: VirtioCapability?
    public private(set) var interruptStatus: VirtioCapability?
    public private(set) var device: VirtioCapability?

    public init<Access: PCIConfigAccess>(_ access: Access, _ address: PCIAddress) {
        var result: (VirtioCapability?, VirtioCapability?, VirtioCapability?, VirtioCapability?) = (nil, nil, nil, nil)
        forEachCapability(access, address) { entry in
            guard let capability = VirtioCapability(access, address, entry) else { return }
            switch capability.kind {
            case .common: if result.0 == nil { result.0 = capability }
            case .notification: if result.1 == nil { result.1 = capability }
            case .interruptStatus: if result.2 == nil { result.2 = capability }
            case .device: if result.3 == nil { result.3 = capability }
            }
        }
        common = result.0
        notification = result.1
        interruptStatus = result.2
        device = result.3
    }
}
