import ABI
import DisplayModel
import Frames
import PCI
import Processor
import Support
import Synchronization
import Virtio
import VirtioQueue

/// A virtio GPU in 2D mode (Virtual I/O Device 1.2, 5.7): one of its scanouts, and the cursor.
final class VirtioGPU: DisplayDriver {
    private let device: VirtioDevice
    private var control: GPUControlQueue!
    private var cursorQueue: GPUCursorQueue!
    private let configurationHandler: GPUConfigurationHandler
    private var scanout: UInt32 = 0
    private var preferred: (width: UInt32, height: UInt32) = (1024, 768)
    private var isEnabled = true
    private var identification: [UInt8] = []
    private var nextResource: UInt32 = 1
    private var cursorState = GPUCursor(GPUCommand.updateCursor, scanout: 0, x: 0, y: 0, resource: 0, hotX: 0, hotY: 0)
    private var cursorPosition: (x: Int32, y: Int32) = (0, 0)

    /// Starts the device. What is on the screen stays until the first mode is set.
    init?(_ device: VirtioDevice) {
        guard device.start(wanted: GPUCommand.featureEDID) else { return nil }
        self.device = device
        configurationHandler = GPUConfigurationHandler(device)
        super.init()
        guard let control = GPUControlQueue(device, driver: self), let cursorQueue = GPUCursorQueue(device),
            device.setConfigurationHandler(configurationHandler)
        else {
            device.fail()
            return nil
        }
        self.control = control
        self.cursorQueue = cursorQueue
        device.run()
        do throws(Errno) { try readDisplay() } catch { return nil }
    }

    override var summary: StaticString { "virtio-gpu" }
    override var cursorSide: UInt32? { 64 }
    override var submittedFrame: UInt64 { control.submittedFrame }
    override var completedFrame: UInt64 { control.completedFrame }

    // MARK: Connector

    override func modes() -> [DRMModeInfo] {
        refresh()
        let type = DRMModeInfo.typeDriver
        var modes = [
            DRMModeInfo.reducedBlanking(
                width: UInt16(preferred.width), height: UInt16(preferred.height), type: type | DRMModeInfo.typePreferred)
        ]
        for index in commonDisplaySizes.indices {
            let (width, height) = commonDisplaySizes[index]
            if (UInt32(width), UInt32(height)) != preferred {
                modes.append(.reducedBlanking(width: width, height: height, type: type))
            }
        }
        return modes
    }

    override var isConnected: Bool { isEnabled }
    override var edid: [UInt8] { identification }

    /// The device takes any size that a buffer can have.
    override func supports(_ mode: DRMModeInfo) -> Bool {
        UInt32(mode.hdisplay) <= maxWidth && UInt32(mode.vdisplay) <= maxHeight
    }

    /// Asks the device again when it has said that something changed.
    private func refresh() {
        guard configurationHandler.takeChange() else { return }
        try? readDisplay()
    }

    private func readDisplay() throws(Errno) {
        let (info, _) = try control.perform(GPUHeader(GPUCommand.getDisplayInfo), expecting: GPUCommand.responseDisplayInfo)
        let count = min(Int(device.readConfiguration32(8)), GPUCommand.maxScanouts)
        isEnabled = false
        for index in 0..<count {
            let display = info.load(fromByteOffset: 24 + index * MemoryLayout<GPUDisplay>.stride, as: GPUDisplay.self)
            guard display.enabled != 0, display.rect.width > 0, display.rect.height > 0,
                display.rect.width <= maxWidth, display.rect.height <= maxHeight
            else { continue }
            scanout = UInt32(index)
            preferred = (display.rect.width, display.rect.height)
            isEnabled = true
            break
        }
        identification = []
        guard isEnabled, device.features & GPUCommand.featureEDID != 0 else { return }
        let (answer, room) = try control.perform(GPUGetEDID(scanout: scanout), expecting: GPUCommand.responseEDID)
        let byteCount = Int(answer.load(fromByteOffset: 24, as: UInt32.self))
        guard byteCount >= 128, byteCount <= 1024, 32 + byteCount <= room else { return }
        let bytes = Array(UnsafeRawBufferPointer(start: answer + 32, count: byteCount))
        if EDID.isValid(bytes) { identification = Array(bytes[0..<EDID.byteCount(bytes)]) }
    }

    // MARK: Picture

    override func show(_ framebuffer: Framebuffer, source: ScreenRect) throws(Errno) {
        _ = try flip(to: framebuffer, source: source, isUploaded: false)
    }

    override func flip(to framebuffer: Framebuffer, source: ScreenRect, isUploaded: Bool) throws(Errno) -> UInt64 {
        let resource = try resource(for: framebuffer)
        let rect = placed(source, framebuffer)
        return try control.submit { batch in
            if !isUploaded { batch.add(transfer(rect, framebuffer, resource)) }
            batch.add(GPUSetScanout(rect: GPURect(rect), scanout: scanout, resource: resource))
            batch.add(GPUResourceFlush(rect: GPURect(rect), resource: resource))
        }
    }

    override func update(_ framebuffer: Framebuffer, damage: DamageBatch, source: ScreenRect?) throws(Errno) {
        let resource = try resource(for: framebuffer)
        _ = try control.submit { batch in
            for index in 0..<damage.count { batch.add(transfer(placed(damage[index], framebuffer), framebuffer, resource)) }
            guard let source else { return }
            for index in 0..<damage.count {
                let visible = damage[index].intersection(source)
                if visible.isEmpty { continue }
                batch.add(GPUResourceFlush(rect: GPURect(placed(visible, framebuffer)), resource: resource))
            }
        }
    }

    override func blank() {
        _ = try? control.submit { batch in batch.add(GPUSetScanout(rect: GPURect(), scanout: scanout, resource: 0)) }
    }

