// Strokes as outlines: a rectangle along each piece and, where they are round, a circle on each corner. Every part winds
// the same way, so the non-zero rule makes them one shape.

/// How the open ends of a stroke look.
public enum StrokeCap: Sendable {
    case round, butt
}

extension Path {
    /// The outline of a pen of `width` drawn along the path; corners are round.
    public func stroked(width: Double, cap: StrokeCap = .round) -> Path {
        var result = Path()
        let r = width / 2
        for contour in flattened() {
            var points = contour.points
            if contour.isClosed, let first = points.first, first != points.last { points.append(first) }
            for i in 0..<(points.count - 1) {
                let along = points[i + 1] - points[i]
                guard along.length > 1e-9 else { continue }
                let side = along.perpendicular * (r / along.length)
                let corners = [points[i] + side, points[i] - side, points[i + 1] - side, points[i + 1] + side]
                result.add(Path(polygon: corners.map { ($0.x, $0.y) }))
            }
            for (i, p) in points.enumerated() {
                let isEnd = !contour.isClosed && (i == 0 || i == points.count - 1)
                if isEnd && cap == .butt { continue }
                result.add(.circle(p.x, p.y, r))
            }
        }
        return result
    }

    /// The path with every contour turned clockwise, so that overlapping ones make one shape without holes.
    public var solid: Path {
        var result = Path()
        for contour in flattened() {
            let points = contour.points
            var area = 0.0
            for (i, p) in points.enumerated() {
                let q = points[(i + 1) % points.count]
                area += p.x * q.y - q.x * p.y
            }
            let clockwise = area < 0 ? points.reversed() : points
            result.add(Path(polygon: clockwise.map { ($0.x, $0.y) }))
        }
        return result
    }

    /// The shape grown by `amount` on all sides, its corners rounded.
    public func grown(by amount: Double) -> Path {
        var result = solid
        result.add(result.stroked(width: 2 * amount))
        return result
    }
}
