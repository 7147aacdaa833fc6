// The atlas file: every glyph of one face at one size, rendered when Martlet is built. The file is mapped and used in
// place. All numbers are little-endian; every table begins at a multiple of 4 bytes.
//
//   header       80 bytes, below
//   direct       256 × u16: the glyph of each code point 0...255 (the replacement glyph where there is none)
//   ranges       sorted by code point, disjoint: first u32, count u16, first glyph u16
//   glyphs       first bitmap u32, first kerning pair u32, kerning pair count u16, advance i16 (1/64 px),
//                phase count u8 (1, 2 or 4), 3 unused
//   bitmaps      coverage offset u32, width u16, height u16, left i16, top i16
//   kerning      sorted by right glyph within each left glyph: right glyph u16, adjustment i16 (1/64 px)
//   coverage     8 bits a pixel, rows without padding
//
// `left` is the distance from the pen to the bitmap's first column, `top` from the baseline up to its first row. A
// glyph with several phases has that many bitmaps, drawn for a pen that lies 0, 1/4, 1/2 and 3/4 pixels (with two: 0 and
// 1/2 pixel) right of a whole one.

/// Offsets and sizes of the format, for the reader and the writer.
public enum AtlasLayout {
    /// "MFA1" in memory order.
    public static let magic: UInt32 = 0x3141_464D
    public static let headerSize = 80
    public static let directCount = 256
    public static let rangeSize = 8
    public static let glyphSize = 16
    public static let bitmapSize = 12
    public static let kerningSize = 4
    public static let monospacedFlag: UInt16 = 1

    /// Where each header field lies.
    public enum Field {
        public static let magic = 0
        public static let flags = 4
        public static let pixelSize = 6
        public static let fileSize = 8
        public static let ascent = 12
        public static let descent = 14
        public static let lineHeight = 16
        public static let cellWidth = 18
        public static let xHeight = 20
        public static let capHeight = 22
        public static let underlinePosition = 24
        public static let underlineThickness = 26
        public static let replacementGlyph = 28
        public static let rangeCount = 32
        public static let rangeOffset = 36
        public static let glyphCount = 40
        public static let glyphOffset = 44
        public static let bitmapCount = 48
        public static let bitmapOffset = 52
        public static let kerningCount = 56
        public static let kerningOffset = 60
        public static let coverageSize = 64
        public static let coverageOffset = 68
    }
}
