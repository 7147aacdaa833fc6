// Sizes and rectangles of windows that are resized by an edge.

import Gfx

/// The edges that follow the pointer; the numbers are `xdg_toplevel.resize_edge`'s.
public struct Edges: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public static var top: Edges { Edges(rawValue: 1) }
    @inlinable public static var bottom: Edges { Edges(rawValue: 2) }
    @inlinable public static var left: Edges { Edges(rawValue: 4) }
    @inlinable public static var right: Edges { Edges(rawValue: 8) }

    /// Whether the value is one of the protocol's: not two opposite edges, and at least one.
    public var isValid: Bool {
        rawValue != 0 && rawValue < 16 && !isSuperset(of: [.top, .bottom]) && !isSuperset(of: [.left, .right])
    }

    /// The edges that a position around a frame takes hold of; nil inside and far outside.
    /// - Parameter corner: how far a corner reaches along its edges.
    public static func around(_ frame: Rect, _ p: Point, reach: Int32, corner: Int32) -> Edges? {
        let outside = frame.inset(by: -reach)
        guard outside.contains(p), !frame.contains(p) else { return nil }
        var result: Edges = []
        if p.x < frame.left + corner { result.insert(.left) } else if p.x >= frame.right - corner { result.insert(.right) }
        if p.y < frame.top + corner { result.insert(.top) } else if p.y >= frame.bottom - corner { result.insert(.bottom) }
        return result.isEmpty ? nil : result
    }
}

/// What a client allows its window to be; zero means no limit. Sizes are of the window's content.
public struct SizeLimits: Equatable, Sendable {
    public var minimum = Size.zero
    public var maximum = Size.zero

    public init() {}

    /// The nearest size that is allowed and at least `floor`.
    public func clamp(_ size: Size, floor: Size) -> Size {
        Size(
            width: clamp(size.width, minimum.width, maximum.width, floor.width),
            height: clamp(size.height, minimum.height, maximum.height, floor.height))
    }

    private func clamp(_ value: Int32, _ low: Int32, _ high: Int32, _ floor: Int32) -> Int32 {
        let limited = high > 0 ? min(value, max(high, low)) : value
        return max(limited, low, floor)
    }
}

/// A resize from its beginning: every pointer position gives a size, and the edge that does not move stays.
public struct Resizing: Sendable {
    public let edges: Edges
    public let start: Rect
    public let pointerStart: Point
    public let limits: SizeLimits
    /// No window gets smaller than this, whatever the client allows.
    public static var floor: Size { Size(width: 120, height: 48) }

    public init(edges: Edges, start: Rect, pointerStart: Point, limits: SizeLimits) {
        self.edges = edges
        self.start = start
        self.pointerStart = pointerStart
        self.limits = limits
    }

    /// The content size for a pointer position.
    public func size(for pointer: Point) -> Size {
        let x = Int64(pointer.x) - Int64(pointerStart.x)
        let y = Int64(pointer.y) - Int64(pointerStart.y)
        var size = start.size
        if edges.contains(.right) { size.width = sum(size.width, x) }
        if edges.contains(.left) { size.width = sum(size.width, -x) }
        if edges.contains(.bottom) { size.height = sum(size.height, y) }
        if edges.contains(.top) { size.height = sum(size.height, -y) }
        return limits.clamp(size, floor: Resizing.floor)
    }

    /// Where the content's corner goes when the client has chosen a size.
    public func origin(for size: Size) -> Point {
        Point(
            x: edges.contains(.left) ? start.right - size.width : start.left,
            y: edges.contains(.top) ? start.bottom - size.height : start.top)
    }

    private func sum(_ a: Int32, _ b: Int64) -> Int32 { Int32(clamping: Int64(a) + b) }
}
