// Painting a wallpaper at a size, any part of it at any time: damage is repainted from the description, so no
// full-screen picture has to be kept.
//
// A row is painted in blocks of 32 pixels. Within a block a colour changes linearly, so a pixel costs one addition of
// the step, one of the dither and a few shifts, about ten instructions; ridge lines cross few blocks.

import Gfx

/// Paints one wallpaper at one size.
public struct WallpaperPainter: Sendable {
    public let size: Size
    private let wallpaper: Wallpaper
    private let blocks: Int
    /// For each layer, the height of its ridge at each pixel's left edge, in 1/256 pixels; `width + 1` values a layer.
    private let ridges: [Int32]
    /// For each layer and block: the first row that the layer touches, and the first that it covers wholly.
    private let firstRows: [Int32]
    private let fullRows: [Int32]
    /// The same for each layer over all its blocks.
    private let firstRow: [Int32]
    private let fullRow: [Int32]
    /// For each field, where the blocks' first pixels lie among its columns, in 1/65536; `blocks + 1` values a field,
    /// none of them quite at the last column, so that there is always a next one.
    private let positions: [Int32]

    static let blockWidth = 32

    /// Fails for an empty size and for one larger than 16384 pixels.
    public init?(_ wallpaper: Wallpaper, size: Size) {
        guard size.width > 0, size.height > 0, size.width <= 16384, size.height <= 16384 else { return nil }
        self.wallpaper = wallpaper
        self.size = size
        let width = Int(size.width)
        let blocks = (width + Self.blockWidth - 1) / Self.blockWidth
        self.blocks = blocks
        var ridges: [Int32] = []
        var firstRows: [Int32] = []
        var fullRows: [Int32] = []
        for layer in wallpaper.layers {
            let ridge = Self.ridge(layer, length: wallpaper.profileLength, size)
            for block in 0..<blocks {
                let start = block * Self.blockWidth
                var lowest = ridge[start]
                var highest = ridge[start]
                for x in start...min(start + Self.blockWidth, width) {
                    lowest = max(lowest, ridge[x])
                    highest = min(highest, ridge[x])
                }
                firstRows.append(highest >> 8)
                fullRows.append((lowest + 255) >> 8)
            }
            ridges += ridge
        }
        self.ridges = ridges
        self.firstRows = firstRows
        self.fullRows = fullRows
        firstRow = wallpaper.layers.indices.map { firstRows[($0 * blocks)..<(($0 + 1) * blocks)].min() ?? 0 }
        fullRow = wallpaper.layers.indices.map { fullRows[($0 * blocks)..<(($0 + 1) * blocks)].max() ?? 0 }
        let span = max(1, width - 1)
        positions = ([wallpaper.sky] + wallpaper.layers.map { $0.field }).flatMap { field in
            (0...blocks).map { block in
                let x = min(block * Self.blockWidth, span)
                let end = (field.columns - 1) << 16
                return Int32(truncatingIfNeeded: min(x * end / span, end - 1))
            }
        }
    }

