// Closed outlines of straight and curved lines as distance functions: the mark and the pointer shapes.

import Chrome

/// A polygon; curves are cut into straight pieces when it is made.
struct Outline {
    private(set) var points: [(x: Float, y: Float)] = []

    mutating func line(_ x: Float, _ y: Float) { points.append((x, y)) }

    /// A quadratic curve from the last point.
    mutating func curve(_ cx: Float, _ cy: Float, _ x: Float, _ y: Float) {
        guard let start = points.last else { return line(x, y) }
        for step in 1...6 {
            let t = Float(step) / 6
            let a = (1 - t) * (1 - t)
            let b = 2 * t * (1 - t)
            let c = t * t
            points.append((a * start.x + b * cx + c * x, a * start.y + b * cy + c * y))
        }
    }

    /// The signed distance of a position, negative inside (even-odd rule).
    func distance(_ px: Float, _ py: Float) -> Float {
        guard points.count > 2 else { return .greatestFiniteMagnitude }
        var nearest = Float.greatestFiniteMagnitude
        var isInside = false
        var previous = points[points.count - 1]
        for point in points {
            nearest = min(nearest, Shape.segment(px, py, previous.x, previous.y, point.x, point.y, 0))
            if (point.y > py) != (previous.y > py), px < (previous.x - point.x) * (py - point.y) / (previous.y - point.y) + point.x {
                isInside.toggle()
            }
            previous = point
        }
        return isInside ? -nearest : nearest
    }

    /// A martlet seen from below, in a square of 20.
    static var bird: Outline {
        var bird = Outline()
        bird.line(0.5, 8.6)
        bird.curve(5.6, 3.6, 9.1, 6.4)
        bird.curve(10, 3.4, 10.9, 6.4)
        bird.curve(14.4, 3.6, 19.5, 8.6)
        bird.curve(14, 7.4, 11.3, 10.4)
        bird.line(11.1, 12.4)
        bird.line(12.8, 17.4)
        bird.line(10, 14.6)
        bird.line(7.2, 17.4)
        bird.line(8.9, 12.4)
        bird.line(8.7, 10.4)
        bird.curve(6, 7.4, 0.5, 8.6)
        return bird
    }
}
