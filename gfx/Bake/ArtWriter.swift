// Writing the art file. The layout is described in gfx/ArtPack/ArtLayout.swift.

import ArtPack

/// One picture of the art file.
public struct BakedArt: Sendable {
    public var name: String
    public var kind: ArtLayout.Kind
    public var width = 0
    public var height = 0
    public var hotspot = (x: 0, y: 0)
    /// Left, top, right, bottom.
    public var insets = [0, 0, 0, 0]
    public var outsets = [0, 0, 0, 0]
    public var data: [UInt8]

    public init(name: String, kind: ArtLayout.Kind, data: [UInt8]) {
        self.name = name
        self.kind = kind
        self.data = data
    }

    /// The art file with these pictures.
    public static func encode(_ art: [BakedArt]) -> [UInt8] {
        let sorted = art.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
        var header = LittleEndianBytes()
        var body = LittleEndianBytes()
        let entriesAt = ArtLayout.headerSize
        var dataAt = entriesAt + sorted.count * ArtLayout.entrySize
        dataAt = (dataAt + ArtLayout.dataAlignment - 1) / ArtLayout.dataAlignment * ArtLayout.dataAlignment
        var entries = LittleEndianBytes()
        for item in sorted {
            let name = Array(item.name.utf8)
            precondition(name.count <= ArtLayout.nameSize && !name.contains(0), "bad name \(item.name)")
            entries.bytes += name + [UInt8](repeating: 0, count: ArtLayout.nameSize - name.count)
            entries.u16(Int(item.kind.rawValue))
            entries.u16(item.width)
            entries.u16(item.height)
            entries.u16(item.hotspot.x & 0xFFFF)
            entries.u16(item.hotspot.y & 0xFFFF)
            for inset in item.insets + item.outsets { entries.u16(inset) }
            entries.u16(0)
            entries.u32(dataAt + body.bytes.count)
            entries.u32(item.data.count)
            entries.u32(0)
            body.bytes += item.data
            while body.bytes.count % ArtLayout.dataAlignment != 0 { body.bytes.append(0) }
        }
        while entries.bytes.count + entriesAt < dataAt { entries.bytes.append(0) }
        header.u32(Int(ArtLayout.magic))
        header.u32(dataAt + body.bytes.count)
        header.u32(sorted.count)
        header.u32(entriesAt)
        return header.bytes + entries.bytes + body.bytes
    }
}

/// Little-endian numbers, appended.
struct LittleEndianBytes {
    var bytes: [UInt8] = []

    mutating func u16(_ value: Int) {
        let v = UInt16(value)
        bytes += [UInt8(truncatingIfNeeded: v), UInt8(v >> 8)]
    }
    mutating func u32(_ value: Int) {
        let v = UInt32(value)
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: v >> shift)) }
    }
}
