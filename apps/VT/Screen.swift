// The screen: what the control functions of xterm (invisible-island.net/xterm/ctlseqs) do to cells and modes.

/// The shape of the cursor (DECSCUSR).
public enum CursorShape: Sendable { case block, underline, bar }

/// Which mouse events a program wants (DECSET 9, 1000, 1002, 1003).
public enum MouseReporting: Sendable { case off, press, normal, drag, motion }

/// Modes that programs switch.
public struct Modes: Equatable, Sendable {
    public internal(set) var insert = false
    public internal(set) var newLine = false
    public internal(set) var autowrap = true
    public internal(set) var origin = false
    public internal(set) var applicationCursorKeys = false
    public internal(set) var applicationKeypad = false
    public internal(set) var cursorVisible = true
    public internal(set) var reverseVideo = false
    public internal(set) var bracketedPaste = false
    public internal(set) var focusReporting = false
    public internal(set) var mouse = MouseReporting.off
    public internal(set) var mouseSGR = false
    public internal(set) var alternateScroll = true
}

/// The position where the next character goes.
public struct Cursor: Equatable, Sendable {
    public internal(set) var row = 0
    public internal(set) var column = 0
    /// The last column is written and the next character starts a new row.
    var pendingWrap = false
}

/// The screen's state: cells, cursor, modes, history, selection.
public struct Screen: ~Copyable {
    var grid: Grid
    /// The screen that is not shown: the primary one while a program uses the alternate one, and the reverse.
    var hidden: Grid
    public internal(set) var isAlternate = false
    var history: History
    var damage: Damage
    var clusters = ClusterTable()

    public internal(set) var cursor = Cursor()
    var pen = Style()
    var charsets = Charsets()
    var saved = SavedCursor()
    var hiddenSaved = SavedCursor()
    public internal(set) var modes = Modes()
    public internal(set) var cursorShape = CursorShape.block
    /// Rows that scroll.
    var region: Range<Int>
    var tabStops: [Bool]
    /// What REP repeats.
    var lastPrinted: UInt32 = 0

    public internal(set) var title = ""
    /// Counts up with each bell.
    public internal(set) var bellCount = 0
    public internal(set) var palette: Palette
    /// Answers to the program's questions, to be written to it.
    var replies: [UInt8] = []
    private static var replyLimit: Int { 1 << 16 }

    var selection: Selection?
    /// How many rows the view is scrolled back.
    public internal(set) var viewOffset = 0
    /// All of the view must be drawn again: it has moved, or the selection has changed.
    var viewIsDamaged = false

    public var columns: Int { grid.columns }
    public var rows: Int { grid.rows }

    /// The smallest size: a character two columns wide must fit.
    public static var minimumColumns: Int { 2 }
    public static var sizeLimit: Int { 4096 }

    public init(columns: Int, rows: Int, historyLines: Int, palette: Palette) {
        let columns = min(max(columns, Screen.minimumColumns), Screen.sizeLimit)
        let rows = min(max(rows, 1), Screen.sizeLimit)
        grid = Grid(columns: columns, rows: rows)
        hidden = Grid(columns: columns, rows: rows)
        history = History(columns: columns, lineLimit: historyLines)
        damage = Damage(rows: rows)
        region = 0..<rows
        tabStops = Screen.defaultTabStops(columns)
        self.palette = palette
        damageAll()
    }

    static func defaultTabStops(_ columns: Int) -> [Bool] { (0..<columns).map { $0 % 8 == 0 } }

    var erased: Cell { .erased(pen) }

    mutating func reply(_ text: String) {
        guard replies.count < Screen.replyLimit else { return }
        replies.append(contentsOf: text.utf8)
    }
}

// MARK: Damage

extension Screen {
    /// Notes that cells have changed; a selection that they belong to is gone.
    mutating func damage(_ row: Int, _ columns: Range<Int>) {
        damage.add(row, columns)
        if selection != nil { dropSelection(ifItTouches: row..<row + 1, columns) }
    }

    mutating func damage(_ row: Int, _ columns: Range<Int>?) {
        if let columns { damage(row, columns) }
    }

    /// Everything must be drawn again.
    public mutating func damageAll() { for row in 0..<rows { damage.add(row, 0..<columns) } }
}

// MARK: Moving rows

extension Screen {
    /// Scrolls the region up; rows that leave the top of the primary screen go to the history.
    mutating func scrollUp(_ count: Int) {
        let count = min(count, region.count)
        if region.lowerBound == 0, !isAlternate {
            for row in 0..<count {
                let wrapped = grid.isWrapped(row)
                grid.withRow(row) { history.push($0, wrapped: wrapped) }
            }
            if viewOffset > 0 {
                viewOffset = min(viewOffset + count, history.rowCount)
                viewIsDamaged = true
            }
            if region.count < rows { dropSelection(ifItTouches: 0..<rows, 0..<columns) }
        } else {
            dropSelection(ifItTouches: region, 0..<columns)
        }
        grid.scrollUp(region, count, erased)
        for row in region { damage.add(row, 0..<columns) }
    }

