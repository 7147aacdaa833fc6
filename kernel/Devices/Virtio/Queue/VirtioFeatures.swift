/// Feature bits that are not of one kind of device (Virtual I/O Device 1.2, 6).
public enum VirtioFeature {
    public static var indirectDescriptors: UInt64 { 1 << 28 }
    public static var eventIndex: UInt64 { 1 << 29 }
    public static var version1: UInt64 { 1 << 32 }
    public static var accessPlatform: UInt64 { 1 << 33 }
}

/// Bits of the device status field (2.1).
public enum VirtioStatus {
    public static var acknowledge: UInt8 { 1 }
    public static var driver: UInt8 { 2 }
    public static var driverOK: UInt8 { 4 }
    public static var featuresOK: UInt8 { 8 }
    public static var needsReset: UInt8 { 64 }
    public static var failed: UInt8 { 128 }
}

/// The features to accept.
/// - Returns: nil when the device lacks VERSION_1 (a legacy device) or something in `required`.
public func negotiateVirtioFeatures(offered: UInt64, wanted: UInt64, required: UInt64 = 0) -> UInt64? {
    let required = required | VirtioFeature.version1
    guard offered & required == required else { return nil }
    return offered & (wanted | required)
}
