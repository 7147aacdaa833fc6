// From a message to the object that obeys it.

import Gfx
import System
import WaylandServer

/// The generated bindings of `xdg_surface`, beside this module's class of the same name.
typealias XdgSurfaceProtocol = WaylandServer.XdgSurface

extension Client {
    func dispatch(_ message: inout IncomingMessage) throws(WireError) {
        guard let resource = objects.live(message.object) else {
            return fail(.display, WlDisplay.ErrorCode.invalidObject.rawValue, "invalid object \(message.object.rawValue)")
        }
        let id = message.object
        let version = resource.version
        switch resource.kind {
        case .display: try display(WlDisplay.Request.decode(&message, version: version))
        case .registry: try registry(id, WlRegistry.Request.decode(&message, version: version))
        case .callback: throw .unknownOpcode
        case .compositor: try compositor(version, WlCompositor.Request.decode(&message, version: version))
        case .subcompositor: try subcompositor(id, WlSubcompositor.Request.decode(&message, version: version))
        case .shm: try shm(id, WlShm.Request.decode(&message, version: version))
        case .output:
            _ = try WlOutput.Request.decode(&message, version: version)
            compositor.outputResources.removeAll { $0.client === self && $0.id == id }
            remove(id)
        case .seat: try seat(id, version, WlSeat.Request.decode(&message, version: version))
        case .dataDeviceManager: try dataDeviceManager(version, WlDataDeviceManager.Request.decode(&message, version: version))
        case .decorationManager: try decorationManager(id, ZxdgDecorationManagerV1.Request.decode(&message, version: version))
        case .region(let box): region(id, box, try WlRegion.Request.decode(&message, version: version))
        case .surface(let surface): try surface.handle(WlSurface.Request.decode(&message, version: version))
        case .subsurface(let subsurface): subsurface.handle(try WlSubsurface.Request.decode(&message, version: version))
        case .pool(let pool): try pool.handle(id, WlShmPool.Request.decode(&message, version: version))
        case .buffer(let buffer):
            _ = try WlBuffer.Request.decode(&message, version: version)
            buffer.end()
            remove(id)
        case .pointer(let pointer): pointer.handle(try WlPointer.Request.decode(&message, version: version))
        case .keyboard(let keyboard):
            _ = try WlKeyboard.Request.decode(&message, version: version)
            keyboard.end()
            remove(id)
        case .touch(let touch):
            _ = try WlTouch.Request.decode(&message, version: version)
            touch.end()
            remove(id)
        case .dataSource(let source): source.handle(try WlDataSource.Request.decode(&message, version: version))
        case .dataDevice(let device): device.handle(try WlDataDevice.Request.decode(&message, version: version))
        case .dataOffer(let offer): offer.handle(try WlDataOffer.Request.decode(&message, version: version))
        case .wmBase(let base): try base.handle(XdgWmBase.Request.decode(&message, version: version))
        case .positioner(let positioner): positioner.handle(try XdgPositioner.Request.decode(&message, version: version))
        case .xdgSurface(let surface): try surface.handle(XdgSurfaceProtocol.Request.decode(&message, version: version))
        case .toplevel(let toplevel): toplevel.handle(try XdgToplevel.Request.decode(&message, version: version))
        case .popup(let popup): popup.handle(try XdgPopup.Request.decode(&message, version: version))
        case .shell: try shell(id, WlShell.Request.decode(&message, version: version))
        case .layerShell: try layerShell(id, version, ZwlrLayerShellV1.Request.decode(&message, version: version))
        case .pointerConstraints: try pointerConstraints(id, ZwpPointerConstraintsV1.Request.decode(&message, version: version))
        case .pointerConstraint(let constraint):
            switch constraint.kind {
            case .lock: constraint.handle(try ZwpLockedPointerV1.Request.decode(&message, version: version))
            case .confine: constraint.handle(try ZwpConfinedPointerV1.Request.decode(&message, version: version))
            }
        case .relativePointers: try relativePointers(id, ZwpRelativePointerManagerV1.Request.decode(&message, version: version))
        case .relativePointer(let pointer):
            _ = try ZwpRelativePointerV1.Request.decode(&message, version: version)
            pointer.end()
            remove(id)
        case .primarySelection:
            try primarySelection(id, ZwpPrimarySelectionDeviceManagerV1.Request.decode(&message, version: version))
        case .primarySource(let source):
            source.handle(try ZwpPrimarySelectionSourceV1.Request.decode(&message, version: version))
        case .primaryDevice(let device):
            device.handle(try ZwpPrimarySelectionDeviceV1.Request.decode(&message, version: version))
        case .primaryOffer(let offer): offer.handle(try ZwpPrimarySelectionOfferV1.Request.decode(&message, version: version))
        case .xdgOutputManager:
            try xdgOutputManager(id, version, ZxdgOutputManagerV1.Request.decode(&message, version: version))
        case .xdgOutput:
            _ = try ZxdgOutputV1.Request.decode(&message, version: version)
            remove(id)
        case .foreignToplevels(let manager):
            manager.handle(try ZwlrForeignToplevelManagerV1.Request.decode(&message, version: version))
        case .foreignToplevel(let handle):
            handle.handle(try ZwlrForeignToplevelHandleV1.Request.decode(&message, version: version))
        case .virtualPointers: try virtualPointers(id, ZwlrVirtualPointerManagerV1.Request.decode(&message, version: version))
        case .virtualPointer(let pointer): pointer.handle(try ZwlrVirtualPointerV1.Request.decode(&message, version: version))
        case .layerSurface(let surface): surface.handle(try ZwlrLayerSurfaceV1.Request.decode(&message, version: version))
        case .shellSurface(let surface): surface.handle(try WlShellSurface.Request.decode(&message, version: version))
        case .viewporter: try viewporter(id, WpViewporter.Request.decode(&message, version: version))
        case .viewport(let viewport): viewport.handle(try WpViewport.Request.decode(&message, version: version))
        case .fractionalScales: try fractionalScales(id, WpFractionalScaleManagerV1.Request.decode(&message, version: version))
        case .fractionalScale(let surface):
            _ = try WpFractionalScaleV1.Request.decode(&message, version: version)
            surface.hasFractionalScale = false
            remove(id)
        case .singlePixelBuffers:
            try singlePixelBuffers(id, WpSinglePixelBufferManagerV1.Request.decode(&message, version: version))
        case .presentation: try presentation(id, WpPresentation.Request.decode(&message, version: version))
        case .presentationFeedback: throw .unknownOpcode
        case .decoration(let decoration):
            decoration.handle(try ZxdgToplevelDecorationV1.Request.decode(&message, version: version))
        }
    }

