// The art file: cursors, icons, shadows and wallpaper descriptions, all drawn when Martlet is built. The file is
// mapped and used in place. Numbers are little-endian.
//
//   header    16 bytes: magic u32, file size u32, entry count u32, offset of the entries u32
//   entries   sorted by name, 72 bytes each:
//             name 32 bytes (UTF-8, padded with zeros), kind u16, width u16, height u16,
//             hotspot x i16, y i16, insets left, top, right, bottom u16, outsets left, top, right, bottom u16,
//             2 unused, data offset u32, data size u32, 4 unused
//   data      each at a multiple of 16: ARGB8888 premultiplied rows, coverage rows, or bytes with a format of their own

/// Offsets and sizes of the format, for the reader and the writer.
public enum ArtLayout {
    /// "MART" in memory order.
    public static let magic: UInt32 = 0x5452_414D
    public static let headerSize = 16
    public static let entrySize = 72
    public static let nameSize = 32
    public static let dataAlignment = 16

    /// Where each field of an entry lies.
    public enum Field {
        public static let name = 0
        public static let kind = 32
        public static let width = 34
        public static let height = 36
        public static let hotspotX = 38
        public static let hotspotY = 40
        public static let insets = 42
        public static let outsets = 50
        public static let dataOffset = 60
        public static let dataSize = 64
    }

    public enum Kind: UInt16, Sendable {
        /// Premultiplied ARGB8888.
        case image = 1
        /// 8-bit coverage.
        case mask = 2
        /// Bytes that another module reads.
        case data = 3
    }
}
