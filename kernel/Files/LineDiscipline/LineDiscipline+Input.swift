import ABI

// The input side: from the line (or the master) into the queue.
extension LineDiscipline {
    /// Whether at least one more byte would be taken.
    public var acceptsInput: Bool { inputRoom().room > 0 }

    /// Bytes that may be received at once, and whether the queue is full of one unfinished line: then each new byte
    /// replaces the last one, so that the line can still be ended.
    private func inputRoom() -> (room: Int, isOverflow: Bool) {
        var room = Self.capacity - (head - tail)
        // A marked error takes three bytes.
        if has(input: InputMode.markParityErrors) { room = (room + 2) / 3 }
        room -= 1
        if room > 0 { return (room, false) }
        let isOverflow = isCanonical && lineEnd == tail
        return (isOverflow ? 1 : 0, isOverflow)
    }

    /// Receives bytes, as many as there is room for.
    /// - Returns: how many were taken, and what has to be done.
    public mutating func receive(
        _ bytes: UnsafeBufferPointer<UInt8>, _ output: inout some TerminalOutput & ~Copyable
    ) -> (taken: Int, effects: TerminalEffects) {
        effects = []
        var taken = 0
        while taken < bytes.count {
            let (room, isOverflow) = inputRoom()
            if isOverflow, head - tail >= Self.capacity { head -= 1 }
            let count = min(bytes.count - taken, room)
            if count == 0 { break }
            receiveBlock(UnsafeBufferPointer(rebasing: bytes[taken..<taken + count]), &output)
            taken += count
        }
        return (taken, effects)
    }

    private mutating func receiveBlock(_ bytes: UnsafeBufferPointer<UInt8>, _ output: inout some TerminalOutput & ~Copyable) {
        if isRaw {
            for c in bytes { enqueue(c) }
        } else {
            echo.isFresh = false
            for c in bytes { receive(c, &output) }
            if echo.isFresh, has(local: LocalMode.echo | LocalMode.echoNewline) { processEchoes(&output) }
        }
        if !readsLines, head != tail { effects.insert(.readable) }
    }

    private mutating func receive(_ byte: UInt8, _ output: inout some TerminalOutput & ~Copyable) {
        var c = byte
        if has(input: InputMode.strip) { c &= 0x7F }
        if has(input: InputMode.upperToLower), has(local: LocalMode.extended) { c = lowercased(c) }
        if literalNext {
            literalNext = false
            receiveOrdinary(c, &output)
        } else if has(local: LocalMode.externalProcessing) {
            enqueue(c)
        } else if isSpecial(c) {
            receiveSpecial(c, &output)
        } else {
            receiveOrdinary(c, &output)
        }
    }

    private mutating func receiveOrdinary(_ c: UInt8, _ output: inout some TerminalOutput & ~Copyable) {
        restartOnAny(&output)
        if has(local: LocalMode.echo) {
            finishErasing()
            echoTyped(c)
            commitEchoes(&output)
        }
        enqueueMarked(c)
    }

    private mutating func receiveSpecial(_ character: UInt8, _ output: inout some TerminalOutput & ~Copyable) {
        var c = character
        if has(input: InputMode.flowControl) {
            if c == termios[.start] { return start(&output) }
            if c == termios[.stop] { return stop() }
        }
        if has(local: LocalMode.signals) {
            if c == termios[.interrupt] { return receiveSignal(.interrupt, c, &output) }
            if c == termios[.quit] { return receiveSignal(.quit, c, &output) }
            if c == termios[.suspend] { return receiveSignal(.suspend, c, &output) }
        }
        restartOnAny(&output)
        if c == 0x0D {
            if has(input: InputMode.ignoreCarriageReturn) { return }
            if has(input: InputMode.carriageReturnToNewline) { c = 0x0A }
        } else if c == 0x0A, has(input: InputMode.newlineToCarriageReturn) {
            c = 0x0D
        }
        if isCanonical, receiveCanonical(c, &output) { return }
        if has(local: LocalMode.echo) {
            finishErasing()
            if c == 0x0A { echo.append(.byte, c) } else { echoTyped(c) }
            commitEchoes(&output)
        }
        enqueueMarked(c)
    }

    private mutating func restartOnAny(_ output: inout some TerminalOutput & ~Copyable) {
        if isStopped, !isStoppedByProgram, has(input: InputMode.flowControl), has(input: InputMode.anyRestarts) {
            start(&output)
        }
    }

    /// Enqueues a byte that is not part of a mark: with PARMRK, a byte 0xff is doubled to tell it from one.
    private mutating func enqueueMarked(_ c: UInt8) {
        if c == 0xFF, has(input: InputMode.markParityErrors) { enqueue(c) }
        enqueue(c)
    }

    private mutating func receiveSignal(
        _ signal: TerminalEffects, _ c: UInt8, _ output: inout some TerminalOutput & ~Copyable
    ) {
        raise(signal, &output)
        if has(input: InputMode.flowControl) { start(&output) }
        if has(local: LocalMode.echo) {
            echoCharacter(c)
            commitEchoes(&output)
        } else {
            processEchoes(&output)
        }
    }

    private mutating func raise(_ signal: TerminalEffects, _ output: inout some TerminalOutput & ~Copyable) {
        effects.insert(signal)
        if has(local: LocalMode.noFlush) { return }
        resetInput()
        output.discard()
        effects.formUnion([.inputFlushed, .outputFlushed, .writable])
        effects.remove(.readable)
    }

    // MARK: Line conditions

    /// A break condition on a serial line.
    public mutating func receiveBreak(_ output: inout some TerminalOutput & ~Copyable) -> TerminalEffects {
        effects = []
        if has(input: InputMode.ignoreBreak) { return effects }
        if has(input: InputMode.breakInterrupts) {
            raise(.interrupt, &output)
            return effects
        }
        receiveDamaged(0)
        return effects
    }

    /// A byte that arrived with a parity or framing error.
    public mutating func receiveWithError(_ c: UInt8) -> TerminalEffects {
        effects = []
        if !has(input: InputMode.checkParity) {
            if acceptsInput { enqueue(c) }
            if !readsLines { effects.insert(.readable) }
        } else if !has(input: InputMode.ignoreParityErrors) {
            receiveDamaged(c)
        }
        return effects
    }

    /// Enqueues the mark of an error (`0xff 0 c` with PARMRK), or a NUL.
    private mutating func receiveDamaged(_ c: UInt8) {
        guard acceptsInput else { return }
        if has(input: InputMode.markParityErrors) {
            enqueue(0xFF)
            enqueue(0)
            enqueue(c)
        } else {
            enqueue(0)
        }
        if !readsLines { effects.insert(.readable) }
    }
}
