// Solid colours, copies and scrolling: the loops that move most of a desktop's bytes. Rows are moved by memcpy and
// memmove (`rep movsq` in musl and in the kernel) and solid rows by 64-bit stores.

extension PixelBuffer {
    /// Sets every pixel of `rect` to the colour, alpha included.
    public func fill(_ rect: Rect, _ color: Color) {
        fill(rect, pixel: color.premultiplied)
    }

    /// Sets every pixel of `rect` to a premultiplied value.
    public func fill(_ rect: Rect, pixel: UInt32) {
        let area = rect.intersection(clip)
        guard !area.isEmpty else { return }
        let count = Int(area.width)
        // SAFETY: `area` is inside `clip`, so every row below is inside the memory.
        let first = row(area.top) + Int(area.left)
        fillRow(first, pixel, count)
        var y = area.top &+ 1
        // A long row is quicker to copy than to store again; a short one is not worth a call.
        if count >= 64 {
            while y < area.bottom {
                UnsafeMutableRawPointer(row(y) + Int(area.left)).copyMemory(from: first, byteCount: count &* 4)
                y &+= 1
            }
        } else {
            while y < area.bottom {
                fillRow(row(y) + Int(area.left), pixel, count)
                y &+= 1
            }
        }
    }

    /// Draws the colour over every pixel of `rect`.
    public func blend(_ rect: Rect, _ color: Color) {
        if color.isOpaque { return fill(rect, color) }
        let area = rect.intersection(clip)
        guard !area.isEmpty, color.alpha != 0 else { return }
        let pixel = color.premultiplied
        for y in area.top..<area.bottom {
            kernel.over(row(y) + Int(area.left), color: pixel, Int(area.width))
        }
    }

    /// Copies `source`'s part `rect` so that its top left corner lands on `point`. Alpha is copied, not blended.
    /// - Safety: the two views must not share memory; `scroll` moves pixels within one.
    public func copy(_ source: PixelImage, _ rect: Rect, to point: Point) {
        guard let move = Move(source.bounds, rect, point, clip) else { return }
        let count = Int(move.target.width)
        let setsAlpha = source.format == .xrgb8888 && format == .argb8888
        for y in 0..<move.target.height {
            // SAFETY: `Move` clipped both rectangles to their memory.
            let from = source.row(move.from.y &+ y) + Int(move.from.x)
            let to = row(move.target.top &+ y) + Int(move.target.left)
            if setsAlpha {
                for i in 0..<count { to[i] = from[i] | 0xFF00_0000 }
            } else {
                UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: count &* 4)
            }
        }
    }

    /// Copies all of `source`.
    public func copy(_ source: PixelImage, to point: Point) { copy(source, source.bounds, to: point) }

    /// Moves the pixels inside `rect` by `offset`; those that would leave `rect` are lost, and those that are
    /// uncovered keep what they had. Returns the part of `rect` that has to be redrawn.
    @discardableResult
    public func scroll(_ rect: Rect, by offset: Point) -> Region {
        let area = rect.intersection(clip)
        let target = area.translated(by: offset).intersection(area)
        guard !area.isEmpty, offset != .zero else { return Region() }
        guard !target.isEmpty else { return Region(area) }
        let byteCount = Int(target.width) &* 4
        let fromLeft = Int(target.left &- offset.x)
        // Downward moves go from the last row to the first, so that no row is overwritten before it was read.
        var y = offset.y > 0 ? target.bottom &- 1 : target.top
        let step: Int32 = offset.y > 0 ? -1 : 1
        for _ in 0..<target.height {
            // SAFETY: target and target - offset are inside `area`; copyMemory allows overlap within a row.
            UnsafeMutableRawPointer(row(y) + Int(target.left)).copyMemory(
                from: row(y &- offset.y) + fromLeft, byteCount: byteCount)
            y &+= step
        }
        return Region(area).subtracting(target)
    }
}

/// Stores `count` equal pixels by 64-bit words.
@inline(__always)
func fillRow(_ destination: UnsafeMutablePointer<UInt32>, _ pixel: UInt32, _ count: Int) {
    var to = destination
    var left = count
    if left > 0, UInt(bitPattern: to) & 4 != 0 {
        to[0] = pixel
        to += 1
        left &-= 1
    }
    let pair = UInt64(pixel) << 32 | UInt64(pixel)
    let words = UnsafeMutableRawPointer(to)
    var i = 0
    while i &+ 2 <= left {
        words.storeBytes(of: pair, toByteOffset: i &* 4, as: UInt64.self)
        i &+= 2
    }
    if i < left { to[i] = pixel }
}

/// Where pixels come from and go to, after clipping to source and destination.
struct Move {
    let from: Point
    let target: Rect

    /// Nil if nothing is left to do.
    init?(_ sourceBounds: Rect, _ sourceRect: Rect, _ point: Point, _ clip: Rect) {
        let wanted = sourceRect.intersection(sourceBounds)
        guard !wanted.isEmpty else { return nil }
        // The corner that lands on `point` is the wanted rectangle's, before it was cut to the source.
        let x = Int64(point.x) - Int64(sourceRect.left)
        let y = Int64(point.y) - Int64(sourceRect.top)
        let left = max(Int64(wanted.left) + x, Int64(clip.left))
        let top = max(Int64(wanted.top) + y, Int64(clip.top))
        let right = min(Int64(wanted.right) + x, Int64(clip.right))
        let bottom = min(Int64(wanted.bottom) + y, Int64(clip.bottom))
        guard left < right, top < bottom else { return nil }
        // Inside `clip`, hence in range.
        target = Rect(left: Int32(left), top: Int32(top), right: Int32(right), bottom: Int32(bottom))
        from = Point(x: Int32(left - x), y: Int32(top - y))
    }
}
