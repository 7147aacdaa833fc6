// A set of pixels as rectangles in bands, the representation of X11's and pixman's regions.
//
// Canonical form: rectangles are sorted by top, then left. Those of one band share top and bottom and do not touch
// each other; two bands that touch never have the same columns. So equal sets have equal arrays.

/// A set of pixels: damage, opaque parts, what remains visible.
public struct Region: Equatable, Sendable {
    /// The disjoint rectangles of the set in canonical order.
    public private(set) var rects: [Rect]
    /// The smallest rectangle around the set.
    public private(set) var bounds: Rect

    /// The empty set.
    public init() {
        rects = []
        bounds = .zero
    }

    public init(_ rect: Rect) {
        rects = rect.isEmpty ? [] : [rect]
        bounds = rect.isEmpty ? .zero : rect
    }

    /// The union of any rectangles.
    public init(_ list: [Rect]) {
        self.init()
        for rect in list { formUnion(rect) }
    }

    /// `canonical` must be in canonical form.
    init(canonical: [Rect]) {
        rects = canonical
        guard let first = canonical.first, let last = canonical.last else {
            bounds = .zero
            return
        }
        var left = first.left
        var right = first.right
        for rect in canonical {
            left = min(left, rect.left)
            right = max(right, rect.right)
        }
        bounds = Rect(left: left, top: first.top, right: right, bottom: last.bottom)
    }

    public var isEmpty: Bool { rects.isEmpty }

    /// The number of pixels.
    public var area: Int64 { rects.reduce(0) { $0 + $1.area } }

    // MARK: Questions

    /// - Complexity: O(log n + rectangles in the band).
    public func contains(_ p: Point) -> Bool {
        guard bounds.contains(p) else { return false }
        var i = firstRect(below: p.y)
        while i < rects.count, rects[i].top <= p.y {
            if rects[i].contains(p) { return true }
            i += 1
        }
        return false
    }

    /// Whether every pixel of `rect` is in the set.
    public func contains(_ rect: Rect) -> Bool {
        if rect.isEmpty { return true }
        guard bounds.contains(rect) else { return false }
        var y = rect.top
        var i = firstRect(below: y)
        while i < rects.count, rects[i].top <= y {
            // Within a band no two rectangles touch, so one of them has to span all the columns.
            if rects[i].left <= rect.left, rects[i].right >= rect.right, rects[i].bottom > y {
                y = rects[i].bottom
                if y >= rect.bottom { return true }
            }
            i += 1
        }
        return false
    }

    /// Whether any pixel of `rect` is in the set.
    public func intersects(_ rect: Rect) -> Bool {
        guard bounds.intersects(rect) else { return false }
        var i = firstRect(below: rect.top)
        while i < rects.count, rects[i].top < rect.bottom {
            if rects[i].intersects(rect) { return true }
            i += 1
        }
        return false
    }

    /// The index of the first rectangle whose bottom lies below row `y`.
    private func firstRect(below y: Int32) -> Int {
        var low = 0
        var high = rects.count
        while low < high {
            let middle = (low + high) / 2
            if rects[middle].bottom > y { high = middle } else { low = middle + 1 }
        }
        return low
    }

    // MARK: Operations

    public mutating func formUnion(_ rect: Rect) {
        if rect.isEmpty { return }
        if rects.isEmpty || rect.contains(bounds) {
            self = Region(rect)
        } else if !contains(rect) {
            self = Region(canonical: combine(rects, [rect], .union))
        }
    }

    public mutating func formUnion(_ other: Region) {
        if other.rects.count == 1 {
            formUnion(other.bounds)
        } else if rects.isEmpty {
            self = other
        } else if !other.rects.isEmpty {
            self = Region(canonical: combine(rects, other.rects, .union))
        }
    }

    public mutating func subtract(_ rect: Rect) {
        guard bounds.intersects(rect) else { return }
        if rect.contains(bounds) {
            self = Region()
        } else {
            self = Region(canonical: combine(rects, [rect], .subtraction))
        }
    }

    public mutating func subtract(_ other: Region) {
        guard bounds.intersects(other.bounds) else { return }
        self = Region(canonical: combine(rects, other.rects, .subtraction))
    }

    public mutating func formIntersection(_ rect: Rect) {
        if rect.contains(bounds) { return }
        if !bounds.intersects(rect) {
            self = Region()
        } else if rects.count == 1 {
            self = Region(bounds.intersection(rect))
        } else {
            self = Region(canonical: combine(rects, [rect], .intersection))
        }
    }

    public mutating func formIntersection(_ other: Region) {
        if other.rects.count <= 1 { return formIntersection(other.bounds) }
        if !bounds.intersects(other.bounds) {
            self = Region()
        } else {
            self = Region(canonical: combine(rects, other.rects, .intersection))
        }
    }

    public mutating func translate(by offset: Point) {
        if offset == .zero || isEmpty { return }
        let moved = bounds.translated(by: offset)
        if moved.size == bounds.size {
            for i in rects.indices { rects[i] = rects[i].translated(by: offset) }
            bounds = moved
        } else {
            // Some of it was cut off at the end of the coordinate range, which may break the canonical form.
            self = Region(rects.map { $0.translated(by: offset) })
        }
    }

    public func union(_ other: Region) -> Region { with { $0.formUnion(other) } }
    public func union(_ rect: Rect) -> Region { with { $0.formUnion(rect) } }
    public func subtracting(_ other: Region) -> Region { with { $0.subtract(other) } }
    public func subtracting(_ rect: Rect) -> Region { with { $0.subtract(rect) } }
    public func intersection(_ other: Region) -> Region { with { $0.formIntersection(other) } }
    public func intersection(_ rect: Rect) -> Region { with { $0.formIntersection(rect) } }
    public func translated(by offset: Point) -> Region { with { $0.translate(by: offset) } }

    private func with(_ change: (inout Region) -> Void) -> Region {
        var copy = self
        change(&copy)
        return copy
    }

    /// Replaces the set by a superset of at most `limit` rectangles, so that a client that sends thousands of tiny
    /// damages costs a few larger repaints instead. Touching bands are merged first; `bounds` is the last resort.
    public mutating func simplify(limit: Int) {
        guard rects.count > max(limit, 1) else { return }
        var bands: [Rect] = []
        for rect in rects {
            if let last = bands.last, last.top == rect.top {
                bands[bands.count - 1] = last.union(rect)
            } else {
                bands.append(rect)
            }
        }
        self = bands.count <= limit ? Region(bands) : Region(bounds)
    }
}
