// Mode setting (`include/uapi/drm/drm_mode.h`). Members that end in `Pointer` are user addresses of arrays; the count
// beside each is the room there on the way in, and the number of elements that exist on the way out.

/// `struct drm_mode_modeinfo`. Times are in pixels and lines, the clock in kilohertz, the refresh rate in hertz.
public struct DRMModeInfo: BitwiseCopyable, Sendable {
    public var clock: UInt32 = 0
    public var hdisplay: UInt16 = 0
    public var hsyncStart: UInt16 = 0
    public var hsyncEnd: UInt16 = 0
    public var htotal: UInt16 = 0
    public var hskew: UInt16 = 0
    public var vdisplay: UInt16 = 0
    public var vsyncStart: UInt16 = 0
    public var vsyncEnd: UInt16 = 0
    public var vtotal: UInt16 = 0
    public var vscan: UInt16 = 0
    public var vrefresh: UInt32 = 0
    public var flags: UInt32 = 0
    public var type: UInt32 = 0
    /// NUL-terminated.
    public var name: InlineArray<32, UInt8> = .init(repeating: 0)
    public init() {}

    public static var typePreferred: UInt32 { 1 << 3 }
    public static var typeUserDefined: UInt32 { 1 << 5 }
    public static var typeDriver: UInt32 { 1 << 6 }
    public static var flagPositiveHSync: UInt32 { 1 << 0 }
    public static var flagNegativeHSync: UInt32 { 1 << 1 }
    public static var flagPositiveVSync: UInt32 { 1 << 2 }
    public static var flagNegativeVSync: UInt32 { 1 << 3 }
    public static var flagInterlace: UInt32 { 1 << 4 }
    public static var flagDoubleScan: UInt32 { 1 << 5 }
}

/// `struct drm_mode_card_res`.
public struct DRMModeResources: BitwiseCopyable, Sendable {
    public var framebufferPointer: UInt64 = 0
    public var crtcPointer: UInt64 = 0
    public var connectorPointer: UInt64 = 0
    public var encoderPointer: UInt64 = 0
    public var framebufferCount: UInt32 = 0
    public var crtcCount: UInt32 = 0
    public var connectorCount: UInt32 = 0
    public var encoderCount: UInt32 = 0
    public var minWidth: UInt32 = 0
    public var maxWidth: UInt32 = 0
    public var minHeight: UInt32 = 0
    public var maxHeight: UInt32 = 0
    public init() {}
}

/// `struct drm_mode_crtc`.
public struct DRMModeCRTC: BitwiseCopyable, Sendable {
    public var connectorsPointer: UInt64 = 0
    public var connectorCount: UInt32 = 0
    public var crtcID: UInt32 = 0
    public var framebufferID: UInt32 = 0
    public var x: UInt32 = 0
    public var y: UInt32 = 0
    public var gammaSize: UInt32 = 0
    public var modeValid: UInt32 = 0
    public var mode = DRMModeInfo()
    public init() {}
}

/// `struct drm_mode_get_encoder`.
public struct DRMModeEncoder: BitwiseCopyable, Sendable {
    public var encoderID: UInt32 = 0
    public var encoderType: UInt32 = 0
    public var crtcID: UInt32 = 0
    public var possibleCRTCs: UInt32 = 0
    public var possibleClones: UInt32 = 0
    public init() {}

    public static var virtual: UInt32 { 5 }
}

/// `struct drm_mode_get_connector`.
public struct DRMModeConnector: BitwiseCopyable, Sendable {
    public var encodersPointer: UInt64 = 0
    public var modesPointer: UInt64 = 0
    public var propertiesPointer: UInt64 = 0
    public var propertyValuesPointer: UInt64 = 0
    public var modeCount: UInt32 = 0
    public var propertyCount: UInt32 = 0
    public var encoderCount: UInt32 = 0
    public var encoderID: UInt32 = 0
    public var connectorID: UInt32 = 0
    public var connectorType: UInt32 = 0
    public var connectorTypeID: UInt32 = 0
    public var connection: UInt32 = 0
    public var widthMillimetres: UInt32 = 0
    public var heightMillimetres: UInt32 = 0
    public var subpixel: UInt32 = 0
    private var padding: UInt32 = 0
    public init() {}

