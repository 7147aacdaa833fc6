// A screen in memory, for tests and for machines without a display. Its picture can be written as a PPM file.

import Gfx
import System

public final class HeadlessOutput: DisplayOutput {
    public let size: Size
    public let pixels: PixelBuffer
    private let memory: MemoryMapping
    public private(set) var frameCount = 0
    /// Bytes that a display would have been sent.
    public private(set) var presentedBytes = 0
    /// The region of the last frame.
    public private(set) var lastDamage = Region()

    public init(size: Size) throws(Errno) {
        guard size.width > 0, size.height > 0, size.width <= 16384, size.height <= 16384 else { throw .invalidArgument }
        let stride = Int(size.width) * 4
        memory = try MemoryMapping(anonymous: stride * Int(size.height))
        guard
            let view = PixelBuffer(
                memory: memory.bytes, width: size.width, height: size.height, strideBytes: stride, format: .xrgb8888)
        else { throw .invalidArgument }
        self.size = size
        pixels = view
    }

    public func present(_ damage: Region) {
        frameCount += 1
        presentedBytes += Int(damage.area) * 4
        lastDamage = damage
    }

    /// There is no cursor plane: the cursor is drawn into the picture.
    public func setCursor(_ image: PixelImage, hotspot: Point) -> Bool { false }
    public func hideCursor() {}
    public func moveCursor(to position: Point) {}

    /// Writes the picture in the PPM format (P6).
    public func writePicture(to path: String) throws(Errno) {
        let file = try FileDescriptor.open(path, .writeOnly, [.create, .truncate])
        var bytes = Array("P6\n\(size.width) \(size.height)\n255\n".utf8)
        bytes.reserveCapacity(bytes.count + Int(size.width) * Int(size.height) * 3)
        for y in 0..<size.height {
            for x in 0..<size.width {
                let pixel = pixels.pixel(at: Point(x: x, y: y)) ?? 0
                bytes.append(UInt8(truncatingIfNeeded: pixel >> 16))
                bytes.append(UInt8(truncatingIfNeeded: pixel >> 8))
                bytes.append(UInt8(truncatingIfNeeded: pixel))
            }
        }
        try file.writeAll(bytes)
    }
}
