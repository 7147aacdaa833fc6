// A new size. The primary screen reflows: text that was too long for a row is one line, and is laid out anew. The
// alternate screen does not; its program draws it again.

/// A place in the text that keeps its character when the layout changes.
private struct Mark {
    var row: Int
    var column: Int
    var pastEnd: Bool
    /// The logical line and the character in it.
    var line = 0
    var offset = 0
}

extension Screen {
    /// Changes the size; out-of-range values are clamped.
    public mutating func resize(columns newColumns: Int, rows newRows: Int) {
        let newColumns = min(max(newColumns, Screen.minimumColumns), Screen.sizeLimit)
        let newRows = min(max(newRows, 1), Screen.sizeLimit)
        guard newColumns != columns || newRows != rows else { return }
        selection = nil
        viewOffset = 0
        history.setColumns(newColumns)
        if isAlternate {
            let (reflowed, places) = reflow(hidden, [hiddenSaved.cursor], newColumns, newRows)
            hidden = reflowed
            hiddenSaved.cursor = places[0]
            grid = grid.resized(columns: newColumns, rows: newRows)
            cursor = cursor.clamped(newColumns, newRows)
            saved.cursor = saved.cursor.clamped(newColumns, newRows)
        } else {
            let (reflowed, places) = reflow(grid, [cursor, saved.cursor], newColumns, newRows)
            grid = reflowed
            cursor = places[0]
            saved.cursor = places[1]
            hidden = hidden.resized(columns: newColumns, rows: newRows)
            hiddenSaved.cursor = hiddenSaved.cursor.clamped(newColumns, newRows)
        }
        region = 0..<newRows
        let stops = tabStops
        tabStops = (0..<newColumns).map { $0 < stops.count ? stops[$0] : $0 % 8 == 0 }
        damage = Damage(rows: newRows)
        viewIsDamaged = true
        damageAll()
    }

    /// Lays a grid's text out anew: rows that do not fit go to the history, rows that fit again come back from it. The
    /// first of the cursors is the one that is in use; its row is kept.
    private mutating func reflow(_ old: Grid, _ cursors: [Cursor], _ columns: Int, _ rows: Int) -> (Grid, [Cursor]) {
        var marks = cursors.map { Mark(row: $0.row, column: $0.column, pastEnd: $0.pendingWrap) }
        let lines = logicalLines(old, &marks)
        var newRows: [(cells: ArraySlice<Cell>, wrapped: Bool)] = []
        var places = marks.map { _ in Cursor() }
        for (number, line) in lines.enumerated() {
            let first = newRows.count
            forEachRow(of: line, columns: columns) { range in
                newRows.append((line[range], range.upperBound < line.count))
            }
            for index in marks.indices where marks[index].line == number {
                places[index] = place(marks[index].offset, in: newRows[first...], columns)
            }
        }
        let shift: Int
        if newRows.count > rows {
            shift = rows - newRows.count
            for row in newRows[..<(-shift)] { pushToHistory(row.cells, row.wrapped, columns) }
            newRows.removeFirst(-shift)
        } else {
            shift = pullFromHistory(&newRows, columns, rows)
        }
        for index in places.indices {
            places[index].row = min(max(places[index].row + shift, 0), rows - 1)
        }
        var grid = Grid(columns: columns, rows: rows)
        for (number, row) in newRows.enumerated() {
            var cells = [Cell](repeating: .erased(Style()), count: columns)
            VT.place(row.cells, into: &cells, wrapped: row.wrapped)
            grid.withMutableRow(number) { target in for column in 0..<columns { target[column] = cells[column] } }
            grid.setWrapped(number, row.wrapped)
        }
        return (grid, places)
    }

    /// The text of a grid as logical lines without spacers, and where the marks are in them.
    private mutating func logicalLines(_ old: Grid, _ marks: inout [Mark]) -> [[Cell]] {
        var lastRow = old.rows - 1
        let lowestMark = marks[0].row
        while lastRow > lowestMark, old.withRow(lastRow, { row in row.allSatisfy { $0.isBlank } }) { lastRow -= 1 }
        var lines: [[Cell]] = []
        if history.continues, let head = history.popLast() { lines.append(head) }
        var joins = !lines.isEmpty
        for row in 0...lastRow {
            if !joins { lines.append([]) }
            joins = old.isWrapped(row) && row < lastRow
            let line = lines.count - 1
            old.withRow(row) { cells in
                var end = cells.count
                if !joins {
                    while end > 0, cells[end - 1].isBlank { end -= 1 }
                    if row == marks[0].row { end = max(end, min(marks[0].column, cells.count)) }
                }
                for index in marks.indices where marks[index].row == row {
                    let before = cells[..<min(marks[index].column, end)].reduce(0) { $0 + ($1.isSpacer ? 0 : 1) }
                    marks[index].line = line
                    marks[index].offset = lines[line].count + before + (marks[index].pastEnd ? 1 : 0)
                }
                for cell in cells[..<end] where !cell.isSpacer { lines[line].append(cell) }
            }
        }
        // A saved cursor below all text keeps to the last line.
        for index in marks.indices where marks[index].row > lastRow {
            marks[index].line = lines.count - 1
            marks[index].offset = lines[lines.count - 1].count
        }
        return lines
    }

    /// The cursor for a character of a line that takes the given rows, whose numbers are those of the slice.
    private func place(_ offset: Int, in rows: ArraySlice<(cells: ArraySlice<Cell>, wrapped: Bool)>, _ columns: Int) -> Cursor {
        var result = Cursor()
        for (number, row) in zip(rows.indices, rows) where offset >= row.cells.startIndex {
            var column = 0
            for cell in row.cells where column < columns { column += cell.isWide ? 2 : 1 }
            if offset < row.cells.endIndex {
                column = row.cells[..<offset].reduce(0) { $0 + ($1.isWide ? 2 : 1) }
            }
            result.row = number
            result.column = min(column, columns - 1)
            result.pendingWrap = column >= columns
        }
        return result
    }

    private mutating func pushToHistory(_ cells: ArraySlice<Cell>, _ wrapped: Bool, _ columns: Int) {
        let end = wrapped ? columns : cells.reduce(0) { $0 + ($1.isWide ? 2 : 1) }
        var row = [Cell](repeating: .erased(Style()), count: max(end, 0))
        VT.place(cells, into: &row, wrapped: wrapped)
        row.withUnsafeBufferPointer { history.push($0, wrapped: wrapped) }
    }

    /// Fills the rows that are free with the last lines of the history; returns how far the others moved down.
    private mutating func pullFromHistory(
        _ newRows: inout [(cells: ArraySlice<Cell>, wrapped: Bool)], _ columns: Int, _ rows: Int
    ) -> Int {
        let before = newRows.count
        while newRows.count < rows, let line = history.popLast() {
            var pulled: [(cells: ArraySlice<Cell>, wrapped: Bool)] = []
            forEachRow(of: line, columns: columns) { pulled.append((line[$0], $0.upperBound < line.count)) }
            let room = rows - newRows.count
            if pulled.count > room {
                let head = pulled[pulled.count - room - 1].cells.endIndex
                history.push(Array(line[..<head]), continues: true)
                pulled.removeFirst(pulled.count - room)
            }
            newRows.insert(contentsOf: pulled, at: 0)
        }
        return newRows.count - before
    }
}

extension Cursor {
    fileprivate func clamped(_ columns: Int, _ rows: Int) -> Cursor {
        var result = self
        result.row = min(row, rows - 1)
        result.column = min(column, columns - 1)
        result.pendingWrap = false
        return result
    }
}
