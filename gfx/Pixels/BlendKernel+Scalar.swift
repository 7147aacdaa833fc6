// The integer loops.

func scalarOver(_ destination: UnsafeMutablePointer<UInt32>, _ source: UnsafePointer<UInt32>, _ count: Int) {
    var i = 0
    while i < count {
        let s = source[i]
        if s >= 0xFF00_0000 {
            destination[i] = s
        } else if s != 0 {
            destination[i] = over(s, destination[i])
        }
        i &+= 1
    }
}

func scalarOverAlpha(
    _ destination: UnsafeMutablePointer<UInt32>, _ source: UnsafePointer<UInt32>, _ count: Int,
    _ alpha: UInt32, _ bits: UInt32
) {
    var i = 0
    while i < count {
        let s = scalePixel(source[i] | bits, alpha)
        if s != 0 { destination[i] = over(s, destination[i]) }
        i &+= 1
    }
}

func scalarOverColor(_ destination: UnsafeMutablePointer<UInt32>, _ color: UInt32, _ count: Int) {
    let lanes = spread(color)
    let inverse = 255 &- (color >> 24)
    // Neighbours are often equal (a scrim over flat surfaces). Remembering the last result saves their arithmetic and
    // keeps the compiler from turning this into the vector loop, which emulators run slowly.
    var last: UInt32 = 0
    var result = color
    var i = 0
    while i < count {
        let d = destination[i]
        if d != last {
            last = d
            result = pack((lanes &+ scaleLanes(spread(d), inverse)) & 0x00FF_00FF_00FF_00FF)
        }
        destination[i] = result
        i &+= 1
    }
}

func scalarOverMask(
    _ destination: UnsafeMutablePointer<UInt32>, _ color: UInt32, _ mask: UnsafePointer<UInt8>, _ count: Int
) {
    let lanes = spread(color)
    let opaque = color >= 0xFF00_0000
    var i = 0
    while i < count {
        let coverage = UInt32(mask[i])
        if coverage == 255, opaque {
            destination[i] = color
        } else if coverage != 0 {
            let s = scaleLanes(lanes, coverage)
            let d = scaleLanes(spread(destination[i]), 255 &- UInt32(truncatingIfNeeded: s >> 48))
            destination[i] = pack((s &+ d) & 0x00FF_00FF_00FF_00FF)
        }
        i &+= 1
    }
}
