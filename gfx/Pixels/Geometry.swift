// Points and sizes on the integer pixel grid.

/// A position in pixels; y grows downward.
public struct Point: Equatable, Hashable, Sendable {
    public var x: Int32
    public var y: Int32

    @inlinable
    public init(x: Int32, y: Int32) {
        self.x = x
        self.y = y
    }

    public static var zero: Point { Point(x: 0, y: 0) }

    /// The sum, kept inside Int32's range.
    @inlinable
    public static func + (a: Point, b: Point) -> Point { Point(x: saturatingSum(a.x, b.x), y: saturatingSum(a.y, b.y)) }

    /// The difference, kept inside Int32's range.
    @inlinable
    public static func - (a: Point, b: Point) -> Point {
        Point(x: Int32(clamping: Int64(a.x) - Int64(b.x)), y: Int32(clamping: Int64(a.y) - Int64(b.y)))
    }
}

/// An extent in pixels.
public struct Size: Equatable, Hashable, Sendable {
    public var width: Int32
    public var height: Int32

    @inlinable
    public init(width: Int32, height: Int32) {
        self.width = width
        self.height = height
    }

    public static var zero: Size { Size(width: 0, height: 0) }
    public var isEmpty: Bool { width <= 0 || height <= 0 }
}

/// The sum, kept inside Int32's range: coordinates come from clients and may be anything.
@inlinable
func saturatingSum(_ a: Int32, _ b: Int32) -> Int32 {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? (a < 0 ? Int32.min : Int32.max) : sum
}
