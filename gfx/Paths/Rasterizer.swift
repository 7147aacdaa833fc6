// Coverage of a path by scan lines: exact along each line, many lines to a pixel.

/// Coverage 0...1 of each pixel of a rectangle.
public struct Coverage: Sendable {
    public let width: Int
    public let height: Int
    public var values: [Float]

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
        values = [Float](repeating: 0, count: width * height)
    }

    /// The share of each pixel that lies inside the path by the non-zero rule.
    /// - Parameter linesPerPixel: how finely edges are resolved vertically.
    public init(_ path: Path, width: Int, height: Int, linesPerPixel: Int = 32) {
        self.init(width: width, height: height)
        let edges = Self.edges(of: path)
        guard !edges.isEmpty, width > 0 else { return }
        let weight = Float(1) / Float(linesPerPixel)
        var crossings: [(x: Double, winding: Int)] = []
        for row in 0..<height {
            let active = edges.filter { $0.top < Double(row + 1) && $0.bottom > Double(row) }
            if active.isEmpty { continue }
            for line in 0..<linesPerPixel {
                let y = Double(row) + (Double(line) + 0.5) / Double(linesPerPixel)
                crossings.removeAll(keepingCapacity: true)
                for edge in active where edge.top <= y && y < edge.bottom {
                    crossings.append((edge.x + (y - edge.top) * edge.slope, edge.winding))
                }
                crossings.sort { $0.x < $1.x }
                var winding = 0
                for (i, crossing) in crossings.enumerated() {
                    if winding != 0 { add(crossings[i - 1].x, crossing.x, row: row, weight) }
                    winding += crossing.winding
                }
            }
        }
    }

    private struct Edge {
        var top: Double
        var bottom: Double
        /// At the top.
        var x: Double
        var slope: Double
        var winding: Int
    }

    private static func edges(of path: Path) -> [Edge] {
        path.flattened().flatMap { contour -> [Edge] in
            let points = contour.points
            return points.indices.compactMap { i in
                let a = points[i]
                let b = points[(i + 1) % points.count]
                if a.y == b.y { return nil }
                let slope = (b.x - a.x) / (b.y - a.y)
                return a.y < b.y
                    ? Edge(top: a.y, bottom: b.y, x: a.x, slope: slope, winding: 1)
                    : Edge(top: b.y, bottom: a.y, x: b.x, slope: slope, winding: -1)
            }
        }
    }

    private mutating func add(_ from: Double, _ to: Double, row: Int, _ weight: Float) {
        let left = max(0, from)
        let right = min(Double(width), to)
        guard right > left else { return }
        let first = Int(left)
        let last = min(width - 1, Int(right))
        let base = row * width
        if first == last {
            values[base + first] += Float(right - left) * weight
            return
        }
        values[base + first] += Float(Double(first + 1) - left) * weight
        for x in (first + 1)..<max(first + 1, last) { values[base + x] += weight }
        values[base + last] += Float(right - Double(last)) * weight
    }

    /// The coverage blurred by a symmetric kernel in both directions; outside counts as empty.
    /// - Parameter kernel: weights from the centre outward; those of both sides together sum to 1.
    public func convolved(kernel: [Float]) -> Coverage {
        guard kernel.count > 1 else { return self }
        var horizontal = Coverage(width: width, height: height)
        for y in 0..<height {
            for x in 0..<width {
                var sum = values[y * width + x] * kernel[0]
                for k in 1..<kernel.count {
                    if x >= k { sum += values[y * width + x - k] * kernel[k] }
                    if x + k < width { sum += values[y * width + x + k] * kernel[k] }
                }
                horizontal.values[y * width + x] = sum
            }
        }
        var result = Coverage(width: width, height: height)
        for y in 0..<height {
            for x in 0..<width {
                var sum = horizontal.values[y * width + x] * kernel[0]
                for k in 1..<kernel.count {
                    if y >= k { sum += horizontal.values[(y - k) * width + x] * kernel[k] }
                    if y + k < height { sum += horizontal.values[(y + k) * width + x] * kernel[k] }
                }
                result.values[y * width + x] = sum
            }
        }
        return result
    }

    /// The coverage moved by whole pixels.
    public func moved(x dx: Int, y dy: Int) -> Coverage {
        var result = Coverage(width: width, height: height)
        for y in 0..<height where y - dy >= 0 && y - dy < height {
            for x in 0..<width where x - dx >= 0 && x - dx < width {
                result.values[y * width + x] = values[(y - dy) * width + x - dx]
            }
        }
        return result
    }

    /// As bytes, 255 for full coverage.
    public var bytes: [UInt8] { values.map { UInt8(max(0, min(255, ($0 * 255).rounded()))) } }
}
