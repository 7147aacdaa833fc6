// What shows pictures. The KMS and the headless output are equals: the compositor knows only this.

import Gfx

/// One screen.
public protocol DisplayOutput: AnyObject {
    var size: Size { get }
    /// The pixels that `present` shows. Valid as long as the output lives.
    var pixels: PixelBuffer { get }
    /// Shows what changed inside a region of `pixels`.
    func present(_ damage: Region)
    /// Shows a cursor image of its own plane; false if there is none, or the image is too large for it.
    func setCursor(_ image: PixelImage, hotspot: Point) -> Bool
    func hideCursor()
    /// Moves the hotspot.
    func moveCursor(to position: Point)
}
