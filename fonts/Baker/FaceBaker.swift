// From a font file to an atlas.

import AtlasWriter
import CFreeType

/// What to bake.
public struct FaceRequest: Sendable {
    public var path: String
    /// Where characters come from that the font lacks.
    public var fallbackPath: String?
    public var pixelSize: Int
    public var characters: CharacterSet
    public var hinting: Hinting
    /// For a monospaced face, the size of its cells.
    public var cell: (width: Int, height: Int)?
    /// Coverage is raised to this power: below 1 it strengthens partly covered pixels, which sRGB blending
    /// makes too faint.
    public var coverageExponent: Double

    public init(
        path: String, fallbackPath: String? = nil, pixelSize: Int, characters: CharacterSet, hinting: Hinting,
        cell: (width: Int, height: Int)? = nil, coverageExponent: Double
    ) {
        self.path = path
        self.fallbackPath = fallbackPath
        self.pixelSize = pixelSize
        self.characters = characters
        self.hinting = hinting
        self.cell = cell
        self.coverageExponent = coverageExponent
    }
}

/// Bakes faces; keeps FreeType open between them.
public struct FaceBaker {
    private let library: FreeTypeLibrary

    public init() throws { library = try FreeTypeLibrary() }

    public func bake(_ request: FaceRequest) throws -> BakedFace {
        func open(_ path: String) throws -> FreeTypeFace {
            try FreeTypeFace(
                library, path: path, pixelSize: request.pixelSize, hinting: request.hinting,
                cellWidth: request.cell?.width)
        }
        let face = try open(request.path)
        let sources = [face] + (try request.fallbackPath.map { [try open($0)] } ?? [])
        var baked = metrics(of: face, request)
        let curve = (0...255).map { c -> UInt8 in
            UInt8((power(Double(c) / 255, request.coverageExponent) * 255).rounded())
        }
        let art = request.cell.map { CellArt(width: $0.width, height: $0.height, light: baked.underlineThickness) }

        for code in request.characters.codePoints {
            guard let scalar = Unicode.Scalar(code) else { continue }
            if let cell = request.cell, let picture = art?.draw(code) {
                let bitmap = BakedBitmap(
                    width: cell.width, height: cell.height, left: 0, top: baked.ascent, coverage: picture)
                baked.glyphs.append(BakedGlyph(codePoint: code, advance: cell.width * 64, bitmaps: [bitmap]))
                continue
            }
            guard let source = sources.first(where: { $0.glyphNumber(scalar) != 0 }) else { continue }
            let number = source.glyphNumber(scalar)
            let phases = request.characters.phases(of: code, pixelSize: request.pixelSize)
            let bitmaps = try phases.map { offset -> BakedBitmap in
                var bitmap = try source.render(number, offset: offset)
                bitmap.coverage = bitmap.coverage.map { curve[Int($0)] }
                return request.cell.map { fitted(bitmap.trimmed, width: $0.width) } ?? bitmap
            }
            let advance = try request.cell.map { $0.width * 64 } ?? source.advance(of: number)
            baked.glyphs.append(BakedGlyph(codePoint: code, advance: advance, bitmaps: bitmaps))
        }
        baked.replacement = replacement(for: baked, request)
        if request.cell == nil { baked.kerning = kerning(of: face, request) }
        return baked
    }

