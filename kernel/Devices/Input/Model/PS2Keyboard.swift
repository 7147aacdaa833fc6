// The keyboard's byte stream, in scan code set 1 (what the controller's translation gives) or set 2 (what keyboards send).
// Linux's key codes up to 88 are the set 1 codes themselves; only the rest needs a table.

/// A key that went down or up, as a Linux key code.
public struct PS2Key: Equatable, Sendable {
    public let code: UInt16
    public let isPressed: Bool
    public init(code: UInt16, isPressed: Bool) {
        self.code = code
        self.isPressed = isPressed
    }
}

/// Turns scan code bytes into keys. No sequence of bytes wedges it: a prefix reaches at most five bytes far.
public struct PS2KeyboardDecoder: Sendable {
    public enum ScanCodeSet: Sendable { case one, two }

    private let set: ScanCodeSet
    private var isExtended = false
    private var isRelease = false
    /// Bytes of a Pause sequence that are still to be skipped.
    private var pauseBytesLeft = 0

    public init(set: ScanCodeSet) { self.set = set }

    /// - Returns: the key that the byte completes, if any. Pause comes as pressed only: its keyboard sends no release, so the
    ///   driver releases it at once.
    public mutating func decode(_ byte: UInt8) -> PS2Key? {
        if pauseBytesLeft > 0 {
            pauseBytesLeft -= 1
            return pauseBytesLeft == 0 ? PS2Key(code: 119, isPressed: true) : nil
        }
        switch byte {
        case 0xE0:
            isExtended = true
            return nil
        case 0xE1:
            // E1 1D 45 E1 9D C5, and in set 2 E1 14 77 E1 F0 14 F0 77.
            pauseBytesLeft = set == .one ? 5 : 7
            reset()
            return nil
        case 0x00, 0xFF, 0xFA, 0xFE, 0xEE:
            // Overrun, or an answer to a command: never part of a key.
            reset()
            return nil
        default:
            break
        }
        if set == .two, byte == 0xF0 {
            isRelease = true
            return nil
        }
        defer { reset() }
        let released: Bool
        let scanCode: UInt8
        if set == .one {
            released = byte & 0x80 != 0
            scanCode = byte & 0x7F
        } else {
            // 0xAA is the end of the self-test there, 0xFC its failure.
            if byte == 0xAA || byte == 0xFC { return nil }
            released = isRelease
            scanCode = Self.setOneCode(forSetTwo: byte)
        }
        let code = isExtended ? Self.extendedKeyCode(scanCode) : Self.keyCode(scanCode)
        return code == 0 ? nil : PS2Key(code: code, isPressed: !released)
    }

    private mutating func reset() {
        isExtended = false
        isRelease = false
    }

    static func keyCode(_ scanCode: UInt8) -> UInt16 {
        switch scanCode {
        case 0x01...0x53, 0x56...0x58: UInt16(scanCode)
        case 0x54: 99  // SysRq, which Alt+Print Screen sends
        case 0x59: 117  // keypad =
        case 0x64...0x6B: UInt16(scanCode) - 0x64 + 183  // F13 … F20
        case 0x70: 93  // Katakana/Hiragana
        case 0x73: 89  // Ro
        case 0x79: 92  // Henkan
        case 0x7B: 94  // Muhenkan
        case 0x7D: 124  // Yen
        case 0x7E: 121  // keypad comma
        default: 0
        }
    }

    /// Codes after an E0 prefix. E0 2A and E0 36 are shifts that the keyboard makes up around the grey keys.
    static func extendedKeyCode(_ scanCode: UInt8) -> UInt16 {
        switch scanCode {
        case 0x10: 165  // previous song
        case 0x19: 163  // next song
        case 0x1C: 96  // keypad Enter
        case 0x1D: 97  // right Control
        case 0x20: 113  // mute
        case 0x21: 140  // calculator
        case 0x22: 164  // play/pause
        case 0x24: 166  // stop
        case 0x2E: 114  // volume down
        case 0x30: 115  // volume up
        case 0x32: 172  // home page
        case 0x35: 98  // keypad /
        case 0x37: 99  // Print Screen
        case 0x38: 100  // right Alt
        case 0x46: 119  // Control+Break
        case 0x47: 102  // Home
        case 0x48: 103  // Up
        case 0x49: 104  // Page Up
        case 0x4B: 105  // Left
        case 0x4D: 106  // Right
        case 0x4F: 107  // End
        case 0x50: 108  // Down
        case 0x51: 109  // Page Down
        case 0x52: 110  // Insert
        case 0x53: 111  // Delete
        case 0x5B: 125  // left Meta
        case 0x5C: 126  // right Meta
        case 0x5D: 127  // Menu
        case 0x5E: 116  // power
        case 0x5F: 142  // sleep
        case 0x63: 143  // wake up
        case 0x65: 217  // search
        case 0x66: 156  // bookmarks
        case 0x67: 173  // refresh
        case 0x68: 128  // stop
        case 0x69: 159  // forward
        case 0x6A: 158  // back
        case 0x6B: 157  // computer
        case 0x6C: 155  // mail
        case 0x6D: 226  // media
        default: 0
        }
    }

    /// The controller's own translation of a set 2 code (IBM PS/2 Hardware Interface Technical Reference, keyboard controller).
    static func setOneCode(forSetTwo code: UInt8) -> UInt8 {
        switch code {
        case 0x83: 0x41
        case 0x84: 0x54
        case 0x80...: 0
        default: setTwoToSetOne[Int(code)]
        }
    }

    /// Every code that the decoder can give, for the device's capabilities.
    public static var allKeyCodes: CodeSet {
        var set = CodeSet()
        for scanCode in UInt8(0)..<0x80 {
            let base = keyCode(scanCode)
            let extended = extendedKeyCode(scanCode)
            if base != 0 { set.insert(base) }
            if extended != 0 { set.insert(extended) }
        }
        return set
    }
}

private let setTwoToSetOne: InlineArray<128, UInt8> = [
    0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29, 0x59,
    0x65, 0x38, 0x2A, 0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11, 0x03, 0x5B,
    0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05, 0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14, 0x13, 0x06, 0x5D,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5F,
    0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0C, 0x61,
    0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36, 0x1C, 0x1B, 0x75, 0x2B, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C, 0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F,
    0x52, 0x53, 0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45, 0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54,
]
