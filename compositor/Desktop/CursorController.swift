// Shows the pointer: on the display's cursor plane, or drawn into the scene where there is none.

import ArtPack
import Chrome
import CompositorCore
import Screens
import Gfx
import Scene

public final class CursorController: CursorPresenter {
    private let output: any DisplayOutput
    private let node = SceneNode()
    private let painter = CursorPainter()
    private let art: ArtLibrary?
    private lazy var plainArrow = PlainArrow()
    private var shown: CursorShape?
    private var position = Point.zero
    private var hotspot = Point.zero

    public init(_ output: any DisplayOutput, _ compositor: Compositor) {
        self.output = output
        art = compositor.chromeStyle.art
        position = compositor.seat.position.pixel
        node.setVisible(false)
        node.drawable = painter
        compositor.cursorLayer.add(node)
        output.moveCursor(to: position)
        showCursor(.arrow)
    }

    public func showCursor(_ shape: CursorShape) {
        guard shown != shape else { return }
        if let picture = art?.image(shape.artName) {
            show(picture.image, hotspot: picture.hotspot)
        } else {
            show(plainArrow.image, hotspot: .zero)
        }
        shown = shape
    }

    public func showCursor(_ surface: Surface, hotspot: Point) {
        shown = nil
        surface.buffer?.withImage { show($0, hotspot: hotspot) }
    }

    public func hideCursor() {
        shown = nil
        output.hideCursor()
        node.setVisible(false)
    }

    private func show(_ image: PixelImage, hotspot newHotspot: Point) {
        hotspot = newHotspot
        if output.setCursor(image, hotspot: hotspot) {
            node.setVisible(false)
            return
        }
        output.hideCursor()
        painter.take(image)
        node.setSize(painter.size)
        node.setPosition(position - hotspot)
        node.setVisible(true)
        node.invalidate()
    }

    public func moveCursor(to newPosition: Point) {
        position = newPosition
        if node.isVisible { node.setPosition(position - hotspot) } else { output.moveCursor(to: position) }
    }
}

/// A copy of the pointer's image: a client's buffer may change at any time.
private final class CursorPainter: Drawable {
    private var pixels: [UInt32] = []
    private(set) var size = Size.zero

    func take(_ image: PixelImage) {
        size = Size(width: min(image.width, 256), height: min(image.height, 256))
        let opaque: UInt32 = image.format == .xrgb8888 ? 0xff00_0000 : 0
        pixels = []
        pixels.reserveCapacity(Int(size.width * size.height))
        for y in 0..<size.height {
            for x in 0..<size.width { pixels.append((image.pixel(at: Point(x: x, y: y)) ?? 0) | opaque) }
        }
    }

    func draw(into target: PixelBuffer, at origin: Point) {
        pixels.withUnsafeBytes { bytes in
            let image = PixelImage(
                memory: bytes, width: size.width, height: size.height, strideBytes: Int(size.width) * 4, format: .argb8888)
            if let image { target.blend(image, to: origin) }
        }
    }
}
