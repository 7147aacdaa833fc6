// The pointer: where it is, clicks, and the wheel.

import Gfx
import Keymap
import System
import WaylandClient

final class PointerDevice {
    private unowned(unsafe) let seat: Seat
    private var proxy: WlPointer.Proxy
    private var focus: Window?
    private var enterSerial: UInt32 = 0
    /// In surface coordinates.
    private var x = Fixed(0)
    private var y = Fixed(0)
    /// What the wheel did in this group of events.
    private var scroll = (horizontal: Fixed(0), vertical: Fixed(0))
    private var steps = (horizontal: Int32(0), vertical: Int32(0))
    private var lastClick = (time: UInt32(0), position: Point.zero, button: UInt32(0), count: 0)
    private var cursor: CursorImage?

    /// Clicks that belong together are no further apart than this.
    private static var doubleClickMilliseconds: UInt32 { 400 }
    private static var doubleClickDistance: Int32 { 5 }

    init(_ seat: Seat) {
        self.seat = seat
        let connection = seat.display.connection
        proxy = WlPointer.Proxy(connection.outbox, .display, version: seat.proxy.version)
        unowned(unsafe) let this = self
        // SAFETY: the seat owns this object; its events are not delivered after `release`.
        let id = connection.create { message throws(WireError) in try this.receive(&message) }
        seat.proxy.getPointer(id: id)
        proxy = WlPointer.Proxy(connection.outbox, id, version: seat.proxy.version)
    }

    func release() {
        if proxy.version >= 3 { proxy.release() }
        seat.display.connection.retire(proxy.id)
    }

    func forget(_ window: Window) { if focus === window { focus = nil } }

    private func receive(_ message: inout IncomingMessage) throws(WireError) {
        let event = try WlPointer.Event.decode(&message, version: proxy.version)
        switch event {
        case .enter(let serial, let surface, let surfaceX, let surfaceY):
            seat.serial = serial
            enterSerial = serial
            x = surfaceX
            y = surfaceY
            focus = seat.display.window(of: surface)
            updateCursor()
            deliver(.enter)
        case .leave(let serial, _):
            seat.serial = serial
            deliver(.leave)
            focus = nil
        case .motion(_, let surfaceX, let surfaceY):
            x = surfaceX
            y = surfaceY
            deliver(.motion)
        case .button(let serial, let time, let button, let state):
            seat.serial = serial
            click(button, time, pressed: state == .pressed)
        case .axis(_, let axis, let value):
            if axis == .verticalScroll {
                scroll.vertical = scroll.vertical + value
            } else {
                scroll.horizontal = scroll.horizontal + value
            }
            // Servers before version 5 do not group events.
            if proxy.version < 5 { finishGroup() }
        case .axisDiscrete(let axis, let count):
            if axis == .verticalScroll { steps.vertical &+= count &* 120 } else { steps.horizontal &+= count &* 120 }
        case .axisValue120(let axis, let value):
            if axis == .verticalScroll { steps.vertical &+= value } else { steps.horizontal &+= value }
        case .frame: finishGroup()
        default: break
        }
    }

    private func finishGroup() {
        // Touchpads have no steps: ten units of theirs are one step of a wheel.
        let vertical = steps.vertical != 0 ? steps.vertical : scroll.vertical.rawValue &* 12 / 256
        let horizontal = steps.horizontal != 0 ? steps.horizontal : scroll.horizontal.rawValue &* 12 / 256
        scroll = (Fixed(0), Fixed(0))
        steps = (0, 0)
        if vertical != 0 || horizontal != 0 { deliver(.scroll(horizontal: horizontal, vertical: vertical)) }
    }

    private func click(_ button: UInt32, _ time: UInt32, pressed: Bool) {
        let name: PointerEvent.Button
        switch button {
        case 0x110: name = .left
        case 0x111: name = .right
        case 0x112: name = .middle
        default: name = .other(button)
        }
        guard pressed else { return deliver(.release(name)) }
        let here = position
        let near =
            abs(here.x - lastClick.position.x) <= PointerDevice.doubleClickDistance
            && abs(here.y - lastClick.position.y) <= PointerDevice.doubleClickDistance
        let again = near && lastClick.button == button && time &- lastClick.time <= PointerDevice.doubleClickMilliseconds
        lastClick = (time, here, button, again ? lastClick.count % 3 + 1 : 1)
        deliver(.press(name, clickCount: lastClick.count))
    }

    private var position: Point {
        let scale = focus?.scale ?? 1
        return Point(x: (x.rawValue &* scale) >> 8, y: (y.rawValue &* scale) >> 8)
    }

    private func deliver(_ kind: PointerEvent.Kind) {
        focus?.deliver(PointerEvent(kind: kind, position: position, modifiers: seat.modifiers))
    }

    /// Shows the shape that the window under the pointer wants.
    func updateCursor() {
        guard let focus else { return }
        if cursor?.shape != focus.cursorShape || cursor?.scale != focus.scale {
            cursor?.destroy()
            cursor = CursorImage(focus.cursorShape, focus.scale, seat.display)
        }
        guard let cursor else { return }
        proxy.setCursor(
            serial: enterSerial, surface: cursor.surface, hotspotX: cursor.hotspot.x, hotspotY: cursor.hotspot.y)
    }
}
