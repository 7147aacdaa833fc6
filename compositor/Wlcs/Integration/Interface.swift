// The C interface of wlcs (wlcs/display_server.h): tables of functions, each with the server behind it.

import CompositorCore
import CompositorHost
import Gfx
import Scene
import System
import WlcsEntry

/// What wlcs gets: a table of functions, and the server behind it. The table comes first: its address is the handle's.
private struct Handle<Table> {
    var table: Table
    let server: Unmanaged<Server>

    /// Made with a reference to the server, until `release`.
    static func make(_ table: Table, _ server: Server) -> UnsafeMutablePointer<Table> {
        let handle = UnsafeMutablePointer<Handle>.allocate(capacity: 1)
        handle.initialize(to: Handle(table: table, server: Unmanaged.passRetained(server)))
        return UnsafeMutableRawPointer(handle).assumingMemoryBound(to: Table.self)
    }

    static func of(_ table: UnsafeMutablePointer<Table>) -> UnsafeMutablePointer<Handle> {
        // SAFETY: wlcs gives back what `make` returned, whose table is the first field.
        UnsafeMutableRawPointer(table).assumingMemoryBound(to: Handle.self)
    }
}

/// The server behind a table's address.
private func server<Table>(_ table: UnsafeMutablePointer<Table>?) -> Server {
    Handle.of(table!).pointee.server.takeUnretainedValue()
}

/// The end of a table, which wlcs asks for once.
private func release<Table>(_ table: UnsafeMutablePointer<Table>) {
    let handle = Handle.of(table)
    handle.pointee.server.release()
    handle.deallocate()
}

// MARK: Server

@_cdecl("martlet_wlcs_create")
public func createServer(
    _ count: Int32, _ arguments: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> UnsafeMutablePointer<WlcsDisplayServer>? {
    var words: [String] = []
    for index in 1..<max(1, Int(count)) { if let word = arguments?[index] { words.append(String(cString: word)) } }
    let (options, problem) = Options.parse(words)
    guard let options, let new = try? Server(options) else {
        Log.write("wlcs", "no server: \(problem)")
        return nil
    }
    var table = WlcsDisplayServer()
    table.version = UInt32(WLCS_DISPLAY_SERVER_VERSION)
    table.start = { server($0).start() }
    table.stop = { server($0).stop() }
    table.create_client_socket = { server($0).connect() }
    table.position_window_absolute = { table, display, surface, x, y in
        // Both are opaque here, and proxies for libwayland.
        server(table).position(
            client: wl_display_get_fd(display), surface: wl_proxy_get_id(surface), at: Point(x: x, y: y))
    }
    table.create_pointer = { createPointer(server($0)) }
    table.create_touch = { createTouch(server($0)) }
    table.get_descriptor = { _ in UnsafePointer(Extensions.descriptor) }
    return Handle.make(table, new)
}

@_cdecl("martlet_wlcs_destroy")
public func destroyServer(_ table: UnsafeMutablePointer<WlcsDisplayServer>?) {
    guard let table else { return }
    release(table)
}

/// The globals with their versions: wlcs skips the tests of others.
private enum Extensions {
    nonisolated(unsafe) static let descriptor: UnsafeMutablePointer<WlcsIntegrationDescriptor> = {
        let globals = Compositor.globals
        let list = UnsafeMutablePointer<WlcsExtensionDescriptor>.allocate(capacity: globals.count)
        for (index, global) in globals.enumerated() {
            (list + index).initialize(to: WlcsExtensionDescriptor(name: strdup(global.interface), version: global.version))
        }
        let result = UnsafeMutablePointer<WlcsIntegrationDescriptor>.allocate(capacity: 1)
        result.initialize(
            to: WlcsIntegrationDescriptor(
                version: UInt32(WLCS_INTEGRATION_DESCRIPTOR_VERSION), num_extensions: globals.count, supported_extensions: list))
        return result
    }()
}

// MARK: Pointer

private func createPointer(_ owner: Server) -> UnsafeMutablePointer<WlcsPointer>? {
    var table = WlcsPointer()
    table.version = UInt32(WLCS_POINTER_VERSION)
    table.move_absolute = { table, x, y in
        let owner = server(table)
        owner.perform {
            owner.compositor.seat.movePointer(to: FinePoint(x: x, y: y), timeMilliseconds: owner.now)
            owner.compositor.seat.pointerFrame()
        }
    }
    table.move_relative = { table, x, y in
        let owner = server(table)
        owner.perform {
            owner.compositor.seat.movePointer(by: FinePoint(x: x, y: y), timeMilliseconds: owner.now)
            owner.compositor.seat.pointerFrame()
        }
    }
    table.button_down = { table, code in press(server(table), code, isPressed: true) }
    table.button_up = { table, code in press(server(table), code, isPressed: false) }
    table.destroy = { release($0!) }
    return Handle.make(table, owner)
}

private func press(_ owner: Server, _ code: Int32, isPressed: Bool) {
    owner.perform {
        let seat = owner.compositor.seat
        seat.pressButton(PointerButton(code: UInt32(code), isPressed: isPressed, timeMilliseconds: owner.now))
        seat.pointerFrame()
    }
}

// MARK: Touch

private func createTouch(_ owner: Server) -> UnsafeMutablePointer<WlcsTouch>? {
    var table = WlcsTouch()
    table.version = UInt32(WLCS_TOUCH_VERSION)
    table.touch_down = { table, x, y in touch(server(table)) { $0.touchDown(0, at: pixel(x, y), timeMilliseconds: $1) } }
    table.touch_move = { table, x, y in touch(server(table)) { $0.touchMoved(0, to: pixel(x, y), timeMilliseconds: $1) } }
    table.touch_up = { table in touch(server(table)) { $0.touchUp(0, timeMilliseconds: $1) } }
    table.destroy = { release($0!) }
    return Handle.make(table, owner)
}

/// The header says fixed-point numbers; the suite passes whole pixels.
private func pixel(_ x: wl_fixed_t, _ y: wl_fixed_t) -> FinePoint { FinePoint(Point(x: x, y: y)) }

private func touch(_ owner: Server, _ act: @escaping (Seat, UInt32) -> Void) {
    owner.perform {
        act(owner.compositor.seat, owner.now)
        owner.compositor.seat.touchFrame()
    }
}
