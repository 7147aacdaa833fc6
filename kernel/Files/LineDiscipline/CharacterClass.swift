// Character classes as terminals see bytes: ASCII and Latin-1, without any locale.

@inline(__always)
func isControlCharacter(_ c: UInt8) -> Bool { c < 32 || c == 127 }

@inline(__always)
func isLatinLetter(_ c: UInt8) -> Bool { c >= 0xC0 && c != 0xD7 && c != 0xF7 }

@inline(__always)
func isWordCharacter(_ c: UInt8) -> Bool {
    (c >= 0x30 && c <= 0x39) || (c | 0x20 >= 0x61 && c | 0x20 <= 0x7A) || c == 0x5F || isLatinLetter(c)
}

@inline(__always)
func lowercased(_ c: UInt8) -> UInt8 {
    (c >= 0x41 && c <= 0x5A) || (c >= 0xC0 && c <= 0xDE && c != 0xD7) ? c &+ 32 : c
}

@inline(__always)
func uppercased(_ c: UInt8) -> UInt8 {
    (c >= 0x61 && c <= 0x7A) || (c >= 0xDF && c != 0xF7) ? c &- 32 : c
}
