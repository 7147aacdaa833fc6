// A keymap as a table: which symbol a key gives for each combination of the modifiers that choose symbols.
//
// File format, little-endian words: magic "MKEY", version 1, key count K, byte count T of the text; then K × 16 symbols,
// K words of properties, and T bytes of the same keymap in XKB's text format 1 with its terminating NUL.
// A symbol is an X keysym; symbols with a character have Unicode's form (0x01000000 + scalar) unless they are Latin-1.

/// Finds the symbols of keys.
public struct KeyTable: Sendable {
    public static var magic: UInt32 { 0x5945_4b4d }
    public static var version: UInt32 { 1 }
    static var headerWords: Int { 4 }
    /// Shift, caps lock, AltGr and number lock choose among sixteen symbols.
    public static var combinations: Int { 16 }
    /// Evdev codes of keyboards end here.
    public static var keyLimit: Int { 1024 }

    private let words: [UInt32]
    public let keyCount: Int

    /// Reads the table of a keymap file; nil if it is malformed.
    public init?(file: UnsafeRawBufferPointer) {
        self.init(words: file)
        let textStart = (KeyTable.headerWords + keyCount * (KeyTable.combinations + 1)) * 4
        guard file.count - textStart == Int(file.loadUnaligned(fromByteOffset: 12, as: UInt32.self)) else { return nil }
    }

    private init?(words bytes: UnsafeRawBufferPointer) {
        func word(_ index: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self) }
        guard bytes.count >= KeyTable.headerWords * 4, word(0) == KeyTable.magic, word(1) == KeyTable.version else { return nil }
        let count = Int(word(2))
        guard count > 0, count <= KeyTable.keyLimit else { return nil }
        let wordCount = count * (KeyTable.combinations + 1)
        guard bytes.count >= (KeyTable.headerWords + wordCount) * 4 else { return nil }
        var words = [UInt32]()
        words.reserveCapacity(wordCount)
        for index in 0..<wordCount { words.append(word(KeyTable.headerWords + index)) }
        self.words = words
        keyCount = count
    }

    /// The bytes of the text in a keymap file that `init` accepted, with the NUL.
    public static func text(inFile file: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let count = Int(file.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
        return UnsafeRawBufferPointer(rebasing: file.suffix(count))
    }

    /// The symbol of a key (evdev code); zero if it has none.
    public func symbol(_ code: UInt32, _ modifiers: Modifiers) -> UInt32 {
        guard Int(code) < keyCount else { return 0 }
        return words[Int(code) * KeyTable.combinations + KeyTable.combination(modifiers)]
    }

    /// The character of a key, if it types one.
    public func character(_ code: UInt32, _ modifiers: Modifiers) -> Unicode.Scalar? {
        KeyTable.character(of: symbol(code, modifiers))
    }

    /// The modifiers that a key sets while it is down.
    public func modifiers(code: UInt32) -> Modifiers { Modifiers(rawValue: properties(code) & 0xff) }

    /// The modifiers that a press of a key locks or unlocks.
    public func locks(_ code: UInt32) -> Modifiers { Modifiers(rawValue: (properties(code) >> 8) & 0xff) }

    /// Whether a key repeats while it is held.
    public func repeats(_ code: UInt32) -> Bool { properties(code) & 0x10000 != 0 }

    private func properties(_ code: UInt32) -> UInt32 {
        Int(code) < keyCount ? words[keyCount * KeyTable.combinations + Int(code)] : 0
    }

    /// The index of a combination of modifiers.
    public static func combination(_ modifiers: Modifiers) -> Int {
        (modifiers.contains(.shift) ? 1 : 0) + (modifiers.contains(.capsLock) ? 2 : 0) + (modifiers.contains(.level3) ? 4 : 0)
            + (modifiers.contains(.numLock) ? 8 : 0)
    }

    /// The character of a symbol.
    public static func character(of symbol: UInt32) -> Unicode.Scalar? {
        switch symbol {
        case 0x20...0x7e, 0xa0...0xff: Unicode.Scalar(symbol)
        case 0x0100_0100...0x0110_ffff: Unicode.Scalar(symbol - 0x0100_0000)
        default: nil
        }
    }
}

/// Keysyms of keys without a character (`xkbcommon-keysyms.h`).
public enum Keysym {
    public static var backspace: UInt32 { 0xff08 }
    public static var tab: UInt32 { 0xff09 }
    public static var leftTab: UInt32 { 0xfe20 }
    public static var enter: UInt32 { 0xff0d }
    public static var keypadEnter: UInt32 { 0xff8d }
    public static var escape: UInt32 { 0xff1b }
    public static var delete: UInt32 { 0xffff }
    public static var home: UInt32 { 0xff50 }
    public static var left: UInt32 { 0xff51 }
    public static var up: UInt32 { 0xff52 }
    public static var right: UInt32 { 0xff53 }
    public static var down: UInt32 { 0xff54 }
    public static var pageUp: UInt32 { 0xff55 }
    public static var pageDown: UInt32 { 0xff56 }
    public static var end: UInt32 { 0xff57 }
    public static var f1: UInt32 { 0xffbe }
    public static var f4: UInt32 { 0xffc1 }
    public static var f11: UInt32 { 0xffc8 }
    public static var superLeft: UInt32 { 0xffeb }
    public static var superRight: UInt32 { 0xffec }
}