    private static func ridge(_ layer: Wallpaper.Layer, length: Int, _ size: Size) -> [Int32] {
        let width = Int(size.width)
        return (0...width).map { x in
            // The position among the profile's samples, in 1/65536 of a step.
            let position = x * ((length - 1) << 16) / width
            let index = min(position >> 16, length - 2)
            let fraction = position - index << 16
            // SAFETY: index + 1 is less than the profile's length, which was checked.
            let a = Int(UInt16(littleEndian: layer.profile.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)))
            let b = Int(
                UInt16(littleEndian: layer.profile.loadUnaligned(fromByteOffset: index * 2 + 2, as: UInt16.self)))
            let share = (a << 16) + (b - a) * fraction
            return Int32(truncatingIfNeeded: (share >> 8) * Int(size.height) / 65535)
        }
    }

    /// Paints what the clip of `buffer` shows. The buffer's origin is the wallpaper's.
    public func paint(into buffer: PixelBuffer) {
        let area = buffer.clip.intersection(Rect(size: size))
        guard !area.isEmpty else { return }
        let fields = [wallpaper.sky] + wallpaper.layers.map { $0.field }
        let capacity = fields.reduce(0) { $0 + $1.columns * 3 }
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: capacity) { colors in
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: ditherPeriod) { dither in
                guard let colorBase = colors.baseAddress, let ditherBase = dither.baseAddress else { return }
                for y in area.top..<area.bottom {
                    fillDither(ditherBase, y)
                    paintRow(y, area, buffer.pixels(row: y, column: 0), fields, colorBase, ditherBase)
                }
            }
        }
        paintStars(into: buffer.clipped(to: area))
        paintBirds(into: buffer.clipped(to: area))
    }

    private func paintRow(
        _ y: Int32, _ area: Rect, _ to: UnsafeMutablePointer<UInt32>, _ fields: [ColorField],
        _ colors: UnsafeMutablePointer<Int32>, _ dither: UnsafePointer<UInt64>
    ) {
        // Layers from `nearest` on lie wholly below this row; those before `farthest` are wholly hidden by it.
        var nearest = fields.count - 1
        while nearest > 0, y < firstRow[nearest - 1] { nearest -= 1 }
        var farthest = nearest
        while farthest > 0, y < fullRow[farthest - 1] { farthest -= 1 }
        let width = Int(size.width)
        let blocks = blocks
        // The row's colours of every field, made when the first block needs them.
        var ready: UInt32 = 0
        func gradient(_ index: Int, _ block: Int, _ positions: UnsafePointer<Int32>) -> Gradient {
            var row = colors
            for field in 0..<index { row += fields[field].columns &* 3 }
            if ready & (1 << UInt32(index)) == 0 {
                ready |= 1 << UInt32(index)
                interpolate(fields[index], y, into: row)
            }
            let at = positions + (index &* (blocks &+ 1) &+ block)
            let start = block &* Self.blockWidth
            let next = min(start &+ Self.blockWidth, max(1, width &- 1))
            return Gradient(row, first: at[0], last: at[1], count: max(1, next &- start))
        }
        // SAFETY: blocks, layers and columns stay within what `init` made the arrays for.
        positions.withUnsafeBufferPointer { positions in
            guard let positions = positions.baseAddress else { return }
            fullRows.withUnsafeBufferPointer { full in
                for block in (Int(area.left) / Self.blockWidth)...(Int(area.right &- 1) / Self.blockWidth) {
                    let start = block &* Self.blockWidth
                    let from = max(start, Int(area.left))
                    let end = min(start &+ Self.blockWidth, Int(area.right))
                    var base = nearest
                    while base > farthest, y < full.baseAddress![(base &- 1) &* blocks &+ block] { base &-= 1 }
                    let thresholds = dither + start % ditherPeriod
                    gradient(base, block, positions).fill(to + from, count: end &- from, skipping: from &- start, thresholds)
                    for layer in base..<nearest where y >= firstRows[layer &* blocks &+ block] {
                        blendRidge(layer, y, to, from..<end, gradient(layer &+ 1, block, positions), start, thresholds)
                    }
                }
            }
        }
    }

    /// Draws a layer's part of a block that its ridge line crosses.
    private func blendRidge(
        _ layer: Int, _ y: Int32, _ to: UnsafeMutablePointer<UInt32>, _ range: Range<Int>, _ colors: Gradient,
        _ start: Int, _ thresholds: UnsafePointer<UInt64>
    ) {
        let offset = layer &* (Int(size.width) &+ 1)
        let row = y &* 256
        ridges.withUnsafeBufferPointer { ridges in
            guard let base = ridges.baseAddress else { return }
            // SAFETY: `range` is inside the width, and each layer has one value more than that.
            let ridge = base + offset
            for x in range {
                let a = ridge[x]
                let b = ridge[x &+ 1]
                if min(a, b) >= row &+ 256 { continue }
                let pixel = colors.pixel(at: x &- start, thresholds)
                to[x] = max(a, b) <= row ? pixel : Gfx.interpolate(to[x], pixel, ridgeCoverage(a, b, row))
            }
        }
    }

    /// The colours of a field's columns at row `y`, three channels each.
    private func interpolate(_ field: ColorField, _ y: Int32, into row: UnsafeMutablePointer<Int32>) {
        // The position among the field's rows, in 1/65536 of a step.
        let share = Int(y) * 65535 / max(1, Int(size.height) - 1)
        let inside = min(max(share - field.top, 0), field.bottom - field.top)
        let position = (inside * (field.rows - 1) << 16) / (field.bottom - field.top)
        let index = min(position >> 16, field.rows - 2)
        let fraction = position - index << 16
        for column in 0..<field.columns {
            for channel in 0..<3 {
                let a = field.channel(column, index, channel)
                let b = field.channel(column, index + 1, channel)
                row[column &* 3 &+ channel] = Int32(truncatingIfNeeded: a &+ ((b &- a) &* fraction) >> 16)
            }
        }
    }

    // MARK: Stars and birds

    private func paintStars(into buffer: PixelBuffer) {
        let unit = max(1, (size.height + 540) / 1080)
        for i in 0..<wallpaper.starCount {
            let at = wallpaper.stars + i * WallpaperLayout.starSize
            let x = Int32((wallpaper.reader.known(at) * Int(size.width)) >> 16)
            let y = Int32((wallpaper.reader.known(at + 2) * Int(size.height)) >> 16)
            let look = wallpaper.reader.known(at + 4)
            let side = unit * max(1, Int32(look >> 8))
            buffer.blend(
                Rect(x: x, y: y, width: side, height: side), Color(rgb: 0xFFF4E6, alpha: UInt8(look & 0xFF)))
        }
    }

    private func paintBirds(into buffer: PixelBuffer) {
        let scales = WallpaperLayout.birdScales
        var scale = 0
        while scale + 1 < scales.count, Int(size.height) * 2 > scales[scale] + scales[scale + 1] { scale += 1 }
        for i in 0..<wallpaper.birdCount {
            let at = wallpaper.birds + i * WallpaperLayout.birdSize
            let picture = at + 4 + scale * 8
            let width = Int32(wallpaper.reader.known(picture))
            let height = Int32(wallpaper.reader.known(picture + 2))
            let offset = wallpaper.reader.known(picture + 4) | wallpaper.reader.known(picture + 6) << 16
            guard let base = wallpaper.reader.memory.baseAddress else { return }
            // SAFETY: opening the description checked that the picture lies inside it.
            let mask = CoverageMask(unchecked: base + offset, width: width, height: height, strideBytes: Int(width))
            let x = Int32((wallpaper.reader.known(at) * Int(size.width)) >> 16)
            let y = Int32((wallpaper.reader.known(at + 2) * Int(size.height)) >> 16)
            buffer.blend(mask, to: Point(x: x - width / 2, y: y - height / 2), Color(rgb: 0x1A1530, alpha: 225))
        }
    }
}

/// The share of the pixel row that begins at height `top` below a ridge that goes from `a` to `b` across the pixel, all
/// in 1/256 pixels.
@inline(__always)
private func ridgeCoverage(_ a: Int32, _ b: Int32, _ top: Int32) -> UInt8 {
    let bottom = top &+ 256
    var sum: Int32 = 0
    // Four columns within the pixel: enough for the steep sides of trees.
    for k in Int32(0)..<4 {
        let height = a &+ ((b &- a) &* (2 &* k &+ 1)) / 8
        sum &+= min(max(bottom &- height, 0), 256)
    }
    return UInt8(truncatingIfNeeded: (sum &* 255 &+ 512) >> 10)
}
