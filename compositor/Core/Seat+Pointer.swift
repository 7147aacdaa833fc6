// Where the pointer is and who hears of it.

import Gfx
import Scene
import WaylandServer

extension Seat {
    // MARK: From devices

    /// The pointer moved by a distance in pixels.
    public func movePointer(by x: Int32, _ y: Int32, timeMilliseconds: UInt32) {
        movePointer(by: FinePoint(Point(x: x, y: y)), timeMilliseconds: timeMilliseconds)
    }

    /// The pointer moved by a distance.
    public func movePointer(by delta: FinePoint, timeMilliseconds: UInt32) {
        movePointer(to: position + delta, timeMilliseconds: timeMilliseconds)
    }

    /// The pointer is at a position of the screen; it is kept inside.
    public func movePointer(to newPosition: FinePoint, timeMilliseconds: UInt32) {
        let limit = compositor.scene.bounds
        let inside = FinePoint(
            x: min(max(newPosition.x, 0), limit.right * 256 - 1), y: min(max(newPosition.y, 0), limit.bottom * 256 - 1))
        let delta = newPosition - position
        if delta != FinePoint(.zero) { sendRelativeMotion(delta, timeMilliseconds) }
        let kept = grab == nil ? activeConstraint?.limit(inside, from: position) ?? inside : inside
        guard kept != position else { return }
        position = kept
        cursorPresenter?.moveCursor(to: kept.pixel)
        if let grab { return grab.grabMoved(to: kept, timeMilliseconds: timeMilliseconds) }
        if pressedButtons.isEmpty, updatePointerFocus() { return }
        sendMotion(timeMilliseconds)
    }

    private func sendMotion(_ timeMilliseconds: UInt32) {
        guard let focus = pointerFocus else { return }
        focusPosition = position - FinePoint(focus.node.globalPosition)
        focus.target.pointerMoved(to: focusPosition, timeMilliseconds: timeMilliseconds)
    }

    public func pressButton(_ button: PointerButton) {
        if button.isPressed {
            guard !pressedButtons.contains(button.code), pressedButtons.count < 16 else { return }
            pressedButtons.append(button.code)
        } else {
            guard pressedButtons.contains(button.code) else { return }
            pressedButtons.removeAll { $0 == button.code }
        }
        buttonSerial = compositor.nextSerial()
        for filter in keyFilters { filter.noteButton() }
        if button.isPressed { compositor.dismissPopups(pressedAt: focusedSurface) }
        if let grab, grab.grabPressed(button, at: position) { return }
        if let focus = pointerFocus { focus.target.pointerPressed(button, at: position - FinePoint(focus.node.globalPosition)) }
        if pressedButtons.isEmpty { _ = updatePointerFocus() }
    }

    public func scroll(_ scroll: PointerScroll) {
        guard grab == nil else { return }
        pointerFocus?.target.pointerScrolled(scroll)
    }

    /// The end of a report of a device.
    public func pointerFrame() { pointerFocus?.target.pointerFrame() }

    // MARK: Focus

    /// Looks again what is under the pointer, because the scene changed.
    func refreshPointerFocus() {
        guard grab == nil, pressedButtons.isEmpty else { return }
        if updatePointerFocus() { return pointerFrame() }
        guard let focus = pointerFocus, position - FinePoint(focus.node.globalPosition) != focusPosition else { return }
        // What lies under the pointer has moved.
        sendMotion(compositor.now)
        pointerFrame()
    }

    /// True if the focus changed.
    private func updatePointerFocus() -> Bool {
        let hit = compositor.scene.hitTest(position.pixel)
        guard hit?.target !== pointerFocus?.target || hit?.node !== pointerFocus?.node else { return false }
        clearPointerFocus()
        pointerEnterSerial = compositor.nextSerial()
        pointerFocus = hit
        if !(hit?.target is ClientSurface) { showOwnCursor(.arrow) }
        if let hit {
            focusPosition = position - FinePoint(hit.node.globalPosition)
            hit.target.pointerEntered(at: focusPosition)
        }
        return true
    }

    func clearPointerFocus() {
        guard let old = pointerFocus else { return }
        pointerFocus = nil
        old.target.pointerLeft()
        old.target.pointerFrame()
    }

    // MARK: Grabs

    /// Gives the pointer to `newGrab`; what is under it loses it.
    func start(_ newGrab: any PointerGrab) {
        endGrab()
        clearPointerFocus()
        grab = newGrab
    }

    func endGrab() {
        guard let old = grab else { return }
        grab = nil
        old.grabEnded()
        _ = updatePointerFocus()
    }

    // MARK: Cursor

    /// A shape of the compositor's own.
    func showOwnCursor(_ shape: CursorShape) {
        cursorSurface?.surface.role = nil
        cursorSurface = nil
        cursorPresenter?.showCursor(shape)
    }

    /// A client's wish, which counts while the pointer is over one of its surfaces.
    func setCursor(_ surface: ClientSurface?, hotspot: Point, by client: Client, serial: UInt32) {
        guard focusedSurface?.client === client, grab == nil || serial >= pointerEnterSerial else { return }
        cursorSurface?.surface.role = nil
        cursorSurface = surface
        cursorHotspot = hotspot
        surface?.surface.role = self
        if let surface, surface.surface.hasContent {
            cursorPresenter?.showCursor(surface.surface, hotspot: hotspot)
        } else {
            cursorPresenter?.hideCursor()
        }
    }
}

extension Seat: SurfaceRole {
    /// The cursor's surface has a new image.
    public func surfaceCommitted(_ surface: Surface) {
        guard cursorSurface?.surface === surface else { return }
        cursorHotspot = cursorHotspot - surface.lastOffset
        if surface.hasContent {
            cursorPresenter?.showCursor(surface, hotspot: cursorHotspot)
        } else {
            cursorPresenter?.hideCursor()
        }
    }
}
