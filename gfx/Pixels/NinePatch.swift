// Nine patches: corners keep their size, edges and middle stretch. Shadows are drawn from them.

/// A picture whose row below `insets.top` and column right of `insets.left` repeat as often as needed.
public struct NinePatch: Sendable {
    /// How many pixels along each edge do not stretch.
    public struct Insets: Equatable, Sendable {
        public let left: Int32
        public let top: Int32
        public let right: Int32
        public let bottom: Int32

        public init(left: Int32, top: Int32, right: Int32, bottom: Int32) {
            self.left = left
            self.top = top
            self.right = right
            self.bottom = bottom
        }
    }

    public let mask: CoverageMask
    public let insets: Insets

    /// Fails unless at least one pixel remains between the insets.
    public init?(_ mask: CoverageMask, insets: Insets) {
        guard insets.left >= 0, insets.top >= 0, insets.right >= 0, insets.bottom >= 0,
            Int64(insets.left) + Int64(insets.right) < Int64(mask.width),
            Int64(insets.top) + Int64(insets.bottom) < Int64(mask.height)
        else { return nil }
        self.mask = mask
        self.insets = insets
    }
}

/// One direction of a nine patch: which source position a target position shows.
private struct Stretch {
    let near: Int32
    let far: Int32
    /// The source position that repeats.
    let middle: Int32
    /// The target's length.
    let extent: Int32
    /// The source's length.
    let source: Int32

    init(near: Int32, far: Int32, extent: Int32, source: Int32) {
        self.extent = extent
        self.source = source
        middle = near
        if Int64(near) + Int64(far) > Int64(extent) {
            // Too small for both ends: they share what there is in proportion.
            self.near = Int32(Int64(extent) * Int64(near) / (Int64(near) + Int64(far)))
            self.far = extent &- self.near
        } else {
            self.near = near
            self.far = far
        }
    }

    @inline(__always)
    func sourcePosition(_ position: Int32) -> Int32 {
        if position < near { return position }
        if position >= extent &- far { return source &- (extent &- position) }
        return middle
    }
}

extension PixelBuffer {
    /// Draws the colour through a nine patch that is stretched to `rect`.
    public func blend(_ patch: NinePatch, in rect: Rect, _ color: Color) {
        let area = rect.intersection(clip)
        let pixel = color.premultiplied
        guard !area.isEmpty, color.alpha != 0 else { return }
        let columns = Stretch(
            near: patch.insets.left, far: patch.insets.right, extent: rect.width, source: patch.mask.width)
        let rows = Stretch(
            near: patch.insets.top, far: patch.insets.bottom, extent: rect.height, source: patch.mask.height)
        let leftEnd = rect.left &+ columns.near
        let rightStart = rect.right &- columns.far
        let left = Rect(left: rect.left, top: area.top, right: leftEnd, bottom: area.bottom).intersection(area)
        let middle = Rect(left: leftEnd, top: area.top, right: rightStart, bottom: area.bottom).intersection(area)
        let right = Rect(left: rightStart, top: area.top, right: rect.right, bottom: area.bottom).intersection(area)
        for y in area.top..<area.bottom {
            // SAFETY: `Stretch` maps positions of the target into the source, and each part is inside the clip.
            let from = patch.mask.row(rows.sourcePosition(y &- rect.top))
            let to = row(y)
            if !left.isEmpty {
                kernel.over(
                    to + Int(left.left), color: pixel, through: from + Int(left.left &- rect.left), Int(left.width))
            }
            if !middle.isEmpty {
                let scaled = scalePixel(pixel, UInt32(from[Int(columns.middle)]))
                if scaled >= 0xFF00_0000 {
                    fillRow(to + Int(middle.left), scaled, Int(middle.width))
                } else if scaled != 0 {
                    kernel.over(to + Int(middle.left), color: scaled, Int(middle.width))
                }
            }
            if !right.isEmpty {
                let start = columns.sourcePosition(right.left &- rect.left)
                kernel.over(to + Int(right.left), color: pixel, through: from + Int(start), Int(right.width))
            }
        }
    }
}
