// What all frames share: colours, type, prerendered shapes.

import ArtPack
import FontAtlas
import Gfx
import Scene
import Tokens

/// The faces of the interface. A face is missing only if its file is: text is then left out, nothing else.
public struct InterfaceFonts: Sendable {
    public var caption: FontFace?
    public var body: FontFace?
    public var bodyMedium: FontFace?
    public var bodySemibold: FontFace?
    public var title: FontFace?

    public init() {}
}

public final class ChromeStyle {
    public let palette: Palette
    public let fonts: InterfaceFonts
    /// The art file; without it the desktop has no shadows and no icons.
    public let art: ArtLibrary?
    public let corners = RoundedCorners(radius: Metrics.cornerRadius)
    public let smallCorners = RoundedCorners(radius: Metrics.smallCornerRadius)
    let shadow: ArtShadow?
    let inactiveShadow: ArtShadow?
    let ring = RoundedRing(radius: Metrics.cornerRadius)
    let buttonDisc: MaskBitmap
    private let icons: [CoverageMask?]
    /// How far a shadow reaches at most, and at least as far as a frame's edges can be taken hold of.
    public let shadowMargin: Int32

    public init(palette: Palette, fonts: InterfaceFonts, art: ArtLibrary? = nil) {
        self.palette = palette
        self.fonts = fonts
        self.art = art
        shadow = art?.shadow("shadow/active")
        inactiveShadow = art?.shadow("shadow/inactive")
        icons = ["close", "maximize", "minimize", "restore"].map { art?.mask("icon/\($0)@1") }
        var margin = FrameMetrics.resizeReach
        for case let shadow? in [shadow, inactiveShadow] {
            let reach = shadow.outsets
            margin = max(margin, max(max(reach.left, reach.right), max(reach.top, reach.bottom)))
        }
        shadowMargin = margin
        let size = FrameMetrics.buttonSize
        buttonDisc = Shape.icon(size) { Shape.disc($0, $1, Float(size) / 2 - 0.5) }
    }

    func icon(_ button: FrameButton, isMaximised: Bool) -> CoverageMask? {
        icons[button == .maximise && isMaximised ? 3 : Int(button.rawValue)]
    }

    /// The shadow and the hairline of something rounded that floats; nothing is drawn below it.
    public func drawShadow(into target: PixelBuffer, around frame: Rect) {
        drawShadow(into: target, around: frame, shadow, isSquare: false)
    }

    /// Draws shadow and hairline outside `frame` only, for what is inside may be translucent.
    func drawShadow(into target: PixelBuffer, around frame: Rect, _ shadow: ArtShadow?, isSquare: Bool) {
        func drawAll(_ part: PixelBuffer, _ frame: Rect) {
            if let shadow { part.blend(shadow.patch, in: shadow.bounds(around: frame), .black) }
            ring.draw(into: part, around: frame, palette.hairline, isSquare: isSquare)
        }
        for rect in Region(target.clip).subtracting(frame).rects { drawAll(target.clipped(to: rect), frame) }
        guard !isSquare else { return }
        // In the corners' squares only what is outside the curve, so they are drawn aside and cut out.
        for (square, mask) in zip(corners.squares(of: frame), corners.masks) where target.clip.intersects(square) {
            var pixels = [UInt32](repeating: 0, count: Int(square.width * square.height))
            pixels.withUnsafeMutableBytes { bytes in
                let stride = Int(square.width) * 4
                guard
                    let aside = PixelBuffer(
                        memory: bytes, width: square.width, height: square.height, strideBytes: stride, format: .argb8888)
                else { return }
                drawAll(aside, frame.translated(by: .zero - square.origin))
                for index in 0..<Int(square.width * square.height) {
                    // What is drawn here has few colours and little alpha: scaling by the coverage left is exact enough.
                    let kept = 255 - UInt32(mask.mask.base[index])
                    let pixel = bytes.load(fromByteOffset: index * 4, as: UInt32.self)
                    bytes.storeBytes(of: scaled(pixel, by: kept), toByteOffset: index * 4, as: UInt32.self)
                }
                target.blend(aside.image, to: square.origin)
            }
        }
    }

    /// For surfaces that end a frame.
    public var cornerMask: CornerMask { CornerMask(left: corners.bottomLeft.mask, right: corners.bottomRight.mask) }
}

/// A premultiplied pixel with all its channels multiplied by `factor` / 255.
private func scaled(_ pixel: UInt32, by factor: UInt32) -> UInt32 {
    var result: UInt32 = 0
    for shift: UInt32 in [0, 8, 16, 24] {
        let channel = (((pixel >> shift) & 0xff) * factor + 127) / 255
        result |= channel << shift
    }
    return result
}

/// A hairline around a rounded rectangle, one pixel outside it.
final class RoundedRing {
    private let side: Int32
    private let topLeft: MaskBitmap
    private let topRight: MaskBitmap
    private let bottomLeft: MaskBitmap
    private let bottomRight: MaskBitmap

    init(radius: Int32) {
        let side = radius + 1
        self.side = side
        func corner(_ centerX: Int32, _ centerY: Int32) -> MaskBitmap {
            MaskBitmap(width: side, height: side) { x, y in
                let d = Shape.distance(Float(x - centerX) + 0.5, Float(y - centerY) + 0.5)
                return Shape.coverage(abs(d - Float(radius) - 0.5) - 0.5)
            }
        }
        topLeft = corner(side, side)
        topRight = corner(0, side)
        bottomLeft = corner(side, 0)
        bottomRight = corner(0, 0)
    }

    func draw(into target: PixelBuffer, around rect: Rect, _ color: Color, isSquare: Bool) {
        let outer = rect.inset(by: -1)
        let cut = isSquare ? 0 : side
        target.blend(Rect(left: outer.left + cut, top: outer.top, right: outer.right - cut, bottom: outer.top + 1), color)
        target.blend(Rect(left: outer.left + cut, top: outer.bottom - 1, right: outer.right - cut, bottom: outer.bottom), color)
        let sideInset = isSquare ? 1 : side
        target.blend(
            Rect(left: outer.left, top: outer.top + sideInset, right: outer.left + 1, bottom: outer.bottom - sideInset), color)
        target.blend(
            Rect(left: outer.right - 1, top: outer.top + sideInset, right: outer.right, bottom: outer.bottom - sideInset), color)
        guard !isSquare else { return }
        target.blend(topLeft.mask, to: outer.origin, color)
        target.blend(topRight.mask, to: Point(x: outer.right - side, y: outer.top), color)
        target.blend(bottomLeft.mask, to: Point(x: outer.left, y: outer.bottom - side), color)
        target.blend(bottomRight.mask, to: Point(x: outer.right - side, y: outer.bottom - side), color)
    }
}
