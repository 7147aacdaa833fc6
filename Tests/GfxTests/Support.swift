// What the tests of this folder share: a seeded generator and owned pixel memory.

import Gfx

/// SplitMix64: small, seeded, the same on every machine.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Pixel memory with guard rows and columns around it, so that a write outside is seen.
final class Canvas {
    static let guardPixels = 8
    static let guardValue: UInt32 = 0xDEAD_BEEF
    let width: Int
    let height: Int
    let stride: Int
    private let memory: UnsafeMutablePointer<UInt32>
    private let count: Int

    init(_ width: Int, _ height: Int, fill: UInt32 = 0) {
        self.width = width
        self.height = height
        stride = width + 2 * Self.guardPixels
        count = stride * (height + 2 * Self.guardPixels)
        memory = .allocate(capacity: count)
        memory.initialize(repeating: Self.guardValue, count: count)
        for y in 0..<height { for x in 0..<width { self[x, y] = fill } }
    }

    deinit { memory.deallocate() }

    private func index(_ x: Int, _ y: Int) -> Int { (y + Self.guardPixels) * stride + x + Self.guardPixels }

    subscript(x: Int, y: Int) -> UInt32 {
        get { memory[index(x, y)] }
        set { memory[index(x, y)] = newValue }
    }

    func buffer(_ format: PixelFormat = .argb8888, _ kernel: BlendKernel = .scalar) -> PixelBuffer {
        let first = index(0, 0)
        return PixelBuffer(
            memory: UnsafeMutableRawBufferPointer(start: memory + first, count: (count - first) * 4),
            width: Int32(width), height: Int32(height), strideBytes: stride * 4, format: format, kernel: kernel)!
    }

    var pixels: [UInt32] {
        (0..<height).flatMap { y in (0..<width).map { self[$0, y] } }
    }

    var guardIsIntact: Bool {
        for i in 0..<count {
            let x = i % stride - Self.guardPixels
            let y = i / stride - Self.guardPixels
            let inside = x >= 0 && x < width && y >= 0 && y < height
            if !inside, memory[i] != Self.guardValue { return false }
        }
        return true
    }

    func randomize(_ random: inout SeededGenerator, premultiplied: Bool = true) {
        for y in 0..<height {
            for x in 0..<width { self[x, y] = randomPixel(&random, premultiplied: premultiplied) }
        }
    }
}

/// A pixel whose alpha is often 0 or 255, as in real pictures.
func randomPixel(_ random: inout SeededGenerator, premultiplied: Bool = true) -> UInt32 {
    let value = UInt32(truncatingIfNeeded: random.next())
    if !premultiplied { return value }
    let alpha: UInt8
    switch random.next() % 4 {
    case 0: alpha = 0
    case 1: alpha = 255
    default: alpha = UInt8(truncatingIfNeeded: random.next())
    }
    return Color(rgb: value & 0xFF_FFFF, alpha: alpha).premultiplied
}

/// FNV-1a over pixels: a fingerprint that repeats.
func fingerprint(_ pixels: [UInt32]) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for pixel in pixels {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            hash = (hash ^ UInt64((pixel >> shift) & 0xFF)) &* 0x100_0000_01b3
        }
    }
    return hash
}
