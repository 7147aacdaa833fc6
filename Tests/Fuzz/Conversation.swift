// What a client says that uses most of the protocol, one step a message or two.

import CompositorCore
import System
import WaylandClient

/// The objects of one fuzzed client.
final class Conversation {
    let outbox = Outbox(limit: 1 << 20)
    private var nextID: UInt32 = 2
    /// Whether the step has queued a descriptor: such messages go as they are.
    private(set) var hasDescriptor = false
    private var registry: ObjectID
    private var ids: [String: ObjectID] = [:]

    init() {
        registry = ObjectID(rawValue: 2)!
        nextID = 3
    }

    private func new(_ name: String) -> ObjectID {
        let id = ObjectID(rawValue: nextID)!
        nextID += 1
        ids[name] = id
        return id
    }

    private subscript(_ name: String) -> ObjectID { ids[name] ?? .display }

    private func bind(_ interface: String, _ index: Int, _ version: UInt32) {
        let id = UntypedNewID(interface: interface, version: version, id: new(interface))
        WlRegistry.Proxy(outbox, registry, version: 1).bind(name: UInt32(index + 1), id: id)
    }

    private func surface(_ name: String) -> WlSurface.Proxy { WlSurface.Proxy(outbox, self[name], version: 5) }

    private func makeSurface(_ name: String) {
        WlCompositor.Proxy(outbox, self["wl_compositor"], version: 5).createSurface(id: new(name))
    }

    private func makeBuffer(_ file: borrowing FileDescriptor) {
        hasDescriptor = true
        let pool = WlShmPool.Proxy(outbox, new("pool"), version: 1)
        WlShm.Proxy(outbox, self["wl_shm"], version: 1).createPool(id: pool.id, fd: file, size: 40000)
        pool.createBuffer(id: new("buffer"), offset: 0, width: 100, height: 80, stride: 400, format: .argb8888)
    }

    var stepCount: Int { Conversation.steps.count }

    func perform(_ step: Int, _ file: borrowing FileDescriptor) {
        hasDescriptor = false
        if step == Conversation.bufferStep { makeBuffer(file) } else { Conversation.steps[step](self) }
    }

    private static let bufferStep = 2

    // Swift cannot prove that closures without captures may be shared; nothing changes them.
    nonisolated(unsafe) private static let steps: [(Conversation) -> Void] =
        [
            { WlDisplay.Proxy($0.outbox, .display, version: 1).getRegistry(registry: $0.registry) },
            { for (index, global) in Compositor.globals.enumerated() { $0.bind(global.interface, index, global.version) } },
            { _ in },
        ] + window + popup + extras

    private static var xdg: (Conversation) -> XdgSurface.Proxy { { XdgSurface.Proxy($0.outbox, $0["xdg"], version: 5) } }
    private static var base: (Conversation) -> XdgWmBase.Proxy {
        { XdgWmBase.Proxy($0.outbox, $0["xdg_wm_base"], version: 5) }
    }
    private static var top: (Conversation) -> XdgToplevel.Proxy { { XdgToplevel.Proxy($0.outbox, $0["top"], version: 5) } }

    private static var window: [(Conversation) -> Void] {
        [
            { $0.makeSurface("main") },
            { base($0).getXdgSurface(id: $0.new("xdg"), surface: $0["main"]) },
            { xdg($0).getToplevel(id: $0.new("top")) },
            { top($0).setTitle(title: "fuzz") },
            { top($0).setMinSize(width: 10, height: 10) },
            { $0.surface("main").commit() },
            { $0.surface("main").attach(buffer: $0["buffer"], x: 0, y: 0) },
            { $0.surface("main").damageBuffer(x: 0, y: 0, width: 50, height: 50) },
            { $0.surface("main").frame(callback: $0.new("callback")) },
            { $0.surface("main").commit() },
            { xdg($0).setWindowGeometry(x: 5, y: 5, width: 80, height: 60) },
            { WlCompositor.Proxy($0.outbox, $0["wl_compositor"], version: 5).createRegion(id: $0.new("region")) },
            { WlRegion.Proxy($0.outbox, $0["region"], version: 1).add(x: 1, y: 1, width: 60, height: 60) },
            { WlRegion.Proxy($0.outbox, $0["region"], version: 1).subtract(x: 9, y: 9, width: 6, height: 6) },
            { $0.surface("main").setInputRegion(region: $0["region"]) },
            { $0.surface("main").setOpaqueRegion(region: $0["region"]) },
            { $0.surface("main").setBufferTransform(transform: WlOutput.Transform(rawValue: 1)) },
            { $0.surface("main").commit() },
            { top($0).setMaximized() },
            { top($0).setFullscreen(output: nil) },
            { top($0).unsetFullscreen() },
            { $0.makeSurface("part") },
            {
                WlSubcompositor.Proxy($0.outbox, $0["wl_subcompositor"], version: 1).getSubsurface(
                    id: $0.new("sub"), surface: $0["part"], parent: $0["main"])
            },
            { WlSubsurface.Proxy($0.outbox, $0["sub"], version: 1).setPosition(x: -20, y: 5) },
            { WlSubsurface.Proxy($0.outbox, $0["sub"], version: 1).placeBelow(sibling: $0["main"]) },
            { WlSubsurface.Proxy($0.outbox, $0["sub"], version: 1).setDesync() },
            { $0.surface("part").attach(buffer: $0["buffer"], x: 0, y: 0) },
            { $0.surface("part").commit() },
            { $0.surface("main").commit() },
        ]
    }

