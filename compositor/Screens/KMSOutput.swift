// A screen through kernel mode setting (/dev/dri/card0).
//
// One dumb buffer is the front buffer for good. A frame is drawn into it and DRM_IOCTL_MODE_DIRTYFB then names the
// rectangles that changed, so only their bytes go to the device. The buffer's memory is not what is scanned out (a
// virtual GPU copies at the flush, a plain framebuffer has a shadow), so a frame in the making is never seen.

import ABI
import Gfx
import System

public final class KMSOutput: DisplayOutput {
    public let size: Size
    private let card: FileDescriptor
    private let crtc: UInt32
    private let front: DumbBuffer
    private let framebuffer: UInt32
    private var cursor: DumbBuffer?
    private var cursorSize = Size.zero
    private var cursorPosition = Point.zero
    private var hotspot = Point.zero
    /// The driver scans the buffer out directly and wants no dirty rectangles.
    private var needsNoFlush = false

    public var pixels: PixelBuffer { front.pixels }

    /// Lights the first connected screen in its preferred mode.
    public init(device: String) throws(Errno) {
        card = try FileDescriptor.open(device, .readWrite, .nonBlocking)
        var capability = DRMCapability()
        capability.capability = DRMCapability.dumbBuffer
        try card.control(UInt(DRMRequest.getCapability.rawValue), &capability)
        guard capability.value != 0 else { throw .notSupported }
        let screen = try KMSOutput.findScreen(card)
        size = Size(width: Int32(screen.mode.hdisplay), height: Int32(screen.mode.vdisplay))
        guard !size.isEmpty else { throw .noDevice }
        crtc = screen.crtc
        front = try DumbBuffer(card, size: size, format: .xrgb8888)
        var add = DRMModeFramebuffer()
        add.width = UInt32(size.width)
        add.height = UInt32(size.height)
        add.pitch = front.strideBytes
        add.bitsPerPixel = 32
        add.depth = 24
        add.handle = front.handle
        try card.control(UInt(DRMRequest.addFramebuffer.rawValue), &add)
        framebuffer = add.framebufferID
        self.mode = screen.mode
        self.connector = screen.connector
    }

    private let mode: DRMModeInfo
    private let connector: UInt32
    private var isLit = false

    // MARK: Finding the screen

    private struct Screen {
        var connector: UInt32
        var crtc: UInt32
        var mode: DRMModeInfo
    }

    private static func findScreen(_ card: borrowing FileDescriptor) throws(Errno) -> Screen {
        var count = DRMModeResources()
        try card.control(UInt(DRMRequest.getResources.rawValue), &count)
        let limit = 64
        guard count.connectorCount > 0, count.crtcCount > 0, count.connectorCount <= limit, count.crtcCount <= limit else {
            throw .noDevice
        }
        var connectors = [UInt32](repeating: 0, count: Int(count.connectorCount))
        var crtcs = [UInt32](repeating: 0, count: Int(count.crtcCount))
        var resources = DRMModeResources()
        resources.connectorCount = count.connectorCount
        resources.crtcCount = count.crtcCount
        try withAddress(of: &connectors) { address throws(Errno) in
            resources.connectorPointer = address
            try withAddress(of: &crtcs) { address throws(Errno) in
                resources.crtcPointer = address
                try card.control(UInt(DRMRequest.getResources.rawValue), &resources)
            }
        }
        for connector in connectors {
            guard let (mode, encoder) = try modes(of: connector, card) else { continue }
            var query = DRMModeEncoder()
            query.encoderID = encoder
            var crtc = crtcs[0]
            if encoder != 0, (try? card.control(UInt(DRMRequest.getEncoder.rawValue), &query)) != nil {
                if query.crtcID != 0 {
                    crtc = query.crtcID
                } else if let index = crtcs.indices.first(where: { query.possibleCRTCs & (1 << UInt32($0)) != 0 }) {
                    crtc = crtcs[index]
                }
            }
            return Screen(connector: connector, crtc: crtc, mode: mode)
        }
        throw .noDevice
    }

    /// The preferred mode of a connected connector, with an encoder; nil if it is not connected.
    private static func modes(of connector: UInt32, _ card: borrowing FileDescriptor) throws(Errno) -> (DRMModeInfo, UInt32)? {
        var count = DRMModeConnector()
        count.connectorID = connector
        try card.control(UInt(DRMRequest.getConnector.rawValue), &count)
        guard count.connection == DRMModeConnector.connected, count.modeCount > 0, count.modeCount <= 256 else { return nil }
        var modes = [DRMModeInfo](repeating: DRMModeInfo(), count: Int(count.modeCount))
        var encoders = [UInt32](repeating: 0, count: max(1, Int(min(count.encoderCount, 64))))
        var query = DRMModeConnector()
        query.connectorID = connector
        query.modeCount = UInt32(modes.count)
        query.encoderCount = UInt32(encoders.count)
        try withAddress(of: &modes) { address throws(Errno) in
            query.modesPointer = address
            try withAddress(of: &encoders) { address throws(Errno) in
                query.encodersPointer = address
                try card.control(UInt(DRMRequest.getConnector.rawValue), &query)
            }
        }
        let mode = modes.first { $0.type & DRMModeInfo.typePreferred != 0 } ?? modes[0]
        return (mode, query.encoderID != 0 ? query.encoderID : encoders[0])
    }

