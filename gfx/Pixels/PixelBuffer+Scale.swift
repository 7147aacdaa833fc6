// Smaller pictures of larger ones: thumbnails of windows. Every pixel is the mean of the area that it stands for.

extension PixelBuffer {
    /// Draws all of `source` over `rect`, made smaller by averaging, or larger by repeating pixels.
    ///
    /// - Complexity: O(source pixels that `rect` and the clip leave visible).
    /// - Safety: the two views must not share memory.
    public func blend(_ source: PixelImage, scaledTo rect: Rect, alpha: UInt8 = 255) {
        let area = rect.intersection(clip)
        guard !area.isEmpty, source.width > 0, source.height > 0, alpha != 0 else { return }
        if rect.size == source.size { return blend(source, to: rect.origin, alpha: alpha) }
        let bits: UInt32 = source.format == .xrgb8888 ? 0xFF00_0000 : 0
        let count = Int(area.width)
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { memory in
            guard let line = memory.baseAddress else { return }
            for y in area.top..<area.bottom {
                let rows = sourceRange(y &- rect.top, of: rect.height, source.height)
                for x in 0..<count {
                    let columns = sourceRange(area.left &- rect.left &+ Int32(x), of: rect.width, source.width)
                    line[x] = mean(source, columns, rows) | bits
                }
                let to = row(y) + Int(area.left)
                if alpha == 255 {
                    kernel.over(to, line, count)
                } else {
                    kernel.over(to, line, count, alpha: UInt32(alpha), setting: 0)
                }
            }
        }
    }

    /// The source positions that a target position stands for: at least one.
    @inline(__always)
    private func sourceRange(_ position: Int32, of extent: Int32, _ sourceExtent: Int32) -> Range<Int> {
        let first = Int64(position) * Int64(sourceExtent) / Int64(extent)
        let end = (Int64(position) + 1) * Int64(sourceExtent) / Int64(extent)
        return Int(first)..<Int(max(end, first + 1))
    }

    /// The mean of a rectangle of pixels, channel by channel.
    @inline(__always)
    private func mean(_ source: PixelImage, _ columns: Range<Int>, _ rows: Range<Int>) -> UInt32 {
        // Blue and red, green and alpha: two sums a word, each with room for 2^24 pixels of 255.
        var low: UInt64 = 0
        var high: UInt64 = 0
        for y in rows {
            // SAFETY: the ranges are inside the source, as positions are inside the target.
            let pixels = source.row(Int32(truncatingIfNeeded: y))
            for x in columns {
                let p = UInt64(pixels[x])
                low &+= (p & 0xFF) | (p & 0xFF_0000) << 16
                high &+= ((p >> 8) & 0xFF) | (p >> 24) << 32
            }
        }
        let n = UInt64(columns.count &* rows.count)
        if n == 1 { return source.row(Int32(truncatingIfNeeded: rows.lowerBound))[columns.lowerBound] }
        @inline(__always) func divided(_ sum: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: (sum &+ n / 2) / n) }
        let blue = divided(low & 0xFFFF_FFFF)
        let red = divided(low >> 32)
        let green = divided(high & 0xFFFF_FFFF)
        return divided(high >> 32) << 24 | red << 16 | green << 8 | blue
    }
}
