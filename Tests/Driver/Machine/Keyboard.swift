// Keys by their QEMU names, and text as the keys of a US layout.
// Names: QKeyCode in https://qemu.readthedocs.io/en/v7.2.0/interop/qemu-qmp-ref.html

/// A key as QEMU names it (`QKeyCode`).
public struct Key: Sendable, Hashable, ExpressibleByStringLiteral {
    public let name: String
    public init(stringLiteral name: String) { self.name = name }
    public init(_ name: String) { self.name = name }

    public static let enter: Key = "ret"
    public static let escape: Key = "esc"
    public static let control: Key = "ctrl"
    public static let alt: Key = "alt"
    public static let shift: Key = "shift"
    public static let `super`: Key = "meta_l"
    public static let tab: Key = "tab"
    public static let backspace: Key = "backspace"
}

/// What to press for a character on a US keyboard.
struct Keystroke: Equatable {
    let key: Key
    let isShifted: Bool

    private static let plain: [Character: String] = [
        " ": "spc", "\n": "ret", "\t": "tab", "\u{1b}": "esc", "\u{8}": "backspace",
        "-": "minus", "=": "equal", "[": "bracket_left", "]": "bracket_right", ";": "semicolon", "'": "apostrophe",
        "`": "grave_accent", "\\": "backslash", ",": "comma", ".": "dot", "/": "slash",
    ]
    private static let shifted: [Character: String] = [
        "!": "1", "@": "2", "#": "3", "$": "4", "%": "5", "^": "6", "&": "7", "*": "8", "(": "9", ")": "0",
        "_": "minus", "+": "equal", "{": "bracket_left", "}": "bracket_right", ":": "semicolon", "\"": "apostrophe",
        "~": "grave_accent", "|": "backslash", "<": "comma", ">": "dot", "?": "slash",
    ]

    /// Nil for a character that a US keyboard does not have.
    init?(_ character: Character) {
        if character.isASCII && (character.isLowercase || character.isNumber) {
            (key, isShifted) = (Key(String(character)), false)
        } else if character.isASCII && character.isUppercase {
            (key, isShifted) = (Key(character.lowercased()), true)
        } else if let name = Keystroke.plain[character] {
            (key, isShifted) = (Key(name), false)
        } else if let name = Keystroke.shifted[character] {
            (key, isShifted) = (Key(name), true)
        } else {
            return nil
        }
    }
}
