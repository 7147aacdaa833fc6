/// The colours that colour numbers mean: 256 entries, and foreground, background and cursor.
public struct Palette: Equatable, Sendable {
    private var entries: [UInt32]
    public private(set) var foreground: UInt32
    public private(set) var background: UInt32
    public private(set) var cursor: UInt32
    private let initial: [UInt32]

    /// A palette of sixteen named colours (`0xRRGGBB`), the 6×6×6 cube and the grey ramp of xterm.
    public init(named: [16 of UInt32], foreground: UInt32, background: UInt32, cursor: UInt32) {
        var entries: [UInt32] = []
        entries.reserveCapacity(256)
        for index in named.indices { entries.append(named[index]) }
        func level(_ step: UInt32) -> UInt32 { step == 0 ? 0 : 55 + 40 * step }
        for red: UInt32 in 0..<6 {
            for green: UInt32 in 0..<6 {
                for blue: UInt32 in 0..<6 { entries.append(level(red) << 16 | level(green) << 8 | level(blue)) }
            }
        }
        for step: UInt32 in 0..<24 { entries.append((8 + 10 * step) * 0x010101) }
        self.entries = entries
        self.foreground = foreground
        self.background = background
        self.cursor = cursor
        initial = entries + [foreground, background, cursor]
    }

    /// Dusk: the sixteen colours of the terminal on the desktop's sunken surface. Each but the two that are meant for
    /// backgrounds has a contrast of at least 4.5:1 with the background.
    public static var dusk: Palette {
        Palette(
            named: [
                0x2A2D3A, 0xFF6B79, 0x5BD6A0, 0xF5C451, 0x6CB6FF, 0xC9A0FF, 0x56D0E0, 0xC8CAD6,
                0x8286A0, 0xFF97A0, 0x8DEBC2, 0xFFDB8A, 0x9CD0FF, 0xDFC4FF, 0x92E6F2, 0xFFFFFF,
            ],
            foreground: 0xE4E6EF, background: 0x171820, cursor: 0xFF7A4D)
    }

    subscript(_ index: Int) -> UInt32 {
        get { entries[index] }
        set { entries[index] = newValue }
    }

    mutating func reset(_ index: Int) { entries[index] = initial[index] }

    mutating func resetAll() {
        entries = Array(initial[..<256])
        for number in 10...12 { resetDynamic(number) }
    }

    /// By OSC's numbers: 10 foreground, 11 background, 12 cursor.
    func dynamic(_ number: Int) -> UInt32 { number == 10 ? foreground : number == 11 ? background : cursor }

    mutating func setDynamic(_ number: Int, _ color: UInt32) {
        switch number {
        case 10: foreground = color
        case 11: background = color
        default: cursor = color
        }
    }

    mutating func resetDynamic(_ number: Int) { setDynamic(number, initial[256 + number - 10]) }

    /// The colour of characters. Bold makes the first eight colours bright, as xterm does.
    public func foreground(_ style: Style) -> UInt32 {
        switch style.foreground.kind {
        case .default: foreground
        case .indexed(let index):
            entries[index < 8 && style.attributes.contains(.bold) ? Int(index) + 8 : Int(index)]
        case .rgb(let value): value
        }
    }

    public func background(_ style: Style) -> UInt32 {
        switch style.background.kind {
        case .default: background
        case .indexed(let index): entries[Int(index)]
        case .rgb(let value): value
        }
    }
}
