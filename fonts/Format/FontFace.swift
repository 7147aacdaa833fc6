// Reading an atlas. Everything is checked once, on opening; afterwards lookups need no checks but those of their own
// arguments, because the mapping is read-only.

/// Why an atlas was refused.
public enum FontAtlasError: Error, Equatable, Sendable {
    case tooShort
    case notAnAtlas
    case tableOutOfBounds
    case badRange
    case badGlyph
    case badBitmap
    case badKerning
}

/// The number of a glyph within its face.
public struct GlyphIndex: Equatable, Hashable, Sendable {
    public let value: UInt16
    @inlinable init(_ value: UInt16) { self.value = value }
}

/// One glyph's coverage and where it goes relative to the pen.
public struct GlyphBitmap: @unchecked Sendable {
    /// `height` rows of `width` bytes.
    public let coverage: UnsafePointer<UInt8>
    public let width: Int32
    public let height: Int32
    /// From the pen to the first column.
    public let left: Int32
    /// From the baseline up to the first row.
    public let top: Int32
}

/// One face at one pixel size, a view of a mapped atlas. It owns nothing: the mapping must outlive it.
public struct FontFace: @unchecked Sendable {
    private let base: UnsafeRawPointer
    private let rangeCount: Int
    private let rangeOffset: Int
    private let glyphOffset: Int
    private let bitmapOffset: Int
    private let kerningOffset: Int
    private let coverageOffset: Int
    public let glyphCount: Int

    /// The size the face was asked for, in pixels to the em.
    public let pixelSize: Int32
    /// From the baseline up to the top of a line.
    public let ascent: Int32
    /// From the baseline down to the bottom of a line.
    public let descent: Int32
    /// From one baseline to the next.
    public let lineHeight: Int32
    /// The width of every cell in a monospaced face, of the widest advance in others.
    public let cellWidth: Int32
    public let isMonospaced: Bool
    public let xHeight: Int32
    public let capHeight: Int32
    /// From the baseline down to the top of an underline.
    public let underlinePosition: Int32
    public let underlineThickness: Int32
    /// What stands for a character that the face does not have.
    public let replacement: GlyphIndex

    /// Checks and opens an atlas.
    /// - Safety: `bytes` must stay readable and unchanged for as long as this value or a copy is used.
    public init(_ bytes: UnsafeRawBufferPointer) throws(FontAtlasError) {
        guard let base = bytes.baseAddress, UInt(bitPattern: base) % 4 == 0,
            bytes.count >= AtlasLayout.headerSize + 2 * AtlasLayout.directCount
        else { throw .tooShort }
        let reader = AtlasReader(base: base)
        typealias Field = AtlasLayout.Field
        guard reader.u32(Field.magic) == AtlasLayout.magic else { throw .notAnAtlas }
        guard Int(reader.u32(Field.fileSize)) == bytes.count else { throw .tooShort }
        let tables = try AtlasTables(reader, byteCount: bytes.count)
        try tables.validate(reader)

        self.base = base
        rangeCount = tables.rangeCount
        rangeOffset = tables.rangeOffset
        glyphCount = tables.glyphCount
        glyphOffset = tables.glyphOffset
        bitmapOffset = tables.bitmapOffset
        kerningOffset = tables.kerningOffset
        coverageOffset = tables.coverageOffset
        isMonospaced = reader.u16(Field.flags) & AtlasLayout.monospacedFlag != 0
        pixelSize = Int32(reader.u16(Field.pixelSize))
        ascent = Int32(reader.i16(Field.ascent))
        descent = Int32(reader.i16(Field.descent))
        lineHeight = Int32(reader.i16(Field.lineHeight))
        cellWidth = Int32(reader.u16(Field.cellWidth))
        xHeight = Int32(reader.i16(Field.xHeight))
        capHeight = Int32(reader.i16(Field.capHeight))
        underlinePosition = Int32(reader.i16(Field.underlinePosition))
        underlineThickness = Int32(reader.u16(Field.underlineThickness))
        replacement = GlyphIndex(reader.u16(Field.replacementGlyph))
    }

