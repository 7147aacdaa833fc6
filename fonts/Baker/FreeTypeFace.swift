// A font file opened with FreeType at one pixel size.

import AtlasWriter
import CFreeType

/// Why a font could not be baked.
public enum BakeError: Error {
    case freeType(operation: String, code: Int32)
    case notScalable(path: String)
}

/// The FreeType library's handle.
public final class FreeTypeLibrary {
    let handle: FT_Library

    public init() throws {
        var library: FT_Library?
        try check(FT_Init_FreeType(&library), "FT_Init_FreeType")
        handle = library!
    }

    deinit { FT_Done_FreeType(handle) }
}

func check(_ code: FT_Error, _ operation: String) throws {
    if code != 0 { throw BakeError.freeType(operation: operation, code: code) }
}

/// How outlines are fitted to the pixel grid.
public enum Hinting: Sendable {
    /// Heights only; shapes keep their widths.
    case light
    case none

    var flags: FT_Int32 {
        switch self {
        case .light: return martlet_load_light
        case .none: return martlet_load_unhinted
        }
    }
}

/// One face of a font file at a pixel size.
public final class FreeTypeFace {
    private let library: FreeTypeLibrary
    let face: FT_Face
    public let pixelSize: Int
    public let hinting: Hinting

    /// - Parameter cellWidth: for a monospaced face, the width in pixels that its advance is scaled to; the
    ///   height is left as it is.
    public init(
        _ library: FreeTypeLibrary, path: String, pixelSize: Int, hinting: Hinting, cellWidth: Int? = nil
    ) throws {
        self.library = library
        self.pixelSize = pixelSize
        self.hinting = hinting
        var opened: FT_Face?
        try check(FT_New_Face(library.handle, path, 0, &opened), "FT_New_Face \(path)")
        face = opened!
        guard face.pointee.face_flags & 1 != 0 else { throw BakeError.notScalable(path: path) }
        var width = pixelSize * 64
        if let cellWidth {
            let advance = try unscaledAdvance(of: glyphNumber("0"))
            width = (cellWidth * 64 * unitsPerEm + advance / 2) / advance
        }
        try check(FT_Set_Char_Size(face, width, pixelSize * 64, 72, 72), "FT_Set_Char_Size")
    }

    deinit { FT_Done_Face(face) }

    var unitsPerEm: Int { Int(face.pointee.units_per_EM) }

    /// The font's own glyph number, 0 if it has no such character.
    func glyphNumber(_ scalar: Unicode.Scalar) -> UInt32 { FT_Get_Char_Index(face, UInt(scalar.value)) }

    private func unscaledAdvance(of glyph: UInt32) throws -> Int {
        try check(FT_Load_Glyph(face, glyph, FT_Int32(1)), "FT_Load_Glyph")  // FT_LOAD_NO_SCALE
        return face.pointee.glyph.pointee.advance.x
    }

    /// A distance in font units as 1/64 pixels, vertically.
    func scaled(_ units: Int) -> Double { Double(units * pixelSize * 64) / Double(unitsPerEm) }

    /// The advance in 1/64 pixels, not rounded to whole ones.
    func advance(of glyph: UInt32) throws -> Int {
        try check(FT_Load_Glyph(face, glyph, hinting.flags), "FT_Load_Glyph")
        return (face.pointee.glyph.pointee.linearHoriAdvance + 512) / 1024
    }

    /// Renders a glyph for a pen at `offset` 1/64 pixels right of a whole pixel.
    func render(_ glyph: UInt32, offset: Int = 0) throws -> BakedBitmap {
        try check(FT_Load_Glyph(face, glyph, hinting.flags), "FT_Load_Glyph")
        let slot = face.pointee.glyph!
        FT_Outline_Translate(&slot.pointee.outline, offset, 0)
        try check(FT_Render_Glyph(slot, FT_RENDER_MODE_NORMAL), "FT_Render_Glyph")
        let bitmap = slot.pointee.bitmap
        let width = Int(bitmap.width)
        let height = Int(bitmap.rows)
        guard width > 0, height > 0, let buffer = bitmap.buffer else { return .empty }
        var coverage = [UInt8]()
        coverage.reserveCapacity(width * height)
        for y in 0..<height {
            // SAFETY: FreeType's bitmap has `rows` rows of `width` bytes, `pitch` bytes apart.
            let row = buffer + y * Int(bitmap.pitch)
            coverage += UnsafeBufferPointer(start: row, count: width)
        }
        return BakedBitmap(
            width: width, height: height, left: Int(slot.pointee.bitmap_left), top: Int(slot.pointee.bitmap_top),
            coverage: coverage)
    }

    /// An SFNT table by its tag, or nil.
    func table(_ tag: UInt) -> [UInt8]? {
        var length: UInt = 0
        guard FT_Load_Sfnt_Table(face, tag, 0, nil, &length) == 0, length > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(length))
        guard FT_Load_Sfnt_Table(face, tag, 0, &bytes, &length) == 0 else { return nil }
        return bytes
    }
}
