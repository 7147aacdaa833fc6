// wl_seat, wl_pointer and wl_keyboard of one client.

import Gfx
import Keymap
import Scene
import WaylandServer

extension Client {
    func seat(_ id: ObjectID, _ version: UInt32, _ request: WlSeat.Request) throws(WireError) {
        switch request {
        case .getPointer(let new):
            let pointer = PointerResource(self, new, version)
            try add(new, version, .pointer(pointer))
            compositor.seat.add(pointer)
        case .getKeyboard(let new):
            let keyboard = KeyboardResource(self, new, version)
            try add(new, version, .keyboard(keyboard))
            compositor.seat.add(keyboard)
        case .getTouch(let new):
            let touch = TouchResource(self, new, version)
            try add(new, version, .touch(touch))
            compositor.seat.touches.append(touch)
        case .release: remove(id)
        }
    }
}

/// A `wl_pointer`.
final class PointerResource {
    // SAFETY: a client ends its pointers before it goes away.
    unowned(unsafe) let client: Client
    let id: ObjectID
    private let resource: WlPointer.Resource

    init(_ client: Client, _ id: ObjectID, _ version: UInt32) {
        self.client = client
        self.id = id
        resource = WlPointer.Resource(client.outbox, id, version: version)
    }

    private var seat: Seat { client.compositor.seat }

    func handle(_ request: WlPointer.Request) {
        switch request {
        case .release:
            end()
            client.remove(id)
        case .setCursor(let serial, let surfaceID, let x, let y):
            var surface: ClientSurface?
            if let surfaceID {
                surface = client.surface(surfaceID)
                guard let surface, surface.take(role: .cursor) else {
                    return client.fail(id, WlPointer.ErrorCode.role.rawValue, "the surface has another role")
                }
            }
            seat.setCursor(surface, hotspot: Point(x: x, y: y), by: client, serial: serial)
        }
    }

    func end() { seat.remove(self) }

    func enter(_ surface: ClientSurface, _ position: FinePoint) {
        resource.enter(
            serial: seat.pointerEnterSerial, surface: surface.id, surfaceX: Fixed(rawValue: position.x),
            surfaceY: Fixed(rawValue: position.y))
    }

    func leave(_ surface: ClientSurface) { resource.leave(serial: client.compositor.nextSerial(), surface: surface.id) }

    func motion(_ position: FinePoint, _ time: UInt32) {
        resource.motion(time: time, surfaceX: Fixed(rawValue: position.x), surfaceY: Fixed(rawValue: position.y))
    }

    func button(_ button: PointerButton) {
        resource.button(
            serial: seat.buttonSerial, time: button.timeMilliseconds, button: button.code,
            state: button.isPressed ? .pressed : .released)
    }

    func scroll(_ scroll: PointerScroll) {
        if let source = scroll.source { resource.axisSource(axisSource: WlPointer.AxisSource(rawValue: source)) }
        axis(.verticalScroll, scroll.vertical, scroll.timeMilliseconds)
        axis(.horizontalScroll, scroll.horizontal, scroll.timeMilliseconds)
    }

    private func axis(_ axis: WlPointer.Axis, _ scroll: PointerScroll.Axis, _ time: UInt32) {
        if scroll.stops { return resource.axisStop(time: time, axis: axis) }
        guard scroll.value120 != 0 || scroll.distance != nil else { return }
        if scroll.value120 != 0, resource.version >= 8 {
            resource.axisValue120(axis: axis, value120: scroll.value120)
        } else if scroll.value120 != 0, scroll.value120 % 120 == 0 {
            resource.axisDiscrete(axis: axis, discrete: scroll.value120 / 120)
        }
        // A detent is 15 units of distance, as everywhere.
        let distance = scroll.distance ?? Int32(clamping: Int64(scroll.value120) * 15 * 256 / 120)
        resource.axis(time: time, axis: axis, value: Fixed(rawValue: distance))
    }

    func frame() { resource.frame() }
}

/// A `wl_keyboard`.
final class KeyboardResource {
    // SAFETY: a client ends its keyboards before it goes away.
    unowned(unsafe) let client: Client
    let id: ObjectID
    let resource: WlKeyboard.Resource

    init(_ client: Client, _ id: ObjectID, _ version: UInt32) {
        self.client = client
        self.id = id
        resource = WlKeyboard.Resource(client.outbox, id, version: version)
    }

    func end() { client.compositor.seat.remove(self) }

    func enter(_ surface: ClientSurface, _ keys: [UInt32]) {
        var bytes: [UInt8] = []
        for key in keys { withUnsafeBytes(of: key.littleEndian) { bytes += $0 } }
        resource.enter(serial: client.compositor.nextSerial(), surface: surface.id, keys: bytes)
    }

    func leave(_ surface: ClientSurface) { resource.leave(serial: client.compositor.nextSerial(), surface: surface.id) }

    func key(_ code: UInt32, _ isPressed: Bool, _ serial: UInt32, _ time: UInt32) {
        resource.key(serial: serial, time: time, key: code, state: isPressed ? .pressed : .released)
    }

    func modifiers(_ state: ModifierState, _ serial: UInt32) {
        resource.modifiers(
            serial: serial, modsDepressed: state.depressed.rawValue, modsLatched: 0, modsLocked: state.locked.rawValue, group: 0)
    }
}
