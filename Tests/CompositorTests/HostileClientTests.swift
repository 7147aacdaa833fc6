import Gfx
import System
import Testing
import WaylandClient

@testable import CompositorCore

/// Clients that take what they can; another one is served all the time.
@Suite(.serialized) struct HostileClientTests {
    /// A window that must get its answer in one dispatch and one frame.
    private static func expectServed(_ window: TestWindow) {
        let desktop = window.client.desktop
        let callback = window.client.newID()
        window.surface.frame(callback: callback)
        window.surface.commit()
        window.client.exchange()
        desktop.frame(5)
        _ = window.client.server.flush()
        window.client.readEvents()
        #expect(window.client.isAlive && window.client.error == nil && window.client.take(callback, 0).count == 1)
    }

    /// A pool that the client destroys at once and that only its buffer keeps.
    private static func hiddenPool(_ window: TestWindow, _ file: borrowing FileDescriptor, side: Int32) throws -> ObjectID {
        let pool = WlShmPool.Proxy(window.client.outbox, window.client.newID(), version: 1)
        window.shm.createPool(id: pool.id, fd: try file.duplicate(), size: side * side * 4)
        let buffer = window.client.newID()
        pool.createBuffer(id: buffer, offset: 0, width: side, height: side, stride: side * 4, format: .xrgb8888)
        pool.destroy()
        return buffer
    }

    @Test func destroyedPoolsCountAsLongAsTheirBuffersLive() throws {
        let desktop = try TestDesktop()
        let bystander = TestWindow(try desktop.connect())
        try bystander.show(100, 100)
        let window = TestWindow(try desktop.connect())
        let file = try FileDescriptor.memory("pool", byteCount: 64)
        try file.add([.shrink])
        var made = 0
        while window.client.isAlive, made < Client.Limits.pools * 2 {
            _ = try Self.hiddenPool(window, file, side: 4)
            made += 1
            window.client.exchange()
            if made % 64 == 0 { Self.expectServed(bystander) }
        }
        #expect(made == Client.Limits.pools + 1)
        #expect(window.client.error?.contains("the pools are too many") == true)
        #expect(window.client.server.sharedMemory.pools == 0 && window.client.server.sharedMemory.poolBytes == 0)
        Self.expectServed(bystander)
    }

    @Test func buffersGiveTheirPoolsBack() throws {
        let window = TestWindow(try TestDesktop().connect())
        let file = try FileDescriptor.memory("pool", byteCount: 64)
        try file.add([.shrink])
        for _ in 0..<Client.Limits.pools * 2 {
            let buffer = try Self.hiddenPool(window, file, side: 4)
            WlBuffer.Proxy(window.client.outbox, buffer, version: 1).destroy()
            window.client.exchange()
        }
        #expect(window.client.isAlive && window.client.error == nil && window.client.server.sharedMemory.pools == 0)
    }

    @Test func copiesOfUnsealedFilesAreBounded() throws {
        let desktop = try TestDesktop()
        let bystander = TestWindow(try desktop.connect())
        try bystander.show(100, 100)
        let window = TestWindow(try desktop.connect())
        try window.show(64, 64)
        // A file with a hole costs its client nothing; a copy of it would cost the compositor more than it allows.
        let side: Int32 = 8256
        let file = try FileDescriptor.memory("hole", byteCount: Int(side * side) * 4)
        let buffer = try Self.hiddenPool(window, file, side: side)
        window.surface.attach(buffer: buffer, x: 0, y: 0)
        window.surface.commit()
        window.client.exchange()
        #expect(window.client.error?.contains("unsealed files are too large") == true)
        #expect(window.client.server.sharedMemory.copiedBytes == 0)
        Self.expectServed(bystander)
    }
}
