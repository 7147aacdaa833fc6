// The parser of terminal output: the state machine that Paul Williams derived from DEC's terminals
// (vt100.net/emu/dec_ansi_parser), fed with UTF-8. It knows the grammar of control functions and none of their
// meanings; those are `ParserActions`.

/// What the parser found.
public protocol ParserActions: ~Copyable {
    /// A printable scalar, not ASCII.
    mutating func print(_ scalar: UInt32)
    /// A run of printable ASCII.
    mutating func printASCII(_ run: UnsafeBufferPointer<UInt8>)
    /// A C0 control.
    mutating func execute(_ control: UInt8)
    /// An escape sequence; `intermediate` is zero if there is none.
    mutating func escape(intermediate: UInt8, final: UInt8)
    /// A control sequence (CSI).
    mutating func dispatch(_ sequence: ControlSequence)
    /// An operating system command (OSC) without its terminator.
    mutating func operatingSystemCommand(_ bytes: [UInt8])
}

/// A control sequence: `CSI ? 38 : 2 ; 1 SP q`.
public struct ControlSequence {
    static var parameterLimit: Int { 32 }

    /// `?`, `>`, `=` or `<` in front of the parameters; zero if there is none.
    public internal(set) var marker: UInt8 = 0
    /// The last intermediate byte; zero if there is none.
    public internal(set) var intermediate: UInt8 = 0
    public internal(set) var final: UInt8 = 0
    var values = InlineArray<32, UInt16>(repeating: 0)
    var count = 0
    /// Bit n: parameter n follows a colon and belongs to the one before it.
    var subparameterBits: UInt32 = 0
    /// Bit n: parameter n has digits.
    var givenBits: UInt32 = 0

    /// The number of parameters, sub-parameters included.
    public var parameterCount: Int { count }

    /// A parameter; the default stands for one that is missing, empty or zero.
    public func parameter(_ index: Int, default value: Int) -> Int {
        guard index < count, values[index] != 0 else { return value }
        return Int(values[index])
    }

    /// A parameter's number, zero if it is missing.
    public func raw(_ index: Int) -> Int { index < count ? Int(values[index]) : 0 }

    func isSubparameter(_ index: Int) -> Bool { index < count && subparameterBits >> UInt32(index) & 1 != 0 }
    func isGiven(_ index: Int) -> Bool { index < count && givenBits >> UInt32(index) & 1 != 0 }
}

/// The state machine.
public struct Parser {
    enum State {
        case ground, escape, escapeIntermediate
        case controlEntry, controlParameter, controlIntermediate, controlIgnore
        /// Device control strings are recognised and skipped.
        case deviceControl
        case operatingSystemCommand
        /// SOS, PM and APC strings, skipped.
        case ignoredString
    }

    private var state = State.ground
    private var sequence = ControlSequence()
    private var command: [UInt8] = []
    private var commandOverflowed = false
    private var decoder = UTF8Decoder()

    /// A longer operating system command is dropped whole.
    private static var commandLimit: Int { 4096 }

    public init() {}

