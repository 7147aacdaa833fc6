// What a terminal sends for keys: the sequences of xterm ("PC-Style Function Keys" in ctlseqs).

/// The modifier keys that are held.
public struct KeyModifiers: OptionSet, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static var shift: KeyModifiers { KeyModifiers(rawValue: 1) }
    public static var alt: KeyModifiers { KeyModifiers(rawValue: 2) }
    public static var control: KeyModifiers { KeyModifiers(rawValue: 4) }
    public static var logo: KeyModifiers { KeyModifiers(rawValue: 8) }
}

/// A key press.
public struct KeyPress: Sendable {
    /// X11's name of the key, as xkb computes it (`XK_Return` is 0xFF0D).
    public var symbol: UInt32
    /// The character that it types; zero if it types none.
    public var scalar: UInt32
    public var modifiers: KeyModifiers

    public init(symbol: UInt32, scalar: UInt32, modifiers: KeyModifiers) {
        self.symbol = symbol
        self.scalar = scalar
        self.modifiers = modifiers
    }
}

public enum KeyEncoder {
    /// The bytes to send for a key; none for a key that means nothing to programs.
    public static func encode(_ key: KeyPress, _ modes: Modes) -> [UInt8] {
        if let special = special(key, modes) { return special }
        if let cursor = cursorKey(key.symbol) {
            return letterKey(cursor, key.modifiers, application: modes.applicationCursorKeys)
        }
        if let letter = functionLetter(key.symbol) { return letterKey(letter, key.modifiers, application: true) }
        if let number = tildeKey(key.symbol) { return tilde(number, key.modifiers) }
        return text(key)
    }

    private static func special(_ key: KeyPress, _ modes: Modes) -> [UInt8]? {
        let alt = key.modifiers.contains(.alt)
        switch key.symbol {
        case 0xFF08: return prefixed([key.modifiers.contains(.control) ? 0x08 : 0x7F], alt)
        case 0xFF09: return key.modifiers.contains(.shift) ? Array("\u{1B}[Z".utf8) : prefixed([0x09], alt)
        case 0xFE20: return Array("\u{1B}[Z".utf8)
        case 0xFF0D: return prefixed(modes.newLine ? [0x0D, 0x0A] : [0x0D], alt)
        case 0xFF8D:
            if modes.applicationKeypad { return Array("\u{1B}OM".utf8) }
            return prefixed(modes.newLine ? [0x0D, 0x0A] : [0x0D], alt)
        case 0xFF1B: return prefixed([0x1B], alt)
        // Keypad operators and digits, `*` to `9`: letters in application mode.
        case 0xFFAA...0xFFB9:
            let byte = UInt8(key.symbol - 0xFF80)
            if modes.applicationKeypad { return [0x1B, UInt8(ascii: "O"), byte + 0x40] }
            return prefixed([byte], alt)
        default: return nil
        }
    }

    private static func cursorKey(_ symbol: UInt32) -> UInt8? {
        switch symbol {
        case 0xFF52, 0xFF97: UInt8(ascii: "A")
        case 0xFF54, 0xFF99: UInt8(ascii: "B")
        case 0xFF53, 0xFF98: UInt8(ascii: "C")
        case 0xFF51, 0xFF96: UInt8(ascii: "D")
        case 0xFF9D: UInt8(ascii: "E")
        case 0xFF50, 0xFF95: UInt8(ascii: "H")
        case 0xFF57, 0xFF9C: UInt8(ascii: "F")
        default: nil
        }
    }

    /// F1 to F4.
    private static func functionLetter(_ symbol: UInt32) -> UInt8? {
        (0xFFBE...0xFFC1).contains(symbol) ? UInt8(ascii: "P") + UInt8(symbol - 0xFFBE) : nil
    }

    private static func tildeKey(_ symbol: UInt32) -> Int? {
        switch symbol {
        case 0xFF63, 0xFF9E: 2
        case 0xFFFF, 0xFF9F: 3
        case 0xFF55, 0xFF9A: 5
        case 0xFF56, 0xFF9B: 6
        case 0xFFC2: 15
        case 0xFFC3...0xFFC6: Int(symbol - 0xFFC3) + 17
        case 0xFFC7: 21
        case 0xFFC8, 0xFFC9: Int(symbol - 0xFFC8) + 23
        default: nil
        }
    }

    /// xterm's number for held modifiers; nil if none is held.
    private static func modifierNumber(_ modifiers: KeyModifiers) -> Int? {
        let bits = Int(modifiers.rawValue & 7)
        return bits == 0 ? nil : bits + 1
    }

    private static func letterKey(_ letter: UInt8, _ modifiers: KeyModifiers, application: Bool) -> [UInt8] {
        if let number = modifierNumber(modifiers) { return Array("\u{1B}[1;\(number)".utf8) + [letter] }
        return [0x1B, application ? UInt8(ascii: "O") : UInt8(ascii: "["), letter]
    }

    private static func tilde(_ code: Int, _ modifiers: KeyModifiers) -> [UInt8] {
        if let number = modifierNumber(modifiers) { return Array("\u{1B}[\(code);\(number)~".utf8) }
        return Array("\u{1B}[\(code)~".utf8)
    }

    private static func text(_ key: KeyPress) -> [UInt8] {
        guard key.scalar != 0, !key.modifiers.contains(.logo) else { return [] }
        var scalar = key.scalar
        if key.modifiers.contains(.control) {
            guard let control = control(scalar) else { return [] }
            scalar = control
        }
        var bytes: [UInt8] = []
        appendUTF8(scalar, to: &bytes)
        return prefixed(bytes, key.modifiers.contains(.alt))
    }

    /// The control character of a character; nil if there is none.
    private static func control(_ scalar: UInt32) -> UInt32? {
        switch scalar {
        case 0..<0x20: scalar
        case 0x40...0x5F, 0x61...0x7A: scalar & 0x1F
        case 0x20, 0x32: 0
        case 0x33...0x37: scalar - 0x33 + 0x1B
        case 0x38, 0x3F: 0x7F
        case 0x2F, 0x2D: 0x1F
        case 0x60: 0
        case 0x7B...0x7E: scalar & 0x1F
        case 0x80...: nil
        default: scalar
        }
    }

    private static func prefixed(_ bytes: [UInt8], _ alt: Bool) -> [UInt8] { alt ? [0x1B] + bytes : bytes }

    /// What pasting a text sends. Control characters that would act as keys are left out; line ends become Return.
    public static func paste(_ text: String, _ modes: Modes) -> [UInt8] {
        var bytes: [UInt8] = modes.bracketedPaste ? Array("\u{1B}[200~".utf8) : []
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte == 0x0A {
                if previous != 0x0D { bytes.append(0x0D) }
            } else if byte >= 0x20 && byte != 0x7F || byte == 0x09 || byte == 0x0D {
                bytes.append(byte)
            }
            previous = byte
        }
        if modes.bracketedPaste { bytes += Array("\u{1B}[201~".utf8) }
        return bytes
    }

    /// What a change of the keyboard focus sends.
    public static func focus(gained: Bool, _ modes: Modes) -> [UInt8] {
        modes.focusReporting ? Array((gained ? "\u{1B}[I" : "\u{1B}[O").utf8) : []
    }
}