    /// A rectangle of a framebuffer in the coordinates of its resource, which is the whole buffer.
    private func placed(_ rect: ScreenRect, _ framebuffer: Framebuffer) -> ScreenRect {
        rect.moved(x: 0, y: Int32(framebuffer.geometry.firstRow))
    }

    private func transfer(_ rect: ScreenRect, _ framebuffer: Framebuffer, _ resource: UInt32) -> GPUTransferToHost2D {
        let offset = UInt64(rect.y1) * UInt64(framebuffer.geometry.pitch) + UInt64(rect.x1) * 4
        return GPUTransferToHost2D(rect: GPURect(rect), offset: offset, resource: resource)
    }

    // MARK: Resources

    private func resource(for framebuffer: Framebuffer) throws(Errno) -> UInt32 {
        let format = framebuffer.format == DRMFormat.argb8888 ? GPUFormat.b8g8r8a8 : GPUFormat.b8g8r8x8
        return try resource(for: framebuffer.buffer, format: format)
    }

    /// The device's copy of a buffer, created when it is first needed.
    private func resource(for buffer: BufferObject, format: UInt32) throws(Errno) -> UInt32 {
        if buffer.hostResource != 0 {
            if buffer.hostFormat == format { return buffer.hostResource }
            forget(buffer)
        }
        let resource = nextResource
        nextResource = resource == .max ? 1 : resource + 1
        let width = buffer.pitch / 4
        try control.perform(
            GPUResourceCreate2D(
                resource: resource, format: format, width: width, height: UInt32(buffer.byteCount / UInt64(buffer.pitch))))
        buffer.hostResource = resource
        buffer.hostFormat = format
        do throws(Errno) { try attachBacking(buffer, resource) } catch {
            forget(buffer)
            throw error
        }
        return resource
    }

    private func attachBacking(_ buffer: BufferObject, _ resource: UInt32) throws(Errno) {
        let memory = buffer.memory
        let entries = coalesceFrames(count: memory.frameCount, pageByteCount: UInt32(pageSize)) { memory.physical($0).rawValue }
        let byteCount = entries.count * MemoryLayout<GPUMemoryEntry>.stride
        guard let list = DMABuffer(byteCount: byteCount) else { throw .outOfMemory }
        for index in entries.indices {
            (list.pointer + index * MemoryLayout<GPUMemoryEntry>.stride).storeBytes(of: entries[index], as: GPUMemoryEntry.self)
        }
        try control.perform(
            GPUAttachBacking(resource: resource, count: UInt32(entries.count)),
            attachment: .readable(list.physical.rawValue, UInt32(byteCount)))
    }

    /// Takes the buffer's memory back from the device. If that fails, the device was reset and has forgotten it anyway.
    override func forget(_ buffer: BufferObject) {
        guard buffer.hostResource != 0 else { return }
        _ = try? control.perform(GPUResourceReference(GPUCommand.resourceUnref, resource: buffer.hostResource))
        buffer.hostResource = 0
    }

    // MARK: Cursor

    override func setCursor(
        _ buffer: BufferObject?, hotX: Int32, hotY: Int32, position: (x: Int32, y: Int32)?
    ) throws(Errno) {
        cursorState.hotX = UInt32(hotX)
        cursorState.hotY = UInt32(hotY)
        cursorState.resource = 0
        if let buffer {
            let resource = try resource(for: buffer, format: GPUFormat.b8g8r8a8)
            // The image must be there before the cursor queue, which overtakes the control queue, refers to it.
            try control.perform(
                GPUTransferToHost2D(rect: GPURect(ScreenRect(width: 64, height: 64)), offset: 0, resource: resource))
            cursorState.resource = resource
        }
        if let position { cursorPosition = position }
        sendCursor(GPUCommand.updateCursor)
    }

    override func moveCursor(x: Int32, y: Int32) throws(Errno) {
        cursorPosition = (x, y)
        sendCursor(GPUCommand.moveCursor)
    }

    /// The device wants the position of the hot spot, which cannot be negative.
    private func sendCursor(_ command: UInt32) {
        cursorState.header.type = command
        cursorState.scanout = scanout
        cursorState.x = UInt32(max(cursorPosition.x &+ Int32(cursorState.hotX), 0))
        cursorState.y = UInt32(max(cursorPosition.y &+ Int32(cursorState.hotY), 0))
        cursorQueue.send(cursorState)
    }
}

/// Notes that the display information has changed and acknowledges it; a thread reads it later.
private final class GPUConfigurationHandler: InterruptHandler {
    override var name: StaticString { "virtio display, configuration" }
    private let device: VirtioDevice
    private let hasChanged = Atomic<Bool>(false)

    init(_ device: VirtioDevice) { self.device = device }

    override func handle() {
        let events = device.readConfiguration32(0)
        guard events & GPUCommand.eventDisplay != 0 else { return }
        device.writeConfiguration32(4, GPUCommand.eventDisplay)
        hasChanged.store(true, ordering: .releasing)
    }

    func takeChange() -> Bool { hasChanged.exchange(false, ordering: .acquiringAndReleasing) }
}

/// Drives the first virtio GPU (also the VGA-compatible one).
public final class VirtioGPUDriver: PCIDriver {
    /// The card, once a device was found.
    public private(set) var card: DisplayCard?

    public init() { super.init(name: "virtio-gpu", matches: [PCIMatch(vendor: 0x1AF4, device: 0x1050)]) }

    public override func attach(_ device: PCIDevice) -> Bool {
        guard card == nil, let virtio = VirtioDevice(device), let gpu = VirtioGPU(virtio) else { return false }
        let card = DisplayCard(gpu)
        self.card = card
        PanicScreen.target = GPUPanicTarget(virtio)
        card.register()
        return true
    }
}