    /// Reads bytes and acts on what is complete; the rest waits for the next call.
    /// - Complexity: O(bytes).
    public mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>, _ actions: inout some (ParserActions & ~Copyable)) {
        var index = 0
        while index < bytes.count {
            if state == .ground {
                index = ground(bytes, from: index, &actions)
            } else {
                step(bytes[index], &actions)
                index += 1
            }
        }
    }

    /// Ground state: text until a control. Returns where it stopped.
    private mutating func ground(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ actions: inout some (ParserActions & ~Copyable)
    ) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte >= 0x20, byte < 0x7F, !decoder.isInside {
                var end = index + 1
                while end < bytes.count, bytes[end] >= 0x20, bytes[end] < 0x7F { end += 1 }
                actions.printASCII(UnsafeBufferPointer(rebasing: bytes[index..<end]))
                index = end
                continue
            }
            switch decoder.decode(byte) {
            case .more: index += 1
            case .scalar(let scalar):
                index += 1
                if scalar < 0x20 {
                    step(UInt8(scalar), &actions)
                    if state != .ground { return index }
                } else if scalar >= 0xA0 {
                    actions.print(scalar)
                } else if scalar < 0x7F {
                    var one = UInt8(scalar)
                    withUnsafeBytes(of: &one) { actions.printASCII($0.assumingMemoryBound(to: UInt8.self)) }
                }
            case .invalid(let consumed):
                actions.print(0xFFFD)
                if consumed { index += 1 }
            }
        }
        return index
    }

    private mutating func step(_ byte: UInt8, _ actions: inout some (ParserActions & ~Copyable)) {
        // Transitions from anywhere.
        switch byte {
        case 0x18, 0x1A:
            state = .ground
            actions.execute(byte)
            return
        case 0x1B:
            if state == .operatingSystemCommand { finishCommand(&actions) }
            sequence = ControlSequence()
            state = .escape
            return
        default: break
        }
        switch state {
        case .ground: if byte < 0x20 { actions.execute(byte) }
        case .escape: escape(byte, &actions)
        case .escapeIntermediate: escapeIntermediate(byte, &actions)
        case .controlEntry, .controlParameter, .controlIntermediate, .controlIgnore: control(byte, &actions)
        case .operatingSystemCommand: collectCommand(byte, &actions)
        case .deviceControl, .ignoredString: break
        }
    }

    private mutating func escape(_ byte: UInt8, _ actions: inout some (ParserActions & ~Copyable)) {
        switch byte {
        case 0..<0x20: actions.execute(byte)
        case 0x20..<0x30:
            sequence.intermediate = byte
            state = .escapeIntermediate
        case UInt8(ascii: "["): state = .controlEntry
        case UInt8(ascii: "]"):
            command.removeAll(keepingCapacity: true)
            commandOverflowed = false
            state = .operatingSystemCommand
        case UInt8(ascii: "P"): state = .deviceControl
        case UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"): state = .ignoredString
        case 0x30..<0x7F:
            state = .ground
            actions.escape(intermediate: 0, final: byte)
        default: break
        }
    }

    private mutating func escapeIntermediate(_ byte: UInt8, _ actions: inout some (ParserActions & ~Copyable)) {
        switch byte {
        case 0..<0x20: actions.execute(byte)
        case 0x20..<0x30: sequence.intermediate = byte
        case 0x30..<0x7F:
            state = .ground
            actions.escape(intermediate: sequence.intermediate, final: byte)
        default: break
        }
    }

    private mutating func control(_ byte: UInt8, _ actions: inout some (ParserActions & ~Copyable)) {
        switch byte {
        case 0..<0x20: actions.execute(byte)
        case 0x20..<0x30:
            if state != .controlIgnore {
                sequence.intermediate = byte
                state = .controlIntermediate
            }
        case 0x30..<0x3C:
            if state == .controlIntermediate { state = .controlIgnore }
            if state == .controlEntry { state = .controlParameter }
            if state == .controlParameter { collectParameter(byte) }
        case 0x3C..<0x40:
            if state == .controlEntry {
                sequence.marker = byte
                state = .controlParameter
            } else {
                state = .controlIgnore
            }
        case 0x40..<0x7F:
            let ignored = state == .controlIgnore
            state = .ground
            if !ignored {
                sequence.final = byte
                actions.dispatch(sequence)
            }
        default: break
        }
    }

    private mutating func collectParameter(_ byte: UInt8) {
        if sequence.count == 0 { sequence.count = 1 }
        let index = sequence.count - 1
        if byte <= UInt8(ascii: "9") {
            let value = UInt32(sequence.values[index]) * 10 + UInt32(byte - UInt8(ascii: "0"))
            sequence.values[index] = UInt16(min(value, 0x7FFF))
            sequence.givenBits |= 1 << UInt32(index)
        } else if sequence.count == ControlSequence.parameterLimit {
            state = .controlIgnore
        } else {
            if byte == UInt8(ascii: ":") { sequence.subparameterBits |= 1 << UInt32(sequence.count) }
            sequence.count += 1
        }
    }

    private mutating func collectCommand(_ byte: UInt8, _ actions: inout some (ParserActions & ~Copyable)) {
        if byte == 0x07 {
            finishCommand(&actions)
            state = .ground
        } else if byte >= 0x20 {
            if command.count < Parser.commandLimit { command.append(byte) } else { commandOverflowed = true }
        }
    }

    private mutating func finishCommand(_ actions: inout some (ParserActions & ~Copyable)) {
        if !commandOverflowed { actions.operatingSystemCommand(command) }
        command.removeAll(keepingCapacity: true)
    }
}

/// Decodes UTF-8 byte by byte; a malformed sequence gives one replacement for each maximal part of it (Unicode 3.9).
struct UTF8Decoder {
    enum Result {
        case scalar(UInt32)
        case more
        /// Malformed. A byte that is not consumed starts something else and must be decoded again.
        case invalid(consumed: Bool)
    }

    private var scalar: UInt32 = 0
    private var remaining: UInt8 = 0
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    var isInside: Bool { remaining != 0 }

    mutating func decode(_ byte: UInt8) -> Result {
        if remaining == 0 { return begin(byte) }
        guard byte >= lower, byte <= upper else {
            remaining = 0
            return .invalid(consumed: false)
        }
        lower = 0x80
        upper = 0xBF
        scalar = scalar << 6 | UInt32(byte & 0x3F)
        remaining -= 1
        return remaining == 0 ? .scalar(scalar) : .more
    }

    private mutating func begin(_ byte: UInt8) -> Result {
        lower = 0x80
        upper = 0xBF
        switch byte {
        case 0..<0x80: return .scalar(UInt32(byte))
        case 0xC2...0xDF:
            scalar = UInt32(byte & 0x1F)
            remaining = 1
        case 0xE0...0xEF:
            scalar = UInt32(byte & 0x0F)
            remaining = 2
            if byte == 0xE0 { lower = 0xA0 }
            if byte == 0xED { upper = 0x9F }
        case 0xF0...0xF4:
            scalar = UInt32(byte & 0x07)
            remaining = 3
            if byte == 0xF0 { lower = 0x90 }
            if byte == 0xF4 { upper = 0x8F }
        default: return .invalid(consumed: true)
        }
        return .more
    }
}
