// wp_single_pixel_buffer_manager_v1: buffers of one colour without shared memory.

import Gfx
import Scene
import WaylandServer

/// A buffer with its object.
protocol ClientBuffer: SurfaceBuffer {
    /// The client cannot name the buffer any more; a surface may still show it.
    func end()
}

extension Client {
    func singlePixelBuffers(_ id: ObjectID, _ request: WpSinglePixelBufferManagerV1.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .createU32RgbaBuffer(let new, let red, let green, let blue, let alpha):
            // 32 bits a channel, of which the upper 8 are what the screen can show; no channel exceeds its alpha.
            func channel(_ value: UInt32) -> UInt32 { min(value, alpha) >> 24 }
            let pixel = channel(alpha) << 24 | channel(red) << 16 | channel(green) << 8 | channel(blue)
            try add(new, 1, .buffer(SinglePixelBuffer(self, new, pixel)))
        }
    }
}

/// A buffer of one premultiplied pixel.
final class SinglePixelBuffer: ClientBuffer {
    // SAFETY: read only while `hasEnded` is false, and a client ends its buffers before it goes away.
    private unowned(unsafe) let client: Client
    private let id: ObjectID
    private let pixel: UInt32
    private var hasEnded = false

    init(_ client: Client, _ id: ObjectID, _ pixel: UInt32) {
        self.client = client
        self.id = id
        self.pixel = pixel
    }

    var size: Size { Size(width: 1, height: 1) }
    var isOpaque: Bool { pixel >> 24 == 255 }

    func withImage(_ body: (PixelImage) -> Void) {
        withUnsafeBytes(of: pixel) { bytes in
            if let image = PixelImage(memory: bytes, width: 1, height: 1, strideBytes: 4, format: .argb8888) { body(image) }
        }
    }

    /// Its pixel never changes, so it is the client's again at once.
    func beginUse() { if !hasEnded { WlBuffer.Resource(client.outbox, id, version: 1).release() } }
    func endUse() {}
    func end() { hasEnded = true }
}
