// The double-buffered state of a surface (wl_surface.commit).

import Gfx

/// Pixels that a client shares with us.
public protocol SurfaceBuffer: AnyObject {
    var size: Size { get }
    /// No pixel is translucent, whatever its alpha says.
    var isOpaque: Bool { get }
    /// Lends the pixels; does nothing if they cannot be read.
    func withImage(_ body: (PixelImage) -> Void)
    /// A surface starts to use the buffer; its pixels may be fetched now.
    func beginUse()
    /// A surface has stopped to use it: when all have, the client may draw into it again.
    func endUse()
}

/// What one commit changes. Regions are in surface coordinates unless named otherwise.
public struct SurfaceState {
    public enum Attachment {
        case unchanged
        case buffer((any SurfaceBuffer)?)
    }

    public var attachment = Attachment.unchanged
    /// How far the new buffer's corner is from the old one's.
    public var offset = Point.zero
    public var damage = Region()
    /// Buffer coordinates.
    public var bufferDamage = Region()
    public var opaque: Region?
    /// The outer optional says whether it changes, the inner nil is "everywhere".
    public var input: Region??
    public var scale: Int32?
    public var transform: BufferTransform?
    public var viewport: Viewport?
    /// Identifiers of the objects that are told when this was shown, and of those whose content never will be.
    public var feedbacks: [UInt32] = []
    var replacedFeedbacks: [UInt32] = []
    /// Identifiers of `wl_callback` objects.
    public var frameCallbacks: [UInt32] = []

    public init() {}

    /// Whether a buffer was attached.
    public var hasBuffer: Bool {
        if case .buffer(_?) = attachment { return true }
        return false
    }

    /// Puts a later commit on top of this one (a synchronised subsurface commits several times before its parent).
    mutating func merge(_ later: SurfaceState) {
        if case .buffer(let new) = later.attachment {
            if case .buffer(let old?) = attachment { old.endUse() }
            attachment = .buffer(new)
        }
        offset = offset + later.offset
        damage.formUnion(later.damage)
        bufferDamage.formUnion(later.bufferDamage)
        opaque = later.opaque ?? opaque
        input = later.input ?? input
        scale = later.scale ?? scale
        transform = later.transform ?? transform
        viewport = later.viewport ?? viewport
        replacedFeedbacks += feedbacks + later.replacedFeedbacks
        feedbacks = later.feedbacks
        frameCallbacks += later.frameCallbacks
    }
}
