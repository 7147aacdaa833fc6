// Draws the screen's cells. It remembers what it has drawn, so that only cells which look different are drawn again.

import FontAtlas
import Gfx
import Text
import VT

/// The faces of a terminal at one scale.
public struct TerminalFonts {
    let regular: CellPainter
    let bold: CellPainter
    let italic: CellPainter

    /// Fails unless all faces have cells of the same size.
    public init?(regular: FontFace, bold: FontFace?, italic: FontFace?) {
        guard let painter = CellPainter(regular) else { return nil }
        self.regular = painter
        func matching(_ face: FontFace?) -> CellPainter {
            guard let face, let other = CellPainter(face), other.cell == painter.cell, face.ascent == regular.ascent
            else { return painter }
            return other
        }
        self.bold = matching(bold)
        self.italic = matching(italic)
    }

    public var cell: Size { regular.cell }

    func painter(_ attributes: Attributes) -> CellPainter {
        attributes.contains(.bold) ? bold : attributes.contains(.italic) ? italic : regular
    }
}

/// The picture of a terminal.
public final class CellRenderer {
    public private(set) var fonts: TerminalFonts
    /// The gap between the cells and the window's edges.
    public private(set) var padding: Int32
    private(set) var columns = 0
    private(set) var rows = 0
    private var drawn: [DrawnCell] = []
    private var cursorPlace: (row: Int, column: Int)?
    /// Where the thumb of the scrollback is drawn.
    private var thumb = Rect.zero
    private var background: UInt32 = 0xFF00_0000
    private var size = Size.zero

    public init(fonts: TerminalFonts, padding: Int32) {
        self.fonts = fonts
        self.padding = padding
    }

    /// Cells that fit in a window of a size.
    public func grid(_ size: Size) -> (columns: Int, rows: Int) {
        (
            max(Int((size.width - 2 * padding) / fonts.cell.width), Screen.minimumColumns),
            max(Int((size.height - 2 * padding) / fonts.cell.height), 1)
        )
    }

    /// The size of a window for a number of cells.
    public func size(columns: Int, rows: Int) -> Size {
        Size(
            width: Int32(columns) * fonts.cell.width + 2 * padding, height: Int32(rows) * fonts.cell.height + 2 * padding)
    }

    /// Takes a new size, and new faces if the scale is new. Everything will be drawn.
    public func resize(_ size: Size, fonts: TerminalFonts, padding: Int32) {
        self.size = size
        self.fonts = fonts
        self.padding = padding
        (columns, rows) = grid(size)
        drawn = [DrawnCell](repeating: DrawnCell(), count: columns * rows)
        cursorPlace = nil
    }

    /// The cell at a point; points outside belong to the nearest cell.
    public func cell(at point: Point) -> (row: Int, column: Int) {
        (
            min(max(Int((point.y - padding) / fonts.cell.height), 0), max(rows - 1, 0)),
            min(max(Int((point.x - padding) / fonts.cell.width), 0), max(columns - 1, 0))
        )
    }

    private func rect(row: Int, columns: Range<Int>) -> Rect {
        Rect(
            x: padding + Int32(columns.lowerBound) * fonts.cell.width, y: padding + Int32(row) * fonts.cell.height,
            width: Int32(columns.count) * fonts.cell.width, height: fonts.cell.height)
    }

    // MARK: What has changed

    /// Looks at what the screen says has changed, and reports the rectangles that look different.
    public func update(_ emulator: Emulator, isFocused: Bool, changed: (Rect) -> Void) {
        guard emulator.screen.columns == columns, emulator.screen.rows == rows else { return }
        let style = CellStyle(emulator.screen)
        if background != 0xFF00_0000 | style.background {
            background = 0xFF00_0000 | style.background
            changed(Rect(size: size))
        }
        var spans = [Range<Int>](repeating: 0..<0, count: rows)
        emulator.screen.takeDamage { spans[$0] = $1 }
        let place = emulator.screen.viewCursor
        for cursor in [cursorPlace, place] {
            guard let cursor, cursor.row < rows, cursor.column < columns else { continue }
            let old = spans[cursor.row]
            let wide = cursor.column..<min(cursor.column + 2, columns)
            spans[cursor.row] =
                old.isEmpty
                ? wide : min(old.lowerBound, wide.lowerBound)..<max(old.upperBound, wide.upperBound)
        }
        cursorPlace = place
        let mark = CellRenderer.mark(emulator.screen.cursorShape, isFocused)
        for row in 0..<rows where !spans[row].isEmpty {
            update(row, spans[row], emulator, style, place?.row == row ? (place!.column, mark) : nil, changed)
        }
        updateThumb(emulator, changed)
    }

