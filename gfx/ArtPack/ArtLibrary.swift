// Reading the art file. Everything is checked once, on opening.

import Gfx

/// Why an art file was refused.
public enum ArtPackError: Error, Equatable, Sendable {
    case tooShort
    case notAnArtPack
    case badEntry
    case unsorted
}

/// A picture, and the pixel of it that marks a position: the tip of an arrow.
public struct ArtImage: Sendable {
    public let image: PixelImage
    public let hotspot: Point
}

/// A shadow: a nine patch and how far it reaches beyond the rectangle that casts it.
public struct ArtShadow: Sendable {
    public let patch: NinePatch
    public let outsets: NinePatch.Insets

    /// The rectangle that the shadow of `rect` covers.
    public func bounds(around rect: Rect) -> Rect {
        rect.inset(left: 0 &- outsets.left, top: 0 &- outsets.top, right: 0 &- outsets.right, bottom: 0 &- outsets.bottom)
    }
}

/// The art file's pictures by name. It owns nothing: the mapping must outlive it.
public struct ArtLibrary: @unchecked Sendable {
    private let bytes: UnsafeRawBufferPointer
    private let entries: Int
    /// The number of pictures.
    public let count: Int

    /// Checks and opens an art file.
    /// - Safety: `bytes` must stay readable and unchanged for as long as this value or what it gave out is used.
    public init(_ bytes: UnsafeRawBufferPointer) throws(ArtPackError) {
        guard let base = bytes.baseAddress, bytes.count >= ArtLayout.headerSize,
            UInt(bitPattern: base) % UInt(ArtLayout.dataAlignment) == 0
        else { throw .tooShort }
        self.bytes = bytes
        func u32(_ at: Int) -> Int { Int(UInt32(littleEndian: bytes.load(fromByteOffset: at, as: UInt32.self))) }
        guard u32(0) == Int(ArtLayout.magic) else { throw .notAnArtPack }
        guard u32(4) == bytes.count else { throw .tooShort }
        count = u32(8)
        entries = u32(12)
        guard entries % 4 == 0, entries >= ArtLayout.headerSize, entries <= bytes.count,
            count <= (bytes.count - entries) / ArtLayout.entrySize
        else { throw .tooShort }
        for i in 0..<count {
            guard let entry = entry(i), entry.isValid(fileSize: bytes.count) else { throw .badEntry }
            if i > 0, compareNames(i - 1, i) >= 0 { throw .unsorted }
        }
    }

    /// A picture, or nil if there is none of this name.
    public func image(_ name: String) -> ArtImage? {
        guard let entry = find(name), entry.kind == .image,
            let image = PixelImage(
                memory: data(of: entry), width: entry.width, height: entry.height, strideBytes: Int(entry.width) * 4,
                format: .argb8888)
        else { return nil }
        return ArtImage(image: image, hotspot: entry.hotspot)
    }

    /// A mask to be drawn in any colour, or nil.
    public func mask(_ name: String) -> CoverageMask? {
        guard let entry = find(name), entry.kind == .mask else { return nil }
        return CoverageMask(
            memory: data(of: entry), width: entry.width, height: entry.height, strideBytes: Int(entry.width))
    }

    /// A shadow, or nil.
    public func shadow(_ name: String) -> ArtShadow? {
        guard let entry = find(name), let mask = mask(name), let patch = NinePatch(mask, insets: entry.insets)
        else { return nil }
        return ArtShadow(patch: patch, outsets: entry.outsets)
    }

    /// Bytes with a format of their own, or nil.
    public func data(_ name: String) -> UnsafeRawBufferPointer? {
        guard let entry = find(name), entry.kind == .data else { return nil }
        return data(of: entry)
    }

    // MARK: Entries

    private func entry(_ index: Int) -> ArtEntry? {
        ArtEntry(UnsafeRawBufferPointer(rebasing: bytes[(entries + index * ArtLayout.entrySize)...].prefix(ArtLayout.entrySize)))
    }

    // SAFETY: opening the file checked that every entry's data lie inside it.
    private func data(of entry: ArtEntry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[entry.dataOffset..<(entry.dataOffset + entry.dataSize)])
    }

    private func nameByte(_ index: Int, _ position: Int) -> UInt8 {
        bytes[entries + index * ArtLayout.entrySize + ArtLayout.Field.name + position]
    }

    private func compareNames(_ a: Int, _ b: Int) -> Int {
        for k in 0..<ArtLayout.nameSize {
            let difference = Int(nameByte(a, k)) - Int(nameByte(b, k))
            if difference != 0 { return difference }
        }
        return 0
    }

    /// - Complexity: O(log count).
    private func find(_ name: String) -> ArtEntry? {
        let wanted = name.utf8
        guard wanted.count <= ArtLayout.nameSize else { return nil }
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            var difference = 0
            var position = 0
            for byte in wanted where difference == 0 {
                difference = Int(byte) - Int(nameByte(middle, position))
                position += 1
            }
            if difference == 0, position < ArtLayout.nameSize, nameByte(middle, position) != 0 { difference = -1 }
            if difference == 0 { return entry(middle) }
            if difference < 0 { high = middle } else { low = middle + 1 }
        }
        return nil
    }
}

/// One entry, decoded.
private struct ArtEntry {
    let kind: ArtLayout.Kind
    let width: Int32
    let height: Int32
    let hotspot: Point
    let insets: NinePatch.Insets
    let outsets: NinePatch.Insets
    let dataOffset: Int
    let dataSize: Int

    init?(_ entry: UnsafeRawBufferPointer) {
        typealias Field = ArtLayout.Field
        func u16(_ at: Int) -> UInt16 { UInt16(littleEndian: entry.loadUnaligned(fromByteOffset: at, as: UInt16.self)) }
        func u32(_ at: Int) -> Int { Int(UInt32(littleEndian: entry.loadUnaligned(fromByteOffset: at, as: UInt32.self))) }
        func insets(_ at: Int) -> NinePatch.Insets {
            NinePatch.Insets(
                left: Int32(u16(at)), top: Int32(u16(at + 2)), right: Int32(u16(at + 4)), bottom: Int32(u16(at + 6)))
        }
        guard let kind = ArtLayout.Kind(rawValue: u16(Field.kind)) else { return nil }
        self.kind = kind
        width = Int32(u16(Field.width))
        height = Int32(u16(Field.height))
        hotspot = Point(
            x: Int32(Int16(bitPattern: u16(Field.hotspotX))), y: Int32(Int16(bitPattern: u16(Field.hotspotY))))
        self.insets = insets(Field.insets)
        outsets = insets(Field.outsets)
        dataOffset = u32(Field.dataOffset)
        dataSize = u32(Field.dataSize)
    }

    func isValid(fileSize: Int) -> Bool {
        guard dataOffset % ArtLayout.dataAlignment == 0, dataOffset <= fileSize, dataSize <= fileSize - dataOffset
        else { return false }
        switch kind {
        case .image: return dataSize == Int(width) * Int(height) * 4
        case .mask: return dataSize == Int(width) * Int(height)
        case .data: return true
        }
    }
}
