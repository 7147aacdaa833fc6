// The pixel layout of a linear framebuffer as firmware describes it: bits a pixel and the place of each channel.
//
// The kernel's boot-framebuffer driver compiles this very module with SSE off, so it uses integers only, allocates
// nothing and has no globals. Sources of such descriptions: UEFI `EFI_GRAPHICS_OUTPUT_MODE_INFORMATION` (UEFI 2.10,
// 12.9.2), the Multiboot2 framebuffer tag (3.6.12) and the VBE mode information block (VBE 3.0, 4.4).

/// Where one colour channel lies inside a pixel, counted in bits from the least significant one.
public struct ChannelLayout: Equatable, Sendable {
    /// The lowest bit of the channel.
    public let position: UInt8
    /// The number of bits, 1...16.
    public let size: UInt8

    /// Fails for a channel of no bits or of more than 16.
    public init?(position: UInt8, size: UInt8) {
        guard size >= 1, size <= 16, position < 32 else { return nil }
        self.position = position
        self.size = size
    }

    /// The channel that a contiguous bit mask selects; fails for an empty or torn mask.
    public init?(mask: UInt32) {
        guard mask != 0 else { return nil }
        let position = mask.trailingZeroBitCount
        let run = mask >> UInt32(position)
        let size = (~run).trailingZeroBitCount
        guard size <= 16, size == 32 || run >> UInt32(size) == 0 else { return nil }
        self.position = UInt8(position)
        self.size = UInt8(size)
    }

    /// The bits that the channel occupies.
    public var mask: UInt32 { ((1 << UInt32(size)) - 1) << UInt32(position) }

    /// An 8-bit intensity moved to this channel; wider channels repeat its bits, narrower ones drop the low ones.
    @inline(__always)
    func encode(_ intensity: UInt32) -> UInt32 {
        ((intensity &* 0x101) &>> UInt32(16 &- size)) &<< UInt32(position)
    }
}

/// The pixel layout of a framebuffer, checked to be one that can be written.
public struct FramebufferFormat: Equatable, Sendable {
    /// The bytes one pixel takes in memory: 2, 3 or 4.
    public let bytesPerPixel: Int
    public let red: ChannelLayout
    public let green: ChannelLayout
    public let blue: ChannelLayout

    /// How the common layouts are recognised so that they take a quick path.
    enum Path: UInt8, Sendable {
        /// 32 bits, the same as XRGB8888: a copy.
        case copy
        /// 32 bits, red and blue exchanged.
        case exchange
        /// 32 bits, anything else.
        case general32
        /// 24 bits, blue first in memory.
        case packed24
        /// 24 bits, anything else.
        case general24
        /// 16 bits, 5-6-5.
        case rgb565
        /// 16 bits, anything else.
        case general16
    }
    let path: Path

    /// - Parameter bitsPerPixel: 15, 16, 24 or 32; 15 is stored in 16.
    ///
    /// Fails for other depths and for channels that overlap or do not fit in a pixel.
    public init?(bitsPerPixel: Int, red: ChannelLayout, green: ChannelLayout, blue: ChannelLayout) {
        switch bitsPerPixel {
        case 15, 16: bytesPerPixel = 2
        case 24: bytesPerPixel = 3
        case 32: bytesPerPixel = 4
        default: return nil
        }
        let bits = bytesPerPixel &* 8
        guard Int(red.position) + Int(red.size) <= bits,
            Int(green.position) + Int(green.size) <= bits,
            Int(blue.position) + Int(blue.size) <= bits,
            red.mask & green.mask == 0, red.mask & blue.mask == 0, green.mask & blue.mask == 0
        else { return nil }
        self.red = red
        self.green = green
        self.blue = blue
        let natural = red.mask == 0xFF_0000 && green.mask == 0xFF00 && blue.mask == 0xFF
        switch bytesPerPixel {
        case 4:
            let exchanged = red.mask == 0xFF && green.mask == 0xFF00 && blue.mask == 0xFF_0000
            path = natural ? .copy : exchanged ? .exchange : .general32
        case 3:
            path = natural ? .packed24 : .general24
        default:
            path = red.mask == 0xF800 && green.mask == 0x7E0 && blue.mask == 0x1F ? .rgb565 : .general16
        }
    }

    /// The layout that contiguous channel masks describe.
    public init?(bitsPerPixel: Int, redMask: UInt32, greenMask: UInt32, blueMask: UInt32) {
        guard let red = ChannelLayout(mask: redMask), let green = ChannelLayout(mask: greenMask),
            let blue = ChannelLayout(mask: blueMask)
        else { return nil }
        self.init(bitsPerPixel: bitsPerPixel, red: red, green: green, blue: blue)
    }

    /// XRGB8888: blue, green, red, unused in memory order (UEFI's `PixelBlueGreenRedReserved8BitPerColor`).
    public static var xrgb8888: FramebufferFormat {
        FramebufferFormat(bitsPerPixel: 32, redMask: 0xFF_0000, greenMask: 0xFF00, blueMask: 0xFF)!
    }

    /// XBGR8888: red, green, blue, unused in memory order (UEFI's `PixelRedGreenBlueReserved8BitPerColor`).
    public static var xbgr8888: FramebufferFormat {
        FramebufferFormat(bitsPerPixel: 32, redMask: 0xFF, greenMask: 0xFF00, blueMask: 0xFF_0000)!
    }

    /// Whether a row of XRGB8888 pixels can be copied as it is.
    public var isXRGB8888: Bool { path == .copy }

    /// One XRGB8888 pixel in this layout.
    @inline(__always)
    public func encode(_ xrgb: UInt32) -> UInt32 {
        red.encode((xrgb >> 16) & 0xFF) | green.encode((xrgb >> 8) & 0xFF) | blue.encode(xrgb & 0xFF)
    }
}
