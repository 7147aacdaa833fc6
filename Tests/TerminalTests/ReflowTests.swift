import Testing
import VT

@Suite struct ReflowTests {
    @Test func aLongLineIsLaidOutAnew() {
        let terminal = Emulator(10, 4, "abcdefghijklmno\r\n$ ")
        terminal.screen.resize(columns: 5, rows: 4)
        #expect(terminal.lines == ["abcde", "fghij", "klmno", "$"] && terminal.place == [3, 2])
        terminal.screen.resize(columns: 20, rows: 4)
        #expect(terminal.lines == ["abcdefghijklmno", "$", "", ""] && terminal.place == [1, 2])
    }

    @Test func rowsGoToTheHistoryAndComeBack() {
        let terminal = Emulator(10, 4, "1\r\n2\r\n3\r\n4")
        terminal.screen.resize(columns: 10, rows: 2)
        #expect(terminal.lines == ["3", "4"] && terminal.screen.historyRowCount == 2)
        terminal.screen.resize(columns: 10, rows: 4)
        #expect(terminal.lines == ["1", "2", "3", "4"] && terminal.screen.historyRowCount == 0)
        #expect(terminal.place == [3, 1])
    }

    @Test func aLineHalfInTheHistoryIsOneLine() {
        let terminal = Emulator(4, 2, "abcdefghijkl")
        #expect(terminal.lines == ["efgh", "ijkl"])
        terminal.screen.resize(columns: 6, rows: 2)
        #expect(terminal.lines == ["abcdef", "ghijkl"])
        terminal.screen.resize(columns: 3, rows: 1)
        #expect(terminal.lines == ["jkl"] && terminal.screen.historyRowCount == 3)
        terminal.screen.resize(columns: 12, rows: 1)
        #expect(terminal.lines == ["abcdefghijkl"] && terminal.screen.historyRowCount == 0)
    }

    @Test func wideCharactersAreNotCutInHalf() {
        let terminal = Emulator(6, 3, "日本語x")
        terminal.screen.resize(columns: 3, rows: 3)
        #expect(terminal.lines == ["日", "本", "語x"])
        terminal.screen.resize(columns: 7, rows: 3)
        #expect(terminal.lines == ["日本語x", "", ""])
    }

    @Test func theAlternateScreenDoesNotReflow() {
        let terminal = Emulator(10, 3, "abcdefghijkl\u{1B}[?1049h\u{1B}[Hfull width")
        terminal.screen.resize(columns: 5, rows: 3)
        #expect(terminal.lines == ["full", "", ""])
        terminal.feed("\u{1B}[?1049l")
        #expect(terminal.lines == ["abcde", "fghij", "kl"] && terminal.place == [2, 2])
    }

    /// Any text, any sequence of sizes: what was written can be read again, in the same lines.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func textSurvivesEverySize(_ seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        let terminal = Emulator(Int.random(in: 2...30, using: &generator), Int.random(in: 1...10, using: &generator))
        var expected: [String] = []
        for number in 0..<Int.random(in: 1...30, using: &generator) {
            let length = Int.random(in: 1...50, using: &generator)
            let pool = Array(number % 5 == 0 ? "日本語ab" : "abcdefg hij")
            var line = String((0..<length).map { _ in pool.randomElement(using: &generator)! })
            while line.last == " " { line.removeLast() }
            expected.append(line)
            terminal.feed((number == 0 ? "" : "\r\n") + line)
        }
        for _ in 0..<12 {
            terminal.screen.resize(
                columns: Int.random(in: 2...60, using: &generator), rows: Int.random(in: 1...14, using: &generator))
            var text = terminal.allText()
            while text.last == "\n" { text.removeLast() }
            var wanted = expected.joined(separator: "\n")
            while wanted.last == "\n" { wanted.removeLast() }
            #expect(text == wanted, "seed \(seed)")
        }
        terminal.feed("!")
        let text = terminal.allText().split(separator: "\n", omittingEmptySubsequences: true).joined(separator: "\n")
        let wanted = expected.filter { !$0.isEmpty }.joined(separator: "\n") + "!"
        #expect(expected.last == "" || text == wanted, "seed \(seed): the cursor is after the last character")
    }
}
