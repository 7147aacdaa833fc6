// Cursor movement, erasing, inserting and deleting.

extension Screen {
    // MARK: Cursor

    /// Moves to a place counted from the top left, or from the scroll region's top in origin mode.
    mutating func moveTo(row: Int, column: Int) {
        if modes.origin {
            cursor.row = min(max(region.lowerBound + row, region.lowerBound), region.upperBound - 1)
        } else {
            cursor.row = min(max(row, 0), rows - 1)
        }
        cursor.column = min(max(column, 0), columns - 1)
        cursor.pendingWrap = false
    }

    /// Moves to a column without changing the row.
    mutating func moveTo(column: Int) {
        cursor.column = min(max(column, 0), columns - 1)
        cursor.pendingWrap = false
    }

    /// Moves up or down; a margin stops a cursor that is inside it.
    mutating func move(rows delta: Int) {
        let target = cursor.row + delta
        if delta < 0 {
            cursor.row = max(target, cursor.row >= region.lowerBound ? region.lowerBound : 0)
        } else {
            cursor.row = min(target, cursor.row < region.upperBound ? region.upperBound - 1 : rows - 1)
        }
        cursor.pendingWrap = false
    }

    mutating func move(columns delta: Int) { moveTo(column: cursor.column + delta) }

    // MARK: Tabs

    mutating func tabForward(_ count: Int) {
        var column = cursor.column
        for _ in 0..<min(count, columns) {
            repeat { column += 1 } while column < columns - 1 && !tabStops[column]
            if column >= columns - 1 { break }
        }
        cursor.column = min(column, columns - 1)
    }

    mutating func tabBackward(_ count: Int) {
        var column = cursor.column
        for _ in 0..<min(count, columns) where column > 0 {
            repeat { column -= 1 } while column > 0 && !tabStops[column]
        }
        moveTo(column: column)
    }

    mutating func clearTabs(_ kind: Int) {
        if kind == 0 { tabStops[cursor.column] = false }
        if kind == 3 { for column in tabStops.indices { tabStops[column] = false } }
    }

    // MARK: Erasing

    mutating func erase(_ row: Int, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        splitWide(row, range)
        damage(row, grid.fill(row, range, erased))
        if range.upperBound == columns { grid.setWrapped(row, false) }
    }

    mutating func eraseRows(_ range: Range<Int>) { for row in range { erase(row, 0..<columns) } }

    /// EL.
    mutating func eraseInLine(_ kind: Int) {
        switch kind {
        case 0: erase(cursor.row, cursor.column..<columns)
        case 1: erase(cursor.row, 0..<cursor.column + 1)
        case 2: erase(cursor.row, 0..<columns)
        default: break
        }
        cursor.pendingWrap = false
    }

    /// ED.
    mutating func eraseInDisplay(_ kind: Int) {
        switch kind {
        case 0:
            eraseInLine(0)
            eraseRows(cursor.row + 1..<rows)
        case 1:
            eraseRows(0..<cursor.row)
            eraseInLine(1)
        case 2:
            eraseRows(0..<rows)
        case 3:
            dropSelection(ifItTouches: 0..<rows, 0..<columns)
            history.removeAll()
            if viewOffset > 0 { viewIsDamaged = true }
            viewOffset = 0
        default: break
        }
        cursor.pendingWrap = false
    }

    // MARK: Inserting and deleting

    /// ICH, and insert mode.
    mutating func insertCells(_ count: Int) {
        let start = cursor.column
        let count = min(count, columns - start)
        splitWide(cursor.row, start..<start)
        let blank = erased
        let width = columns
        grid.withMutableRow(cursor.row) { cells in
            for column in stride(from: width - 1, through: start + count, by: -1) { cells[column] = cells[column - count] }
            for column in start..<start + count { cells[column] = blank }
            if cells[width - 1].isWide { cells[width - 1] = .erased(cells[width - 1].style) }
        }
        grid.setWrapped(cursor.row, false)
        damage(cursor.row, start..<columns)
        cursor.pendingWrap = false
    }