    // MARK: Small interfaces

    private func display(_ request: WlDisplay.Request) throws(WireError) {
        switch request {
        case .sync(let callback):
            try add(callback, 1, .callback)
            WlCallback.Resource(outbox, callback, version: 1).done(callbackData: compositor.lastSerial)
            remove(callback)
        case .getRegistry(let id):
            try add(id, 1, .registry)
            let registry = WlRegistry.Resource(outbox, id, version: 1)
            for global in Global.allCases where !global.isPrivileged || compositor.trustsClients {
                registry.global(name: global.rawValue, interface: global.interface, version: compositor.version(of: global))
            }
        }
    }

    private func registry(_ id: ObjectID, _ request: WlRegistry.Request) throws(WireError) {
        switch request {
        case .bind(let name, let new):
            guard let global = Global(rawValue: name), global.interface == new.interface, new.version >= 1,
                new.version <= compositor.version(of: global), !global.isPrivileged || compositor.trustsClients
            else { return fail(id, 0, "there is no global \(name) of \(new.interface) version \(new.version)") }
            try bind(global, new.id, new.version)
        }
    }

    private func bind(_ global: Global, _ id: ObjectID, _ version: UInt32) throws(WireError) {
        switch global {
        case .compositor: try add(id, version, .compositor)
        case .subcompositor: try add(id, version, .subcompositor)
        case .shm:
            try add(id, version, .shm)
            let shm = WlShm.Resource(outbox, id, version: version)
            shm.format(format: .argb8888)
            shm.format(format: .xrgb8888)
        case .seat:
            try add(id, version, .seat)
            let seat = WlSeat.Resource(outbox, id, version: version)
            seat.capabilities(capabilities: compositor.seat.hasTouch ? [.pointer, .keyboard, .touch] : [.pointer, .keyboard])
            seat.name(name: "seat0")
        case .output:
            try add(id, version, .output)
            compositor.outputResources.append((client: self, id: id))
            compositor.describeOutput(WlOutput.Resource(outbox, id, version: version))
        case .dataDeviceManager: try add(id, version, .dataDeviceManager)
        case .wmBase: try add(id, version, .wmBase(WmBase(self, id, version)))
        case .decorationManager: try add(id, version, .decorationManager)
        case .shell: try add(id, version, .shell)
        case .layerShell: try add(id, version, .layerShell)
        case .pointerConstraints: try add(id, version, .pointerConstraints)
        case .relativePointers: try add(id, version, .relativePointers)
        case .primarySelection, .gtkPrimarySelection: try add(id, version, .primarySelection)
        case .xdgOutputManager: try add(id, version, .xdgOutputManager)
        case .virtualPointers: try add(id, version, .virtualPointers)
        case .viewporter: try add(id, version, .viewporter)
        case .fractionalScales: try add(id, version, .fractionalScales)
        case .singlePixelBuffers: try add(id, version, .singlePixelBuffers)
        case .presentation:
            try add(id, version, .presentation)
            WpPresentation.Resource(outbox, id, version: version).clockId(clkId: Client.presentationClock)
        case .foreignToplevels:
            let manager = ForeignToplevelManager(self, id, version)
            try add(id, version, .foreignToplevels(manager))
            compositor.foreignToplevels.add(manager)
        case .unstableShell: try add(id, version, .wmBase(WmBase(self, id, version, isUnstable: true)))
        }
    }

