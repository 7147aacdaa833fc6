// What receives the pointer where it is on the screen.

import Gfx

/// A position in 1/256 of a pixel, the precision of Wayland's fixed-point numbers.
public struct FinePoint: Equatable, Sendable {
    public var x: Int32
    public var y: Int32

    @inlinable
    public init(x: Int32, y: Int32) {
        self.x = x
        self.y = y
    }

    @inlinable
    public init(_ point: Point) {
        x = Int32(clamping: Int64(point.x) * 256)
        y = Int32(clamping: Int64(point.y) * 256)
    }

    /// The pixel that contains the position.
    @inlinable
    public var pixel: Point { Point(x: x >> 8, y: y >> 8) }

    @inlinable
    public static func - (a: FinePoint, b: FinePoint) -> FinePoint { FinePoint(x: a.x &- b.x, y: a.y &- b.y) }

    @inlinable
    public static func + (a: FinePoint, b: FinePoint) -> FinePoint { FinePoint(x: a.x &+ b.x, y: a.y &+ b.y) }
}

/// A press or release of a button of the pointer.
public struct PointerButton: Sendable {
    /// The evdev code, `BTN_LEFT` being 0x110.
    public let code: UInt32
    public let isPressed: Bool
    public let timeMilliseconds: UInt32

    public init(code: UInt32, isPressed: Bool, timeMilliseconds: UInt32) {
        self.code = code
        self.isPressed = isPressed
        self.timeMilliseconds = timeMilliseconds
    }

    public static var left: UInt32 { 0x110 }
    public static var right: UInt32 { 0x111 }
    public static var middle: UInt32 { 0x112 }
}

/// A turn of a wheel, or what else scrolls.
public struct PointerScroll: Sendable {
    /// One direction; positive is right or down.
    public struct Axis: Sendable {
        /// In 1/120 of a detent.
        public var value120: Int32 = 0
        /// In 1/256 of a pixel, where the device knows; otherwise it follows from the detents.
        public var distance: Int32?
        /// The fingers were lifted.
        public var stops = false
        public init() {}
    }

    public var horizontal = Axis()
    public var vertical = Axis()
    public var timeMilliseconds: UInt32
    /// `wl_pointer.axis_source`; nil if unknown.
    public var source: UInt32?

    public init(timeMilliseconds: UInt32, source: UInt32?) {
        self.timeMilliseconds = timeMilliseconds
        self.source = source
    }

    /// A turn of a wheel.
    public init(horizontal120: Int32, vertical120: Int32, timeMilliseconds: UInt32) {
        self.init(timeMilliseconds: timeMilliseconds, source: 0)
        horizontal.value120 = horizontal120
        vertical.value120 = vertical120
    }

    public var vertical120: Int32 { vertical.value120 }
}

/// Receives the pointer's events while it is over a node. Positions are relative to the node that was hit.
open class PointerTarget {
    public init() {}
    open func pointerEntered(at position: FinePoint) {}
    open func pointerLeft() {}
    open func pointerMoved(to position: FinePoint, timeMilliseconds: UInt32) {}
    open func pointerPressed(_ button: PointerButton, at position: FinePoint) {}
    open func pointerScrolled(_ scroll: PointerScroll) {}
    /// The end of a group of events that belong together.
    open func pointerFrame() {}
}
