// Where a new window goes.

import Gfx

/// Chooses positions of new windows: beside the others while there is room, then stepped.
public struct Placement: Sendable {
    /// The part of the screen that windows may use.
    public let workArea: Rect
    /// The distance kept between windows.
    public let gap: Int32
    /// How far a window that must overlap is moved from the one below it: a title bar stays visible.
    public let step: Int32

    public init(workArea: Rect, gap: Int32 = 16, step: Int32 = 42) {
        self.workArea = workArea
        self.gap = gap
        self.step = step
    }

    /// The position of a new window's frame.
    /// - Parameter others: the frames of the windows that are shown, uppermost last.
    public func position(for size: Size, among others: [Rect]) -> Point {
        let fitting = Size(width: min(size.width, workArea.width), height: min(size.height, workArea.height))
        guard let top = others.last else { return firstPosition(for: fitting) }
        var best: Point?
        var bestDistance = Int64.max
        for other in others {
            for candidate in positions(beside: other, for: fitting) {
                let rect = Rect(origin: candidate, size: fitting)
                guard workArea.contains(rect), !others.contains(where: { $0.intersects(rect) }) else { continue }
                let distance = squaredDistance(rect.center, top.center)
                if distance < bestDistance {
                    best = candidate
                    bestDistance = distance
                }
            }
        }
        return best ?? steppedPosition(for: fitting, above: top)
    }

    /// The first window goes to the middle; if another one like it fits beside it, the two together do.
    private func firstPosition(for size: Size) -> Point {
        let pair = Int64(size.width) * 2 + Int64(gap)
        let width = pair + Int64(gap) * 2 <= Int64(workArea.width) ? Int32(pair) : size.width
        return Point(x: workArea.left + (workArea.width - width) / 2, y: workArea.top + (workArea.height - size.height) / 2)
    }

    private func positions(beside other: Rect, for size: Size) -> [Point] {
        [
            Point(x: other.right + gap, y: other.top),
            Point(x: other.left - gap - size.width, y: other.top),
            Point(x: other.left, y: other.bottom + gap),
            Point(x: other.left, y: other.top - gap - size.height),
        ]
    }

    private func steppedPosition(for size: Size, above top: Rect) -> Point {
        var point = Point(x: top.left + step, y: top.top + step)
        if point.x + size.width > workArea.right { point.x = workArea.left + min(gap, workArea.width - size.width) }
        if point.y + size.height > workArea.bottom { point.y = workArea.top + min(gap, workArea.height - size.height) }
        return point
    }

    private func squaredDistance(_ a: Point, _ b: Point) -> Int64 {
        let x = Int64(a.x) - Int64(b.x)
        let y = Int64(a.y) - Int64(b.y)
        return x * x + y * y
    }
}