    private func compositor(_ version: UInt32, _ request: WlCompositor.Request) throws(WireError) {
        switch request {
        case .createSurface(let id):
            let surface = ClientSurface(self, id, version)
            try add(id, version, .surface(surface))
            compositor.surfaces.append(surface)
        case .createRegion(let id): try add(id, version, .region(RegionBox()))
        }
    }

    private func subcompositor(_ id: ObjectID, _ request: WlSubcompositor.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .getSubsurface(let new, let surfaceID, let parentID):
            let code = WlSubcompositor.ErrorCode.badSurface.rawValue
            guard let surface = self.surface(surfaceID), let parent = self.surface(parentID) else {
                return fail(id, code, "no such surface")
            }
            guard surface !== parent, !surface.isAncestor(of: parent) else {
                return fail(id, code, "a surface cannot be its own parent")
            }
            guard surface.take(role: .subsurface) else { return fail(id, code, "the surface has another role") }
            let role = SubsurfaceResource(self, new, surface, parent)
            try add(new, version(id), .subsurface(role))
        }
    }

    private func region(_ id: ObjectID, _ box: RegionBox, _ request: WlRegion.Request) {
        switch request {
        case .destroy: remove(id)
        case .add(let x, let y, let width, let height): box.region.formUnion(Rect(x: x, y: y, width: width, height: height))
        case .subtract(let x, let y, let width, let height): box.region.subtract(Rect(x: x, y: y, width: width, height: height))
        }
        if box.region.rects.count > Limits.regionRects {
            fail(.display, WlDisplay.ErrorCode.noMemory.rawValue, "a region has too many rectangles")
        }
    }
}

/// A `wl_region`.
final class RegionBox {
    var region = Region()
}
