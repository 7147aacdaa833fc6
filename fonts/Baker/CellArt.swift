// Box drawing, block elements, braille and powerline separators, drawn for one cell size. A font's own outlines do not
// meet exactly at the edges of whole-pixel cells; these do.

import AtlasWriter

/// Draws the characters that have to tile.
struct CellArt {
    let width: Int
    let height: Int
    /// The thickness of a light line; a heavy one has twice as much.
    let light: Int

    init(width: Int, height: Int, light: Int) {
        self.width = width
        self.height = height
        self.light = light
    }

    /// The cell's picture, `width` · `height` bytes, or nil for other characters.
    func draw(_ code: UInt32) -> [UInt8]? {
        switch code {
        case 0x2504...0x250B, 0x254C...0x254F: return dashes(code)
        case 0x256D...0x2570: return arc(code)
        case 0x2571...0x2573: return diagonals(code)
        case 0x2500...0x257F: return arms(Self.armTable[Int(code) - 0x2500])
        case 0x2580...0x259F: return block(code)
        case 0x23BA...0x23BD: return scanLine(Int(code) - 0x23BA)
        case 0x2800...0x28FF: return braille(code - 0x2800)
        case 0xE0B0...0xE0B3: return separator(code)
        default: return nil
        }
    }

    // MARK: Canvas

    private struct Canvas {
        let width: Int
        let height: Int
        var pixels: [UInt8]

        init(_ width: Int, _ height: Int) {
            self.width = width
            self.height = height
            pixels = [UInt8](repeating: 0, count: width * height)
        }

        mutating func fill(_ xs: Range<Int>, _ ys: Range<Int>, _ value: UInt8 = 255) {
            for y in ys.clamped(to: 0..<height) { for x in xs.clamped(to: 0..<width) { pixels[y * width + x] = value } }
        }

        /// Adds the share of each pixel for which `inside` holds.
        mutating func sample(_ inside: (Double, Double) -> Bool) {
            let steps = 16
            for y in 0..<height {
                for x in 0..<width {
                    var hits = 0
                    for i in 0..<steps {
                        for j in 0..<steps {
                            let px = Double(x) + (Double(i) + 0.5) / Double(steps)
                            let py = Double(y) + (Double(j) + 0.5) / Double(steps)
                            if inside(px, py) { hits += 1 }
                        }
                    }
                    let value = UInt8((hits * 255 + steps * steps / 2) / (steps * steps))
                    pixels[y * width + x] = max(pixels[y * width + x], value)
                }
            }
        }
    }

    /// Where a stroke of a thickness lies across the cell's middle. All thicknesses share the light line's place.
    private func strip(_ thickness: Int, _ extent: Int) -> Range<Int> {
        let middle = (extent - light) / 2
        let start = middle - (thickness - light) / 2
        return start..<(start + thickness)
    }

    // MARK: Lines

    /// Weights of the arms up, right, down and left: 0 none, 1 light, 2 heavy, 3 double.
    private static let armTable: [[Int]] = """
        0101 0202 1010 2020 0000 0000 0000 0000 0000 0000 0000 0000 0110 0210 0120 0220
        0011 0012 0021 0022 1100 1200 2100 2200 1001 1002 2001 2002 1110 1210 2110 1120
        2120 2210 1220 2220 1011 1012 2011 1021 2021 2012 1022 2022 0111 0112 0211 0212
        0121 0122 0221 0222 1101 1102 1201 1202 2101 2102 2201 2202 1111 1112 1211 1212
        2111 1121 2121 2112 2211 1122 1221 2212 1222 2122 2221 2222 0000 0000 0000 0000
        0303 3030 0310 0130 0330 0013 0031 0033 1300 3100 3300 1003 3001 3003 1310 3130
        3330 1013 3031 3033 0313 0131 0333 1303 3101 3303 1313 3131 3333 0000 0000 0000
        0000 0000 0000 0000 0001 1000 0100 0010 0002 2000 0200 0020 0201 1020 0102 2010
        """.split(whereSeparator: { $0 == " " || $0 == "\n" }).map { $0.map { $0.wholeNumberValue! } }

    private func thickness(_ weight: Int) -> Int { weight == 3 ? light * 3 : weight * light }