    public static var connected: UInt32 { 1 }
    public static var disconnected: UInt32 { 2 }
    public static var subpixelUnknown: UInt32 { 1 }
    public static var typeUnknown: UInt32 { 0 }
    public static var typeVirtual: UInt32 { 15 }
}

/// `struct drm_mode_property_enum`.
public struct DRMModePropertyEnum: BitwiseCopyable, Sendable {
    public var value: UInt64 = 0
    public var name: InlineArray<32, UInt8> = .init(repeating: 0)
    public init() {}
}

/// `struct drm_mode_get_property`.
public struct DRMModeProperty: BitwiseCopyable, Sendable {
    public var valuesPointer: UInt64 = 0
    public var enumsPointer: UInt64 = 0
    public var propertyID: UInt32 = 0
    public var flags: UInt32 = 0
    public var name: InlineArray<32, UInt8> = .init(repeating: 0)
    public var valueCount: UInt32 = 0
    public var enumCount: UInt32 = 0
    public init() {}

    public static var range: UInt32 { 1 << 1 }
    public static var immutable: UInt32 { 1 << 2 }
    public static var enumeration: UInt32 { 1 << 3 }
    public static var blob: UInt32 { 1 << 4 }
}

/// `struct drm_mode_connector_set_property`.
public struct DRMModeConnectorSetProperty: BitwiseCopyable, Sendable {
    public var value: UInt64 = 0
    public var propertyID: UInt32 = 0
    public var connectorID: UInt32 = 0
    public init() {}
}

/// `struct drm_mode_obj_get_properties`.
public struct DRMModeObjectProperties: BitwiseCopyable, Sendable {
    public var propertiesPointer: UInt64 = 0
    public var propertyValuesPointer: UInt64 = 0
    public var propertyCount: UInt32 = 0
    public var objectID: UInt32 = 0
    public var objectType: UInt32 = 0
    private var padding: UInt32 = 0
    public init() {}

    public static var any: UInt32 { 0 }
    public static var crtc: UInt32 { 0xcccc_cccc }
    public static var connector: UInt32 { 0xc0c0_c0c0 }
    public static var encoder: UInt32 { 0xe0e0_e0e0 }
    public static var plane: UInt32 { 0xeeee_eeee }
}

/// `struct drm_mode_obj_set_property`.
public struct DRMModeObjectSetProperty: BitwiseCopyable, Sendable {
    public var value: UInt64 = 0
    public var propertyID: UInt32 = 0
    public var objectID: UInt32 = 0
    public var objectType: UInt32 = 0
    private var padding: UInt32 = 0
    public init() {}
}

/// `struct drm_mode_get_blob`.
public struct DRMModeBlob: BitwiseCopyable, Sendable {
    public var blobID: UInt32 = 0
    public var length: UInt32 = 0
    public var dataPointer: UInt64 = 0
    public init() {}
}

/// `struct drm_mode_fb_cmd`.
public struct DRMModeFramebuffer: BitwiseCopyable, Sendable {
    public var framebufferID: UInt32 = 0
    public var width: UInt32 = 0
    public var height: UInt32 = 0
    /// Bytes from one row to the next.
    public var pitch: UInt32 = 0
    public var bitsPerPixel: UInt32 = 0
    public var depth: UInt32 = 0
    public var handle: UInt32 = 0
    public init() {}
}

/// `struct drm_mode_fb_cmd2`.
public struct DRMModeFramebuffer2: BitwiseCopyable, Sendable {
    public var framebufferID: UInt32 = 0
    public var width: UInt32 = 0
    public var height: UInt32 = 0
    /// A format of `drm_fourcc.h`.
    public var pixelFormat: UInt32 = 0
    public var flags: UInt32 = 0
    public var handles: InlineArray<4, UInt32> = .init(repeating: 0)
    public var pitches: InlineArray<4, UInt32> = .init(repeating: 0)
    public var offsets: InlineArray<4, UInt32> = .init(repeating: 0)
    private var padding: UInt32 = 0
    public var modifiers: InlineArray<4, UInt64> = .init(repeating: 0)
    public init() {}

    public static var flagModifiers: UInt32 { 1 << 1 }
}

