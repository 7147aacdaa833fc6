// The core of the Direct Rendering Manager's interface (`include/uapi/drm/drm.h`): version, capabilities, vertical blanks
// and events. Mode setting is in DRMMode.swift. The layouts are asserted in Tests/DevicesTests.

/// `struct drm_version`. The pointers are user addresses; the lengths are the room at them, and then the real lengths.
public struct DRMVersion: BitwiseCopyable, Sendable {
    public var major: Int32 = 0
    public var minor: Int32 = 0
    public var patchLevel: Int32 = 0
    private var padding: UInt32 = 0
    public var nameLength: UInt64 = 0
    public var name: UInt64 = 0
    public var dateLength: UInt64 = 0
    public var date: UInt64 = 0
    public var descriptionLength: UInt64 = 0
    public var description: UInt64 = 0
    public init() {}
}

/// `struct drm_unique`.
public struct DRMUnique: BitwiseCopyable, Sendable {
    public var length: UInt64 = 0
    public var unique: UInt64 = 0
    public init() {}
}

/// `struct drm_auth`.
public struct DRMAuthentication: BitwiseCopyable, Sendable {
    public var magic: UInt32 = 0
    public init() {}
}

/// `struct drm_client`.
public struct DRMClient: BitwiseCopyable, Sendable {
    public var index: Int32 = 0
    public var authenticated: Int32 = 0
    public var pid: UInt64 = 0
    public var uid: UInt64 = 0
    public var magic: UInt64 = 0
    public var requestCount: UInt64 = 0
    public init() {}
}

/// `struct drm_set_version`.
public struct DRMSetVersion: BitwiseCopyable, Sendable {
    public var interfaceMajor: Int32 = 0
    public var interfaceMinor: Int32 = 0
    public var driverMajor: Int32 = 0
    public var driverMinor: Int32 = 0
    public init() {}
}

/// `struct drm_get_cap` and `struct drm_set_client_cap`: a capability and its value.
public struct DRMCapability: BitwiseCopyable, Sendable {
    public var capability: UInt64 = 0
    public var value: UInt64 = 0
    public init() {}

    // Of the device (DRM_IOCTL_GET_CAP).
    public static var dumbBuffer: UInt64 { 0x1 }
    public static var vblankHighCRTC: UInt64 { 0x2 }
    public static var dumbPreferredDepth: UInt64 { 0x3 }
    public static var dumbPreferShadow: UInt64 { 0x4 }
    public static var prime: UInt64 { 0x5 }
    public static var timestampMonotonic: UInt64 { 0x6 }
    public static var asyncPageFlip: UInt64 { 0x7 }
    public static var cursorWidth: UInt64 { 0x8 }
    public static var cursorHeight: UInt64 { 0x9 }
    public static var addFB2Modifiers: UInt64 { 0x10 }
    public static var pageFlipTarget: UInt64 { 0x11 }
    public static var crtcInVBlankEvent: UInt64 { 0x12 }
    public static var syncObject: UInt64 { 0x13 }
    public static var syncObjectTimeline: UInt64 { 0x14 }

    // Of the client (DRM_IOCTL_SET_CLIENT_CAP).
    public static var clientStereo3D: UInt64 { 1 }
    public static var clientUniversalPlanes: UInt64 { 2 }
    public static var clientAtomic: UInt64 { 3 }
    public static var clientAspectRatio: UInt64 { 4 }
    public static var clientWritebackConnectors: UInt64 { 5 }
}

/// `struct drm_gem_close`.
public struct DRMGEMClose: BitwiseCopyable, Sendable {
    public var handle: UInt32 = 0
    private var padding: UInt32 = 0
    public init() {}
}

/// `union drm_wait_vblank`: the request's and the reply's members in the same place.
public struct DRMWaitVBlank: BitwiseCopyable, Sendable {
    public var type: UInt32 = 0
    public var sequence: UInt32 = 0
    /// In the request what an event carries (`signal`); in the reply the seconds.
    public var signalOrSeconds: UInt64 = 0
    /// In the reply the microseconds.
    public var microseconds: UInt64 = 0
    public init() {}

    public static var relative: UInt32 { 0x1 }
    public static var highCRTCMask: UInt32 { 0x3E }
    public static var event: UInt32 { 0x400_0000 }
    public static var flip: UInt32 { 0x800_0000 }
    public static var nextOnMiss: UInt32 { 0x1000_0000 }
    public static var secondary: UInt32 { 0x2000_0000 }
    public static var signal: UInt32 { 0x4000_0000 }
}