    private static func mark(_ shape: CursorShape, _ isFocused: Bool) -> DrawnCell.CursorMark {
        guard isFocused else { return .outline }
        switch shape {
        case .block: return .block
        case .bar: return .bar
        case .underline: return .underline
        }
    }

    /// Equal cells that are fewer than this between two changed ones are drawn with them: one rectangle costs less than two.
    private static var gapLimit: Int { 6 }

    private func update(
        _ row: Int, _ span: Range<Int>, _ emulator: Emulator, _ style: CellStyle,
        _ cursor: (column: Int, mark: DrawnCell.CursorMark)?, _ changed: (Rect) -> Void
    ) {
        let selection = emulator.screen.selectedColumns(viewRow: row) ?? 0..<0
        var run: Range<Int>?
        emulator.screen.withViewRow(row) { cells in
            for column in span where column < cells.count {
                let mark = cursor?.column == column ? cursor!.mark : .none
                let new = style.drawn(cells[column], isSelected: selection.contains(column), cursor: mark)
                guard drawn[row * columns + column] != new else { continue }
                drawn[row * columns + column] = new
                // A character two columns wide is drawn as one.
                let first = new.isSpacer && column > 0 ? column - 1 : column
                let last = new.isWide && column + 1 < columns ? column + 2 : column + 1
                if let open = run, first - open.upperBound < CellRenderer.gapLimit {
                    run = open.lowerBound..<max(last, open.upperBound)
                } else {
                    if let run { changed(rect(row: row, columns: run)) }
                    run = first..<last
                }
            }
        }
        if let run { changed(rect(row: row, columns: run)) }
    }

    /// The thumb shows how far back the view is; it is there only while it is back.
    private func updateThumb(_ emulator: Emulator, _ changed: (Rect) -> Void) {
        var new = Rect.zero
        let offset = emulator.screen.viewOffset
        let history = emulator.screen.historyRowCount
        if offset > 0, history > 0 {
            let track = size.height - 2 * padding
            let height = max(track * Int32(rows) / Int32(history + rows), 3 * padding)
            let top = Int32(Int64(track - height) * Int64(history - offset) / Int64(history))
            new = Rect(x: size.width - padding + padding / 4, y: padding + top, width: padding / 2, height: height)
        }
        guard new != thumb else { return }
        if !thumb.isEmpty { changed(thumb) }
        if !new.isEmpty { changed(new) }
        thumb = new
    }

    // MARK: Drawing

    /// Draws what lies in a region.
    public func draw(_ region: Region, into buffer: PixelBuffer, _ emulator: Emulator) {
        let text = Rect(
            x: padding, y: padding, width: Int32(columns) * fonts.cell.width, height: Int32(rows) * fonts.cell.height)
        for rect in region.rects {
            let target = buffer.clipped(to: rect)
            if !text.contains(rect) {
                var margin = Region(rect)
                margin.subtract(text)
                for rect in margin.rects { target.fill(rect, pixel: background) }
                if !thumb.isEmpty { drawThumb(target) }
            }
            let inside = rect.intersection(text)
            guard !inside.isEmpty else { continue }
            let top = Int((inside.top - padding) / fonts.cell.height)
            let bottom = Int((inside.bottom - padding - 1) / fonts.cell.height)
            let left = Int((inside.left - padding) / fonts.cell.width)
            let right = Int((inside.right - padding - 1) / fonts.cell.width)
            for row in top...bottom { drawRow(row, left...right, target, emulator) }
        }
    }

    private func drawThumb(_ target: PixelBuffer) {
        target.blend(thumb, Color(rgb: 0xECEDF3, alpha: 110))
    }

