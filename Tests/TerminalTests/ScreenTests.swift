import Testing
import VT

@Suite struct ScreenTests {
    @Test func textWrapsLate() {
        let terminal = Emulator(5, 3, "abcde")
        #expect(terminal.place == [0, 4])
        terminal.feed("f")
        #expect(terminal.lines == ["abcde", "f", ""] && terminal.place == [1, 1])
        terminal.feed("\r\nxyzzy\r\n")
        #expect(terminal.lines == ["f", "xyzzy", ""])
    }

    @Test(
        arguments: [
            ("\u{1B}[2;3HX", ["", "  X", ""]),
            ("abc\u{1B}[2DX", ["aXc", "", ""]),
            ("a\u{1B}[B\u{1B}[CX", ["a", "  X", ""]),
            ("1\r\n2\u{1B}[AX", ["1X", "2", ""]),
            ("abcdef\u{1B}[3G\u{1B}[K", ["ab", "", ""]),
            ("abcdef\u{1B}[3G\u{1B}[1K", ["   def", "", ""]),
            ("a\r\nb\r\nc\u{1B}[2;1H\u{1B}[J", ["a", "", ""]),
            ("a\r\nb\r\nc\u{1B}[2;1H\u{1B}[1J", ["", "", "c"]),
            ("abcdef\u{1B}[3G\u{1B}[2P", ["abef", "", ""]),
            ("abcdef\u{1B}[3G\u{1B}[2@", ["ab  cdef", "", ""]),
            ("abcdef\u{1B}[3G\u{1B}[2X", ["ab  ef", "", ""]),
            ("a\r\nb\r\nc\u{1B}[1;1H\u{1B}[L", ["", "a", "b"]),
            ("a\r\nb\r\nc\u{1B}[1;1H\u{1B}[M", ["b", "c", ""]),
            ("a\r\nb\r\nc\u{1B}[S", ["b", "c", ""]),
            ("a\r\nb\r\nc\u{1B}[T", ["", "a", "b"]),
            ("a\u{1B}[5b", ["aaaaaa", "", ""]),
            ("a\tb", ["a       b", "", ""]),
            ("\u{1B}[3g\u{1B}[4G\u{1B}H\ra\tb", ["a  b", "", ""]),
            ("a\u{1B}[20G\u{1B}[Zb", ["a               b", "", ""]),
            ("\u{1B}(0lqk\u{1B}(B x", ["┌─┐ x", "", ""]),
            ("\u{1B})0a\u{0E}x\u{0F}x", ["a│x", "", ""]),
            ("abc\r\u{1B}[4hX\u{1B}[4lY", ["XYbc", "", ""]),
            ("\u{1B}7abc\u{1B}8X", ["Xbc", "", ""]),
            ("\u{1B}[?7labcdefghijkZ", ["abcdefghiZ", "", ""]),
            ("a\u{1B}Mb", [" b", "a", ""]),
            ("\u{1B}[2;3r\u{1B}[?6hX\u{1B}[9;1HY", ["", "X", "Y"]),
            ("one\u{1B}]0;title\u{07}two", ["onetwo", "", ""]),
            ("one\u{1B}Pq#1ignored\u{1B}\\two", ["onetwo", "", ""]),
            ("one\u{1B}_ignored\u{1B}\\two", ["onetwo", "", ""]),
            ("a\u{1B}[1\rm2", ["2", "", ""]),
            ("a\u{1B}[12\u{18}b", ["ab", "", ""]),
            ("\u{1B}[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1mz", ["z", "", ""]),
        ] as [(String, [String])])
    func sequences(_ input: String, _ expected: [String]) {
        let columns = input.contains("\u{1B}[?7l") ? 10 : 40
        let terminal = Emulator(columns, 3, input)
        #expect(terminal.lines == expected)
    }

    @Test func scrollRegionsKeepWhatIsOutside() {
        let terminal = Emulator(10, 5, "1\r\n2\r\n3\r\n4\r\n5\u{1B}[2;4r\u{1B}[4;1H\r\nx")
        #expect(terminal.lines == ["1", "3", "4", "x", "5"])
        #expect(terminal.screen.historyRowCount == 0)
        terminal.feed("\u{1B}[2;1H\u{1B}M")
        #expect(terminal.lines == ["1", "", "3", "4", "5"])
    }

    @Test func wideCharactersTakeTwoCells() {
        let terminal = Emulator(5, 3, "日本語x")
        #expect(terminal.lines == ["日本", "語x", ""])
        #expect(terminal.cells(0)[0].isWide && terminal.cells(0)[1].isSpacer)
        terminal.feed("\u{1B}[1;2HX")
        #expect(terminal.lines[0] == " X本")
        terminal.feed("\u{1B}[1;3HY")
        #expect(terminal.lines[0] == " XY")
    }

    @Test func combiningMarksJoinTheirBase() {
        let terminal = Emulator(10, 2, "e\u{301}x")
        #expect(terminal.row(0).unicodeScalars.count == 3 && terminal.place == [0, 2])
        terminal.feed("\u{1B}[2;1Ha" + String(repeating: "\u{300}", count: 50))
        #expect(terminal.row(1).unicodeScalars.count == 5)
    }

    @Test func malformedUTF8IsReplacedOncePerPart() {
        let terminal = Emulator(20, 2)
        terminal.feed([0x61, 0xE2, 0x82, 0x62, 0xC0, 0xAF, 0xF0, 0x9F, 0x98, 0x80])
        #expect(terminal.row(0) == "a\u{FFFD}b\u{FFFD}\u{FFFD}😀")
        terminal.feed([0x0D, 0x0A, 0xE2])
        terminal.feed([0x82])
        terminal.feed([0xAC])
        #expect(terminal.row(1) == "€")
    }

