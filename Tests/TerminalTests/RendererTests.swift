import AtlasWriter
import FontAtlas
import Gfx
import TerminalView
import Testing
import VT

/// A terminal's picture in memory that nobody shows.
private final class Picture {
    let memory: UnsafeMutableRawBufferPointer
    let size: Size

    init(_ size: Size) {
        self.size = size
        memory = .allocate(byteCount: Int(size.width * size.height) * 4, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0x5A)
    }

    deinit { memory.deallocate() }

    var buffer: PixelBuffer {
        PixelBuffer(memory: memory, width: size.width, height: size.height, strideBytes: Int(size.width) * 4, format: .xrgb8888)!
    }

    /// The first pixel in which two pictures differ.
    func difference(_ other: Picture) -> Point? {
        let mine = memory.bindMemory(to: UInt32.self)
        let theirs = other.memory.bindMemory(to: UInt32.self)
        for index in mine.indices where mine[index] != theirs[index] {
            return Point(x: Int32(index) % size.width, y: Int32(index) / size.width)
        }
        return nil
    }
}

@Suite struct RendererTests {
    /// A monospaced face whose glyphs are all different, for ASCII and a little more.
    private let bytes: UnsafeMutableRawBufferPointer = {
        var face = BakedFace()
        face.pixelSize = 14
        face.isMonospaced = true
        face.ascent = 14
        face.descent = 4
        face.lineHeight = 18
        face.cellWidth = 8
        face.xHeight = 8
        face.capHeight = 10
        face.underlinePosition = 2
        func glyph(_ code: UInt32) -> BakedGlyph {
            let coverage = (0..<7 * 12).map { UInt8(truncatingIfNeeded: UInt32($0) &* (code &* 7 &+ 3) >> 1) }
            return BakedGlyph(
                codePoint: code, advance: 8 * 64,
                bitmaps: [BakedBitmap(width: 7, height: 12, left: 0, top: 11, coverage: coverage)])
        }
        face.replacement = glyph(1)
        face.glyphs = (0x21...0x7E).map { glyph($0) } + [0xE9, 0x301, 0x2500, 0x2502].map { glyph($0) }
        let encoded = face.encoded()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: encoded.count, alignment: 16)
        memory.copyBytes(from: encoded)
        return memory
    }()

    private func fonts() throws -> TerminalFonts {
        let face = try FontFace(UnsafeRawBufferPointer(bytes))
        return try #require(TerminalFonts(regular: face, bold: nil, italic: nil))
    }

    private func makeRenderer(_ columns: Int, _ rows: Int) throws -> (CellRenderer, Size) {
        let renderer = CellRenderer(fonts: try fonts(), padding: 8)
        let size = renderer.size(columns: columns, rows: rows)
        renderer.resize(size, fonts: try fonts(), padding: 8)
        return (renderer, size)
    }

    @Test func aTypedKeyChangesTwoCells() throws {
        let terminal = Emulator(80, 24, "$ ")
        let (renderer, _) = try makeRenderer(80, 24)
        renderer.update(terminal, isFocused: true) { _ in }
        terminal.feed("l")
        var changed: [Rect] = []
        renderer.update(terminal, isFocused: true) { changed.append($0) }
        #expect(changed == [Rect(x: 8 + 2 * 8, y: 8, width: 16, height: 18)])
        changed = []
        terminal.feed("\u{1B}[K\u{1B}[?25l\u{1B}[?25h")
        renderer.update(terminal, isFocused: true) { changed.append($0) }
        #expect(changed.isEmpty, "what looks the same is not drawn")
        renderer.update(terminal, isFocused: false) { changed.append($0) }
        #expect(changed == [Rect(x: 8 + 3 * 8, y: 8, width: 8, height: 18)])
    }

    @Test func scrollingTextThatIsEqualIsNotDrawn() throws {
        let terminal = Emulator(20, 4, "same\r\nsame\r\nsame\r\nsame")
        let (renderer, _) = try makeRenderer(20, 4)
        renderer.update(terminal, isFocused: true) { _ in }
        terminal.feed("\r\nsame")
        var changed = 0
        renderer.update(terminal, isFocused: true) { _ in changed += 1 }
        #expect(changed == 0)
    }

    /// Drawing only what has changed gives the very pixels that drawing everything gives.
    @Test(arguments: 0..<12 as Range<UInt64>)
    func piecewiseDrawingEqualsDrawingAll(_ seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        let terminal = Emulator(24, 6, history: 30)
        let (renderer, size) = try makeRenderer(24, 6)
        let piecewise = Picture(size)
        var isFocused = true
        for step in 0..<60 {
            if step % 7 == 3 { terminal.screen.scrollView(by: Int.random(in: -4...4, using: &generator)) }
            if step % 11 == 5 { isFocused.toggle() }
            if step % 9 == 4 {
                terminal.screen.beginSelection(viewRow: Int.random(in: 0..<6, using: &generator), column: 3, .character)
                terminal.screen.extendSelection(viewRow: Int.random(in: 0..<6, using: &generator), column: 12)
            }
            terminal.feed(output(&generator))
            var region = step == 0 ? Region(Rect(size: size)) : Region()
            renderer.update(terminal, isFocused: isFocused) { region.formUnion($0) }
            renderer.draw(region, into: piecewise.buffer, terminal)
            let whole = Picture(size)
            renderer.draw(Region(Rect(size: size)), into: whole.buffer, terminal)
            let place = piecewise.difference(whole)
            #expect(place == nil, "seed \(seed) step \(step)")
            // And a renderer that sees the terminal for the first time agrees.
            let (fresh, _) = try makeRenderer(24, 6)
            let other = Picture(size)
            terminal.screen.damageAll()
            fresh.update(terminal, isFocused: isFocused) { _ in }
            fresh.draw(Region(Rect(size: size)), into: other.buffer, terminal)
            #expect(other.difference(whole) == nil, "seed \(seed) step \(step): a fresh renderer")
            if place != nil { return }
        }
    }

    private func output(_ generator: inout SeededGenerator) -> String {
        let pieces = [
            "ls -l", "\r\n", "日本", "e\u{301}é", "\u{1B}[7m", "\u{1B}[0m", "\u{1B}[4;9;53m", "\u{1B}[4:3m", "\u{1B}[1;31m",
            "\u{1B}[44m",
            "\u{1B}[H", "\u{1B}[3;5H", "\u{1B}[K", "\u{1B}[2J", "\u{1B}M", "\u{1B}[2L", "\u{1B}[3P", "\u{1B}[?5h", "\u{1B}[?5l",
            "\u{1B}[?25l", "\u{1B}[?25h", "\u{1B}[4 q", "\u{1B}[6 q", "\u{1B}[0 q", "\u{1B}]11;#203040\u{07}", "\u{1B}]111\u{07}",
            "text ─│",
        ]
        return (0..<4).map { _ in pieces.randomElement(using: &generator)! }.joined()
    }
}
