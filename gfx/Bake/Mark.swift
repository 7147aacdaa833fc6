// The mark: a martlet in flight, the swift of heraldry that never lands.

import Foundation
import Paths

/// The bird, drawn once and reused for the mark, the launcher's icon and the flock in the wallpaper.
enum Martlet {
    /// The silhouette seen from below, head up, about 64 units from wing tip to wing tip, centred on the origin.
    /// - Parameter sweep: how far the wings are drawn back: 0 for gliding, 1 for diving.
    static func silhouette(sweep: Double = 0) -> Path {
        let tipX = 31 - 8 * sweep
        let tipY = 9 + 10 * sweep
        // The right half, from the beak round the wing to the notch of the tail.
        let right: [((Double, Double), (Double, Double), (Double, Double))] = [
            ((1.6, -21.5), (3.6, -18.6), (4.2, -14.2)),  // brow to shoulder
            ((9.5, -17.2 + 2 * sweep), (21 - 4 * sweep, -15 + 6 * sweep), (tipX, tipY)),  // leading edge
            ((22 - 4 * sweep, -4.2 + 7 * sweep), (13, -5.6 + 3 * sweep), (5.4, -2.2)),  // trailing edge
            ((4.9, 3.2), (4, 7.6), (3.9, 11.4)),  // flank
            ((4.3, 15.6), (5.9, 20.4), (8.6, 25.2)),  // outer tail feather
            ((5.2, 22.4), (2.2, 19.6), (0, 16.2)),  // notch
        ]
        return Path { p in
            p.move(0, -23.2)
            for (a, b, to) in right { p.cubic(a.0, a.1, b.0, b.1, to: to.0, to.1) }
            // The left half is the mirror image, backwards.
            var ends = [(0.0, -23.2)] + right.map(\.2)
            ends.removeLast()
            for (curve, end) in zip(right, ends).reversed() {
                p.cubic(-curve.1.0, curve.1.1, -curve.0.0, curve.0.1, to: -end.0, end.1)
            }
            p.close()
        }
    }

    static func turned(degrees: Double, sweep: Double = 0) -> Path {
        let angle = degrees * .pi / 180
        return silhouette(sweep: sweep).transformed(.turn(sine: sin(angle), cosine: cos(angle)))
    }

    /// The mark in a square of `size` units: flying up to the right.
    static func mark(size: Double) -> Path {
        turned(degrees: 38).transformed(Transform.scale(size / 58)).transformed(.move(size * 0.487, size * 0.53))
    }

    static func art() -> [BakedArt] {
        [16, 18, 20, 24, 32, 48, 64, 128].map { size in
            bakedMask(
                "mark/\(size)", Coverage(mark(size: Double(size)), width: size, height: size, linesPerPixel: 64))
        }
    }
}
