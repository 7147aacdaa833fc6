// Keyboard and pointer of the seat.

import Keymap
import System
import WaylandClient

/// The devices with which one person works.
final class Seat {
    let proxy: WlSeat.Proxy
    unowned(unsafe) let display: Display
    private(set) var keyboard: Keyboard?
    private(set) var pointer: PointerDevice?
    /// The number of the newest input event, which proves to the server that a request follows from one.
    var serial: UInt32 = 0

    init(_ proxy: WlSeat.Proxy, _ display: Display) {
        self.proxy = proxy
        self.display = display
    }

    func receive(_ message: inout IncomingMessage) throws(WireError) {
        guard case .capabilities(let capabilities) = try WlSeat.Event.decode(&message, version: proxy.version) else { return }
        if capabilities.contains(.keyboard) != (keyboard != nil) {
            keyboard?.release()
            keyboard = capabilities.contains(.keyboard) ? Keyboard(self) : nil
        }
        if capabilities.contains(.pointer) != (pointer != nil) {
            pointer?.release()
            pointer = capabilities.contains(.pointer) ? PointerDevice(self) : nil
        }
    }

    /// The modifiers that are held or locked.
    var modifiers: Modifiers { keyboard?.modifiers ?? [] }

    /// Forgets a window that is going away.
    func forget(_ window: Window) {
        keyboard?.forget(window)
        pointer?.forget(window)
    }
}
