// A picture in floating point that shapes are painted on, layer by layer.

import ArtPack
import Foundation
import Paths

/// A colour with straight alpha, channels 0...1 in sRGB.
struct Ink {
    var red: Float, green: Float, blue: Float, alpha: Float

    init(_ rgb: UInt32, _ alpha: Float = 1) {
        red = Float((rgb >> 16) & 0xFF) / 255
        green = Float((rgb >> 8) & 0xFF) / 255
        blue = Float(rgb & 0xFF) / 255
        self.alpha = alpha
    }

    func mixed(_ other: Ink, _ t: Float) -> Ink {
        var result = self
        result.red += (other.red - red) * t
        result.green += (other.green - green) * t
        result.blue += (other.blue - blue) * t
        result.alpha += (other.alpha - alpha) * t
        return result
    }
}

/// Pixels with premultiplied alpha. Shapes are given in design units; `scale` of them make a pixel.
struct Picture {
    let width: Int
    let height: Int
    /// Pixels to one design unit.
    let scale: Double
    private var pixels: [SIMD4<Float>]

    init(_ width: Double, _ height: Double, scale: Double) {
        self.width = Int((width * scale).rounded())
        self.height = Int((height * scale).rounded())
        self.scale = scale
        pixels = Array(repeating: .zero, count: self.width * self.height)
    }

    func coverage(_ path: Path) -> Coverage {
        Coverage(path.transformed(.scale(scale)), width: width, height: height)
    }

    mutating func fill(_ path: Path, _ ink: Ink) { fill(coverage(path)) { _, _ in ink } }

    /// Fills with a gradient from the top to the bottom, in design units.
    mutating func fill(_ path: Path, from top: (Double, Ink), to bottom: (Double, Ink)) {
        let scale = scale
        fill(coverage(path)) { _, y in
            let t = ((Double(y) + 0.5) / scale - top.0) / (bottom.0 - top.0)
            return top.1.mixed(bottom.1, Float(max(0, min(1, t))))
        }
    }

    mutating func fill(_ coverage: Coverage, _ ink: (Int, Int) -> Ink) {
        for y in 0..<height {
            for x in 0..<width {
                let c = coverage.values[y * width + x]
                if c <= 0 { continue }
                let color = ink(x, y)
                let a = min(1, c) * color.alpha
                let source = SIMD4(color.red * a, color.green * a, color.blue * a, a)
                pixels[y * width + x] = source + pixels[y * width + x] * (1 - a)
            }
        }
    }

    /// A soft shadow of a shape, in design units.
    mutating func shadow(of path: Path, dy: Double, sigma: Double, _ ink: Ink) {
        let soft = coverage(path.transformed(.move(0, dy))).convolved(kernel: gaussian(sigma * scale))
        fill(soft) { _, _ in ink }
    }

    /// ARGB8888 rows.
    var argb: [UInt8] {
        pixels.flatMap { p -> [UInt8] in
            func byte(_ v: Float) -> UInt8 { UInt8(max(0, min(255, (v * 255).rounded()))) }
            let a = byte(p.w)
            return [min(byte(p.z), a), min(byte(p.y), a), min(byte(p.x), a), a]
        }
    }

    func baked(_ name: String, hotspot: (Double, Double) = (0, 0)) -> BakedArt {
        var art = BakedArt(name: name, kind: .image, data: argb)
        art.width = width
        art.height = height
        art.hotspot = (Int((hotspot.0 * scale).rounded()), Int((hotspot.1 * scale).rounded()))
        return art
    }
}

/// A Gaussian's weights from the centre outward.
func gaussian(_ sigma: Double) -> [Float] {
    guard sigma > 0.05 else { return [1] }
    let reach = Int((sigma * 3.2).rounded(.up))
    let raw = (0...reach).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
    let sum = raw[0] + 2 * raw.dropFirst().reduce(0, +)
    return raw.map { Float($0 / sum) }
}

/// Coverage as a mask of the art file.
func bakedMask(_ name: String, _ coverage: Coverage) -> BakedArt {
    var art = BakedArt(name: name, kind: .mask, data: coverage.bytes)
    art.width = coverage.width
    art.height = coverage.height
    return art
}
