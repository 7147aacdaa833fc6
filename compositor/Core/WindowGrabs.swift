// Moving and resizing windows with the pointer.

import Chrome
import Gfx
import Scene
import ShellPolicy

extension WindowManager {
    /// A client's or the title bar's wish to be moved; it must answer a press that is still held.
    func startMove(_ window: Window, serial: UInt32? = nil) {
        guard mayGrab(window, serial), !window.isFullscreen else { return }
        // The preview is seen below the window that is dragged.
        layer.add(preview.node, below: window.node)
        compositor.seat.start(MoveGrab(window, self, compositor.seat.position.pixel, isClients: serial != nil))
        compositor.seat.showOwnCursor(.move)
    }

    func startResize(_ window: Window, _ edges: Edges, serial: UInt32? = nil) {
        guard mayGrab(window, serial), window.tile == nil, !window.isFullscreen else { return }
        let resizing = Resizing(
            edges: edges, start: window.content, pointerStart: compositor.seat.position.pixel, limits: window.limits)
        let grab = ResizeGrab(window, compositor.seat, resizing)
        window.resizeGrab = grab
        window.anchor = resizing
        window.wantedSize = window.content.size
        compositor.seat.start(grab)
        compositor.seat.showOwnCursor(edges.cursor)
        window.toplevel?.scheduleConfigure()
    }

    private func mayGrab(_ window: Window, _ serial: UInt32?) -> Bool {
        guard window.isMapped, !compositor.seat.pressedButtons.isEmpty, compositor.seat.grab == nil else { return false }
        return serial == nil || serial == compositor.seat.buttonSerial
    }
}

extension Edges {
    var cursor: CursorShape {
        switch self {
        case .left, .right: .horizontal
        case .top, .bottom: .vertical
        case [.top, .left], [.bottom, .right]: .diagonalDown
        default: .diagonalUp
        }
    }
}

/// The window follows the pointer; near a screen edge a preview shows the tile that it would take.
final class MoveGrab: PointerGrab {
    let window: Window
    // SAFETY: the manager outlives every grab: both belong to the compositor.
    private unowned(unsafe) let manager: WindowManager
    private let start: Point
    private var origin: Point
    private var tile: Tile?
    private var hasMoved = false
    /// A client that asked for the move has seen the press, and learns of the release.
    private let isClients: Bool
    /// A press that moves less than this is a click.
    private static var threshold: Int32 { 4 }

    init(_ window: Window, _ manager: WindowManager, _ pointer: Point, isClients: Bool) {
        self.isClients = isClients
        self.window = window
        self.manager = manager
        start = pointer
        origin = window.content.origin
    }

    func grabMoved(to position: FinePoint, timeMilliseconds: UInt32) {
        let pointer = position.pixel
        let delta = pointer - start
        if !hasMoved {
            guard max(abs(delta.x), abs(delta.y)) >= MoveGrab.threshold else { return }
            hasMoved = true
            if window.tile != nil { restore(under: pointer) }
        }
        var target = origin + delta
        // The title bar stays reachable.
        target.y = max(target.y, manager.workArea.top + window.titleHeight)
        target.y = min(target.y, manager.workArea.bottom - 8)
        window.move(to: target)
        tile = Tile.atEdge(pointer, of: manager.compositor.scene.bounds)
        manager.preview.show(tile.map { $0.rect(in: manager.workArea) })
    }

    /// A tiled window gets its free size back and hangs from the pointer at the same part of its width.
    private func restore(under pointer: Point) {
        let old = window.content
        let free = window.freeContent ?? old
        let part = Int64(pointer.x - old.left) * Int64(free.width) / Int64(max(old.width, 1))
        manager.setTile(nil, window)
        window.wantedOrigin = nil
        origin = Point(x: pointer.x - Int32(clamping: part), y: old.top) - (pointer - start)
    }

    func grabPressed(_ button: PointerButton, at position: FinePoint) -> Bool {
        if manager.compositor.seat.pressedButtons.isEmpty {
            let tile = self.tile
            manager.compositor.seat.endGrab()
            if let tile { manager.setTile(tile, window) }
            return !isClients
        }
        return true
    }

    func grabEnded() { manager.preview.show(nil) }
}

