// Modifier keys and their state, as wl_keyboard.modifiers reports it.

/// A set of X's eight real modifiers, in the order that every keymap of libxkbcommon gives them.
public struct Modifiers: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    @inlinable public static var shift: Modifiers { Modifiers(rawValue: 1) }
    @inlinable public static var capsLock: Modifiers { Modifiers(rawValue: 2) }
    @inlinable public static var control: Modifiers { Modifiers(rawValue: 4) }
    /// Mod1.
    @inlinable public static var alt: Modifiers { Modifiers(rawValue: 8) }
    /// Mod2.
    @inlinable public static var numLock: Modifiers { Modifiers(rawValue: 16) }
    /// Mod4, also called Super.
    @inlinable public static var logo: Modifiers { Modifiers(rawValue: 64) }
    /// Mod5: AltGr.
    @inlinable public static var level3: Modifiers { Modifiers(rawValue: 128) }
}

/// Which modifiers are held, and which are locked.
public struct ModifierState: Equatable, Sendable {
    public private(set) var depressed: Modifiers = []
    public private(set) var locked: Modifiers = []
    /// The keys that are down, by evdev code.
    public private(set) var pressedKeys: [UInt32] = []

    public init() {}

    /// What applies to the next key.
    public var effective: Modifiers { depressed.union(locked) }

    /// Notes a key; false if nothing changed because the key was already in that state.
    public mutating func update(_ code: UInt32, isPressed: Bool, _ table: KeyTable) -> Bool {
        if isPressed {
            guard !pressedKeys.contains(code), pressedKeys.count < 64 else { return false }
            pressedKeys.append(code)
            locked.formSymmetricDifference(table.locks(code))
        } else {
            guard let index = pressedKeys.firstIndex(of: code) else { return false }
            pressedKeys.remove(at: index)
        }
        depressed = pressedKeys.reduce([]) { $0.union(table.modifiers(code: $1)) }
        return true
    }
}
