// What lies behind all windows: a baked picture, or a plain dusk gradient where the file is missing.

import Gfx
import Scene
import System

public final class Wallpaper: Drawable {
    public let node: SceneNode
    private let size: Size

    public init(size: Size) {
        self.size = size
        node = SceneNode(size: size)
        node.drawable = self
        node.setOpaque(Region(Rect(size: size)))
    }

    public func draw(into target: PixelBuffer, at origin: Point) {
        let indigo = Color(rgb: 0x1B1E3C)
        let plum = Color(rgb: 0x4B2E5E)
        let ember = Color(rgb: 0xE5734F)
        let area = target.clip
        for y in area.top..<area.bottom {
            let t = (y - origin.y) * 512 / max(size.height, 1)
            let color = t < 256 ? indigo.mixed(with: plum, position: UInt8(clamping: t)) : plum.mixed(with: ember, position: UInt8(clamping: t - 256))
            target.fill(Rect(x: area.left, y: y, width: area.width, height: 1), color)
        }
    }
}
