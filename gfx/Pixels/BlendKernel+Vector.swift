// The vector loops: four pixels in a 128-bit register as two sets of 16-bit lanes, even bytes (blue, red) and odd
// bytes (green, alpha). The arithmetic is the scalar one, so the results are the same to the last bit. Rows end with
// the scalar loop.

private typealias Pixels = SIMD4<UInt32>
private typealias Lanes = SIMD8<UInt16>

@inline(__always)
private func lanes(_ v: Pixels) -> Lanes { unsafeBitCast(v, to: Lanes.self) }
@inline(__always)
private func pixels(_ v: Lanes) -> Pixels { unsafeBitCast(v, to: Pixels.self) }

/// Lane products divided by 255 and rounded.
@inline(__always)
private func scale(_ a: Lanes, _ b: Lanes) -> Lanes {
    let t = a &* b &+ Lanes(repeating: 128)
    return (t &+ (t &>> 8)) &>> 8
}

/// The low byte of every 32-bit element in both of its 16-bit lanes.
@inline(__always)
private func both(_ v: Pixels) -> Lanes { lanes(v | (v &<< 16)) }

/// Every channel of `v` times its pixel's factor.
@inline(__always)
private func scaleChannels(_ v: Pixels, _ factor: Lanes) -> Pixels {
    let low = scale(lanes(v & Pixels(repeating: 0x00FF_00FF)), factor)
    let high = scale(lanes(v) &>> 8, factor)
    return pixels(low | (high &<< 8))
}

/// A sum that wraps within each byte.
@inline(__always)
private func addBytes(_ a: Pixels, _ b: Pixels) -> Pixels {
    unsafeBitCast(
        unsafeBitCast(a, to: SIMD16<UInt8>.self) &+ unsafeBitCast(b, to: SIMD16<UInt8>.self), to: Pixels.self)
}

@inline(__always)
private func overPixels(_ s: Pixels, _ d: Pixels) -> Pixels {
    addBytes(s, scaleChannels(d, both(Pixels(repeating: 255) &- (s &>> 24))))
}

@inline(__always)
private func load(_ p: UnsafePointer<UInt32>, _ i: Int) -> Pixels {
    UnsafeRawPointer(p + i).loadUnaligned(as: Pixels.self)
}
@inline(__always)
private func load(_ p: UnsafeMutablePointer<UInt32>, _ i: Int) -> Pixels {
    UnsafeRawPointer(p + i).loadUnaligned(as: Pixels.self)
}
@inline(__always)
private func store(_ v: Pixels, _ p: UnsafeMutablePointer<UInt32>, _ i: Int) {
    UnsafeMutableRawPointer(p + i).storeBytes(of: v, as: Pixels.self)
}

func vectorOver(_ destination: UnsafeMutablePointer<UInt32>, _ source: UnsafePointer<UInt32>, _ count: Int) {
    var i = 0
    while i &+ 4 <= count {
        let a = UnsafeRawPointer(source + i).loadUnaligned(as: UInt64.self)
        let b = UnsafeRawPointer(source + i).loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        if a & b & 0xFF00_0000_FF00_0000 == 0xFF00_0000_FF00_0000 {
            store(load(source, i), destination, i)
        } else if a | b != 0 {
            store(overPixels(load(source, i), load(destination, i)), destination, i)
        }
        i &+= 4
    }
    scalarOver(destination + i, source + i, count &- i)
}

func vectorOverAlpha(
    _ destination: UnsafeMutablePointer<UInt32>, _ source: UnsafePointer<UInt32>, _ count: Int,
    _ alpha: UInt32, _ bits: UInt32
) {
    let factor = Lanes(repeating: UInt16(truncatingIfNeeded: alpha))
    let set = Pixels(repeating: bits)
    var i = 0
    while i &+ 4 <= count {
        let s = scaleChannels(load(source, i) | set, factor)
        store(overPixels(s, load(destination, i)), destination, i)
        i &+= 4
    }
    scalarOverAlpha(destination + i, source + i, count &- i, alpha, bits)
}

func vectorOverColor(_ destination: UnsafeMutablePointer<UInt32>, _ color: UInt32, _ count: Int) {
    let s = Pixels(repeating: color)
    let factor = Lanes(repeating: UInt16(truncatingIfNeeded: 255 &- (color >> 24)))
    var i = 0
    while i &+ 4 <= count {
        store(addBytes(s, scaleChannels(load(destination, i), factor)), destination, i)
        i &+= 4
    }
    scalarOverColor(destination + i, color, count &- i)
}

func vectorOverMask(
    _ destination: UnsafeMutablePointer<UInt32>, _ color: UInt32, _ mask: UnsafePointer<UInt8>, _ count: Int
) {
    let c = Pixels(repeating: color)
    let opaque = color >= 0xFF00_0000
    var i = 0
    while i &+ 4 <= count {
        let m = UnsafeRawPointer(mask + i).loadUnaligned(as: UInt32.self)
        if m == 0xFFFF_FFFF, opaque {
            store(c, destination, i)
        } else if m != 0 {
            let coverage = Pixels(m & 0xFF, (m >> 8) & 0xFF, (m >> 16) & 0xFF, m >> 24)
            store(overPixels(scaleChannels(c, both(coverage)), load(destination, i)), destination, i)
        }
        i &+= 4
    }
    scalarOverMask(destination + i, color, mask + i, count &- i)
}
