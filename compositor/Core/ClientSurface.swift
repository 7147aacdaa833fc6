// wl_surface: a client's requests on the scene's surface.

import Gfx
import Scene
import WaylandServer

/// A surface with its object. It receives the pointer for its client.
final class ClientSurface: PointerTarget {
    /// What the surface is for; once taken a role never changes.
    enum Role { case none, subsurface, xdgSurface, shellSurface, layerSurface, inputPopup, cursor, dragIcon }

    // SAFETY: a client ends its surfaces before it goes away.
    unowned(unsafe) let client: Client
    let id: ObjectID
    let version: UInt32
    let surface = Surface()
    private(set) var role = Role.none
    /// The shell's part, while there is one: it must agree before a buffer may be attached.
    var xdgSurface: XdgSurface?
    var shellSurface: ShellSurface?
    var layerSurface: LayerSurface?
    /// Its `wp_viewport`, and whether it has been told its scale.
    var viewport: ViewportResource?
    var hasFractionalScale = false
    private var isEnding = false
    private(set) var hasEnded = false
    private var hasEnteredOutput = false

    init(_ client: Client, _ id: ObjectID, _ version: UInt32) {
        self.client = client
        self.id = id
        self.version = version
        super.init()
        // A cycle until `end`.
        surface.content.target = self
    }

    private var seat: Seat { client.compositor.seat }

    /// Gives the surface a role; false if it has another one.
    func take(role: Role) -> Bool {
        guard self.role == .none || self.role == role else { return false }
        self.role = role
        return true
    }

    /// Whether `other` is a subsurface of this one, however deep.
    func isAncestor(of other: ClientSurface) -> Bool {
        var next: Surface? = other.surface.subsurface?.parent
        while let parent = next {
            if parent === surface { return true }
            next = parent.subsurface?.parent
        }
        return false
    }

    // MARK: Requests

    func handle(_ request: WlSurface.Request) throws(WireError) {
        switch request {
        case .destroy:
            end()
            client.remove(id)
        case .attach(let buffer, let x, let y): attach(buffer, Point(x: x, y: y))
        case .offset(let x, let y): surface.pending.offset = Point(x: x, y: y)
        case .damage(let x, let y, let width, let height):
            surface.pending.damage.formUnion(Rect(x: x, y: y, width: width, height: height))
            surface.pending.damage.simplify(limit: 64)
        case .damageBuffer(let x, let y, let width, let height):
            surface.pending.bufferDamage.formUnion(Rect(x: x, y: y, width: width, height: height))
            surface.pending.bufferDamage.simplify(limit: 64)
        case .frame(let callback):
            guard surface.pending.frameCallbacks.count + surface.frameCallbacks.count < Client.Limits.frameCallbacks else {
                throw .tooManyObjects
            }
            try client.add(callback, 1, .callback)
            surface.pending.frameCallbacks.append(callback.rawValue)
        case .setOpaqueRegion(let region): surface.pending.opaque = client.region(region) ?? Region()
        case .setInputRegion(let region): surface.pending.input = .some(client.region(region))
        case .setBufferScale(let scale):
            guard scale >= 1, scale <= 16 else { return fail(.invalidScale, "scale \(scale)") }
            surface.pending.scale = scale
        case .setBufferTransform(let transform):
            guard let value = BufferTransform(rawValue: transform.rawValue) else {
                return fail(.invalidTransform, "transform \(transform.rawValue)")
            }
            surface.pending.transform = value
        case .commit: commit()
        }
    }

    private func attach(_ buffer: ObjectID?, _ offset: Point) {
        if version >= 5 {
            guard offset == .zero else { return fail(.invalidOffset, "attach with an offset") }
        } else {
            surface.pending.offset = offset
        }
        guard let buffer else {
            surface.pending.attachment = .buffer(nil)
            return
        }
        guard case .buffer(let value)? = client.objects.live(buffer)?.kind else {
            return client.fail(.display, WlDisplay.ErrorCode.invalidObject.rawValue, "\(buffer.rawValue) is not a buffer")
        }
        if let xdgSurface, !xdgSurface.mayAttach() { return }
        surface.pending.attachment = .buffer(value)
    }

