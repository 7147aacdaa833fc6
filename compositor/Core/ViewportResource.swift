// wp_viewporter and wp_fractional_scale_manager_v1: surfaces whose size is not that of their buffers.

import Gfx
import Scene
import WaylandServer

extension Client {
    func viewporter(_ id: ObjectID, _ request: WpViewporter.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .getViewport(let new, let surfaceID):
            guard let surface = surface(surfaceID) else { return fail(id, 0, "no such surface") }
            guard surface.viewport == nil else {
                return fail(id, WpViewporter.ErrorCode.viewportExists.rawValue, "the surface has a viewport")
            }
            let viewport = ViewportResource(self, new, surface)
            try add(new, 1, .viewport(viewport))
            surface.viewport = viewport
        }
    }

    /// The screen's scale is 1, so every surface is told that, once.
    func fractionalScales(_ id: ObjectID, _ request: WpFractionalScaleManagerV1.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .getFractionalScale(let new, let surfaceID):
            guard let surface = surface(surfaceID) else { return fail(id, 0, "no such surface") }
            guard !surface.hasFractionalScale else {
                let code = WpFractionalScaleManagerV1.ErrorCode.fractionalScaleExists.rawValue
                return fail(id, code, "the surface has such an object")
            }
            try add(new, 1, .fractionalScale(surface))
            surface.hasFractionalScale = true
            WpFractionalScaleV1.Resource(outbox, new, version: 1).preferredScale(scale: 120)
        }
    }
}

/// A `wp_viewport`.
final class ViewportResource {
    // SAFETY: a client ends its objects before it goes away.
    private unowned(unsafe) let client: Client
    private let id: ObjectID
    /// Nil once it is gone.
    private var surface: ClientSurface?

    /// More than any screen; what is larger could overflow when it is placed.
    private static let limit: Int32 = 1 << 16

    init(_ client: Client, _ id: ObjectID, _ surface: ClientSurface) {
        self.client = client
        self.id = id
        self.surface = surface
    }

    func handle(_ request: WpViewport.Request) {
        if case .destroy = request {
            end()
            return client.remove(id)
        }
        guard let surface, !surface.hasEnded else { return fail(.noSurface, "the surface is gone") }
        var viewport = surface.surface.pendingViewport
        let unset = Fixed(-1)
        switch request {
        case .destroy: return
        case .setSource(let x, let y, let width, let height):
            if x == unset, y == unset, width == unset, height == unset {
                viewport.source = nil
            } else {
                guard x.rawValue >= 0, y.rawValue >= 0, width.rawValue > 0, height.rawValue > 0 else {
                    return fail(.badValue, "a source that is empty or begins outside")
                }
                viewport.source = FineRect(x: x.rawValue, y: y.rawValue, width: width.rawValue, height: height.rawValue)
            }
        case .setDestination(let width, let height):
            if width == -1, height == -1 {
                viewport.destination = nil
            } else {
                guard width > 0, height > 0, width <= Self.limit, height <= Self.limit else {
                    return fail(.badValue, "a destination of \(width)x\(height)")
                }
                viewport.destination = Size(width: width, height: height)
            }
        }
        surface.surface.pending.viewport = viewport
    }

    /// Whether what is about to be committed makes sense; if not, the client is told.
    func mayCommit(_ surface: Surface) -> Bool {
        let viewport = surface.pendingViewport
        guard let source = viewport.source else { return true }
        if viewport.destination == nil, !source.isWholeSize {
            fail(.badSize, "a source with a fractional size and no destination")
            return false
        }
        if let size = surface.pendingBufferSize, !source.fits(in: size) {
            fail(.outOfBuffer, "the source is not in the buffer")
            return false
        }
        return true
    }

    /// Its state goes with the next commit. Harmless when called twice.
    func end() {
        if let surface, surface.viewport === self {
            surface.viewport = nil
            if !surface.hasEnded { surface.surface.pending.viewport = Viewport() }
        }
        surface = nil
    }

    private func fail(_ code: WpViewport.ErrorCode, _ message: String) { client.fail(id, code.rawValue, message) }
}
