// The meaning of control functions: which method each final byte calls.

extension Screen: ParserActions {
    public mutating func print(_ scalar: UInt32) { write(scalar) }

    public mutating func printASCII(_ run: UnsafeBufferPointer<UInt8>) {
        if charsets.isASCII, !modes.insert {
            writeASCII(run)
        } else {
            for byte in run { write(charsets.isASCII ? UInt32(byte) : Charsets.specialGraphics(byte)) }
        }
    }

    public mutating func execute(_ control: UInt8) {
        switch control {
        case 0x07: bellCount &+= 1
        case 0x08: move(columns: -1)
        case 0x09: tabForward(1)
        case 0x0A, 0x0B, 0x0C:
            index()
            if modes.newLine { cursor.column = 0 }
        case 0x0D: moveTo(column: 0)
        case 0x0E: charsets.shift(toG1: true)
        case 0x0F: charsets.shift(toG1: false)
        default: break
        }
    }

    public mutating func escape(intermediate: UInt8, final: UInt8) {
        let set: Charsets.Set = final == UInt8(ascii: "0") ? .decSpecialGraphics : .ascii
        switch (intermediate, final) {
        case (UInt8(ascii: "("), _): charsets.designate(g1: false, set)
        case (UInt8(ascii: ")"), _): charsets.designate(g1: true, set)
        case (UInt8(ascii: "#"), UInt8(ascii: "8")): alignmentPattern()
        case (0, UInt8(ascii: "7")): saveCursor()
        case (0, UInt8(ascii: "8")): restoreCursor()
        case (0, UInt8(ascii: "=")): modes.applicationKeypad = true
        case (0, UInt8(ascii: ">")): modes.applicationKeypad = false
        case (0, UInt8(ascii: "D")): index()
        case (0, UInt8(ascii: "E")):
            index()
            cursor.column = 0
        case (0, UInt8(ascii: "H")): tabStops[cursor.column] = true
        case (0, UInt8(ascii: "M")): reverseIndex()
        case (0, UInt8(ascii: "Z")): reportDeviceAttributes()
        case (0, UInt8(ascii: "c")): fullReset()
        default: break
        }
    }

    public mutating func dispatch(_ sequence: ControlSequence) {
        switch (sequence.marker, sequence.intermediate) {
        case (0, 0): dispatchPlain(sequence)
        case (UInt8(ascii: "?"), 0): dispatchPrivate(sequence)
        case (UInt8(ascii: ">"), 0):
            if sequence.final == UInt8(ascii: "c"), sequence.raw(0) == 0 { reply("\u{1B}[>1;10;0c") }
            if sequence.final == UInt8(ascii: "q"), sequence.raw(0) == 0 { reply("\u{1B}P>|Martlet 1\u{1B}\\") }
        case (0, UInt8(ascii: " ")):
            if sequence.final == UInt8(ascii: "q") { setCursorShape(sequence.raw(0)) }
        case (0, UInt8(ascii: "!")):
            if sequence.final == UInt8(ascii: "p") { softReset() }
        case (let marker, UInt8(ascii: "$")):
            if sequence.final == UInt8(ascii: "p") { reportMode(sequence.raw(0), isPrivate: marker == UInt8(ascii: "?")) }
        default: break
        }
    }

    private mutating func dispatchPlain(_ sequence: ControlSequence) {
        let count = sequence.parameter(0, default: 1)
        switch Unicode.Scalar(sequence.final) {
        case "@": insertCells(count)
        case "A": move(rows: -count)
        case "B", "e": move(rows: count)
        case "C", "a": move(columns: count)
        case "D": move(columns: -count)
        case "E":
            move(rows: count)
            moveTo(column: 0)
        case "F":
            move(rows: -count)
            moveTo(column: 0)
        case "G", "`": moveTo(column: count - 1)
        case "H", "f": moveTo(row: count - 1, column: sequence.parameter(1, default: 1) - 1)
        case "I": tabForward(count)
        case "J": eraseInDisplay(sequence.raw(0))
        case "K": eraseInLine(sequence.raw(0))
        case "L" where region.contains(cursor.row):
            scrollDown(count, from: cursor.row)
            moveTo(column: 0)
        case "M" where region.contains(cursor.row):
            deleteRows(count, from: cursor.row)
            moveTo(column: 0)
        case "P": deleteCells(count)
        case "S": scrollUp(count)
        case "T" where sequence.parameterCount < 2: scrollDown(count, from: region.lowerBound)
        case "X":
            erase(cursor.row, cursor.column..<min(cursor.column + count, columns))
            cursor.pendingWrap = false
        case "Z": tabBackward(count)
        case "b" where lastPrinted != 0:
            for _ in 0..<min(count, columns * rows) { write(lastPrinted) }
        case "c" where sequence.raw(0) == 0: reportDeviceAttributes()
        case "d": moveTo(row: count - 1, column: cursor.column)
        case "g": clearTabs(sequence.raw(0))
        case "h": setModes(sequence, true)
        case "l": setModes(sequence, false)
        case "m": selectGraphicRendition(sequence)
        case "n": reportStatus(sequence.raw(0), isPrivate: false)
        case "r": setRegion(sequence)
        case "s": saveCursor()
        case "t": if sequence.raw(0) == 18 { reply("\u{1B}[8;\(rows);\(columns)t") }
        case "u": restoreCursor()
        default: break
        }
    }

