// The wallpapers' scene: sky with the sun's glow near the horizon, soft hills that fade with distance, trees on the nearest,
// stars and a flock of martlets. One scene, two lights: dusk and day.

import ArtPack
import Foundation
import Paths
import Wallpaper

/// The colours of one time of day.
struct Light {
    var sky: ColorRamp
    /// Close to the sun, and in a wide circle round it.
    var sun: Oklab
    var halo: Oklab
    var sunStrength: Double
    var haloStrength: Double
    /// The side of the sky away from the sun.
    var far: Oklab
    /// From the farthest range to the nearest: at the ridge.
    var hills: [Oklab]
    /// How much of the sky's light lies between the viewer and each range: at its ridge and at its foot.
    var haze: [(Double, Double)]
    var starStrength: Double

    static let dusk = Light(
        sky: ColorRamp([
            (0.00, 0x1B1E3C), (0.20, 0x292650), (0.40, 0x4B2E5E), (0.54, 0x7E3E66), (0.64, 0xBE555C), (0.72, 0xE5734F),
            (0.82, 0xF6A362),
        ]),
        sun: Oklab(0xFFD58C), halo: Oklab(0xF0784F), sunStrength: 0.92, haloStrength: 0.34, far: Oklab(0x221F47),
        hills: [Oklab(0x86466A), Oklab(0x58325C), Oklab(0x35244B), Oklab(0x191530)],
        haze: [(0.34, 0.80), (0.16, 0.50), (0.05, 0.22), (0.0, 0.0)], starStrength: 1)

    static let day = Light(
        sky: ColorRamp([
            (0.00, 0x5C9FE0), (0.22, 0x7FB8EA), (0.45, 0xA9D2F1), (0.60, 0xCDE5F3), (0.72, 0xF1EFE2), (0.82, 0xFBEBD0),
        ]),
        sun: Oklab(0xFFF6DC), halo: Oklab(0xFFEBC8), sunStrength: 0.85, haloStrength: 0.35, far: Oklab(0x4F8FD6),
        hills: [Oklab(0x86AEC6), Oklab(0x6394A0), Oklab(0x467A74), Oklab(0x28514E)],
        haze: [(0.38, 0.82), (0.20, 0.56), (0.08, 0.30), (0.0, 0.06)], starStrength: 0)
}

struct Landscape {
    let light: Light
    /// The shape of the screen that positions are composed for.
    private let aspect = 1.6
    private let sunX = 0.655
    private let sunY = 0.735
    /// Where the ranges' ridges lie, and how far they rise and fall.
    private let ranges: [(base: Double, amplitude: Double, seed: UInt64, waves: Double)] = [
        (0.668, 0.062, 11, 2.7), (0.745, 0.066, 28, 2.0), (0.825, 0.070, 5, 1.7), (0.915, 0.046, 46, 1.6),
    ]
    private let profileLength = 2048

    func art(_ name: String) -> BakedArt { BakedArt(name: "wallpaper/\(name)", kind: .data, data: encoded()) }

    // MARK: Colours

    private func sky(_ u: Double, _ v: Double) -> Oklab {
        var color = light.sky.color(v)
        let dx = (u - sunX) * aspect
        let dy = v - sunY
        let away = max(0, sunX - u)
        color = color.mixed(light.far, 0.38 * away * max(0, 1 - v / 0.8))
        color = color.mixed(light.halo, light.haloStrength * exp(-pow(dx / 0.85, 2) - pow(dy / 0.26, 2)))
        color = color.mixed(light.sun, light.sunStrength * exp(-pow(dx / 0.36, 2) - pow(dy / 0.125, 2)))
        return color
    }

    /// The light that hangs between the ranges: the sky's at the horizon.
    private func mist(_ u: Double) -> Oklab { sky(u, 0.70).mixed(light.halo, 0.5) }

