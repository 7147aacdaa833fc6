// A surface: its state, its subsurfaces and the nodes that show it.

import Gfx

/// Learns of commits: a window, a popup, a cursor.
public protocol SurfaceRole: AnyObject {
    /// The surface's new state is current.
    func surfaceCommitted(_ surface: Surface)
}

/// Rounds corners of a surface that ends a window frame.
public struct CornerMask {
    /// Coverage of the left bottom corner's square, inside being opaque.
    public let left: CoverageMask
    public let right: CoverageMask

    public init(left: CoverageMask, right: CoverageMask) {
        self.left = left
        self.right = right
    }
}

/// The scene's side of `wl_surface`. All coordinates are the surface's own.
public final class Surface: Drawable {
    /// What the client has set since its last commit.
    public var pending = SurfaceState()
    /// Receives commits.
    public var role: (any SurfaceRole)?
    /// The node of the surface with its subsurfaces.
    public let node = SceneNode()
    /// The node of the surface's own pixels.
    public let content = SceneNode()
    /// What belongs above the surface and its subsurfaces: popups.
    public let overlay = SceneNode()

    public private(set) var buffer: (any SurfaceBuffer)?
    public private(set) var size = Size.zero
    public private(set) var scale: Int32 = 1
    public private(set) var transform = BufferTransform.normal
    private var viewport = Viewport()
    /// The sum of all `attach` and `offset` movements.
    public private(set) var lastOffset = Point.zero
    public private(set) var frameCallbacks: [UInt32] = []
    private var feedbacks: [UInt32] = []
    private var replacedFeedbacks: [UInt32] = []
    private var opaque = Region()
    private var input: Region?
    public private(set) var isDestroyed = false

    /// Set while the surface is a subsurface.
    public private(set) var subsurface: Subsurface?
    var stack: [StackEntry] = [.own]
    var pendingStack: [StackEntry]?
    private var cornerMask: CornerMask?

    public init() {
        node.add(content)
        node.add(overlay)
        // A cycle until `destroy`, which the owner of the surface must call.
        content.drawable = self
        content.input = .everywhere
        node.setVisible(false)
    }

    /// Whether the surface has pixels.
    public var hasContent: Bool { buffer != nil }

    /// The rectangle around the surface and its subsurfaces.
    public var extents: Rect {
        var result = Rect(size: size)
        for case .child(let child) in stack where child.hasContent {
            result = result.union(child.extents.translated(by: child.node.position))
        }
        return result
    }

    // MARK: Commit

    /// Makes the pending state current, or keeps it until the parent's commit while the surface is synchronised.
    public func commit() {
        if case .buffer(let buffer?) = pending.attachment { buffer.beginUse() }
        let state = pending
        pending = SurfaceState()
        if let subsurface, subsurface.isEffectivelySynchronised {
            subsurface.cache(state)
        } else {
            apply(subsurface?.takeCached(mergedWith: state) ?? state)
        }
    }

    /// Takes the callbacks to answer after a frame.
    public func takeFrameCallbacks() -> [UInt32] {
        let taken = frameCallbacks
        frameCallbacks = []
        return taken
    }

    /// Takes the identifiers of those to tell that the surface's content was shown.
    public func takeFeedbacks() -> [UInt32] {
        let taken = feedbacks
        feedbacks = []
        return taken
    }

    /// Takes the identifiers of those whose content something newer has replaced before it was shown.
    public func takeReplacedFeedbacks() -> [UInt32] {
        let taken = replacedFeedbacks
        replacedFeedbacks = []
        return taken
    }

    /// The viewport after the next commit.
    public var pendingViewport: Viewport { pending.viewport ?? viewport }

    /// The size after the next commit, were there no viewport; nil without a buffer.
    public var pendingBufferSize: Size? {
        switch pending.attachment {
        case .unchanged: buffer.map { wholeSize($0, pending.transform ?? transform, pending.scale ?? scale) }
        case .buffer(let new): new.map { wholeSize($0, pending.transform ?? transform, pending.scale ?? scale) }
        }
    }

    func apply(_ state: SurfaceState) {
        let oldBuffer = buffer
        let oldSize = size
        let keepsLayout =
            (state.scale ?? scale) == scale && (state.transform ?? transform) == transform
            && (state.viewport ?? viewport) == viewport
        scale = state.scale ?? scale
        transform = state.transform ?? transform
        viewport = state.viewport ?? viewport
        replacedFeedbacks += feedbacks + state.replacedFeedbacks
        feedbacks = state.feedbacks
        lastOffset = state.offset
        if case .buffer(let new) = state.attachment {
            buffer?.endUse()
            buffer = new
        }
        size = surfaceSize
        if let region = state.opaque { opaque = region }
        if let region = state.input { input = region }
        frameCallbacks += state.frameCallbacks
        applyStack()

        content.setSize(size)
        updateShapes()
        // Without a buffer the surface is not shown, and neither is what belongs to it.
        node.setVisible(buffer != nil)
        if oldBuffer != nil, oldSize == size, keepsLayout {
            content.invalidate(damage(of: state))
        } else {
            content.invalidate()
        }
        for case .child(let child) in stack { child.subsurface?.parentCommitted() }
        role?.surfaceCommitted(self)
    }