    private func arms(_ weights: [Int]) -> [UInt8] {
        var canvas = Canvas(width, height)
        let (up, right, down, left) = (weights[0], weights[1], weights[2], weights[3])
        // An arm reaches over the crossing strokes, so that corners are filled; without any it ends in the middle.
        let across = thickness(max(up, down))
        let along = thickness(max(left, right))
        let crossX = across > 0 ? strip(across, width) : (width / 2)..<(width / 2)
        let crossY = along > 0 ? strip(along, height) : (height / 2)..<(height / 2)
        func horizontal(_ weight: Int, _ xs: Range<Int>) { canvas.fill(xs, strip(thickness(weight), height)) }
        func vertical(_ weight: Int, _ ys: Range<Int>) { canvas.fill(strip(thickness(weight), width), ys) }
        func draw(double: Bool) {
            if right > 0, double == (right == 3) { horizontal(right, crossX.lowerBound..<width) }
            if left > 0, double == (left == 3) { horizontal(left, 0..<crossX.upperBound) }
            if up > 0, double == (up == 3) { vertical(up, 0..<crossY.upperBound) }
            if down > 0, double == (down == 3) { vertical(down, crossY.lowerBound..<height) }
        }
        draw(double: false)
        draw(double: true)
        guard weights.contains(3) else { return canvas.pixels }

        // A double line is a broad one with its middle taken out again, up to where the crossing strokes end it.
        let middleX = strip(light, width)
        let middleY = strip(light, height)
        let doubleAcross = up == 3 || down == 3
        let doubleAlong = left == 3 || right == 3
        if right == 3 {
            let start = left == 3 || doubleAcross ? middleX.lowerBound : crossX.upperBound
            canvas.fill(start..<width, middleY, 0)
        }
        if left == 3 {
            let end = right == 3 || doubleAcross ? middleX.upperBound : crossX.lowerBound
            canvas.fill(0..<end, middleY, 0)
        }
        if down == 3 {
            let start = up == 3 || doubleAlong ? middleY.lowerBound : crossY.upperBound
            canvas.fill(middleX, start..<height, 0)
        }
        if up == 3 {
            let end = down == 3 || doubleAlong ? middleY.upperBound : crossY.lowerBound
            canvas.fill(middleX, 0..<end, 0)
        }
        // A single line that goes all the way is not interrupted by the middle of a double one.
        if left == 1, right == 1, up == 3 && down == 3 { horizontal(1, 0..<width) }
        if up == 1, down == 1, left == 3 && right == 3 { vertical(1, 0..<height) }
        return canvas.pixels
    }

    private func dashes(_ code: UInt32) -> [UInt8] {
        let count = code >= 0x254C ? 2 : code >= 0x2508 ? 4 : 3
        let isHeavy = code & 1 != 0
        let isVertical = code & 2 != 0
        var canvas = Canvas(width, height)
        let extent = isVertical ? height : width
        let gap = max(1, extent / (count * (count == 2 ? 4 : 3)))
        let line = strip(isHeavy ? light * 2 : light, isVertical ? width : height)
        for i in 0..<count {
            let start = i * extent / count
            let run = start..<max(start + 1, (i + 1) * extent / count - gap)
            if isVertical { canvas.fill(line, run) } else { canvas.fill(run, line) }
        }
        return canvas.pixels
    }

    /// ╭ ╮ ╯ ╰
    private func arc(_ code: UInt32) -> [UInt8] {
        var canvas = Canvas(width, height)
        let toRight = code == 0x256D || code == 0x2570
        let toBottom = code == 0x256D || code == 0x256E
        let half = Double(light) / 2
        let lineX = Double(strip(light, width).lowerBound) + half
        let lineY = Double(strip(light, height).lowerBound) + half
        // One pixel less than there is room for, so that the line leaves the cell straight.
        let radius = min(toRight ? Double(width) - lineX : lineX, toBottom ? Double(height) - lineY : lineY) - 1
        let centerX = toRight ? lineX + radius : lineX - radius
        let centerY = toBottom ? lineY + radius : lineY - radius
        canvas.sample { x, y in
            let dx = toRight ? centerX - x : x - centerX
            let dy = toBottom ? centerY - y : y - centerY
            if dy <= 0 { return abs(x - lineX) <= half && dx > 0 }
            if dx <= 0 { return abs(y - lineY) <= half && dy > 0 }
            let distance = (dx * dx + dy * dy).squareRoot()
            return abs(distance - radius) <= half
        }
        return canvas.pixels
    }

