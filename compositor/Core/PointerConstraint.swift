// Pointers that a client holds in place or inside a region (pointer-constraints), and their bare motion
// (relative-pointer): for games and for editors of three dimensions.

import Gfx
import Scene
import WaylandServer

/// A `zwp_locked_pointer_v1` or `zwp_confined_pointer_v1`.
final class PointerConstraint {
    enum Kind { case lock, confine }

    // SAFETY: a client ends its objects before it goes away.
    private unowned(unsafe) let client: Client
    private let id: ObjectID
    let kind: Kind
    let surface: ClientSurface
    private let isPersistent: Bool
    /// Where it may begin and, for a confined pointer, where it stays; nil: the whole surface. Surface coordinates.
    private var region: Region?
    private var pendingRegion: Region??
    private var hint: FinePoint?
    private var pendingHint: FinePoint?
    private(set) var isActive = false
    /// One that was meant for once and has been.
    private(set) var isOver = false

    init(_ client: Client, _ id: ObjectID, _ kind: Kind, _ surface: ClientSurface, _ region: Region?, isPersistent: Bool) {
        self.client = client
        self.id = id
        self.kind = kind
        self.surface = surface
        self.region = region
        self.isPersistent = isPersistent
    }

    private var seat: Seat { client.compositor.seat }

    func handle(_ request: ZwpLockedPointerV1.Request) {
        switch request {
        case .destroy: destroy()
        case .setCursorPositionHint(let x, let y): pendingHint = FinePoint(x: x.rawValue, y: y.rawValue)
        case .setRegion(let region): pendingRegion = .some(client.region(region))
        }
    }

    func handle(_ request: ZwpConfinedPointerV1.Request) {
        switch request {
        case .destroy: destroy()
        case .setRegion(let region): pendingRegion = .some(client.region(region))
        }
    }

    private func destroy() {
        // The pointer goes on from where the client drew its own.
        if isActive, kind == .lock, let hint, Rect(size: surface.surface.size).contains(hint.pixel) {
            isActive = false
            end()
            seat.movePointer(
                to: FinePoint(surface.surface.content.globalPosition) + hint, timeMilliseconds: client.compositor.now)
        }
        end()
        client.remove(id)
    }

    /// The surface was committed: so is what the constraint has set since.
    func surfaceCommitted() {
        if let pendingRegion { region = pendingRegion }
        pendingRegion = nil
        hint = pendingHint ?? hint
        pendingHint = nil
    }

    /// Begins or ends with the focus of pointer and keyboard.
    func refresh() {
        guard !isOver else { return }
        let hasFocus = seat.grab == nil && seat.focusedSurface === surface && seat.hasKeyboard(surface)
        if hasFocus, !isActive, contains(seat.focusPosition.pixel) {
            isActive = true
            switch kind {
            case .lock: ZwpLockedPointerV1.Resource(client.outbox, id, version: 1).locked()
            case .confine: ZwpConfinedPointerV1.Resource(client.outbox, id, version: 1).confined()
            }
        } else if !hasFocus, isActive {
            isActive = false
            isOver = !isPersistent
            switch kind {
            case .lock: ZwpLockedPointerV1.Resource(client.outbox, id, version: 1).unlocked()
            case .confine: ZwpConfinedPointerV1.Resource(client.outbox, id, version: 1).unconfined()
            }
        }
    }

    private func contains(_ point: Point) -> Bool { area.contains(point) }

    /// The part of the surface that counts.
    private var area: Region {
        let whole = Region(Rect(size: surface.surface.size))
        return region.map { $0.intersection(Rect(size: surface.surface.size)) } ?? whole
    }

    /// The position nearest to a wanted one that the constraint allows, on the screen.
    func limit(_ wanted: FinePoint, from old: FinePoint) -> FinePoint {
        if kind == .lock { return old }
        let origin = FinePoint(surface.surface.content.globalPosition)
        let local = wanted - origin
        let area = self.area
        if area.contains(local.pixel) { return wanted }
        let current = (old - origin).pixel
        // The part that the pointer is in; it does not jump to another one.
        guard let rect = area.rects.first(where: { $0.contains(current) }) ?? area.rects.first else { return old }
        let kept = FinePoint(
            x: min(max(local.x, rect.left * 256), (rect.right - 1) * 256),
            y: min(max(local.y, rect.top * 256), (rect.bottom - 1) * 256))
        return kept + origin
    }

