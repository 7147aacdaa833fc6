// What the registry announces.

import WaylandServer

/// A global object; the raw value is its name in the registry.
enum Global: UInt32, CaseIterable {
    case compositor = 1
    case subcompositor, shm, dataDeviceManager, output, seat, wmBase, decorationManager, shell, unstableShell, layerShell,
        pointerConstraints, relativePointers
    case primarySelection, gtkPrimarySelection, xdgOutputManager, foreignToplevels, virtualPointers
    case viewporter, fractionalScales, singlePixelBuffers, presentation

    var interface: String {
        switch self {
        case .compositor: WlCompositor.interfaceName
        case .subcompositor: WlSubcompositor.interfaceName
        case .shm: WlShm.interfaceName
        case .dataDeviceManager: WlDataDeviceManager.interfaceName
        case .output: WlOutput.interfaceName
        case .seat: WlSeat.interfaceName
        case .wmBase: XdgWmBase.interfaceName
        case .decorationManager: ZxdgDecorationManagerV1.interfaceName
        case .shell: WlShell.interfaceName
        case .unstableShell: WmBase.unstableInterfaceName
        case .layerShell: ZwlrLayerShellV1.interfaceName
        case .pointerConstraints: ZwpPointerConstraintsV1.interfaceName
        case .relativePointers: ZwpRelativePointerManagerV1.interfaceName
        case .primarySelection: ZwpPrimarySelectionDeviceManagerV1.interfaceName
        case .gtkPrimarySelection: Seat.gtkPrimarySelectionName
        case .xdgOutputManager: ZxdgOutputManagerV1.interfaceName
        case .foreignToplevels: ZwlrForeignToplevelManagerV1.interfaceName
        case .virtualPointers: ZwlrVirtualPointerManagerV1.interfaceName
        case .viewporter: WpViewporter.interfaceName
        case .fractionalScales: WpFractionalScaleManagerV1.interfaceName
        case .singlePixelBuffers: WpSinglePixelBufferManagerV1.interfaceName
        case .presentation: WpPresentation.interfaceName
        }
    }

    /// The newest version that this compositor implements.
    var version: UInt32 {
        switch self {
        case .compositor: min(5, WlCompositor.version)
        case .subcompositor: 1
        case .shm: 1
        case .dataDeviceManager: 3
        case .output: 4
        case .seat: 8
        case .wmBase: min(5, XdgWmBase.version)
        case .layerShell: 4
        case .xdgOutputManager, .foreignToplevels: 3
        case .virtualPointers: 2
        case .decorationManager, .shell, .unstableShell, .pointerConstraints, .relativePointers, .primarySelection,
            .gtkPrimarySelection, .viewporter, .fractionalScales, .singlePixelBuffers, .presentation:
            1
        }
    }

    /// Whether it gives power over other clients: only a compositor that trusts its clients has it.
    var isPrivileged: Bool { self == .foreignToplevels || self == .virtualPointers }
}

extension Compositor {
    /// The newest version that clients are offered.
    func version(of global: Global) -> UInt32 {
        let limit = versionLimits.last { $0.interface == global.interface }?.version
        return min(global.version, limit ?? global.version)
    }

    /// All globals with their newest versions.
    package static var globals: [(interface: String, version: UInt32)] { Global.allCases.map { ($0.interface, $0.version) } }
}
