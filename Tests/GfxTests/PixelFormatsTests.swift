import PixelFormats
import Testing

@Suite struct PixelFormatsTests {
    /// bits, red, green, blue masks.
    static let layouts: [(Int, UInt32, UInt32, UInt32)] = [
        (32, 0xFF_0000, 0xFF00, 0xFF), (32, 0xFF, 0xFF00, 0xFF_0000),
        (32, 0xFF00_0000, 0xFF_0000, 0xFF00), (32, 0xFF00, 0xFF_0000, 0xFF00_0000),
        (32, 0x3FF0_0000, 0xF_FC00, 0x3FF), (32, 0x3FF, 0xF_FC00, 0x3FF0_0000),
        (24, 0xFF_0000, 0xFF00, 0xFF), (24, 0xFF, 0xFF00, 0xFF_0000), (24, 0xFF00, 0xFF, 0xFF_0000),
        (16, 0xF800, 0x7E0, 0x1F), (16, 0x1F, 0x7E0, 0xF800),
        (15, 0x7C00, 0x3E0, 0x1F), (16, 0xF00, 0xF0, 0xF), (16, 0xF000, 0xF00, 0xF0),
    ]

    /// The value of a pixel, channel by channel, by the definition: c scaled so that 0 and 255 are the ends.
    private func expected(_ xrgb: UInt32, _ masks: (UInt32, UInt32, UInt32)) -> UInt32 {
        func channel(_ shift: UInt32, _ mask: UInt32) -> UInt32 {
            let c = (xrgb >> shift) & 0xFF
            let bits = UInt32(mask.nonzeroBitCount)
            let value = bits <= 8 ? c >> (8 - bits) : (c << (bits - 8)) | (c >> (16 - bits))
            return value << UInt32(mask.trailingZeroBitCount)
        }
        return channel(16, masks.0) | channel(8, masks.1) | channel(0, masks.2)
    }

    @Test(arguments: layouts.indices)
    func everyStrideAndOffset(layout: Int) throws {
        let (bits, red, green, blue) = Self.layouts[layout]
        let format = try #require(
            FramebufferFormat(bitsPerPixel: bits, redMask: red, greenMask: green, blueMask: blue))
        let bytes = (bits + 7) / 8
        #expect(format.bytesPerPixel == bytes)
        var random = SeededGenerator(seed: UInt64(layout))
        for width in Array(0...9) + [31, 64] {
            for padding in 0...5 where bytes != 4 || padding % 4 == 0 {
                for offset in 0...7 where offset % (bytes == 3 ? 1 : bytes) == 0 && (bytes != 2 || padding % 2 == 0) {
                    let height = 3
                    let stride = width * bytes + padding
                    let source = (0..<(width + 2) * height).map { _ in UInt32(truncatingIfNeeded: random.next()) }
                    let total = offset + stride * height + 16
                    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: total, alignment: 16)
                    defer { memory.deallocate() }
                    for i in 0..<total { memory[i] = 0xA5 }
                    source.withUnsafeBytes {
                        format.blit(
                            from: $0.baseAddress!, sourceStride: (width + 2) * 4, to: memory.baseAddress! + offset,
                            destinationStride: stride, width: width, height: height)
                    }
                    var wanted = [UInt8](repeating: 0xA5, count: total)
                    for y in 0..<height {
                        for x in 0..<width {
                            var pixel = expected(source[y * (width + 2) + x], (red, green, blue))
                            if format.isXRGB8888 { pixel = source[y * (width + 2) + x] }
                            for b in 0..<bytes {
                                wanted[offset + y * stride + x * bytes + b] = UInt8(
                                    truncatingIfNeeded: pixel >> UInt32(b * 8))
                            }
                        }
                    }
                    #expect(Array(memory) == wanted, "width \(width), padding \(padding), offset \(offset)")
                }
            }
        }
    }

    @Test func invalidLayoutsAreRefused() {
        func format(_ bits: Int, _ r: UInt32, _ g: UInt32, _ b: UInt32) -> FramebufferFormat? {
            FramebufferFormat(bitsPerPixel: bits, redMask: r, greenMask: g, blueMask: b)
        }
        #expect(format(32, 0xFF, 0xFF, 0xFF00) == nil)
        #expect(format(32, 0, 0xFF, 0xFF00) == nil)
        #expect(format(32, 0xF0F, 0xF0, 0xF000) == nil)
        #expect(format(32, 0xFFFF_F000, 0xF0, 0xF) == nil)
        #expect(format(16, 0xFF_0000, 0xFF00, 0xFF) == nil)
        #expect(format(24, 0xFF00_0000, 0xFF00, 0xFF) == nil)
        #expect(format(8, 0xE0, 0x1C, 0x3) == nil)
        #expect(format(0, 0xE0, 0x1C, 0x3) == nil)
        #expect(ChannelLayout(position: 32, size: 1) == nil)
        #expect(ChannelLayout(position: 0, size: 0) == nil)
        #expect(ChannelLayout(position: 0, size: 17) == nil)
        let ten = ChannelLayout(position: 20, size: 10)!
        #expect(ten.mask == 0x3FF0_0000)
        #expect(ChannelLayout(mask: 0x3FF0_0000) == ten)
    }

    @Test func endsOfTheRangeStayTheEnds() {
        for (bits, red, green, blue) in Self.layouts {
            let format = FramebufferFormat(bitsPerPixel: bits, redMask: red, greenMask: green, blueMask: blue)!
            #expect(format.encode(0xFFFFFF) == red | green | blue)
            #expect(format.encode(0) == 0)
        }
    }
}
