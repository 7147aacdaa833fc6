import Gfx
import Scene
import Testing
import WaylandClient

@testable import CompositorCore

@Suite(.serialized) struct PointerProtocolTests {
    /// A window with the pointer in its middle, and the pointer's object.
    private func window(_ desktop: TestDesktop) throws -> (TestWindow, WlPointer.Proxy, WlRegistry.Proxy) {
        let window = TestWindow(try desktop.connect())
        let pointer = WlPointer.Proxy(window.client.outbox, window.client.newID(), version: 8)
        window.seat.getPointer(id: pointer.id)
        try window.show(100, 100)
        let origin = try #require(desktop.compositor.windows.active).content.origin
        desktop.compositor.seat.movePointer(to: FinePoint(origin + Point(x: 50, y: 50)), timeMilliseconds: 1)
        window.client.exchange()
        return (window, pointer, window.client.registry())
    }

    @Test func aLockedPointerStaysAndTellsItsMotion() throws {
        let desktop = try TestDesktop()
        let (window, pointer, registry) = try window(desktop)
        let client = window.client
        let relatives = client.bind(registry, ZwpRelativePointerManagerV1.interfaceName)
        let relative = client.newID()
        ZwpRelativePointerManagerV1.Proxy(client.outbox, relatives.id, version: 1).getRelativePointer(
            id: relative, pointer: pointer.id)
        let constraints = client.bind(registry, ZwpPointerConstraintsV1.interfaceName)
        let lock = ZwpLockedPointerV1.Proxy(client.outbox, client.newID(), version: 1)
        let manager = ZwpPointerConstraintsV1.Proxy(client.outbox, constraints.id, version: 1)
        manager.lockPointer(id: lock.id, surface: window.surface.id, pointer: pointer.id, region: nil, lifetime: .oneshot)
        client.exchange()
        #expect(client.take(lock.id, 0).count == 1)
        let seat = desktop.compositor.seat
        let before = seat.position
        seat.movePointer(by: 7, -3, timeMilliseconds: 5)
        client.exchange()
        #expect(seat.position == before)
        let motion = client.take(relative, 0)
        #expect(
            motion.count == 1
                && motion[0].words == [0, 5000, 7 << 8, UInt32(bitPattern: -3 * 256), 7 << 8, UInt32(bitPattern: -3 * 256)])
        // Another window takes the keyboard: the pointer is free, for good as the lock was for once.
        let other = TestWindow(try desktop.connect())
        try other.show(50, 50)
        client.exchange()
        #expect(client.take(lock.id, 1).count == 1)
        seat.movePointer(by: 1, 0, timeMilliseconds: 6)
        #expect(seat.position != before)
        // A second one for the same surface is allowed only when the first is over.
        let again = client.newID()
        manager.lockPointer(id: again, surface: window.surface.id, pointer: pointer.id, region: nil, lifetime: .persistent)
        manager.lockPointer(
            id: client.newID(), surface: window.surface.id, pointer: pointer.id, region: nil, lifetime: .persistent)
        client.exchange()
        #expect(!client.isAlive && client.error?.hasPrefix("\(constraints.id.rawValue) 1 ") == true)
        #expect(seat.constraints.isEmpty && seat.relativePointers.isEmpty)
    }

    @Test func aConfinedPointerStaysInItsRegion() throws {
        let desktop = try TestDesktop()
        let (window, pointer, registry) = try window(desktop)
        let client = window.client
        let region = WlRegion.Proxy(client.outbox, client.newID(), version: 1)
        window.compositor.createRegion(id: region.id)
        region.add(x: 40, y: 40, width: 20, height: 20)
        let constraints = client.bind(registry, ZwpPointerConstraintsV1.interfaceName)
        let confined = ZwpConfinedPointerV1.Proxy(client.outbox, client.newID(), version: 1)
        ZwpPointerConstraintsV1.Proxy(client.outbox, constraints.id, version: 1).confinePointer(
            id: confined.id, surface: window.surface.id, pointer: pointer.id, region: region.id, lifetime: .persistent)
        client.exchange()
        #expect(client.take(confined.id, 0).count == 1)
        let seat = desktop.compositor.seat
        seat.movePointer(by: 300, 0, timeMilliseconds: 2)
        let origin = try #require(desktop.compositor.windows.active).content.origin
        #expect(seat.position.pixel == origin + Point(x: 59, y: 50))
        confined.destroy()
        client.exchange()
        seat.movePointer(by: 300, 0, timeMilliseconds: 3)
        #expect(seat.position.pixel == origin + Point(x: 359, y: 50))
    }

    @Test func privilegedProtocolsNeedTrust() throws {
        let desktop = try TestDesktop()
        let client = try desktop.connect()
        let registry = client.registry()
        #expect(client.globals[ZwlrVirtualPointerManagerV1.interfaceName] == nil)
        // Whoever knows the number does not get it either.
        registry.bind(
            name: Global.virtualPointers.rawValue,
            id: UntypedNewID(interface: ZwlrVirtualPointerManagerV1.interfaceName, version: 1, id: client.newID()))
        client.exchange()
        #expect(!client.isAlive)
    }

    @Test func aVirtualPointerActsWithItsFrame() throws {
        let desktop = try TestDesktop()
        desktop.compositor.trustsClients = true
        let (window, pointer, registry) = try window(desktop)
        let client = window.client
        let manager = client.bind(registry, ZwlrVirtualPointerManagerV1.interfaceName)
        let virtual = ZwlrVirtualPointerV1.Proxy(client.outbox, client.newID(), version: 2)
        ZwlrVirtualPointerManagerV1.Proxy(client.outbox, manager.id, version: 2).createVirtualPointer(
            seat: nil, id: virtual.id)
        virtual.button(time: 1, button: PointerButton.left, state: .pressed)
        virtual.axis(time: 1, axis: .verticalScroll, value: Fixed(9))
        client.exchange()
        #expect(client.take(pointer.id, 3).isEmpty)
        virtual.frame()
        client.exchange()
        #expect(client.take(pointer.id, 3).count == 1)
        #expect(client.take(pointer.id, 4).first?.words[2] == 9 << 8)
        // What it holds is let go when it ends.
        virtual.destroy()
        client.exchange()
        #expect(client.take(pointer.id, 3).count == 1 && desktop.compositor.seat.pressedButtons.isEmpty)
    }
}
