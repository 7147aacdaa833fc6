// Drawing lines of text and single glyphs.

import FontAtlas
import Gfx

/// Where a line goes in a rectangle that is wider than it.
public enum TextAlignment: UInt8, Sendable {
    case leading, center, trailing
}

extension PixelBuffer {
    /// Draws a line with its baseline's start on `point`.
    public func draw(_ line: TextLine, at point: Point, _ color: Color) {
        guard intersectsRows(line.font, baseline: point.y), color.alpha != 0 else { return }
        let pixel = color.premultiplied
        // Glyphs that lie wholly outside the clip are skipped; a glyph reaches at most an em to either side of its pen.
        let margin = line.font.pixelSize &* 2
        let left = Int64(clip.left) - Int64(margin) - Int64(point.x)
        let right = Int64(clip.right) + Int64(margin) - Int64(point.x)
        for item in line.items {
            let x = Int64(item.x >> 6)
            if x < left { continue }
            if x > right { break }
            let (bitmap, column) = line.font.bitmap(of: item.glyph, pen: item.x)
            draw(bitmap, at: Point(x: point.x &+ column, y: point.y), pixel: pixel)
        }
    }

    /// Draws a text with its baseline's start on `point`; returns the width in pixels.
    @discardableResult
    public func draw(_ text: String, font: FontFace, at point: Point, _ color: Color) -> Int32 {
        let line = TextLine(text, font: font)
        draw(line, at: point, color)
        return line.width
    }

    /// Draws a text inside `rect`: centred vertically by its capitals, aligned horizontally, and with an ellipsis if it
    /// does not fit. Returns the width in pixels.
    @discardableResult
    public func draw(
        _ text: String, font: FontFace, in rect: Rect, alignment: TextAlignment = .leading, _ color: Color
    ) -> Int32 {
        let line = TextLine(text, font: font).truncated(to: rect.width)
        let x: Int32
        switch alignment {
        case .leading: x = rect.left
        case .center: x = rect.left &+ (rect.width &- line.width) / 2
        case .trailing: x = rect.right &- line.width
        }
        clipped(to: rect).draw(line, at: Point(x: x, y: font.centeredBaseline(in: rect)), color)
        return line.width
    }

    /// Draws one glyph with its pen on a whole pixel of the baseline.
    public func draw(_ glyph: GlyphIndex, font: FontFace, at point: Point, _ color: Color) {
        draw(font.bitmap(of: glyph), at: point, pixel: color.premultiplied)
    }

    @inline(__always)
    func draw(_ bitmap: GlyphBitmap, at pen: Point, pixel: UInt32) {
        guard bitmap.width > 0 else { return }
        let mask = CoverageMask(
            unchecked: bitmap.coverage, width: bitmap.width, height: bitmap.height, strideBytes: Int(bitmap.width))
        blend(mask, mask.bounds, to: pen + Point(x: bitmap.left, y: 0 &- bitmap.top), pixel: pixel)
    }

    private func intersectsRows(_ font: FontFace, baseline: Int32) -> Bool {
        let margin = Int64(font.pixelSize) * 2
        return Int64(baseline) + margin > Int64(clip.top) && Int64(baseline) - margin < Int64(clip.bottom)
    }
}

extension FontFace {
    /// The baseline that centres capital letters between the top and the bottom of `rect`.
    public func centeredBaseline(in rect: Rect) -> Int32 { rect.top &+ (rect.height &+ capHeight) / 2 }
}
