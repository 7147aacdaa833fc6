import ABI

// Echoing: operations are queued while bytes are received, and written when the block ends or the queue grows.
extension LineDiscipline {
    /// Echoes a character, control characters as `^X` with ECHOCTL.
    mutating func echoCharacter(_ c: UInt8) {
        if c == 0xFF {
            echo.append(.verbatim, c)
        } else if has(local: LocalMode.echoControl), isControlCharacter(c), c != 0x09 {
            echo.append(.caret, c)
        } else {
            echo.append(.byte, c)
        }
    }

    /// Echoes a character of the line; its first one fixes the column where the line starts.
    mutating func echoTyped(_ c: UInt8) {
        if lineEnd == head { echo.append(.setLineStart) }
        echoCharacter(c)
    }

    mutating func finishErasing() {
        if isErasing {
            echo.append(.byte, 0x2F)
            isErasing = false
        }
    }

    mutating func commitEchoes(_ output: inout some TerminalOutput & ~Copyable) {
        if echo.count >= 256 { processEchoes(&output) }
    }

    /// Writes queued echoes as far as the output has room.
    mutating func processEchoes(_ output: inout some TerminalOutput & ~Copyable) {
        if isStopped || echo.isEmpty { return }
        effects.insert(.transmit)
        while let (kind, value) = echo.first {
            switch kind {
            case .byte:
                if has(output: OutputMode.process) {
                    guard writeProcessed(value, &output) else { return }
                } else {
                    guard output.room > 0 else { return }
                    output.put(value)
                }
            case .verbatim:
                guard output.room > 0 else { return }
                output.put(value)
                column += 1
            case .caret:
                guard output.room >= 2 else { return }
                output.put(0x5E)
                output.put(value ^ 0x40)
                column += 2
            case .moveBack:
                if column > 0 { column -= 1 }
            case .setLineStart:
                lineStartColumn = column
            case .eraseTab:
                let before = value & 0x80 != 0 ? Int(value) : Int(value) + lineStartColumn
                let backspaces = 8 - (before & 7)
                guard output.room >= backspaces else { return }
                for _ in 0..<backspaces { output.put(0x08) }
                column = max(0, column - backspaces)
            }
            echo.removeFirst()
        }
    }
}
