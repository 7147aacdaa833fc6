// Pixels and coverage over what is there.

extension PixelBuffer {
    /// Draws `source`'s part `rect` over what is there, its top left corner on `point`.
    /// - Parameter alpha: multiplies the source's alpha, 255 leaving it as it is.
    /// - Safety: the two views must not share memory.
    public func blend(_ source: PixelImage, _ rect: Rect, to point: Point, alpha: UInt8 = 255) {
        if source.format == .xrgb8888, alpha == 255 { return copy(source, rect, to: point) }
        guard alpha != 0, let move = Move(source.bounds, rect, point, clip) else { return }
        let count = Int(move.target.width)
        let bits: UInt32 = source.format == .xrgb8888 ? 0xFF00_0000 : 0
        for y in 0..<move.target.height {
            // SAFETY: `Move` clipped both rectangles to their memory.
            let from = source.row(move.from.y &+ y) + Int(move.from.x)
            let to = row(move.target.top &+ y) + Int(move.target.left)
            if alpha == 255 {
                kernel.over(to, from, count)
            } else {
                kernel.over(to, from, count, alpha: UInt32(alpha), setting: bits)
            }
        }
    }

    /// Draws all of `source`.
    public func blend(_ source: PixelImage, to point: Point, alpha: UInt8 = 255) {
        blend(source, source.bounds, to: point, alpha: alpha)
    }

    /// Draws the colour through a mask, the mask's top left corner on `point`.
    public func blend(_ mask: CoverageMask, to point: Point, _ color: Color) {
        blend(mask, mask.bounds, to: point, pixel: color.premultiplied)
    }

    /// Draws a premultiplied colour through a part of a mask.
    public func blend(_ mask: CoverageMask, _ rect: Rect, to point: Point, pixel: UInt32) {
        guard let move = Move(mask.bounds, rect, point, clip) else { return }
        let count = Int(move.target.width)
        for y in 0..<move.target.height {
            // SAFETY: `Move` clipped both rectangles to their memory.
            kernel.over(
                row(move.target.top &+ y) + Int(move.target.left), color: pixel,
                through: mask.row(move.from.y &+ y) + Int(move.from.x), count)
        }
    }

    /// Draws pixels through coverage, one row: dst = lerp(dst, src over dst, coverage). The row is already clipped.
    @inline(__always)
    func blendRow(
        _ to: UnsafeMutablePointer<UInt32>, _ from: UnsafePointer<UInt32>, through coverage: UnsafePointer<UInt8>,
        _ count: Int, alpha: UInt32, setting bits: UInt32
    ) {
        for i in 0..<count {
            let s = scalePixel(from[i] | bits, scale255(UInt32(coverage[i]), alpha))
            to[i] = over(s, to[i])
        }
    }
}
