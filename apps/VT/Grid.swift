// The cells of one screen. Rows are reached through an order, so that scrolling moves row numbers and not cells.

/// A rectangle of cells.
struct Grid {
    private(set) var columns: Int
    private(set) var rows: Int
    private var cells: [Cell]
    /// Where each row's cells start.
    private var starts: [Int]
    /// Whether a row continues in the next because the text was too long for it.
    private var wraps: [Bool]

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        cells = [Cell](repeating: .erased(Style()), count: columns * rows)
        starts = (0..<rows).map { $0 * columns }
        wraps = [Bool](repeating: false, count: rows)
    }

    subscript(row: Int, column: Int) -> Cell {
        get { cells[starts[row] + column] }
        set { cells[starts[row] + column] = newValue }
    }

    func isWrapped(_ row: Int) -> Bool { wraps[row] }

    mutating func setWrapped(_ row: Int, _ wrapped: Bool) { wraps[row] = wrapped }

    /// A row's cells.
    func withRow<Result>(_ row: Int, _ body: (UnsafeBufferPointer<Cell>) -> Result) -> Result {
        cells.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[starts[row]..<starts[row] + columns])) }
    }

    /// A row's cells, to be changed.
    mutating func withMutableRow<Result>(_ row: Int, _ body: (UnsafeMutableBufferPointer<Cell>) -> Result) -> Result {
        let start = starts[row]
        let end = start + columns
        return cells.withUnsafeMutableBufferPointer { body(UnsafeMutableBufferPointer(rebasing: $0[start..<end])) }
    }

    /// Fills columns of a row and returns the span of those that changed.
    @discardableResult
    mutating func fill(_ row: Int, _ range: Range<Int>, _ cell: Cell) -> Range<Int>? {
        withMutableRow(row) { cells in
            var first = -1
            var last = -1
            for column in range where cells[column] != cell {
                if first < 0 { first = column }
                last = column
                cells[column] = cell
            }
            return first < 0 ? nil : first..<last + 1
        }
    }

    /// Moves the rows of a region up; the rows that appear at its bottom are erased.
    mutating func scrollUp(_ region: Range<Int>, _ count: Int, _ erased: Cell) {
        let count = min(count, region.count)
        rotate(region, count)
        for row in region.upperBound - count..<region.upperBound { clear(row, erased) }
    }

    /// Moves the rows of a region down; the rows that appear at its top are erased.
    mutating func scrollDown(_ region: Range<Int>, _ count: Int, _ erased: Cell) {
        let count = min(count, region.count)
        rotate(region, region.count - count)
        for row in region.lowerBound..<region.lowerBound + count { clear(row, erased) }
    }

    private mutating func clear(_ row: Int, _ erased: Cell) {
        withMutableRow(row) { $0.update(repeating: erased) }
        wraps[row] = false
    }

    /// Rotates the order of a region's rows by `count` towards its start.
    private mutating func rotate(_ region: Range<Int>, _ count: Int) {
        guard count > 0, count < region.count else { return }
        if count == 1 {
            // The common case, one line scrolled: no allocation.
            let start = starts[region.lowerBound]
            let wrapped = wraps[region.lowerBound]
            for row in region.lowerBound..<region.upperBound - 1 {
                starts[row] = starts[row + 1]
                wraps[row] = wraps[row + 1]
            }
            starts[region.upperBound - 1] = start
            wraps[region.upperBound - 1] = wrapped
            return
        }
        let movedStarts =
            Array(starts[region.lowerBound + count..<region.upperBound])
            + Array(starts[region.lowerBound..<region.lowerBound + count])
        let movedWraps =
            Array(wraps[region.lowerBound + count..<region.upperBound])
            + Array(wraps[region.lowerBound..<region.lowerBound + count])
        for (offset, row) in region.enumerated() {
            starts[row] = movedStarts[offset]
            wraps[row] = movedWraps[offset]
        }
    }

    /// A grid of another size with the cells at the same places: what does not fit is lost.
    func resized(columns newColumns: Int, rows newRows: Int) -> Grid {
        var result = Grid(columns: newColumns, rows: newRows)
        for row in 0..<min(rows, newRows) {
            result.copyRow(row, from: self, row)
        }
        return result
    }

    private mutating func copyRow(_ row: Int, from other: Grid, _ otherRow: Int) {
        other.withRow(otherRow) { source in
            withMutableRow(row) { target in
                let count = min(source.count, target.count)
                for column in 0..<count { target[column] = source[column] }
                // A wide character cut in half is no character.
                if count > 0, count < source.count, target[count - 1].isWide {
                    target[count - 1] = .erased(target[count - 1].style)
                }
            }
        }
    }
}

/// Which cells changed since the last picture: one span a row.
struct Damage {
    private var spans: [Range<Int>]

    init(rows: Int) { spans = [Range<Int>](repeating: 0..<0, count: rows) }

    mutating func add(_ row: Int, _ columns: Range<Int>) {
        let old = spans[row]
        spans[row] =
            old.isEmpty
            ? columns : min(old.lowerBound, columns.lowerBound)..<max(old.upperBound, columns.upperBound)
    }

    /// Hands each damaged row's span out and forgets it.
    mutating func take(_ body: (Int, Range<Int>) -> Void) {
        for row in spans.indices where !spans[row].isEmpty {
            body(row, spans[row])
            spans[row] = 0..<0
        }
    }

    var isEmpty: Bool {
        for span in spans where !span.isEmpty { return false }
        return true
    }
}
