// From buffer pixels to surface pixels: wl_surface.set_buffer_transform and set_buffer_scale.

import Gfx

/// How a client turned its buffer; the numbers are `wl_output.transform`'s.
public enum BufferTransform: UInt32, Sendable {
    case normal = 0
    case rotated90, rotated180, rotated270, flipped, flipped90, flipped180, flipped270

    var exchangesAxes: Bool { rawValue & 1 == 1 }

    /// The surface's size for a buffer's size, before scaling.
    func applied(to size: Size) -> Size { exchangesAxes ? Size(width: size.height, height: size.width) : size }

    /// The buffer pixel behind a surface pixel. `size` is the buffer's.
    @inline(__always)
    func bufferPoint(_ p: Point, _ size: Size) -> Point {
        let right = size.width &- 1
        let bottom = size.height &- 1
        // The transform was applied to the buffer counter-clockwise; this goes back.
        return switch self {
        case .normal: p
        case .rotated90: Point(x: right &- p.y, y: p.x)
        case .rotated180: Point(x: right &- p.x, y: bottom &- p.y)
        case .rotated270: Point(x: p.y, y: bottom &- p.x)
        case .flipped: Point(x: right &- p.x, y: p.y)
        case .flipped90: Point(x: p.y, y: p.x)
        case .flipped180: Point(x: p.x, y: bottom &- p.y)
        case .flipped270: Point(x: right &- p.y, y: bottom &- p.x)
        }
    }

    /// The surface rectangle (unscaled) that shows a buffer rectangle. `size` is the buffer's.
    func surfaceRect(_ r: Rect, _ size: Size) -> Rect {
        let w = size.width
        let h = size.height
        return switch self {
        case .normal: r
        case .rotated90: Rect(left: r.top, top: w &- r.right, right: r.bottom, bottom: w &- r.left)
        case .rotated180: Rect(left: w &- r.right, top: h &- r.bottom, right: w &- r.left, bottom: h &- r.top)
        case .rotated270: Rect(left: h &- r.bottom, top: r.left, right: h &- r.top, bottom: r.right)
        case .flipped: Rect(left: w &- r.right, top: r.top, right: w &- r.left, bottom: r.bottom)
        case .flipped90: Rect(left: r.top, top: r.left, right: r.bottom, bottom: r.right)
        case .flipped180: Rect(left: r.left, top: h &- r.bottom, right: r.right, bottom: h &- r.top)
        case .flipped270: Rect(left: h &- r.bottom, top: w &- r.right, right: h &- r.top, bottom: w &- r.left)
        }
    }
}

/// Draws a buffer that is turned or scaled, one row at a time. The output has scale 1, so a scaled buffer shows one
/// pixel of each square.
func drawTransformed(
    _ image: PixelImage, _ transform: BufferTransform, scale: Int32, into target: PixelBuffer, at origin: Point
) {
    let turned = transform.applied(to: image.size)
    let size = Size(width: turned.width / scale, height: turned.height / scale)
    let area = Rect(origin: origin, size: size).intersection(target.clip)
    guard !area.isEmpty else { return }
    var row = [UInt32](repeating: 0, count: Int(area.width))
    let opaque: UInt32 = image.format == .xrgb8888 ? 0xff00_0000 : 0
    for y in area.top..<area.bottom {
        for x in area.left..<area.right {
            let local = Point(x: (x &- origin.x) &* scale, y: (y &- origin.y) &* scale)
            row[Int(x &- area.left)] = (image.pixel(at: transform.bufferPoint(local, image.size)) ?? 0) | opaque
        }
        row.withUnsafeBytes { bytes in
            if let line = PixelImage(memory: bytes, width: area.width, height: 1, strideBytes: bytes.count, format: .argb8888) {
                target.blend(line, to: Point(x: area.left, y: y))
            }
        }
    }
}

/// Draws a small part of an image through a mask of the same size.
func drawMasked(_ image: PixelImage, _ part: Rect, _ mask: CoverageMask, into target: PixelBuffer, at origin: Point) {
    let opaque: UInt32 = image.format == .xrgb8888 ? 0xff00_0000 : 0
    var row = [UInt32](repeating: 0, count: Int(part.width))
    for y in 0..<min(part.height, mask.height) {
        for x in 0..<min(part.width, mask.width) {
            let pixel = (image.pixel(at: Point(x: part.left + x, y: part.top + y)) ?? 0) | opaque
            let coverage = UInt32(mask.base[Int(y) * mask.strideBytes + Int(x)])
            row[Int(x)] = scaled(pixel, by: coverage)
        }
        row.withUnsafeBytes { bytes in
            if let line = PixelImage(memory: bytes, width: part.width, height: 1, strideBytes: bytes.count, format: .argb8888) {
                target.blend(line, to: Point(x: origin.x, y: origin.y + y))
            }
        }
    }
}

/// A premultiplied pixel with all its channels multiplied by `factor` / 255.
private func scaled(_ pixel: UInt32, by factor: UInt32) -> UInt32 {
    var result: UInt32 = 0
    var shift: UInt32 = 0
    while shift < 32 {
        let product = ((pixel >> shift) & 0xff) * factor + 128
        result |= ((product + (product >> 8)) >> 8) << shift
        shift += 8
    }
    return result
}
