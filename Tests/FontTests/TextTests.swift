import AtlasWriter
import FontAtlas
import Gfx
import Testing
import Text

/// Pixels for a test to draw on.
final class Page {
    let width: Int32
    let height: Int32
    let memory: UnsafeMutableRawBufferPointer
    init(_ width: Int32, _ height: Int32, background: UInt32 = 0xFF00_0000) {
        self.width = width
        self.height = height
        memory = .allocate(byteCount: Int(width * height) * 4, alignment: 16)
        buffer.fill(buffer.bounds, pixel: background)
    }
    deinit { memory.deallocate() }
    var buffer: PixelBuffer {
        PixelBuffer(memory: memory, width: width, height: height, strideBytes: Int(width) * 4, format: .xrgb8888)!
    }
    subscript(x: Int32, y: Int32) -> UInt32 { buffer.pixel(at: Point(x: x, y: y))! }
    /// The smallest rectangle around everything that is not `background`.
    func ink(background: UInt32 = 0xFF00_0000) -> Rect {
        var result = Rect.zero
        for y in 0..<height {
            for x in 0..<width where self[x, y] != background {
                result = result.union(Rect(x: x, y: y, width: 1, height: 1))
            }
        }
        return result
    }
}

@Suite struct TextTests {
    let file = AtlasFile(blockFace().encoded())

    @Test func layoutAppliesAdvancesAndKerning() throws {
        let font = try file.face()
        let line = TextLine("AVA", font: font)
        let pens: [Int32] = line.items.map(\.x)
        #expect(pens == [0, 344, 696])
        #expect(line.end == 1080)
        #expect(line.width == 17)
        #expect(TextLine("", font: font).width == 0)
        #expect(TextLine("A\u{200B}\nA", font: font).width == 12)
        #expect(font.width(of: "AA") == 12)
    }

    @Test func caretsFollowCharacters() throws {
        let line = TextLine("AяA", font: try file.face())
        #expect(line.utf8Count == 4)
        let carets = ([0, 1, 3, 4] as [Int32]).map { line.caret(at: $0) }
        #expect(carets == [0, 6, 11, 17])
        let offsets = ([-5, 2, 4, 8, 9, 14, 100] as [Int32]).map { line.utf8Offset(at: $0) }
        #expect(offsets == [0, 0, 1, 1, 3, 4, 4])
    }

    @Test func longLinesEndInAnEllipsis() throws {
        let font = try file.face()
        let line = TextLine("AAAA AAAA", font: font)
        #expect(line.truncated(to: line.width).items.count == 9)
        for width in Int32(0)..<line.width {
            let cut = line.truncated(to: width)
            #expect(cut.width <= width)
            #expect(width < 8 || cut.items.last?.glyph == font.glyph(for: "…"))
        }
        // The space before the cut goes too.
        #expect(line.truncated(to: 40).utf8Count == 4)
    }

    @Test func drawingPutsGlyphsOnTheBaseline() throws {
        let font = try file.face()
        let page = Page(40, 20)
        page.buffer.draw("A", font: font, at: Point(x: 3, y: 15), .white)
        #expect(page.ink() == Rect(x: 3, y: 8, width: 5, height: 7))
        let other = Page(40, 20)
        other.buffer.draw("A", font: font, in: Rect(x: 0, y: 0, width: 41, height: 21), alignment: .center, .white)
        #expect(other.ink() == Rect(x: 17, y: 7, width: 5, height: 7))
        let right = Page(40, 20)
        right.buffer.draw("A", font: font, in: Rect(x: 0, y: 0, width: 40, height: 20), alignment: .trailing, .white)
        #expect(right.ink().left == 34)
    }

    @Test func drawingFarOutsideIsHarmless() throws {
        let font = try file.face()
        let page = Page(10, 10)
        for x in [Int32.min, -1000, 0, 1000, Int32.max] {
            for y in [Int32.min, -1000, 1000, Int32.max] {
                page.buffer.draw("AV яB", font: font, at: Point(x: x, y: y), .white)
            }
        }
        #expect(page.ink().isEmpty)
        page.buffer.draw("A", font: font, at: Point(x: -2, y: 3), .white)
        #expect(page.ink() == Rect(x: 0, y: 0, width: 3, height: 3))
    }

