import VT

extension Emulator {
    convenience init(_ columns: Int, _ rows: Int, _ text: String = "", history: Int = 5000) {
        self.init(columns: columns, rows: rows, historyLines: history)
        feed(text)
    }

    func feed(_ text: String) { feed(Array(text.utf8)) }

    /// A row of the view as text; wide characters once, empty cells as spaces, trailing spaces left out.
    func row(_ row: Int) -> String {
        let cells = cells(row)
        var text = ""
        for cell in cells where !cell.isSpacer {
            var found = false
            screen.forEachScalar(of: cell) {
                text.unicodeScalars.append($0)
                found = true
            }
            if !found { text += " " }
        }
        while text.last == " " { text.removeLast() }
        return text
    }

    func cells(_ row: Int) -> [Cell] { screen.withViewRow(row) { Array($0) } }

    var lines: [String] { (0..<screen.rows).map { row($0) } }

    var place: [Int] { [screen.cursor.row, screen.cursor.column] }

    var replies: String { String(decoding: takeReplies(), as: UTF8.self) }

    /// The damage since the last call, a row and its columns each.
    func takeDamage() -> [[Int]] {
        var result: [[Int]] = []
        screen.takeDamage { result.append([$0, $1.lowerBound, $1.upperBound]) }
        return result
    }

    /// All text from the oldest row of the history on, wrapped rows joined.
    func allText() -> String {
        screen.scrollView(by: 1 << 20)
        let top = screen.viewOffset
        screen.beginSelection(viewRow: 0, column: 0, .line)
        screen.scrollViewToEnd()
        screen.extendSelection(viewRow: screen.rows - 1, column: screen.columns - 1)
        _ = top
        let text = screen.selectedText()
        screen.clearSelection()
        return text
    }
}

/// A generator whose run can be repeated (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