    private func commit() {
        let scale = surface.pending.scale ?? surface.scale
        if scale > 1, case .buffer(let buffer?) = surface.pending.attachment,
            buffer.size.width % scale != 0 || buffer.size.height % scale != 0
        {
            return fail(.invalidSize, "the buffer's size is not a multiple of its scale")
        }
        if let viewport, !viewport.mayCommit(surface) { return }
        if let xdgSurface, !xdgSurface.mayCommit() { return }
        if let layerSurface, !layerSurface.mayCommit() { return }
        surface.commit()
        client.discardFeedbacks(surface.takeReplacedFeedbacks())
        for constraint in seat.constraints where constraint.surface === self { constraint.surfaceCommitted() }
        if !surface.frameCallbacks.isEmpty || surface.node.parent != nil { client.compositor.needsFrame = true }
        if surface.hasContent, !hasEnteredOutput {
            hasEnteredOutput = true
            client.compositor.enterOutput(self)
        }
    }

    private func fail(_ code: WlSurface.ErrorCode, _ message: String) { client.fail(id, code.rawValue, message) }

    /// Answers the frame callbacks of what a frame has shown.
    func answerFrameCallbacks(timeMilliseconds: UInt32) {
        guard !surface.frameCallbacks.isEmpty, surface.content.isOnScreen || role == .cursor || role == .none else { return }
        for raw in surface.takeFrameCallbacks() {
            guard let callback = ObjectID(rawValue: raw) else { continue }
            WlCallback.Resource(client.outbox, callback, version: 1).done(callbackData: timeMilliseconds)
            client.remove(callback)
        }
    }

    /// Takes the surface off the screen. Harmless when called twice.
    func end() {
        guard !isEnding else { return }
        isEnding = true
        // The focus events of devices still name the object.
        seat.surfaceEnded(self)
        xdgSurface?.surfaceEnded()
        shellSurface?.end()
        layerSurface?.end()
        hasEnded = true
        client.discardFeedbacks(surface.takeReplacedFeedbacks() + surface.takeFeedbacks() + surface.pending.feedbacks)
        surface.destroy()
        client.compositor.surfaces.removeAll { $0 === self }
    }

    // MARK: Pointer

    override func pointerEntered(at position: FinePoint) { seat.sendPointer(to: client) { $0.enter(self, position) } }
    override func pointerLeft() { seat.sendPointer(to: client) { $0.leave(self) } }

    override func pointerMoved(to position: FinePoint, timeMilliseconds: UInt32) {
        seat.sendPointer(to: client) { $0.motion(position, timeMilliseconds) }
    }

    override func pointerPressed(_ button: PointerButton, at position: FinePoint) {
        if button.isPressed { client.compositor.windows.surfacePressed(self) }
        seat.sendPointer(to: client) { $0.button(button) }
    }

    override func pointerScrolled(_ scroll: PointerScroll) { seat.sendPointer(to: client) { $0.scroll(scroll) } }
    override func pointerFrame() { seat.sendPointer(to: client) { $0.frame() } }
}

/// A `wl_subsurface`.
final class SubsurfaceResource {
    // SAFETY: a client ends its subsurfaces before it goes away.
    private unowned(unsafe) let client: Client
    private let id: ObjectID
    private let surface: ClientSurface
    private let subsurface: Subsurface
    private var hasEnded = false

    init(_ client: Client, _ id: ObjectID, _ surface: ClientSurface, _ parent: ClientSurface) {
        self.client = client
        self.id = id
        self.surface = surface
        subsurface = surface.surface.becomeSubsurface(of: parent.surface)
    }

    func handle(_ request: WlSubsurface.Request) {
        switch request {
        case .destroy:
            end()
            client.remove(id)
        case .setPosition(let x, let y): subsurface.setPosition(Point(x: x, y: y))
        case .placeAbove(let sibling): place(.above, sibling)
        case .placeBelow(let sibling): place(.below, sibling)
        case .setSync: subsurface.setSynchronised()
        case .setDesync: subsurface.setDesynchronised()
        }
    }

    private func place(_ placement: Subsurface.Placement, _ sibling: ObjectID) {
        guard let other = client.surface(sibling), subsurface.parent == nil || subsurface.place(placement, other.surface) else {
            return client.fail(
                id, WlSubsurface.ErrorCode.badSurface.rawValue, "\(sibling.rawValue) is neither parent nor sibling")
        }
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        if surface.surface.subsurface === subsurface { surface.surface.endSubsurface() }
    }
}
