// What the user has marked, to copy it.

/// What a selection grows by.
public enum SelectionMode: Sendable { case character, word, line, block }

/// A cell by a row number that stays the same while the screen scrolls.
struct TextPoint: Equatable {
    var row: Int
    var column: Int
}

/// A selection: two cells, both included.
struct Selection {
    var mode: SelectionMode
    var anchor: TextPoint
    var head: TextPoint
    /// The first and last selected column of the first and the last row: whole characters or whole words. Settled when an
    /// end moves, so that text beside the selection cannot change it.
    var firstColumn = 0
    var lastColumn = 0

    var rows: Range<Int> { min(anchor.row, head.row)..<max(anchor.row, head.row) + 1 }

    /// The two ends in reading order.
    var ends: (TextPoint, TextPoint) {
        let forward = anchor.row < head.row || anchor.row == head.row && anchor.column <= head.column
        return forward ? (anchor, head) : (head, anchor)
    }
}

extension Screen {
    /// The number of the screen's first row.
    private var firstRow: Int { history.evictedRowCount + history.rowCount }

    private func point(viewRow: Int, column: Int) -> TextPoint {
        TextPoint(row: firstRow - viewOffset + min(max(viewRow, 0), rows - 1), column: min(max(column, 0), columns - 1))
    }

    /// Starts a selection at a cell of the view.
    public mutating func beginSelection(viewRow: Int, column: Int, _ mode: SelectionMode) {
        clearSelection()
        let point = point(viewRow: viewRow, column: column)
        selection = Selection(mode: mode, anchor: point, head: point)
        settleSelection()
        viewIsDamaged = true
    }

    /// Moves the end of the selection to a cell of the view.
    public mutating func extendSelection(viewRow: Int, column: Int) {
        let point = point(viewRow: viewRow, column: column)
        guard let head = selection?.head, head != point else { return }
        selection?.head = point
        settleSelection()
        viewIsDamaged = true
    }

    public mutating func clearSelection() {
        guard selection != nil else { return }
        selection = nil
        viewIsDamaged = true
    }

    public var hasSelection: Bool { selection != nil }

    /// The selected columns of a row of the view.
    public func selectedColumns(viewRow: Int) -> Range<Int>? {
        selectedColumns(row: firstRow - viewOffset + viewRow)
    }

    private func selectedColumns(row: Int) -> Range<Int>? {
        guard let selection, selection.rows.contains(row) else { return nil }
        let (start, end) = selection.ends
        switch selection.mode {
        case .line: return 0..<columns
        case .block:
            return min(start.column, end.column)..<max(start.column, end.column) + 1
        case .character, .word:
            let first = row == start.row ? selection.firstColumn : 0
            let last = row == end.row ? selection.lastColumn : columns - 1
            return first..<max(last, first) + 1
        }
    }

    /// Moves the ends to the borders of characters and, if asked, of words.
    private mutating func settleSelection() {
        guard let current = selection else { return }
        let (start, end) = current.ends
        var first = start.column
        var last = end.column
        let firstCells = textRow(start.row).cells
        let lastCells = textRow(end.row).cells
        if firstCells.count == columns, lastCells.count == columns {
            if current.mode == .word {
                let firstKind = wordKind(firstCells[first])
                while first > 0, wordKind(firstCells[first - 1]) == firstKind { first -= 1 }
                let lastKind = wordKind(lastCells[last])
                while last + 1 < columns, wordKind(lastCells[last + 1]) == lastKind { last += 1 }
            }
            if first > 0, firstCells[first].isSpacer { first -= 1 }
            if lastCells[last].isWide, last + 1 < columns { last += 1 }
        }
        selection?.firstColumn = first
        selection?.lastColumn = last
    }

    private enum WordKind { case space, word, other }

    /// Words are what is wanted in a terminal: names, paths, addresses.
    private func wordKind(_ cell: Cell) -> WordKind {
        let scalar = cell.content & Cell.scalarMask
        if cell.isSpacer || cell.cluster != nil || scalar >= 0x80 { return .word }
        switch UInt8(scalar) {
        case 0, 0x20: return .space
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            return .word
        case let byte where "_-./~:@%+#=?&".utf8.contains(byte): return .word
        default: return .other
        }
    }

    /// A row by its lasting number; empty if it is gone.
    private func textRow(_ row: Int) -> (cells: [Cell], wrapped: Bool) {
        let index = row - history.evictedRowCount
        if index < 0 || index >= history.rowCount + rows { return ([], false) }
        if index < history.rowCount { return history.row(index) }
        let screenRow = index - history.rowCount
        return (grid.withRow(screenRow) { Array($0) }, grid.isWrapped(screenRow))
    }

    /// The selected text: lines end where the program ended them, not where the window was too narrow.
    public func selectedText() -> String {
        guard let selection else { return "" }
        var text = ""
        for row in selection.rows {
            guard let range = selectedColumns(row: row) else { continue }
            let (cells, wrapped) = textRow(row)
            guard range.upperBound <= cells.count else { continue }
            var line = ""
            for cell in cells[range] where !cell.isSpacer {
                if cell.content == 0 { line.unicodeScalars.append(" ") }
                clusters.forEachScalar(cell.content) { line.unicodeScalars.append($0) }
            }
            let continues = wrapped && selection.mode != .block && range.upperBound == columns
            if !continues { while line.unicodeScalars.last == " " { line.unicodeScalars.removeLast() } }
            text += line
            if !continues, row != selection.rows.upperBound - 1 { text += "\n" }
        }
        return text
    }

    /// Forgets a selection whose text is changed.
    mutating func dropSelection(ifItTouches rows: Range<Int>, _ columns: Range<Int>) {
        guard let selection else { return }
        let touched = rows.lowerBound + firstRow..<rows.upperBound + firstRow
        guard selection.rows.overlaps(touched) else { return }
        if touched.count == 1, let selected = selectedColumns(row: touched.lowerBound), !selected.overlaps(columns) { return }
        clearSelection()
    }
}
