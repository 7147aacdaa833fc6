// Keys: modifiers, the compositor's own use, then the focused client.

import Keymap
import Scene
import WaylandServer

extension Seat {
    /// A key of a keyboard changed. `code` is evdev's.
    public func pressKey(_ code: UInt32, isPressed: Bool, timeMilliseconds: UInt32) {
        let before = modifiers
        guard modifiers.update(code, isPressed: isPressed, keyTable) else { return }
        lastKeySerial = compositor.nextSerial()
        let key = KeyPress(
            code: code, isPressed: isPressed, symbol: keyTable.symbol(code, before.effective), modifiers: before.effective)
        if isUsed(key) {
            // Clients still learn of modifiers: the next key may be theirs.
        } else if let surface = keyboardFocus {
            sendKeyboard(to: surface.client) { $0.key(code, isPressed, lastKeySerial, timeMilliseconds) }
        }
        if modifiers.depressed != before.depressed || modifiers.locked != before.locked, let surface = keyboardFocus {
            sendKeyboard(to: surface.client) { $0.modifiers(modifiers, lastKeySerial) }
        }
    }

    private func isUsed(_ key: KeyPress) -> Bool {
        if key.isPressed {
            // The latest filter is the innermost: an open launcher sees keys before the shortcuts.
            for filter in keyFilters.reversed() where filter.filter(key) {
                usedKeys.append(key.code)
                return true
            }
            return false
        }
        for filter in keyFilters.reversed() { _ = filter.filter(key) }
        guard let index = usedKeys.firstIndex(of: key.code) else { return false }
        usedKeys.remove(at: index)
        return true
    }

    /// The pressed keys that clients know of.
    var clientKeys: [UInt32] { modifiers.pressedKeys.filter { !usedKeys.contains($0) } }

    /// Gives the keyboard to a surface, or to nobody.
    func setKeyboardFocus(_ surface: ClientSurface?) {
        guard surface !== keyboardFocus else { return }
        if let old = keyboardFocus, !old.hasEnded { sendKeyboard(to: old.client) { $0.leave(old) } }
        let oldClient = keyboardFocus?.client
        keyboardFocus = surface
        guard let surface else { return }
        if oldClient !== surface.client {
            offerSelection(.clipboard, to: surface.client)
            offerSelection(.primary, to: surface.client)
        }
        sendKeyboard(to: surface.client) { keyboard in
            keyboard.enter(surface, clientKeys)
            keyboard.modifiers(modifiers, compositor.nextSerial())
        }
    }

    public func add(_ filter: any KeyFilter) { keyFilters.append(filter) }
    public func remove(_ filter: any KeyFilter) { keyFilters.removeAll { $0 === filter } }
}
