import System
import Testing
import WaylandClient

@testable import CompositorCore

@Suite(.serialized) struct ForeignToplevelTests {
    @Test func aListFollowsTheWindows() throws {
        let desktop = try TestDesktop()
        desktop.compositor.trustsClients = true
        let window = TestWindow(try desktop.connect())
        window.toplevel.setTitle(title: "one")
        try window.show(100, 100)
        let panel = try desktop.connect()
        let registry = panel.registry()
        let manager = panel.bind(registry, ZwlrForeignToplevelManagerV1.interfaceName)
        panel.exchange()
        let announced = panel.take(manager.id, 0)
        #expect(announced.count == 1)
        let id = try #require(announced.first.flatMap { ObjectID(rawValue: $0.words[0]) })
        // Title, application, state and the end of the group; activated is 2.
        #expect(panel.take(id, 0).count == 1 && panel.take(id, 4).first?.words == [4, 2] && panel.take(id, 5).count == 1)
        let handle = ZwlrForeignToplevelHandleV1.Proxy(panel.outbox, id, version: 3)
        handle.setMaximized()
        handle.setMinimized()
        panel.exchange()
        #expect(desktop.compositor.windows.windows.first?.isMinimised == true)
        #expect(panel.take(id, 4).last?.words == [8, 0, 1])
        // Asking for the same again says nothing.
        handle.setMinimized()
        panel.exchange()
        #expect(panel.take(id, 5).count == 1)
        desktop.compositor.disconnect(window.client.server)
        panel.exchange()
        #expect(panel.take(id, 6).count == 1)
        // A closed window is no error.
        handle.close()
        handle.destroy()
        panel.exchange()
        #expect(panel.isAlive && panel.error == nil)
    }

    @Test func thePrimarySelectionGoesToWhoHasTheKeyboard() throws {
        let desktop = try TestDesktop()
        func access(_ client: TestClient, _ interface: String) -> (ObjectID, ZwpPrimarySelectionDeviceV1.Proxy) {
            let registry = client.registry()
            let manager = client.bind(registry, interface)
            let seat = client.bind(registry, WlSeat.interfaceName)
            let source = client.newID()
            let device = ZwpPrimarySelectionDeviceV1.Proxy(client.outbox, client.newID(), version: 1)
            let proxy = ZwpPrimarySelectionDeviceManagerV1.Proxy(client.outbox, manager.id, version: 1)
            proxy.createSource(id: source)
            proxy.getDevice(id: device.id, seat: seat.id)
            ZwpPrimarySelectionSourceV1.Proxy(client.outbox, source, version: 1).offer(mimeType: "text/plain")
            return (source, device)
        }
        let writer = TestWindow(try desktop.connect())
        let reader = TestWindow(try desktop.connect())
        try reader.show(50, 50)
        let (_, readerDevice) = access(reader.client, "gtk_primary_selection_device_manager")
        reader.client.exchange()
        let (source, device) = access(writer.client, ZwpPrimarySelectionDeviceManagerV1.interfaceName)
        device.setSelection(source: source, serial: 1)
        writer.client.exchange()
        // It has not the keyboard.
        #expect(writer.client.take(source, 1).count == 1)
        try writer.show(50, 50)
        device.setSelection(source: source, serial: 2)
        writer.client.exchange()
        let readerWindow = try #require(desktop.compositor.windows.windows.first)
        _ = reader.client.take(readerDevice.id, 1)
        desktop.compositor.windows.activate(readerWindow)
        reader.client.exchange()
        let offer = try #require(reader.client.take(readerDevice.id, 0).first.flatMap { ObjectID(rawValue: $0.words[0]) })
        #expect(reader.client.take(offer, 0).count == 1 && reader.client.take(readerDevice.id, 1).last?.words == [offer.rawValue])
        let pipe = try FileDescriptor.memory("pipe", byteCount: 1)
        ZwpPrimarySelectionOfferV1.Proxy(reader.client.outbox, offer, version: 1).receive(mimeType: "text/plain", fd: pipe)
        reader.client.exchange()
        writer.client.exchange()
        #expect(writer.client.take(source, 0).count == 1)
    }
}
