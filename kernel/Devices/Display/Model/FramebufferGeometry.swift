import ABI

/// The geometry of a dumb buffer: 32 bits a pixel and rows without gaps, which is what virtio-gpu's transfers assume.
public struct DumbGeometry: Equatable, Sendable {
    public let pitch: UInt32
    /// In bytes, whole pages.
    public let byteCount: UInt64

    /// The largest width and height.
    public static let maxSide: UInt32 = 8192

    /// - Throws: `invalidArgument` for sizes of zero, of more than 8192, and for other depths than 32.
    public init(width: UInt32, height: UInt32, bitsPerPixel: UInt32, flags: UInt32) throws(Errno) {
        guard flags == 0, bitsPerPixel == 32, width > 0, height > 0, width <= Self.maxSide, height <= Self.maxSide else {
            throw .invalidArgument
        }
        pitch = width * 4
        byteCount = (UInt64(pitch) * UInt64(height) + 4095) & ~4095
    }
}

/// Where a framebuffer's pixels lie in its buffer.
public struct FramebufferGeometry: Equatable, Sendable {
    public let width: UInt32
    public let height: UInt32
    public let pitch: UInt32
    /// Bytes to the first pixel: whole rows.
    public let offset: UInt32

    /// - Throws: `invalidArgument` when any pixel would lie outside the buffer, or rows overlap.
    public init(width: UInt32, height: UInt32, pitch: UInt32, offset: UInt32, bufferPitch: UInt32, bufferByteCount: UInt64)
        throws(Errno)
    {
        guard width > 0, height > 0, width <= DumbGeometry.maxSide, height <= DumbGeometry.maxSide,
            pitch == bufferPitch, UInt64(width) * 4 <= UInt64(pitch), offset % pitch == 0,
            UInt64(offset) + UInt64(pitch) * UInt64(height) <= bufferByteCount
        else { throw .invalidArgument }
        self.width = width
        self.height = height
        self.pitch = pitch
        self.offset = offset
    }

    public var bounds: ScreenRect { ScreenRect(width: Int32(width), height: Int32(height)) }
    /// The buffer's row that is the framebuffer's first.
    public var firstRow: UInt32 { offset / pitch }
}