    private var reader: AtlasReader { AtlasReader(base: base) }

    // MARK: Lookups

    /// The glyph of a character, or nil if the face has none.
    /// - Complexity: O(1) up to U+00FF, O(log ranges) beyond.
    public func glyph(for scalar: Unicode.Scalar) -> GlyphIndex? {
        let code = scalar.value
        if code < 256 {
            let index = GlyphIndex(reader.u16(AtlasLayout.headerSize + Int(code) &* 2))
            return index == replacement ? nil : index
        }
        var low = 0
        var high = rangeCount
        while low < high {
            let middle = (low &+ high) / 2
            let at = rangeOffset &+ middle &* AtlasLayout.rangeSize
            let first = reader.u32(at)
            if code < first {
                high = middle
            } else if code &- first < UInt32(reader.u16(at &+ 4)) {
                return GlyphIndex(reader.u16(at &+ 6) &+ UInt16(truncatingIfNeeded: code &- first))
            } else {
                low = middle &+ 1
            }
        }
        return nil
    }

    /// The glyph of a character, or the replacement glyph.
    @inline(__always)
    public func glyphOrReplacement(for scalar: Unicode.Scalar) -> GlyphIndex { glyph(for: scalar) ?? replacement }

    /// How far the pen moves, in 1/64 pixels.
    @inline(__always)
    public func advance(of glyph: GlyphIndex) -> Int32 { Int32(reader.i16(glyphRecord(glyph) &+ 10)) }

    /// The bitmap for a pen at `x`, in 1/64 pixels, and the whole pixel that the bitmap's `left` counts from.
    public func bitmap(of glyph: GlyphIndex, pen x: Int32) -> (bitmap: GlyphBitmap, pixel: Int32) {
        let record = glyphRecord(glyph)
        let phases = Int32(reader.u8(record &+ 12))
        // Rounded to the nearest phase: 1, 2 or 4 of them share 64 sixty-fourths.
        let rounded = x &+ 32 / phases
        let phase = ((rounded & 63) &* phases) >> 6
        return (bitmapRecord(reader.u32(record), UInt32(bitPattern: phase)), rounded >> 6)
    }

    /// The bitmap for a pen on a whole pixel.
    @inline(__always)
    public func bitmap(of glyph: GlyphIndex) -> GlyphBitmap { bitmapRecord(reader.u32(glyphRecord(glyph)), 0) }

    /// What is added to the advance between two glyphs, in 1/64 pixels.
    /// - Complexity: O(log pairs of `left`).
    public func kerning(_ left: GlyphIndex, _ right: GlyphIndex) -> Int32 {
        let record = glyphRecord(left)
        var low = Int(reader.u32(record &+ 4))
        var high = low &+ Int(reader.u16(record &+ 8))
        while low < high {
            let middle = (low &+ high) / 2
            let at = kerningOffset &+ middle &* AtlasLayout.kerningSize
            let candidate = reader.u16(at)
            if candidate == right.value { return Int32(reader.i16(at &+ 2)) }
            if candidate < right.value { low = middle &+ 1 } else { high = middle }
        }
        return 0
    }

    // SAFETY: only an opened face makes a GlyphIndex, and `min` keeps one of another face inside this one's table.
    @inline(__always)
    private func glyphRecord(_ glyph: GlyphIndex) -> Int {
        glyphOffset &+ min(Int(glyph.value), glyphCount &- 1) &* AtlasLayout.glyphSize
    }

    // SAFETY: opening the atlas checked every bitmap that a glyph names.
    @inline(__always)
    private func bitmapRecord(_ first: UInt32, _ phase: UInt32) -> GlyphBitmap {
        let at = bitmapOffset &+ Int(first &+ phase) &* AtlasLayout.bitmapSize
        let coverage = base + coverageOffset + Int(reader.u32(at))
        return GlyphBitmap(
            coverage: coverage.assumingMemoryBound(to: UInt8.self),
            width: Int32(reader.u16(at &+ 4)), height: Int32(reader.u16(at &+ 6)),
            left: Int32(reader.i16(at &+ 8)), top: Int32(reader.i16(at &+ 10)))
    }
}
