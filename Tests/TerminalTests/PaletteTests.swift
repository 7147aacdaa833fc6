import Testing
import VT

@Suite struct PaletteTests {
    /// Relative luminance (WCAG 2.1).
    private func luminance(_ color: UInt32) -> Double {
        let channels = [16, 8, 0].map { shift -> Double in
            let value = Double(color >> UInt32(shift) & 0xFF) / 255
            return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055).power(2.4)
        }
        return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
    }

    private func contrast(_ first: UInt32, _ second: UInt32) -> Double {
        let (high, low) = (max(luminance(first), luminance(second)), min(luminance(first), luminance(second)))
        return (high + 0.05) / (low + 0.05)
    }

    @Test func namedColoursCanBeRead() {
        let terminal = Emulator(40, 16)
        // Black alone is not meant to be read on the dark background.
        for index in 1..<16 {
            terminal.feed("\u{1B}[\(index + 1);1H\u{1B}[38;5;\(index)mx\u{1B}[0m")
            let style = terminal.cells(index)[0].style
            let palette = terminal.screen.palette
            #expect(contrast(palette.foreground(style), palette.background) >= 4.5, "colour \(index)")
        }
        let palette = terminal.screen.palette
        #expect(contrast(palette.foreground, palette.background) >= 7)
        #expect(contrast(palette.background, palette.cursor) >= 4.5, "the character under the cursor")
    }
}

extension Double {
    /// For positive numbers and an exponent in fifths: x^2.4 = x² · (x²)^(1/5).
    fileprivate func power(_ exponent: Double) -> Double {
        precondition(exponent == 2.4)
        let square = self * self
        var root = 1.0
        // Newton's method for the fifth root.
        for _ in 0..<60 { root -= (root * root * root * root * root - square) / (5 * root * root * root * root) }
        return square * root
    }
}
