import AtlasWriter
import FontAtlas
import Testing

/// Memory of an atlas that lives as long as the test needs it, aligned as a mapping is.
final class AtlasFile {
    let memory: UnsafeMutableRawBufferPointer
    init(_ bytes: [UInt8]) {
        memory = .allocate(byteCount: bytes.count, alignment: 4096)
        memory.copyBytes(from: bytes)
    }
    deinit { memory.deallocate() }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }
    func face() throws(FontAtlasError) -> FontFace { try FontFace(bytes) }
}

func filled(_ width: Int, _ height: Int, left: Int = 0, top: Int? = nil, _ value: UInt8 = 255) -> BakedBitmap {
    BakedBitmap(
        width: width, height: height, left: left, top: top ?? height,
        coverage: [UInt8](repeating: value, count: width * height))
}

/// A face of solid blocks: its geometry can be predicted.
func blockFace() -> BakedFace {
    var face = BakedFace()
    face.pixelSize = 10
    face.ascent = 8
    face.descent = 2
    face.lineHeight = 12
    face.cellWidth = 6
    face.capHeight = 7
    face.replacement = BakedGlyph(codePoint: 0, advance: 6 * 64, bitmaps: [filled(5, 7, 100)])
    func add(_ character: Unicode.Scalar, _ advance: Int, _ bitmaps: [BakedBitmap]) {
        face.glyphs.append(BakedGlyph(codePoint: character.value, advance: advance, bitmaps: bitmaps))
    }
    add(" ", 200, [.empty])
    add("A", 6 * 64, [filled(5, 7)])
    add("B", 5 * 64 + 16, (0..<4).map { filled(4, 6, left: 1, UInt8(60 * $0 + 60)) })
    add("H", 5 * 64 + 16, (0..<2).map { filled(3, 6, left: 1, UInt8(60 * $0 + 60)) })
    add("V", 6 * 64, [filled(5, 7, left: -1)])
    add("…", 8 * 64, [filled(7, 1, top: 1)])
    add("я", 5 * 64, [filled(4, 5)])
    add("ю", 7 * 64, [filled(6, 5)])
    face.kerning = [0x41: [0x56: -40, 0x42: 10], 0x56: [0x41: -32]]
    return face
}

@Suite struct AtlasTests {
    @Test func whatIsWrittenIsRead() throws {
        let file = AtlasFile(blockFace().encoded())
        let face = try file.face()
        #expect(face.ascent == 8 && face.descent == 2 && face.lineHeight == 12 && face.capHeight == 7)
        #expect(!face.isMonospaced)
        for glyph in blockFace().glyphs {
            let scalar = try #require(Unicode.Scalar(glyph.codePoint))
            let index = try #require(face.glyph(for: scalar))
            #expect(face.advance(of: index) == Int32(glyph.advance))
            for phase in 0..<4 {
                // 15 sixty-fourths is nearer to a quarter than to a whole pixel.
                let (bitmap, pixel) = face.bitmap(of: index, pen: Int32(640 + phase * 16 - 1))
                let choice = glyph.bitmaps.count == 4 ? phase : glyph.bitmaps.count == 2 ? [0, 0, 1, 1][phase] : 0
                let wanted = glyph.bitmaps[choice]
                #expect(pixel == (glyph.bitmaps.count == 1 && phase > 2 ? 11 : 10))
                #expect(Int(bitmap.width) == wanted.width && Int(bitmap.height) == wanted.height)
                #expect(Int(bitmap.left) == wanted.left)
                #expect(
                    Array(UnsafeBufferPointer(start: bitmap.coverage, count: wanted.coverage.count)) == wanted.coverage)
            }
        }
        let a = try #require(face.glyph(for: "A")), b = try #require(face.glyph(for: "B"))
        let v = try #require(face.glyph(for: "V"))
        #expect(face.kerning(a, v) == -40)
        #expect(face.kerning(a, b) == 10)
        #expect(face.kerning(v, a) == -32)
        #expect(face.kerning(v, v) == 0 && face.kerning(b, a) == 0)
        #expect(face.glyph(for: "C") == nil)
        #expect(face.glyph(for: "Я") == nil)
        #expect(face.glyph(for: "\u{10FFFF}") == nil)
        #expect(face.glyphOrReplacement(for: "Я") == face.replacement)
    }

    @Test func trimmingKeepsThePlace() {
        let bitmap = BakedBitmap(width: 4, height: 3, left: -1, top: 5, coverage: [0, 0, 0, 0, 0, 9, 8, 0, 0, 0, 0, 0])
        #expect(bitmap.trimmed == BakedBitmap(width: 2, height: 1, left: 0, top: 4, coverage: [9, 8]))
        #expect(filled(3, 3, 0).trimmed == .empty)
    }

    @Test func truncatedFilesAreRefused() {
        let bytes = blockFace().encoded()
        for count in 0..<bytes.count {
            let file = AtlasFile(Array(bytes[..<count]))
            #expect(throws: FontAtlasError.self) { try file.face() }
        }
        #expect(throws: FontAtlasError.self) { try AtlasFile(bytes + [0]).face() }
    }

    /// Whatever passes the checks can be used without reading outside: every lookup is made, in memory that ends
    /// with the file, so that a reader that strays is seen by the bounds recomputed here.
    @Test(arguments: 0..<4)
    func corruptFilesAreRefusedOrHarmless(seed: UInt64) {
        let bytes = blockFace().encoded()
        var state = seed &* 77 &+ 1
        func random() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        var refused = 0
        let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF]
        for _ in 0..<4000 {
            var damaged = bytes
            for _ in 0..<(1 + random() % 3) {
                // Most damage goes to the tables, where it can do harm.
                let at = random() % (random() % 3 == 0 ? bytes.count : 80)
                damaged[at] = random() % 2 == 0 ? interesting[random() % 5] : UInt8(random() & 0xFF)
            }
            let file = AtlasFile(damaged)
            guard let face = try? file.face() else {
                refused += 1
                continue
            }
            let memory = UnsafeRawPointer(file.bytes.baseAddress!)
            let end = memory + file.bytes.count
            for code in [UInt32(0), 0x41, 0x42, 0x56, 0xFF, 0x2026, 0x44F, 0x44E, 0x10FFFF] {
                let glyph = face.glyphOrReplacement(for: Unicode.Scalar(code)!)
                for pen in [Int32(-70), 0, 17, 48, 63] {
                    let bitmap = face.bitmap(of: glyph, pen: pen).bitmap
                    let first = UnsafeRawPointer(bitmap.coverage)
                    #expect(first >= memory && first + Int(bitmap.width * bitmap.height) <= end)
                }
                _ = face.kerning(glyph, face.replacement)
                _ = face.advance(of: glyph)
            }
        }
        #expect(refused > 500)
    }

    @Test func unalignedMemoryIsRefused() {
        let bytes = [0] + blockFace().encoded()
        let file = AtlasFile(bytes)
        #expect(throws: FontAtlasError.self) { try FontFace(UnsafeRawBufferPointer(rebasing: file.bytes[1...])) }
    }
}