    private func metrics(of face: FreeTypeFace, _ request: FaceRequest) -> BakedFace {
        var baked = BakedFace()
        let raw = face.face.pointee
        func pixels(_ units: Int) -> Int { Int((face.scaled(units) / 64).rounded()) }
        baked.pixelSize = request.pixelSize
        baked.ascent = pixels(Int(raw.ascender))
        baked.descent = pixels(-Int(raw.descender))
        baked.lineHeight = baked.ascent + baked.descent
        baked.underlineThickness = max(1, pixels(Int(raw.underline_thickness)))
        baked.underlinePosition = max(1, pixels(-Int(raw.underline_position) - Int(raw.underline_thickness) / 2))
        if let pointer = FT_Get_Sfnt_Table(face.face, FT_SFNT_OS2) {
            // SAFETY: FreeType documents this table's type for FT_SFNT_OS2.
            let os2 = pointer.assumingMemoryBound(to: TT_OS2.self).pointee
            baked.xHeight = pixels(Int(os2.sxHeight))
            baked.capHeight = pixels(Int(os2.sCapHeight))
        }
        baked.cellWidth = pixels(Int(raw.max_advance_width))
        if let cell = request.cell {
            baked.isMonospaced = true
            baked.cellWidth = cell.width
            // The lines' spacing is shared out so that text stays in the middle of its cell.
            let extra = cell.height - baked.lineHeight
            baked.ascent += extra / 2
            baked.descent = cell.height - baked.ascent
            baked.lineHeight = cell.height
            baked.underlineThickness = max(1, (request.pixelSize + 7) / 14)
            baked.underlinePosition = max(1, min(baked.underlinePosition, baked.descent - baked.underlineThickness))
        }
        return baked
    }

    /// A glyph moved into its cell where it reaches over the edge by less than it has room on the other side; what is
    /// still too wide is cut.
    private func fitted(_ bitmap: BakedBitmap, width: Int) -> BakedBitmap {
        guard bitmap.width > 0, bitmap.left < 0 || bitmap.left + bitmap.width > width else { return bitmap }
        var result = bitmap
        if bitmap.width <= width {
            result.left = max(0, min(bitmap.left, width - bitmap.width))
            return result
        }
        let skip = max(0, min(-bitmap.left, bitmap.width - width))
        result.left = 0
        result.width = width
        result.coverage = (0..<bitmap.height).flatMap { y in
            bitmap.coverage[(y * bitmap.width + skip)..<(y * bitmap.width + skip + width)]
        }
        return result
    }

    /// A box with a hairline edge, as tall as a capital letter.
    private func replacement(for baked: BakedFace, _ request: FaceRequest) -> BakedGlyph {
        let height = max(5, baked.capHeight)
        let width = request.cell.map { $0.width - 2 } ?? max(4, height * 2 / 3)
        let line = max(1, request.pixelSize / 14)
        var coverage = [UInt8](repeating: 0, count: width * height)
        for y in 0..<height {
            for x in 0..<width where x < line || y < line || x >= width - line || y >= height - line {
                coverage[y * width + x] = 200
            }
        }
        let bitmap = BakedBitmap(width: width, height: height, left: 1, top: height, coverage: coverage)
        return BakedGlyph(codePoint: 0, advance: (width + 2) * 64, bitmaps: [bitmap])
    }

    private func kerning(of face: FreeTypeFace, _ request: FaceRequest) -> [UInt32: [UInt32: Int]] {
        guard let table = face.table(0x4750_4F53), let pairs = PairKerning(table) else { return [:] }  // 'GPOS'
        let letters = request.characters.kerned
            .compactMap { code in Unicode.Scalar(code).map { (code, face.glyphNumber($0)) } }
            .filter { $0.1 != 0 }
        var result: [UInt32: [UInt32: Int]] = [:]
        for (left, leftGlyph) in letters {
            for (right, rightGlyph) in letters {
                // Scripts are not mixed within a word.
                if (left >= 0x400) != (right >= 0x400), left >= 0x41, right >= 0x41 { continue }
                let units = pairs.adjustment(leftGlyph, rightGlyph)
                let value = Int(face.scaled(units).rounded())
                // Less than a tenth of a pixel cannot be seen.
                if abs(value) > 6 { result[left, default: [:]][right] = value }
            }
        }
        return result
    }
}

/// x to the power of y for x in 0...1, without Foundation: by repeated square roots over y's binary digits.
func power(_ x: Double, _ y: Double) -> Double {
    guard x > 0 else { return y == 0 ? 1 : 0 }
    var whole = 1.0
    for _ in 0..<Int(y) { whole *= x }
    var fraction = y - Double(Int(y))
    var root = x
    for _ in 0..<40 where fraction > 0 {
        root = root.squareRoot()
        fraction *= 2
        if fraction >= 1 {
            whole *= root
            fraction -= 1
        }
    }
    return whole
}
