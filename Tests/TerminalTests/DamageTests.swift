import Testing
import VT

@Suite struct DamageTests {
    @Test func aTypedKeyDamagesOneCell() {
        let terminal = Emulator(80, 24, "$ ")
        _ = terminal.takeDamage()
        terminal.feed("l")
        #expect(terminal.takeDamage() == [[0, 2, 3]])
        terminal.feed("\u{08} \u{08}")
        #expect(terminal.takeDamage() == [[0, 2, 3]])
        terminal.feed("\u{1B}[K\u{1B}[J")
        _ = terminal.takeDamage()
        terminal.feed("\u{1B}[K\u{1B}[J\u{1B}[?25l")
        #expect(terminal.takeDamage() == [], "nothing changed, so nothing is damaged")
    }

    /// Whatever a program sends: no trap, and every cell that changed is inside the damage.
    @Test(arguments: 0..<60 as Range<UInt64>)
    func damageCoversEveryChange(_ seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        let terminal = Emulator(Int.random(in: 2...30, using: &generator), Int.random(in: 1...12, using: &generator), history: 20)
        for step in 0..<150 {
            if step % 40 == 39 {
                terminal.screen.resize(
                    columns: Int.random(in: 1...40, using: &generator), rows: Int.random(in: 1...14, using: &generator))
            }
            if step % 17 == 0 { terminal.screen.scrollView(by: Int.random(in: -5...9, using: &generator)) }
            if step % 13 == 0 {
                terminal.screen.beginSelection(
                    viewRow: Int.random(in: 0...14, using: &generator), column: Int.random(in: 0...40, using: &generator),
                    [.character, .word, .line, .block].randomElement(using: &generator)!)
            }
            if step % 13 == 3 {
                terminal.screen.extendSelection(
                    viewRow: Int.random(in: 0...14, using: &generator), column: Int.random(in: 0...40, using: &generator))
                _ = terminal.screen.selectedText()
            }
            _ = terminal.takeDamage()
            let before = (0..<terminal.screen.rows).map { terminal.cells($0) }
            let selectedBefore = (0..<terminal.screen.rows).map { terminal.screen.selectedColumns(viewRow: $0) }
            terminal.feed(randomOutput(&generator))
            var damaged = [Range<Int>](repeating: 0..<0, count: terminal.screen.rows)
            for damage in terminal.takeDamage() { damaged[damage[0]] = damage[1]..<damage[2] }
            for row in 0..<terminal.screen.rows {
                let after = terminal.cells(row)
                #expect(after.count == terminal.screen.columns)
                for column in 0..<after.count where before[row][column] != after[column] {
                    #expect(damaged[row].contains(column), "seed \(seed) step \(step): row \(row) column \(column)")
                }
                if terminal.screen.selectedColumns(viewRow: row) != selectedBefore[row] {
                    #expect(damaged[row] == 0..<terminal.screen.columns)
                }
                for column in 0..<after.count where after[column].isWide {
                    #expect(column + 1 < after.count && after[column + 1].isSpacer, "half a wide character")
                }
            }
            let cursor = terminal.screen.cursor
            #expect(cursor.row < terminal.screen.rows && cursor.column < terminal.screen.columns)
            _ = terminal.takeReplies()
        }
    }

    @Test func pureNoiseNeverTraps() {
        var generator = SeededGenerator(state: 99)
        let terminal = Emulator(20, 6, history: 50)
        for _ in 0..<400 {
            terminal.feed((0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) })
            _ = terminal.takeReplies()
        }
        #expect(terminal.screen.rows == 6)
    }

    /// Text, controls and plausible sequences with random numbers.
    private func randomOutput(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0...2:
                bytes += (0..<Int.random(in: 1...30, using: &generator)).map { _ in UInt8.random(in: 32...126, using: &generator)
                }
            case 3: bytes += "日本e\u{301}ü\u{200D}".utf8
            case 4:
                bytes +=
                    ["\r\n", "\n", "\u{08}", "\t", "\u{1B}M", "\u{1B}7", "\u{1B}8", "\u{1B}D"].randomElement(using: &generator)!
                    .utf8
            case 5:
                bytes +=
                    "\u{1B}[?\([6, 7, 25, 47, 1047, 1049, 5].randomElement(using: &generator)!)\(Bool.random(using: &generator) ? "h" : "l")"
                    .utf8
            case 6:
                bytes +=
                    "\u{1B}[4\(Bool.random(using: &generator) ? "h" : "l")\u{1B}[4\(Int.random(in: 0...7, using: &generator))m"
                    .utf8
            default:
                let finals = Array("@ABCDEFGHIJKLMPSTXZbdr".utf8)
                bytes += "\u{1B}[\(Int.random(in: 0...14, using: &generator));\(Int.random(in: 0...14, using: &generator))".utf8
                bytes.append(finals.randomElement(using: &generator)!)
            }
        }
        return bytes
    }
}
