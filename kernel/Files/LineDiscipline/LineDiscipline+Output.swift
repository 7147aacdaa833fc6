import ABI

// The output side: post-processing of what programs write (OPOST).
extension LineDiscipline {
    /// Writes as many of the bytes as the output has room for.
    /// - Returns: how many bytes were consumed, and what has to be done.
    public mutating func write(
        _ bytes: UnsafeBufferPointer<UInt8>, _ output: inout some TerminalOutput & ~Copyable
    ) -> (taken: Int, effects: TerminalEffects) {
        effects = []
        processEchoes(&output)
        if isStopped || bytes.isEmpty { return (0, effects) }
        var taken = 0
        if has(output: OutputMode.process) {
            while taken < bytes.count {
                let run = plainRun(UnsafeBufferPointer(rebasing: bytes[taken...]), room: output.room)
                if run > 0 {
                    taken += output.put(UnsafeBufferPointer(rebasing: bytes[taken..<taken + run]))
                    if taken == bytes.count { break }
                }
                guard writeProcessed(bytes[taken], &output) else { break }
                taken += 1
            }
        } else {
            taken = output.put(bytes)
        }
        if taken > 0 { effects.insert(.transmit) }
        return (taken, effects)
    }

    /// Output is waiting to be written (echoes that found no room).
    public var hasPendingEcho: Bool { !echo.isEmpty }

    /// Writes waiting echoes: called when the output has room again.
    public mutating func resumeOutput(_ output: inout some TerminalOutput & ~Copyable) -> TerminalEffects {
        effects = []
        processEchoes(&output)
        return effects
    }

    /// The length of the run of ordinary characters at the start, at most `room`; it moves the column past them.
    private mutating func plainRun(_ bytes: UnsafeBufferPointer<UInt8>, room: Int) -> Int {
        if has(output: OutputMode.lowerToUpper) { return 0 }
        let limit = min(bytes.count, room)
        let isUTF8 = has(input: InputMode.utf8)
        var index = 0
        var columns = 0
        while index < limit {
            let c = bytes[index]
            if c < 0x20 || c == 0x7F { break }
            if !isUTF8 || c & 0xC0 != 0x80 { columns += 1 }
            index += 1
        }
        column &+= columns
        return index
    }

    /// Writes one character with post-processing.
    /// - Returns: false when there is no room for what it becomes.
    mutating func writeProcessed(_ character: UInt8, _ output: inout some TerminalOutput & ~Copyable) -> Bool {
        var c = character
        let room = output.room
        guard room > 0 else { return false }
        switch c {
        case 0x0A:
            if has(output: OutputMode.newlineReturns) { column = 0 }
            if has(output: OutputMode.newlineToCarriageReturnNewline) {
                guard room >= 2 else { return false }
                column = 0
                lineStartColumn = 0
                output.put(0x0D)
                output.put(0x0A)
                return true
            }
            lineStartColumn = column
        case 0x0D:
            if has(output: OutputMode.noCarriageReturnAtColumn0), column == 0 { return true }
            if has(output: OutputMode.carriageReturnToNewline) {
                c = 0x0A
                if has(output: OutputMode.newlineReturns) {
                    column = 0
                    lineStartColumn = 0
                }
            } else {
                column = 0
                lineStartColumn = 0
            }
        case 0x09:
            let spaces = 8 - (column & 7)
            if termios.output & OutputMode.tabDelayMask == OutputMode.expandTabs {
                guard room >= spaces else { return false }
                column += spaces
                for _ in 0..<spaces { output.put(0x20) }
                return true
            }
            column += spaces
        case 0x08:
            if column > 0 { column -= 1 }
        default:
            if !isControlCharacter(c) {
                if has(output: OutputMode.lowerToUpper) { c = uppercased(c) }
                if !isContinuation(c) { column &+= 1 }
            }
        }
        output.put(c)
        return true
    }
}
