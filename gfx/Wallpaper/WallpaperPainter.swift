// Painting a wallpaper at a size, any part of it at any time: damage is repainted from the description, so no
// full-screen picture has to be kept.
//
// A row is painted in blocks of 16 pixels. Within a block a colour changes linearly, so a pixel costs one addition of
// the step, one of the dither and a few shifts, about ten instructions; ridge lines cross few blocks.

import Gfx

/// Paints one wallpaper at one size.
public struct WallpaperPainter: Sendable {
    public let size: Size
    private let wallpaper: Wallpaper
    private let blocks: Int
    /// For each layer, the height of its ridge at each pixel's left edge, in 1/256 pixels; `width + 1` values.
    private let ridges: [[Int32]]
    /// For each layer and block: the first row that the layer touches, and the first that it covers wholly.
    private let firstRows: [[Int32]]
    private let fullRows: [[Int32]]

    /// For each field, where the blocks' first pixels lie among its columns, in 1/65536; `blocks + 1` values, none
    /// of them quite at the last column, so that there is always a next one.
    private let positions: [[Int32]]

    static let blockWidth = 16

    /// Fails for an empty size and for one larger than 16384 pixels.
    public init?(_ wallpaper: Wallpaper, size: Size) {
        guard size.width > 0, size.height > 0, size.width <= 16384, size.height <= 16384 else { return nil }
        self.wallpaper = wallpaper
        self.size = size
        let width = Int(size.width)
        let blocks = (width + Self.blockWidth - 1) / Self.blockWidth
        self.blocks = blocks
        var ridges: [[Int32]] = []
        var firstRows: [[Int32]] = []
        var fullRows: [[Int32]] = []
        for layer in wallpaper.layers {
            let ridge = Self.ridge(layer, length: wallpaper.profileLength, size)
            var first = [Int32](repeating: 0, count: blocks)
            var full = [Int32](repeating: 0, count: blocks)
            for block in 0..<blocks {
                let start = block * Self.blockWidth
                var lowest = ridge[start]
                var highest = ridge[start]
                for x in start...min(start + Self.blockWidth, width) {
                    lowest = max(lowest, ridge[x])
                    highest = min(highest, ridge[x])
                }
                first[block] = highest >> 8
                full[block] = (lowest + 255) >> 8
            }
            ridges.append(ridge)
            firstRows.append(first)
            fullRows.append(full)
        }
        let span = max(1, width - 1)
        positions = ([wallpaper.sky] + wallpaper.layers.map { $0.field }).map { field in
            (0...blocks).map { block in
                let x = min(block * Self.blockWidth, span)
                let position = (x * (field.columns - 1) << 16) / span
                return Int32(truncatingIfNeeded: min(position, (field.columns - 1) << 16 - 1))
            }
        }
        self.ridges = ridges
        self.firstRows = firstRows
        self.fullRows = fullRows
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
                    paintRow(y, area, buffer, fields, colorBase, ditherBase)
                }
            }
        }
        paintStars(into: buffer.clipped(to: area))
        paintBirds(into: buffer.clipped(to: area))
    }

    private func paintRow(
        _ y: Int32, _ area: Rect, _ buffer: PixelBuffer, _ fields: [ColorField],
        _ colors: UnsafeMutablePointer<Int32>, _ dither: UnsafePointer<UInt64>
    ) {
        // The row's colours of every field, made when the first block needs them.
        var ready: UInt32 = 0
        func gradient(_ index: Int, _ block: Int) -> Gradient {
            var row = colors
            for field in fields[..<index] { row += field.columns * 3 }
            if ready & (1 << UInt32(index)) == 0 {
                ready |= 1 << UInt32(index)
                interpolate(fields[index], y, into: row)
            }
            let start = block &* Self.blockWidth
            let span = max(1, Int(size.width) &- 1)
            return positions[index].withUnsafeBufferPointer {
                Gradient(
                    row, first: $0[block], last: $0[block &+ 1],
                    count: max(1, min(start &+ Self.blockWidth, span) &- start))
            }
        }
        let layers = ridges.count
        let to = buffer.pixels(row: y, column: 0)
        for block in (Int(area.left) / Self.blockWidth)...(Int(area.right - 1) / Self.blockWidth) {
            let start = block * Self.blockWidth
            let range = max(start, Int(area.left))..<min(start + Self.blockWidth, Int(area.right))
            var base = layers
            while base > 0, y < fullRows[base - 1][block] { base -= 1 }
            let thresholds = dither + start % ditherPeriod
            gradient(base, block).fill(to, range, from: start, thresholds)
            for layer in base..<layers where y >= firstRows[layer][block] {
                let colors = gradient(layer + 1, block)
                ridges[layer].withUnsafeBufferPointer { ridge in
                    for x in range {
                        let coverage = ridgeCoverage(ridge[x], ridge[x + 1], y)
                        if coverage == 0 { continue }
                        let pixel = colors.pixel(at: x - start, thresholds)
                        to[x] = coverage == 255 ? pixel : Gfx.interpolate(to[x], pixel, coverage)
                    }
                }
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

/// The share of pixel row `y` below a ridge that goes from height `a` to `b` (1/256 pixels) across the pixel.
@inline(__always)
private func ridgeCoverage(_ a: Int32, _ b: Int32, _ y: Int32) -> UInt8 {
    let bottom = (y &+ 1) &* 256
    var sum: Int32 = 0
    // Four columns within the pixel: enough for the steep sides of trees.
    for k in Int32(0)..<4 {
        let height = a &+ ((b &- a) &* (2 &* k &+ 1)) / 8
        sum &+= min(max(bottom &- height, 0), 256)
    }
    return UInt8(truncatingIfNeeded: (sum &* 255 &+ 512) >> 10)
}
