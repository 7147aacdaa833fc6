// What lies behind all windows: a baked wallpaper, or a plain colour where the file is missing.

import ArtPack
import Gfx
import Scene
import Tokens
import Wallpaper

public final class Background: Drawable {
    public let node: SceneNode
    private let painter: WallpaperPainter?
    private let plain: Color

    public init(size: Size, art: ArtLibrary?, wallpaper name: String, palette: Palette) {
        plain = palette.sunken
        var painter: WallpaperPainter?
        if let data = art?.data("wallpaper/\(name)"), let wallpaper = try? Wallpaper(data) {
            painter = WallpaperPainter(wallpaper, size: size)
        }
        self.painter = painter
        node = SceneNode(size: size)
        node.setOpaque(Region(node.bounds))
        // A cycle for as long as there is a desktop.
        node.drawable = self
    }

    public func draw(into target: PixelBuffer, at origin: Point) {
        // The node fills the screen, so the screen's origin is its own.
        if let painter { painter.paint(into: target) } else { target.fill(target.clip, plain) }
    }
}