/// `struct drm_event_vblank`: what reading from the device gives.
public struct DRMEventVBlank: BitwiseCopyable, Sendable {
    public var type: UInt32 = 0
    public var length: UInt32 = 32
    public var userData: UInt64 = 0
    public var seconds: UInt32 = 0
    public var microseconds: UInt32 = 0
    public var sequence: UInt32 = 0
    public var crtcID: UInt32 = 0
    public init() {}

    public static var vblank: UInt32 { 1 }
    public static var flipComplete: UInt32 { 2 }
}

/// The requests, of type `d`.
public enum DRMRequest {
    public static var type: UInt8 { 0x64 }

    public static var version: IoctlRequest { .exchange(type, 0x00, DRMVersion.self) }
    public static var getUnique: IoctlRequest { .exchange(type, 0x01, DRMUnique.self) }
    public static var getMagic: IoctlRequest { .read(type, 0x02, DRMAuthentication.self) }
    public static var getClient: IoctlRequest { .exchange(type, 0x05, DRMClient.self) }
    public static var setVersion: IoctlRequest { .exchange(type, 0x07, DRMSetVersion.self) }
    public static var gemClose: IoctlRequest { .write(type, 0x09, DRMGEMClose.self) }
    public static var getCapability: IoctlRequest { .exchange(type, 0x0C, DRMCapability.self) }
    public static var setClientCapability: IoctlRequest { .write(type, 0x0D, DRMCapability.self) }
    public static var authenticate: IoctlRequest { .write(type, 0x11, DRMAuthentication.self) }
    public static var setMaster: IoctlRequest { .plain(type, 0x1E) }
    public static var dropMaster: IoctlRequest { .plain(type, 0x1F) }
    public static var primeHandleToDescriptor: UInt8 { 0x2D }
    public static var primeDescriptorToHandle: UInt8 { 0x2E }
    public static var waitVBlank: IoctlRequest { .exchange(type, 0x3A, DRMWaitVBlank.self) }
    public static var getResources: IoctlRequest { .exchange(type, 0xA0, DRMModeResources.self) }
    public static var getCRTC: IoctlRequest { .exchange(type, 0xA1, DRMModeCRTC.self) }
    public static var setCRTC: IoctlRequest { .exchange(type, 0xA2, DRMModeCRTC.self) }
    public static var cursor: IoctlRequest { .exchange(type, 0xA3, DRMModeCursor.self) }
    public static var getGamma: IoctlRequest { .exchange(type, 0xA4, DRMModeGamma.self) }
    public static var setGamma: IoctlRequest { .exchange(type, 0xA5, DRMModeGamma.self) }
    public static var getEncoder: IoctlRequest { .exchange(type, 0xA6, DRMModeEncoder.self) }
    public static var getConnector: IoctlRequest { .exchange(type, 0xA7, DRMModeConnector.self) }
    public static var getProperty: IoctlRequest { .exchange(type, 0xAA, DRMModeProperty.self) }
    public static var setProperty: IoctlRequest { .exchange(type, 0xAB, DRMModeConnectorSetProperty.self) }
    public static var getPropertyBlob: IoctlRequest { .exchange(type, 0xAC, DRMModeBlob.self) }
    public static var getFramebuffer: IoctlRequest { .exchange(type, 0xAD, DRMModeFramebuffer.self) }
    public static var addFramebuffer: IoctlRequest { .exchange(type, 0xAE, DRMModeFramebuffer.self) }
    public static var removeFramebuffer: IoctlRequest { .exchange(type, 0xAF, UInt32.self) }
    public static var pageFlip: IoctlRequest { .exchange(type, 0xB0, DRMModePageFlip.self) }
    public static var dirtyFramebuffer: IoctlRequest { .exchange(type, 0xB1, DRMModeDirty.self) }
    public static var createDumb: IoctlRequest { .exchange(type, 0xB2, DRMModeCreateDumb.self) }
    public static var mapDumb: IoctlRequest { .exchange(type, 0xB3, DRMModeMapDumb.self) }
    public static var destroyDumb: IoctlRequest { .exchange(type, 0xB4, UInt32.self) }
    public static var getPlaneResources: IoctlRequest { .exchange(type, 0xB5, DRMModePlaneResources.self) }
    public static var getPlane: IoctlRequest { .exchange(type, 0xB6, DRMModePlane.self) }
    public static var addFramebuffer2: IoctlRequest { .exchange(type, 0xB8, DRMModeFramebuffer2.self) }
    public static var getObjectProperties: IoctlRequest { .exchange(type, 0xB9, DRMModeObjectProperties.self) }
    public static var setObjectProperty: IoctlRequest { .exchange(type, 0xBA, DRMModeObjectSetProperty.self) }
    public static var cursor2: IoctlRequest { .exchange(type, 0xBB, DRMModeCursor2.self) }
}