    func end() { seat.constraints.removeAll { $0 === self } }
}

/// A `zwp_relative_pointer_v1`.
final class RelativePointer {
    // SAFETY: a client ends its objects before it goes away.
    unowned(unsafe) let client: Client
    private let resource: ZwpRelativePointerV1.Resource

    init(_ client: Client, _ id: ObjectID) {
        self.client = client
        resource = ZwpRelativePointerV1.Resource(client.outbox, id, version: 1)
    }

    func motion(_ delta: FinePoint, _ timeMilliseconds: UInt32) {
        let time = UInt64(timeMilliseconds) * 1000
        // There is no acceleration: both distances are the same.
        resource.relativeMotion(
            utimeHi: UInt32(truncatingIfNeeded: time >> 32), utimeLo: UInt32(truncatingIfNeeded: time),
            dx: Fixed(rawValue: delta.x), dy: Fixed(rawValue: delta.y), dxUnaccel: Fixed(rawValue: delta.x),
            dyUnaccel: Fixed(rawValue: delta.y))
    }

    func end() { client.compositor.seat.relativePointers.removeAll { $0 === self } }
}

extension Seat {
    /// Whether a surface, or the window that it belongs to, has the keyboard.
    func hasKeyboard(_ surface: ClientSurface) -> Bool {
        guard let focus = keyboardFocus else { return false }
        return focus === surface || focus.surface.node.isAncestor(of: surface.surface.node)
    }

    /// The constraint that holds the pointer now.
    var activeConstraint: PointerConstraint? { constraints.first { $0.isActive } }

    func refreshConstraints() { for constraint in constraints { constraint.refresh() } }

    func sendRelativeMotion(_ delta: FinePoint, _ timeMilliseconds: UInt32) {
        guard let client = focusedSurface?.client, grab == nil else { return }
        for pointer in relativePointers where pointer.client === client { pointer.motion(delta, timeMilliseconds) }
    }
}

extension Client {
    /// The region behind an identifier; reports one that is none.
    func region(_ id: ObjectID?) -> Region? {
        guard let id else { return nil }
        if case .region(let box)? = objects.live(id)?.kind { return box.region }
        fail(.display, WlDisplay.ErrorCode.invalidObject.rawValue, "\(id.rawValue) is not a region")
        return nil
    }

    func pointerConstraints(_ id: ObjectID, _ request: ZwpPointerConstraintsV1.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .lockPointer(let new, let surface, _, let regionID, let lifetime):
            try constrain(id, new, .lock, surface, region(regionID), lifetime)
        case .confinePointer(let new, let surface, _, let regionID, let lifetime):
            try constrain(id, new, .confine, surface, region(regionID), lifetime)
        }
    }

    private func constrain(
        _ manager: ObjectID, _ new: ObjectID, _ kind: PointerConstraint.Kind, _ surfaceID: ObjectID, _ region: Region?,
        _ lifetime: ZwpPointerConstraintsV1.Lifetime
    ) throws(WireError) {
        guard let surface = surface(surfaceID) else {
            return fail(.display, WlDisplay.ErrorCode.invalidObject.rawValue, "\(surfaceID.rawValue) is not a surface")
        }
        guard !compositor.seat.constraints.contains(where: { $0.surface === surface && !$0.isOver }) else {
            let code = ZwpPointerConstraintsV1.ErrorCode.alreadyConstrained
            return fail(manager, code.rawValue, "the surface constrains the pointer already")
        }
        let constraint = PointerConstraint(self, new, kind, surface, region, isPersistent: lifetime == .persistent)
        try add(new, 1, .pointerConstraint(constraint))
        compositor.seat.constraints.append(constraint)
    }

    func relativePointers(_ id: ObjectID, _ request: ZwpRelativePointerManagerV1.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .getRelativePointer(let new, _):
            let pointer = RelativePointer(self, new)
            try add(new, 1, .relativePointer(pointer))
            compositor.seat.relativePointers.append(pointer)
        }
    }
}
