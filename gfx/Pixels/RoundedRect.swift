// Rectangles with antialiased round corners: surfaces, outlines, and images clipped to them.

/// Which corners of a rectangle.
public struct Corners: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let topLeft = Corners(rawValue: 1)
    public static let topRight = Corners(rawValue: 2)
    public static let bottomLeft = Corners(rawValue: 4)
    public static let bottomRight = Corners(rawValue: 8)
    public static let top: Corners = [.topLeft, .topRight]
    public static let bottom: Corners = [.bottomLeft, .bottomRight]
    public static let all: Corners = [.top, .bottom]
}

/// A rectangle some of whose corners are quarter circles.
public struct RoundedRect: Equatable, Sendable {
    public let rect: Rect
    /// At most half of the shorter side, and at most `maximumRadius`.
    public let radius: Int32
    public let corners: Corners

    public static let maximumRadius: Int32 = 256

    public init(_ rect: Rect, radius: Int32, corners: Corners = .all) {
        self.rect = rect
        self.radius = max(0, min(radius, Self.maximumRadius, rect.width / 2, rect.height / 2))
        self.corners = corners
    }

    /// The part that is certainly opaque: a region for culling what lies below.
    public var opaqueRegion: Region {
        var region = Region(rect)
        let r = radius
        if corners.contains(.topLeft) { region.subtract(Rect(x: rect.left, y: rect.top, width: r, height: r)) }
        if corners.contains(.topRight) { region.subtract(Rect(x: rect.right &- r, y: rect.top, width: r, height: r)) }
        if corners.contains(.bottomLeft) {
            region.subtract(Rect(x: rect.left, y: rect.bottom &- r, width: r, height: r))
        }
        if corners.contains(.bottomRight) {
            region.subtract(Rect(x: rect.right &- r, y: rect.bottom &- r, width: r, height: r))
        }
        return region
    }
}

extension PixelBuffer {
    /// Draws the colour over a rounded rectangle.
    public func blend(_ shape: RoundedRect, _ color: Color) {
        let pixel = color.premultiplied
        guard color.alpha != 0 else { return }
        blendRows(of: shape, stroke: 0, solid: { blend($0, color) }) { to, mask, count, _ in
            kernel.over(to, color: pixel, through: mask, count)
        }
    }

    /// Draws an outline of `width` pixels along the inside of a rounded rectangle's edge.
    public func stroke(_ shape: RoundedRect, width: Int32, _ color: Color) {
        let pixel = color.premultiplied
        guard color.alpha != 0, width > 0 else { return }
        blendRows(of: shape, stroke: width, solid: { blend($0, color) }) { to, mask, count, _ in
            kernel.over(to, color: pixel, through: mask, count)
        }
    }

    /// Draws the part of an image that a rounded rectangle of this buffer shows.
    /// - Parameter point: where the image's top left corner lies in this buffer.
    /// - Safety: the two views must not share memory.
    public func blend(_ source: PixelImage, to point: Point, clippedTo shape: RoundedRect, alpha: UInt8 = 255) {
        let part = source.bounds.translated(by: point)
        let bits: UInt32 = source.format == .xrgb8888 ? 0xFF00_0000 : 0
        clipped(to: part).blendRows(
            of: shape, stroke: 0,
            solid: { area in
                clipped(to: area).blend(source, to: point, alpha: alpha)
            }
        ) { to, mask, count, at in
            // SAFETY: the clip keeps `at` inside `part`, and so inside the source.
            let from = source.row(at.y &- point.y) + Int(at.x &- point.x)
            blendRow(to, from, through: mask, count, alpha: UInt32(alpha), setting: bits)
        }
    }

