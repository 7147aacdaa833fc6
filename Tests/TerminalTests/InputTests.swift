import Testing
import VT

@Suite struct InputTests {
    private func encode(_ symbol: UInt32, _ scalar: Unicode.Scalar = "\0", _ modifiers: KeyModifiers = [], _ setup: String = "")
        -> String
    {
        let press = KeyPress(symbol: symbol, scalar: scalar.value, modifiers: modifiers)
        return String(decoding: KeyEncoder.encode(press, Emulator(10, 2, setup).screen.modes), as: UTF8.self)
    }

    @Test func keys() {
        #expect(encode(0x61, "a") == "a" && encode(0xE9, "é") == "é")
        #expect(encode(0x63, "c", .control) == "\u{03}" && encode(0x20, " ", .control) == "\0")
        #expect(encode(0x78, "x", .alt) == "\u{1B}x" && encode(0x78, "x", .logo) == "")
        #expect(encode(0xFF0D) == "\r" && encode(0xFF08) == "\u{7F}" && encode(0xFE20, "\0", .shift) == "\u{1B}[Z")
        #expect(encode(0xFF52) == "\u{1B}[A" && encode(0xFF52, "\0", [], "\u{1B}[?1h") == "\u{1B}OA")
        #expect(encode(0xFF53, "\0", [.control]) == "\u{1B}[1;5C")
        #expect(encode(0xFFBE) == "\u{1B}OP" && encode(0xFFBE, "\0", .shift) == "\u{1B}[1;2P")
        let functionKeys = (0xFFC2...0xFFC9).map { encode(UInt32($0)) }
        #expect(functionKeys == [15, 17, 18, 19, 20, 21, 23, 24].map { "\u{1B}[\($0)~" })
        #expect(encode(0xFFFF) == "\u{1B}[3~" && encode(0xFF55, "\0", .control) == "\u{1B}[5;5~")
        #expect(encode(0xFFB5, "5") == "5" && encode(0xFFB5, "5", [], "\u{1B}=") == "\u{1B}Ou")
    }

    @Test func pastedTextCannotPressKeys() {
        let modes = Emulator(10, 2, "\u{1B}[?2004h").screen.modes
        let bytes = KeyEncoder.paste("a\u{1B}[201~b\nc\r\nd\u{03}", modes)
        #expect(String(decoding: bytes, as: UTF8.self) == "\u{1B}[200~a[201~b\rc\rd\u{1B}[201~")
    }

    @Test func mouse() {
        func encode(_ event: MouseEvent, _ setup: String) -> String {
            String(decoding: MouseEncoder.encode(event, Emulator(10, 2, setup).screen.modes), as: UTF8.self)
        }
        let press = MouseEvent(.press, .left, row: 1, column: 2, modifiers: .control)
        let move = MouseEvent(.motion, .none, row: 1, column: 2, modifiers: [])
        let release = MouseEvent(.release, .right, row: 0, column: 0, modifiers: [])
        #expect(encode(press, "") == "" && encode(press, "\u{1B}[?1000h") == "\u{1B}[M0#\"")
        #expect(encode(press, "\u{1B}[?1000;1006h") == "\u{1B}[<16;3;2M")
        #expect(encode(release, "\u{1B}[?1002;1006h") == "\u{1B}[<2;1;1m")
        #expect(encode(move, "\u{1B}[?1002;1006h") == "" && encode(move, "\u{1B}[?1003;1006h") == "\u{1B}[<35;3;2M")
    }
}
