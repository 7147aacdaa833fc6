// What the user does, as windows hear of it.

import Gfx
import Keymap

/// A key was pressed, repeats or was released.
public struct KeyEvent: Sendable {
    public enum Kind: Sendable { case press, repeating, release }

    public var kind: Kind
    /// X's name of the key with the modifiers that are held.
    public var symbol: UInt32
    /// The character that it types.
    public var character: Unicode.Scalar?
    public var modifiers: Modifiers
    /// The key's place on the keyboard (evdev code).
    public var code: UInt32

    /// The letter of the key on a Latin keyboard, for shortcuts under layouts that have other letters there.
    public var latinLetter: Unicode.Scalar? {
        let letters: StaticString
        let first: UInt32
        switch code {
        case 16...25: (letters, first) = ("qwertyuiop", 16)
        case 30...38: (letters, first) = ("asdfghjkl", 30)
        case 44...50: (letters, first) = ("zxcvbnm", 44)
        default: return nil
        }
        return Unicode.Scalar(letters.utf8Start[Int(code - first)])
    }
}

/// The pointer moved, or one of its buttons or its wheel did.
public struct PointerEvent: Sendable {
    public enum Button: Equatable, Sendable {
        case left, right, middle
        case other(UInt32)
    }

    public enum Kind: Sendable {
        case enter
        case leave
        case motion
        /// The count is 2 for a double click, 3 for a triple.
        case press(Button, clickCount: Int)
        case release(Button)
        /// Steps of a wheel, in 120ths; positive is down or right.
        case scroll(horizontal: Int32, vertical: Int32)
    }

    public var kind: Kind
    /// In the window's pixels.
    public var position: Point
    public var modifiers: Modifiers
}
