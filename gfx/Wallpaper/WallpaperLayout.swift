// The description of a wallpaper: no pixels, but colours on coarse grids, ridge lines of hills, stars and birds, from which
// it is painted at any size. It is an entry of the art file. Numbers are little-endian.
//
//   header   32 bytes: magic u32, layer count u16, profile length u16, star count u16, bird count u16,
//            then offsets u32 of sky, layers, stars, birds; 4 unused
//   field    columns u16, rows u16, top u16, bottom u16 (shares of the height, 65535 = all of it), then columns · rows
//            nodes of red, green, blue u16 in 8.8 fixed point; colours between nodes are interpolated
//   sky      one field
//   layers   from the farthest to the nearest: one field each, followed by a profile: `profile length` u16, the height of
//            the ridge line below the top of the picture, 65535 = its whole height
//   stars    x u16, y u16 (shares), brightness u8, size u8 (1 or 2 pixels at a height of 1080)
//   birds    x u16, y u16 (shares of the centre), then `birdScales` pictures: width u16, height u16, offset u32 of coverage

/// Sizes and offsets of the format.
public enum WallpaperLayout {
    /// "MWPR" in memory order.
    public static let magic: UInt32 = 0x5250_574D
    public static let headerSize = 32
    public static let starSize = 6
    public static let maximumLayers = 8
    /// The heights of the picture, in pixels, that birds are drawn for.
    public static let birdScales: [Int] = [800, 1080, 1440, 2160]
    public static var birdSize: Int { 4 + birdScales.count * 8 }
    public static let fieldHeaderSize = 8
    public static let nodeSize = 6

    public enum Field {
        public static let magic = 0
        public static let layerCount = 4
        public static let profileLength = 6
        public static let starCount = 8
        public static let birdCount = 10
        public static let sky = 12
        public static let layers = 16
        public static let stars = 20
        public static let birds = 24
    }
}
