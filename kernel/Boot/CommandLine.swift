import Support

/// The kernel's command line: words, some of them `name=value`. Names are Linux's where Linux has them.
struct CommandLine {
    private let words: [[UInt8]]
    let text: [UInt8]

    init(_ bytes: [UInt8]) {
        text = bytes
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        for byte in bytes {
            if byte == 32 || byte == 9 || byte == 10 {
                if !word.isEmpty { words.append(word) }
                word = []
            } else {
                word.append(byte)
            }
        }
        if !word.isEmpty { words.append(word) }
        self.words = words
    }

    /// Whether the bare word is present.
    func has(_ name: StaticString) -> Bool {
        for word in words where word.elementsEqual(bytes(of: name)) { return true }
        return false
    }

    /// The value of the last `name=value`; nil when there is none.
    func value(_ name: StaticString) -> [UInt8]? {
        let key = bytes(of: name)
        for word in words.reversed() where word.count > key.count && word[key.count] == UInt8(ascii: "=") {
            if word.prefix(key.count).elementsEqual(key) { return Array(word.dropFirst(key.count + 1)) }
        }
        return nil
    }

    /// The value as a decimal number.
    func number(_ name: StaticString) -> Int? {
        guard let digits = value(name), !digits.isEmpty, digits.count < 10 else { return nil }
        var number = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            number = number * 10 + Int(digit - 48)
        }
        return number
    }

    private func bytes(of name: StaticString) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    }
}
