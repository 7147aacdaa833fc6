// Reads a keymap in XKB's text format 1, as every Wayland compositor sends it (wl_keyboard.keymap), into the table that
// answers which symbol a key gives. Of the format only what libxkbcommon writes is understood: includes are resolved,
// keys have numbers, types are spelled out (libxkbcommon's doc/keymap-format-text-v1.md). The first layout counts.

import Keymap

/// Why a text is no keymap.
public enum KeymapTextError: Error, Equatable, Sendable {
    case unexpectedToken
    case unterminated
    case tooManyKeys
}

/// A key's symbols by level and the name of the type that chooses the level.
struct KeyDefinition {
    var code: UInt32
    var type: UInt64 = 0
    var symbols: [UInt32] = []
    var repeats: Bool?
}

/// A type: which modifiers it looks at, and the level for each combination of them.
struct LevelType {
    var mask: ModifierMask
    var levels: [(ModifierMask, Int)] = []
    /// Modifiers that keep their effect although a combination's level was chosen with them.
    var preserved: [(ModifierMask, ModifierMask)] = []
}

/// Real modifiers, and the hashes of virtual ones that are still to be found.
struct ModifierMask {
    var real: UInt32 = 0
    var virtual: [UInt64] = []
}

/// Parses keymap texts.
public struct KeymapText {
    var lexer: KeymapLexer
    var codes: [UInt64: UInt32] = [:]
    var types: [UInt64: LevelType] = [:]
    var keys: [KeyDefinition] = []
    var keyIndex: [UInt64: Int] = [:]
    /// Real modifiers of keys.
    var modifierMap: [UInt64: UInt32] = [:]
    let symbolNames = KeysymTable()

    /// The table of a keymap text; a terminating NUL is allowed.
    public static func table(_ text: UnsafeRawBufferPointer) throws(KeymapTextError) -> KeyTable {
        var parser = KeymapText(lexer: KeymapLexer(text))
        try parser.parseKeymap()
        return try parser.makeTable()
    }

    private init(lexer: KeymapLexer) { self.lexer = lexer }

    private mutating func parseKeymap() throws(KeymapTextError) {
        try lexer.expect(word: "xkb_keymap")
        if case .string = lexer.peek { lexer.advance() }
        try lexer.expect("{")
        while !lexer.skip("}") {
            guard case .word(let section) = lexer.next() else { throw .unexpectedToken }
            if case .string = lexer.peek { lexer.advance() }
            try lexer.expect("{")
            switch section {
            case hash("xkb_keycodes"): try parseCodes()
            case hash("xkb_types"): try parseTypes()
            case hash("xkb_symbols"): try parseSymbols()
            default: try lexer.skipBlock()
            }
            _ = lexer.skip(";")
        }
    }

    // MARK: Sections

    private mutating func parseCodes() throws(KeymapTextError) {
        while !lexer.skip("}") {
            switch lexer.next() {
            case .key(let name):
                try lexer.expect("=")
                guard case .number(let code) = lexer.next() else { throw .unexpectedToken }
                codes[name] = code
                guard codes.count <= 4096 else { throw .tooManyKeys }
                try lexer.expect(";")
            case .word(let word) where word == hash("alias"):
                guard case .key(let name) = lexer.next() else { throw .unexpectedToken }
                try lexer.expect("=")
                guard case .key(let other) = lexer.next() else { throw .unexpectedToken }
                if let code = codes[other] { codes[name] = code }
                try lexer.expect(";")
            case .end: throw .unterminated
            default: try lexer.skipStatement()
            }
        }
    }

    private mutating func parseTypes() throws(KeymapTextError) {
        while !lexer.skip("}") {
            guard case .word(let word) = lexer.next() else { throw lexer.isAtEnd ? .unterminated : .unexpectedToken }
            guard word == hash("type"), case .string(let name) = lexer.next() else {
                try lexer.skipStatement()
                continue
            }
            try lexer.expect("{")
            types[name] = try parseType()
            try lexer.expect(";")
        }
    }

    private mutating func parseType() throws(KeymapTextError) -> LevelType {
        var type = LevelType(mask: ModifierMask())
        while !lexer.skip("}") {
            guard case .word(let word) = lexer.next() else { throw .unexpectedToken }
            switch word {
            case hash("modifiers"):
                try lexer.expect("=")
                type.mask = try parseMask()
                try lexer.expect(";")
            case hash("map"):
                try lexer.expect("[")
                let mask = try parseMask()
                try lexer.expect("]")
                try lexer.expect("=")
                type.levels.append((mask, try parseLevel()))
                try lexer.expect(";")
            case hash("preserve"):
                try lexer.expect("[")
                let mask = try parseMask()
                try lexer.expect("]")
                try lexer.expect("=")
                type.preserved.append((mask, try parseMask()))
                try lexer.expect(";")
            default: try lexer.skipStatement()
            }
        }
        return type
    }

