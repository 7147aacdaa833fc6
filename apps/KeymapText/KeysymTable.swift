// From the names of keysyms to their values.

import Keymap

struct KeysymTable {
    private var values: [UInt64: UInt32] = [:]

    init() {
        values.reserveCapacity(1400)
        let text = UnsafeBufferPointer(start: keysymNames.utf8Start, count: keysymNames.utf8CodeUnitCount)
        var value: UInt32 = 0
        var start = 0
        for index in 0...text.count where index == text.count || text[index] == 0x20 || text[index] == 0x0A {
            if index > start {
                if text[start] == UInt8(ascii: "#") {
                    value = 0
                    for digit in text[(start + 1)..<index] { value = value << 4 | (KeymapLexer.digit(digit) ?? 0) }
                } else {
                    values[hash(UnsafeBufferPointer(rebasing: text[start..<index]))] = value
                    value += 1
                }
            }
            start = index + 1
        }
    }

    subscript(_ name: UInt64) -> UInt32 { values[name] ?? 0 }

    /// Latin-1 has one form only.
    static func normalized(_ value: UInt32) -> UInt32 {
        (0x100_0020...0x100_00FF).contains(value) ? value - 0x100_0000 : value
    }
}