    private func hill(_ index: Int, _ u: Double, _ v: Double) -> Oklab {
        let range = ranges[index]
        let foot = index + 1 < ranges.count ? ranges[index + 1].base + 0.03 : 1.0
        let top = range.base - range.amplitude
        let depth = max(0, min(1, (v - top) / (foot - top)))
        let haze = light.haze[index]
        let base = index == ranges.count - 1 ? light.hills[index].mixed(Oklab(0x0E0C1C), 0.55 * depth) : light.hills[index]
        // Slopes that face the sun are a little warmer.
        let warm = exp(-pow((u - sunX) * aspect / 0.55, 2)) * (1 - 0.22 * Double(index))
        let amount = haze.0 + (haze.1 - haze.0) * pow(depth, 1.25)
        return base.mixed(mist(u), amount * (0.72 + 0.28 * warm))
    }

    // MARK: Shapes

    /// Smooth noise of one dimension, about -1...1.
    private func noise(_ x: Double, seed: UInt64) -> Double {
        func value(_ i: Int) -> Double {
            var z = UInt64(bitPattern: Int64(i)) &* 0x9E37_79B9_7F4A_7C15 &+ seed &* 0xD1B5_4A32_D192_ED03
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return Double((z ^ (z >> 31)) >> 11) / Double(1 << 53) * 2 - 1
        }
        let i = Int(x.rounded(.down))
        let t = x - Double(i)
        let s = t * t * t * (t * (t * 6 - 15) + 10)
        return value(i) + (value(i + 1) - value(i)) * s
    }

    private func ridge(_ index: Int, _ u: Double) -> Double {
        let range = ranges[index]
        var sum = 0.0
        var size = 1.0
        var frequency = range.waves
        for octave in 0..<4 {
            sum += size * noise(u * frequency + 7.3 * Double(octave), seed: range.seed &+ UInt64(octave))
            size *= 0.42
            frequency *= 2.1
        }
        // The ranges give way where the sun goes down.
        let gap = exp(-pow((u - sunX) / 0.15, 2)) * [0.050, 0.022, 0, 0][index]
        return range.base - range.amplitude * sum / 1.4 + gap
    }

    /// The nearest ridge with its spruces, `profileLength` heights.
    private func trees(on ridge: [Double]) -> [Double] {
        var result = ridge
        var position = -0.01
        var index = 0
        func random(_ salt: UInt64) -> Double { (noise(Double(index), seed: 900 + salt) + 1) / 2 }
        while position < 1.01 {
            // Groups with clearings between them; trees stand taller inside a group than at its edge.
            let density = noise(position * 6.5, seed: 77) + 0.30 + 0.35 * noise(position * 23, seed: 78)
            if density > 0 {
                let tall = pow(random(1), 1.6)
                let height = (0.008 + 0.040 * tall) * (0.35 + 0.65 * min(1, density * 1.6))
                let halfWidth = (0.0045 + 0.17 * height) / aspect
                let reach = Int(halfWidth * Double(profileLength)) + 2
                let center = Int(position * Double(profileLength))
                let ground = ridge[min(max(center, 0), profileLength - 1)]
                for k in max(0, center - reach)..<max(0, min(profileLength, center + reach)) {
                    let distance = abs(Double(k) / Double(profileLength) - position) / halfWidth
                    if distance >= 1 { continue }
                    // A cone with the steps of its branches.
                    let steps = 4.0
                    let branch = (distance * steps).rounded(.down) / steps
                    let cone = pow(1 - (0.72 * distance + 0.28 * branch), 1.15)
                    result[k] = min(result[k], ground - height * cone)
                }
            }
            position += density > 0 ? 0.0016 + 0.0052 * random(3) : 0.006
            index += 1
        }
        return result
    }

    // MARK: Encoding

    private func field(columns: Int, rows: Int, top: Double, bottom: Double, _ color: (Double, Double) -> Oklab) -> [UInt8] {
        var out = LittleEndianBytes()
        out.u16(columns)
        out.u16(rows)
        out.u16(Int(top * 65535))
        out.u16(Int(bottom * 65535))
        for row in 0..<rows {
            for column in 0..<columns {
                let u = Double(column) / Double(columns - 1)
                let v = top + (bottom - top) * Double(row) / Double(rows - 1)
                let (r, g, b) = color(u, v).srgb
                for channel in [r, g, b] { out.u16(Int((channel * 256).rounded())) }
            }
        }
        return out.bytes
    }

