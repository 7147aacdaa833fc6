// Where surfaces of layers go (wlr-layer-shell): panels, wallpapers, notifications.

import Gfx

/// What a client said about one surface of a layer. The numbers of `anchor` are `zwlr_layer_surface_v1.anchor`'s.
public struct LayerPlacement: Equatable, Sendable {
    public struct Margins: Equatable, Sendable {
        public var top: Int32 = 0
        public var right: Int32 = 0
        public var bottom: Int32 = 0
        public var left: Int32 = 0
        public init() {}
    }

    /// Zero on an axis lets the compositor choose, which needs both edges of the axis.
    public var size = Size.zero
    public var anchor: Edges = []
    /// Positive: keep others away; 0: move away for those; -1: take no notice.
    public var exclusiveZone: Int32 = 0
    public var margins = Margins()

    public init() {}

    private var stretchesX: Bool { anchor.isSuperset(of: [.left, .right]) }
    private var stretchesY: Bool { anchor.isSuperset(of: [.top, .bottom]) }

    /// Whether the client gave each size that its anchors do not.
    public var isComplete: Bool { (size.width > 0 || stretchesX) && (size.height > 0 || stretchesY) }

    /// The size to ask the client for.
    public func size(in area: Rect) -> Size {
        Size(
            width: size.width > 0 ? size.width : max(area.width &- margins.left &- margins.right, 1),
            height: size.height > 0 ? size.height : max(area.height &- margins.top &- margins.bottom, 1))
    }

    /// Where a surface of a size goes.
    public func origin(for size: Size, in area: Rect) -> Point {
        Point(
            x: place(
                size.width, area.left, area.right, anchor.contains(.left), anchor.contains(.right), margins.left, margins.right),
            y: place(
                size.height, area.top, area.bottom, anchor.contains(.top), anchor.contains(.bottom), margins.top, margins.bottom))
    }

    private func place(
        _ length: Int32, _ low: Int32, _ high: Int32, _ atLow: Bool, _ atHigh: Bool, _ lowMargin: Int32, _ highMargin: Int32
    ) -> Int32 {
        let first = Int64(low) + Int64(lowMargin)
        let last = Int64(high) - Int64(highMargin) - Int64(length)
        let middle =
            atLow && atHigh ? (first + last) / 2 : atLow ? first : atHigh ? last : (Int64(low) + Int64(high) - Int64(length)) / 2
        return Int32(clamping: middle)
    }

    /// The edge that a positive zone keeps free: one anchor, or one with both beside it.
    private var exclusiveEdge: Edges? {
        switch anchor {
        case .top, [.top, .left, .right]: .top
        case .bottom, [.bottom, .left, .right]: .bottom
        case .left, [.left, .top, .bottom]: .left
        case .right, [.right, .top, .bottom]: .right
        default: nil
        }
    }

    /// Whether others are kept away.
    public var isExclusive: Bool { exclusiveZone > 0 && exclusiveEdge != nil }

    /// What the surface leaves of an area for others.
    public func remainder(of area: Rect) -> Rect {
        guard isExclusive, let edge = exclusiveEdge else { return area }
        func depth(_ margin: Int32, _ room: Int32) -> Int32 {
            Int32(clamping: min(max(Int64(exclusiveZone) + Int64(margin), 0), Int64(max(room - 1, 0))))
        }
        return switch edge {
        case .top: area.inset(top: depth(margins.top, area.height))
        case .bottom:
            Rect(
                left: area.left, top: area.top, right: area.right, bottom: area.bottom - depth(margins.bottom, area.height))
        case .left:
            Rect(left: area.left + depth(margins.left, area.width), top: area.top, right: area.right, bottom: area.bottom)
        default:
            Rect(left: area.left, top: area.top, right: area.right - depth(margins.right, area.width), bottom: area.bottom)
        }
    }
}
