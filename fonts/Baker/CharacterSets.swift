// Which characters are baked. A face that lacks one takes it from its fallback; what both lack is left out.

/// The characters of an atlas.
public struct CharacterSet: Sendable {
    var ranges: [ClosedRange<UInt32>]
    /// Characters that are kerned and exist in four phases where pixels are coarse, and in two at larger sizes.
    var finelySpaced: [ClosedRange<UInt32>]
    /// Characters that are kerned and exist in two phases.
    var spaced: [ClosedRange<UInt32>]

    public var codePoints: [UInt32] { ranges.flatMap { Array($0) } }

    /// The positions between whole pixels, in 1/64 pixels, that a character is drawn for.
    func phases(of code: UInt32, pixelSize: Int) -> [Int] {
        if finelySpaced.contains(where: { $0.contains(code) }) { return pixelSize < 16 ? [0, 16, 32, 48] : [0, 32] }
        return spaced.contains { $0.contains(code) } ? [0, 32] : [0]
    }

    /// The characters between which there is kerning.
    var kerned: [UInt32] { (finelySpaced + spaced).flatMap { Array($0) } }

    static let latin: [ClosedRange<UInt32>] = [0x20...0x7E, 0xA0...0x17F]
    static let moreLatin: [ClosedRange<UInt32>] = [
        0x192...0x192, 0x1E6...0x1E7, 0x1FA...0x1FF, 0x218...0x21B, 0x1E80...0x1E85, 0x1E9E...0x1E9E, 0x1EF2...0x1EF3,
    ]
    static let vietnamese: [ClosedRange<UInt32>] = [0x1A0...0x1A1, 0x1AF...0x1B0, 0x1EA0...0x1EF1, 0x1EF4...0x1EF9]
    static let greekAndCyrillic: [ClosedRange<UInt32>] = [
        0x37E...0x37E, 0x384...0x3D6, 0x400...0x45F, 0x462...0x463, 0x472...0x475, 0x490...0x4FF,
    ]
    static let punctuation: [ClosedRange<UInt32>] = [
        0x2C6...0x2C7, 0x2D8...0x2DD, 0x2010...0x2027, 0x2030...0x203E, 0x2044...0x2044, 0x2070...0x208E, 0x20A1...0x20BF,
        0x2103...0x2103, 0x2113...0x2113,
        0x2116...0x2116, 0x2122...0x2122, 0x2126...0x2126, 0x212E...0x212E, 0x2150...0x215E,
    ]
    static let symbols: [ClosedRange<UInt32>] = [
        0x2190...0x2199, 0x219C...0x219D, 0x21A9...0x21AA, 0x21B0...0x21B5, 0x21BA...0x21BB, 0x21C4...0x21C6, 0x21D0...0x21D5,
        0x21E4...0x21E7, 0x21EA...0x21EA, 0x2200...0x220D, 0x220F...0x2213, 0x2215...0x221E, 0x2220...0x2220, 0x2223...0x222B,
        0x2234...0x2237,
        0x223C...0x223C, 0x2243...0x2248, 0x2260...0x2265, 0x226A...0x226B, 0x2282...0x2287, 0x2295...0x2297, 0x22A2...0x22A5,
        0x22C5...0x22C6, 0x22EE...0x22F1, 0x2302...0x2303, 0x2308...0x230B, 0x2318...0x2318, 0x2325...0x2328, 0x232B...0x232B,
        0x237D...0x237D,
        0x23CE...0x23CF, 0x23E9...0x23EA, 0x23F3...0x23F3, 0x23F5...0x23FB, 0x25A0...0x25A3, 0x25AA...0x25AC, 0x25B2...0x25B9,
        0x25BA...0x25BF,
        0x25C0...0x25C9, 0x25CA...0x25CC, 0x25CE...0x25D3, 0x25E2...0x25E6, 0x25EF...0x25EF, 0x25FB...0x25FE, 0x2600...0x2600,
        0x2605...0x2606,
        0x2610...0x2612, 0x2630...0x2630, 0x2639...0x263C, 0x263E...0x263E, 0x2660...0x2667, 0x266A...0x266B, 0x2680...0x2685,
        0x2690...0x2691, 0x2699...0x2699, 0x26A0...0x26A1,
        0x2713...0x2718, 0x271A...0x271A, 0x2726...0x2727, 0x272A...0x272A, 0x2736...0x2736, 0x2756...0x2756, 0x2764...0x2764,
        0x276C...0x2771, 0x2776...0x277F, 0x2794...0x2794, 0x279C...0x279C, 0x27A4...0x27A4, 0x27E6...0x27EB, 0x27F5...0x27F6,
        0x2B05...0x2B07, 0x2B1B...0x2B1C, 0x2B22...0x2B22, 0xFFFD...0xFFFD,
    ]
    static let cells: [ClosedRange<UInt32>] = [0x23B8...0x23BD, 0x2500...0x25A0, 0xE0A0...0xE0A2, 0xE0B0...0xE0B3]
    static let braille: [ClosedRange<UInt32>] = [0x2800...0x28FF]

    static let fewSymbols: [ClosedRange<UInt32>] = [
        0x2190...0x2193, 0x2212...0x2212, 0x2248...0x2248, 0x2260...0x2260, 0x2264...0x2265, 0x2318...0x2318,
        0x25B2...0x25B2, 0x25B6...0x25B6, 0x25BC...0x25BC, 0x25C0...0x25C0, 0x25CF...0x25CF, 0x2605...0x2605,
        0x2713...0x2713, 0x2717...0x2717, 0xFFFD...0xFFFD,
    ]

    /// For the interface's running text.
    public static let interface = CharacterSet(
        ranges: merged(latin + moreLatin + vietnamese + greekAndCyrillic + punctuation + symbols),
        finelySpaced: basicSpaced, spaced: moreSpaced)

    /// For the interface's titles and labels: fewer symbols.
    public static let interfaceLabels = CharacterSet(
        ranges: merged(latin + moreLatin + greekAndCyrillic + punctuation + fewSymbols),
        finelySpaced: basicSpaced, spaced: moreSpaced)

    private static let basicSpaced: [ClosedRange<UInt32>] = [0x20...0x7E]
    private static let moreSpaced: [ClosedRange<UInt32>] = [
        0xA1...0xFF, 0x2013...0x2014, 0x2018...0x201D, 0x2026...0x2026, 0x410...0x44F,
    ]

    /// For terminals; nothing is kerned and everything lies on whole pixels.
    public static let terminal = CharacterSet(
        ranges: merged(latin + moreLatin + vietnamese + greekAndCyrillic + punctuation + symbols + cells),
        finelySpaced: [], spaced: [])

    /// The terminal's set with the patterns that plotting programs use.
    public static let terminalWithBraille = CharacterSet(
        ranges: merged(terminal.ranges + braille), finelySpaced: [], spaced: [])

    /// Sorted and without duplicates.
    private static func merged(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, range.lowerBound <= last.upperBound + 1 {
                result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }
}
