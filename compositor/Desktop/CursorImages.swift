// The compositor's own pointer shapes.

import ArtPack
import CompositorCore
import Gfx

extension CursorShape {
    /// The name of the picture in the art file.
    var artName: String {
        switch self {
        case .arrow: "cursor/default@1"
        case .move: "cursor/move@1"
        case .horizontal: "cursor/ew-resize@1"
        case .vertical: "cursor/ns-resize@1"
        case .diagonalDown: "cursor/nwse-resize@1"
        case .diagonalUp: "cursor/nesw-resize@1"
        case .text: "cursor/text@1"
        case .hand: "cursor/pointer@1"
        }
    }
}

/// A plain arrow for when there is no art file: nobody should be without a pointer.
final class PlainArrow {
    private let pixels: UnsafeMutableRawBufferPointer
    let image: PixelImage

    init() {
        let side: Int32 = 16
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(side * side) * 4, alignment: 16)
        for y in 0..<side {
            for x in 0..<side {
                let isInside = x <= y && x + y < side + side / 2
                let isEdge = isInside && (x == 0 || x == y || x + y == side + side / 2 - 1)
                memory.storeBytes(
                    of: isEdge ? 0xffff_ffff : isInside ? 0xff1e_1f29 : 0, toByteOffset: Int(y * side + x) * 4, as: UInt32.self)
            }
        }
        pixels = memory
        // The layout is right by construction.
        image = PixelImage(
            memory: UnsafeRawBufferPointer(memory), width: side, height: side, strideBytes: Int(side) * 4, format: .argb8888)!
    }

    deinit { pixels.deallocate() }
}
