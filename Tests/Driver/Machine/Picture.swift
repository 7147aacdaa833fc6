// A picture of the screen, and how two are compared.

/// A rectangle of a picture, in pixels.
public struct PictureRegion: Sendable, Equatable {
    public var x, y, width, height: Int
    public init(x: Int, y: Int, width: Int, height: Int) { (self.x, self.y, self.width, self.height) = (x, y, width, height) }

    /// Whether the pixel lies inside.
    public func contains(x px: Int, y py: Int) -> Bool { px >= x && px < x + width && py >= y && py < y + height }
}

/// Pixels in rows from the top, each 0x00RRGGBB.
public struct Picture: Sendable, Equatable {
    public let width: Int
    public let height: Int
    public var pixels: [UInt32]

    public init(width: Int, height: Int, pixels: [UInt32]) {
        precondition(pixels.count == width * height)
        (self.width, self.height, self.pixels) = (width, height, pixels)
    }

    public init(width: Int, height: Int, filledWith pixel: UInt32 = 0) {
        self.init(width: width, height: height, pixels: [UInt32](repeating: pixel, count: width * height))
    }

    public subscript(x: Int, y: Int) -> UInt32 {
        get { pixels[y * width + x] }
        set { pixels[y * width + x] = newValue }
    }

    /// How many different colours there are, counting no further than `limit`. A blank screen has one.
    public func colorCount(limit: Int = 64) -> Int {
        var seen: Set<UInt32> = []
        for pixel in pixels where seen.insert(pixel).inserted && seen.count >= limit { break }
        return seen.count
    }

    /// A copy in which the regions are black.
    public func masking(_ regions: [PictureRegion]) -> Picture {
        var copy = self
        for region in regions {
            for y in max(0, region.y)..<max(0, min(height, region.y + region.height)) {
                for x in max(0, region.x)..<max(0, min(width, region.x + region.width)) { copy[x, y] = 0 }
            }
        }
        return copy
    }

    /// The part inside a region, which must lie in the picture.
    public func cropped(to region: PictureRegion) -> Picture {
        var copy = Picture(width: region.width, height: region.height)
        for y in 0..<region.height { for x in 0..<region.width { copy[x, y] = self[region.x + x, region.y + y] } }
        return copy
    }

    /// Whether every channel of both pixels is within `tolerance`.
    static func isClose(_ a: UInt32, _ b: UInt32, tolerance: Int) -> Bool {
        if a == b { return true }
        for shift in [UInt32(0), 8, 16] {
            let (x, y) = (Int((a >> shift) & 0xff), Int((b >> shift) & 0xff))
            if abs(x - y) > tolerance { return false }
        }
        return true
    }

    /// How many pixels differ by more than the tolerance in a channel, and the smallest region that holds them.
    /// Pictures of different sizes differ everywhere.
    public func difference(from other: Picture, tolerance: Int) -> (count: Int, region: PictureRegion?) {
        guard width == other.width, height == other.height else {
            return (max(pixels.count, other.pixels.count), PictureRegion(x: 0, y: 0, width: width, height: height))
        }
        var (count, left, top, right, bottom) = (0, Int.max, Int.max, -1, -1)
        for index in pixels.indices where pixels[index] != other.pixels[index] {
            guard !Picture.isClose(pixels[index], other.pixels[index], tolerance: tolerance) else { continue }
            let (x, y) = (index % width, index / width)
            count += 1
            (left, right, top, bottom) = (min(left, x), max(right, x), min(top, y), max(bottom, y))
        }
        guard count > 0 else { return (0, nil) }
        return (count, PictureRegion(x: left, y: top, width: right - left + 1, height: bottom - top + 1))
    }

    /// Approved, actual, and the difference (red on a dimmed copy), side by side.
    public static func comparison(approved: Picture, actual: Picture, tolerance: Int) -> Picture {
        let (width, height) = (max(approved.width, actual.width), max(approved.height, actual.height))
        let gap = 8
        var sheet = Picture(width: 3 * width + 2 * gap, height: height, filledWith: 0x404040)
        for y in 0..<height {
            for x in 0..<width {
                let old = x < approved.width && y < approved.height ? approved[x, y] : nil
                let new = x < actual.width && y < actual.height ? actual[x, y] : nil
                if let old { sheet[x, y] = old }
                if let new { sheet[width + gap + x, y] = new }
                let same = if let old, let new { isClose(old, new, tolerance: tolerance) } else { false }
                sheet[2 * (width + gap) + x, y] = same ? ((new ?? 0) >> 2) & 0x3f3f3f : 0xff2020
            }
        }
        return sheet
    }
}
