// Rectangles on the integer pixel grid: left and top inclusive, right and bottom exclusive.

/// A rectangle that cannot overflow: edges and sizes always fit in Int32, whatever a client sent.
public struct Rect: Equatable, Hashable, Sendable {
    public let left: Int32
    public let top: Int32
    /// One past the last column; never less than `left`.
    public let right: Int32
    /// One past the last row; never less than `top`.
    public let bottom: Int32

    /// A negative size counts as zero; a far edge beyond Int32's range is moved to its end.
    @inlinable
    public init(x: Int32, y: Int32, width: Int32, height: Int32) {
        left = x
        top = y
        right = saturatingSum(x, max(width, 0))
        bottom = saturatingSum(y, max(height, 0))
    }

    /// Edges that are the wrong way round, or too far apart for Int32, are moved together.
    @inlinable
    public init(left: Int32, top: Int32, right: Int32, bottom: Int32) {
        self.left = left
        self.top = top
        self.right = min(max(left, right), saturatingSum(left, Int32.max))
        self.bottom = min(max(top, bottom), saturatingSum(top, Int32.max))
    }

    @inlinable
    public init(origin: Point, size: Size) {
        self.init(x: origin.x, y: origin.y, width: size.width, height: size.height)
    }

    /// A rectangle at the origin.
    @inlinable
    public init(size: Size) { self.init(x: 0, y: 0, width: size.width, height: size.height) }

    public static var zero: Rect { Rect(x: 0, y: 0, width: 0, height: 0) }

    @inlinable public var x: Int32 { left }
    @inlinable public var y: Int32 { top }
    @inlinable public var width: Int32 { right &- left }
    @inlinable public var height: Int32 { bottom &- top }
    @inlinable public var origin: Point { Point(x: left, y: top) }
    @inlinable public var size: Size { Size(width: width, height: height) }
    @inlinable public var isEmpty: Bool { left >= right || top >= bottom }
    /// The number of pixels.
    public var area: Int64 { Int64(width) * Int64(height) }
    public var center: Point { Point(x: left &+ width / 2, y: top &+ height / 2) }

    @inlinable
    public func contains(_ p: Point) -> Bool { p.x >= left && p.x < right && p.y >= top && p.y < bottom }

    /// Whether every pixel of `other` is in this one; an empty rectangle is contained everywhere.
    @inlinable
    public func contains(_ other: Rect) -> Bool {
        other.isEmpty || (other.left >= left && other.right <= right && other.top >= top && other.bottom <= bottom)
    }

    @inlinable
    public func intersects(_ other: Rect) -> Bool {
        max(left, other.left) < min(right, other.right) && max(top, other.top) < min(bottom, other.bottom)
    }

    /// The common part, which may be empty.
    @inlinable
    public func intersection(_ other: Rect) -> Rect {
        Rect(
            left: max(left, other.left), top: max(top, other.top),
            right: min(right, other.right), bottom: min(bottom, other.bottom))
    }

    /// The smallest rectangle around both; an empty one adds nothing.
    @inlinable
    public func union(_ other: Rect) -> Rect {
        if other.isEmpty { return self }
        if isEmpty { return other }
        return Rect(
            left: min(left, other.left), top: min(top, other.top),
            right: max(right, other.right), bottom: max(bottom, other.bottom))
    }

    /// The rectangle moved by `offset`; what leaves Int32's range is cut off.
    @inlinable
    public func translated(by offset: Point) -> Rect {
        Rect(
            left: saturatingSum(left, offset.x), top: saturatingSum(top, offset.y),
            right: saturatingSum(right, offset.x), bottom: saturatingSum(bottom, offset.y))
    }

    /// The rectangle made smaller at every edge by `amount`, or larger by a negative one.
    public func inset(by amount: Int32) -> Rect {
        inset(left: amount, top: amount, right: amount, bottom: amount)
    }

    /// The rectangle with each edge moved inward by its amount.
    public func inset(left l: Int32 = 0, top t: Int32 = 0, right r: Int32 = 0, bottom b: Int32 = 0) -> Rect {
        Rect(
            left: saturatingSum(left, l), top: saturatingSum(top, t),
            right: Int32(clamping: Int64(right) - Int64(r)), bottom: Int32(clamping: Int64(bottom) - Int64(b)))
    }

    /// The rectangle with every coordinate multiplied by an output scale.
    public func scaled(by scale: Int32) -> Rect {
        Rect(
            left: Int32(clamping: Int64(left) * Int64(scale)), top: Int32(clamping: Int64(top) * Int64(scale)),
            right: Int32(clamping: Int64(right) * Int64(scale)), bottom: Int32(clamping: Int64(bottom) * Int64(scale)))
    }
}