    /// ╱ ╲ ╳
    private func diagonals(_ code: UInt32) -> [UInt8] {
        var canvas = Canvas(width, height)
        let w = Double(width)
        let h = Double(height)
        let length = (w * w + h * h).squareRoot()
        let half = Double(light) * 0.55
        canvas.sample { x, y in
            let rising = abs(x * h + y * w - w * h) / length <= half
            let falling = abs(x * h - y * w) / length <= half
            return code == 0x2571 ? rising : code == 0x2572 ? falling : rising || falling
        }
        return canvas.pixels
    }

    /// ⎺ ⎻ ⎼ ⎽, as the DEC special graphics set uses them: lines 1, 3, 7 and 9 of nine.
    private func scanLine(_ index: Int) -> [UInt8] {
        var canvas = Canvas(width, height)
        let position = [0, 2, 6, 8][index]
        let y = (height - light) * position / 8
        canvas.fill(0..<width, y..<(y + light))
        return canvas.pixels
    }

    // MARK: Blocks

    private func eighths(_ n: Int, of extent: Int) -> Int { (extent * n + 4) / 8 }

    private func block(_ code: UInt32) -> [UInt8] {
        var canvas = Canvas(width, height)
        let halfX = eighths(4, of: width)
        let halfY = eighths(4, of: height)
        switch code {
        case 0x2580: canvas.fill(0..<width, 0..<halfY)
        case 0x2581...0x2588: canvas.fill(0..<width, (height - eighths(Int(code) - 0x2580, of: height))..<height)
        case 0x2589...0x258F: canvas.fill(0..<eighths(0x2590 - Int(code), of: width), 0..<height)
        case 0x2590: canvas.fill(halfX..<width, 0..<height)
        case 0x2591...0x2593: canvas.fill(0..<width, 0..<height, [64, 128, 191][Int(code) - 0x2591])
        case 0x2594: canvas.fill(0..<width, 0..<eighths(1, of: height))
        case 0x2595: canvas.fill((width - eighths(1, of: width))..<width, 0..<height)
        default:
            // Quadrants: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
            let quadrants = [4, 8, 1, 13, 9, 7, 11, 2, 6, 14][Int(code) - 0x2596]
            if quadrants & 1 != 0 { canvas.fill(0..<halfX, 0..<halfY) }
            if quadrants & 2 != 0 { canvas.fill(halfX..<width, 0..<halfY) }
            if quadrants & 4 != 0 { canvas.fill(0..<halfX, halfY..<height) }
            if quadrants & 8 != 0 { canvas.fill(halfX..<width, halfY..<height) }
        }
        return canvas.pixels
    }

    private func braille(_ dots: UInt32) -> [UInt8] {
        var canvas = Canvas(width, height)
        let size = max(1, min(width / 4, height / 8))
        // Bits 0...2 and 6 are the left column from the top, 3...5 and 7 the right one.
        for (bit, column, row) in [
            (0, 0, 0), (1, 0, 1), (2, 0, 2), (3, 1, 0), (4, 1, 1), (5, 1, 2), (6, 0, 3), (7, 1, 3),
        ] where dots & (1 << UInt32(bit)) != 0 {
            let x = (width * (2 * column + 1) - 2 * size + 2) / 4
            let y = (height * (2 * row + 1) - 4 * size + 4) / 8
            canvas.fill(x..<(x + size), y..<(y + size))
        }
        return canvas.pixels
    }

    /// The triangles and angles between segments of a prompt.
    private func separator(_ code: UInt32) -> [UInt8] {
        var canvas = Canvas(width, height)
        let w = Double(width)
        let h = Double(height)
        let pointsLeft = code >= 0xE0B2
        let isOutline = code & 1 != 0
        let slant = (w * w + h * h / 4).squareRoot() / (h / 2)
        canvas.sample { x, y in
            let from = pointsLeft ? w - x : x
            let edge = w * (1 - abs(2 * y - h) / h)
            return isOutline ? from <= edge && from >= edge - Double(light) * slant : from <= edge
        }
        return canvas.pixels
    }
}
