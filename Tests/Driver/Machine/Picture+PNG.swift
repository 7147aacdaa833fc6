// Portable Network Graphics: 8-bit RGB without interlacing, as the approved pictures are kept.
// https://www.w3.org/TR/png-3/

import CZlib
import Foundation

private let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

extension Picture {
    /// The picture as a PNG file: each row with the filter whose residue has the least sum (section 12.7).
    public func pngBytes() -> [UInt8] {
        let stride = width * 3
        var raw: [UInt8] = []
        raw.reserveCapacity((stride + 1) * height)
        var above = [UInt8](repeating: 0, count: stride)
        for y in 0..<height {
            var row = [UInt8](repeating: 0, count: stride)
            for x in 0..<width {
                let pixel = self[x, y]
                row[3 * x] = UInt8(pixel >> 16 & 0xff)
                row[3 * x + 1] = UInt8(pixel >> 8 & 0xff)
                row[3 * x + 2] = UInt8(pixel & 0xff)
            }
            var best: (cost: Int, filter: UInt8, bytes: [UInt8])?
            for filter in UInt8(0)...4 {
                let bytes = Picture.filtered(row, above, filter)
                let cost = bytes.reduce(0) { $0 + Int($1 < 128 ? $1 : 0 &- $1) }
                if cost < best?.cost ?? .max { best = (cost, filter, bytes) }
            }
            raw.append(best!.filter)
            raw += best!.bytes
            above = row
        }
        var size = compressBound(uLong(raw.count))
        var packed = [UInt8](repeating: 0, count: Int(size))
        let result = compress2(&packed, &size, raw, uLong(raw.count), 9)
        precondition(result == Z_OK, "zlib cannot compress into a buffer of its own bound")
        let header = bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0]
        return signature + chunk("IHDR", header) + chunk("IDAT", Array(packed[..<Int(size)])) + chunk("IEND", [])
    }

    /// Decodes an 8-bit RGB or RGBA picture without interlacing.
    public init(png bytes: [UInt8]) throws {
        guard bytes.starts(with: signature) else { throw TestFailure("not a PNG file") }
        var (position, header, packed): (Int, [UInt8], [UInt8]) = (8, [], [])
        while position + 12 <= bytes.count {
            let length = bytes[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - position - 12 else { throw TestFailure("PNG chunk is cut short") }
            let name = String(decoding: bytes[(position + 4)..<(position + 8)], as: UTF8.self)
            let body = bytes[(position + 8)..<(position + 8 + length)]
            if name == "IHDR" { header = Array(body) }
            if name == "IDAT" { packed += body }
            position += length + 12
        }
        guard header.count == 13, header[8] == 8, header[9] == 2 || header[9] == 6, header[12] == 0 else {
            throw TestFailure("PNG of a kind that the tests do not use (wanted: 8-bit RGB or RGBA, not interlaced)")
        }
        let width = header[0..<4].reduce(0) { $0 << 8 | Int($1) }
        let height = header[4..<8].reduce(0) { $0 << 8 | Int($1) }
        guard (1...16384).contains(width), (1...16384).contains(height) else { throw TestFailure("PNG of no usable size") }
        let channels = header[9] == 2 ? 3 : 4
        let stride = width * channels
        var raw = [UInt8](repeating: 0, count: (stride + 1) * height)
        var size = uLong(raw.count)
        guard uncompress(&raw, &size, packed, uLong(packed.count)) == Z_OK, Int(size) == raw.count else {
            throw TestFailure("PNG data does not unpack")
        }
        self.init(width: width, height: height)
        var above = [UInt8](repeating: 0, count: stride)
        for y in 0..<height {
            let start = y * (stride + 1)
            var row = Array(raw[(start + 1)..<(start + 1 + stride)])
            for i in 0..<stride {
                let left = i >= channels ? row[i - channels] : 0
                let corner = i >= channels ? above[i - channels] : 0
                row[i] &+= Picture.prediction(raw[start], left, above[i], corner)
            }
            for x in 0..<width {
                let i = x * channels
                self[x, y] = UInt32(row[i]) << 16 | UInt32(row[i + 1]) << 8 | UInt32(row[i + 2])
            }
            above = row
        }
    }

    /// Reads a PNG file.
    public init(pngFile file: URL) throws { try self.init(png: Array(try Data(contentsOf: file))) }

    /// Writes a PNG file, creating its folder.
    public func writePNG(to file: URL) throws {
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(pngBytes()).write(to: file)
    }

    private static func filtered(_ row: [UInt8], _ above: [UInt8], _ filter: UInt8) -> [UInt8] {
        var result = row
        for i in row.indices {
            let (left, corner) = i >= 3 ? (row[i - 3], above[i - 3]) : (0, 0)
            result[i] = row[i] &- prediction(filter, left, above[i], corner)
        }
        return result
    }

    /// Section 9.2: what each filter type predicts a byte to be.
    private static func prediction(_ filter: UInt8, _ left: UInt8, _ up: UInt8, _ corner: UInt8) -> UInt8 {
        switch filter {
        case 1: return left
        case 2: return up
        case 3: return UInt8((Int(left) + Int(up)) / 2)
        case 4:
            let p = Int(left) + Int(up) - Int(corner)
            let (a, b, c) = (abs(p - Int(left)), abs(p - Int(up)), abs(p - Int(corner)))
            return a <= b && a <= c ? left : b <= c ? up : corner
        default: return 0
        }
    }
}

private func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 0xff) } }

private func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
    let content = Array(name.utf8) + body
    return bigEndian(body.count) + content + bigEndian(Int(crc32(0, content, uInt(content.count))))
}
