// The seat: one pointer and one keyboard, whatever devices are behind them.

import Gfx
import Keymap
import Scene
import System
import WaylandServer

/// Takes the pointer away from what lies under it: a window that is being moved, an open menu.
protocol PointerGrab: AnyObject {
    func grabMoved(to position: FinePoint, timeMilliseconds: UInt32)
    /// A button; false lets it go to what lies under the pointer as well.
    func grabPressed(_ button: PointerButton, at position: FinePoint) -> Bool
    func grabEnded()
}

/// A key for the compositor's own use.
public struct KeyPress {
    /// The evdev code.
    public let code: UInt32
    public let isPressed: Bool
    public let symbol: UInt32
    public let modifiers: Modifiers
    public var character: Unicode.Scalar? { KeyTable.character(of: symbol) }
}

/// Sees keys before clients do.
public protocol KeyFilter: AnyObject {
    /// True if the key is used up.
    func filter(_ key: KeyPress) -> Bool
    /// A button was pressed while keys may be held.
    func noteButton()
}

/// Shows the pointer's image.
public protocol CursorPresenter: AnyObject {
    func showCursor(_ shape: CursorShape)
    /// The image is the surface's; called again when it commits.
    func showCursor(_ surface: Surface, hotspot: Point)
    func hideCursor()
    func moveCursor(to position: Point)
}

/// The pointer shapes that the compositor itself needs.
public enum CursorShape: UInt8, CaseIterable, Sendable {
    case arrow, move, horizontal, vertical, diagonalDown, diagonalUp, text, hand
}

public final class Seat {
    // SAFETY: the compositor owns the seat.
    unowned(unsafe) let compositor: Compositor
    public let keyTable: KeyTable
    let keymapFile: FileDescriptor
    let keymapTextSize: UInt32

    var pointers: [PointerResource] = []
    var keyboards: [KeyboardResource] = []

    // Pointer
    public internal(set) var position: FinePoint
    private var lastHit: (target: PointerTarget, node: SceneNode)?
    /// What the pointer is on; nil once its node has another target or none, because the window behind it has ended.
    var pointerFocus: (target: PointerTarget, node: SceneNode)? {
        get {
            guard let lastHit, lastHit.node.target === lastHit.target else { return nil }
            return lastHit
        }
        set { lastHit = newValue }
    }
    /// Where the pointer is on what it is on, as was last told.
    var focusPosition = FinePoint(.zero)
    var pointerEnterSerial: UInt32 = 0
    var buttonSerial: UInt32 = 0
    var pressedButtons: [UInt32] = []
    var grab: (any PointerGrab)?
    var cursorSurface: ClientSurface?
    var cursorHotspot = Point.zero
    public var cursorPresenter: (any CursorPresenter)?

    // Keyboard
    public internal(set) var modifiers = ModifierState()
    var keyboardFocus: ClientSurface?
    /// Keys whose press the compositor used: their release is not the clients' either.
    var usedKeys: [UInt32] = []
    public var keyFilters: [any KeyFilter] = []
    var lastKeySerial: UInt32 = 0

    // Touch
    /// Whether there is a touch screen. Set before clients come.
    public var hasTouch = false
    var touches: [TouchResource] = []
    var touchPoints: [TouchPoint] = []

    // Constraints
    var constraints: [PointerConstraint] = []
    var relativePointers: [RelativePointer] = []

    // Selections
    var clipboard = Selection()
    var primarySelection = Selection()
    /// Whether only the client with the keyboard may fill the clipboard, and see the primary selection.
    package var selectionNeedsFocus = true

    init(_ compositor: Compositor, keyTable: KeyTable, keymapFile: consuming FileDescriptor, keymapTextSize: Int, size: Size) {
        self.compositor = compositor
        self.keyTable = keyTable
        self.keymapFile = keymapFile
        self.keymapTextSize = UInt32(keymapTextSize)
        position = FinePoint(Point(x: size.width / 2, y: size.height / 2))
    }

    // MARK: Resources

    func add(_ pointer: PointerResource) {
        pointers.append(pointer)
        if let surface = focusedSurface, surface.client === pointer.client, let node = pointerFocus?.node {
            pointer.enter(surface, position - FinePoint(node.globalPosition))
            pointer.frame()
        }
    }

    func remove(_ pointer: PointerResource) { pointers.removeAll { $0 === pointer } }

    func add(_ keyboard: KeyboardResource) {
        keyboards.append(keyboard)
        keyboard.resource.keymap(format: .xkbV1, fd: keymapFile, size: keymapTextSize)
        // The values that people know: after 400 ms, 33 a second.
        keyboard.resource.repeatInfo(rate: 33, delay: 400)
        if let surface = keyboardFocus, surface.client === keyboard.client {
            keyboard.enter(surface, clientKeys)
            keyboard.modifiers(modifiers, compositor.nextSerial())
        }
    }

    func remove(_ keyboard: KeyboardResource) { keyboards.removeAll { $0 === keyboard } }

    func sendPointer(to client: Client, _ body: (PointerResource) -> Void) {
        for pointer in pointers where pointer.client === client { body(pointer) }
    }

    func sendKeyboard(to client: Client, _ body: (KeyboardResource) -> Void) {
        for keyboard in keyboards where keyboard.client === client { body(keyboard) }
    }

    /// The surface under the pointer, if it is a client's.
    var focusedSurface: ClientSurface? { pointerFocus?.target as? ClientSurface }

    // MARK: Ends

    func surfaceEnded(_ surface: ClientSurface) {
        if pointerFocus?.target === surface {
            clearPointerFocus()
            pressedButtons = []
        }
        touchSurfaceEnded(surface)
        constraints.removeAll { $0.surface === surface }
        if cursorSurface === surface {
            cursorSurface = nil
            cursorPresenter?.hideCursor()
        }
        if keyboardFocus === surface { setKeyboardFocus(nil) }
    }

    func clientEnded(_ client: Client) {
        pointers.removeAll { $0.client === client }
        keyboards.removeAll { $0.client === client }
        touches.removeAll { $0.client === client }
        relativePointers.removeAll { $0.client === client }
        clipboard.devices.removeAll { $0.client === client }
        primarySelection.devices.removeAll { $0.client === client }
    }
}
