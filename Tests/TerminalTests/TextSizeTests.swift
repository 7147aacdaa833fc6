import Gfx
import TerminalView
import Testing

@Suite struct TextSizeTests {
    /// Windows of 80 × 24 cells, as the image's glyphs make them.
    private func window(_ size: TextSize) -> Size? {
        switch size {
        case .small: Size(width: 576, height: 400)
        case .medium: Size(width: 656, height: 448)
        case .large: Size(width: 816, height: 544)
        }
    }

    private func preferred(_ width: Int32, _ height: Int32) -> TextSize {
        TextSize.preferred(within: Size(width: width, height: height), gap: 16, window: window)
    }

    @Test func twoWindowsFitBesideEachOther() {
        #expect(preferred(1280, 736) == .small)
        #expect(preferred(1366, 704) == .medium)
        #expect(preferred(1920, 1016) == .medium)
        for width: Int32 in [1200, 1280, 1359, 1360, 2560] {
            let chosen = preferred(width, 900)
            #expect(window(chosen)!.width * 2 + 16 * 3 <= width)
        }
    }

    @Test func narrowScreensKeepTheUsualSize() {
        #expect(preferred(1024, 704) == .medium)
        #expect(preferred(640, 446) == .small)
        #expect(preferred(320, 200) == .medium)
        #expect(TextSize.preferred(within: nil, gap: 16, window: window) == .medium)
    }

    @Test func sizesWithoutGlyphsAreNotChosen() {
        #expect(
            TextSize.preferred(within: Size(width: 1280, height: 736), gap: 16) { $0 == .small ? nil : window($0) } == .medium)
    }
}
