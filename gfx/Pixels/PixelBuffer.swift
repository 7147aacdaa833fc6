// Views of pixels in memory that somebody else owns: a shared-memory pool, a dumb buffer, a mapped art file.

/// What the top byte of a 32-bit pixel means.
public enum PixelFormat: UInt8, Sendable {
    /// Alpha; the colour channels are multiplied by it. Wayland's and DRM's ARGB8888.
    case argb8888
    /// Nothing; the pixel is opaque. XRGB8888.
    case xrgb8888
}

/// A read-only view of 32-bit pixels. It owns nothing: the memory must outlive it.
public struct PixelImage: @unchecked Sendable {
    public let base: UnsafeRawPointer
    public let width: Int32
    public let height: Int32
    public let strideBytes: Int
    public let format: PixelFormat

    /// Fails unless the pixels fit in `memory`, and rows and base are aligned to 4 bytes.
    public init?(
        memory: UnsafeRawBufferPointer, width: Int32, height: Int32, strideBytes: Int, format: PixelFormat
    ) {
        guard let base = memory.baseAddress,
            isValidLayout(base, memory.count, width, height, strideBytes, bytesPerPixel: 4)
        else { return nil }
        self.init(unchecked: base, width: width, height: height, strideBytes: strideBytes, format: format)
    }

    @inlinable
    init(unchecked base: UnsafeRawPointer, width: Int32, height: Int32, strideBytes: Int, format: PixelFormat) {
        self.base = base
        self.width = width
        self.height = height
        self.strideBytes = strideBytes
        self.format = format
    }

    @inlinable public var size: Size { Size(width: width, height: height) }
    @inlinable public var bounds: Rect { Rect(x: 0, y: 0, width: width, height: height) }

    /// The pixel value, or nil outside.
    public func pixel(at p: Point) -> UInt32? { bounds.contains(p) ? row(p.y)[Int(p.x)] : nil }

    // SAFETY: callers pass a row that they clipped to `bounds`.
    @inlinable @inline(__always)
    func row(_ y: Int32) -> UnsafePointer<UInt32> {
        (base + Int(y) &* strideBytes).assumingMemoryBound(to: UInt32.self)
    }
}

/// A writable view of 32-bit pixels with a clip. It owns nothing: the memory must outlive it.
///
/// Drawing never leaves `clip`. To draw through a region, draw once for each of its rectangles with
/// `clipped(to:)`; to draw part of a scene as if it had its own origin, use `view(of:)`.
public struct PixelBuffer: @unchecked Sendable {
    public let base: UnsafeMutableRawPointer
    public let width: Int32
    public let height: Int32
    public let strideBytes: Int
    public let format: PixelFormat
    /// What drawing may touch; always inside `bounds`.
    public private(set) var clip: Rect
    /// The loops that blend here.
    public var kernel: BlendKernel

    /// Fails unless the pixels fit in `memory`, and rows and base are aligned to 4 bytes.
    public init?(
        memory: UnsafeMutableRawBufferPointer, width: Int32, height: Int32, strideBytes: Int, format: PixelFormat,
        kernel: BlendKernel = .scalar
    ) {
        guard let base = memory.baseAddress,
            isValidLayout(base, memory.count, width, height, strideBytes, bytesPerPixel: 4)
        else { return nil }
        self.base = base
        self.width = width
        self.height = height
        self.strideBytes = strideBytes
        self.format = format
        self.kernel = kernel
        clip = Rect(x: 0, y: 0, width: width, height: height)
    }

    private init(_ base: UnsafeMutableRawPointer, _ size: Size, of other: PixelBuffer, clip: Rect) {
        self.base = base
        width = size.width
        height = size.height
        strideBytes = other.strideBytes
        format = other.format
        kernel = other.kernel
        self.clip = clip
    }

    @inlinable public var size: Size { Size(width: width, height: height) }
    @inlinable public var bounds: Rect { Rect(x: 0, y: 0, width: width, height: height) }

    /// The same pixels, read-only.
    public var image: PixelImage {
        PixelImage(unchecked: base, width: width, height: height, strideBytes: strideBytes, format: format)
    }