/// Pixel formats (`include/uapi/drm/drm_fourcc.h`), named from the most significant byte of the little-endian word.
public enum DRMFormat {
    /// `XR24`
    public static var xrgb8888: UInt32 { 0x3432_5258 }
    /// `AR24`
    public static var argb8888: UInt32 { 0x3432_5241 }
}

/// `struct drm_clip_rect`: right and bottom are exclusive.
public struct DRMClipRect: BitwiseCopyable, Sendable {
    public var x1: UInt16 = 0
    public var y1: UInt16 = 0
    public var x2: UInt16 = 0
    public var y2: UInt16 = 0
    public init() {}
    public init(x1: UInt16, y1: UInt16, x2: UInt16, y2: UInt16) {
        self.x1 = x1
        self.y1 = y1
        self.x2 = x2
        self.y2 = y2
    }
}

/// `struct drm_mode_fb_dirty_cmd`.
public struct DRMModeDirty: BitwiseCopyable, Sendable {
    public var framebufferID: UInt32 = 0
    public var flags: UInt32 = 0
    public var color: UInt32 = 0
    public var clipCount: UInt32 = 0
    public var clipsPointer: UInt64 = 0
    public init() {}

    public static var annotateCopy: UInt32 { 1 }
    public static var annotateFill: UInt32 { 2 }
    public static var maxClips: Int { 256 }
}

/// `struct drm_mode_cursor`.
public struct DRMModeCursor: BitwiseCopyable, Sendable {
    public var flags: UInt32 = 0
    public var crtcID: UInt32 = 0
    public var x: Int32 = 0
    public var y: Int32 = 0
    public var width: UInt32 = 0
    public var height: UInt32 = 0
    public var handle: UInt32 = 0
    public init() {}

    /// Sets the image (`handle` 0 hides the cursor).
    public static var image: UInt32 { 1 }
    public static var move: UInt32 { 2 }
}

/// `struct drm_mode_cursor2`.
public struct DRMModeCursor2: BitwiseCopyable, Sendable {
    public var cursor = DRMModeCursor()
    public var hotX: Int32 = 0
    public var hotY: Int32 = 0
    public init() {}
}

/// `struct drm_mode_crtc_lut`.
public struct DRMModeGamma: BitwiseCopyable, Sendable {
    public var crtcID: UInt32 = 0
    public var gammaSize: UInt32 = 0
    public var redPointer: UInt64 = 0
    public var greenPointer: UInt64 = 0
    public var bluePointer: UInt64 = 0
    public init() {}
}

/// `struct drm_mode_crtc_page_flip`.
public struct DRMModePageFlip: BitwiseCopyable, Sendable {
    public var crtcID: UInt32 = 0
    public var framebufferID: UInt32 = 0
    public var flags: UInt32 = 0
    public var reserved: UInt32 = 0
    public var userData: UInt64 = 0
    public init() {}

    public static var event: UInt32 { 1 }
    public static var async: UInt32 { 2 }
}

/// `struct drm_mode_create_dumb`.
public struct DRMModeCreateDumb: BitwiseCopyable, Sendable {
    public var height: UInt32 = 0
    public var width: UInt32 = 0
    public var bitsPerPixel: UInt32 = 0
    public var flags: UInt32 = 0
    public var handle: UInt32 = 0
    public var pitch: UInt32 = 0
    public var size: UInt64 = 0
    public init() {}
}

/// `struct drm_mode_map_dumb`.
public struct DRMModeMapDumb: BitwiseCopyable, Sendable {
    public var handle: UInt32 = 0
    private var padding: UInt32 = 0
    /// What to pass to mmap as the offset.
    public var offset: UInt64 = 0
    public init() {}
}

/// `struct drm_mode_get_plane_res`.
public struct DRMModePlaneResources: BitwiseCopyable, Sendable {
    public var planesPointer: UInt64 = 0
    public var planeCount: UInt32 = 0
    private var padding: UInt32 = 0
    public init() {}
}

/// `struct drm_mode_get_plane`.
public struct DRMModePlane: BitwiseCopyable, Sendable {
    public var planeID: UInt32 = 0
    public var crtcID: UInt32 = 0
    public var framebufferID: UInt32 = 0
    public var possibleCRTCs: UInt32 = 0
    public var gammaSize: UInt32 = 0
    public var formatCount: UInt32 = 0
    public var formatsPointer: UInt64 = 0
    public init() {}
}
