// Shows where a window that is dragged to a screen edge would go.

import Gfx
import Scene
import Tokens

public final class SnapPreview: Drawable {
    public let node = SceneNode()
    private let fill: Color
    private let line: Color

    public init(_ style: ChromeStyle) {
        fill = style.palette.accent.opacity(48)
        line = style.palette.accent.opacity(160)
        node.setVisible(false)
    }

    /// Shows a rectangle of the screen, or nothing.
    public func show(_ rect: Rect?) {
        guard let rect else {
            node.setVisible(false)
            // No cycle remains while nothing is shown.
            node.drawable = nil
            return
        }
        let inner = rect.inset(by: 6)
        node.drawable = self
        node.setPosition(inner.origin)
        node.setSize(inner.size)
        node.setVisible(true)
    }

    public func draw(into target: PixelBuffer, at origin: Point) {
        let area = Rect(origin: origin, size: node.size)
        target.blend(area, fill)
        for edge in [
            area.inset(bottom: area.height - 2), area.inset(top: area.height - 2),
            area.inset(top: 2, right: area.width - 2, bottom: 2),
            area.inset(left: area.width - 2, top: 2, bottom: 2),
        ] { target.blend(edge, line) }
    }
}
