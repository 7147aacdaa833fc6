// The lines that have scrolled off the top. They are kept as whole logical lines, not as rows of the width they had, so
// that a change of width costs nothing but counting; and encoded, because most cells are ASCII in one style.

/// Scrollback.
struct History {
    /// A logical line: its characters as UTF-8, with these marks between them: 0xFF and ten bytes of style, 0xFE in front
    /// of a character two columns wide, 0xFD and three bytes of cluster number, 0 for an empty cell.
    private struct Line {
        var bytes: [UInt8] = []
        var columns = 0
        var rows = 1
        var hasWide = false
    }

    private var lines: [Line] = []
    private var head = 0
    private var columns: Int
    /// The last line goes on in the row that comes next.
    private(set) var continues = false
    /// Rows at the current width.
    private(set) var rowCount = 0
    /// Rows that are gone for good, so that rows can be numbered for ever.
    private(set) var evictedRowCount = 0
    private var byteCount = 0

    let lineLimit: Int
    private static var byteLimit: Int { 4 << 20 }
    /// A longer line is cut into several, so that nothing here is worse than linear in a small number.
    private static var columnLimit: Int { 16384 }

    init(columns: Int, lineLimit: Int) {
        self.columns = columns
        self.lineLimit = lineLimit
    }

    var lineCount: Int { lines.count - head }

    // MARK: Adding and removing

    /// Adds a row that scrolled off; `wrapped` if its text goes on in the next row.
    mutating func push(_ row: UnsafeBufferPointer<Cell>, wrapped: Bool) {
        guard lineLimit > 0 else { return }
        var end = row.count
        if !wrapped { while end > 0, row[end - 1].isBlank { end -= 1 } }
        if continues, head < lines.count, lines[lines.count - 1].columns + end <= History.columnLimit {
            let before = lines[lines.count - 1].bytes.count
            History.encode(UnsafeBufferPointer(rebasing: row[..<end]), into: &lines[lines.count - 1])
            byteCount += lines[lines.count - 1].bytes.count - before
            lines[lines.count - 1].rows += 1
        } else {
            var line = Line()
            line.bytes.reserveCapacity(end)
            History.encode(UnsafeBufferPointer(rebasing: row[..<end]), into: &line)
            byteCount += line.bytes.count
            lines.append(line)
        }
        rowCount += 1
        continues = wrapped
        while lineCount > lineLimit || byteCount > History.byteLimit && lineCount > 1 { evictFirst() }
    }

    /// Adds a logical line that is complete except perhaps at its end.
    mutating func push(_ cells: [Cell], continues: Bool) {
        cells.withUnsafeBufferPointer { push($0, wrapped: continues) }
        recount(lines.count - 1)
    }

    /// Takes the last logical line out, to show it on the screen again.
    mutating func popLast() -> [Cell]? {
        guard head < lines.count else { return nil }
        let line = lines.removeLast()
        rowCount -= line.rows
        byteCount -= line.bytes.count
        continues = false
        return History.decode(line.bytes)
    }

    mutating func removeAll() {
        evictedRowCount += rowCount
        rowCount = 0
        byteCount = 0
        lines = []
        head = 0
        continues = false
    }

    private mutating func evictFirst() {
        evictedRowCount += lines[head].rows
        rowCount -= lines[head].rows
        byteCount -= lines[head].bytes.count
        lines[head] = Line()
        head += 1
        if head >= 256, head * 2 >= lines.count {
            lines.removeFirst(head)
            head = 0
        }
    }

    // MARK: Rows

    /// Counts the rows again for another width.
    /// - Complexity: O(lines), and O(characters) of the lines that have wide characters.
    mutating func setColumns(_ columns: Int) {
        self.columns = columns
        for index in head..<lines.count { recount(index) }
    }

    private mutating func recount(_ index: Int) {
        guard index >= head, index < lines.count else { return }
        let line = lines[index]
        var rows = max(1, (line.columns + columns - 1) / columns)
        if line.hasWide {
            rows = 0
            forEachRow(of: History.decode(line.bytes), columns: columns) { _ in rows += 1 }
        }
        rowCount += rows - line.rows
        lines[index].rows = rows
    }

    /// A row's cells, numbered from the oldest row that is kept.
    func row(_ index: Int) -> (cells: [Cell], wrapped: Bool) {
        var fromEnd = rowCount - 1 - index
        var line = lines.count - 1
        while line >= head, fromEnd >= lines[line].rows {
            fromEnd -= lines[line].rows
            line -= 1
        }
        guard line >= head, fromEnd >= 0 else { return ([], false) }
        let wanted = lines[line].rows - 1 - fromEnd
        let cells = History.decode(lines[line].bytes)
        var result = [Cell](repeating: .erased(Style()), count: columns)
        var number = 0
        var wrapped = false
        forEachRow(of: cells, columns: columns) { range in
            if number == wanted {
                wrapped = range.upperBound < cells.count || line == lines.count - 1 && continues
                place(cells[range], into: &result, wrapped: wrapped)
            }
            number += 1
        }
        return (result, wrapped)
    }