    /// Visits a shape: `solid` gets rectangles of full coverage, `edge` runs of partial coverage, all clipped.
    ///
    /// With a stroke, only what lies within `stroke` pixels of the edge is visited.
    @inline(__always)
    private func blendRows(
        of shape: RoundedRect, stroke: Int32, solid: (Rect) -> Void,
        edge: (UnsafeMutablePointer<UInt32>, UnsafePointer<UInt8>, Int, Point) -> Void
    ) {
        let rect = shape.rect
        guard rect.intersects(clip) else { return }
        let radius = shape.radius
        // The rows between the corners.
        let middle = Rect(
            left: rect.left, top: rect.top &+ radius, right: rect.right, bottom: rect.bottom &- radius)
        if stroke == 0 {
            solid(middle)
        } else {
            for piece in Region(middle).subtracting(rect.inset(by: stroke)).rects { solid(piece) }
        }
        guard radius > 0 else { return }
        let between = Rect(
            left: rect.left &+ radius, top: rect.top, right: rect.right &- radius, bottom: rect.bottom)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(radius) * 2) { memory in
            guard let mask = memory.baseAddress else { return }
            let mirrored = mask + Int(radius)
            for row in 0..<radius {
                let ys = (rect.top &+ row, rect.bottom &- 1 &- row)
                guard isVisible(ys.0) || isVisible(ys.1) else { continue }
                cornerCoverage(radius: radius, row: row, stroke: stroke, into: mask)
                for x in 0..<Int(radius) { mirrored[Int(radius) &- 1 &- x] = mask[x] }
                for (y, left, right) in [
                    (ys.0, Corners.topLeft, Corners.topRight), (ys.1, Corners.bottomLeft, Corners.bottomRight),
                ] where isVisible(y) {
                    if stroke == 0 || row < stroke {
                        solid(Rect(left: between.left, top: y, right: between.right, bottom: y &+ 1))
                    }
                    let leftPart = Rect(x: rect.left, y: y, width: radius, height: 1)
                    let rightPart = Rect(x: rect.right &- radius, y: y, width: radius, height: 1)
                    for (part, corner, coverage) in [(leftPart, left, mask), (rightPart, right, mirrored)] {
                        let shown = part.intersection(clip)
                        if shown.isEmpty { continue }
                        if shape.corners.contains(corner) {
                            edge(
                                pixels(row: y, column: shown.left), coverage + Int(shown.left &- part.left),
                                Int(shown.width), shown.origin)
                        } else if stroke == 0 || row < stroke {
                            solid(part)
                        } else if corner == left {
                            solid(Rect(x: part.left, y: y, width: min(stroke, radius), height: 1))
                        } else {
                            let width = min(stroke, radius)
                            solid(Rect(x: part.right &- width, y: y, width: width, height: 1))
                        }
                    }
                }
            }
        }
    }

    private func isVisible(_ y: Int32) -> Bool { y >= clip.top && y < clip.bottom }
}

/// The coverage of one row of a top left corner, `radius` bytes; with a stroke, that of a ring of its width.
private func cornerCoverage(radius: Int32, row: Int32, stroke: Int32, into mask: UnsafeMutablePointer<UInt8>) {
    // Sixteen scan lines a row; along each the edge is exact, in 1/256 pixels.
    let lines: Int64 = 16
    let outer = Int64(radius) * 256
    let inner = Int64(max(radius - stroke, 0)) * 256
    for x in 0..<Int(radius) {
        var sum: Int64 = 0
        let right = Int64(x + 1) * 256
        for line in 0..<lines {
            let dy = outer - Int64(row) * 256 - line * 16 - 8
            var covered = min(max(right - (outer - halfChord(outer, dy)), 0), 256)
            if stroke > 0, dy < inner {
                covered -= min(max(right - (outer - halfChord(inner, dy)), 0), 256)
            }
            sum += covered
        }
        mask[x] = UInt8(truncatingIfNeeded: (sum * 255 + lines * 128) / (lines * 256))
    }
}

/// Half the width of a circle at distance `dy` from its centre; square roots of whole numbers are exact enough in
/// Double to be the same everywhere.
private func halfChord(_ radius: Int64, _ dy: Int64) -> Int64 {
    let square = radius * radius - dy * dy
    return square <= 0 ? 0 : Int64(Double(square).squareRoot())
}
