import ABI
import DisplayModel
import Frames
import PixelFormats
import Support

/// The linear framebuffer that the firmware or the boot loader set up.
public struct BootFramebuffer: Sendable {
    public var physical: UInt64
    /// Bytes from one row to the next: not always the width times the size of a pixel.
    public var stride: Int
    public var width: Int
    public var height: Int
    public var bitsPerPixel: Int
    public var redMask: UInt32
    public var greenMask: UInt32
    public var blueMask: UInt32

    public init(
        physical: UInt64, stride: Int, width: Int, height: Int, bitsPerPixel: Int, redMask: UInt32, greenMask: UInt32,
        blueMask: UInt32
    ) {
        self.physical = physical
        self.stride = stride
        self.width = width
        self.height = height
        self.bitsPerPixel = bitsPerPixel
        self.redMask = redMask
        self.greenMask = greenMask
        self.blueMask = blueMask
    }
}

/// The mapped framebuffer: what its driver and the panic screen draw on. It is only ever written.
final class FramebufferSurface {
    let width: Int
    let height: Int
    let format: FramebufferFormat
    private let base: UnsafeMutableRawPointer
    private let stride: Int

    /// - Returns: nil when the description makes no sense or the memory cannot be mapped.
    init?(_ boot: BootFramebuffer) {
        guard boot.width > 0, boot.height > 0, boot.width <= Int(DumbGeometry.maxSide), boot.height <= Int(DumbGeometry.maxSide),
            let format = FramebufferFormat(
                bitsPerPixel: boot.bitsPerPixel, redMask: boot.redMask, greenMask: boot.greenMask, blueMask: boot.blueMask),
            boot.stride >= boot.width * format.bytesPerPixel, boot.stride <= 1 << 20, boot.physical != 0,
            // Pixels of 2 and 4 bytes are written whole.
            format.bytesPerPixel == 3
                || (boot.stride % format.bytesPerPixel == 0 && boot.physical % UInt64(format.bytesPerPixel) == 0),
            let base = KernelMap.mapDevice(
                PhysicalAddress(boot.physical), byteCount: boot.stride * boot.height, caching: .writeCombining)
        else { return nil }
        width = boot.width
        height = boot.height
        stride = boot.stride
        self.format = format
        self.base = base
    }

    var bounds: ScreenRect { ScreenRect(width: Int32(width), height: Int32(height)) }

    /// Writes a run of XRGB8888 pixels.
    func write(_ pixels: UnsafeRawPointer, count: Int, x: Int, y: Int) {
        guard x >= 0, y >= 0, y < height, count > 0, x <= width - count else { return }
        // SAFETY: the run was checked to lie on the surface, whose memory is mapped; the source holds `count` pixels.
        format.convertRow(from: pixels, to: base + y * stride + x * format.bytesPerPixel, count: count)
    }

    /// Makes everything black.
    func clear() {
        for y in 0..<height {
            (base + y * stride).initializeMemory(as: UInt8.self, repeating: 0, count: width * format.bytesPerPixel)
        }
    }
}

/// Shows dumb buffers on the boot framebuffer: they are its shadow in RAM, and damage is copied over at once.
final class BootFramebufferDisplay: DisplayDriver {
    private let surface: FramebufferSurface

    init(_ surface: FramebufferSurface) { self.surface = surface }

    override var summary: StaticString { "boot framebuffer" }
    override func modes() -> [DRMModeInfo] {
        [
            .reducedBlanking(
                width: UInt16(surface.width), height: UInt16(surface.height),
                type: DRMModeInfo.typeDriver | DRMModeInfo.typePreferred)
        ]
    }

    /// Only the firmware could change the mode.
    override func supports(_ mode: DRMModeInfo) -> Bool {
        Int(mode.hdisplay) == surface.width && Int(mode.vdisplay) == surface.height
    }

    override func show(_ framebuffer: Framebuffer, source: ScreenRect) throws(Errno) { copy(framebuffer, source, source) }

    override func flip(to framebuffer: Framebuffer, source: ScreenRect, isUploaded: Bool) throws(Errno) -> UInt64 {
        copy(framebuffer, source, source)
        return 0
    }

    override func update(_ framebuffer: Framebuffer, damage: DamageBatch, source: ScreenRect?) throws(Errno) {
        guard let source else { return }
        for index in 0..<damage.count { copy(framebuffer, damage[index].intersection(source), source) }
    }

    override func blank() { surface.clear() }

    /// Copies a rectangle of a framebuffer to where it is shown. A buffer's pages are not contiguous, so each row is copied in
    /// pieces that end at page borders; pixels never straddle one.
    private func copy(_ framebuffer: Framebuffer, _ rect: ScreenRect, _ source: ScreenRect) {
        if rect.isEmpty { return }
        let memory = framebuffer.buffer.memory
        let pitch = Int(framebuffer.geometry.pitch)
        for y in Int(rect.y1)..<Int(rect.y2) {
            var offset = Int(framebuffer.geometry.offset) + y * pitch + Int(rect.x1) * 4
            var x = Int(rect.x1)
            while x < Int(rect.x2) {
                let count = min(Int(rect.x2) - x, (pageSize - offset % pageSize) / 4)
                let pixels = memory.physical(offset / pageSize).directMapped + offset % pageSize
                surface.write(pixels, count: count, x: x - Int(source.x1), y: y - Int(source.y1))
                x += count
                offset += count * 4
            }
        }
    }
}
