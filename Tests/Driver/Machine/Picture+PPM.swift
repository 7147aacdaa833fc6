// Portable pixmaps (P6), which QEMU's screendump writes. http://netpbm.sourceforge.net/doc/ppm.html

extension Picture {
    /// Decodes a binary pixmap with 8 bits a channel.
    public init(ppm bytes: [UInt8]) throws {
        var position = 0
        func token() throws -> String {
            while position < bytes.count, bytes[position] == 0x20 || (9...13).contains(bytes[position]) || bytes[position] == 0x23
            {
                if bytes[position] == 0x23 {
                    while position < bytes.count, bytes[position] != 10 { position += 1 }
                } else {
                    position += 1
                }
            }
            let start = position
            while position < bytes.count, bytes[position] > 0x20 { position += 1 }
            guard start < position else { throw TestFailure("pixmap ends in its header") }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }
        guard try token() == "P6", let width = Int(try token()), let height = Int(try token()), try token() == "255",
            (1...16384).contains(width), (1...16384).contains(height)
        else { throw TestFailure("not a P6 pixmap with 8 bits a channel") }
        position += 1
        guard bytes.count - position >= 3 * width * height else { throw TestFailure("pixmap is cut short") }
        var pixels: [UInt32] = []
        pixels.reserveCapacity(width * height)
        for _ in 0..<(width * height) {
            pixels.append(UInt32(bytes[position]) << 16 | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position + 2]))
            position += 3
        }
        self.init(width: width, height: height, pixels: pixels)
    }
}