    @Test(
        arguments: [
            ("\u{1B}[1;31;42m", Color.indexed(1), Color.indexed(2), Attributes.bold),
            ("\u{1B}[38;5;200;48;2;1;2;3m", .indexed(200), .rgb(0x010203), []),
            ("\u{1B}[38:5:200;48:2:1:2:3m", .indexed(200), .rgb(0x010203), []),
            ("\u{1B}[38:2::255:128:0m", .rgb(0xFF8000), .default, []),
            ("\u{1B}[4:3;9m", .default, .default, [.curlyUnderline, .strikethrough]),
            ("\u{1B}[4;4:0m", .default, .default, []),
            ("\u{1B}[1;2;3;4;5;7;8;9;22;23;24;25;27;28;29m", .default, .default, []),
            ("\u{1B}[97;105m", .indexed(15), .indexed(13), []),
            ("\u{1B}[31;mX\u{1B}[3m", .default, .default, .italic),
            ("\u{1B}[58;2;1;2;3;4m", .default, .default, .underline),
        ] as [(String, Color, Color, Attributes)])
    func renditions(_ input: String, _ foreground: Color, _ background: Color, _ attributes: Attributes) {
        let terminal = Emulator(40, 2, input + "\r\nZ")
        let style = terminal.cells(1)[0].style
        #expect(style.foreground == foreground && style.background == background && style.attributes == attributes)
    }

    @Test func erasingKeepsTheBackground() {
        let terminal = Emulator(4, 2, "\u{1B}[44m\u{1B}[2J")
        #expect(terminal.cells(1)[3].style.background == .indexed(4) && terminal.row(1) == "")
    }

    @Test func alternateScreenComesAndGoes() {
        let terminal = Emulator(10, 2, "shell\u{1B}[?1049h\u{1B}[Hedit")
        #expect(terminal.lines == ["edit", ""] && terminal.screen.isAlternate)
        terminal.feed("\r\n\r\n\r\n")
        #expect(terminal.screen.historyRowCount == 0)
        terminal.feed("\u{1B}[?1049l!")
        #expect(terminal.lines == ["shell!", ""])
    }

    @Test(arguments: [
        ("\u{1B}[c", "\u{1B}[?62;22c"),
        ("\u{1B}[>c", "\u{1B}[>1;10;0c"),
        ("\u{1B}[5n", "\u{1B}[0n"),
        ("ab\u{1B}[6n", "\u{1B}[01;3R"), ("\nab\u{1B}[6n", "\u{1B}[2;3R"),
        ("\u{1B}[?2004h\u{1B}[?2004$p", "\u{1B}[?2004;1$y"),
        ("\u{1B}[?9999$p", "\u{1B}[?9999;0$y"),
        ("\u{1B}[18t", "\u{1B}[8;4;20t"),
        ("\u{1B}]11;?\u{1B}\\", "\u{1B}]11;rgb:1717/1818/2020\u{1B}\\"),
        ("\u{1B}]4;1;#102030\u{07}\u{1B}]4;1;?\u{07}", "\u{1B}]4;1;rgb:1010/2020/3030\u{1B}\\"),
        ("\u{1B}]4;1;rgb:f/80/0000\u{07}\u{1B}]4;1;?\u{07}", "\u{1B}]4;1;rgb:ffff/8080/0000\u{1B}\\"),
    ])
    func questions(_ input: String, _ answer: String) {
        #expect(Emulator(20, 4, input).replies == answer)
    }

    @Test func titlesAreCleaned() {
        #expect(Emulator(20, 2, "\u{1B}]2;a\u{202E}b\u{07}").screen.title == "ab")
        #expect(Emulator(20, 2, "\u{1B}]2;" + String(repeating: "x", count: 10000) + "\u{07}").screen.title == "")
    }

    @Test func modesAreKept() {
        let terminal = Emulator(20, 2, "\u{1B}[?1;1002;1006;2004;1004h\u{1B}=\u{1B}[5 q\u{1B}[?25l")
        let modes = terminal.screen.modes
        #expect(modes.applicationCursorKeys && modes.mouse == .drag && modes.mouseSGR && modes.bracketedPaste)
        #expect(modes.focusReporting && modes.applicationKeypad && !modes.cursorVisible)
        #expect(terminal.screen.cursorShape == .bar)
        terminal.feed("\u{1B}c")
        #expect(terminal.screen.modes.cursorVisible && terminal.screen.modes.mouse == .off)
    }

    @Test func theHistoryKeepsTextAndStyle() {
        let terminal = Emulator(10, 2, "\u{1B}[31mred\u{1B}[m 日本\r\nplain\r\n3\r\n4")
        #expect(terminal.screen.historyRowCount == 2)
        terminal.screen.scrollView(by: 2)
        #expect(terminal.lines == ["red 日本", "plain"])
        #expect(terminal.cells(0)[0].style.foreground == .indexed(1) && terminal.cells(0)[5].isSpacer)
        terminal.feed("\r\n5")
        #expect(terminal.lines == ["red 日本", "plain"], "the view stays while output arrives")
        terminal.screen.scrollViewToEnd()
        #expect(terminal.lines == ["4", "5"])
    }

    @Test func theHistoryIsBounded() {
        let terminal = Emulator(10, 2, history: 100)
        for number in 0..<1000 { terminal.feed("\(number)\r\n") }
        #expect(terminal.screen.historyRowCount == 100)
        terminal.screen.scrollView(by: 1000)
        #expect(terminal.lines == ["899", "900"])
        terminal.feed("\u{1B}[3J")
        #expect(terminal.screen.historyRowCount == 0 && terminal.lines == ["999", ""])
    }
}
