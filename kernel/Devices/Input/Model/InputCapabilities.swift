import ABI

/// A set of small numbers below 768: codes of one event type.
public struct CodeSet: BitwiseCopyable, Sendable {
    public static let limit = 768
    private var words: InlineArray<12, UInt64> = .init(repeating: 0)
    public init() {}

    public func contains(_ code: UInt16) -> Bool {
        code < Self.limit && words[Int(code >> 6)] & (1 << UInt64(code & 63)) != 0
    }
    public mutating func insert(_ code: UInt16) {
        if code < Self.limit { words[Int(code >> 6)] |= 1 << UInt64(code & 63) }
    }
    public mutating func remove(_ code: UInt16) {
        if code < Self.limit { words[Int(code >> 6)] &= ~(1 << UInt64(code & 63)) }
    }
    public mutating func insert(_ codes: ClosedRange<UInt16>) { for code in codes { insert(code) } }
    public var isEmpty: Bool {
        for index in 0..<12 where words[index] != 0 { return false }
        return true
    }
    /// Eight codes as a byte, as the ioctls give them.
    public func byte(_ index: Int) -> UInt8 {
        guard index >= 0, index < 96 else { return 0 }
        return UInt8(truncatingIfNeeded: words[index >> 3] >> UInt64((index & 7) * 8))
    }
    public mutating func setByte(_ index: Int, _ value: UInt8) {
        guard index >= 0, index < 96 else { return }
        let shift = UInt64((index & 7) * 8)
        words[index >> 3] = words[index >> 3] & ~(0xFF << shift) | UInt64(value) << shift
    }
}

/// What an input device can report and what state it has: the filter between a driver and its clients.
public struct InputState: Sendable {
    public var properties = CodeSet()
    /// Supported event types; `supportedCodes` keeps them in step.
    public private(set) var types = CodeSet()
    private var codes: InlineArray<32, CodeSet> = .init(repeating: CodeSet())
    public var axes: InlineArray<64, InputAxis> = .init(repeating: InputAxis())
    public private(set) var keys = CodeSet()
    public private(set) var leds = CodeSet()
    public private(set) var switches = CodeSet()
    public private(set) var sounds = CodeSet()
    private var hasUnreported = false

    public init() { types.insert(InputCode.evSynchronize) }

    public func supports(_ type: UInt16, _ code: UInt16) -> Bool { type < 32 && codes[Int(type)].contains(code) }
    public func supportedCodes(_ type: UInt16) -> CodeSet {
        if type == 0 { return types }
        return type < 32 ? codes[Int(type)] : CodeSet()
    }
    public mutating func support(_ type: UInt16, _ set: CodeSet) {
        guard type > 0, type < 32 else { return }
        codes[Int(type)] = set
        types.insert(type)
    }
    /// Adds an event type that has no codes of its own (EV_REP).
    public mutating func supportType(_ type: UInt16) { if type < 32 { types.insert(type) } }

    /// Takes an event from the driver in.
    /// - Returns: whether clients are to see it: it is one that the device announced, and it changes something.
    public mutating func accept(type: UInt16, code: UInt16, value: Int32) -> Bool {
        if type == InputCode.evSynchronize {
            guard code == InputCode.synReport, hasUnreported else { return false }
            hasUnreported = false
            return true
        }
        guard supports(type, code), change(type, code, value) else { return false }
        hasUnreported = true
        return true
    }

    private mutating func change(_ type: UInt16, _ code: UInt16, _ value: Int32) -> Bool {
        switch type {
        case InputCode.evKey:
            // 2 is a repetition: it passes while the key is down and changes nothing.
            if value == 2 { return keys.contains(code) }
            return Self.set(&keys, code, value)
        case InputCode.evLED: return Self.set(&leds, code, value)
        case InputCode.evSwitch: return Self.set(&switches, code, value)
        case InputCode.evSound: return Self.set(&sounds, code, value)
        case InputCode.evRelative: return value != 0
        case InputCode.evAbsolute:
            guard code < 64, axes[Int(code)].value != value else { return false }
            axes[Int(code)].value = value
            return true
        default: return true
        }
    }

    private static func set(_ set: inout CodeSet, _ code: UInt16, _ value: Int32) -> Bool {
        let isSet = value != 0
        guard set.contains(code) != isSet else { return false }
        if isSet { set.insert(code) } else { set.remove(code) }
        return true
    }

    /// The first key that is down, for releasing all of them one by one.
    public var firstPressedKey: UInt16? {
        if keys.isEmpty { return nil }
        for code in 0..<UInt16(CodeSet.limit) where keys.contains(code) { return code }
        return nil
    }
}
