// What is seen of the screen and its history, and what of it has changed.

extension Screen {
    /// Rows above the screen that can be scrolled to.
    public var historyRowCount: Int { isAlternate ? 0 : history.rowCount }

    /// Scrolls the view towards the past (positive) or the present.
    public mutating func scrollView(by rows: Int) {
        let offset = min(max(viewOffset + rows, 0), historyRowCount)
        guard offset != viewOffset else { return }
        viewOffset = offset
        viewIsDamaged = true
    }

    /// Shows the present.
    public mutating func scrollViewToEnd() { scrollView(by: -viewOffset) }

    /// The cells of a row of the view.
    public func withViewRow<Result>(_ row: Int, _ body: (UnsafeBufferPointer<Cell>) -> Result) -> Result {
        if row >= viewOffset { return grid.withRow(row - viewOffset, body) }
        return history.row(history.rowCount - viewOffset + row).cells.withUnsafeBufferPointer(body)
    }

    /// The scalars of a cell's character, base first.
    public func forEachScalar(of cell: Cell, _ body: (Unicode.Scalar) -> Void) { clusters.forEachScalar(cell.content, body) }

    /// The same for a character that was remembered by its `Cell.identity`.
    public func forEachScalar(identity: UInt32, _ body: (Unicode.Scalar) -> Void) { clusters.forEachScalar(identity, body) }

    /// Where the cursor is in the view; nil if it is hidden or scrolled out.
    public var viewCursor: (row: Int, column: Int)? {
        let row = cursor.row + viewOffset
        return modes.cursorVisible && row < rows ? (row, cursor.column) : nil
    }

    public var isDamaged: Bool { viewIsDamaged || !damage.isEmpty }

    /// Hands the damaged rows of the view and their columns out, and forgets them.
    public mutating func takeDamage(_ body: (Int, Range<Int>) -> Void) {
        let whole = viewIsDamaged
        let offset = viewOffset
        let rowCount = rows
        viewIsDamaged = false
        damage.take { row, columns in
            if !whole, row + offset < rowCount { body(row + offset, columns) }
        }
        if whole { for row in 0..<rows { body(row, 0..<columns) } }
    }
}

/// A terminal: bytes of a program in, cells and answers out.
public final class Emulator {
    private var parser = Parser()
    public var screen: Screen

    public init(columns: Int, rows: Int, historyLines: Int = 5000, palette: Palette = .dusk) {
        screen = Screen(columns: columns, rows: rows, historyLines: historyLines, palette: palette)
    }

    /// Interprets output of the program.
    public func feed(_ bytes: UnsafeBufferPointer<UInt8>) { parser.feed(bytes, &screen) }

    public func feed(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { feed($0) } }

    /// What the program must be answered.
    public func takeReplies() -> [UInt8] {
        guard !screen.replies.isEmpty else { return [] }
        defer { screen.replies = [] }
        return screen.replies
    }
}
