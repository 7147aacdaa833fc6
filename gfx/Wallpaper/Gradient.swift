// Colours that change linearly along a block of pixels, three channels in one word.

/// A colour in 16-bit lanes of 8.8 fixed point (blue, red, green from the lowest), and its change from pixel to
/// pixel. The change is the plain integer difference of two such words, so lanes may fall as well as rise.
struct Gradient {
    private let start: UInt64
    private let step: UInt64

    /// The colours of one block.
    /// - Parameters:
    ///   - row: the row's nodes, three channels each.
    ///   - first, last: where the block's first pixel and the next block's lie among the nodes, in 1/65536.
    ///   - count: the pixels from the one to the other.
    @inline(__always)
    init(_ row: UnsafePointer<Int32>, first: Int32, last: Int32, count: Int) {
        let a = Self.sample(row, Int(first))
        let b = Self.sample(row, Int(last))
        start = Self.word(a.0, a.1, a.2)
        step = Self.word(
            Self.rounded(b.0 &- a.0, count), Self.rounded(b.1 &- a.1, count), Self.rounded(b.2 &- a.2, count))
    }

    @inline(__always)
    private static func rounded(_ difference: Int, _ count: Int) -> Int {
        // Toward zero: a lane never leaves the range between its two ends. All blocks but a row's last are whole.
        count == WallpaperPainter.blockWidth ? difference / 16 : difference / count
    }

    @inline(__always)
    private static func sample(_ row: UnsafePointer<Int32>, _ position: Int) -> (Int, Int, Int) {
        let fraction = position & 0xFFFF
        let a = row + (position >> 16) &* 3
        @inline(__always) func mixed(_ channel: Int) -> Int {
            Int(a[channel]) &+ ((Int(a[channel &+ 3]) &- Int(a[channel])) &* fraction) >> 16
        }
        return (mixed(0), mixed(1), mixed(2))
    }

    @inline(__always)
    private static func word(_ red: Int, _ green: Int, _ blue: Int) -> UInt64 {
        UInt64(bitPattern: Int64(blue &+ red << 16 &+ green << 32))
    }

    @inline(__always)
    private static func pixel(_ lanes: UInt64) -> UInt32 {
        let t = lanes >> 8
        return 0xFF00_0000 | UInt32(truncatingIfNeeded: t & 0xFF_00FF) | UInt32(truncatingIfNeeded: (t >> 24) & 0xFF00)
    }

    /// The pixel `offset` pixels into the block.
    @inline(__always)
    func pixel(at offset: Int, _ dither: UnsafePointer<UInt64>) -> UInt32 {
        Self.pixel(start &+ step &* UInt64(offset) &+ dither[offset])
    }

    /// Writes the pixels of `range`; the block begins at `origin`.
    @inline(__always)
    func fill(
        _ to: UnsafeMutablePointer<UInt32>, _ range: Range<Int>, from origin: Int, _ dither: UnsafePointer<UInt64>
    ) {
        var value = start &+ step &* UInt64(range.lowerBound &- origin)
        var x = range.lowerBound
        let end = range.upperBound
        let thresholds = dither - origin
        while x < end {
            to[x] = Self.pixel(value &+ thresholds[x])
            value = value &+ step
            x &+= 1
        }
    }
}

/// After how many columns the dither repeats.
let ditherPeriod = 64

/// The dither of one row: thresholds 0...255 in all three lanes, from a low-discrepancy sequence in two dimensions
/// (multiples of the plastic number's inverse powers), folded so that neighbouring rows meet without edges.
func fillDither(_ row: UnsafeMutablePointer<UInt64>, _ y: Int32) {
    var phase = UInt32(bitPattern: y) &* 0x91E1_0DA5
    for x in 0..<ditherPeriod {
        let saw = phase >> 23
        let triangle = saw < 256 ? saw : 511 &- saw
        row[x] = UInt64(triangle) &* 0x0000_0001_0001_0001
        phase &+= 0xC13F_A9A9
    }
}
