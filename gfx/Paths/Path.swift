// Outlines of straight lines and Bézier curves. Used when Martlet is built; nothing draws paths at run time.

/// A position in a drawing's own units.
public struct Vector: Equatable, Sendable {
    public var x: Double
    public var y: Double

    public init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }

    public static func + (a: Vector, b: Vector) -> Vector { Vector(a.x + b.x, a.y + b.y) }
    public static func - (a: Vector, b: Vector) -> Vector { Vector(a.x - b.x, a.y - b.y) }
    public static func * (a: Vector, k: Double) -> Vector { Vector(a.x * k, a.y * k) }
    public var length: Double { (x * x + y * y).squareRoot() }
    /// The vector turned by a right angle.
    public var perpendicular: Vector { Vector(-y, x) }
}

/// An affine map: (x, y) becomes (a·x + c·y + tx, b·x + d·y + ty).
public struct Transform: Equatable, Sendable {
    public var a = 1.0, b = 0.0, c = 0.0, d = 1.0, tx = 0.0, ty = 0.0

    public init() {}
    public init(a: Double, b: Double, c: Double, d: Double, tx: Double, ty: Double) {
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.tx = tx
        self.ty = ty
    }

    public static func scale(_ k: Double) -> Transform { Transform(a: k, b: 0, c: 0, d: k, tx: 0, ty: 0) }
    public static func scale(x: Double, y: Double) -> Transform { Transform(a: x, b: 0, c: 0, d: y, tx: 0, ty: 0) }
    public static func move(_ x: Double, _ y: Double) -> Transform { Transform(a: 1, b: 0, c: 0, d: 1, tx: x, ty: y) }
    /// A turn given by its sine and cosine; clockwise on screen for a positive sine.
    public static func turn(sine: Double, cosine: Double) -> Transform {
        Transform(a: cosine, b: sine, c: -sine, d: cosine, tx: 0, ty: 0)
    }

    /// This map followed by another.
    public func then(_ next: Transform) -> Transform {
        Transform(
            a: next.a * a + next.c * b, b: next.b * a + next.d * b,
            c: next.a * c + next.c * d, d: next.b * c + next.d * d,
            tx: next.a * tx + next.c * ty + next.tx, ty: next.b * tx + next.d * ty + next.ty)
    }

    public func apply(_ p: Vector) -> Vector { Vector(a * p.x + c * p.y + tx, b * p.x + d * p.y + ty) }
}

/// An outline of one or more contours.
public struct Path: Sendable {
    enum Element: Sendable {
        case move(Vector)
        case line(Vector)
        case quadratic(Vector, Vector)
        case cubic(Vector, Vector, Vector)
        case close
    }
    private(set) var elements: [Element] = []

    public init() {}
    public init(_ build: (inout Path) -> Void) { build(&self) }

    /// A closed polygon.
    public init(polygon points: [(Double, Double)]) {
        for (i, p) in points.enumerated() {
            if i == 0 { move(p.0, p.1) } else { line(p.0, p.1) }
        }
        close()
    }

    public mutating func move(_ x: Double, _ y: Double) { elements.append(.move(Vector(x, y))) }
    public mutating func line(_ x: Double, _ y: Double) { elements.append(.line(Vector(x, y))) }
    public mutating func quadratic(_ cx: Double, _ cy: Double, to x: Double, _ y: Double) {
        elements.append(.quadratic(Vector(cx, cy), Vector(x, y)))
    }
    public mutating func cubic(
        _ ax: Double, _ ay: Double, _ bx: Double, _ by: Double, to x: Double, _ y: Double
    ) {
        elements.append(.cubic(Vector(ax, ay), Vector(bx, by), Vector(x, y)))
    }
    public mutating func close() { elements.append(.close) }
    public mutating func add(_ other: Path) { elements += other.elements }

    /// The cubic that comes closest to a quarter circle has its controls at this share of the radius.
    private static let quarter = 0.552_284_749_8

    public static func ellipse(_ cx: Double, _ cy: Double, _ rx: Double, _ ry: Double) -> Path {
        rounded(cx - rx, cy - ry, 2 * rx, 2 * ry, rx: rx, ry: ry)
    }
    public static func circle(_ cx: Double, _ cy: Double, _ r: Double) -> Path { ellipse(cx, cy, r, r) }

    public static func rect(_ x: Double, _ y: Double, _ width: Double, _ height: Double) -> Path {
        Path(polygon: [(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
    }

    public static func roundedRect(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, radius: Double
    ) -> Path {
        let r = min(radius, width / 2, height / 2)
        return rounded(x, y, width, height, rx: r, ry: r)
    }

    private static func rounded(
        _ x: Double, _ y: Double, _ w: Double, _ h: Double, rx: Double, ry: Double
    ) -> Path {
        let kx = rx * (1 - quarter)
        let ky = ry * (1 - quarter)
        return Path { p in
            p.move(x + rx, y)
            p.line(x + w - rx, y)
            p.cubic(x + w - kx, y, x + w, y + ky, to: x + w, y + ry)
            p.line(x + w, y + h - ry)
            p.cubic(x + w, y + h - ky, x + w - kx, y + h, to: x + w - rx, y + h)
            p.line(x + rx, y + h)
            p.cubic(x + kx, y + h, x, y + h - ky, to: x, y + h - ry)
            p.line(x, y + ry)
            p.cubic(x, y + ky, x + kx, y, to: x + rx, y)
            p.close()
        }
    }

    public func transformed(_ t: Transform) -> Path {
        var result = Path()
        result.elements = elements.map { element in
            switch element {
            case .move(let p): return .move(t.apply(p))
            case .line(let p): return .line(t.apply(p))
            case .quadratic(let c, let p): return .quadratic(t.apply(c), t.apply(p))
            case .cubic(let a, let b, let p): return .cubic(t.apply(a), t.apply(b), t.apply(p))
            case .close: return .close
            }
        }
        return result
    }

    /// A run of straight lines.
    struct Contour {
        var points: [Vector]
        var isClosed: Bool
    }

    /// The path as polygons; a curve is cut into pieces so short that its corners cannot be seen.
    func flattened() -> [Contour] {
        var contours: [Contour] = []
        var current = Contour(points: [], isClosed: false)
        func pieces(_ length: Double) -> Int { min(200, max(4, Int(length * 2))) }
        func finish() {
            if current.points.count > 1 { contours.append(current) }
            current = Contour(points: [], isClosed: false)
        }
        for element in elements {
            let from = current.points.last ?? Vector(0, 0)
            switch element {
            case .move(let p):
                finish()
                current.points = [p]
            case .line(let p):
                current.points.append(p)
            case .quadratic(let c, let p):
                let n = pieces((c - from).length + (p - c).length)
                for i in 1...n {
                    let t = Double(i) / Double(n)
                    let u = 1 - t
                    current.points.append(from * (u * u) + c * (2 * u * t) + p * (t * t))
                }
            case .cubic(let a, let b, let p):
                let n = pieces((a - from).length + (b - a).length + (p - b).length)
                for i in 1...n {
                    let t = Double(i) / Double(n)
                    let u = 1 - t
                    let start = from * (u * u * u) + a * (3 * u * u * t)
                    current.points.append(start + b * (3 * u * t * t) + p * (t * t * t))
                }
            case .close:
                current.isClosed = true
                let first = current.points.first
                finish()
                if let first { current.points = [first] }
            }
        }
        finish()
        return contours
    }
}
