// What a terminal sends for the mouse ("Mouse Tracking" in ctlseqs).

/// A mouse event at a cell.
public struct MouseEvent: Sendable {
    public enum Button: Int, Sendable {
        case left = 0, middle = 1, right = 2, none = 3
        case wheelUp = 64, wheelDown = 65, wheelLeft = 66, wheelRight = 67

        var isWheel: Bool { rawValue >= 64 }
    }

    public enum Kind: Sendable { case press, release, motion }

    public var kind: Kind
    /// The button that changed, or that is held while moving.
    public var button: Button
    public var row: Int
    public var column: Int
    public var modifiers: KeyModifiers

    public init(_ kind: Kind, _ button: Button, row: Int, column: Int, modifiers: KeyModifiers) {
        self.kind = kind
        self.button = button
        self.row = row
        self.column = column
        self.modifiers = modifiers
    }
}

public enum MouseEncoder {
    /// The bytes to send; none if the program does not want the event.
    public static func encode(_ event: MouseEvent, _ modes: Modes) -> [UInt8] {
        switch (modes.mouse, event.kind) {
        case (.off, _), (.press, .release), (.press, .motion), (.normal, .motion): return []
        case (.drag, .motion) where event.button == .none: return []
        case (_, .release) where event.button.isWheel: return []
        default: break
        }
        var code = event.button.rawValue
        if event.kind == .motion { code += 32 }
        if modes.mouse != .press {
            if event.modifiers.contains(.shift) { code += 4 }
            if event.modifiers.contains(.alt) { code += 8 }
            if event.modifiers.contains(.control) { code += 16 }
        }
        if modes.mouseSGR {
            return Array("\u{1B}[<\(code);\(event.column + 1);\(event.row + 1)\(event.kind == .release ? "m" : "M")".utf8)
        }
        // The old form has no number of the released button and no place beyond 223.
        if event.kind == .release { code = code & ~3 | 3 }
        guard event.column < 223, event.row < 223 else { return [] }
        return [0x1B, 0x5B, 0x4D, UInt8(32 + code), UInt8(33 + event.column), UInt8(33 + event.row)]
    }
}