    /// Scrolls rows of the region from `top` down.
    mutating func scrollDown(_ count: Int, from top: Int) {
        let rows = top..<region.upperBound
        dropSelection(ifItTouches: rows, 0..<columns)
        grid.scrollDown(rows, count, erased)
        if top > 0 { grid.setWrapped(top - 1, false) }
        for row in rows { damage.add(row, 0..<columns) }
    }

    /// Deletes rows of the region from `top` on.
    mutating func deleteRows(_ count: Int, from top: Int) {
        let rows = top..<region.upperBound
        dropSelection(ifItTouches: rows, 0..<columns)
        grid.scrollUp(rows, count, erased)
        for row in rows { damage.add(row, 0..<columns) }
    }

    /// Line feed: one row down, scrolling at the bottom of the region.
    mutating func index() {
        cursor.pendingWrap = false
        if cursor.row == region.upperBound - 1 {
            scrollUp(1)
        } else if cursor.row < rows - 1 {
            cursor.row += 1
        }
    }

    /// One row up, scrolling at the top of the region.
    mutating func reverseIndex() {
        cursor.pendingWrap = false
        if cursor.row == region.lowerBound {
            scrollDown(1, from: region.lowerBound)
        } else if cursor.row > 0 {
            cursor.row -= 1
        }
    }
}

// MARK: Printing

extension Screen {
    mutating func wrapLine() {
        grid.setWrapped(cursor.row, true)
        index()
        cursor.column = 0
    }

    /// Makes way for what is written into columns of a row: a wide character that loses one half loses both.
    mutating func splitWide(_ row: Int, _ range: Range<Int>) {
        if range.lowerBound > 0, grid[row, range.lowerBound].isSpacer, grid[row, range.lowerBound - 1].isWide {
            grid[row, range.lowerBound - 1] = .erased(grid[row, range.lowerBound - 1].style)
            damage(row, range.lowerBound - 1..<range.lowerBound)
        }
        if range.upperBound < columns, grid[row, range.upperBound].isSpacer {
            grid[row, range.upperBound] = .erased(grid[row, range.upperBound].style)
            damage(row, range.upperBound..<range.upperBound + 1)
        }
    }

    mutating func write(_ scalar: UInt32) {
        let width = columnWidth(scalar)
        if width == 0 { return combine(scalar) }
        if cursor.pendingWrap, modes.autowrap { wrapLine() }
        if width == 2, cursor.column == columns - 1 {
            guard modes.autowrap else { return }
            splitWide(cursor.row, cursor.column..<columns)
            grid[cursor.row, cursor.column] = Cell(content: Cell.spacerFlag, style: pen)
            damage(cursor.row, cursor.column..<columns)
            wrapLine()
        }
        if modes.insert { insertCells(width) }
        let range = cursor.column..<cursor.column + width
        splitWide(cursor.row, range)
        grid[cursor.row, cursor.column] = Cell(content: scalar | (width == 2 ? Cell.wideFlag : 0), style: pen)
        if width == 2 { grid[cursor.row, cursor.column + 1] = Cell(content: Cell.spacerFlag, style: pen) }
        damage(cursor.row, range)
        lastPrinted = scalar
        advance(width)
    }

    private mutating func advance(_ width: Int) {
        cursor.column += width
        if cursor.column >= columns {
            cursor.column = columns - 1
            cursor.pendingWrap = true
        }
    }

    /// Adds a combining mark to the character before the cursor.
    private mutating func combine(_ mark: UInt32) {
        var column = cursor.pendingWrap ? cursor.column : cursor.column - 1
        guard column >= 0 else { return }
        if column > 0, grid[cursor.row, column].isSpacer { column -= 1 }
        let content = grid[cursor.row, column].content
        guard content & (Cell.scalarMask | Cell.clusterFlag) != 0, let combined = clusters.combine(content, mark) else { return }
        grid[cursor.row, column].content = combined
        damage(cursor.row, column..<min(column + 2, columns))
    }

    mutating func writeASCII(_ run: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < run.count {
            if cursor.pendingWrap, modes.autowrap { wrapLine() }
            let start = cursor.column
            let count = min(run.count - index, columns - start)
            splitWide(cursor.row, start..<start + count)
            let style = pen
            grid.withMutableRow(cursor.row) { cells in
                for offset in 0..<count { cells[start + offset] = Cell(content: UInt32(run[index + offset]), style: style) }
            }
            damage(cursor.row, start..<start + count)
            index += count
            advance(count)
            if cursor.pendingWrap, !modes.autowrap, index < run.count {
                // Without autowrap the last column is overwritten again and again: only the last one counts.
                index = run.count - 1
            }
        }
        if let last = run.last { lastPrinted = UInt32(last) }
    }
}