    private mutating func dispatchPrivate(_ sequence: ControlSequence) {
        switch Unicode.Scalar(sequence.final) {
        case "J": eraseInDisplay(sequence.raw(0))
        case "K": eraseInLine(sequence.raw(0))
        case "h": for index in 0..<sequence.parameterCount { setPrivateMode(sequence.raw(index), true) }
        case "l": for index in 0..<sequence.parameterCount { setPrivateMode(sequence.raw(index), false) }
        case "n": reportStatus(sequence.raw(0), isPrivate: true)
        default: break
        }
    }

    private mutating func setRegion(_ sequence: ControlSequence) {
        let top = sequence.parameter(0, default: 1) - 1
        let bottom = min(sequence.parameter(1, default: rows), rows)
        guard top + 1 < bottom else { return }
        region = top..<bottom
        moveTo(row: 0, column: 0)
    }

    private mutating func setCursorShape(_ number: Int) {
        switch number {
        case 0...2: cursorShape = .block
        case 3, 4: cursorShape = .underline
        case 5, 6: cursorShape = .bar
        default: break
        }
    }

    // MARK: Modes

    private mutating func setModes(_ sequence: ControlSequence, _ on: Bool) {
        for index in 0..<sequence.parameterCount {
            switch sequence.raw(index) {
            case 4: modes.insert = on
            case 20: modes.newLine = on
            default: break
            }
        }
    }

    private mutating func setPrivateMode(_ mode: Int, _ on: Bool) {
        switch mode {
        case 1: modes.applicationCursorKeys = on
        case 5:
            if modes.reverseVideo != on { damageAll() }
            modes.reverseVideo = on
        case 6:
            modes.origin = on
            moveTo(row: 0, column: 0)
        case 7:
            modes.autowrap = on
            cursor.pendingWrap = false
        case 9: modes.mouse = on ? .press : .off
        case 25: modes.cursorVisible = on
        case 47: setAlternate(on)
        case 66: modes.applicationKeypad = on
        case 1000: modes.mouse = on ? .normal : .off
        case 1002: modes.mouse = on ? .drag : .off
        case 1003: modes.mouse = on ? .motion : .off
        case 1004: modes.focusReporting = on
        case 1006: modes.mouseSGR = on
        case 1007: modes.alternateScroll = on
        case 1047:
            if !on, isAlternate { eraseRows(0..<rows) }
            setAlternate(on)
        case 1048: if on { saveCursor() } else { restoreCursor() }
        case 1049: setAlternateSavingCursor(on)
        case 2004: modes.bracketedPaste = on
        default: break
        }
    }

    private mutating func setAlternateSavingCursor(_ on: Bool) {
        if on {
            guard !isAlternate else { return }
            saveCursor()
            setAlternate(true)
            eraseRows(0..<rows)
        } else {
            guard isAlternate else { return }
            setAlternate(false)
            restoreCursor()
        }
    }

    /// The state of a private mode for DECRQM; nil for one that is not known.
    func privateMode(_ mode: Int) -> Bool? {
        switch mode {
        case 1: modes.applicationCursorKeys
        case 5: modes.reverseVideo
        case 6: modes.origin
        case 7: modes.autowrap
        case 9: modes.mouse == .press
        case 25: modes.cursorVisible
        case 47, 1047, 1049: isAlternate
        case 66: modes.applicationKeypad
        case 1000: modes.mouse == .normal
        case 1002: modes.mouse == .drag
        case 1003: modes.mouse == .motion
        case 1004: modes.focusReporting
        case 1006: modes.mouseSGR
        case 1007: modes.alternateScroll
        case 2004: modes.bracketedPaste
        default: nil
        }
    }
}
