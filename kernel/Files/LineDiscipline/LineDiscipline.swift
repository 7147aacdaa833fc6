import ABI

/// A terminal's line discipline (POSIX.1-2017 chapter 11, with Linux's additions): what stands between the bytes of a
/// line, or of a pty's master, and the programs that read and write the terminal.
///
/// It edits and echoes input, turns special characters into signals and flow control, and post-processes output. It is
/// pure: it holds the input queue, writes to a `TerminalOutput`, and reports everything else as `TerminalEffects`. Its
/// owner serialises the calls and does the waiting (VMIN and VTIME included).
///
/// Input positions are running counts: `tail <= lineEnd <= head`. In canonical mode the bytes below `lineEnd` are
/// finished lines and those above it can still be edited.
public struct LineDiscipline: ~Copyable {
    /// Bytes of the input queue.
    public static var capacity: Int { 4096 }
    static var mask: Int { capacity - 1 }

    public internal(set) var termios = Termios()
    /// The input bytes, as a ring.
    let buffer: UnsafeMutablePointer<UInt8>
    /// A bit for each byte of the ring that ends a line.
    let marks: UnsafeMutablePointer<UInt64>
    var head = 0
    var lineEnd = 0
    var tail = 0

    /// Which bytes are special under the current settings.
    var special: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    /// No byte needs any work on input.
    var isRaw = false
    /// The next byte is taken literally (VLNEXT came before it).
    var literalNext = false
    /// An ECHOPRT erasure is open: its closing slash is still to come.
    var isErasing = false

    /// The output column, and the one where the line that is being typed began.
    var column = 0
    var lineStartColumn = 0
    /// Output is stopped: by the STOP character, or by a program.
    public internal(set) var isStopped = false
    var isStoppedByProgram = false

    var echo = EchoQueue()
    /// Collected during one call.
    var effects: TerminalEffects = []

