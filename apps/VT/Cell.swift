// What one character cell of the screen holds.

/// A colour as a program asked for it: the default, one of 256 of the palette, or direct.
public struct Color: Equatable, Sendable {
    /// The kind in the top byte, the value below it.
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    public static var `default`: Color { Color(rawValue: 0) }

    /// Palette entry.
    public static func indexed(_ index: UInt8) -> Color { Color(rawValue: 1 << 24 | UInt32(index)) }

    /// Direct colour, `0xRRGGBB`.
    public static func rgb(_ value: UInt32) -> Color { Color(rawValue: 2 << 24 | value & 0xFF_FFFF) }

    public enum Kind: Equatable, Sendable {
        case `default`
        case indexed(UInt8)
        case rgb(UInt32)
    }

    public var kind: Kind {
        switch rawValue >> 24 {
        case 0: .default
        case 1: .indexed(UInt8(truncatingIfNeeded: rawValue))
        default: .rgb(rawValue & 0xFF_FFFF)
        }
    }
}

/// How a character is drawn, beside its colours (SGR).
public struct Attributes: OptionSet, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static var bold: Attributes { Attributes(rawValue: 1 << 0) }
    public static var dim: Attributes { Attributes(rawValue: 1 << 1) }
    public static var italic: Attributes { Attributes(rawValue: 1 << 2) }
    public static var blink: Attributes { Attributes(rawValue: 1 << 3) }
    public static var inverse: Attributes { Attributes(rawValue: 1 << 4) }
    public static var hidden: Attributes { Attributes(rawValue: 1 << 5) }
    public static var strikethrough: Attributes { Attributes(rawValue: 1 << 6) }
    public static var overline: Attributes { Attributes(rawValue: 1 << 7) }
    public static var underline: Attributes { Attributes(rawValue: 1 << 8) }
    public static var doubleUnderline: Attributes { Attributes(rawValue: 1 << 9) }
    public static var curlyUnderline: Attributes { Attributes(rawValue: 1 << 10) }

    public static var anyUnderline: Attributes { [.underline, .doubleUnderline, .curlyUnderline] }
}

/// Colours and attributes.
public struct Style: Equatable, Sendable {
    public var foreground = Color.default
    public var background = Color.default
    public var attributes: Attributes = []

    public init() {}
}

/// A character cell: 16 bytes.
public struct Cell: Equatable, Sendable {
    /// A Unicode scalar, zero for a cell that nothing was written to, or the number of a cluster; and the flags below.
    var content: UInt32
    public var style: Style

    static var scalarMask: UInt32 { 0x1F_FFFF }
    static var clusterFlag: UInt32 { 1 << 31 }
    static var wideFlag: UInt32 { 1 << 30 }
    static var spacerFlag: UInt32 { 1 << 29 }

    init(content: UInt32, style: Style) {
        self.content = content
        self.style = style
    }

    /// An erased cell: no character, and the background that was current ("background colour erase").
    static func erased(_ style: Style) -> Cell {
        var blank = Style()
        blank.background = style.background
        return Cell(content: 0, style: blank)
    }

    /// The first half of a character two columns wide.
    public var isWide: Bool { content & Cell.wideFlag != 0 }

    /// The second half of a character two columns wide; it has no character of its own.
    public var isSpacer: Bool { content & Cell.spacerFlag != 0 }

    /// Nothing to see: no character, default background, no line.
    public var isBlank: Bool { content == 0 && style == Style() }

    /// The number of a base character with combining marks, for `Emulator.scalars(of:)`.
    var cluster: Int? { content & Cell.clusterFlag != 0 ? Int(content & Cell.scalarMask) : nil }

    /// A number that is the same for the same character: what to compare when looking for changes.
    public var identity: UInt32 { content }
}

/// Characters that are more than one scalar: a tree of prefixes, so that each is stored once.
///
/// Bounded: when it is full, further combinations lose their marks.
struct ClusterTable {
    private var prefixes: [UInt32] = []
    private var marks: [UInt32] = []
    private var index: [UInt64: UInt32] = [:]

    private static var limit: Int { 4096 }
    /// Marks on one character: more is noise ("zalgo").
    private static var markLimit: Int { 4 }

    /// The content of a cell after a mark was added; nil if the table is full.
    mutating func combine(_ content: UInt32, _ mark: UInt32) -> UInt32? {
        let flags = content & (Cell.wideFlag | Cell.spacerFlag)
        let prefix = content & (Cell.scalarMask | Cell.clusterFlag)
        let key = UInt64(prefix) << 32 | UInt64(mark)
        if let known = index[key] { return known | Cell.clusterFlag | flags }
        guard marks.count < ClusterTable.limit, depth(prefix) < ClusterTable.markLimit else { return nil }
        let number = UInt32(marks.count)
        prefixes.append(prefix)
        marks.append(mark)
        index[key] = number
        return number | Cell.clusterFlag | flags
    }

    private func depth(_ content: UInt32) -> Int {
        var depth = 0
        var content = content
        while content & Cell.clusterFlag != 0 {
            content = prefixes[Int(content & Cell.scalarMask)]
            depth += 1
        }
        return depth
    }

    /// The scalars of a cell's content, base first; none for an empty cell.
    func forEachScalar(_ content: UInt32, _ body: (Unicode.Scalar) -> Void) {
        if content & Cell.clusterFlag != 0 {
            let number = Int(content & Cell.scalarMask)
            guard number < marks.count else { return }
            forEachScalar(prefixes[number], body)
            if let mark = Unicode.Scalar(marks[number]) { body(mark) }
        } else if content & Cell.scalarMask != 0, let scalar = Unicode.Scalar(content & Cell.scalarMask) {
            body(scalar)
        }
    }
}
