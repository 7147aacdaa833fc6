import Gfx

/// A picture that owns its pixels.
final class Picture {
    private let memory: UnsafeMutableRawBufferPointer
    let pixels: PixelBuffer

    init(_ size: Size) {
        memory = .allocate(byteCount: Int(size.width * size.height) * 4, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        pixels = PixelBuffer(
            memory: memory, width: size.width, height: size.height, strideBytes: Int(size.width) * 4, format: .xrgb8888)!
    }

    deinit { memory.deallocate() }
    func isEqual(_ other: Picture) -> Bool { memory.elementsEqual(other.memory) }
    /// Red, green and blue.
    func color(at point: Point) -> UInt32 {
        memory.load(fromByteOffset: Int(point.y * pixels.width + point.x) * 4, as: UInt32.self) & 0xff_ffff
    }
}
