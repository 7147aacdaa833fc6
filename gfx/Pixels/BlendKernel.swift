// The blending loops, one row at a time, in two variants that give identical pixels. Emulators turn vector
// instructions into slow helper calls, real processors do not: so the variant is measured at start, not assumed.

/// Which loops blend.
public enum BlendKernel: UInt8, Sendable {
    /// 64-bit integer arithmetic, one pixel at a time.
    case scalar
    /// 128-bit vectors, four pixels at a time.
    case vector

    /// The variant with this name (`scalar` or `vector`), as an option forces it.
    public init?(name: String) {
        if name == "scalar" { self = .scalar } else if name == "vector" { self = .vector } else { return nil }
    }

    /// Measures both variants for a few hundred microseconds and returns the quicker one.
    /// - Parameter now: a monotonic clock in nanoseconds.
    public static func fastest(now: () -> UInt64) -> BlendKernel {
        let count = 1024
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count * 2) { memory in
            guard let base = memory.baseAddress else { return .scalar }
            let destination = base
            let source = base + count
            destination.initialize(repeating: 0xFF20_4060, count: count)
            // Half transparent everywhere: no shortcut applies.
            source.initialize(repeating: 0x8040_2010, count: count)
            var best: [UInt64] = [.max, .max]
            for _ in 0..<4 {
                for kernel in [BlendKernel.scalar, .vector] {
                    let start = now()
                    for _ in 0..<8 { kernel.over(destination, source, count) }
                    let spent = now() &- start
                    best[Int(kernel.rawValue)] = min(best[Int(kernel.rawValue)], spent)
                }
            }
            return best[1] < best[0] ? .vector : .scalar
        }
    }

    // MARK: Rows. Callers clipped the row, so `count` pixels are there in every operand.

    /// Premultiplied pixels over the destination.
    @inline(__always)
    func over(_ destination: UnsafeMutablePointer<UInt32>, _ source: UnsafePointer<UInt32>, _ count: Int) {
        switch self {
        case .scalar: scalarOver(destination, source, count)
        case .vector: vectorOver(destination, source, count)
        }
    }

    /// Premultiplied pixels, each or-ed with `bits` and scaled by `alpha`, over the destination.
    @inline(__always)
    func over(
        _ destination: UnsafeMutablePointer<UInt32>, _ source: UnsafePointer<UInt32>, _ count: Int,
        alpha: UInt32, setting bits: UInt32
    ) {
        switch self {
        case .scalar: scalarOverAlpha(destination, source, count, alpha, bits)
        case .vector: vectorOverAlpha(destination, source, count, alpha, bits)
        }
    }

    /// One premultiplied colour over the destination.
    @inline(__always)
    func over(_ destination: UnsafeMutablePointer<UInt32>, color: UInt32, _ count: Int) {
        switch self {
        case .scalar: scalarOverColor(destination, color, count)
        case .vector: vectorOverColor(destination, color, count)
        }
    }

    /// One premultiplied colour through coverage over the destination.
    @inline(__always)
    func over(
        _ destination: UnsafeMutablePointer<UInt32>, color: UInt32, through mask: UnsafePointer<UInt8>, _ count: Int
    ) {
        switch self {
        case .scalar: scalarOverMask(destination, color, mask, count)
        case .vector: vectorOverMask(destination, color, mask, count)
        }
    }
}