    /// DCH.
    mutating func deleteCells(_ count: Int) {
        let start = cursor.column
        let count = min(count, columns - start)
        splitWide(cursor.row, start..<start + count)
        let blank = erased
        let width = columns
        grid.withMutableRow(cursor.row) { cells in
            for column in start..<width - count { cells[column] = cells[column + count] }
            for column in width - count..<width { cells[column] = blank }
        }
        grid.setWrapped(cursor.row, false)
        damage(cursor.row, start..<columns)
        cursor.pendingWrap = false
    }

    // MARK: Saving

    mutating func saveCursor() {
        saved = SavedCursor(cursor: cursor, pen: pen, charsets: charsets, origin: modes.origin)
    }

    mutating func restoreCursor() {
        cursor = saved.cursor
        cursor.row = min(cursor.row, rows - 1)
        cursor.column = min(cursor.column, columns - 1)
        pen = saved.pen
        charsets = saved.charsets
        modes.origin = saved.origin
    }

    // MARK: Alternate screen

    /// Shows the other screen, as DECSET and DECRST 47 do.
    mutating func setAlternate(_ alternate: Bool) {
        guard alternate != isAlternate else { return }
        isAlternate = alternate
        swap(&grid, &hidden)
        swap(&saved, &hiddenSaved)
        selection = nil
        viewOffset = 0
        cursor.pendingWrap = false
        viewIsDamaged = true
        damageAll()
    }

    // MARK: Reset

    /// DECSTR.
    mutating func softReset() {
        modes.insert = false
        modes.origin = false
        modes.autowrap = true
        modes.applicationCursorKeys = false
        modes.applicationKeypad = false
        modes.cursorVisible = true
        region = 0..<rows
        pen = Style()
        charsets = Charsets()
        saved = SavedCursor()
        cursor.pendingWrap = false
    }

    /// RIS.
    mutating func fullReset() {
        setAlternate(false)
        softReset()
        modes = Modes()
        cursorShape = .block
        hiddenSaved = SavedCursor()
        tabStops = Screen.defaultTabStops(columns)
        palette.resetAll()
        cursor = Cursor()
        hidden = Grid(columns: columns, rows: rows)
        eraseInDisplay(2)
        eraseInDisplay(3)
        title = ""
        damageAll()
    }

    /// DECALN: the screen full of E, to align a monitor.
    mutating func alignmentPattern() {
        region = 0..<rows
        cursor = Cursor()
        for row in 0..<rows { damage(row, grid.fill(row, 0..<columns, Cell(content: 0x45, style: Style()))) }
    }
}

/// What DECSC keeps.
struct SavedCursor {
    var cursor = Cursor()
    var pen = Style()
    var charsets = Charsets()
    var origin = false
}

/// The character sets that are designated and the one in use.
struct Charsets: Equatable {
    enum Set { case ascii, decSpecialGraphics }

    private var designated: (Set, Set) = (.ascii, .ascii)
    private var usesG1 = false

    static func == (left: Charsets, right: Charsets) -> Bool {
        left.designated == right.designated && left.usesG1 == right.usesG1
    }

    var isASCII: Bool { (usesG1 ? designated.1 : designated.0) == .ascii }

    mutating func designate(g1: Bool, _ set: Set) {
        if g1 { designated.1 = set } else { designated.0 = set }
    }

    mutating func shift(toG1: Bool) { usesG1 = toG1 }

    /// The DEC Special Graphics set: 0x5F to 0x7E.
    static func specialGraphics(_ byte: UInt8) -> UInt32 {
        let table: [32 of UInt16] = [
            0x00A0, 0x25C6, 0x2592, 0x2409, 0x240C, 0x240D, 0x240A, 0x00B0, 0x00B1, 0x2424, 0x240B, 0x2518, 0x2510,
            0x250C, 0x2514, 0x253C, 0x23BA, 0x23BB, 0x2500, 0x23BC, 0x23BD, 0x251C, 0x2524, 0x2534, 0x252C, 0x2502,
            0x2264, 0x2265, 0x03C0, 0x2260, 0x00A3, 0x00B7,
        ]
        return byte >= 0x5F && byte < 0x7F ? UInt32(table[Int(byte) - 0x5F]) : UInt32(byte)
    }
}
