/// Where text goes on a screen of character cells: left to right, wrapped at the right edge. Past the last line nothing is
/// placed any more: of a panic, the beginning matters most.
public struct TextGrid: Sendable {
    public let columns: Int
    public let rows: Int
    public private(set) var column = 0
    public private(set) var row = 0

    public init(columns: Int, rows: Int) {
        self.columns = max(columns, 1)
        self.rows = rows
    }

    /// Takes a byte of text.
    /// - Returns: the cell to draw it in; nil when nothing is to be drawn.
    public mutating func place(_ byte: UInt8) -> (column: Int, row: Int)? {
        switch byte {
        case 0x0A:
            column = 0
            row = min(row + 1, rows)
            return nil
        case 0x0D:
            column = 0
            return nil
        case 0x09:
            column = min((column / 8 + 1) * 8, columns)
            return nil
        default: break
        }
        if column >= columns {
            column = 0
            row = min(row + 1, rows)
        }
        guard row < rows else { return nil }
        defer { column += 1 }
        return (column, row)
    }
}