    private var surfaceSize: Size {
        guard let buffer else { return .zero }
        return viewport.applied(to: wholeSize(buffer, transform, scale))
    }

    private func wholeSize(_ buffer: any SurfaceBuffer, _ transform: BufferTransform, _ scale: Int32) -> Size {
        let turned = transform.applied(to: buffer.size)
        return Size(width: turned.width / scale, height: turned.height / scale)
    }

    private func damage(of state: SurfaceState) -> Region {
        var result = state.damage
        // Filtering spreads a pixel over its neighbours.
        if viewport.isUsed { return result.isEmpty && state.bufferDamage.isEmpty ? Region() : Region(Rect(size: size)) }
        guard let buffer, !state.bufferDamage.isEmpty else { return result.intersection(Rect(size: size)) }
        if transform == .normal, scale == 1 {
            result.formUnion(state.bufferDamage)
        } else {
            for rect in state.bufferDamage.intersection(Rect(size: buffer.size)).rects {
                let turned = transform.surfaceRect(rect, buffer.size)
                result.formUnion(
                    Rect(
                        left: turned.left / scale, top: turned.top / scale, right: (turned.right + scale - 1) / scale,
                        bottom: (turned.bottom + scale - 1) / scale))
            }
        }
        return result.intersection(Rect(size: size))
    }

    // MARK: Shapes

    /// Rounds the bottom corners, or stops to.
    public func setCornerMask(_ mask: CornerMask?) {
        let changes = (mask == nil) != (cornerMask == nil)
        cornerMask = mask
        guard changes else { return }
        updateShapes()
        content.invalidate()
    }

    private func updateShapes() {
        var solid = buffer?.isOpaque == true ? Region(Rect(size: size)) : opaque.intersection(Rect(size: size))
        if let cornerMask {
            solid.subtract(cornerSquare(cornerMask.left, right: false))
            solid.subtract(cornerSquare(cornerMask.right, right: true))
        }
        content.setOpaque(solid)
        content.input = input.map { .region($0.intersection(Rect(size: size))) } ?? .everywhere
    }

    private func cornerSquare(_ mask: CoverageMask, right: Bool) -> Rect {
        Rect(x: right ? size.width - mask.width : 0, y: size.height - mask.height, width: mask.width, height: mask.height)
    }

    public func draw(into target: PixelBuffer, at origin: Point) {
        guard let cornerMask, transform == .normal, scale == 1, !viewport.isUsed else {
            return drawPixels(into: target, at: origin)
        }
        let left = cornerSquare(cornerMask.left, right: false)
        let right = cornerSquare(cornerMask.right, right: true)
        let rest = Region(Rect(size: size)).subtracting(left).subtracting(right).translated(by: origin).intersection(target.clip)
        for rect in rest.rects { drawPixels(into: target.clipped(to: rect), at: origin) }
        drawCorner(left, cornerMask.left, into: target, at: origin)
        drawCorner(right, cornerMask.right, into: target, at: origin)
    }

    private func drawCorner(_ square: Rect, _ mask: CoverageMask, into target: PixelBuffer, at origin: Point) {
        guard target.clip.intersects(square.translated(by: origin)) else { return }
        buffer?.withImage { image in drawMasked(image, square, mask, into: target, at: origin + square.origin) }
    }

    private func drawPixels(into target: PixelBuffer, at origin: Point) {
        buffer?.withImage { image in
            if viewport.isUsed {
                viewport.draw(image, transform, scale: scale, into: target, at: origin)
            } else if transform != .normal || scale != 1 {
                drawTransformed(image, transform, scale: scale, into: target, at: origin)
            } else if image.format == .xrgb8888 || content.opaque.contains(target.clip.translated(by: .zero - origin)) {
                target.copy(image, to: origin)
            } else {
                target.blend(image, to: origin)
            }
        }
    }

    // MARK: Subsurfaces

    /// Makes this surface a subsurface of `parent`; it shows when the parent commits.
    public func becomeSubsurface(of parent: Surface) -> Subsurface {
        let role = Subsurface(surface: self, parent: parent)
        subsurface = role
        parent.pendingStack = (parent.pendingStack ?? parent.stack) + [.child(self)]
        return role
    }

    /// Ends the subsurface role at once.
    public func endSubsurface() {
        guard let parent = subsurface?.parent else { return }
        subsurface?.dropCached()
        subsurface = nil
        parent.stack.removeAll { $0.isChild(self) }
        parent.pendingStack?.removeAll { $0.isChild(self) }
        node.removeFromParent()
    }

    private func applyStack() {
        guard let new = pendingStack else { return }
        pendingStack = nil
        stack = new
        node.setChildren(
            stack.map { entry in
                switch entry {
                case .own: content
                case .child(let child): child.node
                }
            } + [overlay])
    }

    // MARK: End

    /// Releases the buffer and leaves the scene. The surface must not be used afterwards.
    public func destroy() {
        guard !isDestroyed else { return }
        isDestroyed = true
        endSubsurface()
        for case .child(let child) in stack + (pendingStack ?? []) { child.endSubsurface() }
        stack = [.own]
        pendingStack = nil
        node.removeFromParent()
        buffer?.endUse()
        buffer = nil
        role = nil
        content.drawable = nil
        content.target = nil
    }
}
