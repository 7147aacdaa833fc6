import Testing
import VT

@Suite struct SelectionTests {
    @Test func charactersAcrossRows() {
        let terminal = Emulator(6, 3, "abcdefgh\r\nxyz")
        terminal.screen.beginSelection(viewRow: 0, column: 2, .character)
        terminal.screen.extendSelection(viewRow: 2, column: 1)
        #expect(terminal.screen.selectedText() == "cdefgh\nxy", "a wrapped line is one line")
        #expect(terminal.screen.selectedColumns(viewRow: 1) == 0..<6)
    }

    @Test func wordsAndLines() {
        let terminal = Emulator(30, 2, "see /etc/fstab now")
        terminal.screen.beginSelection(viewRow: 0, column: 7, .word)
        #expect(terminal.screen.selectedText() == "/etc/fstab")
        terminal.screen.beginSelection(viewRow: 0, column: 7, .line)
        #expect(terminal.screen.selectedText() == "see /etc/fstab now")
    }

    @Test func blocks() {
        let terminal = Emulator(6, 3, "abcdef\u{1B}[2;1Hghijkl\u{1B}[3;1Hmnopqr")
        terminal.screen.beginSelection(viewRow: 2, column: 3, .block)
        terminal.screen.extendSelection(viewRow: 0, column: 1)
        #expect(terminal.screen.selectedText() == "bcd\nhij\nnop")
    }

    @Test func aSelectionFollowsScrollingAndEndsWhenItsTextChanges() {
        let terminal = Emulator(6, 2, "one\r\ntwo")
        terminal.screen.beginSelection(viewRow: 0, column: 0, .line)
        terminal.feed("\r\nmore")
        #expect(terminal.screen.selectedText() == "one")
        terminal.screen.beginSelection(viewRow: 1, column: 0, .word)
        terminal.feed("\u{1B}[1;1Hx")
        #expect(terminal.screen.hasSelection == true)
        terminal.feed("\u{1B}[2;2Hx")
        #expect(terminal.screen.hasSelection == false)
    }

    @Test func wideCharactersAreSelectedWhole() {
        let terminal = Emulator(8, 1, "a日b")
        terminal.screen.beginSelection(viewRow: 0, column: 2, .character)
        #expect(terminal.screen.selectedColumns(viewRow: 0) == 1..<3 && terminal.screen.selectedText() == "日")
    }
}