    public init() {
        buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.capacity)
        marks = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.capacity / 64)
        marks.initialize(repeating: 0, count: Self.capacity / 64)
        prepareSpecialCharacters()
    }

    deinit {
        buffer.deallocate()
        marks.deallocate()
    }

    // MARK: Settings

    func has(input flag: UInt32) -> Bool { termios.input & flag != 0 }
    func has(output flag: UInt32) -> Bool { termios.output & flag != 0 }
    func has(local flag: UInt32) -> Bool { termios.local & flag != 0 }

    /// Lines are edited, and read whole.
    public var isCanonical: Bool { has(local: LocalMode.canonical) }
    /// Lines are read whole: the master does not edit them itself (EXTPROC).
    var readsLines: Bool { isCanonical && !has(local: LocalMode.externalProcessing) }

    /// Takes new settings into use.
    public mutating func setTermios(_ new: Termios, _ output: inout some TerminalOutput & ~Copyable) -> TerminalEffects {
        effects = []
        let old = termios
        termios = new
        termios.lineDiscipline = 0
        if (old.local ^ new.local) & (LocalMode.canonical | LocalMode.externalProcessing) != 0 { changeReadingMode() }
        prepareSpecialCharacters()
        if !has(input: InputMode.flowControl), old.input & InputMode.flowControl != 0, !isStoppedByProgram {
            start(&output)
        }
        // Whoever waits looks again: what counts as readable may have changed.
        effects.formUnion([.readable, .writable])
        return effects
    }

    /// Between canonical and raw: what was typed so far becomes readable, as one line if lines are read.
    private mutating func changeReadingMode() {
        clearMarks()
        if !isCanonical || head == tail {
            lineEnd = tail
        } else {
            setMark(head - 1)
            lineEnd = head
        }
        isErasing = false
        literalNext = false
    }

    private mutating func prepareSpecialCharacters() {
        special = (0, 0, 0, 0)
        let interesting =
            InputMode.strip | InputMode.upperToLower | InputMode.ignoreCarriageReturn
            | InputMode.carriageReturnToNewline | InputMode.newlineToCarriageReturn | InputMode.flowControl
            | InputMode.markParityErrors
        isRaw =
            termios.input & interesting == 0
            && termios.local & (LocalMode.canonical | LocalMode.signals | LocalMode.echo) == 0
        if isRaw { return }
        if has(input: InputMode.ignoreCarriageReturn | InputMode.carriageReturnToNewline) { setSpecial(0x0D) }
        if has(input: InputMode.newlineToCarriageReturn) { setSpecial(0x0A) }
        if isCanonical {
            setSpecial(0x0A)
            for character in [ControlCharacter.erase, .kill, .endOfFile, .endOfLine] { setSpecial(termios[character]) }
            if has(local: LocalMode.extended) {
                for character in [ControlCharacter.wordErase, .literalNext, .endOfLine2] { setSpecial(termios[character]) }
                if has(local: LocalMode.echo) { setSpecial(termios[.reprint]) }
            }
        }
        if has(input: InputMode.flowControl) {
            setSpecial(termios[.start])
            setSpecial(termios[.stop])
        }
        if has(local: LocalMode.signals) {
            for character in [ControlCharacter.interrupt, .quit, .suspend] { setSpecial(termios[character]) }
        }
        // NUL in c_cc means that there is no such character.
        special.0 &= ~1
    }

    private mutating func setSpecial(_ c: UInt8) {
        let bit: UInt64 = 1 << UInt64(c & 63)
        switch c >> 6 {
        case 0: special.0 |= bit
        case 1: special.1 |= bit
        case 2: special.2 |= bit
        default: special.3 |= bit
        }
    }

    @inline(__always)
    func isSpecial(_ c: UInt8) -> Bool {
        let word = c < 128 ? (c < 64 ? special.0 : special.1) : (c < 192 ? special.2 : special.3)
        return word >> UInt64(c & 63) & 1 != 0
    }

    // MARK: Flow control

    /// Stops or starts output for a program (`tcflow`).
    public mutating func setStoppedByProgram(_ stop: Bool) -> TerminalEffects {
        effects = []
        if stop != isStoppedByProgram {
            isStoppedByProgram = stop
            if stop { self.stop() } else { restart() }
        }
        return effects
    }

    mutating func stop() {
        if isStopped { return }
        isStopped = true
        effects.insert(.stopped)
        effects.remove(.started)
    }

    mutating func start(_ output: inout some TerminalOutput & ~Copyable) {
        restart()
        processEchoes(&output)
    }

    /// Lets output go on. Echoes that waited are written with the next output or input.
    private mutating func restart() {
        guard isStopped, !isStoppedByProgram else { return }
        isStopped = false
        effects.formUnion([.started, .writable, .transmit])
        effects.remove(.stopped)
    }

    // MARK: Queues

    /// Throws the input away (`tcflush`).
    public mutating func flushInput() -> TerminalEffects {
        resetInput()
        return [.inputFlushed, .writable]
    }

    mutating func resetInput() {
        head = 0
        lineEnd = 0
        tail = 0
        isErasing = false
        clearMarks()
        echo.removeAll()
    }

    @inline(__always)
    mutating func enqueue(_ c: UInt8) {
        buffer[head & Self.mask] = c
        head &+= 1
    }

    @inline(__always) func byte(_ position: Int) -> UInt8 { buffer[position & Self.mask] }

    func clearMarks() { marks.update(repeating: 0, count: Self.capacity / 64) }
    func setMark(_ position: Int) { marks[(position & Self.mask) >> 6] |= 1 << UInt64(position & 63) }
    func clearMark(_ position: Int) { marks[(position & Self.mask) >> 6] &= ~(1 << UInt64(position & 63)) }
    func isMarked(_ position: Int) -> Bool { marks[(position & Self.mask) >> 6] >> UInt64(position & 63) & 1 != 0 }
}
