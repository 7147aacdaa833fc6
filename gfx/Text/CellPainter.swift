// Character cells, for terminals: background and glyph of a cell are written in one pass, without reading pixels.

import FontAtlas
import Gfx

/// Draws the cells of a monospaced face.
public struct CellPainter: Sendable {
    public let font: FontFace
    /// The size of one cell.
    public let cell: Size

    /// Fails for a face that is not monospaced.
    public init?(_ font: FontFace) {
        guard font.isMonospaced, font.cellWidth > 0, font.lineHeight > 0 else { return nil }
        self.font = font
        cell = Size(width: font.cellWidth, height: font.lineHeight)
    }

    /// Writes one cell whose top left corner is `origin`. Both colours are premultiplied pixel values; the glyph is cut
    /// at the cell's edges, so neighbours may be drawn in any order.
    public func draw(
        _ glyph: GlyphIndex, into buffer: PixelBuffer, at origin: Point, foreground: UInt32, background: UInt32
    ) {
        let area = Rect(origin: origin, size: cell)
        let bitmap = font.bitmap(of: glyph)
        let ink = Rect(
            x: saturating(origin.x, bitmap.left), y: saturating(origin.y, font.ascent &- bitmap.top),
            width: bitmap.width, height: bitmap.height
        ).intersection(area)
        guard buffer.clip.contains(area), !ink.isEmpty, foreground != background else {
            // A blank cell or one at the clip's edge takes the general path; the pixels are the same.
            buffer.fill(area, pixel: background)
            if !ink.isEmpty, foreground != background { drawClipped(bitmap, ink, buffer, origin, foreground, background) }
            return
        }
        let width = Int(cell.width)
        let before = Int(ink.left &- area.left)
        let inked = Int(ink.width)
        let blend = PixelMixer(from: background, to: foreground)
        var from = bitmap.coverage + Int(ink.top &- origin.y &- font.ascent &+ bitmap.top) &* Int(bitmap.width)
        from += Int(ink.left &- origin.x &- bitmap.left)
        for y in area.top..<area.bottom {
            // SAFETY: the cell is inside the clip, and `ink` inside both the cell and the bitmap.
            let to = buffer.pixels(row: y, column: area.left)
            guard y >= ink.top, y < ink.bottom else {
                store(background, to, 0, width)
                continue
            }
            store(background, to, 0, before)
            var x = 0
            while x < inked {
                to[before &+ x] = blend.pixel(from[x])
                x &+= 1
            }
            store(background, to, before &+ inked, width)
            from += Int(bitmap.width)
        }
    }

    /// The same for a character; one that the face lacks is drawn as the replacement glyph.
    public func draw(
        _ scalar: Unicode.Scalar, into buffer: PixelBuffer, at origin: Point, foreground: UInt32, background: UInt32
    ) {
        draw(
            font.glyphOrReplacement(for: scalar), into: buffer, at: origin, foreground: foreground,
            background: background)
    }

    private func drawClipped(
        _ bitmap: GlyphBitmap, _ ink: Rect, _ buffer: PixelBuffer, _ origin: Point, _ foreground: UInt32,
        _ background: UInt32
    ) {
        let visible = ink.intersection(buffer.clip)
        guard !visible.isEmpty else { return }
        let blend = PixelMixer(from: background, to: foreground)
        let left = origin.x &+ bitmap.left
        let top = origin.y &+ font.ascent &- bitmap.top
        for y in visible.top..<visible.bottom {
            // SAFETY: `visible` is inside the clip and inside the bitmap's place.
            let to = buffer.pixels(row: y, column: visible.left)
            let from = bitmap.coverage + Int(y &- top) &* Int(bitmap.width) + Int(visible.left &- left)
            for x in 0..<Int(visible.width) { to[x] = blend.pixel(from[x]) }
        }
    }
}

@inline(__always)
private func saturating(_ a: Int32, _ b: Int32) -> Int32 { Int32(clamping: Int64(a) + Int64(b)) }

/// Stores one pixel value in the columns from `start` to `end`. The runs are too short to be worth a call.
@inline(__always)
private func store(_ pixel: UInt32, _ to: UnsafeMutablePointer<UInt32>, _ start: Int, _ end: Int) {
    let pair = UInt64(pixel) << 32 | UInt64(pixel)
    var x = start
    while x &+ 2 <= end {
        UnsafeMutableRawPointer(to + x).storeBytes(of: pair, as: UInt64.self)
        x &+= 2
    }
    if x < end { to[x] = pixel }
}
