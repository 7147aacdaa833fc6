import ABI

/// The comma-separated options of mount(2): `size=16m,mode=0755`.
public struct MountOptions: Sequence, IteratorProtocol {
    public struct Option {
        public let nameBytes: [UInt8]
        public let value: [UInt8]

        /// Whether the option has this name; lets `switch` match it.
        public var name: Name { Name(bytes: nameBytes) }

        /// The value as a number.
        public func number(radix: Int = 10) throws(Errno) -> Int {
            guard let number = MountOptions.number(value, radix: radix) else { throw .invalidArgument }
            return number
        }
    }

    /// A name that patterns compare bytewise.
    public struct Name {
        let bytes: [UInt8]
    }

    private let text: [UInt8]
    private var position = 0

    public init(_ text: [UInt8]) { self.text = text }

    public mutating func next() -> Option? {
        while position < text.count, text[position] == UInt8(ascii: ",") { position += 1 }
        guard position < text.count else { return nil }
        var name: [UInt8] = [], value: [UInt8] = []
        var hasValue = false
        while position < text.count, text[position] != UInt8(ascii: ",") {
            let byte = text[position]
            if !hasValue, byte == UInt8(ascii: "=") {
                hasValue = true
            } else if hasValue {
                value.append(byte)
            } else {
                name.append(byte)
            }
            position += 1
        }
        return Option(nameBytes: name, value: value)
    }

    /// A number without sign; nil when the text is empty, has other characters or is too large.
    public static func number(_ text: [UInt8], radix: Int) -> Int? {
        guard !text.isEmpty else { return nil }
        var result = 0
        for byte in text {
            guard byte >= UInt8(ascii: "0"), Int(byte - UInt8(ascii: "0")) < radix else { return nil }
            let (product, overflow) = result.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            if overflow || carry { return nil }
            result = sum
        }
        return result
    }
}

public func ~= (pattern: StaticString, name: MountOptions.Name) -> Bool { pattern.equals(name.bytes) }
