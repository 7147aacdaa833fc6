// Cropping and scaling of a surface's pixels (the viewporter protocol).

import Gfx

/// A rectangle with fractions: 256 units are one unit of the surface as it is without a viewport.
public struct FineRect: Equatable, Sendable {
    public var x: Int32
    public var y: Int32
    public var width: Int32
    public var height: Int32

    public init(x: Int32, y: Int32, width: Int32, height: Int32) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// Whether its size has no fractions.
    public var isWholeSize: Bool { width & 255 == 0 && height & 255 == 0 }
    /// Whether it lies in a surface of that size.
    public func fits(in size: Size) -> Bool {
        Int64(x) + Int64(width) <= Int64(size.width) << 8 && Int64(y) + Int64(height) <= Int64(size.height) << 8
    }
}

/// What part of a surface is shown, and how large.
public struct Viewport: Equatable, Sendable {
    /// Nil for all of it.
    public var source: FineRect?
    /// Nil for the size of the source.
    public var destination: Size?
    public init() {}

    var isUsed: Bool { source != nil || destination != nil }

    /// The size of a surface that would have `size` without it.
    func applied(to size: Size) -> Size {
        destination ?? source.map { Size(width: $0.width >> 8, height: $0.height >> 8) } ?? size
    }

    /// Draws the part of an image that it shows, with bilinear filtering.
    func draw(
        _ image: PixelImage, _ transform: BufferTransform, scale: Int32, into target: PixelBuffer, at origin: Point
    ) {
        let turned = transform.applied(to: image.size)
        let whole = Size(width: turned.width / scale, height: turned.height / scale)
        let source = source ?? FineRect(x: 0, y: 0, width: whole.width << 8, height: whole.height << 8)
        let size = applied(to: whole)
        let area = Rect(origin: origin, size: size).intersection(target.clip)
        guard !area.isEmpty, source.fits(in: whole) else { return }
        let columns = Axis(start: source.x, length: source.width, scale: scale, count: size.width)
        let rows = Axis(start: source.y, length: source.height, scale: scale, count: size.height)
        let opaque: UInt32 = image.format == .xrgb8888 ? 0xff00_0000 : 0
        func pixel(_ x: Int32, _ y: Int32) -> UInt32 {
            (image.pixel(at: transform.bufferPoint(Point(x: x, y: y), image.size)) ?? 0) | opaque
        }
        var row = [UInt32](repeating: 0, count: Int(area.width))
        for y in area.top..<area.bottom {
            let (top, bottom, down) = rows.sample(y &- origin.y)
            for x in area.left..<area.right {
                let (left, right, along) = columns.sample(x &- origin.x)
                let above = mixed(pixel(left, top), pixel(right, top), along)
                row[Int(x &- area.left)] =
                    down == 0 ? above : mixed(above, mixed(pixel(left, bottom), pixel(right, bottom), along), down)
            }
            row.withUnsafeBytes { bytes in
                if let line = PixelImage(memory: bytes, width: area.width, height: 1, strideBytes: bytes.count, format: .argb8888)
                {
                    target.blend(line, to: Point(x: area.left, y: y))
                }
            }
        }
    }

    /// From shown pixels to those of the turned buffer, along one axis.
    private struct Axis {
        let start: Int64
        let length: Int64
        let count: Int64
        let first: Int64
        let last: Int64

        init(start: Int32, length: Int32, scale: Int32, count: Int32) {
            self.start = Int64(start) * Int64(scale)
            self.length = Int64(length) * Int64(scale)
            self.count = Int64(count)
            // Nothing outside the source bleeds in.
            first = self.start >> 8
            last = max(first, (self.start + self.length - 1) >> 8)
        }

        /// The two pixels that a shown pixel lies between, and how near it is to the second, of 256.
        func sample(_ position: Int32) -> (Int32, Int32, UInt32) {
            let center = start + (2 * Int64(position) + 1) * length / (2 * count) - 128
            let pixel = center >> 8
            let (low, high) = (min(max(pixel, first), last), min(max(pixel + 1, first), last))
            return (Int32(low), Int32(high), low == high ? 0 : UInt32(center & 255))
        }
    }
}

/// Two premultiplied pixels, `part` of 256 of the second.
private func mixed(_ a: UInt32, _ b: UInt32, _ part: UInt32) -> UInt32 {
    if part == 0 || a == b { return a }
    let odd = ((a & 0x00ff_00ff) &* (256 &- part) &+ (b & 0x00ff_00ff) &* part) >> 8 & 0x00ff_00ff
    let even = ((a >> 8 & 0x00ff_00ff) &* (256 &- part) &+ (b >> 8 & 0x00ff_00ff) &* part) & 0xff00_ff00
    return odd | even
}
