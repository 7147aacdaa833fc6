// Writing an atlas: used by the baker and by tests. The layout is described in fonts/Format/AtlasLayout.swift.

import FontAtlas

/// One rendered bitmap.
public struct BakedBitmap: Equatable, Sendable {
    public var width: Int
    public var height: Int
    /// From the pen to the first column.
    public var left: Int
    /// From the baseline up to the first row.
    public var top: Int
    /// `width` · `height` bytes.
    public var coverage: [UInt8]

    public init(width: Int, height: Int, left: Int, top: Int, coverage: [UInt8]) {
        precondition(coverage.count == width * height, "coverage must fill the bitmap")
        self.width = width
        self.height = height
        self.left = left
        self.top = top
        self.coverage = coverage
    }

    public static let empty = BakedBitmap(width: 0, height: 0, left: 0, top: 0, coverage: [])

    /// The same picture without empty rows and columns at its edges.
    public var trimmed: BakedBitmap {
        var firstRow = height, lastRow = -1, firstColumn = width, lastColumn = -1
        for (i, value) in coverage.enumerated() where value != 0 {
            firstRow = min(firstRow, i / width)
            lastRow = i / width
            firstColumn = min(firstColumn, i % width)
            lastColumn = max(lastColumn, i % width)
        }
        guard lastRow >= 0 else { return .empty }
        let rows = (firstRow...lastRow).flatMap { coverage[($0 * width + firstColumn)...($0 * width + lastColumn)] }
        return BakedBitmap(
            width: lastColumn - firstColumn + 1, height: lastRow - firstRow + 1, left: left + firstColumn,
            top: top - firstRow, coverage: rows)
    }
}

/// One glyph: its bitmaps (one, or one for each half or quarter of a pixel) and how far it moves the pen.
public struct BakedGlyph: Sendable {
    public var codePoint: UInt32
    /// In 1/64 pixels.
    public var advance: Int
    public var bitmaps: [BakedBitmap]

    public init(codePoint: UInt32, advance: Int, bitmaps: [BakedBitmap]) {
        self.codePoint = codePoint
        self.advance = advance
        self.bitmaps = bitmaps
    }
}

/// Everything that an atlas file says.
public struct BakedFace: Sendable {
    public var pixelSize = 0
    public var isMonospaced = false
    public var ascent = 0
    public var descent = 0
    public var lineHeight = 0
    public var cellWidth = 0
    public var xHeight = 0
    public var capHeight = 0
    public var underlinePosition = 0
    public var underlineThickness = 1
    /// Drawn for characters that the face lacks; its code point is not looked up.
    public var replacement = BakedGlyph(codePoint: 0, advance: 0, bitmaps: [.empty])
    public var glyphs: [BakedGlyph] = []
    /// Adjustments in 1/64 pixels by left and right code point.
    public var kerning: [UInt32: [UInt32: Int]] = [:]

    public init() {}

    /// The atlas file.
    public func encoded() -> [UInt8] {
        let sorted = [replacement] + glyphs.sorted { $0.codePoint < $1.codePoint }
        precondition(sorted.count <= 0xFFFF, "too many glyphs for 16-bit numbers")
        let index = Dictionary(uniqueKeysWithValues: sorted.dropFirst().enumerated().map { ($1.codePoint, $0 + 1) })

        var ranges: [(first: UInt32, count: Int, glyph: Int)] = []
        for (i, glyph) in sorted.enumerated().dropFirst() {
            if let last = ranges.last, last.first + UInt32(last.count) == glyph.codePoint {
                ranges[ranges.count - 1].count += 1
            } else {
                ranges.append((glyph.codePoint, 1, i))
            }
        }

        var coverage = Bytes()
        var bitmapTable = Bytes()
        var glyphTable = Bytes()
        var kerningTable = Bytes()
        var bitmapCount = 0
        var kerningCount = 0
        // Equal pictures (dashes, digits' phases, letters shared by scripts) are stored once.
        var known: [[UInt8]: Int] = [:]
        for (i, glyph) in sorted.enumerated() {
            let pairs = (i == 0 ? [:] : kerning[glyph.codePoint] ?? [:])
                .compactMap { right, value in index[right].map { (right: $0, value: value) } }
                .filter { $0.value != 0 }
                .sorted { $0.right < $1.right }
            glyphTable.u32(bitmapCount)
            glyphTable.u32(kerningCount)
            glyphTable.u16(pairs.count)
            glyphTable.i16(glyph.advance)
            glyphTable.u32(glyph.bitmaps.count)
            for pair in pairs {
                kerningTable.u16(pair.right)
                kerningTable.i16(pair.value)
            }
            kerningCount += pairs.count
            for bitmap in glyph.bitmaps.map(\.trimmed) {
                let offset = known[bitmap.coverage] ?? coverage.count
                if offset == coverage.count { coverage.append(bitmap.coverage) }
                known[bitmap.coverage] = offset
                bitmapTable.u32(offset)
                bitmapTable.u16(bitmap.width)
                bitmapTable.u16(bitmap.height)
                bitmapTable.i16(bitmap.left)
                bitmapTable.i16(bitmap.top)
                bitmapCount += 1
            }
        }

        var body = Bytes()
        for code in 0..<AtlasLayout.directCount { body.u16(index[UInt32(code)] ?? 0) }
        func place(_ table: Bytes) -> Int {
            body.align()
            let offset = AtlasLayout.headerSize + body.count
            body.append(table.bytes)
            return offset
        }
        var rangeTable = Bytes()
        for range in ranges {
            rangeTable.u32(Int(range.first))
            rangeTable.u16(range.count)
            rangeTable.u16(range.glyph)
        }
        let rangeOffset = place(rangeTable)
        let glyphOffset = place(glyphTable)
        let bitmapOffset = place(bitmapTable)
        let kerningOffset = place(kerningTable)
        let coverageOffset = place(coverage)

        var header = Bytes()
        header.u32(Int(AtlasLayout.magic))
        header.u16(isMonospaced ? Int(AtlasLayout.monospacedFlag) : 0)
        header.u16(pixelSize)
        header.u32(AtlasLayout.headerSize + body.count)
        for value in [ascent, descent, lineHeight] { header.i16(value) }
        header.u16(cellWidth)
        for value in [xHeight, capHeight, underlinePosition] { header.i16(value) }
        header.u16(underlineThickness)
        header.u32(0)  // the replacement is glyph 0
        for (count, offset) in [
            (ranges.count, rangeOffset), (sorted.count, glyphOffset), (bitmapCount, bitmapOffset),
            (kerningCount, kerningOffset), (coverage.count, coverageOffset),
        ] {
            header.u32(count)
            header.u32(offset)
        }
        header.bytes += [UInt8](repeating: 0, count: AtlasLayout.headerSize - header.count)
        return header.bytes + body.bytes
    }
}

/// Little-endian numbers, appended.
struct Bytes {
    var bytes: [UInt8] = []
    var count: Int { bytes.count }

    mutating func append(_ more: [UInt8]) { bytes += more }
    mutating func align() { while bytes.count % 4 != 0 { bytes.append(0) } }
    mutating func u16(_ value: Int) {
        let v = UInt16(value)
        bytes += [UInt8(truncatingIfNeeded: v), UInt8(v >> 8)]
    }
    mutating func i16(_ value: Int) { u16(Int(UInt16(bitPattern: Int16(value)))) }
    mutating func u32(_ value: Int) {
        let v = UInt32(value)
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: v >> shift)) }
    }
}
