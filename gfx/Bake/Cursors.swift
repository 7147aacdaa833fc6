// Pointer shapes: dark bodies, light outlines, soft shadows. Drawn on 32 units, of which the shape takes about 24; names
// are those of CSS, as wp_cursor_shape has them.

import Foundation
import Paths

enum Cursors {
    private static let body = Ink(0x17_1820)
    private static let outline = Ink(0xFF_FFFF)
    private static let outlineWidth = 1.1

    static func art(scale: Int) -> [BakedArt] {
        shapes().map { shape in
            var picture = Picture(32, 32, scale: Double(scale))
            let silhouette = shape.path.grown(by: outlineWidth)
            picture.shadow(of: silhouette, dy: 1.2, sigma: 1.5, Ink(0, 0.42))
            picture.fill(silhouette, outline)
            picture.fill(shape.path.solid, from: (2, Ink(0x2A_2C3A)), to: (24, body))
            if let lines = shape.lines { picture.fill(lines, outline) }
            if let accent = shape.accent { picture.fill(accent, Ink(0xFF_7A4D)) }
            return picture.baked("cursor/\(shape.name)@\(scale)", hotspot: shape.hotspot)
        }
    }

    private struct Shape {
        var name: String
        var path: Path
        var hotspot: (Double, Double)
        /// Light details on the body.
        var lines: Path?
        var accent: Path?
    }

    private static func shapes() -> [Shape] {
        let vertical = doubleArrow()
        func turned(_ path: Path, _ degrees: Double) -> Path {
            let angle = degrees * .pi / 180
            return path.transformed(.turn(sine: sin(angle), cosine: cos(angle))).transformed(.move(14, 14))
        }
        return [
            Shape(name: "default", path: arrow(), hotspot: (5, 4)),
            Shape(name: "text", path: beam(), hotspot: (14.25, 14.25)),
            hand(),
            Shape(name: "ns-resize", path: turned(vertical, 0), hotspot: (14, 14)),
            Shape(name: "ew-resize", path: turned(vertical, 90), hotspot: (14, 14)),
            Shape(name: "nesw-resize", path: turned(vertical, 45), hotspot: (14, 14)),
            Shape(name: "nwse-resize", path: turned(vertical, -45), hotspot: (14, 14)),
            Shape(name: "move", path: fourArrows().transformed(.move(14, 14)), hotspot: (14, 14)),
            wait(),
            Shape(name: "crosshair", path: cross(), hotspot: (14.25, 14.25)),
            notAllowed(),
        ]
    }

    /// The arrow without a tail, its corners rounded a little.
    private static func arrow() -> Path {
        let sharp: [(Double, Double)] = [(5.3, 4.4), (5.3, 22.0), (10.1, 17.7), (17.6, 17.2)]
        return Path(polygon: sharp).grown(by: 0.45)
    }

    private static func beam() -> Path {
        Path { p in
            p.move(10.6, 5.2)
            p.cubic(12.4, 5.2, 14, 5.9, to: 14, 7.8)
            p.line(14, 20.2)
            p.cubic(14, 22.1, 12.4, 22.8, to: 10.6, 22.8)
            p.move(17.4, 5.2)
            p.cubic(15.6, 5.2, 14, 5.9, to: 14, 7.8)
            p.move(14, 20.2)
            p.cubic(14, 22.1, 15.6, 22.8, to: 17.4, 22.8)
            p.move(12, 14)
            p.line(16, 14)
        }.stroked(width: 1.3).transformed(.move(0.5, 0.5))
    }

    /// A pointing hand: finger, three bent fingers, thumb.
    private static func hand() -> Shape {
        var path = Path.roundedRect(9.6, 3.6, 3.5, 14, radius: 1.75)
        path.add(.roundedRect(12.7, 10.0, 3.5, 8, radius: 1.7))
        path.add(.roundedRect(15.8, 10.7, 3.4, 8, radius: 1.65))
        path.add(.roundedRect(18.8, 11.9, 3.1, 7, radius: 1.5))
        path.add(
            Path { p in
                p.move(9.6, 13.5)
                p.line(21.9, 13.5)
                p.line(21.9, 17)
                p.cubic(21.9, 20.4, 20.2, 22.2, to: 19.6, 25.2)
                p.line(11.8, 25.2)
                p.cubic(11.2, 23, 9.6, 21.6, to: 8.2, 19.8)
                p.close()
            })
        path.add(
            Path { p in
                p.move(6.5, 15.0)
                p.quadratic(8.2, 17.4, to: 10.2, 20.4)
            }.stroked(width: 3.3))
        let lines = Path { p in
            p.move(12.9, 12.0)
            p.line(12.9, 16.2)
            p.move(16.0, 12.4)
            p.line(16.0, 16.2)
            p.move(19.0, 13.2)
            p.line(19.0, 16.2)
        }.stroked(width: 0.85)
        return Shape(name: "pointer", path: path, hotspot: (11.3, 4), lines: lines)
    }

    /// Arrow heads at both ends of a vertical bar around the origin.
    private static func doubleArrow() -> Path {
        var path = arrowHead()
        path.add(arrowHead().transformed(.turn(sine: 0, cosine: -1)))
        path.add(.rect(-1, -5.5, 2, 11))
        return path
    }

    private static func arrowHead() -> Path {
        let head: [(Double, Double)] = [(0, -10.2), (4.6, -5.2), (-4.6, -5.2)]
        return Path(polygon: head).grown(by: 0.45)
    }

    private static func fourArrows() -> Path {
        let head: [(Double, Double)] = [(0, -10.4), (3.5, -6.6), (-3.5, -6.6)]
        var one = Path(polygon: head).grown(by: 0.4)
        one.add(.rect(-1, -7, 2, 7.5))
        var path = Path()
        for (sine, cosine) in [(0.0, 1.0), (1, 0), (0, -1), (-1, 0)] {
            path.add(one.transformed(.turn(sine: sine, cosine: cosine)))
        }
        return path
    }

    private static func cross() -> Path {
        Path { p in
            p.move(14, 4.5)
            p.line(14, 23.5)
            p.move(4.5, 14)
            p.line(23.5, 14)
        }.stroked(width: 1.3).transformed(.move(0.5, 0.5))
    }

    private static func arc(radius: Double, from: Double, to: Double) -> Path {
        Path { p in
            let steps = 64
            for i in 0...steps {
                let angle = (from + (to - from) * Double(i) / Double(steps)) * 2 * .pi
                let x = 14 + radius * sin(angle)
                let y = 14 - radius * cos(angle)
                if i == 0 { p.move(x, y) } else { p.line(x, y) }
            }
        }
    }

    /// A ring of which a quarter is lit.
    private static func wait() -> Shape {
        Shape(
            name: "wait", path: arc(radius: 7, from: 0, to: 1).stroked(width: 3.6, cap: .butt), hotspot: (14, 14),
            accent: arc(radius: 7, from: 0, to: 0.28).stroked(width: 3.0))
    }

    private static func notAllowed() -> Shape {
        var path = arc(radius: 7.6, from: 0, to: 1).stroked(width: 2.6, cap: .butt)
        path.add(
            Path { p in
                p.move(8.6, 8.6)
                p.line(19.4, 19.4)
            }.stroked(width: 2.6))
        return Shape(name: "not-allowed", path: path, hotspot: (14, 14))
    }
}
