// The baker, run on the distribution's fonts where they are installed.

import AtlasWriter
import FontAtlas
import FontBaker
import Foundation
import Gfx
import Testing
import Text

private let inter = "/usr/share/fonts/opentype/inter/Inter-Regular.otf"
private let mono = "/usr/share/fonts/truetype/jetbrains-mono/JetBrainsMono-Regular.ttf"
private let fontsAreInstalled = [inter, mono].allSatisfy { FileManager.default.fileExists(atPath: $0) }

/// Baked once, as it is slow in a debug build.
nonisolated(unsafe) private let monoFile = Result {
    let request = FaceRequest(
        path: mono, pixelSize: 14, characters: .terminalWithBraille, hinting: .light, cell: (8, 18),
        coverageExponent: 0.8)
    return AtlasFile(try FaceBaker().bake(request).encoded())
}

@Suite(.enabled(if: fontsAreInstalled)) struct BakerTests {
    /// A character in the middle of a page, on black.
    private func cell(_ character: Unicode.Scalar, _ cells: CellPainter) -> Page {
        let page = Page(8, 18)
        cells.draw(character, into: page.buffer, at: .zero, foreground: 0xFFFF_FFFF, background: 0xFF00_0000)
        return page
    }

    @Test func boxDrawingMeetsAtCellEdges() throws {
        let file = try monoFile.get()
        let cells = try #require(CellPainter(try file.face()))
        func edge(_ character: Unicode.Scalar, _ side: Corners) -> [UInt32] {
            let page = cell(character, cells)
            switch side {
            case .topLeft: return (0..<18).map { page[0, $0] }  // left edge
            case .topRight: return (0..<18).map { page[7, $0] }  // right edge
            case .bottomLeft: return (0..<8).map { page[$0, 0] }  // top edge
            default: return (0..<8).map { page[$0, 17] }  // bottom edge
            }
        }
        let black = [UInt32](repeating: 0xFF00_0000, count: 18)
        // Whatever reaches an edge does so as the straight line of the same weight does.
        let horizontal = edge("─", .topLeft), heavy = edge("━", .topLeft), double = edge("═", .topLeft)
        let vertical = edge("│", .bottomRight), heavyDown = edge("┃", .bottomRight), doubleDown = edge("║", .bottomRight)
        #expect(Set([horizontal, heavy, double, black]).count == 4)
        for character in ["┌", "├", "┬", "┼", "╭", "╰", "└", "╓", "╟", "╙", "╶"] as [Unicode.Scalar] {
            #expect(edge(character, .topRight) == horizontal, "\(character)")
        }
        for character in ["┏", "┣", "┳", "╋", "┍", "╺", "╼"] as [Unicode.Scalar] {
            #expect(edge(character, .topRight) == heavy, "\(character)")
        }
        for character in ["╔", "╠", "╦", "╬", "╒", "╞", "╚", "╪"] as [Unicode.Scalar] {
            #expect(edge(character, .topRight) == double, "\(character)")
        }
        for character in ["┌", "┐", "├", "┼", "╭", "╮", "╒", "╤", "╪"] as [Unicode.Scalar] {
            #expect(edge(character, .bottomRight) == vertical, "\(character)")
        }
        for character in ["┏", "┓", "┣", "╋", "╻"] as [Unicode.Scalar] {
            #expect(edge(character, .bottomRight) == heavyDown, "\(character)")
        }
        for character in ["╔", "╗", "╠", "╬", "╓", "╫", "╥"] as [Unicode.Scalar] {
            #expect(edge(character, .bottomRight) == doubleDown, "\(character)")
        }
        for character in ["│", "┌", "└", "├", "║", "╔", "┃"] as [Unicode.Scalar] {
            #expect(edge(character, .topLeft) == black, "\(character)")
        }
    }

    @Test func doubleLinesHaveOpenJunctions() throws {
        let file = try monoFile.get()
        let cells = try #require(CellPainter(try file.face()))
        func picture(_ character: Unicode.Scalar) -> [String] {
            let page = cell(character, cells)
            return (5..<12).map { y in String((0..<8).map { page[$0, y] == 0xFF00_0000 ? "." : "#" }) }
        }
        #expect(picture("╬") == ["..#.#...", "..#.#...", "###.####", "........", "###.####", "..#.#...", "..#.#..."])
        #expect(picture("╔") == ["........", "........", "..######", "..#.....", "..#.####", "..#.#...", "..#.#..."])
        #expect(picture("╪") == ["...#....", "...#....", "########", "...#....", "########", "...#....", "...#...."])
        #expect(picture("╞") == ["...#....", "...#....", "...#####", "...#....", "...#####", "...#....", "...#...."])
        #expect(picture("╓") == ["........", "........", "........", "..######", "..#.#...", "..#.#...", "..#.#..."])
        #expect(picture("╟") == ["..#.#...", "..#.#...", "..#.#...", "..#.####", "..#.#...", "..#.#...", "..#.#..."])
    }

    @Test func blocksAndShadesFillTheirPartOfTheCell() throws {
        let file = try monoFile.get()
        let cells = try #require(CellPainter(try file.face()))
        #expect(cells.cell == Size(width: 8, height: 18))
        #expect(cell("█", cells).ink() == Rect(x: 0, y: 0, width: 8, height: 18))
        #expect(cell("▀", cells).ink() == Rect(x: 0, y: 0, width: 8, height: 9))
        #expect(cell("▄", cells).ink() == Rect(x: 0, y: 9, width: 8, height: 9))
        #expect(cell("▌", cells).ink() == Rect(x: 0, y: 0, width: 4, height: 18))
        #expect(cell("▏", cells).ink() == Rect(x: 0, y: 0, width: 1, height: 18))
        #expect(cell("▒", cells)[3, 3] == 0xFF80_8080)
        #expect(cell("▚", cells)[0, 0] == 0xFFFF_FFFF && cell("▚", cells)[7, 0] == 0xFF00_0000)
        let dots = cell("⠁", cells).ink(), all = cell("⣿", cells).ink()
        #expect(dots.width == 2 && dots.height == 2 && all.contains(dots))
    }

    @Test func textFacesHaveMetricsKerningAndScripts() throws {
        let request = FaceRequest(
            path: inter, pixelSize: 13, characters: .interface, hinting: .light, coverageExponent: 0.8)
        let file = AtlasFile(try FaceBaker().bake(request).encoded())
        let face = try file.face()
        #expect(!face.isMonospaced)
        #expect((12...14).contains(face.ascent) && (2...4).contains(face.descent))
        #expect((8...10).contains(face.capHeight) && face.xHeight < face.capHeight)
        for scalar in "AzÄßőŁΩλЖя—“”€→✓".unicodeScalars { #expect(face.glyph(for: scalar) != nil, "\(scalar)") }
        let t = face.glyphOrReplacement(for: "T"), o = face.glyphOrReplacement(for: "o")
        let a = face.glyphOrReplacement(for: "A"), v = face.glyphOrReplacement(for: "V")
        #expect(face.kerning(t, o) < 0 && face.kerning(a, v) < 0)
        #expect(face.kerning(o, o) == 0)
        #expect(face.width(of: "iiii") < face.width(of: "MMMM") / 2)
        // Letters stand on the baseline and capitals reach the capital height.
        let h = face.bitmap(of: face.glyphOrReplacement(for: "H"))
        #expect(h.top == face.capHeight && h.height == h.top)
    }

    @Test func everyTerminalGlyphFitsItsCell() throws {
        let file = try monoFile.get()
        let face = try file.face()
        for code in CharacterSet.terminalWithBraille.codePoints {
            guard let scalar = Unicode.Scalar(code), let glyph = face.glyph(for: scalar) else { continue }
            let bitmap = face.bitmap(of: glyph)
            #expect(face.advance(of: glyph) == 8 * 64)
            #expect(bitmap.width == 0 || bitmap.left >= 0 && bitmap.left + bitmap.width <= 8, "\(scalar)")
        }
    }
}
