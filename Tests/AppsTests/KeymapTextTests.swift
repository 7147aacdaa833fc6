import CXkbcommon
import Keymap
import KeymapText
import Testing

/// libxkbcommon is the oracle: what it answers for a layout, our reading of its text must answer.
@Suite struct KeymapTextTests {
    @Test(arguments: ["us", "de", "fr", "gr", "ru", "es", "pl", "tr", "gb", "us(intl)", "us(dvorak)", "ch", "cz", "ua", "il"])
    func symbolsAreThoseOfLibxkbcommon(_ layout: String) throws {
        let (keymap, text) = try #require(compile(layout))
        let table = try Array((text + "\0").utf8).withUnsafeBytes { bytes in try KeymapText.table(bytes) }
        for code in 1..<248 {
            for combination in 0..<KeyTable.combinations {
                let modifiers = modifiers(combination)
                let wanted = symbol(keymap, code, modifiers)
                // Vendors' keys have no names here, and libxkbcommon capitalises rarities (the third level, the micro sign)
                // by a table of its own.
                if wanted >= 0x1000_0000 || wanted == 0x39C || wanted == 0xFF_FFFF
                    || modifiers.isSuperset(of: [.capsLock, .level3])
                {
                    continue
                }
                #expect(table.symbol(UInt32(code), modifiers) == wanted, "\(layout) key \(code) modifiers \(modifiers.rawValue)")
            }
        }
        #expect(table.repeats(30) && !table.repeats(42) && !table.repeats(58))
        xkb_keymap_unref(keymap)
    }

    @Test func damagedTextsAreRefused() throws {
        let (keymap, text) = try #require(compile("us"))
        xkb_keymap_unref(keymap)
        let bytes = Array(text.utf8)
        for length in stride(from: 0, to: bytes.count - 4, by: 997) {
            #expect(throws: KeymapTextError.self) {
                try Array(bytes[..<length]).withUnsafeBytes { bytes in _ = try KeymapText.table(bytes) }
            }
        }
        var seed: UInt64 = 1
        for _ in 0..<300 {
            var damaged = bytes
            for _ in 0..<5 {
                seed = seed &* 6364136223846793005 &+ 1442695040888963407
                damaged[Int(seed >> 33) % damaged.count] = UInt8(truncatingIfNeeded: seed >> 20)
            }
            _ = try? damaged.withUnsafeBytes { bytes in try KeymapText.table(bytes) }
        }
    }

    private func compile(_ layout: String) -> (OpaquePointer, String)? {
        guard let context = xkb_context_new(XKB_CONTEXT_NO_FLAGS) else { return nil }
        defer { xkb_context_unref(context) }
        let parts = layout.split(whereSeparator: { "()".contains($0) }).map(String.init)
        let keymap: OpaquePointer? = parts[0].withCString { name in
            (parts.count > 1 ? parts[1] : "").withCString { variant in
                var names = xkb_rule_names(rules: nil, model: nil, layout: name, variant: variant, options: nil)
                return xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS)
            }
        }
        guard let keymap, let text = xkb_keymap_get_as_string(keymap, XKB_KEYMAP_FORMAT_TEXT_V1) else { return nil }
        return (keymap, String(cString: text))
    }

    private func modifiers(_ combination: Int) -> Modifiers {
        let all: [Modifiers] = [.shift, .capsLock, .level3, .numLock]
        return all.indices.reduce([]) { combination & 1 << $1 != 0 ? $0.union(all[$1]) : $0 }
    }

    private func symbol(_ keymap: OpaquePointer, _ code: Int, _ modifiers: Modifiers) -> UInt32 {
        guard let state = xkb_state_new(keymap) else { return 0 }
        defer { xkb_state_unref(state) }
        xkb_state_update_mask(state, 0, 0, modifiers.rawValue, 0, 0, 0)
        let symbol = xkb_state_key_get_one_sym(state, UInt32(code + 8))
        let scalar = xkb_keysym_to_utf32(symbol)
        return scalar >= 0x100 ? 0x0100_0000 + scalar : scalar >= 0x20 && scalar != 0x7F ? scalar : symbol
    }
}

@Suite struct DeadKeysTests {
    @Test func accentsJoinLetters() {
        var keys = DeadKeys()
        #expect(keys.press(symbol: 0xFE51, character: nil) == .waiting)
        #expect(keys.press(symbol: 0xFFE1, character: nil) == .unchanged, "shift does not end it")
        #expect(keys.press(symbol: 0x45, character: "E") == .character("É"))
        #expect(keys.press(symbol: 0x45, character: "E") == .unchanged)
        #expect(keys.press(symbol: 0xFE52, character: nil) == .waiting)
        #expect(keys.press(symbol: 0x20, character: " ") == .character("^"))
        #expect(
            keys.press(symbol: 0xFE57, character: nil) == .waiting
                && keys.press(symbol: 0xFE57, character: nil) == .character("¨"))
        #expect(
            keys.press(symbol: 0xFE5B, character: nil) == .waiting && keys.press(symbol: 0x63, character: "c") == .character("ç"))
        #expect(keys.press(symbol: 0xFE50, character: nil) == .waiting && keys.press(symbol: 0x78, character: "x") == .unchanged)
    }
}
