import ABI

extension DRMModeInfo {
    /// A mode with the timings of VESA's Coordinated Video Timings, reduced blanking (CVT 1.1, 3.4.2), at 60 Hz.
    ///
    /// Emulated displays ignore the timings, but programs compute the refresh rate from them.
    public static func reducedBlanking(width: UInt16, height: UInt16, type: UInt32) -> DRMModeInfo {
        var mode = DRMModeInfo()
        let lines = UInt64(height)
        // The time of a line in picoseconds: what a 60 Hz frame leaves after the 460 µs of vertical blanking.
        let linePicoseconds = (1_000_000_000_000 / 60 - 460_000_000) / max(lines, 1)
        let sync = verticalSyncWidth(width: UInt32(width), height: UInt32(height))
        let blankLines = max(460_000_000 / linePicoseconds + 1, 3 + UInt64(sync) + 6)
        mode.hdisplay = width
        mode.hsyncStart = width &+ 48
        mode.hsyncEnd = width &+ 80
        mode.htotal = width &+ 160
        mode.vdisplay = height
        mode.vsyncStart = height &+ 3
        mode.vsyncEnd = height &+ 3 &+ sync
        mode.vtotal = UInt16(truncatingIfNeeded: lines + blankLines)
        mode.clock = UInt32(60 * UInt64(mode.htotal) * UInt64(mode.vtotal) / 1000 / 250 * 250)
        mode.vrefresh = 60
        mode.flags = flagPositiveHSync | flagNegativeVSync
        mode.type = type
        mode.setName(width: width, height: height)
        return mode
    }

    private static func verticalSyncWidth(width: UInt32, height: UInt32) -> UInt16 {
        if width * 3 == height * 4 { return 4 }
        if width * 9 == height * 16 { return 5 }
        if width * 10 == height * 16 { return 6 }
        if width * 4 == height * 5 || width * 9 == height * 15 { return 7 }
        return 10
    }

    /// Names it `1280x800`.
    private mutating func setName(width: UInt16, height: UInt16) {
        var position = 0
        func digits(_ value: UInt16, _ put: (UInt8) -> Void) {
            var divisor: UInt16 = 10000
            while divisor > 1, value / divisor == 0 { divisor /= 10 }
            while divisor > 0 {
                put(UInt8(value / divisor % 10) + 0x30)
                divisor /= 10
            }
        }
        digits(width) {
            name[position] = $0; position += 1
        }
        name[position] = 0x78
        position += 1
        digits(height) {
            name[position] = $0; position += 1
        }
    }

    /// Whether the sizes of a mode that a program sent agree with each other.
    public var isConsistent: Bool {
        clock > 0 && hdisplay > 0 && vdisplay > 0
            && hsyncStart >= hdisplay && hsyncEnd >= hsyncStart && htotal >= hsyncEnd
            && vsyncStart >= vdisplay && vsyncEnd >= vsyncStart && vtotal >= vsyncEnd
            && flags & (DRMModeInfo.flagInterlace | DRMModeInfo.flagDoubleScan) == 0
    }
}

/// Sizes that a display of any size is offered, if they fit, besides its own.
public let commonDisplaySizes: InlineArray<14, (UInt16, UInt16)> = [
    (3840, 2160), (2560, 1600), (2560, 1440), (1920, 1200), (1920, 1080), (1680, 1050), (1600, 900), (1440, 900),
    (1366, 768), (1280, 1024), (1280, 800), (1280, 720), (1024, 768), (800, 600),
]

/// Extended display identification data, as far as the kernel looks at it (VESA E-EDID A.2, 3).
public enum EDID {
    /// Whether the data starts with a well-formed base block.
    public static func isValid(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 128, bytes[0] == 0, bytes[7] == 0 else { return false }
        for index in 1..<7 where bytes[index] != 0xFF { return false }
        var sum: UInt8 = 0
        for index in 0..<128 { sum &+= bytes[index] }
        return sum == 0
    }

    /// The bytes that belong to it: the base block and the extensions that it announces, as far as they are there.
    public static func byteCount(_ bytes: [UInt8]) -> Int { min(bytes.count & ~127, 128 * (1 + Int(bytes[126]))) }

    /// The size of the picture in millimetres; zero when it is not said.
    public static func sizeMillimetres(_ bytes: [UInt8]) -> (width: UInt32, height: UInt32) {
        (UInt32(bytes[21]) * 10, UInt32(bytes[22]) * 10)
    }
}
