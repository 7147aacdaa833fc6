// The checks that make an atlas safe to use in place.

/// Little-endian numbers at byte offsets. Offsets are within the file: `AtlasTables` saw to that.
struct AtlasReader {
    let base: UnsafeRawPointer

    @inline(__always) func u8(_ offset: Int) -> UInt8 { base.load(fromByteOffset: offset, as: UInt8.self) }
    @inline(__always) func u16(_ offset: Int) -> UInt16 {
        UInt16(littleEndian: base.load(fromByteOffset: offset, as: UInt16.self))
    }
    @inline(__always) func i16(_ offset: Int) -> Int16 { Int16(bitPattern: u16(offset)) }
    @inline(__always) func u32(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: base.load(fromByteOffset: offset, as: UInt32.self))
    }
}

/// Where the tables lie, all of them inside the file.
struct AtlasTables {
    let rangeCount: Int
    let rangeOffset: Int
    let glyphCount: Int
    let glyphOffset: Int
    let bitmapCount: Int
    let bitmapOffset: Int
    let kerningCount: Int
    let kerningOffset: Int
    let coverageSize: Int
    let coverageOffset: Int

    init(_ reader: AtlasReader, byteCount: Int) throws(FontAtlasError) {
        typealias Field = AtlasLayout.Field
        func table(_ countField: Int, _ offsetField: Int, _ size: Int) throws(FontAtlasError) -> (Int, Int) {
            // Both are 32-bit numbers, so nothing below overflows 64 bits.
            let count = Int(reader.u32(countField))
            let offset = Int(reader.u32(offsetField))
            guard offset % 4 == 0, offset >= AtlasLayout.headerSize, offset <= byteCount,
                count * size <= byteCount - offset
            else { throw .tableOutOfBounds }
            return (count, offset)
        }
        (rangeCount, rangeOffset) = try table(Field.rangeCount, Field.rangeOffset, AtlasLayout.rangeSize)
        (glyphCount, glyphOffset) = try table(Field.glyphCount, Field.glyphOffset, AtlasLayout.glyphSize)
        (bitmapCount, bitmapOffset) = try table(Field.bitmapCount, Field.bitmapOffset, AtlasLayout.bitmapSize)
        (kerningCount, kerningOffset) = try table(Field.kerningCount, Field.kerningOffset, AtlasLayout.kerningSize)
        (coverageSize, coverageOffset) = try table(Field.coverageSize, Field.coverageOffset, 1)
    }

    /// Checks every record against the tables that it points into.
    /// - Complexity: O(records).
    func validate(_ reader: AtlasReader) throws(FontAtlasError) {
        guard glyphCount > 0, glyphCount <= 0xFFFF,
            Int(reader.u16(AtlasLayout.Field.replacementGlyph)) < glyphCount
        else { throw .badGlyph }
        for code in 0..<AtlasLayout.directCount {
            guard Int(reader.u16(AtlasLayout.headerSize + code * 2)) < glyphCount else { throw .badRange }
        }
        var next: UInt64 = 0
        for i in 0..<rangeCount {
            let at = rangeOffset + i * AtlasLayout.rangeSize
            let first = UInt64(reader.u32(at))
            let count = Int(reader.u16(at + 4))
            guard first >= next, count > 0, Int(reader.u16(at + 6)) + count <= glyphCount else { throw .badRange }
            next = first + UInt64(count)
        }
        for i in 0..<glyphCount {
            let at = glyphOffset + i * AtlasLayout.glyphSize
            let phases = Int(reader.u8(at + 12))
            guard phases == 1 || phases == 2 || phases == 4,
                Int(reader.u32(at)) + phases <= bitmapCount
            else { throw .badGlyph }
            let firstPair = Int(reader.u32(at + 4))
            let pairs = Int(reader.u16(at + 8))
            guard firstPair + pairs <= kerningCount else { throw .badKerning }
        }
        for i in 0..<bitmapCount {
            let at = bitmapOffset + i * AtlasLayout.bitmapSize
            let bytes = Int(reader.u16(at + 4)) * Int(reader.u16(at + 6))
            guard Int(reader.u32(at)) + bytes <= coverageSize else { throw .badBitmap }
        }
        for i in 0..<kerningCount {
            guard Int(reader.u16(kerningOffset + i * AtlasLayout.kerningSize)) < glyphCount else { throw .badKerning }
        }
    }
}