    // MARK: The encoding

    private static func encode(_ cells: UnsafeBufferPointer<Cell>, into line: inout Line) {
        var style = Style()
        if !line.bytes.isEmpty, let first = cells.first {
            // The end of the line may be in another style: say it anew.
            style = first.style
            append(style, to: &line.bytes)
        }
        for cell in cells where !cell.isSpacer {
            if cell.style != style {
                style = cell.style
                append(style, to: &line.bytes)
            }
            if cell.isWide {
                line.bytes.append(0xFE)
                line.hasWide = true
                line.columns += 1
            }
            line.columns += 1
            if let cluster = cell.cluster {
                line.bytes.append(0xFD)
                for shift in [16, 8, 0] { line.bytes.append(UInt8(truncatingIfNeeded: cluster >> shift)) }
            } else {
                appendUTF8(cell.content & Cell.scalarMask, to: &line.bytes)
            }
        }
    }

    private static func append(_ style: Style, to bytes: inout [UInt8]) {
        bytes.append(0xFF)
        for value in [style.foreground.rawValue, style.background.rawValue] {
            for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
        bytes.append(UInt8(truncatingIfNeeded: style.attributes.rawValue))
        bytes.append(UInt8(truncatingIfNeeded: style.attributes.rawValue >> 8))
    }

    /// The cells of a line without the second halves of wide characters.
    private static func decode(_ bytes: [UInt8]) -> [Cell] {
        var cells: [Cell] = []
        cells.reserveCapacity(bytes.count)
        var style = Style()
        var flags: UInt32 = 0
        var decoder = UTF8Decoder()
        var index = 0
        func little(_ at: Int, _ count: Int) -> UInt32 {
            var value: UInt32 = 0
            for offset in 0..<count { value |= UInt32(bytes[at + offset]) << UInt32(8 * offset) }
            return value
        }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case 0xFF:
                style.foreground = Color(rawValue: little(index, 4))
                style.background = Color(rawValue: little(index + 4, 4))
                style.attributes = Attributes(rawValue: UInt16(little(index + 8, 2)))
                index += 10
            case 0xFE: flags = Cell.wideFlag
            case 0xFD:
                let cluster = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
                index += 3
                cells.append(Cell(content: cluster | Cell.clusterFlag | flags, style: style))
                flags = 0
            default:
                guard case .scalar(let scalar) = decoder.decode(byte) else { continue }
                cells.append(Cell(content: scalar | flags, style: style))
                flags = 0
            }
        }
        return cells
    }
}

/// Appends a scalar's UTF-8.
func appendUTF8(_ scalar: UInt32, to bytes: inout [UInt8]) {
    switch scalar {
    case 0..<0x80: bytes.append(UInt8(scalar))
    case 0x80..<0x800:
        bytes.append(UInt8(0xC0 | scalar >> 6))
        bytes.append(UInt8(0x80 | scalar & 0x3F))
    case 0x800..<0x10000:
        bytes.append(UInt8(0xE0 | scalar >> 12))
        bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
        bytes.append(UInt8(0x80 | scalar & 0x3F))
    default:
        bytes.append(UInt8(0xF0 | scalar >> 18 & 0x07))
        bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
        bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
        bytes.append(UInt8(0x80 | scalar & 0x3F))
    }
}

/// The rows that a logical line (without spacers) takes at a width; at least one.
func forEachRow(of cells: [Cell], columns: Int, _ body: (Range<Int>) -> Void) {
    var start = 0
    var column = 0
    for index in cells.indices {
        let width = cells[index].isWide ? 2 : 1
        if column + width > columns, column > 0 {
            body(start..<index)
            start = index
            column = 0
        }
        column += width
    }
    body(start..<cells.count)
}

/// Lays cells without spacers out in a row; what is left of the row keeps its cells. A wrapped row with one column to
/// spare ends in half a wide character that is not there, as it did when it was written.
func place(_ cells: ArraySlice<Cell>, into row: inout [Cell], wrapped: Bool) {
    var column = 0
    for cell in cells {
        guard column < row.count else { return }
        row[column] = cell
        column += 1
        if cell.isWide, column < row.count {
            row[column] = Cell(content: Cell.spacerFlag, style: cell.style)
            column += 1
        }
    }
    if wrapped, column == row.count - 1 { row[column] = Cell(content: Cell.spacerFlag, style: Style()) }
}
