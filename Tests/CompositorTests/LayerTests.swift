import Gfx
import Scene
import ShellPolicy
import Testing
import WaylandClient

@testable import CompositorCore

@Suite(.serialized) struct LayerTests {
    @Test func placementsFollowTheirAnchors() {
        let area = Rect(x: 0, y: 30, width: 800, height: 570)
        var placement = LayerPlacement()
        placement.size = Size(width: 100, height: 40)
        #expect(placement.origin(for: placement.size, in: area) == Point(x: 350, y: 295))
        placement.anchor = [.bottom, .right]
        placement.margins.bottom = 5
        placement.margins.right = 7
        #expect(placement.origin(for: placement.size, in: area) == Point(x: 693, y: 555))
        placement.size.width = 0
        #expect(!placement.isComplete)
        placement.anchor = [.bottom, .left, .right]
        #expect(placement.isComplete && placement.size(in: area) == Size(width: 793, height: 40))
        placement.exclusiveZone = 40
        #expect(placement.remainder(of: area) == Rect(x: 0, y: 30, width: 800, height: 525))
        placement.exclusiveZone = .max
        #expect(placement.remainder(of: area).height >= 1)
    }

    /// A surface with the role, not committed yet.
    private func layerSurface(
        _ window: TestWindow, _ place: ZwlrLayerShellV1.Layer, namespace: String
    ) -> (ZwlrLayerSurfaceV1.Proxy, WlSurface.Proxy) {
        let client = window.client
        let shell = client.bind(client.registry(), ZwlrLayerShellV1.interfaceName)
        let surface = WlSurface.Proxy(client.outbox, client.newID(), version: 5)
        window.compositor.createSurface(id: surface.id)
        let layer = ZwlrLayerSurfaceV1.Proxy(client.outbox, client.newID(), version: 4)
        ZwlrLayerShellV1.Proxy(client.outbox, shell.id, version: 4).getLayerSurface(
            id: layer.id, surface: surface.id, output: nil, layer: place, namespace: namespace)
        return (layer, surface)
    }

    /// A bar at the bottom, and the surface that it draws on.
    private func bar(_ window: TestWindow, zone: Int32) throws -> (ZwlrLayerSurfaceV1.Proxy, WlSurface.Proxy) {
        let client = window.client
        let (layer, surface) = layerSurface(window, .top, namespace: "bar")
        layer.setSize(width: 0, height: 50)
        layer.setAnchor(anchor: [.bottom, .left, .right])
        layer.setExclusiveZone(zone: zone)
        surface.commit()
        client.exchange()
        let configure = client.take(layer.id, 0)
        #expect(configure.count == 1 && configure.first?.words[1...] == [800, 50])
        layer.ackConfigure(serial: configure.first?.words[0] ?? 0)
        surface.attach(buffer: try window.buffer(800, 50), x: 0, y: 0)
        surface.commit()
        client.exchange()
        return (layer, surface)
    }

    @Test func aBarKeepsWindowsAway() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        try window.show(100, 100)
        let (layer, surface) = try bar(window, zone: 50)
        #expect(desktop.compositor.windows.workArea == Rect(x: 0, y: 30, width: 800, height: 520))
        #expect(desktop.compositor.scene.hitTest(Point(x: 400, y: 580))?.target is ClientSurface)
        // It takes no keyboard: the window keeps it.
        #expect(desktop.compositor.seat.keyboardFocus?.id == window.surface.id)
        layer.setKeyboardInteractivity(keyboardInteractivity: .exclusive)
        surface.commit()
        window.client.exchange()
        #expect(desktop.compositor.seat.keyboardFocus?.id == surface.id)
        layer.destroy()
        surface.destroy()
        window.client.exchange()
        #expect(window.client.error == nil)
        #expect(desktop.compositor.windows.workArea == Rect(x: 0, y: 30, width: 800, height: 570))
        #expect(desktop.compositor.seat.keyboardFocus?.id == window.surface.id)
    }

    @Test func aBufferBeforeTheConfigureIsAnError() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        let client = window.client
        let (layer, surface) = layerSurface(window, .overlay, namespace: "hasty")
        layer.setSize(width: 10, height: 10)
        surface.attach(buffer: try window.buffer(10, 10), x: 0, y: 0)
        surface.commit()
        client.exchange()
        #expect(!client.isAlive && client.error?.hasPrefix("\(layer.id.rawValue) 0 ") == true)
    }
}
