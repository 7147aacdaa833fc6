// Halves, quarters and the whole of the work area.

import Gfx

/// A part of the work area that a window fills exactly.
public enum Tile: Sendable {
    case maximised
    case left, right
    case topLeft, topRight, bottomLeft, bottomRight

    /// The rectangle in a work area. Halves of an odd width meet without a gap.
    public func rect(in area: Rect) -> Rect {
        let middle = area.center
        return switch self {
        case .maximised: area
        case .left: Rect(left: area.left, top: area.top, right: middle.x, bottom: area.bottom)
        case .right: Rect(left: middle.x, top: area.top, right: area.right, bottom: area.bottom)
        case .topLeft: Rect(left: area.left, top: area.top, right: middle.x, bottom: middle.y)
        case .topRight: Rect(left: middle.x, top: area.top, right: area.right, bottom: middle.y)
        case .bottomLeft: Rect(left: area.left, top: middle.y, right: middle.x, bottom: area.bottom)
        case .bottomRight: Rect(left: middle.x, top: middle.y, right: area.right, bottom: area.bottom)
        }
    }

    /// Which tile a window that is dragged to a screen edge takes; nil away from the edges.
    /// - Parameter reach: how near to the edge the pointer has to be.
    public static func atEdge(_ pointer: Point, of screen: Rect, reach: Int32 = 2, corner: Int32 = 96) -> Tile? {
        let nearTop = pointer.y < screen.top + corner
        let nearBottom = pointer.y >= screen.bottom - corner
        if pointer.x < screen.left + reach { return nearTop ? .topLeft : nearBottom ? .bottomLeft : .left }
        if pointer.x >= screen.right - reach { return nearTop ? .topRight : nearBottom ? .bottomRight : .right }
        if pointer.y < screen.top + reach { return .maximised }
        return nil
    }

    /// The tile after an arrow key together with Super; nil puts the window back to its free place.
    public func moved(_ direction: Direction) -> Tile? {
        switch (self, direction) {
        case (.maximised, .down): nil
        case (.maximised, .left), (.right, .left): self == .right ? nil : .left
        case (.maximised, .right), (.left, .right): self == .left ? nil : .right
        case (.left, .up): .topLeft
        case (.left, .down): .bottomLeft
        case (.right, .up): .topRight
        case (.right, .down): .bottomRight
        case (.topLeft, .down), (.bottomLeft, .up): .left
        case (.topRight, .down), (.bottomRight, .up): .right
        case (.topLeft, .right): .topRight
        case (.topRight, .left): .topLeft
        case (.bottomLeft, .right): .bottomRight
        case (.bottomRight, .left): .bottomLeft
        case (.topLeft, .up), (.topRight, .up): .maximised
        case (.bottomLeft, .down), (.bottomRight, .down): nil
        default: self
        }
    }

    /// The tile of a free window after an arrow key together with Super; nil for down, which minimises.
    public static func first(_ direction: Direction) -> Tile? {
        switch direction {
        case .left: .left
        case .right: .right
        case .up: .maximised
        case .down: nil
        }
    }
}

public enum Direction: Sendable { case left, right, up, down }
