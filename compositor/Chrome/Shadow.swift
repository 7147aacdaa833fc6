// The soft shadow of a window as nine patches: four corners and four edges, prerendered in two strengths.

import Gfx
import Tokens

/// The patches for one strength.
public final class ShadowPatches {
    /// How far the shadow reaches beyond the window.
    public static var margin: Int32 { ShadowTokens.wideRadius + ShadowTokens.wideOffset }
    /// The side of a corner patch: beyond it only one direction varies.
    static var patch: Int32 { margin * 2 }

    private let topLeft: MaskBitmap
    private let topRight: MaskBitmap
    private let bottomLeft: MaskBitmap
    private let bottomRight: MaskBitmap
    private let leftEdge: MaskBitmap
    private let rightEdge: MaskBitmap
    private let topEdge: [UInt8]
    private let bottomEdge: [UInt8]

    /// - Parameter strength: of 255.
    public init(strength: Int32) {
        let side = ShadowPatches.patch
        let margin = ShadowPatches.margin
        let wide = ShadowTokens.wideAlpha * strength / 255
        let narrow = ShadowTokens.narrowAlpha * strength / 255
        // Weights by the distance from the window's edge, positive inside, for each layer and direction.
        func weights(_ radius: Int32, _ shift: Int32) -> [Int32] {
            (0..<side).map { ShadowPatches.ramp($0 - margin + shift, radius) }
        }
        let wideSide = weights(ShadowTokens.wideRadius, 0)
        let narrowSide = weights(ShadowTokens.narrowRadius, 0)
        let wideTop = weights(ShadowTokens.wideRadius, -ShadowTokens.wideOffset)
        let narrowTop = weights(ShadowTokens.narrowRadius, -ShadowTokens.narrowOffset)
        let wideBottom = weights(ShadowTokens.wideRadius, ShadowTokens.wideOffset)
        let narrowBottom = weights(ShadowTokens.narrowRadius, ShadowTokens.narrowOffset)
        func alpha(_ wideX: Int32, _ wideY: Int32, _ narrowX: Int32, _ narrowY: Int32) -> Int32 {
            (wide * wideX / 256 * wideY + narrow * narrowX / 256 * narrowY) / 256
        }
        func corner(_ isRight: Bool, _ isBottom: Bool) -> MaskBitmap {
            MaskBitmap(width: side, height: side) { x, y in
                let column = Int(isRight ? side - 1 - x : x)
                let row = Int(isBottom ? side - 1 - y : y)
                return alpha(
                    wideSide[column], isBottom ? wideBottom[row] : wideTop[row], narrowSide[column], isBottom ? narrowBottom[row] : narrowTop[row])
            }
        }
        topLeft = corner(false, false)
        topRight = corner(true, false)
        bottomLeft = corner(false, true)
        bottomRight = corner(true, true)
        leftEdge = MaskBitmap(width: side, height: 1) { x, _ in alpha(wideSide[Int(x)], 256, narrowSide[Int(x)], 256) }
        rightEdge = MaskBitmap(width: side, height: 1) { x, _ in alpha(wideSide[Int(side - 1 - x)], 256, narrowSide[Int(side - 1 - x)], 256) }
        topEdge = (0..<Int(side)).map { UInt8(clamping: alpha(256, wideTop[$0], 256, narrowTop[$0])) }
        bottomEdge = (0..<Int(side)).map { UInt8(clamping: alpha(256, wideBottom[Int(side) - 1 - $0], 256, narrowBottom[Int(side) - 1 - $0])) }
    }

    /// A smooth step of 256 from one radius outside to one inside.
    private static func ramp(_ distance: Int32, _ radius: Int32) -> Int32 {
        let u = min(max(distance + radius, 0), radius * 2) * 256 / (radius * 2)
        return u * u / 256 * (3 * 256 - 2 * u) / 256
    }

    /// Draws the shadow of a window whose frame is `frame`.
    public func draw(into target: PixelBuffer, around frame: Rect) {
        let outer = frame.inset(by: -ShadowPatches.margin)
        guard target.clip.intersects(outer) else { return }
        let side = ShadowPatches.patch
        // A window that is smaller than two patches gets the outer halves of both.
        let width = min(side, outer.width / 2)
        let height = min(side, outer.height / 2)
        let black = Color.black.premultiplied
        target.blend(topLeft.mask, Rect(x: 0, y: 0, width: width, height: height), to: outer.origin, pixel: black)
        target.blend(
            topRight.mask, Rect(x: side - width, y: 0, width: width, height: height), to: Point(x: outer.right - width, y: outer.top), pixel: black)
        target.blend(
            bottomLeft.mask, Rect(x: 0, y: side - height, width: width, height: height), to: Point(x: outer.left, y: outer.bottom - height),
            pixel: black)
        target.blend(
            bottomRight.mask, Rect(x: side - width, y: side - height, width: width, height: height),
            to: Point(x: outer.right - width, y: outer.bottom - height), pixel: black)

        let middle = outer.inset(left: width, top: height, right: width, bottom: height)
        if middle.height > 0 {
            target.blend(leftEdge.rows(middle.height), Rect(x: 0, y: 0, width: width, height: middle.height),
                to: Point(x: outer.left, y: middle.top), pixel: black)
            target.blend(rightEdge.rows(middle.height), Rect(x: side - width, y: 0, width: width, height: middle.height),
                to: Point(x: outer.right - width, y: middle.top), pixel: black)
        }
        guard middle.width > 0 else { return }
        for y in 0..<height {
            target.blend(
                Rect(x: middle.left, y: outer.top + y, width: middle.width, height: 1), Color(rgb: 0, alpha: topEdge[Int(y)]))
            target.blend(
                Rect(x: middle.left, y: outer.bottom - height + y, width: middle.width, height: 1),
                Color(rgb: 0, alpha: bottomEdge[Int(side - height + y)]))
        }
    }
}