    private func drawRow(_ row: Int, _ range: ClosedRange<Int>, _ target: PixelBuffer, _ emulator: Emulator) {
        var column = range.lowerBound
        if drawn[row * columns + column].isSpacer, column > 0 { column -= 1 }
        while column <= range.upperBound {
            let cell = drawn[row * columns + column]
            drawCell(cell, row, column, target, emulator)
            column += cell.isWide ? 2 : 1
        }
    }

    private func drawCell(_ cell: DrawnCell, _ row: Int, _ column: Int, _ target: PixelBuffer, _ emulator: Emulator) {
        let width = cell.isWide && column + 1 < columns ? 2 : 1
        let area = rect(row: row, columns: column..<column + width)
        let painter = fonts.painter(cell.attributes)
        if width == 2 { target.fill(area, pixel: cell.background) }
        var isBase = true
        emulator.screen.forEachScalar(identity: cell.identity) { scalar in
            if isBase {
                // A face without the character lends it from the regular one.
                let face = painter.font.glyph(for: scalar) == nil ? fonts.regular : painter
                face.draw(scalar, into: target, at: area.origin, foreground: cell.foreground, background: cell.background)
            } else if let glyph = fonts.regular.font.glyph(for: scalar) {
                target.clipped(to: area).draw(
                    glyph, font: fonts.regular.font, at: Point(x: area.left, y: area.top + fonts.regular.font.ascent),
                    Color(argb: cell.foreground))
            }
            isBase = false
        }
        if isBase, width == 1 { target.fill(area, pixel: cell.background) }
        if !cell.attributes.isDisjoint(with: [.anyUnderline, .strikethrough, .overline]) { drawLines(cell, area, target) }
        if cell.cursor != .none { drawCursor(cell, area, target, emulator) }
    }

    private func drawLines(_ cell: DrawnCell, _ area: Rect, _ target: PixelBuffer) {
        let font = fonts.regular.font
        let thickness = max(font.underlineThickness, 1)
        let baseline = area.top + font.ascent
        let under = min(baseline + font.underlinePosition, area.bottom - thickness)
        func line(_ y: Int32) {
            target.fill(Rect(x: area.left, y: y, width: area.width, height: thickness), pixel: cell.foreground)
        }
        if cell.attributes.contains(.underline) { line(under) }
        if cell.attributes.contains(.doubleUnderline) {
            line(min(under + thickness, area.bottom - thickness))
            line(under - thickness)
        }
        if cell.attributes.contains(.curlyUnderline) {
            // A wave of four steps to the cell, so that it goes on in the next one.
            let step = max(area.width / 4, 1)
            let heights: [4 of Int32] = [0, thickness, 0, -thickness]
            for part in 0..<4 {
                let x = area.left + Int32(part) * step
                let right = part == 3 ? area.right : x + step
                let y = min(under + heights[part], area.bottom - thickness)
                target.fill(Rect(left: x, top: y, right: right, bottom: y + thickness), pixel: cell.foreground)
            }
        }
        if cell.attributes.contains(.strikethrough) { line(baseline - font.xHeight / 2) }
        if cell.attributes.contains(.overline) { line(area.top) }
    }

    private func drawCursor(_ cell: DrawnCell, _ area: Rect, _ target: PixelBuffer, _ emulator: Emulator) {
        let color = 0xFF00_0000 | emulator.screen.palette.cursor
        let scale = max(fonts.cell.height / 18, 1)
        switch cell.cursor {
        case .none, .block: break
        case .bar: target.fill(Rect(x: area.left, y: area.top, width: 2 * scale, height: area.height), pixel: color)
        case .underline:
            target.fill(Rect(x: area.left, y: area.bottom - 2 * scale, width: area.width, height: 2 * scale), pixel: color)
        case .outline:
            target.fill(Rect(x: area.left, y: area.top, width: area.width, height: scale), pixel: color)
            target.fill(Rect(x: area.left, y: area.bottom - scale, width: area.width, height: scale), pixel: color)
            target.fill(Rect(x: area.left, y: area.top, width: scale, height: area.height), pixel: color)
            target.fill(Rect(x: area.right - scale, y: area.top, width: scale, height: area.height), pixel: color)
        }
    }
}
