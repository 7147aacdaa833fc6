// Linear gradients, dithered so that no bands show.

/// The direction in which a gradient changes.
public enum GradientAxis: UInt8, Sendable {
    case horizontal, vertical
}

extension PixelBuffer {
    /// Fills `rect` with a gradient from its left or top edge to the opposite one. Alpha is set, not blended.
    public func fillGradient(_ rect: Rect, from first: Color, to last: Color, along axis: GradientAxis) {
        let area = rect.intersection(clip)
        guard !area.isEmpty else { return }
        let a = spread(first.premultiplied)
        let b = spread(last.premultiplied)
        let length = Int64(max(1, (axis == .vertical ? rect.height : rect.width) &- 1))
        /// Channels in 8.8 fixed point at a distance from the first edge.
        @inline(__always)
        func lanes(_ distance: Int32) -> UInt64 {
            let t = UInt64((Int64(distance) * 256 + length / 2) / length)
            return a &* (256 &- t) &+ b &* t
        }
        for y in area.top..<area.bottom {
            let to = row(y)
            let thresholds = ditherRow(y)
            let constant = axis == .vertical ? lanes(y &- rect.top) : 0
            for x in area.left..<area.right {
                let value = axis == .vertical ? constant : lanes(x &- rect.left)
                let threshold = (thresholds >> UInt64((x & 7) &* 8)) & 0xFF
                to[Int(x)] = pack(((value &+ threshold &* 0x0001_0001_0001_0001) >> 8) & 0x00FF_00FF_00FF_00FF)
            }
        }
    }
}

/// Thresholds 0...252 of an 8 × 8 ordered dither, eight columns in one word: the Bayer matrix by its recursive
/// definition, bits of x ^ y and y interleaved from the lowest up.
private func ditherRow(_ row: Int32) -> UInt64 {
    let y = row & 7
    var word: UInt64 = 0
    for x in 0..<Int32(8) {
        let d = x ^ y
        var value: Int32 = 0
        for bit in 0..<Int32(3) {
            value |= ((d >> bit) & 1) << (5 - 2 * bit)
            value |= ((y >> bit) & 1) << (4 - 2 * bit)
        }
        word |= UInt64(value * 4) << UInt64(x * 8)
    }
    return word
}
