// Commands and responses of virtio-gpu's 2D mode (Virtual I/O Device 1.2, 5.7.6). All fields are little-endian.

/// Types of commands and responses.
public enum GPUCommand {
    public static var getDisplayInfo: UInt32 { 0x0100 }
    public static var resourceCreate2D: UInt32 { 0x0101 }
    public static var resourceUnref: UInt32 { 0x0102 }
    public static var setScanout: UInt32 { 0x0103 }
    public static var resourceFlush: UInt32 { 0x0104 }
    public static var transferToHost2D: UInt32 { 0x0105 }
    public static var attachBacking: UInt32 { 0x0106 }
    public static var detachBacking: UInt32 { 0x0107 }
    public static var getEDID: UInt32 { 0x010A }
    public static var updateCursor: UInt32 { 0x0300 }
    public static var moveCursor: UInt32 { 0x0301 }
    public static var responseOK: UInt32 { 0x1100 }
    public static var responseDisplayInfo: UInt32 { 0x1101 }
    public static var responseEDID: UInt32 { 0x1104 }
    public static var responseErrors: UInt32 { 0x1200 }

    public static var flagFence: UInt32 { 1 }
    /// Feature bit: GET_EDID exists.
    public static var featureEDID: UInt64 { 1 << 1 }
    /// Bit of `events_read`: the display information has changed.
    public static var eventDisplay: UInt32 { 1 }
    public static var maxScanouts: Int { 16 }
}

/// Pixel formats, named from the lowest byte in memory.
public enum GPUFormat {
    public static var b8g8r8a8: UInt32 { 1 }
    public static var b8g8r8x8: UInt32 { 2 }
}

/// `virtio_gpu_ctrl_hdr`
public struct GPUHeader: BitwiseCopyable, Sendable {
    public var type: UInt32 = 0
    public var flags: UInt32 = 0
    public var fence: UInt64 = 0
    public var context: UInt32 = 0
    private var padding: UInt32 = 0
    public init(_ type: UInt32 = 0) { self.type = type }
}

/// `virtio_gpu_rect`
public struct GPURect: BitwiseCopyable, Sendable {
    public var x: UInt32 = 0
    public var y: UInt32 = 0
    public var width: UInt32 = 0
    public var height: UInt32 = 0
    public init() {}
    public init(_ rect: ScreenRect) {
        x = UInt32(max(rect.x1, 0))
        y = UInt32(max(rect.y1, 0))
        width = UInt32(max(rect.width, 0))
        height = UInt32(max(rect.height, 0))
    }
}

/// `virtio_gpu_resource_create_2d`
public struct GPUResourceCreate2D: BitwiseCopyable, Sendable {
    public var header = GPUHeader(GPUCommand.resourceCreate2D)
    public var resource: UInt32
    public var format: UInt32
    public var width: UInt32
    public var height: UInt32
    public init(resource: UInt32, format: UInt32, width: UInt32, height: UInt32) {
        self.resource = resource
        self.format = format
        self.width = width
        self.height = height
    }
}

/// `virtio_gpu_resource_unref` and `virtio_gpu_resource_detach_backing`
public struct GPUResourceReference: BitwiseCopyable, Sendable {
    public var header: GPUHeader
    public var resource: UInt32
    private var padding: UInt32 = 0
    public init(_ command: UInt32, resource: UInt32) {
        header = GPUHeader(command)
        self.resource = resource
    }
}

/// `virtio_gpu_set_scanout`
public struct GPUSetScanout: BitwiseCopyable, Sendable {
    public var header = GPUHeader(GPUCommand.setScanout)
    public var rect: GPURect
    public var scanout: UInt32
    public var resource: UInt32
    public init(rect: GPURect, scanout: UInt32, resource: UInt32) {
        self.rect = rect
        self.scanout = scanout
        self.resource = resource
    }
}

/// `virtio_gpu_resource_flush`
public struct GPUResourceFlush: BitwiseCopyable, Sendable {
    public var header = GPUHeader(GPUCommand.resourceFlush)
    public var rect: GPURect
    public var resource: UInt32
    private var padding: UInt32 = 0
    public init(rect: GPURect, resource: UInt32) {
        self.rect = rect
        self.resource = resource
    }
}

/// `virtio_gpu_transfer_to_host_2d`
public struct GPUTransferToHost2D: BitwiseCopyable, Sendable {
    public var header = GPUHeader(GPUCommand.transferToHost2D)
    public var rect: GPURect
    /// Bytes from the start of the backing to the rectangle's first pixel.
    public var offset: UInt64
    public var resource: UInt32
    private var padding: UInt32 = 0
    public init(rect: GPURect, offset: UInt64, resource: UInt32) {
        self.rect = rect
        self.offset = offset
        self.resource = resource
    }
}

/// `virtio_gpu_resource_attach_backing`, followed by `count` memory entries.
public struct GPUAttachBacking: BitwiseCopyable, Sendable {
    public var header = GPUHeader(GPUCommand.attachBacking)
    public var resource: UInt32
    public var count: UInt32
    public init(resource: UInt32, count: UInt32) {
        self.resource = resource
        self.count = count
    }
}

/// `virtio_gpu_mem_entry`
public struct GPUMemoryEntry: BitwiseCopyable, Equatable, Sendable {
    public var address: UInt64
    public var byteCount: UInt32
    private var padding: UInt32 = 0
    public init(address: UInt64, byteCount: UInt32) {
        self.address = address
        self.byteCount = byteCount
    }
}

/// `virtio_gpu_cmd_get_edid`
public struct GPUGetEDID: BitwiseCopyable, Sendable {
    public var header = GPUHeader(GPUCommand.getEDID)
    public var scanout: UInt32
    private var padding: UInt32 = 0
    public init(scanout: UInt32) { self.scanout = scanout }
}

/// `virtio_gpu_update_cursor`, for both cursor commands.
public struct GPUCursor: BitwiseCopyable, Sendable {
    public var header: GPUHeader
    public var scanout: UInt32
    public var x: UInt32
    public var y: UInt32
    private var padding: UInt32 = 0
    public var resource: UInt32
    public var hotX: UInt32
    public var hotY: UInt32
    private var padding2: UInt32 = 0
    public init(_ command: UInt32, scanout: UInt32, x: UInt32, y: UInt32, resource: UInt32, hotX: UInt32, hotY: UInt32) {
        header = GPUHeader(command)
        self.scanout = scanout
        self.x = x
        self.y = y
        self.resource = resource
        self.hotX = hotX
        self.hotY = hotY
    }
}

/// One of the sixteen entries of `virtio_gpu_resp_display_info`.
public struct GPUDisplay: BitwiseCopyable, Sendable {
    public var rect = GPURect()
    public var enabled: UInt32 = 0
    public var flags: UInt32 = 0
    public init() {}
}

/// Joins pages into runs: the scatter list of a buffer's pages, in order, with neighbours in memory as one entry.
public func coalesceFrames(count: Int, pageByteCount: UInt32, _ frame: (Int) -> UInt64) -> [GPUMemoryEntry] {
    var entries: [GPUMemoryEntry] = []
    for index in 0..<count {
        let address = frame(index)
        if let last = entries.last, last.address + UInt64(last.byteCount) == address, last.byteCount <= 1 << 30 {
            entries[entries.count - 1].byteCount += pageByteCount
        } else {
            entries.append(GPUMemoryEntry(address: address, byteCount: pageByteCount))
        }
    }
    return entries
}
