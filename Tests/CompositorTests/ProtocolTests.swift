import Gfx
import Scene
import System
import Testing
import WaylandClient

@testable import CompositorCore

@Suite(.serialized) struct ProtocolTests {
    @Test func announcesItsGlobals() throws {
        let client = try TestDesktop().connect()
        _ = client.registry()
        #expect(
            Set(client.globals.keys) == [
                "wl_compositor", "wl_subcompositor", "wl_shm", "wl_seat", "wl_output", "wl_data_device_manager", "xdg_wm_base",
                "zxdg_decoration_manager_v1", "wl_shell", "zxdg_shell_v6",
                "zwlr_layer_shell_v1", "zwp_pointer_constraints_v1", "zwp_relative_pointer_manager_v1",
                "zwp_primary_selection_device_manager_v1", "gtk_primary_selection_device_manager", "zxdg_output_manager_v1",
                "wp_viewporter", "wp_fractional_scale_manager_v1", "wp_single_pixel_buffer_manager_v1", "wp_presentation",
            ])
    }

    @Test func aWindowIsConfiguredMappedAndClosed() throws {
        let desktop = try TestDesktop()
        let client = try desktop.connect()
        let window = TestWindow(client)
        window.toplevel.setTitle(title: "Test")
        window.surface.commit()
        client.exchange()
        #expect(client.take(window.toplevel.id, 0).count == 1)
        #expect(client.take(window.xdgSurface.id, 0).count == 1)
        #expect(desktop.compositor.windows.windows.isEmpty)
        // A new window, as its first configure was just taken.
        let second = TestWindow(try desktop.connect())
        try second.show(300, 200)
        let shown = try #require(desktop.compositor.windows.active)
        #expect(shown.frameRect.size == Size(width: 300, height: 234))
        shown.close()
        _ = second.client.server.flush()
        second.client.readEvents()
        #expect(second.client.take(second.toplevel.id, 1).count == 1)
        second.toplevel.destroy()
        second.client.exchange()
        #expect(desktop.compositor.windows.windows.isEmpty && second.client.error == nil)
    }

    @Test func frameCallbacksFollowTheFrame() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        try window.show(100, 100)
        desktop.frame()
        let callback = window.client.newID()
        window.surface.frame(callback: callback)
        window.surface.commit()
        window.client.exchange()
        #expect(window.client.take(callback, 0).isEmpty && desktop.compositor.needsFrame)
        desktop.frame(77)
        _ = window.client.server.flush()
        window.client.readEvents()
        #expect(window.client.take(callback, 0).first?.words == [77])
    }

    @Test func clientsDamagePassesThroughTightly() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        try window.show(400, 300)
        desktop.frame()
        let origin = desktop.compositor.windows.active!.content.origin
        let buffer = try window.buffer(400, 300)
        window.surface.attach(buffer: buffer, x: 0, y: 0)
        window.surface.damageBuffer(x: 8, y: 18, width: 8, height: 18)
        window.surface.damageBuffer(x: 200, y: 200, width: 8, height: 18)
        window.surface.commit()
        window.client.exchange()
        #expect(
            desktop.compositor.scene.takeDamage()
                == Region([
                    Rect(x: origin.x + 8, y: origin.y + 18, width: 8, height: 18),
                    Rect(x: origin.x + 200, y: origin.y + 200, width: 8, height: 18),
                ]))
    }

    @Test func buffersAreReleased() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        try window.show(100, 100)
        let first = try window.buffer(100, 100)
        let second = try window.buffer(100, 100, sealed: false)
        window.surface.attach(buffer: first, x: 0, y: 0)
        window.surface.commit()
        window.client.exchange()
        #expect(window.client.take(first, 0).isEmpty)
        window.surface.attach(buffer: second, x: 0, y: 0)
        window.surface.commit()
        window.client.exchange()
        #expect(window.client.take(first, 0).count == 1)
        // A file that could shrink was copied at the commit, so it is free already.
        #expect(window.client.take(second, 0).count == 1)
    }

    @Test func aShrinkingFileDoesNotKill() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        try window.show(64, 64)
        let file = try FileDescriptor.memory("shrinks", byteCount: 64 * 64 * 4)
        let pool = WlShmPool.Proxy(window.client.outbox, window.client.newID(), version: 1)
        window.shm.createPool(id: pool.id, fd: file, size: 64 * 64 * 4)
        let buffer = window.client.newID()
        pool.createBuffer(id: buffer, offset: 0, width: 64, height: 64, stride: 256, format: .argb8888)
        window.client.exchange()
        try file.truncate(byteCount: 0)
        window.surface.attach(buffer: buffer, x: 0, y: 0)
        window.surface.damageBuffer(x: 0, y: 0, width: 64, height: 64)
        window.surface.commit()
        window.client.exchange()
        paint(desktop)
        #expect(window.client.error?.contains("\(buffer.rawValue) 2 the file is shorter") == true)
    }

    @Test func keysGoToTheFocusedWindow() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        let keyboard = WlKeyboard.Proxy(window.client.outbox, window.client.newID(), version: 8)
        window.seat.getKeyboard(id: keyboard.id)
        try window.show(100, 100)
        #expect(window.client.take(keyboard.id, 1).count == 1)
        let seat = desktop.compositor.seat
        seat.pressKey(42, isPressed: true, timeMilliseconds: 5)
        seat.pressKey(30, isPressed: true, timeMilliseconds: 6)
        seat.pressKey(30, isPressed: true, timeMilliseconds: 7)
        seat.pressKey(30, isPressed: false, timeMilliseconds: 8)
        _ = window.client.server.flush()
        window.client.readEvents()
        let keys = window.client.take(keyboard.id, 3)
        #expect(keys.map { $0.words[2] } == [42, 30, 30])
        #expect(keys.map { $0.words[3] } == [1, 1, 0])
        #expect(window.client.take(keyboard.id, 4).last?.words[1] == 1)
    }

    @Test func thePointerEntersMovesAndPresses() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        let pointer = WlPointer.Proxy(window.client.outbox, window.client.newID(), version: 8)
        window.seat.getPointer(id: pointer.id)
        try window.show(200, 100)
        let seat = desktop.compositor.seat
        seat.movePointer(to: FinePoint(.zero), timeMilliseconds: 0)
        let content = desktop.compositor.windows.active!.content
        seat.movePointer(to: FinePoint(content.origin + Point(x: 10, y: 20)), timeMilliseconds: 1)
        seat.movePointer(by: 5, 0, timeMilliseconds: 2)
        seat.pressButton(PointerButton(code: PointerButton.left, isPressed: true, timeMilliseconds: 3))
        // While the button is held the events keep coming, also from outside.
        seat.movePointer(to: FinePoint(.zero), timeMilliseconds: 4)
        seat.pressButton(PointerButton(code: PointerButton.left, isPressed: false, timeMilliseconds: 5))
        _ = window.client.server.flush()
        window.client.readEvents()
        #expect(window.client.take(pointer.id, 0).last.map { [$0.words[2], $0.words[3]] } == [10 * 256, 20 * 256])
        #expect(window.client.take(pointer.id, 2).count == 2)
        #expect(window.client.take(pointer.id, 3).map { $0.words[3] } == [1, 0])
        #expect(window.client.take(pointer.id, 1).count >= 1)
    }

    // MARK: Violations

    private func paint(_ desktop: TestDesktop) {
        let size = desktop.compositor.scene.bounds.size
        var pixels = [UInt32](repeating: 0, count: Int(size.width * size.height))
        pixels.withUnsafeMutableBytes { bytes in
            let view = PixelBuffer(
                memory: bytes, width: size.width, height: size.height, strideBytes: Int(size.width) * 4, format: .xrgb8888)!
            desktop.compositor.scene.paint(desktop.compositor.scene.takeDamage(), into: view)
        }
    }

    @Test func aViolationEndsOnlyItsClient() throws {
        let desktop = try TestDesktop()
        let good = TestWindow(try desktop.connect())
        try good.show(100, 100)
        let bad = TestWindow(try desktop.connect())
        // A buffer before the first configure.
        bad.surface.attach(buffer: try bad.buffer(10, 10), x: 0, y: 0)
        bad.surface.commit()
        bad.client.exchange()
        #expect(!bad.client.isAlive)
        #expect(bad.client.error?.hasPrefix("\(bad.xdgSurface.id.rawValue) 3 ") == true)
        #expect(desktop.compositor.clients.count == 1)
        good.surface.commit()
        good.client.exchange()
        #expect(good.client.isAlive && desktop.compositor.windows.windows.count == 1)
    }

    @Test func wrongArgumentsAreNamed() throws {
        let desktop = try TestDesktop()
        func violation(_ act: (TestWindow) throws -> Void) throws -> String? {
            let window = TestWindow(try desktop.connect())
            window.client.exchange()
            try act(window)
            window.client.exchange()
            #expect(!window.client.isAlive)
            return window.client.error
        }
        #expect(try violation { $0.toplevel.setMinSize(width: -1, height: 0) } != nil)
        #expect(try violation { $0.xdgSurface.ackConfigure(serial: 12345) } != nil)
        #expect(try violation { $0.xdgSurface.setWindowGeometry(x: 0, y: 0, width: 0, height: 1) } != nil)
        #expect(try violation { $0.surface.setBufferScale(scale: 0) } != nil)
        #expect(try violation { $0.compositor.createSurface(id: ObjectID(rawValue: 4000)!) }?.contains("wl_compositor") == true)
        #expect(try violation { $0.compositor.createSurface(id: $0.surface.id) } != nil)
        #expect(try violation { $0.base.destroy() }?.contains("destroyed before its surfaces") == true)
        #expect(
            try violation {
                let file = try FileDescriptor.memory("short", byteCount: 10)
                try file.add([.shrink])
                let pool = WlShmPool.Proxy($0.client.outbox, $0.client.newID(), version: 1)
                $0.shm.createPool(id: pool.id, fd: file, size: 4096)
                let buffer = $0.client.newID()
                pool.createBuffer(id: buffer, offset: 0, width: 16, height: 16, stride: 64, format: .argb8888)
                let surface = WlSurface.Proxy($0.client.outbox, $0.client.newID(), version: 5)
                $0.compositor.createSurface(id: surface.id)
                surface.attach(buffer: buffer, x: 0, y: 0)
                surface.commit()
            }?.contains("shorter") == true)
        #expect(
            try violation { WlSurface.Proxy($0.client.outbox, ObjectID(rawValue: 999)!, version: 5).commit() }?.contains(
                "invalid object 999") == true)
        #expect(desktop.compositor.clients.isEmpty)
    }

    @Test func aClientThatDoesNotReadIsEnded() throws {
        let desktop = try TestDesktop()
        let window = TestWindow(try desktop.connect())
        let pointer = window.client.newID()
        window.seat.getPointer(id: pointer)
        try window.show(300, 300)
        let content = desktop.compositor.windows.active!.content
        var result = TransferResult.done
        for step in 0..<200_000 {
            let x = Int32(step % 200)
            desktop.compositor.seat.movePointer(
                to: FinePoint(content.origin + Point(x: x + 1, y: 50)), timeMilliseconds: UInt32(step))
            desktop.compositor.seat.pointerFrame()
            if step % 100 == 0 { result = window.client.server.flush() }
            if result == .failed { break }
        }
        #expect(result == .failed)
    }

    @Test func everythingOfAnEndedClientIsGone() throws {
        let desktop = try TestDesktop()
        for _ in 0..<20 {
            let window = TestWindow(try desktop.connect())
            window.seat.getPointer(id: window.client.newID())
            window.seat.getKeyboard(id: window.client.newID())
            try window.show(200, 200)
            desktop.frame()
            desktop.compositor.disconnect(window.client.server)
        }
        #expect(
            desktop.compositor.clients.isEmpty && desktop.compositor.windows.windows.isEmpty
                && desktop.compositor.surfaces.isEmpty)
        #expect(desktop.compositor.seat.pointers.isEmpty && desktop.compositor.seat.keyboards.isEmpty)
        #expect(desktop.compositor.seat.keyboardFocus == nil && desktop.compositor.outputResources.isEmpty)
        #expect(desktop.compositor.windows.layer.children.isEmpty)
    }
}
