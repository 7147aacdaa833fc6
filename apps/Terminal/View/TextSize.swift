// The sizes of the terminal's text, and which one a new window has.

import Gfx
import Toolkit

/// A text size that the image has glyphs for.
public enum TextSize: Int, CaseIterable, Sendable {
    case small, medium, large

    /// Pixels at scale 1, as in the names of the atlases.
    var pixels: Int32 {
        switch self {
        case .small: 12
        case .medium: 14
        case .large: 17
        }
    }

    /// The next size up or down; the last one stays.
    func stepped(by step: Int) -> TextSize { TextSize(rawValue: rawValue + step) ?? self }

    /// The faces of this size at a scale.
    func fonts(_ resources: Resources, scale: Int32) -> TerminalFonts? {
        let size = pixels * scale
        guard let regular = resources.face("mono-regular-\(size)") else { return nil }
        return TerminalFonts(
            regular: regular, bold: resources.face("mono-bold-\(size)"), italic: resources.face("mono-italic-\(size)"))
    }

    /// The size for a new window: the usual one, if two such windows fit beside each other; else a smaller one that does.
    /// - Parameters:
    ///   - bounds: what a window may take up at most.
    ///   - gap: the space beside and between windows.
    ///   - window: how large a window is at a size; nil if there are no glyphs for it.
    public static func preferred(within bounds: Size?, gap: Int32, window: (TextSize) -> Size?) -> TextSize {
        guard let bounds else { return .medium }
        func fits(_ size: TextSize, _ count: Int32) -> Bool {
            guard let window = window(size) else { return false }
            return window.width <= (bounds.width - gap * (count + 1)) / count && window.height <= bounds.height - gap * 2
        }
        for count: Int32 in [2, 1] {
            for size in [TextSize.medium, .small] {
                if fits(size, count) { return size }
            }
        }
        return .medium
    }
}
