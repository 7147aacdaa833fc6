// The example of docs/apps.md, so that it keeps compiling.

import Gfx
import System
import Text
import Tokens
import Toolkit

final class Greeting: WindowDelegate {
    private let application: Application
    private let palette = Palette.dark
    private var clicks = 0

    init(_ application: Application) { self.application = application }

    func window(_ window: Window, draw damage: Region, into buffer: PixelBuffer) {
        for rect in damage.rects {
            let target = buffer.clipped(to: rect)
            target.fill(rect, palette.surface)
            guard let font = application.resources.face("inter-regular-13") else { continue }
            target.draw("Clicked \(clicks) times", font: font, in: Rect(size: window.pixelSize), alignment: .center, palette.text)
        }
    }

    func window(_ window: Window, pointer event: PointerEvent) {
        guard case .press(.left, _) = event.kind else { return }
        clicks += 1
        window.invalidateAll()
    }
}