    @Test func phasesPlaceGlyphsBetweenPixels() throws {
        let font = try file.face()
        let page = Page(60, 12, background: 0)
        page.buffer.draw("BBBB", font: font, at: Point(x: 0, y: 8), Color(rgb: 0xFFFFFF))
        // Pens at 0, 5 1/4, 10 1/2 and 15 3/4: the bitmap of each phase has its own coverage here.
        let columns: [Int32] = [1, 6, 11, 16]
        let coverage: [UInt32] = columns.map { page[$0, 4] & 0xFF }
        #expect(coverage == [60, 120, 180, 240])
    }

    @Test func cellsAreWrittenWholeAndAlikeOnBothPaths() throws {
        var baked = blockFace()
        baked.isMonospaced = true
        baked.glyphs.append(BakedGlyph(codePoint: 0x2588, advance: 384, bitmaps: [filled(20, 30, left: -5, top: 20)]))
        baked.glyphs.append(BakedGlyph(codePoint: 0x2592, advance: 384, bitmaps: [filled(3, 4, left: 2, top: 5, 77)]))
        let file = AtlasFile(baked.encoded())
        let cells = try #require(CellPainter(try file.face()))
        #expect(cells.cell == Size(width: 6, height: 12))
        #expect(CellPainter(try self.file.face()) == nil)
        for character in ["A", " ", "B", "\u{2588}", "\u{2592}", "я"] as [Unicode.Scalar] {
            let inside = Page(20, 20, background: 0xFF123456)
            cells.draw(character, into: inside.buffer, at: Point(x: 7, y: 4), foreground: 0xFFEEDDCC, background: 0xFF202020)
            #expect(Rect(x: 7, y: 4, width: 6, height: 12).contains(inside.ink(background: 0xFF123456)))
            let clipped = Page(20, 20, background: 0xFF123456)
            for rect in [Rect(x: 0, y: 0, width: 9, height: 20), Rect(x: 9, y: 0, width: 11, height: 20)] {
                cells.draw(
                    character, into: clipped.buffer.clipped(to: rect), at: Point(x: 7, y: 4), foreground: 0xFFEEDDCC,
                    background: 0xFF202020)
            }
            for y in Int32(0)..<20 { for x in Int32(0)..<20 { #expect(inside[x, y] == clipped[x, y]) } }
        }
        let page = Page(20, 20)
        cells.draw("\u{2592}", into: page.buffer, at: .zero, foreground: 0xFFFFFFFF, background: 0xFF000000)
        #expect(page[2, 3] == 0xFF4D4D4D && page[1, 3] == 0xFF000000 && page[4, 6] == 0xFF4D4D4D)
        for x in [Int32.min, Int32.max] {
            cells.draw("A", into: page.buffer, at: Point(x: x, y: x), foreground: 1, background: 2)
        }
    }

    /// A page of everything that text drawing does, by its fingerprint: a change of any pixel is seen.
    @Test func pageHasTheApprovedFingerprint() throws {
        let font = try file.face()
        let page = Page(120, 80, background: 0xFF1E_1F29)
        let buffer = page.buffer
        buffer.draw("AVA BHB яю", font: font, at: Point(x: 3, y: 12), Color(rgb: 0xECEDF3))
        buffer.draw("BBBB", font: font, at: Point(x: 3, y: 26), Color(rgb: 0xFF7A4D, alpha: 160))
        buffer.draw("AAAA AAAA AAAA", font: font, in: Rect(x: 60, y: 14, width: 50, height: 16), alignment: .center, .white)
        buffer.draw("unknown", font: font, at: Point(x: 3, y: 40), Color(rgb: 0x5CB8FF))
        buffer.clipped(to: Rect(x: 0, y: 44, width: 20, height: 5))
            .draw("ABHV", font: font, at: Point(x: 1, y: 50), .white)
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for y in Int32(0)..<80 {
            for x in Int32(0)..<120 {
                for shift in stride(from: UInt32(0), to: 24, by: 8) {
                    hash = (hash ^ UInt64((page[x, y] >> shift) & 0xFF)) &* 0x100_0000_01b3
                }
            }
        }
        #expect(hash == 14_792_449_052_741_041_866)
    }
}
