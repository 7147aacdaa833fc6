// Symbols for buttons and panels (coverage, to be drawn in any colour) and application icons (full colour).

import Foundation
import Paths

enum Icons {
    /// Symbols are drawn on 16 units.
    static func art(scale: Int) -> [BakedArt] {
        let pixels = 16 * scale
        return symbols().map { name, path in
            let scaled = path.transformed(.scale(Double(scale)))
            return bakedMask("icon/\(name)@\(scale)", Coverage(scaled, width: pixels, height: pixels, linesPerPixel: 64))
        }
    }

    private static func lines(_ width: Double = 1.3, _ build: (inout Path) -> Void) -> Path {
        Path(build).stroked(width: width)
    }

    private static func symbols() -> [(String, Path)] {
        var restore = frame(3.5, 5.5, 7, 7, radius: 1.5)
        restore.add(
            lines { p in
                p.move(6, 3.5)
                p.line(10.6, 3.5)
                p.cubic(11.7, 3.5, 12.5, 4.3, to: 12.5, 5.4)
                p.line(12.5, 10)
            })
        var search = Path.circle(7, 7, 4.2).stroked(width: 1.4)
        search.add(
            lines(1.6) { p in
                p.move(10.2, 10.2); p.line(13.2, 13.2)
            })
        var window = frame(2.5, 3.5, 11, 9, radius: 2)
        window.add(.rect(2.5, 4, 11, 2.5))
        var terminal = frame(2.5, 3.5, 11, 9, radius: 2)
        terminal.add(
            lines { p in
                p.move(5, 6.2); p.line(6.9, 8); p.line(5, 9.8); p.move(8.4, 10.1); p.line(11, 10.1)
            })
        var menu = Path()
        for y in [4.5, 8, 11.5] { menu.add(.roundedRect(2.5, y - 0.7, 11, 1.4, radius: 0.7)) }
        return [
            (
                "close",
                lines { p in
                    p.move(4.3, 4.3); p.line(11.7, 11.7); p.move(11.7, 4.3); p.line(4.3, 11.7)
                }
            ),
            (
                "minimize",
                lines { p in
                    p.move(4, 8.5); p.line(12, 8.5)
                }
            ),
            ("maximize", frame(4.5, 4.5, 7, 7, radius: 1.5)),
            ("restore", restore),
            ("power", power()),
            ("search", search),
            ("terminal", terminal),
            ("window", window),
            ("menu", menu),
            (
                "check",
                lines(1.6) { p in
                    p.move(3.4, 8.6); p.line(6.6, 11.8); p.line(12.6, 4.6)
                }
            ),
            (
                "chevron-down",
                lines(1.5) { p in
                    p.move(4.2, 6.2); p.line(8, 10); p.line(11.8, 6.2)
                }
            ),
            (
                "chevron-right",
                lines(1.5) { p in
                    p.move(6.2, 4.2); p.line(10, 8); p.line(6.2, 11.8)
                }
            ),
            ("restart", restart()),
        ]
    }

    /// The outline of a rounded rectangle whose line runs on its edge.
    private static func frame(_ x: Double, _ y: Double, _ w: Double, _ h: Double, radius: Double) -> Path {
        Path.roundedRect(x, y, w, h, radius: radius).stroked(width: 1.3)
    }

    private static func arc(_ radius: Double, from: Double, to: Double, center: Double = 8) -> Path {
        Path { p in
            for i in 0...64 {
                let angle = (from + (to - from) * Double(i) / 64) * 2 * .pi
                let x = 8 + radius * sin(angle)
                let y = center - radius * cos(angle)
                if i == 0 { p.move(x, y) } else { p.line(x, y) }
            }
        }
    }

    private static func power() -> Path {
        var path = arc(5, from: 0.11, to: 0.89, center: 8.6).stroked(width: 1.4)
        path.add(
            lines(1.4) { p in
                p.move(8, 2.4); p.line(8, 7.8)
            })
        return path
    }

    private static func restart() -> Path {
        var path = arc(4.7, from: 0.12, to: 0.97, center: 8.9).stroked(width: 1.4)
        path.add(Path(polygon: [(7.9, 1.6), (11.8, 4.2), (7.9, 6.8)]))
        return path
    }

    // MARK: Applications

    /// Application icons are drawn on 64 units.
    static func applications() -> [BakedArt] {
        var art: [BakedArt] = []
        for size in [16, 24, 32, 48, 64, 96] {
            let scale = Double(size) / 64
            art.append(terminalIcon(scale, isSmall: size < 24).baked("app/terminal/\(size)"))
            art.append(genericIcon(scale).baked("app/generic/\(size)"))
        }
        return art
    }

    /// The common ground: a rounded square with a light edge at the top and a shadow below.
    private static func tile(_ scale: Double, _ top: UInt32, _ bottom: UInt32) -> Picture {
        var picture = Picture(64, 64, scale: scale)
        let shape = Path.roundedRect(5, 4, 54, 54, radius: 13)
        picture.shadow(of: shape, dy: 1.8, sigma: 2, Ink(0, 0.38))
        picture.fill(shape, from: (4, Ink(top)), to: (58, Ink(bottom)))
        var edge = Path.roundedRect(5.5, 4.5, 53, 53, radius: 12.5)
        edge = edge.stroked(width: 1)
        picture.fill(edge, from: (4, Ink(0xFF_FFFF, 0.30)), to: (40, Ink(0xFF_FFFF, 0.04)))
        return picture
    }

    private static func terminalIcon(_ scale: Double, isSmall: Bool) -> Picture {
        var picture = tile(scale, 0x34_364A, 0x17_1820)
        let width = isSmall ? 6.5 : 4.6
        picture.fill(
            lines(width) { p in
                p.move(17, 20.5); p.line(28, 31); p.line(17, 41.5)
            },
            from: (18, Ink(0xFF_9A66)), to: (44, Ink(0xFF_6A4D)))
        picture.fill(
            lines(width) { p in
                p.move(33, 42.5); p.line(47, 42.5)
            }, Ink(0xEC_EDF3))
        return picture
    }

    private static func genericIcon(_ scale: Double) -> Picture {
        var picture = tile(scale, 0x6B_4A80, 0x2B_2A55)
        let bird = Martlet.mark(size: 40).transformed(.move(12, 11))
        picture.shadow(of: bird, dy: 1.2, sigma: 1.2, Ink(0x10_0E24, 0.45))
        picture.fill(bird, from: (12, Ink(0xFF_F4EC)), to: (52, Ink(0xFF_C39A)))
        return picture
    }
}