    private func encoded() -> [UInt8] {
        let sky = field(columns: 33, rows: 65, top: 0, bottom: 0.86) { self.sky($0, $1) }
        var layers: [UInt8] = []
        for index in ranges.indices {
            let top = ranges[index].base - 1.6 * ranges[index].amplitude
            layers += field(columns: 25, rows: 25, top: top, bottom: 1) { self.hill(index, $0, $1) }
            var profile = (0..<profileLength).map { ridge(index, Double($0) / Double(profileLength - 1)) }
            if index == ranges.count - 1 { profile = trees(on: profile) }
            var out = LittleEndianBytes()
            for height in profile { out.u16(Int(max(0, min(1, height)) * 65535)) }
            layers += out.bytes
        }
        let stars = light.starStrength > 0 ? encodedStars() : []
        let skyAt = WallpaperLayout.headerSize
        let layersAt = skyAt + sky.count
        let starsAt = layersAt + layers.count
        let birdsAt = starsAt + stars.count
        let birds = encodedBirds(at: birdsAt)
        var header = LittleEndianBytes()
        header.u32(Int(WallpaperLayout.magic))
        header.u16(ranges.count)
        header.u16(profileLength)
        header.u16(stars.count / WallpaperLayout.starSize)
        header.u16(Self.flock.count)
        for offset in [skyAt, layersAt, starsAt, birdsAt, 0] { header.u32(offset) }
        return header.bytes + sky + layers + stars + birds
    }

    private func encodedStars() -> [UInt8] {
        var out = LittleEndianBytes()
        for i in 0..<90 {
            let u = (noise(Double(i), seed: 301) + 1) / 2
            let height = pow((noise(Double(i), seed: 302) + 1) / 2, 1.4)
            let v = 0.03 + 0.40 * height
            // They fade toward the horizon and the sun.
            let dark = (1 - v / 0.46) * (1 - 0.6 * exp(-pow((u - sunX) * aspect / 0.5, 2)))
            let brightness = (0.25 + 0.75 * pow((noise(Double(i), seed: 303) + 1) / 2, 2.5)) * dark * light.starStrength
            guard brightness > 0.06 else { continue }
            out.u16(Int(u * 65535))
            out.u16(Int(v * 65535))
            out.u16(Int(brightness * 190) | 1 << 8)
        }
        return out.bytes
    }

    /// Position, wing span at a height of 800 pixels, heading in degrees, sweep of the wings.
    private static let flock: [(u: Double, v: Double, span: Double, heading: Double, sweep: Double)] = [
        (0.300, 0.385, 40, 52, 0.10), (0.243, 0.452, 25, 44, 0.30), (0.366, 0.462, 21, 63, 0.0),
        (0.206, 0.372, 16, 38, 0.2), (0.402, 0.384, 14, 70, 0.4), (0.284, 0.520, 13, 55, 0.1),
        (0.447, 0.448, 10, 60, 0.25),
    ]

    private func encodedBirds(at offset: Int) -> [UInt8] {
        var table = LittleEndianBytes()
        var pictures: [UInt8] = []
        let picturesAt = offset + Self.flock.count * WallpaperLayout.birdSize
        for bird in Self.flock {
            table.u16(Int(bird.u * 65535))
            table.u16(Int(bird.v * 65535))
            for height in WallpaperLayout.birdScales {
                let span = bird.span * Double(height) / 800
                let side = Int((span * 1.15).rounded(.up)) + 2
                let path = Martlet.turned(degrees: bird.heading, sweep: bird.sweep)
                    .transformed(.scale(span / 62)).transformed(.move(Double(side) / 2, Double(side) / 2))
                table.u16(side)
                table.u16(side)
                table.u32(picturesAt + pictures.count)
                pictures += Coverage(path, width: side, height: side).bytes
            }
        }
        return table.bytes + pictures
    }
}
