// Conversion of XRGB8888 rows to a framebuffer's own layout. The destination is usually mapped write-combining: it
// is written front to back in the largest units that its alignment allows and never read.

extension FramebufferFormat {
    /// Converts a rectangle of XRGB8888 pixels into the framebuffer.
    ///
    /// `source` and `destination` point at the rectangle's first pixel in each; strides are in bytes.
    /// - Safety: both rectangles must lie inside their memory; `source` is aligned to 4 bytes, the destination to
    ///   the size of a pixel (24-bit pixels may lie anywhere).
    public func blit(
        from source: UnsafeRawPointer, sourceStride: Int,
        to destination: UnsafeMutableRawPointer, destinationStride: Int,
        width: Int, height: Int
    ) {
        guard width > 0, height > 0 else { return }
        var from = source
        var to = destination
        for _ in 0..<height {
            convertRow(from: from, to: to, count: width)
            from += sourceStride
            to += destinationStride
        }
    }

    /// Converts `count` XRGB8888 pixels.
    /// - Safety: as for `blit`.
    public func convertRow(from source: UnsafeRawPointer, to destination: UnsafeMutableRawPointer, count: Int) {
        guard count > 0 else { return }
        let pixels = source.assumingMemoryBound(to: UInt32.self)
        switch path {
        case .copy:
            destination.copyMemory(from: source, byteCount: count &* 4)
        case .exchange:
            let to = destination.assumingMemoryBound(to: UInt32.self)
            for i in 0..<count {
                let p = pixels[i]
                to[i] = (p & 0xFF00) | ((p >> 16) & 0xFF) | ((p & 0xFF) << 16)
            }
        case .general32:
            let to = destination.assumingMemoryBound(to: UInt32.self)
            for i in 0..<count { to[i] = encode(pixels[i]) }
        case .packed24:
            write24(pixels, to: destination, count: count) { $0 & 0xFF_FFFF }
        case .general24:
            write24(pixels, to: destination, count: count) { encode($0) }
        case .rgb565:
            write16(pixels, to: destination, count: count) {
                (($0 >> 8) & 0xF800) | (($0 >> 5) & 0x07E0) | (($0 >> 3) & 0x001F)
            }
        case .general16:
            write16(pixels, to: destination, count: count) { encode($0) }
        }
    }

    /// Packs 24-bit pixels: four of them make three words.
    @inline(__always)
    private func write24(
        _ pixels: UnsafePointer<UInt32>, to destination: UnsafeMutableRawPointer, count: Int,
        _ encode: (UInt32) -> UInt32
    ) {
        var i = 0
        var to = destination
        // Single bytes until the destination is aligned: at most three pixels, as 3 and 4 have no common divisor.
        while i < count, UInt(bitPattern: to) & 3 != 0 {
            storeBytes(encode(pixels[i]), to)
            to += 3
            i &+= 1
        }
        while count &- i >= 4 {
            let a = encode(pixels[i]), b = encode(pixels[i &+ 1])
            let c = encode(pixels[i &+ 2]), d = encode(pixels[i &+ 3])
            to.storeBytes(of: a | (b << 24), as: UInt32.self)
            to.storeBytes(of: (b >> 8) | (c << 16), toByteOffset: 4, as: UInt32.self)
            to.storeBytes(of: (c >> 16) | (d << 8), toByteOffset: 8, as: UInt32.self)
            to += 12
            i &+= 4
        }
        while i < count {
            storeBytes(encode(pixels[i]), to)
            to += 3
            i &+= 1
        }
    }

    @inline(__always)
    private func storeBytes(_ value: UInt32, _ to: UnsafeMutableRawPointer) {
        to.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
        to.storeBytes(of: UInt8(truncatingIfNeeded: value >> 8), toByteOffset: 1, as: UInt8.self)
        to.storeBytes(of: UInt8(truncatingIfNeeded: value >> 16), toByteOffset: 2, as: UInt8.self)
    }

    /// Packs 16-bit pixels, two to a word where the destination is aligned.
    @inline(__always)
    private func write16(
        _ pixels: UnsafePointer<UInt32>, to destination: UnsafeMutableRawPointer, count: Int,
        _ encode: (UInt32) -> UInt32
    ) {
        var i = 0
        var to = destination
        if UInt(bitPattern: to) & 3 != 0 {
            to.storeBytes(of: UInt16(truncatingIfNeeded: encode(pixels[0])), as: UInt16.self)
            to += 2
            i = 1
        }
        while count &- i >= 2 {
            let low = encode(pixels[i]), high = encode(pixels[i &+ 1])
            to.storeBytes(of: (low & 0xFFFF) | (high << 16), as: UInt32.self)
            to += 4
            i &+= 2
        }
        if i < count {
            to.storeBytes(of: UInt16(truncatingIfNeeded: encode(pixels[i])), as: UInt16.self)
        }
    }
}
