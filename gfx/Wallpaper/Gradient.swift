// Colours that change linearly along a block of pixels, three channels in one word.

/// A colour in 16-bit lanes of 8.8 fixed point (blue, red, green, alpha from the lowest), and its change from pixel to
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
        start = Self.word(a.0, a.1, a.2) &+ 0xFF00_0000_0000_0000
        step = Self.word(
            Self.rounded(b.0 &- a.0, count), Self.rounded(b.1 &- a.1, count), Self.rounded(b.2 &- a.2, count))
    }

    @inline(__always)
    private static func rounded(_ difference: Int, _ count: Int) -> Int {
        // Toward zero: a lane never leaves the range between its two ends. All blocks but a row's last are whole.
        count == WallpaperPainter.blockWidth ? difference / 32 : difference / count
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

    /// Keeps the whole part of each lane: blue and red are in place, green and alpha 24 bits above theirs.
    @inline(__always)
    private static func pixel(_ lanes: UInt64) -> UInt32 {
        let whole = (lanes >> 8) & 0x00FF_00FF_00FF_00FF
        return UInt32(truncatingIfNeeded: whole | whole >> 24)
    }

    /// The pixel `offset` pixels into the block.
    @inline(__always)
    func pixel(at offset: Int, _ dither: UnsafePointer<UInt64>) -> UInt32 {
        Self.pixel(start &+ step &* UInt64(offset) &+ dither[offset])
    }

    /// Writes `count` pixels, the first of which is `skipped` pixels into the block.
    @inline(__always)
    func fill(
        _ to: UnsafeMutablePointer<UInt32>, count: Int, skipping skipped: Int, _ dither: UnsafePointer<UInt64>
    ) {
        var value = start &+ step &* UInt64(skipped)
        let thresholds = dither + skipped
        var x = 0
        while x &+ 4 <= count {
            to[x] = Self.pixel(value &+ thresholds[x])
            to[x &+ 1] = Self.pixel(value &+ step &+ thresholds[x &+ 1])
            let third = value &+ step &* 2
            to[x &+ 2] = Self.pixel(third &+ thresholds[x &+ 2])
            to[x &+ 3] = Self.pixel(third &+ step &+ thresholds[x &+ 3])
            value = third &+ step &* 2
            x &+= 4
        }
        while x < count {
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