    /// The same view with its clip narrowed to `rect`.
    public func clipped(to rect: Rect) -> PixelBuffer {
        var copy = self
        copy.clip = clip.intersection(rect)
        return copy
    }

    /// A view whose origin is `rect`'s; it covers the part of `rect` that lies inside this view's bounds, and keeps
    /// its clip. A rectangle that begins left of or above the bounds begins at their edge.
    public func view(of rect: Rect) -> PixelBuffer {
        let part = rect.intersection(bounds)
        guard !part.isEmpty else { return PixelBuffer(base, .zero, of: self, clip: .zero) }
        // SAFETY: `part` is not empty and inside `bounds`.
        return PixelBuffer(
            base + Int(part.top) &* strideBytes + Int(part.left) &* 4, part.size, of: self,
            clip: clip.intersection(part).translated(by: .zero - part.origin))
    }

    /// The pixel value, or nil outside.
    public func pixel(at p: Point) -> UInt32? { bounds.contains(p) ? row(p.y)[Int(p.x)] : nil }

    /// The pixels of one row from a column on, for drawing loops that clipped their rectangle themselves.
    /// - Safety: only pixels inside `clip` may be written.
    @inlinable @inline(__always)
    public func pixels(row y: Int32, column x: Int32) -> UnsafeMutablePointer<UInt32> { row(y) + Int(x) }

    // SAFETY: callers pass a row that they clipped to `clip`, which is inside the memory.
    @inlinable @inline(__always)
    func row(_ y: Int32) -> UnsafeMutablePointer<UInt32> {
        (base + Int(y) &* strideBytes).assumingMemoryBound(to: UInt32.self)
    }
}

/// A read-only view of 8-bit coverage: a glyph, an icon, a shadow.
public struct CoverageMask: @unchecked Sendable {
    public let base: UnsafePointer<UInt8>
    public let width: Int32
    public let height: Int32
    public let strideBytes: Int

    /// Fails unless the rows fit in `memory`.
    public init?(memory: UnsafeRawBufferPointer, width: Int32, height: Int32, strideBytes: Int) {
        guard let base = memory.baseAddress,
            isValidLayout(base, memory.count, width, height, strideBytes, bytesPerPixel: 1)
        else { return nil }
        self.init(unchecked: base, width: width, height: height, strideBytes: strideBytes)
    }

    /// - Safety: `height` rows of `width` bytes, `strideBytes` apart, must be readable at `base`.
    @inlinable
    public init(unchecked base: UnsafeRawPointer, width: Int32, height: Int32, strideBytes: Int) {
        self.base = base.assumingMemoryBound(to: UInt8.self)
        self.width = width
        self.height = height
        self.strideBytes = strideBytes
    }

    @inlinable public var size: Size { Size(width: width, height: height) }
    @inlinable public var bounds: Rect { Rect(x: 0, y: 0, width: width, height: height) }

    // SAFETY: callers pass a row that they clipped to `bounds`.
    @inlinable @inline(__always)
    func row(_ y: Int32) -> UnsafePointer<UInt8> { base + Int(y) &* strideBytes }
}

/// Whether `height` rows of `width` pixels, `stride` bytes apart, fit in `byteCount` bytes at `base`.
private func isValidLayout(
    _ base: UnsafeRawPointer, _ byteCount: Int, _ width: Int32, _ height: Int32, _ stride: Int, bytesPerPixel: Int
) -> Bool {
    guard width >= 0, height >= 0, stride >= 0, stride % bytesPerPixel == 0,
        UInt(bitPattern: base) % UInt(bytesPerPixel) == 0
    else { return false }
    if width == 0 || height == 0 { return true }
    let rowBytes = Int(width) * bytesPerPixel
    guard stride >= rowBytes else { return false }
    let (before, overflow) = stride.multipliedReportingOverflow(by: Int(height) - 1)
    guard !overflow else { return false }
    let (total, overflow2) = before.addingReportingOverflow(rowBytes)
    return !overflow2 && total <= byteCount
}