    // MARK: Showing

    /// The mode is set with the first frame, so that the screen changes once, to the finished picture.
    private func light() {
        var connectors = [connector]
        var set = DRMModeCRTC()
        set.connectorCount = 1
        set.crtcID = crtc
        set.framebufferID = framebuffer
        set.modeValid = 1
        set.mode = mode
        do throws(Errno) {
            try withAddress(of: &connectors) { address throws(Errno) in
                set.connectorsPointer = address
                try card.control(UInt(DRMRequest.setCRTC.rawValue), &set)
            }
            isLit = true
        } catch {
            Log.write("compositor", "the mode cannot be set: \(error.message)")
        }
    }

    public func present(_ damage: Region) {
        // Setting the mode shows the whole buffer.
        if !isLit { return light() }
        guard !needsNoFlush, !damage.isEmpty else { return }
        var clips: [DRMClipRect] = []
        clips.reserveCapacity(damage.rects.count)
        for rect in damage.rects {
            clips.append(
                DRMClipRect(
                    x1: UInt16(clamping: rect.left), y1: UInt16(clamping: rect.top), x2: UInt16(clamping: rect.right),
                    y2: UInt16(clamping: rect.bottom)))
        }
        if clips.count > DRMModeDirty.maxClips {
            let all = damage.bounds
            clips = [
                DRMClipRect(
                    x1: UInt16(clamping: all.left), y1: UInt16(clamping: all.top), x2: UInt16(clamping: all.right),
                    y2: UInt16(clamping: all.bottom))
            ]
        }
        var dirty = DRMModeDirty()
        dirty.framebufferID = framebuffer
        dirty.clipCount = UInt32(clips.count)
        do throws(Errno) {
            try withAddress(of: &clips) { address throws(Errno) in
                dirty.clipsPointer = address
                try card.control(UInt(DRMRequest.dirtyFramebuffer.rawValue), &dirty)
            }
        } catch {
            if error == .notImplemented || error == .notSupported { needsNoFlush = true }
        }
    }

    // MARK: Cursor

    public func setCursor(_ image: PixelImage, hotspot newHotspot: Point) -> Bool {
        guard let buffer = cursor ?? makeCursor(), image.width <= cursorSize.width, image.height <= cursorSize.height else {
            return false
        }
        buffer.pixels.fill(buffer.pixels.bounds, pixel: 0)
        buffer.pixels.copy(image, to: .zero)
        hotspot = newHotspot
        var request = DRMModeCursor2()
        request.cursor.flags = DRMModeCursor.image | DRMModeCursor.move
        request.cursor.crtcID = crtc
        request.cursor.x = cursorPosition.x - hotspot.x
        request.cursor.y = cursorPosition.y - hotspot.y
        request.cursor.width = UInt32(cursorSize.width)
        request.cursor.height = UInt32(cursorSize.height)
        request.cursor.handle = buffer.handle
        request.hotX = hotspot.x
        request.hotY = hotspot.y
        return (try? card.control(UInt(DRMRequest.cursor2.rawValue), &request)) != nil
    }

    private func makeCursor() -> DumbBuffer? {
        cursorSize = Size(width: capability(DRMCapability.cursorWidth), height: capability(DRMCapability.cursorHeight))
        cursor = try? DumbBuffer(card, size: cursorSize, format: .argb8888)
        return cursor
    }

    private func capability(_ number: UInt64) -> Int32 {
        var query = DRMCapability()
        query.capability = number
        guard (try? card.control(UInt(DRMRequest.getCapability.rawValue), &query)) != nil, (16...512).contains(query.value) else {
            return 64
        }
        return Int32(query.value)
    }

    public func hideCursor() {
        var request = DRMModeCursor2()
        request.cursor.flags = DRMModeCursor.image
        request.cursor.crtcID = crtc
        _ = try? card.control(UInt(DRMRequest.cursor2.rawValue), &request)
    }

    public func moveCursor(to position: Point) {
        cursorPosition = position
        var request = DRMModeCursor()
        request.flags = DRMModeCursor.move
        request.crtcID = crtc
        request.x = position.x - hotspot.x
        request.y = position.y - hotspot.y
        _ = try? card.control(UInt(DRMRequest.cursor.rawValue), &request)
    }
}

/// Calls `body` with the address of an array's elements, as the kernel's structures carry it.
private func withAddress<T>(of array: inout [T], _ body: (UInt64) throws(Errno) -> Void) throws(Errno) {
    var span = array.mutableSpan
    try span.withUnsafeMutableBufferPointer { buffer throws(Errno) in
        // SAFETY: the address is used only by the system call inside `body`, while the array is borrowed.
        try body(UInt64(UInt(bitPattern: buffer.baseAddress)))
    }
}
