// SGR: colours and attributes of the characters to come (ECMA-48 8.3.117, ITU-T T.416 for direct colour).

extension Screen {
    mutating func selectGraphicRendition(_ sequence: ControlSequence) {
        if sequence.parameterCount == 0 { pen = Style() }
        var index = 0
        while index < sequence.parameterCount {
            let value = sequence.raw(index)
            switch value {
            case 38, 48, 58:
                let (color, next) = extendedColor(sequence, index)
                if let color, value == 38 { pen.foreground = color }
                if let color, value == 48 { pen.background = color }
                index = next
                continue
            case 4: setUnderline(sequence.isSubparameter(index + 1) ? sequence.raw(index + 1) : 1)
            default: setRendition(value)
            }
            index += 1
            while sequence.isSubparameter(index) { index += 1 }
        }
    }

    private mutating func setUnderline(_ kind: Int) {
        pen.attributes.subtract(.anyUnderline)
        switch kind {
        case 0: break
        case 2: pen.attributes.insert(.doubleUnderline)
        case 3: pen.attributes.insert(.curlyUnderline)
        default: pen.attributes.insert(.underline)
        }
    }

    private mutating func setRendition(_ value: Int) {
        switch value {
        case 0: pen = Style()
        case 1: pen.attributes.insert(.bold)
        case 2: pen.attributes.insert(.dim)
        case 3: pen.attributes.insert(.italic)
        case 5, 6: pen.attributes.insert(.blink)
        case 7: pen.attributes.insert(.inverse)
        case 8: pen.attributes.insert(.hidden)
        case 9: pen.attributes.insert(.strikethrough)
        case 21: setUnderline(2)
        case 22: pen.attributes.subtract([.bold, .dim])
        case 23: pen.attributes.remove(.italic)
        case 24: setUnderline(0)
        case 25: pen.attributes.remove(.blink)
        case 27: pen.attributes.remove(.inverse)
        case 28: pen.attributes.remove(.hidden)
        case 29: pen.attributes.remove(.strikethrough)
        case 30...37: pen.foreground = .indexed(UInt8(value - 30))
        case 39: pen.foreground = .default
        case 40...47: pen.background = .indexed(UInt8(value - 40))
        case 49: pen.background = .default
        case 53: pen.attributes.insert(.overline)
        case 55: pen.attributes.remove(.overline)
        case 90...97: pen.foreground = .indexed(UInt8(value - 90 + 8))
        case 100...107: pen.background = .indexed(UInt8(value - 100 + 8))
        default: break
        }
    }

    /// The colour after 38, 48 or 58 and where the next attribute starts. With colons: `38:5:n`, `38:2:r:g:b` or
    /// `38:2:space:r:g:b`; with semicolons, which is what most programs send: `38;5;n` and `38;2;r;g;b`.
    private func extendedColor(_ sequence: ControlSequence, _ start: Int) -> (Color?, Int) {
        if sequence.isSubparameter(start + 1) {
            var end = start + 1
            while sequence.isSubparameter(end) { end += 1 }
            let count = end - start - 1
            if sequence.raw(start + 1) == 5, count >= 2 { return (indexed(sequence.raw(start + 2)), end) }
            if sequence.raw(start + 1) == 2, count >= 4 {
                return (direct(sequence, start + (count >= 5 ? 3 : 2)), end)
            }
            return (nil, end)
        }
        switch sequence.raw(start + 1) {
        case 5 where start + 2 < sequence.parameterCount: return (indexed(sequence.raw(start + 2)), start + 3)
        case 2 where start + 4 < sequence.parameterCount: return (direct(sequence, start + 2), start + 5)
        default: return (nil, sequence.parameterCount)
        }
    }

    private func indexed(_ value: Int) -> Color? { value < 256 ? .indexed(UInt8(value)) : nil }

    private func direct(_ sequence: ControlSequence, _ start: Int) -> Color? {
        var color: UInt32 = 0
        for index in start..<start + 3 {
            guard sequence.raw(index) < 256 else { return nil }
            color = color << 8 | UInt32(sequence.raw(index))
        }
        return .rgb(color)
    }
}
