// The pictures of the pointer.

import ArtPack
import Gfx
import System
import WaylandClient

/// What the pointer looks like over a window. The names are those of CSS and of the image's art.
public enum CursorShape: Sendable {
    case arrow, text, pointer, crosshair, move, wait, notAllowed

    var name: String {
        switch self {
        case .arrow: "default"
        case .text: "text"
        case .pointer: "pointer"
        case .crosshair: "crosshair"
        case .move: "move"
        case .wait: "wait"
        case .notAllowed: "not-allowed"
        }
    }
}

/// A surface with a cursor's picture.
final class CursorImage {
    let shape: CursorShape
    let scale: Int32
    let surface: ObjectID
    let hotspot: Point
    private let display: Display
    private let proxy: WlSurface.Proxy
    private let buffer: ShmBuffer

    /// Fails if there is no such picture; the server then keeps the one it had.
    init?(_ shape: CursorShape, _ scale: Int32, _ display: Display) {
        let finest = min(max(scale, 1), 2)
        guard let compositor = display.compositor, let shm = display.shm,
            let art = display.application.resources.art?.image("cursor/\(shape.name)@\(finest)")
        else { return nil }
        self.shape = shape
        self.scale = scale
        self.display = display
        hotspot = Point(x: art.hotspot.x / finest, y: art.hotspot.y / finest)
        do throws(Errno) {
            buffer = try ShmBuffer(display, shm, art.image.size, format: .argb8888) {}
        } catch { return nil }
        buffer.pixels.copy(art.image, to: .zero)
        let connection = display.connection
        surface = connection.create { message throws(WireError) in _ = try WlSurface.Event.decode(&message, version: 5) }
        compositor.createSurface(id: surface)
        proxy = WlSurface.Proxy(connection.outbox, surface, version: compositor.version)
        proxy.attach(buffer: buffer.id, x: 0, y: 0)
        proxy.setBufferScale(scale: finest)
        proxy.damageBuffer(x: 0, y: 0, width: art.image.width, height: art.image.height)
        proxy.commit()
    }

    func destroy() {
        proxy.destroy()
        display.connection.retire(surface)
    }
}
