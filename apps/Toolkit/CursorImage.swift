// The pictures of the pointer.

import Gfx
import System
import WaylandClient

/// What the pointer looks like over a window.
public enum CursorShape: Sendable { case arrow, text }

/// A surface with a cursor's picture.
final class CursorImage {
    let shape: CursorShape
    let scale: Int32
    let surface: ObjectID
    let hotspot: Point
    private let display: Display
    private let proxy: WlSurface.Proxy
    private let buffer: ShmBuffer?

    init?(_ shape: CursorShape, _ scale: Int32, _ display: Display) {
        guard let compositor = display.compositor, let shm = display.shm else { return nil }
        self.shape = shape
        self.scale = scale
        self.display = display
        let rows = shape == .arrow ? CursorImage.arrow : CursorImage.text
        let size = Size(width: Int32(rows[0].utf8CodeUnitCount) * scale, height: Int32(rows.count) * scale)
        hotspot = shape == .arrow ? Point(x: 1, y: 1) : Point(x: 4, y: 9)
        let connection = display.connection
        surface = connection.create()
        compositor.createSurface(id: surface)
        proxy = WlSurface.Proxy(connection.outbox, surface, version: compositor.version)
        var buffer: ShmBuffer?
        do throws(Errno) { buffer = try ShmBuffer(display, shm, size, format: .argb8888) {} } catch { buffer = nil }
        self.buffer = buffer
        guard let buffer else { return }
        let pixels = buffer.pixels
        for (y, row) in rows.enumerated() {
            for x in 0..<row.utf8CodeUnitCount {
                let pixel: UInt32
                switch row.utf8Start[x] {
                case UInt8(ascii: "#"): pixel = 0xFF1E_1F29
                case UInt8(ascii: "o"): pixel = 0xFFF7_F7FA
                default: pixel = 0
                }
                pixels.fill(Rect(x: Int32(x) * scale, y: Int32(y) * scale, width: scale, height: scale), pixel: pixel)
            }
        }
        proxy.attach(buffer: buffer.id, x: 0, y: 0)
        proxy.setBufferScale(scale: scale)
        proxy.damageBuffer(x: 0, y: 0, width: size.width, height: size.height)
        proxy.commit()
    }

    func destroy() {
        proxy.destroy()
        display.connection.retire(surface)
    }

    private static var text: [StaticString] {
        [
            "ooo   ooo", "o##ooo##o", "ooo###ooo", "  oo#oo  ", "   o#o   ", "   o#o   ", "   o#o   ", "   o#o   ",
            "   o#o   ", "   o#o   ", "   o#o   ", "   o#o   ", "   o#o   ", "   o#o   ", "  oo#oo  ", "ooo###ooo",
            "o##ooo##o", "ooo   ooo",
        ]
    }

    private static var arrow: [StaticString] {
        [
            "o           ", "oo          ", "o#o         ", "o##o        ", "o###o       ", "o####o      ", "o#####o     ",
            "o######o    ", "o#######o   ", "o########o  ", "o#########o ", "o######ooooo", "o###o##o    ", "o##oo##o    ",
            "o#o  o##o   ", "oo   o##o   ", "o     o##o  ", "      o##o  ", "       oo   ",
        ]
    }
}
