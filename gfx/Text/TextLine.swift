// One line of text as glyphs with positions: measuring, carets and truncation all read this.

import FontAtlas
import Gfx

/// A line of text set in one face. Positions are in 1/64 pixels from the start of the line.
///
/// Characters are placed one after another from left to right, with kerning. There is no shaping: ligatures and
/// scripts that need them are outside what an atlas holds.
public struct TextLine: Sendable {
    /// A glyph, where its pen is and where its character begins in the text's UTF-8.
    public struct Item: Sendable {
        public let glyph: GlyphIndex
        public let x: Int32
        public let utf8Offset: Int32
    }

    public let font: FontFace
    public private(set) var items: [Item]
    /// The pen's position after the last glyph, in 1/64 pixels.
    public private(set) var end: Int32
    /// The number of UTF-8 bytes.
    public private(set) var utf8Count: Int32

    /// No line is longer than this; the rest of a longer text is not laid out.
    public static let maximumLength = 1 << 16

    public init(_ text: String, font: FontFace) {
        self.font = font
        items = []
        items.reserveCapacity(min(text.utf8.count, Self.maximumLength))
        end = 0
        utf8Count = 0
        var pen: Int32 = 0
        var offset: Int32 = 0
        var previous: GlyphIndex?
        for scalar in text.unicodeScalars {
            if items.count == Self.maximumLength { break }
            if !isInvisible(scalar) {
                let glyph = font.glyphOrReplacement(for: scalar)
                if let previous { pen &+= font.kerning(previous, glyph) }
                items.append(Item(glyph: glyph, x: pen, utf8Offset: offset))
                pen &+= font.advance(of: glyph)
                previous = glyph
            }
            offset &+= Int32(UTF8.width(scalar))
        }
        end = pen
        utf8Count = offset
    }

    /// The width in whole pixels, rounded up.
    public var width: Int32 { (end &+ 63) >> 6 }

    /// Where a caret before the character at a UTF-8 offset is drawn, in whole pixels.
    public func caret(at utf8Offset: Int32) -> Int32 {
        for item in items where item.utf8Offset >= utf8Offset { return (item.x &+ 32) >> 6 }
        return (end &+ 32) >> 6
    }

    /// The UTF-8 offset of the gap between characters that is nearest to pixel `x`.
    public func utf8Offset(at x: Int32) -> Int32 {
        let position = Int32(clamping: Int64(x) * 64)
        for (i, item) in items.enumerated() {
            let next = i + 1 < items.count ? items[i + 1].x : end
            if position < item.x &+ (next &- item.x) / 2 { return item.utf8Offset }
        }
        return utf8Count
    }

    /// The line cut to fit into `width` pixels; what is cut off is replaced by an ellipsis.
    public func truncated(to width: Int32) -> TextLine {
        guard self.width > width else { return self }
        var line = self
        let ellipsis = font.glyphOrReplacement(for: "…")
        let room = Int32(clamping: Int64(max(width, 0)) * 64) &- font.advance(of: ellipsis)
        while let last = line.items.last, last.x &+ font.advance(of: last.glyph) > room || isSpace(last.glyph) {
            line.items.removeLast()
            line.utf8Count = last.utf8Offset
        }
        let pen = line.items.last.map { $0.x &+ font.advance(of: $0.glyph) } ?? 0
        if room >= 0 {
            line.items.append(Item(glyph: ellipsis, x: pen, utf8Offset: line.utf8Count))
            line.end = pen &+ font.advance(of: ellipsis)
        } else {
            line.end = pen
        }
        return line
    }

    private func isSpace(_ glyph: GlyphIndex) -> Bool { glyph == font.glyph(for: " ") }
}

/// Whether a character takes no part in a line: controls, and marks that only direct layout.
private func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2064, 0xFE00...0xFE0F, 0xFEFF:
        return true
    default:
        return false
    }
}

extension FontFace {
    /// The width of a line in whole pixels, rounded up.
    public func width(of text: String) -> Int32 { TextLine(text, font: self).width }
}
