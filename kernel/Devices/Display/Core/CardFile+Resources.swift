// Requests that list what there is: CRTC, encoder, connector and planes.

import ABI
import DisplayModel
import Scheduling
import Support

extension CardFile {
    func resources(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeResources()) { (resources) throws(Errno) in
            let framebuffers = card.state.withLock { state in
                var ids: [UInt32] = []
                for framebuffer in state.framebuffers where framebuffer.owner == serial { ids.append(framebuffer.id) }
                return ids
            }
            try copyOutIdentifiers(framebuffers, to: resources.framebufferPointer, room: &resources.framebufferCount)
            try copyOutIdentifiers([ModeObject.crtc], to: resources.crtcPointer, room: &resources.crtcCount)
            try copyOutIdentifiers([ModeObject.encoder], to: resources.encoderPointer, room: &resources.encoderCount)
            try copyOutIdentifiers([ModeObject.connector], to: resources.connectorPointer, room: &resources.connectorCount)
            resources.minWidth = 1
            resources.minHeight = 1
            resources.maxWidth = card.driver.maxWidth
            resources.maxHeight = card.driver.maxHeight
        }
    }

    func getCRTC(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeCRTC()) { (crtc) throws(Errno) in
            guard crtc.crtcID == ModeObject.crtc else { throw .noEntry }
            let picture = card.state.withLock { $0.picture }
            crtc.gammaSize = 0
            crtc.modeValid = picture == nil ? 0 : 1
            crtc.framebufferID = picture?.framebuffer.id ?? 0
            crtc.x = UInt32(picture?.x ?? 0)
            crtc.y = UInt32(picture?.y ?? 0)
            crtc.mode = picture?.mode ?? DRMModeInfo()
        }
    }

    func encoder(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeEncoder()) { (encoder) throws(Errno) in
            guard encoder.encoderID == ModeObject.encoder else { throw .noEntry }
            encoder.encoderType = DRMModeEncoder.virtual
            encoder.crtcID = card.state.withLock { $0.picture == nil ? 0 : ModeObject.crtc }
            encoder.possibleCRTCs = 1
            encoder.possibleClones = 1
        }
    }

    func connector(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeConnector()) { (connector) throws(Errno) in
            guard connector.connectorID == ModeObject.connector else { throw .noEntry }
            let (modes, isConnected, edid, isLit) = card.state.withLock { state in
                (card.driver.modes(), card.driver.isConnected, card.driver.edid, state.picture != nil)
            }
            let shown = isConnected ? modes : []
            // Modes go out all or not at all: the program asks for the count first.
            if Int(connector.modeCount) >= shown.count {
                for index in shown.indices {
                    try copyOut(shown[index], to: UserAddress(connector.modesPointer) + index * MemoryLayout<DRMModeInfo>.stride)
                }
            }
            connector.modeCount = UInt32(shown.count)
            try copyOutIdentifiers([ModeObject.encoder], to: connector.encodersPointer, room: &connector.encoderCount)
            let properties = connectorProperties()
            try copyOutProperties(
                properties, identifiers: connector.propertiesPointer, values: connector.propertyValuesPointer,
                room: &connector.propertyCount)
            connector.encoderID = isLit ? ModeObject.encoder : 0
            connector.connectorType = DRMModeConnector.typeVirtual
            connector.connectorTypeID = 1
            connector.connection = isConnected ? DRMModeConnector.connected : DRMModeConnector.disconnected
            let size = edid.count >= 128 ? EDID.sizeMillimetres(edid) : (0, 0)
            connector.widthMillimetres = size.0
            connector.heightMillimetres = size.1
            connector.subpixel = DRMModeConnector.subpixelUnknown
        }
    }

    // MARK: Planes

    private var planes: [UInt32] {
        card.driver.cursorSide == nil ? [ModeObject.primaryPlane] : [ModeObject.primaryPlane, ModeObject.cursorPlane]
    }

    /// Without the universal-planes capability a program sees overlays only, of which there are none.
    func planeResources(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModePlaneResources()) { (resources) throws(Errno) in
            let seesAll = card.state.withLock { _ in seesAllPlanes }
            try copyOutIdentifiers(seesAll ? planes : [], to: resources.planesPointer, room: &resources.planeCount)
        }
    }

    func plane(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModePlane()) { (plane) throws(Errno) in
            let id = plane.planeID
            guard planes.contains(id) else { throw .noEntry }
            let isPrimary = id == ModeObject.primaryPlane
            let picture = card.state.withLock { $0.picture }
            plane.crtcID = isPrimary && picture != nil ? ModeObject.crtc : 0
            plane.framebufferID = isPrimary ? picture?.framebuffer.id ?? 0 : 0
            plane.possibleCRTCs = 1
            plane.gammaSize = 0
            let formats = isPrimary ? [DRMFormat.xrgb8888, DRMFormat.argb8888] : [DRMFormat.argb8888]
            try copyOutIdentifiers(formats, to: plane.formatsPointer, room: &plane.formatCount)
        }
    }
}
