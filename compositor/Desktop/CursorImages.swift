// The compositor's own pointer shapes: dark with a light outline and a soft shadow.

import Chrome
import CompositorCore
import Gfx

/// A drawn pointer.
public final class CursorImage {
    public let hotspot: Point
    private let pixels: UnsafeMutableRawBufferPointer
    public let image: PixelImage
    public static var size: Int32 { 32 }

    init(_ shape: CursorShape) {
        let side = CursorImage.size
        pixels = .allocate(byteCount: Int(side * side) * 4, alignment: 16)
        let distance = CursorImage.distance(shape)
        for y in 0..<side {
            for x in 0..<side {
                let px = Float(x) + 0.5
                let py = Float(y) + 0.5
                let d = distance(px, py)
                let shadow = min(max((3 - distance(px, py - 1.5)) / 5, 0), 1)
                let outline = Float(Shape.coverage(d - 1.4)) / 255
                let body = Float(Shape.coverage(d)) / 255
                // Shadow, then the light outline, then the dark body over both.
                let alpha = max(shadow * shadow * 0.35, outline)
                let light = outline * (1 - body)
                let red = light * 250 + body * 30
                let green = light * 250 + body * 31
                let blue = light * 252 + body * 41
                let pixel = UInt32(alpha * 255) << 24 | UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue)
                pixels.storeBytes(of: pixel, toByteOffset: Int(y * side + x) * 4, as: UInt32.self)
            }
        }
        // The layout is right by construction.
        image = PixelImage(memory: UnsafeRawBufferPointer(pixels), width: side, height: side, strideBytes: Int(side) * 4, format: .argb8888)!
        switch shape {
        case .arrow: hotspot = Point(x: 4, y: 3)
        case .hand: hotspot = Point(x: 12, y: 4)
        default: hotspot = Point(x: 16, y: 16)
        }
    }

    deinit { pixels.deallocate() }

    private static func distance(_ shape: CursorShape) -> (Float, Float) -> Float {
        switch shape {
        case .arrow:
            var arrow = Outline()
            for (x, y) in [(4, 3), (4, 20.5), (8.3, 16.6), (11.2, 23.2), (14.2, 21.9), (11.4, 15.4), (17, 15.2)] as [(Float, Float)] { arrow.line(x, y) }
            return { arrow.distance($0, $1) }
        case .text:
            return { x, y in
                min(Shape.segment(x, y, 16, 8, 16, 24, 2), min(Shape.segment(x, y, 13, 7, 19, 7, 2), Shape.segment(x, y, 13, 25, 19, 25, 2)))
            }
        case .hand:
            var hand = Outline()
            for (x, y) in [
                (10.5, 4), (13.5, 4), (13.5, 12), (22, 14), (23, 16), (22, 24), (12.5, 24), (6.5, 16.5), (8, 15), (10.5, 17),
            ] as [(Float, Float)] { hand.line(x, y) }
            return { hand.distance($0, $1) }
        case .move: return { min(doubleArrow($0 - 16, $1 - 16), doubleArrow($1 - 16, $0 - 16)) }
        case .horizontal: return { doubleArrow($0 - 16, $1 - 16) }
        case .vertical: return { doubleArrow($1 - 16, $0 - 16) }
        case .diagonalDown: return { doubleArrow(($0 + $1 - 32) * 0.70711, ($1 - $0) * 0.70711) }
        case .diagonalUp: return { doubleArrow(($0 - $1) * 0.70711, ($0 + $1 - 32) * 0.70711) }
        }
    }

    /// An arrow with two heads along the x axis.
    private static func doubleArrow(_ x: Float, _ y: Float) -> Float {
        let x = abs(x)
        let y = abs(y)
        let shaft = Shape.segment(x, y, 0, 0, 8, 0, 2)
        let head = Shape.segment(x, y, 10, 0, 6, 4, 2)
        return min(shaft, head)
    }
}
