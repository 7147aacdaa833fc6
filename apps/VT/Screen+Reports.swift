// Questions of programs and operating system commands.

extension Screen {
    /// DA1: a VT220 with colour.
    mutating func reportDeviceAttributes() { reply("\u{1B}[?62;22c") }

    /// DSR.
    mutating func reportStatus(_ kind: Int, isPrivate: Bool) {
        let row = cursor.row + 1 - (modes.origin ? region.lowerBound : 0)
        switch (kind, isPrivate) {
        case (5, false): reply("\u{1B}[0n")
        // `CSI 1 ; m R` is also F3 with modifiers. A leading zero, which means nothing else, keeps the two apart: busybox, for
        // one, takes some of these answers for the beginning of a key and throws away what is typed right after them.
        case (6, false): reply("\u{1B}[\(row == 1 ? "01" : "\(row)");\(cursor.column + 1)R")
        case (6, true): reply("\u{1B}[?\(row);\(cursor.column + 1);1R")
        default: break
        }
    }

    /// DECRQM.
    mutating func reportMode(_ mode: Int, isPrivate: Bool) {
        let state: Bool?
        if isPrivate {
            state = privateMode(mode)
        } else {
            state = mode == 4 ? modes.insert : mode == 20 ? modes.newLine : nil
        }
        let answer = state.map { $0 ? 1 : 2 } ?? 0
        reply("\u{1B}[\(isPrivate ? "?" : "")\(mode);\(answer)$y")
    }

    public mutating func operatingSystemCommand(_ bytes: [UInt8]) {
        let end = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
        guard end > 0, end <= 3 else { return }
        var number = 0
        for byte in bytes[..<end] {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        let text = bytes[min(end + 1, bytes.count)...]
        switch number {
        case 0, 2: title = sanitized(text)
        case 4: paletteEntries(text)
        case 10, 11, 12: dynamicColor(number, text)
        case 104:
            if text.isEmpty { palette.resetAll() }
            for part in text.split(separator: UInt8(ascii: ";")) {
                if let index = decimal(part), index < 256 { palette.reset(index) }
            }
            damageAll()
        case 110, 111, 112:
            palette.resetDynamic(number - 100)
            damageAll()
        default: break
        }
    }

    /// Text for people: no control characters, well-formed, not endless.
    private func sanitized(_ bytes: ArraySlice<UInt8>) -> String {
        var result = ""
        for scalar in String(decoding: bytes.prefix(1024), as: UTF8.self).unicodeScalars
        where scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value) && !(0x202A...0x202E).contains(scalar.value) {
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    /// OSC 4: pairs of an entry and a colour or `?`.
    private mutating func paletteEntries(_ text: ArraySlice<UInt8>) {
        let parts = text.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        var position = 0
        while position + 1 < parts.count {
            if let index = decimal(parts[position]), index < 256 {
                if parts[position + 1].elementsEqual([UInt8(ascii: "?")]) {
                    reply("\u{1B}]4;\(index);\(colorText(palette[index]))\u{1B}\\")
                } else if let color = parseColor(parts[position + 1]) {
                    palette[index] = color
                    damageAll()
                }
            }
            position += 2
        }
    }

    /// OSC 10, 11, 12: foreground, background, cursor.
    private mutating func dynamicColor(_ number: Int, _ text: ArraySlice<UInt8>) {
        if text.elementsEqual([UInt8(ascii: "?")]) {
            reply("\u{1B}]\(number);\(colorText(palette.dynamic(number)))\u{1B}\\")
        } else if let color = parseColor(text) {
            palette.setDynamic(number, color)
            damageAll()
        }
    }
}

/// A short decimal number.
private func decimal(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard !bytes.isEmpty, bytes.count <= 3 else { return nil }
    var value = 0
    for byte in bytes {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return value
}

private func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
}

/// `#RRGGBB` or `rgb:R/G/B` with one to four digits each (XParseColor(3)).
private func parseColor(_ text: ArraySlice<UInt8>) -> UInt32? {
    var parts: [ArraySlice<UInt8>] = []
    if text.first == UInt8(ascii: "#"), text.count == 7 {
        let digits = text.dropFirst()
        parts = [digits.prefix(2), digits.dropFirst(2).prefix(2), digits.suffix(2)]
    } else if text.starts(with: "rgb:".utf8) {
        parts = text.dropFirst(4).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    }
    guard parts.count == 3 else { return nil }
    var color: UInt32 = 0
    for part in parts {
        guard !part.isEmpty, part.count <= 4 else { return nil }
        var value: UInt32 = 0
        for byte in part {
            guard let digit = hexDigit(byte) else { return nil }
            value = value << 4 | digit
        }
        let full = UInt32(1) << UInt32(4 * part.count) - 1
        color = color << 8 | (value * 255 + full / 2) / full
    }
    return color
}

/// A colour as xterm reports it, with sixteen bits a channel.
private func colorText(_ color: UInt32) -> String {
    var result = "rgb:"
    for shift: UInt32 in [16, 8, 0] {
        let byte = color >> shift & 0xFF
        let digits = String(byte, radix: 16)
        let two = digits.utf8.count == 1 ? "0" + digits : digits
        result += two + two
        if shift != 0 { result += "/" }
    }
    return result
}
