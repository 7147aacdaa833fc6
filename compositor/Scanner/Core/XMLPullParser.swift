// The subset of XML 1.0 that protocol descriptions use: elements, attributes, text, comments, the five named
// entities and character references. No DTD, no namespaces.

/// What the parser found next.
public enum XMLEvent: Equatable, Sendable {
    case start(name: String, attributes: [String: String])
    case end(name: String)
    case text(String)
}

public struct XMLError: Error, Equatable, Sendable {
    public let line: Int
    public let reason: String
}

/// Hands out the events of a document one by one.
public struct XMLPullParser {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var open: [String] = []
    /// The end event that a self-closing element still owes.
    private var pendingEnd: String?

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next event, or nil at the end of a well-formed document.
    public mutating func next() throws(XMLError) -> XMLEvent? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name: name)
        }
        while position < bytes.count {
            if bytes[position] != UInt8(ascii: "<") { return .text(try text()) }
            if skip("<!--") {
                try skipPast("-->", "a comment is not closed")
            } else if skip("<?") {
                try skipPast("?>", "a processing instruction is not closed")
            } else if skip("<!") {
                try skipPast(">", "a declaration is not closed")
            } else if skip("</") {
                let name = try self.name()
                skipSpace()
                guard skip(">") else { throw failure("an end tag is not closed") }
                guard open.popLast() == name else { throw failure("</\(name)> closes nothing") }
                return .end(name: name)
            } else {
                return try startTag()
            }
        }
        if let name = open.last { throw failure("<\(name)> is not closed") }
        return nil
    }

    private mutating func startTag() throws(XMLError) -> XMLEvent {
        advance()
        let name = try self.name()
        var attributes: [String: String] = [:]
        while true {
            skipSpace()
            if skip("/>") {
                pendingEnd = name
                break
            }
            if skip(">") {
                open.append(name)
                break
            }
            let key = try self.name()
            skipSpace()
            guard skip("=") else { throw failure("attribute \(key) has no value") }
            skipSpace()
            guard attributes.updateValue(try quoted(), forKey: key) == nil else { throw failure("attribute \(key) is repeated") }
        }
        return .start(name: name, attributes: attributes)
    }

    private mutating func quoted() throws(XMLError) -> String {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") || bytes[position] == UInt8(ascii: "'") else {
            throw failure("a value is not quoted")
        }
        let quote = bytes[position]
        advance()
        let value = try characters { $0 == quote }
        guard position < bytes.count else { throw failure("a value is not closed") }
        advance()
        return value
    }

    private mutating func text() throws(XMLError) -> String { try characters { $0 == UInt8(ascii: "<") } }

    /// Characters with their references resolved, up to one that `stop` accepts.
    private mutating func characters(until stop: (UInt8) -> Bool) throws(XMLError) -> String {
        var result: [UInt8] = []
        while position < bytes.count, !stop(bytes[position]) {
            if bytes[position] == UInt8(ascii: "&") {
                result.append(contentsOf: Array(try reference().utf8))
            } else {
                result.append(bytes[position])
                advance()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private mutating func reference() throws(XMLError) -> String {
        advance()
        var name = ""
        while position < bytes.count, bytes[position] != UInt8(ascii: ";"), name.utf8.count < 12 {
            name.unicodeScalars.append(Unicode.Scalar(bytes[position]))
            advance()
        }
        guard skip(";") else { throw failure("a reference is not closed") }
        switch name {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        case "apos": return "'"
        default:
            let value =
                name.hasPrefix("#x")
                ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst(), radix: 10) : nil
            guard let value, let scalar = Unicode.Scalar(value) else { throw failure("unknown entity \(name)") }
            return String(Character(scalar))
        }
    }

    private mutating func name() throws(XMLError) -> String {
        let start = position
        while position < bytes.count, isNameByte(bytes[position]) { advance() }
        guard position > start else { throw failure("a name is missing") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"), 0x80...0xff:
            true
        default: false
        }
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { advance() }
    }

    private mutating func skip(_ literal: String) -> Bool {
        let wanted = Array(literal.utf8)
        guard position + wanted.count <= bytes.count, bytes[position..<(position + wanted.count)].elementsEqual(wanted) else {
            return false
        }
        for _ in wanted { advance() }
        return true
    }

    private mutating func skipPast(_ literal: String, _ reason: String) throws(XMLError) {
        while !skip(literal) {
            guard position < bytes.count else { throw failure(reason) }
            advance()
        }
    }

    private mutating func advance() {
        if bytes[position] == 0x0a { line += 1 }
        position += 1
    }

    private func failure(_ reason: String) -> XMLError { XMLError(line: line, reason: reason) }
}
