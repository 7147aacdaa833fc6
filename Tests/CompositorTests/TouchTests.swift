import Gfx
import Scene
import Testing
import WaylandClient

@testable import CompositorCore

@Suite(.serialized) struct TouchTests {
    @Test func aFingerStaysWithItsSurface() throws {
        let desktop = try TestDesktop()
        desktop.compositor.seat.hasTouch = true
        let window = TestWindow(try desktop.connect())
        let touch = WlTouch.Proxy(window.client.outbox, window.client.newID(), version: 8)
        window.seat.getTouch(id: touch.id)
        try window.show(100, 100)
        let seat = desktop.compositor.seat
        let corner = try #require(desktop.compositor.windows.active).content.origin
        seat.touchDown(3, at: FinePoint(corner + Point(x: 10, y: 20)), timeMilliseconds: 1)
        seat.touchFrame()
        // Outside of the window, and still its own.
        seat.touchMoved(3, to: FinePoint(corner + Point(x: -50, y: 20)), timeMilliseconds: 2)
        seat.touchFrame()
        window.client.exchange()
        let down = window.client.take(touch.id, 0)
        #expect(down.count == 1 && down[0].words[2...] == [window.surface.id.rawValue, 3, 10 << 8, 20 << 8])
        let motion = window.client.take(touch.id, 2)
        #expect(motion.count == 1 && motion[0].words[2] == UInt32(bitPattern: -50 * 256))
        // The window moves below the finger.
        desktop.compositor.windows.active?.move(to: corner + Point(x: 5, y: 0))
        window.client.exchange()
        #expect(window.client.take(touch.id, 2).count == 1)
        // A surface that ends lifts it.
        window.toplevel.destroy()
        window.xdgSurface.destroy()
        window.surface.destroy()
        window.client.exchange()
        #expect(window.client.take(touch.id, 1).count == 1)
        seat.touchUp(3, timeMilliseconds: 4)
        #expect(seat.touchPoints.isEmpty && window.client.error == nil)
    }
}
