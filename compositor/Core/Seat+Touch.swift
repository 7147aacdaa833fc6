// Touch: each finger belongs to the surface on which it came down, until it is lifted.

import Gfx
import Scene
import WaylandServer

/// A finger on the screen. Its surface is nil once it has ended, or where the finger is on none.
struct TouchPoint {
    let id: Int32
    var surface: ClientSurface?
    var position: FinePoint
    /// The position on the surface, as was last told.
    var local = FinePoint(.zero)
}

extension Seat {
    /// More fingers than any screen reports.
    static var touchLimit: Int { 32 }

    /// A finger came down; it also activates the window below it.
    public func touchDown(_ id: Int32, at position: FinePoint, timeMilliseconds: UInt32) {
        guard touchPoints.count < Seat.touchLimit, !touchPoints.contains(where: { $0.id == id }) else { return }
        let hit = compositor.scene.hitTest(position.pixel)
        let surface = hit?.target as? ClientSurface
        touchPoints.append(TouchPoint(id: id, surface: surface, position: position))
        compositor.dismissPopups(pressedAt: surface)
        guard let surface, let hit else { return }
        compositor.windows.surfacePressed(surface)
        buttonSerial = compositor.nextSerial()
        let local = position - FinePoint(hit.node.globalPosition)
        touchPoints[touchPoints.count - 1].local = local
        sendTouch(to: surface.client) { $0.down(surface, id, local, self.buttonSerial, timeMilliseconds) }
    }

    public func touchMoved(_ id: Int32, to position: FinePoint, timeMilliseconds: UInt32) {
        guard let index = touchPoints.firstIndex(where: { $0.id == id }), touchPoints[index].position != position else { return }
        touchPoints[index].position = position
        guard let surface = touchPoints[index].surface else { return }
        let local = position - FinePoint(surface.surface.content.globalPosition)
        touchPoints[index].local = local
        sendTouch(to: surface.client) { $0.motion(id, local, timeMilliseconds) }
    }

    public func touchUp(_ id: Int32, timeMilliseconds: UInt32) {
        guard let index = touchPoints.firstIndex(where: { $0.id == id }) else { return }
        let point = touchPoints.remove(at: index)
        guard let surface = point.surface else { return }
        let serial = compositor.nextSerial()
        sendTouch(to: surface.client) { $0.up(id, serial, timeMilliseconds) }
    }

    /// Tells clients that their surfaces have moved below the fingers.
    func refreshTouches() {
        guard !touchPoints.isEmpty else { return }
        for index in touchPoints.indices {
            guard let surface = touchPoints[index].surface else { continue }
            let local = touchPoints[index].position - FinePoint(surface.surface.content.globalPosition)
            guard local != touchPoints[index].local else { continue }
            touchPoints[index].local = local
            sendTouch(to: surface.client) { $0.motion(touchPoints[index].id, local, compositor.now) }
        }
        touchFrame()
    }

    /// The end of a report of a touch screen.
    public func touchFrame() { for touch in touches { touch.frame() } }

    func touchSurfaceEnded(_ surface: ClientSurface) {
        var ended = false
        for index in touchPoints.indices where touchPoints[index].surface === surface {
            touchPoints[index].surface = nil
            let serial = compositor.nextSerial()
            sendTouch(to: surface.client) { $0.up(touchPoints[index].id, serial, compositor.now) }
            ended = true
        }
        if ended { touchFrame() }
    }

    private func sendTouch(to client: Client, _ body: (TouchResource) -> Void) {
        for touch in touches where touch.client === client { body(touch) }
    }
}

/// A `wl_touch`.
final class TouchResource {
    // SAFETY: a client ends its objects before it goes away.
    unowned(unsafe) let client: Client
    private let resource: WlTouch.Resource
    /// Whether events were sent since the last frame event.
    private var hasEvents = false

    init(_ client: Client, _ id: ObjectID, _ version: UInt32) {
        self.client = client
        resource = WlTouch.Resource(client.outbox, id, version: version)
    }

    func down(_ surface: ClientSurface, _ id: Int32, _ position: FinePoint, _ serial: UInt32, _ time: UInt32) {
        resource.down(
            serial: serial, time: time, surface: surface.id, id: id, x: Fixed(rawValue: position.x),
            y: Fixed(rawValue: position.y))
        hasEvents = true
    }

    func motion(_ id: Int32, _ position: FinePoint, _ time: UInt32) {
        resource.motion(time: time, id: id, x: Fixed(rawValue: position.x), y: Fixed(rawValue: position.y))
        hasEvents = true
    }

    func up(_ id: Int32, _ serial: UInt32, _ time: UInt32) {
        resource.up(serial: serial, time: time, id: id)
        hasEvents = true
    }

    func frame() {
        guard hasEvents else { return }
        hasEvents = false
        resource.frame()
    }

    func end() { client.compositor.seat.touches.removeAll { $0 === self } }
}
