// Mixing colours as they look, in OKLab (B. Ottosson, 2020): gradients between distant hues stay clear instead of turning
// grey.

import Foundation

/// A colour in OKLab.
struct Oklab {
    var l: Double, a: Double, b: Double

    init(l: Double, a: Double, b: Double) {
        self.l = l
        self.a = a
        self.b = b
    }

    init(_ rgb: UInt32) {
        func linear(_ shift: UInt32) -> Double {
            let c = Double((rgb >> shift) & 0xFF) / 255
            return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4)
        }
        let (r, g, b) = (linear(16), linear(8), linear(0))
        let l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
        let m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
        let s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
        self.l = 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s
        a = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s
        self.b = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s
    }

    func mixed(_ other: Oklab, _ t: Double) -> Oklab {
        let k = max(0, min(1, t))
        return Oklab(l: l + (other.l - l) * k, a: a + (other.a - a) * k, b: b + (other.b - b) * k)
    }

    /// sRGB channels, 0...255, not rounded.
    var srgb: (Double, Double, Double) {
        let lc = l + 0.3963377774 * a + 0.2158037573 * b
        let mc = l - 0.1055613458 * a - 0.0638541728 * b
        let sc = l - 0.0894841775 * a - 1.2914855480 * b
        let (l3, m3, s3) = (lc * lc * lc, mc * mc * mc, sc * sc * sc)
        func encoded(_ linear: Double) -> Double {
            let c = max(0, min(1, linear))
            return 255 * (c <= 0.0031308 ? c * 12.92 : 1.055 * pow(c, 1 / 2.4) - 0.055)
        }
        return (
            encoded(4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3),
            encoded(-1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3),
            encoded(-0.0041960863 * l3 - 0.7034186147 * m3 + 1.7076147010 * s3)
        )
    }
}

/// A gradient through several colours.
struct ColorRamp {
    let stops: [(position: Double, color: Oklab)]

    init(_ stops: [(Double, UInt32)]) { self.stops = stops.map { ($0.0, Oklab($0.1)) } }

    func color(_ position: Double) -> Oklab {
        guard let upper = stops.firstIndex(where: { $0.position >= position }) else { return stops.last!.color }
        if upper == 0 { return stops[0].color }
        let a = stops[upper - 1]
        let b = stops[upper]
        let t = (position - a.position) / (b.position - a.position)
        // Eased at the stops, so that no edge is seen where one slope ends and the next begins.
        return a.color.mixed(b.color, t + 0.5 * (t * t * (3 - 2 * t) - t))
    }
}
