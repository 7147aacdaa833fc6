// Reading a wallpaper's description. Everything is checked once, on opening.

/// Why a wallpaper was refused.
public enum WallpaperError: Error, Equatable, Sendable {
    case tooShort
    case notAWallpaper
    case outOfBounds
    case badField
}

/// Colours on a coarse grid over a part of the picture's height.
struct ColorField {
    let columns: Int
    let rows: Int
    /// The shares of the height, 0...65535, of the first and the last row.
    let top: Int
    let bottom: Int
    private let nodes: UnsafeRawPointer
    let byteCount: Int

    init(_ reader: WallpaperReader, at offset: Int) throws(WallpaperError) {
        columns = Int(try reader.u16(offset))
        rows = Int(try reader.u16(offset + 2))
        top = Int(try reader.u16(offset + 4))
        bottom = Int(try reader.u16(offset + 6))
        guard columns >= 2, columns <= 256, rows >= 2, rows <= 1024, top < bottom else { throw .badField }
        let start = offset + WallpaperLayout.fieldHeaderSize
        byteCount = WallpaperLayout.fieldHeaderSize + columns * rows * WallpaperLayout.nodeSize
        nodes = try reader.bytes(start, columns * rows * WallpaperLayout.nodeSize)
    }

    /// Three channels in 8.8 fixed point.
    // SAFETY: callers stay within columns and rows, which were checked to lie in the description.
    @inline(__always)
    func channel(_ column: Int, _ row: Int, _ channel: Int) -> Int {
        let at = (row &* columns &+ column) &* WallpaperLayout.nodeSize &+ channel &* 2
        return Int(UInt16(littleEndian: nodes.loadUnaligned(fromByteOffset: at, as: UInt16.self)))
    }
}

/// A wallpaper's description, a view of mapped bytes. It owns nothing: the mapping must outlive it.
public struct Wallpaper: @unchecked Sendable {
    struct Layer {
        let field: ColorField
        /// `profileLength` shares of the height.
        let profile: UnsafeRawPointer
    }
    let sky: ColorField
    let layers: [Layer]
    let profileLength: Int
    let starCount: Int
    let stars: Int
    let birdCount: Int
    let birds: Int
    let reader: WallpaperReader

    /// Checks and opens a description.
    /// - Safety: `bytes` must stay readable and unchanged for as long as this value or a copy is used.
    public init(_ bytes: UnsafeRawBufferPointer) throws(WallpaperError) {
        typealias Field = WallpaperLayout.Field
        let reader = WallpaperReader(memory: bytes)
        self.reader = reader
        guard try reader.u32(Field.magic) == Int(WallpaperLayout.magic) else { throw .notAWallpaper }
        let layerCount = Int(try reader.u16(Field.layerCount))
        profileLength = Int(try reader.u16(Field.profileLength))
        starCount = Int(try reader.u16(Field.starCount))
        birdCount = Int(try reader.u16(Field.birdCount))
        guard layerCount <= WallpaperLayout.maximumLayers, profileLength >= 2 else { throw .badField }
        sky = try ColorField(reader, at: try reader.u32(Field.sky))
        var at = try reader.u32(Field.layers)
        var layers: [Layer] = []
        for _ in 0..<layerCount {
            let field = try ColorField(reader, at: at)
            at += field.byteCount
            layers.append(Layer(field: field, profile: try reader.bytes(at, profileLength * 2)))
            at += profileLength * 2
        }
        self.layers = layers
        stars = try reader.u32(Field.stars)
        _ = try reader.bytes(stars, starCount * WallpaperLayout.starSize)
        birds = try reader.u32(Field.birds)
        _ = try reader.bytes(birds, birdCount * WallpaperLayout.birdSize)
        for bird in 0..<birdCount {
            for scale in 0..<WallpaperLayout.birdScales.count {
                let at = birds + bird * WallpaperLayout.birdSize + 4 + scale * 8
                let pixels = Int(try reader.u16(at)) * Int(try reader.u16(at + 2))
                _ = try reader.bytes(try reader.u32(at + 4), pixels)
            }
        }
    }
}

/// Numbers at checked offsets.
struct WallpaperReader {
    let memory: UnsafeRawBufferPointer

    func bytes(_ offset: Int, _ count: Int) throws(WallpaperError) -> UnsafeRawPointer {
        guard let base = memory.baseAddress, offset >= 0, count >= 0, offset <= memory.count,
            count <= memory.count - offset
        else { throw .outOfBounds }
        return base + offset
    }

    func u16(_ offset: Int) throws(WallpaperError) -> UInt16 {
        UInt16(littleEndian: try bytes(offset, 2).loadUnaligned(as: UInt16.self))
    }

    func u32(_ offset: Int) throws(WallpaperError) -> Int {
        Int(UInt32(littleEndian: try bytes(offset, 4).loadUnaligned(as: UInt32.self)))
    }

    /// A number at an offset that was checked when the description was opened.
    @inline(__always)
    func known(_ offset: Int) -> Int {
        Int(UInt16(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }
}
