// Where a popup goes (xdg_positioner of xdg-shell).

import Gfx

/// The rules that a client gave for one popup. Rectangles are relative to the parent's window geometry.
public struct PopupPositioner: Sendable {
    /// A corner, an edge or the middle. The numbers are `xdg_positioner.anchor`'s and `gravity`'s.
    public enum Corner: UInt32, Sendable {
        case none = 0
        case top, bottom, left, right, topLeft, bottomLeft, topRight, bottomRight

        /// From a set of edges as xdg-shell v6 has it: top 1, bottom 2, left 4, right 8. Opposite edges exclude each other.
        public init?(edges: UInt32) {
            switch edges {
            case 0: self = .none
            case 1: self = .top
            case 2: self = .bottom
            case 4: self = .left
            case 8: self = .right
            case 5: self = .topLeft
            case 6: self = .bottomLeft
            case 9: self = .topRight
            case 10: self = .bottomRight
            default: return nil
            }
        }

        /// -1, 0 or 1: left, middle, right.
        var horizontal: Int32 {
            switch self {
            case .left, .topLeft, .bottomLeft: -1
            case .right, .topRight, .bottomRight: 1
            case .none, .top, .bottom: 0
            }
        }

        /// -1, 0 or 1: top, middle, bottom.
        var vertical: Int32 {
            switch self {
            case .top, .topLeft, .topRight: -1
            case .bottom, .bottomLeft, .bottomRight: 1
            case .none, .left, .right: 0
            }
        }
    }

    /// `xdg_positioner.constraint_adjustment`.
    public struct Adjustment: OptionSet, Sendable {
        public let rawValue: UInt32
        @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
        @inlinable public static var slideX: Adjustment { Adjustment(rawValue: 1) }
        @inlinable public static var slideY: Adjustment { Adjustment(rawValue: 2) }
        @inlinable public static var flipX: Adjustment { Adjustment(rawValue: 4) }
        @inlinable public static var flipY: Adjustment { Adjustment(rawValue: 8) }
        @inlinable public static var resizeX: Adjustment { Adjustment(rawValue: 16) }
        @inlinable public static var resizeY: Adjustment { Adjustment(rawValue: 32) }
    }

    public var size = Size.zero
    public var anchorRect = Rect.zero
    public var hasAnchorRect = false
    public var anchor = Corner.none
    public var gravity = Corner.none
    public var adjustment: Adjustment = []
    public var offset = Point.zero
    public var isReactive = false

    public init() {}

    /// Whether the client has set what is required.
    public var isComplete: Bool { !size.isEmpty && hasAnchorRect }

    /// The popup's rectangle; `area` is where it may go, in the same coordinates.
    public func rect(within area: Rect) -> Rect {
        let (x, width) = span(
            Axis(
                low: anchorRect.left, high: anchorRect.right, size: size.width, anchor: anchor.horizontal,
                gravity: gravity.horizontal,
                offset: offset.x),
            area.left..<area.right, flip: adjustment.contains(.flipX), slide: adjustment.contains(.slideX),
            resize: adjustment.contains(.resizeX))
        let (y, height) = span(
            Axis(
                low: anchorRect.top, high: anchorRect.bottom, size: size.height, anchor: anchor.vertical,
                gravity: gravity.vertical,
                offset: offset.y),
            area.top..<area.bottom, flip: adjustment.contains(.flipY), slide: adjustment.contains(.slideY),
            resize: adjustment.contains(.resizeY))
        return Rect(x: x, y: y, width: width, height: height)
    }

    /// One direction of the problem: both are solved alike.
    private struct Axis {
        var low: Int32
        var high: Int32
        var size: Int32
        var anchor: Int32
        var gravity: Int32
        var offset: Int32

        var start: Int32 {
            let point = anchor < 0 ? Int64(low) : anchor > 0 ? Int64(high) : (Int64(low) + Int64(high)) / 2
            let edge = gravity < 0 ? point - Int64(size) : gravity > 0 ? point : point - Int64(size) / 2
            return Int32(clamping: edge + Int64(offset))
        }

        var flipped: Axis {
            var copy = self
            copy.anchor = -anchor
            copy.gravity = -gravity
            copy.offset = offset == .min ? .max : -offset
            return copy
        }
    }

    private func span(_ axis: Axis, _ area: Range<Int32>, flip: Bool, slide: Bool, resize: Bool) -> (Int32, Int32) {
        var start = axis.start
        var size = axis.size
        func fits(_ start: Int32) -> Bool { start >= area.lowerBound && Int64(start) + Int64(size) <= Int64(area.upperBound) }
        if fits(start) { return (start, size) }
        if flip {
            let other = axis.flipped.start
            if fits(other) { return (other, size) }
        }
        if slide {
            // Toward the side it leaves, but never past the area's beginning.
            start = max(area.lowerBound, Int32(clamping: min(Int64(start), Int64(area.upperBound) - Int64(size))))
            if fits(start) { return (start, size) }
        }
        if resize {
            let low = max(start, area.lowerBound)
            let high = min(Int64(start) + Int64(size), Int64(area.upperBound))
            if high > Int64(low) {
                start = low
                size = Int32(clamping: high - Int64(low))
            }
        }
        return (start, size)
    }
}