/// The edges of a window follow the pointer.
final class ResizeGrab: PointerGrab {
    private let window: Window
    // SAFETY: the seat outlives every grab.
    private unowned(unsafe) let seat: Seat
    let resizing: Resizing

    init(_ window: Window, _ seat: Seat, _ resizing: Resizing) {
        self.window = window
        self.seat = seat
        self.resizing = resizing
    }

    func grabMoved(to position: FinePoint, timeMilliseconds: UInt32) {
        window.wantedSize = resizing.size(for: position.pixel)
        window.toplevel?.scheduleConfigure()
    }

    func grabPressed(_ button: PointerButton, at position: FinePoint) -> Bool {
        if seat.pressedButtons.isEmpty { seat.endGrab() }
        return true
    }

    func grabEnded() {
        window.resizeGrab = nil
        window.toplevel?.scheduleConfigure()
    }
}

// MARK: What the frame does with the pointer

/// The title bar: drags, double clicks and buttons.
final class TitleBarTarget: PointerTarget {
    // SAFETY: the window owns the frame's nodes and clears their targets when it ends.
    private unowned(unsafe) let window: Window
    private let frame: WindowFrame
    private unowned(unsafe) let manager: WindowManager
    private var pressed: FrameButton?
    private var lastClick: UInt32?
    /// The time that people know.
    private static var doubleClickMilliseconds: UInt32 { 400 }

    init(_ window: Window, _ frame: WindowFrame, _ manager: WindowManager) {
        self.window = window
        self.frame = frame
        self.manager = manager
    }

    override func pointerEntered(at position: FinePoint) { hover(position) }
    override func pointerMoved(to position: FinePoint, timeMilliseconds: UInt32) { hover(position) }

    override func pointerLeft() {
        pressed = nil
        frame.setHover(nil, isPressed: false)
    }

    private func hover(_ position: FinePoint) {
        let button = frame.button(at: position.pixel)
        frame.setHover(pressed == nil || pressed == button ? button : nil, isPressed: pressed != nil)
    }

    override func pointerPressed(_ button: PointerButton, at position: FinePoint) {
        guard button.code == PointerButton.left else {
            if button.isPressed { manager.activate(window) }
            return
        }
        let under = frame.button(at: position.pixel)
        if !button.isPressed {
            let chosen = pressed
            pressed = nil
            frame.setHover(under, isPressed: false)
            if let chosen, chosen == under { act(chosen) }
            return
        }
        manager.activate(window)
        if let under {
            pressed = under
            frame.setHover(under, isPressed: true)
        } else if let last = lastClick, button.timeMilliseconds &- last < TitleBarTarget.doubleClickMilliseconds {
            lastClick = nil
            manager.setTile(window.tile == .maximised ? nil : .maximised, window)
        } else {
            lastClick = button.timeMilliseconds
            manager.startMove(window)
        }
    }

    private func act(_ button: FrameButton) {
        switch button {
        case .close: window.close()
        case .maximise: manager.setTile(window.tile == .maximised ? nil : .maximised, window)
        case .minimise: manager.minimise(window)
        }
    }
}

/// The space around a frame: its edges and corners resize the window.
final class ResizeTarget: PointerTarget {
    // SAFETY: the window owns the frame's nodes and clears their targets when it ends.
    private unowned(unsafe) let window: Window
    private unowned(unsafe) let manager: WindowManager

    init(_ window: Window, _ manager: WindowManager) {
        self.window = window
        self.manager = manager
    }

    private var edges: Edges? {
        Edges.around(
            window.frameRect, manager.compositor.seat.position.pixel, reach: FrameMetrics.resizeReach,
            corner: FrameMetrics.resizeCorner)
    }

    override func pointerEntered(at position: FinePoint) { showCursor() }
    override func pointerMoved(to position: FinePoint, timeMilliseconds: UInt32) { showCursor() }
    private func showCursor() { manager.compositor.seat.showOwnCursor(edges?.cursor ?? .arrow) }

    override func pointerPressed(_ button: PointerButton, at position: FinePoint) {
        guard button.isPressed else { return }
        manager.activate(window)
        if button.code == PointerButton.left, let edges { manager.startResize(window, edges) }
    }
}
