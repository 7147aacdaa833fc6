// From definitions to the table: which level each combination of modifiers chooses.

import Keymap

extension KeymapText {
    /// The table of what was parsed, in the form of a keymap file without its text.
    func makeTable() throws(KeymapTextError) -> KeyTable {
        let keyCount = 256
        var words: [UInt32] = [KeyTable.magic, KeyTable.version, UInt32(keyCount), 0]
        let symbolStart = words.count
        let propertyStart = symbolStart + keyCount * KeyTable.combinations
        words += [UInt32](repeating: 0, count: keyCount * (KeyTable.combinations + 1))
        let virtual = virtualModifiers()
        let modifiers = realModifiersOfKeys()
        for key in keys {
            // X's keycodes are evdev's plus eight.
            guard key.code >= 8, key.code - 8 < UInt32(keyCount) else { continue }
            let code = Int(key.code - 8)
            let type = types[key.type != 0 ? key.type : automaticType(key.symbols)]
            for combination in 0..<KeyTable.combinations {
                let mask = KeymapText.mask(combination)
                words[symbolStart + code * KeyTable.combinations + combination] = symbol(key, type, mask, virtual)
            }
            words[propertyStart + code] = properties(key, modifiers[key.code] ?? 0)
        }
        guard let table = words.withUnsafeBytes({ KeyTable(file: $0) }) else { throw .unexpectedToken }
        return table
    }

    /// The real modifiers of a combination's number.
    private static func mask(_ combination: Int) -> UInt32 {
        (combination & 1 != 0 ? 1 : 0) | (combination & 2 != 0 ? 2 : 0) | (combination & 4 != 0 ? 128 : 0)
            | (combination & 8 != 0 ? 16 : 0)
    }

    private func symbol(_ key: KeyDefinition, _ type: LevelType?, _ mask: UInt32, _ virtual: [UInt64: UInt32]) -> UInt32 {
        guard let type else { return key.symbols.first ?? 0 }
        let looksAt = resolve(type.mask, virtual) ?? type.mask.real
        var level = 0
        for (entry, entryLevel) in type.levels {
            // An entry with a virtual modifier that no key sets never applies.
            if let wanted = resolve(entry, virtual), wanted == mask & looksAt {
                level = entryLevel
                break
            }
        }
        guard level < key.symbols.count else { return 0 }
        let symbol = key.symbols[level]
        var consumed = looksAt
        for (entry, kept) in type.preserved where resolve(entry, virtual) == mask & looksAt { consumed &= ~kept.real }
        // Caps Lock makes letters capital where the type has not used it up.
        return mask & 2 != 0 && consumed & 2 == 0 ? uppercase(symbol) : symbol
    }

    /// A mask in real modifiers; nil if one of its virtual modifiers has none.
    private func resolve(_ mask: ModifierMask, _ virtual: [UInt64: UInt32]) -> UInt32? {
        var result = mask.real
        for name in mask.virtual {
            guard let real = virtual[name] else { continue }
            result |= real
        }
        return result == 0 && !mask.virtual.isEmpty ? nil : result
    }

    /// What virtual modifiers stand for: the real modifiers of the keys that have their symbols.
    private func virtualModifiers() -> [UInt64: UInt32] {
        let symbols: [(UInt64, [UInt32])] = [
            (hash("NumLock"), [0xFF7F]), (hash("Alt"), [0xFFE9, 0xFFEA]), (hash("Meta"), [0xFFE7, 0xFFE8]),
            (hash("Super"), [0xFFEB, 0xFFEC]), (hash("Hyper"), [0xFFED, 0xFFEE]), (hash("LevelThree"), [0xFE03]),
            (hash("LevelFive"), [0xFE11]), (hash("ScrollLock"), [0xFF14]), (hash("AltGr"), [0xFF7E]),
        ]
        var result: [UInt64: UInt32] = [:]
        for (name, real) in modifierMap {
            guard let index = keyIndex[name], let symbol = keys[index].symbols.first else { continue }
            for (modifier, wanted) in symbols where wanted.contains(symbol) { result[modifier, default: 0] |= real }
        }
        return result
    }

    private func realModifiersOfKeys() -> [UInt32: UInt32] {
        var result: [UInt32: UInt32] = [:]
        for (name, real) in modifierMap { if let code = codes[name] { result[code, default: 0] |= real } }
        return result
    }

    /// The type of a key that names none (XKB protocol, "Core to XKB: guessing types").
    private func automaticType(_ symbols: [UInt32]) -> UInt64 {
        func isKeypad(_ symbol: UInt32) -> Bool { (0xFF80...0xFFBD).contains(symbol) }
        func isPair(_ first: Int) -> Bool {
            guard first + 1 < symbols.count else { return false }
            return uppercase(symbols[first]) != symbols[first] && lowercase(symbols[first + 1]) != symbols[first + 1]
        }
        let keypad = symbols.prefix(2).contains { isKeypad($0) }
        switch symbols.count {
        case 0, 1: return hash("ONE_LEVEL")
        case 2: return isPair(0) ? hash("ALPHABETIC") : keypad ? hash("KEYPAD") : hash("TWO_LEVEL")
        case 3, 4:
            if isPair(0) { return isPair(2) ? hash("FOUR_LEVEL_ALPHABETIC") : hash("FOUR_LEVEL_SEMIALPHABETIC") }
            return keypad ? hash("FOUR_LEVEL_KEYPAD") : hash("FOUR_LEVEL")
        default: return hash("EIGHT_LEVEL")
        }
    }

    /// Held modifiers, locked modifiers and whether the key repeats, as `KeyTable` has them.
    private func properties(_ key: KeyDefinition, _ real: UInt32) -> UInt32 {
        let symbol = key.symbols.first ?? 0
        let locks: UInt32 = symbol == 0xFFE5 ? 2 : symbol == 0xFF7F ? 16 : 0
        let held = symbol == 0xFE03 ? real | 128 : real
        let isModifier =
            held != 0 || (0xFFE1...0xFFEE).contains(symbol) || (0xFE01...0xFE13).contains(symbol)
            || symbol == 0xFF7E || symbol == 0xFF7F
        return held | locks << 8 | (key.repeats ?? !isModifier ? 0x10000 : 0)
    }
}

/// The capital of a letter; other symbols stay.
private func uppercase(_ symbol: UInt32) -> UInt32 {
    // Final sigma has no capital of its own to X.
    guard symbol != 0x100_03C2, let scalar = KeyTable.character(of: symbol) else { return symbol }
    return single(scalar.properties.uppercaseMapping) ?? symbol
}

/// The small form of a letter; other symbols stay.
private func lowercase(_ symbol: UInt32) -> UInt32 {
    guard let scalar = KeyTable.character(of: symbol) else { return symbol }
    return single(scalar.properties.lowercaseMapping) ?? symbol
}

/// The keysym of a text of one scalar.
private func single(_ text: String) -> UInt32? {
    guard let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1 else { return nil }
    return scalar.value < 0x100 ? scalar.value : 0x100_0000 + scalar.value
}
