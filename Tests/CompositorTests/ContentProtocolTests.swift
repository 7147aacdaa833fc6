import Gfx
import Testing
import WaylandClient

@testable import CompositorCore
@testable import Scene

/// Protocols about what a surface shows: viewports, fractional scales, buffers of one pixel, presentation times.
@Suite(.serialized) struct ContentProtocolTests {
    private func window(_ desktop: TestDesktop) throws -> (TestWindow, WlRegistry.Proxy) {
        let window = TestWindow(try desktop.connect())
        try window.show(100, 80)
        return (window, window.client.registry())
    }

    private func viewport(_ window: TestWindow, _ registry: WlRegistry.Proxy) -> WpViewport.Proxy {
        let client = window.client
        let viewporter = client.bind(registry, WpViewporter.interfaceName)
        let viewport = WpViewport.Proxy(client.outbox, client.newID(), version: 1)
        WpViewporter.Proxy(client.outbox, viewporter.id, version: 1).getViewport(id: viewport.id, surface: window.surface.id)
        return viewport
    }

    private func size(_ desktop: TestDesktop) -> Size? { desktop.compositor.surfaces.first?.surface.size }

    @Test func aViewportGivesASurfaceItsSize() throws {
        let desktop = try TestDesktop()
        let (window, registry) = try window(desktop)
        let viewport = viewport(window, registry)
        viewport.setDestination(width: 300, height: 200)
        window.client.exchange()
        #expect(size(desktop) == Size(width: 100, height: 80), "it takes effect with the commit")
        window.surface.commit()
        window.client.exchange()
        #expect(size(desktop) == Size(width: 300, height: 200))
        viewport.setDestination(width: -1, height: -1)
        viewport.setSource(x: Fixed(10), y: Fixed(20), width: Fixed(30), height: Fixed(40))
        window.surface.commit()
        window.client.exchange()
        #expect(size(desktop) == Size(width: 30, height: 40))
        viewport.destroy()
        window.surface.commit()
        window.client.exchange()
        #expect(size(desktop) == Size(width: 100, height: 80) && window.client.isAlive)
    }

