// Coverage masks of the simple shapes that the desktop is made of, drawn once at start from their distance functions.

import Gfx

/// An 8-bit mask that owns its memory.
public final class MaskBitmap {
    private let storage: UnsafeMutablePointer<UInt8>
    public let width: Int32
    public let height: Int32

    /// Asks `coverage` (0...255) for every pixel.
    public init(width: Int32, height: Int32, _ coverage: (Int32, Int32) -> Int32) {
        self.width = width
        self.height = height
        storage = .allocate(capacity: Int(width) * Int(height))
        for y in 0..<height {
            for x in 0..<width { storage[Int(y) * Int(width) + Int(x)] = UInt8(clamping: coverage(x, y)) }
        }
    }

    deinit { storage.deallocate() }

    /// A view, valid as long as this object lives.
    public var mask: CoverageMask { CoverageMask(unchecked: storage, width: width, height: height, strideBytes: Int(width)) }

    /// A view that repeats the first row `height` times.
    public func rows(_ height: Int32) -> CoverageMask {
        // SAFETY: with a stride of zero every row is the first, which is there.
        CoverageMask(unchecked: storage, width: width, height: height, strideBytes: 0)
    }
}

/// Signed distances, negative inside, as coverage: the half pixel around the edge is the ramp.
public enum Shape {
    public static func coverage(_ distance: Float) -> Int32 { Int32((min(max(0.5 - distance, 0), 1) * 255).rounded()) }

    public static func distance(_ x: Float, _ y: Float) -> Float { (x * x + y * y).squareRoot() }

    public static func disc(_ x: Float, _ y: Float, _ radius: Float) -> Float { distance(x, y) - radius }

    /// A line with round ends.
    public static func segment(_ px: Float, _ py: Float, _ ax: Float, _ ay: Float, _ bx: Float, _ by: Float, _ thickness: Float)
        -> Float
    {
        let dx = bx - ax
        let dy = by - ay
        let t = min(max(((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy), 0), 1)
        return distance(px - ax - dx * t, py - ay - dy * t) - thickness / 2
    }

    /// A rectangle around the origin with rounded corners.
    public static func roundedRect(_ x: Float, _ y: Float, _ halfWidth: Float, _ halfHeight: Float, _ radius: Float) -> Float {
        let qx = abs(x) - halfWidth + radius
        let qy = abs(y) - halfHeight + radius
        return distance(max(qx, 0), max(qy, 0)) + min(max(qx, qy), 0) - radius
    }

    /// A square mask whose coordinates have their origin in its middle.
    public static func icon(_ size: Int32, _ distance: (Float, Float) -> Float) -> MaskBitmap {
        let middle = Float(size) / 2
        return MaskBitmap(width: size, height: size) { x, y in
            coverage(distance(Float(x) + 0.5 - middle, Float(y) + 0.5 - middle))
        }
    }
}

/// The four corners of a rounded rectangle.
public final class RoundedCorners {
    public let radius: Int32
    public let topLeft: MaskBitmap
    public let topRight: MaskBitmap
    public let bottomLeft: MaskBitmap
    public let bottomRight: MaskBitmap

    public init(radius: Int32) {
        self.radius = radius
        func corner(_ centerX: Int32, _ centerY: Int32) -> MaskBitmap {
            MaskBitmap(width: radius, height: radius) { x, y in
                Shape.coverage(Shape.disc(Float(x - centerX) + 0.5, Float(y - centerY) + 0.5, Float(radius)))
            }
        }
        topLeft = corner(radius, radius)
        topRight = corner(0, radius)
        bottomLeft = corner(radius, 0)
        bottomRight = corner(0, 0)
    }

    /// The masks in the order of `squares`.
    var masks: [MaskBitmap] { [topLeft, topRight, bottomLeft, bottomRight] }

    /// The squares in which the corners of a rectangle lie.
    public func squares(of rect: Rect) -> [Rect] {
        let r = radius
        return [
            Rect(x: rect.left, y: rect.top, width: r, height: r), Rect(x: rect.right - r, y: rect.top, width: r, height: r),
            Rect(x: rect.left, y: rect.bottom - r, width: r, height: r),
            Rect(x: rect.right - r, y: rect.bottom - r, width: r, height: r),
        ]
    }
}

extension PixelBuffer {
    /// Draws a rounded rectangle; one that is smaller than its corners is drawn with square ones.
    public func fill(_ rect: Rect, corners: RoundedCorners, _ color: Color, bottom: Bool = true) {
        let r = corners.radius
        guard rect.width >= r * 2, rect.height >= r * 2 else { return blend(rect, color) }
        blend(rect.inset(left: r, right: r), color)
        blend(Rect(left: rect.left, top: rect.top + r, right: rect.left + r, bottom: rect.bottom - (bottom ? r : 0)), color)
        blend(Rect(left: rect.right - r, top: rect.top + r, right: rect.right, bottom: rect.bottom - (bottom ? r : 0)), color)
        blend(corners.topLeft.mask, to: rect.origin, color)
        blend(corners.topRight.mask, to: Point(x: rect.right - r, y: rect.top), color)
        if bottom {
            blend(corners.bottomLeft.mask, to: Point(x: rect.left, y: rect.bottom - r), color)
            blend(corners.bottomRight.mask, to: Point(x: rect.right - r, y: rect.bottom - r), color)
        }
    }
}
