// The kinds of objects that a client can have, and how each one ends.

import Scene
import WaylandServer

/// What the compositor keeps for an object.
struct Resource {
    /// A closed set: every interface that the compositor speaks.
    enum Kind {
        case display, registry, callback
        case compositor, subcompositor, shm, output, seat, dataDeviceManager, decorationManager, shell, layerShell
        case pointerConstraints, relativePointers, primarySelection, xdgOutputManager, xdgOutput, virtualPointers
        case viewporter, fractionalScales, singlePixelBuffers, presentation, presentationFeedback
        case region(RegionBox)
        case surface(ClientSurface)
        case subsurface(SubsurfaceResource)
        case pool(ShmPool)
        case buffer(any ClientBuffer)
        case pointer(PointerResource)
        case keyboard(KeyboardResource)
        case touch(TouchResource)
        case dataSource(SelectionSource)
        case dataDevice(SelectionDevice)
        case dataOffer(SelectionOffer)
        case wmBase(WmBase)
        case positioner(Positioner)
        case xdgSurface(XdgSurface)
        case toplevel(Toplevel)
        case popup(Popup)
        case shellSurface(ShellSurface)
        case layerSurface(LayerSurface)
        case pointerConstraint(PointerConstraint)
        case relativePointer(RelativePointer)
        case primarySource(SelectionSource)
        case primaryDevice(SelectionDevice)
        case primaryOffer(SelectionOffer)
        case foreignToplevels(ForeignToplevelManager)
        case foreignToplevel(ForeignToplevel)
        case virtualPointer(VirtualPointer)
        case decoration(Decoration)
        case viewport(ViewportResource)
        case fractionalScale(ClientSurface)
    }

    let version: UInt32
    let kind: Kind
}

extension Resource.Kind {
    static var lastRank: Int { 3 }

    /// Objects with a lower rank end first when a client goes.
    var rank: Int {
        switch self {
        case .decoration, .viewport, .popup, .foreignToplevels, .foreignToplevel, .virtualPointer, .pointerConstraint: 0
        case .toplevel, .shellSurface, .layerSurface: 1
        case .xdgSurface, .subsurface, .dataOffer, .dataSource, .dataDevice, .pointer, .keyboard, .touch, .relativePointer,
            .primarySource, .primaryDevice, .primaryOffer:
            2
        default: 3
        }
    }

    /// Undoes what the object does on the screen and to other objects. Harmless when called twice.
    func end() {
        switch self {
        case .surface(let surface): surface.end()
        case .subsurface(let subsurface): subsurface.end()
        case .buffer(let buffer): buffer.end()
        case .pointer(let pointer): pointer.end()
        case .keyboard(let keyboard): keyboard.end()
        case .touch(let touch): touch.end()
        case .dataSource(let source): source.end()
        case .dataDevice(let device): device.end()
        case .dataOffer(let offer): offer.end()
        case .xdgSurface(let surface): surface.end()
        case .toplevel(let toplevel): toplevel.end()
        case .popup(let popup): popup.end()
        case .shellSurface(let surface): surface.end()
        case .layerSurface(let surface): surface.end()
        case .pointerConstraint(let constraint): constraint.end()
        case .relativePointer(let pointer): pointer.end()
        case .primarySource(let source): source.end()
        case .primaryDevice(let device): device.end()
        case .primaryOffer(let offer): offer.end()
        case .foreignToplevels(let manager): manager.end()
        case .foreignToplevel(let handle): handle.end()
        case .virtualPointer(let pointer): pointer.end()
        case .decoration(let decoration): decoration.end()
        case .viewport(let viewport): viewport.end()
        default: break
        }
    }

    var interfaceName: String {
        switch self {
        case .display: WlDisplay.interfaceName
        case .registry: WlRegistry.interfaceName
        case .callback: WlCallback.interfaceName
        case .compositor: WlCompositor.interfaceName
        case .subcompositor: WlSubcompositor.interfaceName
        case .shm: WlShm.interfaceName
        case .output: WlOutput.interfaceName
        case .seat: WlSeat.interfaceName
        case .touch: WlTouch.interfaceName
        case .dataDeviceManager: WlDataDeviceManager.interfaceName
        case .decorationManager: ZxdgDecorationManagerV1.interfaceName
        case .region: WlRegion.interfaceName
        case .surface: WlSurface.interfaceName
        case .subsurface: WlSubsurface.interfaceName
        case .pool: WlShmPool.interfaceName
        case .buffer: WlBuffer.interfaceName
        case .pointer: WlPointer.interfaceName
        case .keyboard: WlKeyboard.interfaceName
        case .dataSource: WlDataSource.interfaceName
        case .dataDevice: WlDataDevice.interfaceName
        case .dataOffer: WlDataOffer.interfaceName
        case .wmBase: XdgWmBase.interfaceName
        case .positioner: XdgPositioner.interfaceName
        case .xdgSurface: XdgSurfaceProtocol.interfaceName
        case .toplevel: XdgToplevel.interfaceName
        case .popup: XdgPopup.interfaceName
        case .shell: WlShell.interfaceName
        case .layerShell: ZwlrLayerShellV1.interfaceName
        case .layerSurface: ZwlrLayerSurfaceV1.interfaceName
        case .pointerConstraints: ZwpPointerConstraintsV1.interfaceName
        case .pointerConstraint(let constraint):
            constraint.kind == .lock ? ZwpLockedPointerV1.interfaceName : ZwpConfinedPointerV1.interfaceName
        case .relativePointers: ZwpRelativePointerManagerV1.interfaceName
        case .relativePointer: ZwpRelativePointerV1.interfaceName
        case .primarySelection: ZwpPrimarySelectionDeviceManagerV1.interfaceName
        case .primarySource: ZwpPrimarySelectionSourceV1.interfaceName
        case .primaryDevice: ZwpPrimarySelectionDeviceV1.interfaceName
        case .primaryOffer: ZwpPrimarySelectionOfferV1.interfaceName
        case .xdgOutputManager: ZxdgOutputManagerV1.interfaceName
        case .xdgOutput: ZxdgOutputV1.interfaceName
        case .foreignToplevels: ZwlrForeignToplevelManagerV1.interfaceName
        case .foreignToplevel: ZwlrForeignToplevelHandleV1.interfaceName
        case .virtualPointers: ZwlrVirtualPointerManagerV1.interfaceName
        case .virtualPointer: ZwlrVirtualPointerV1.interfaceName
        case .shellSurface: WlShellSurface.interfaceName
        case .decoration: ZxdgToplevelDecorationV1.interfaceName
        case .viewporter: WpViewporter.interfaceName
        case .viewport: WpViewport.interfaceName
        case .fractionalScales: WpFractionalScaleManagerV1.interfaceName
        case .fractionalScale: WpFractionalScaleV1.interfaceName
        case .singlePixelBuffers: WpSinglePixelBufferManagerV1.interfaceName
        case .presentation: WpPresentation.interfaceName
        case .presentationFeedback: WpPresentationFeedback.interfaceName
        }
    }
}
