// Pair kerning from a font's GPOS table (OpenType 1.9, chapter "GPOS"; lookup type 2, formats 1 and 2, and type 9,
// which wraps them). FreeType itself reads only the older `kern` table, which these fonts do not have.

/// The kerning lookups of a font.
struct PairKerning {
    private let data: BigEndian
    /// Subtables of each lookup, in order.
    private let lookups: [[Int]]

    init?(_ table: [UInt8]) {
        data = BigEndian(table)
        let featureList = data.u16(6)
        let lookupList = data.u16(8)
        var numbers = Set<Int>()
        for i in 0..<data.u16(featureList) {
            let record = featureList + 2 + i * 6
            guard data.u32(record) == 0x6B65_726E else { continue }  // 'kern'
            let feature = featureList + data.u16(record + 4)
            for k in 0..<data.u16(feature + 2) { numbers.insert(data.u16(feature + 4 + k * 2)) }
        }
        var found: [[Int]] = []
        for number in numbers.sorted() where number < data.u16(lookupList) {
            let lookup = lookupList + data.u16(lookupList + 2 + number * 2)
            var subtables: [Int] = []
            for k in 0..<data.u16(lookup + 4) {
                let subtable = lookup + data.u16(lookup + 6 + k * 2)
                switch data.u16(lookup) {
                case 2: subtables.append(subtable)
                case 9 where data.u16(subtable + 2) == 2: subtables.append(subtable + data.u32(subtable + 4))
                default: break
                }
            }
            found.append(subtables)
        }
        guard found.contains(where: { !$0.isEmpty }) else { return nil }
        lookups = found
    }

    /// The change of the first glyph's advance before the second, in font units.
    func adjustment(_ first: UInt32, _ second: UInt32) -> Int {
        var sum = 0
        for subtables in lookups {
            for subtable in subtables {
                if let value = pair(subtable, Int(first), Int(second)) {
                    sum += value
                    break
                }
            }
        }
        return sum
    }

    /// Nil if the subtable does not apply and the next one is to be asked.
    private func pair(_ subtable: Int, _ first: Int, _ second: Int) -> Int? {
        guard let covered = coverageIndex(subtable + data.u16(subtable + 2), first) else { return nil }
        let format1 = data.u16(subtable + 4)
        let format2 = data.u16(subtable + 6)
        let size1 = format1.nonzeroBitCount * 2
        let size2 = format2.nonzeroBitCount * 2
        // XAdvance follows XPlacement and YPlacement, where those are present.
        guard format1 & 4 != 0 else { return nil }
        let advance = (format1 & 3).nonzeroBitCount * 2
        if data.u16(subtable) == 1 {
            let set = subtable + data.u16(subtable + 10 + covered * 2)
            let recordSize = 2 + size1 + size2
            var low = 0
            var high = data.u16(set)
            while low < high {
                let middle = (low + high) / 2
                let record = set + 2 + middle * recordSize
                let glyph = data.u16(record)
                if glyph == second { return data.i16(record + 2 + advance) }
                if glyph < second { low = middle + 1 } else { high = middle }
            }
            return nil
        }
        let class1 = glyphClass(subtable + data.u16(subtable + 8), first)
        let class2 = glyphClass(subtable + data.u16(subtable + 10), second)
        let count2 = data.u16(subtable + 14)
        guard class1 < data.u16(subtable + 12), class2 < count2 else { return nil }
        return data.i16(subtable + 16 + (class1 * count2 + class2) * (size1 + size2) + advance)
    }

    private func coverageIndex(_ table: Int, _ glyph: Int) -> Int? {
        let count = data.u16(table + 2)
        if data.u16(table) == 1 {
            var low = 0
            var high = count
            while low < high {
                let middle = (low + high) / 2
                let candidate = data.u16(table + 4 + middle * 2)
                if candidate == glyph { return middle }
                if candidate < glyph { low = middle + 1 } else { high = middle }
            }
            return nil
        }
        for i in 0..<count {
            let record = table + 4 + i * 6
            if glyph >= data.u16(record), glyph <= data.u16(record + 2) {
                return data.u16(record + 4) + glyph - data.u16(record)
            }
        }
        return nil
    }

    private func glyphClass(_ table: Int, _ glyph: Int) -> Int {
        if data.u16(table) == 1 {
            let index = glyph - data.u16(table + 2)
            return index >= 0 && index < data.u16(table + 4) ? data.u16(table + 6 + index * 2) : 0
        }
        for i in 0..<data.u16(table + 2) {
            let record = table + 4 + i * 6
            if glyph >= data.u16(record), glyph <= data.u16(record + 2) { return data.u16(record + 4) }
        }
        return 0
    }
}

/// Big-endian numbers; outside the table everything reads as zero.
private struct BigEndian {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    func u16(_ at: Int) -> Int { at >= 0 && at + 2 <= bytes.count ? Int(bytes[at]) << 8 | Int(bytes[at + 1]) : 0 }
    func i16(_ at: Int) -> Int { Int(Int16(truncatingIfNeeded: u16(at))) }
    func u32(_ at: Int) -> Int { u16(at) << 16 | u16(at + 2) }
}