    /// A level's number from zero on; `2` and `Level2` are the same.
    private mutating func parseLevel() throws(KeymapTextError) -> Int {
        switch lexer.next() {
        case .number(let number) where number > 0 && number <= 64: return Int(number) - 1
        case .word(let word):
            for number in 1...8 where word == hash("Level", UInt8(ascii: "0") + UInt8(number)) { return number - 1 }
            throw .unexpectedToken
        default: throw .unexpectedToken
        }
    }

    private mutating func parseMask() throws(KeymapTextError) -> ModifierMask {
        var mask = ModifierMask()
        repeat {
            guard case .word(let word) = lexer.next() else { throw .unexpectedToken }
            if let real = realModifier(word) {
                mask.real |= real
            } else if word != hash("none") {
                mask.virtual.append(word)
            }
        } while lexer.skip("+")
        return mask
    }

    private mutating func parseSymbols() throws(KeymapTextError) {
        while !lexer.skip("}") {
            guard case .word(let word) = lexer.next() else { throw lexer.isAtEnd ? .unterminated : .unexpectedToken }
            switch word {
            case hash("key"):
                guard case .key(let name) = lexer.next() else { throw .unexpectedToken }
                try lexer.expect("{")
                try parseKey(name)
                try lexer.expect(";")
            case hash("modifier_map"):
                guard case .word(let modifier) = lexer.next() else { throw .unexpectedToken }
                try lexer.expect("{")
                while !lexer.skip("}") {
                    if case .key(let name) = lexer.peek, let real = realModifier(modifier) {
                        modifierMap[name, default: 0] |= real
                    }
                    if lexer.isAtEnd { throw .unterminated }
                    lexer.advance()
                }
                try lexer.expect(";")
            default: try lexer.skipStatement()
            }
        }
    }

    private mutating func parseKey(_ name: UInt64) throws(KeymapTextError) {
        var key = KeyDefinition(code: codes[name] ?? 0)
        var hasSymbols = false
        while !lexer.skip("}") {
            switch lexer.next() {
            case .punctuation(UInt8(ascii: "[")):
                // Groups follow one another: only the first is kept.
                let symbols = try parseSymbolList()
                if !hasSymbols { key.symbols = symbols }
                hasSymbols = true
            case .punctuation(UInt8(ascii: ",")): break
            case .word(let word):
                let group = try parseGroup()
                try lexer.expect("=")
                switch (word, lexer.peek) {
                case (hash("symbols"), .punctuation(UInt8(ascii: "["))):
                    lexer.advance()
                    let symbols = try parseSymbolList()
                    if group <= 1, !hasSymbols {
                        key.symbols = symbols
                        hasSymbols = true
                    }
                case (hash("type"), .string(let type)):
                    lexer.advance()
                    if group <= 1, key.type == 0 { key.type = type }
                case (hash("repeat"), .word(let value)):
                    lexer.advance()
                    key.repeats = value == hash("Yes") || value == hash("yes") || value == hash("True") || value == hash("true")
                default: try lexer.skipValue()
                }
            default: throw lexer.isAtEnd ? .unterminated : .unexpectedToken
            }
        }
        guard key.code != 0 else { return }
        keyIndex[name] = keys.count
        keys.append(key)
        guard keys.count <= 4096 else { throw .tooManyKeys }
    }

    /// `[Group2]` or nothing.
    private mutating func parseGroup() throws(KeymapTextError) -> Int {
        guard lexer.skip("[") else { return 1 }
        var group = 0
        switch lexer.next() {
        case .number(let number): group = Int(number)
        case .word(let word):
            for number in 1...4 where word == hash("Group", UInt8(ascii: "0") + UInt8(number)) { group = number }
        default: throw .unexpectedToken
        }
        try lexer.expect("]")
        return group
    }

    /// The symbols up to the closing bracket; of a level with several only the first counts.
    private mutating func parseSymbolList() throws(KeymapTextError) -> [UInt32] {
        var symbols: [UInt32] = []
        var nested = 0
        var takes = true
        while true {
            switch lexer.next() {
            case .word(let word):
                if takes { symbols.append(symbolNames[word]) }
                takes = false
            case .unicode(let scalar):
                if takes { symbols.append(KeysymTable.normalized(0x100_0000 + scalar)) }
                takes = false
            case .number(let number):
                if takes { symbols.append(number < 10 ? 0x30 + number : KeysymTable.normalized(number)) }
                takes = false
            case .punctuation(UInt8(ascii: "{")): nested += 1
            case .punctuation(UInt8(ascii: "}")): nested -= 1
            case .punctuation(UInt8(ascii: ",")): if nested == 0 { takes = true }
            case .punctuation(UInt8(ascii: "]")): return symbols
            default: throw lexer.isAtEnd ? .unterminated : .unexpectedToken
            }
            guard symbols.count <= 64 else { throw .unexpectedToken }
        }
    }
}

/// X's eight modifiers.
func realModifier(_ word: UInt64) -> UInt32? {
    switch word {
    case hash("Shift"): 1
    case hash("Lock"): 2
    case hash("Control"): 4
    case hash("Mod1"): 8
    case hash("Mod2"): 16
    case hash("Mod3"): 32
    case hash("Mod4"): 64
    case hash("Mod5"): 128
    default: nil
    }
}
