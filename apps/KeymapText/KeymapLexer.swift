// The words of a keymap text. Names are compared by their hashes: a text has thousands, and none of them is shown.

enum KeymapToken: Equatable {
    /// An identifier, by its hash.
    case word(UInt64)
    /// A quoted string, by its hash.
    case string(UInt64)
    /// A key name in angle brackets, by its hash.
    case key(UInt64)
    case number(UInt32)
    /// The keysym of a character by its number, `U20AC`.
    case unicode(UInt32)
    case punctuation(UInt8)
    case end
}

/// FNV-1a, 64 bits.
func hash(_ text: StaticString) -> UInt64 {
    hash(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
}

func hash(_ text: StaticString, _ last: UInt8) -> UInt64 { (hash(text) ^ UInt64(last)) &* 0x100_0000_01B3 }

func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return value
}

struct KeymapLexer {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private(set) var peek = KeymapToken.end

    init(_ text: UnsafeRawBufferPointer) {
        bytes = text.bindMemory(to: UInt8.self)
        peek = read()
    }

    var isAtEnd: Bool { peek == .end }

    mutating func advance() { peek = read() }

    mutating func next() -> KeymapToken {
        let token = peek
        advance()
        return token
    }

    /// Takes a punctuation mark if it is next.
    mutating func skip(_ mark: Unicode.Scalar) -> Bool {
        guard peek == .punctuation(UInt8(truncatingIfNeeded: mark.value)) else { return false }
        advance()
        return true
    }

    mutating func expect(_ mark: Unicode.Scalar) throws(KeymapTextError) {
        guard skip(mark) else { throw isAtEnd ? .unterminated : .unexpectedToken }
    }

    mutating func expect(word: StaticString) throws(KeymapTextError) {
        guard next() == .word(hash(word)) else { throw .unexpectedToken }
    }

    /// Skips to the brace that closes the block that is open.
    mutating func skipBlock() throws(KeymapTextError) {
        var depth = 1
        while depth > 0 {
            switch next() {
            case .punctuation(UInt8(ascii: "{")): depth += 1
            case .punctuation(UInt8(ascii: "}")): depth -= 1
            case .end: throw .unterminated
            default: break
            }
        }
    }

    /// Skips past the semicolon that ends the statement.
    mutating func skipStatement() throws(KeymapTextError) {
        while true {
            switch next() {
            case .punctuation(UInt8(ascii: ";")): return
            case .punctuation(UInt8(ascii: "{")): try skipBlock()
            case .end: throw .unterminated
            default: break
            }
        }
    }

    /// Skips a value in a key's body, up to the comma or brace that ends it.
    mutating func skipValue() throws(KeymapTextError) {
        var depth = 0
        while true {
            switch peek {
            case .punctuation(UInt8(ascii: "[")), .punctuation(UInt8(ascii: "(")): depth += 1
            case .punctuation(UInt8(ascii: "]")), .punctuation(UInt8(ascii: ")")): depth -= 1
            case .punctuation(UInt8(ascii: ",")) where depth <= 0: return
            case .punctuation(UInt8(ascii: "}")) where depth <= 0: return
            case .end: throw .unterminated
            default: break
            }
            advance()
        }
    }

    private mutating func read() -> KeymapToken {
        skipSpace()
        guard position < bytes.count else { return .end }
        let byte = bytes[position]
        if KeymapLexer.isWord(byte) { return readWord() }
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return .string(readUntil(UInt8(ascii: "\"")))
        case UInt8(ascii: "<"): return .key(readUntil(UInt8(ascii: ">")))
        case 0: return .end
        default: return .punctuation(byte)
        }
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "#")
                || byte == UInt8(ascii: "/") && position + 1 < bytes.count
                    && bytes[position + 1] == UInt8(ascii: "/")
            {
                while position < bytes.count, bytes[position] != 0x0A { position += 1 }
            } else if byte == 0x20 || byte >= 0x09 && byte <= 0x0D {
                position += 1
            } else {
                return
            }
        }
    }

    private mutating func readUntil(_ end: UInt8) -> UInt64 {
        let start = position
        while position < bytes.count, bytes[position] != end { position += 1 }
        let text = UnsafeBufferPointer(rebasing: bytes[start..<position])
        if position < bytes.count { position += 1 }
        return hash(text)
    }

    private mutating func readWord() -> KeymapToken {
        let start = position
        while position < bytes.count, KeymapLexer.isWord(bytes[position]) { position += 1 }
        let text = UnsafeBufferPointer(rebasing: bytes[start..<position])
        if let number = KeymapLexer.number(text) { return .number(number) }
        if let scalar = KeymapLexer.unicode(text) { return .unicode(scalar) }
        return .word(hash(text))
    }

    /// `U` and four to six hexadecimal digits.
    private static func unicode(_ text: UnsafeBufferPointer<UInt8>) -> UInt32? {
        guard text.count >= 5, text.count <= 7, text[0] == UInt8(ascii: "U") else { return nil }
        var value: UInt32 = 0
        for byte in text[1...] {
            guard let digit = digit(byte) else { return nil }
            value = value << 4 | digit
        }
        return Unicode.Scalar(value)?.value
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// A decimal number, or a hexadecimal one after `0x`.
    private static func number(_ text: UnsafeBufferPointer<UInt8>) -> UInt32? {
        let isHexadecimal = text.count > 2 && text[0] == UInt8(ascii: "0") && text[1] == UInt8(ascii: "x")
        var value: UInt64 = 0
        for index in (isHexadecimal ? 2 : 0)..<text.count {
            guard let digit = digit(text[index]), digit < (isHexadecimal ? 16 : 10) else { return nil }
            value = value * (isHexadecimal ? 16 : 10) + UInt64(digit)
            guard value <= UInt64(UInt32.max) else { return nil }
        }
        return UInt32(value)
    }

    static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