    private static var popup: [(Conversation) -> Void] {
        [
            { base($0).createPositioner(id: $0.new("positioner")) },
            { XdgPositioner.Proxy($0.outbox, $0["positioner"], version: 5).setSize(width: 30, height: 20) },
            { XdgPositioner.Proxy($0.outbox, $0["positioner"], version: 5).setAnchorRect(x: 1, y: 1, width: 9, height: 9) },
            { XdgPositioner.Proxy($0.outbox, $0["positioner"], version: 5).setConstraintAdjustment(constraintAdjustment: 63) },
            { $0.makeSurface("menu") },
            { base($0).getXdgSurface(id: $0.new("menuXdg"), surface: $0["menu"]) },
            {
                XdgSurface.Proxy($0.outbox, $0["menuXdg"], version: 5).getPopup(
                    id: $0.new("popup"), parent: $0["xdg"], positioner: $0["positioner"])
            },
            { $0.surface("menu").commit() },
            { XdgPopup.Proxy($0.outbox, $0["popup"], version: 5).reposition(positioner: $0["positioner"], token: 5) },
            { XdgPopup.Proxy($0.outbox, $0["popup"], version: 5).destroy() },
        ]
    }

    private static var extras: [(Conversation) -> Void] {
        [
            { WlSeat.Proxy($0.outbox, $0["wl_seat"], version: 8).getPointer(id: $0.new("pointer")) },
            { WlSeat.Proxy($0.outbox, $0["wl_seat"], version: 8).getKeyboard(id: $0.new("keyboard")) },
            { WlSeat.Proxy($0.outbox, $0["wl_seat"], version: 8).getTouch(id: $0.new("touch")) },
            {
                WlDataDeviceManager.Proxy($0.outbox, $0["wl_data_device_manager"], version: 3).getDataDevice(
                    id: $0.new("device"), seat: $0["wl_seat"])
            },
            {
                WlDataDeviceManager.Proxy($0.outbox, $0["wl_data_device_manager"], version: 3).createDataSource(
                    id: $0.new("source"))
            },
            { WlDataSource.Proxy($0.outbox, $0["source"], version: 3).offer(mimeType: "text/plain") },
            { WlDataDevice.Proxy($0.outbox, $0["device"], version: 3).setSelection(source: $0["source"], serial: 1) },
            {
                ZwpPointerConstraintsV1.Proxy($0.outbox, $0["zwp_pointer_constraints_v1"], version: 1).confinePointer(
                    id: $0.new("confined"), surface: $0["main"], pointer: $0["pointer"], region: $0["region"],
                    lifetime: .persistent)
            },
            { ZwpConfinedPointerV1.Proxy($0.outbox, $0["confined"], version: 1).setRegion(region: nil) },
            { $0.makeSurface("bar") },
            {
                ZwlrLayerShellV1.Proxy($0.outbox, $0["zwlr_layer_shell_v1"], version: 4).getLayerSurface(
                    id: $0.new("layer"), surface: $0["bar"], output: nil, layer: .top, namespace: "fuzz")
            },
            { ZwlrLayerSurfaceV1.Proxy($0.outbox, $0["layer"], version: 4).setSize(width: 0, height: 30) },
            { ZwlrLayerSurfaceV1.Proxy($0.outbox, $0["layer"], version: 4).setAnchor(anchor: [.top, .left, .right]) },
            { ZwlrLayerSurfaceV1.Proxy($0.outbox, $0["layer"], version: 4).setExclusiveZone(zone: 30) },
            { $0.surface("bar").commit() },
            {
                ZwlrVirtualPointerManagerV1.Proxy($0.outbox, $0["zwlr_virtual_pointer_manager_v1"], version: 2)
                    .createVirtualPointer(seat: nil, id: $0.new("virtual"))
            },
            {
                ZwlrVirtualPointerV1.Proxy($0.outbox, $0["virtual"], version: 2).button(
                    time: 1, button: 0x110, state: .pressed)
            },
            { ZwlrVirtualPointerV1.Proxy($0.outbox, $0["virtual"], version: 2).frame() },
            { WlShell.Proxy($0.outbox, $0["wl_shell"], version: 1).getShellSurface(id: $0.new("old"), surface: $0["menu"]) },
            { top($0).destroy() },
            { xdg($0).destroy() },
            { $0.surface("main").destroy() },
        ]
    }
}
