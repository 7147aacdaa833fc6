// From what a program asked for to what is drawn.

import Gfx
import VT

/// One cell as it is drawn. Two cells that are equal look the same.
struct DrawnCell: Equatable {
    enum CursorMark: UInt8 { case none, block, outline, bar, underline }

    /// The character; `Cell.identity`.
    var identity: UInt32 = 0
    var foreground: UInt32 = 0
    var background: UInt32 = 0
    /// What is drawn over the glyph, and in which face.
    var attributes: Attributes = []
    var isWide = false
    var isSpacer = false
    var cursor = CursorMark.none
}

/// Chooses colours.
struct CellStyle {
    var palette: Palette
    var isReversed: Bool

    /// Marked text: white on blue has enough contrast, whatever colour the text had.
    static var selectionBackground: UInt32 { 0x3D4F7A }
    static var selectionForeground: UInt32 { 0xFFFFFF }

    init(_ screen: borrowing Screen) {
        palette = screen.palette
        isReversed = screen.modes.reverseVideo
    }

    var background: UInt32 { isReversed ? palette.foreground : palette.background }

    func drawn(_ cell: Cell, isSelected: Bool, cursor: DrawnCell.CursorMark) -> DrawnCell {
        let style = cell.style
        var foreground = palette.foreground(style)
        var background = palette.background(style)
        if style.attributes.contains(.inverse) != isReversed { swap(&foreground, &background) }
        if style.attributes.contains(.dim) { foreground = interpolate(foreground, background, 90) }
        if style.attributes.contains(.hidden) { foreground = background }
        if isSelected {
            foreground = CellStyle.selectionForeground
            background = CellStyle.selectionBackground
        }
        if cursor == .block {
            // The character under the cursor stays readable.
            foreground = palette.background
            background = palette.cursor
        }
        var drawn = DrawnCell()
        drawn.identity = cell.identity
        drawn.foreground = 0xFF00_0000 | foreground
        drawn.background = 0xFF00_0000 | background
        drawn.attributes = style.attributes.subtracting([.inverse, .dim, .hidden, .blink])
        drawn.isWide = cell.isWide
        drawn.isSpacer = cell.isSpacer
        drawn.cursor = cursor
        return drawn
    }
}