    @Test(arguments: [
        (0, "1 ", [0, 0, 128, 256]), (0, "2 ", [90 << 8, 0, 20 << 8, 256]), (0, "0 ", [-256, 0, 256, 256]),
        (1, "0 ", [0, 5]), (1, "0 ", [1 << 20, 1]), (2, "0 ", []),
    ])
    func badViewportsEndTheirClient(_ kind: Int, _ code: String, _ values: [Int]) throws {
        let desktop = try TestDesktop()
        let (window, registry) = try window(desktop)
        let viewport = viewport(window, registry)
        var object = viewport.id.rawValue
        let numbers = values.map { Int32($0) }
        switch kind {
        case 0:
            let fixed = numbers.map { Fixed(rawValue: $0) }
            viewport.setSource(x: fixed[0], y: fixed[1], width: fixed[2], height: fixed[3])
        case 1: viewport.setDestination(width: numbers[0], height: numbers[1])
        default: object = self.viewport(window, registry).id.rawValue - 1
        }
        window.surface.commit()
        window.client.exchange()
        #expect(
            !window.client.isAlive && window.client.error?.hasPrefix("\(object) \(code)") == true,
            "\(window.client.error ?? "none")")
    }

    @Test func aSurfaceIsToldItsScaleOnce() throws {
        let desktop = try TestDesktop()
        let (window, registry) = try window(desktop)
        let client = window.client
        let manager = client.bind(registry, WpFractionalScaleManagerV1.interfaceName)
        let proxy = WpFractionalScaleManagerV1.Proxy(client.outbox, manager.id, version: 1)
        let scale = client.newID()
        proxy.getFractionalScale(id: scale, surface: window.surface.id)
        client.exchange()
        #expect(client.take(scale, 0).map(\.words) == [[120]])
        proxy.getFractionalScale(id: client.newID(), surface: window.surface.id)
        client.exchange()
        #expect(!client.isAlive && client.error?.hasPrefix("\(manager.id.rawValue) 0 ") == true)
    }

    @Test func aBufferOfOnePixelFillsItsViewport() throws {
        let desktop = try TestDesktop()
        let (window, registry) = try window(desktop)
        let client = window.client
        let manager = client.bind(registry, WpSinglePixelBufferManagerV1.interfaceName)
        let buffer = client.newID()
        WpSinglePixelBufferManagerV1.Proxy(client.outbox, manager.id, version: 1).createU32RgbaBuffer(
            id: buffer, r: 0x2000_0000, g: 0x4000_0000, b: .max, a: .max)
        let viewport = viewport(window, registry)
        viewport.setDestination(width: 100, height: 80)
        window.surface.attach(buffer: buffer, x: 0, y: 0)
        window.surface.damage(x: 0, y: 0, width: 100, height: 80)
        window.surface.commit()
        client.exchange()
        #expect(client.isAlive && client.take(buffer, 0).count == 1, "the buffer is the client's again")
        let picture = Picture(desktop.compositor.scene.bounds.size)
        desktop.compositor.scene.paint(Region(desktop.compositor.scene.bounds), into: picture.pixels)
        let place = try #require(desktop.compositor.surfaces.first).surface.content.globalPosition
        for offset in [Point(x: 0, y: 0), Point(x: 99, y: 40), Point(x: 50, y: 20)] {
            #expect(picture.color(at: place + offset) == 0x2040ff)
        }
    }

    @Test func clientsLearnWhenTheirContentWasShown() throws {
        let desktop = try TestDesktop()
        let (window, registry) = try window(desktop)
        let client = window.client
        let output = client.bind(registry, WlOutput.interfaceName)
        let presentation = client.bind(registry, WpPresentation.interfaceName)
        client.exchange()
        #expect(client.take(presentation.id, 0).map(\.words) == [[1]], "the monotonic clock")
        let proxy = WpPresentation.Proxy(client.outbox, presentation.id, version: 1)
        func commit() -> ObjectID {
            let feedback = client.newID()
            proxy.feedback(surface: window.surface.id, callback: feedback)
            window.surface.commit()
            return feedback
        }
        let (first, second) = (commit(), commit())
        client.exchange()
        #expect(client.take(first, 2).count == 1, "what is replaced before a frame is discarded")
        desktop.frame(2_500)
        client.exchange()
        #expect(client.take(second, 0).map(\.words) == [[output.id.rawValue]])
        #expect(client.take(second, 1).map(\.words) == [[0, 2, 500_000_000, 16_000_000, 0, 0, 0]])
        let last = commit()
        window.toplevel.destroy()
        window.xdgSurface.destroy()
        window.surface.destroy()
        client.exchange()
        #expect(client.take(last, 2).count == 1 && client.isAlive, "what is destroyed is never shown")
    }

    @Test func scalingIsSmoothAndKeepsToItsSource() {
        let buffer = FourPixels()
        let surface = Surface()
        surface.pending.attachment = .buffer(buffer)
        surface.pending.viewport = Viewport()
        // The two in the middle, twice as wide.
        surface.pending.viewport?.source = FineRect(x: 256, y: 0, width: 512, height: 256)
        surface.pending.viewport?.destination = Size(width: 4, height: 2)
        surface.commit()
        let scene = Scene(size: Size(width: 4, height: 2))
        scene.root.add(surface.node)
        let picture = Picture(Size(width: 4, height: 2))
        scene.paint(scene.takeDamage(), into: picture.pixels)
        for y in 0..<2 as Range<Int32> {
            let row = (0..<4 as Range<Int32>).map { picture.color(at: Point(x: $0, y: y)) & 0xff }
            #expect(row == [0, 0x3f, 0xbf, 0xff], "neither neighbour bleeds in: \(row)")
        }
    }
}

/// One row: white, black, blue, red.
private final class FourPixels: SurfaceBuffer {
    let size = Size(width: 4, height: 1)
    let isOpaque = true
    func withImage(_ body: (PixelImage) -> Void) {
        let pixels: [UInt32] = [0xffff_ffff, 0xff00_0000, 0xff00_00ff, 0xffff_0000]
        pixels.withUnsafeBytes { bytes in
            if let image = PixelImage(memory: bytes, width: 4, height: 1, strideBytes: 16, format: .argb8888) { body(image) }
        }
    }
    func beginUse() {}
    func endUse() {}
}
