// Which windows there are, in which order, and which one has the keyboard.

import Chrome
import Gfx
import Scene
import ShellPolicy
import WaylandServer

/// Learns of changes of the list of windows.
public protocol WindowObserver: AnyObject {
    func windowsChanged()
}

public final class WindowManager {
    // SAFETY: the compositor owns the manager.
    unowned(unsafe) let compositor: Compositor
    let layer = SceneNode()
    let fullscreenLayer = SceneNode()
    let preview: SnapPreview
    /// Mapped windows, uppermost last.
    public private(set) var windows: [Window] = []
    /// Mapped windows in the order in which they were opened.
    public private(set) var openingOrder: [Window] = []
    public private(set) var active: Window?
    public internal(set) var workArea: Rect
    /// Whether windows whose clients say nothing about decorations get frames.
    package var framesByDefault = true
    /// Whether a window's first buffer must wait until its first configure was acknowledged, as xdg-shell demands.
    package var requiresConfigure = true
    var toConfigure: [WindowRole] = []
    public var observer: (any WindowObserver)?

    init(_ compositor: Compositor, workArea: Rect) {
        self.compositor = compositor
        self.workArea = workArea
        preview = SnapPreview(compositor.chromeStyle)
    }

    /// Where popups may be.
    var popupArea: Rect { active?.isFullscreen == true ? compositor.scene.bounds : workArea }

    func changed(_ window: Window) { if window.isMapped { observer?.windowsChanged() } }

    /// Sends the configure events that this batch of events has made necessary.
    func flushConfigures() {
        let batch = toConfigure
        toConfigure = []
        for toplevel in batch { toplevel.sendConfigure() }
    }

    // MARK: Mapping

    func map(_ window: Window) {
        window.isMapped = true
        window.updateFrame()
        let frames = windows.filter { !$0.isMinimised && !$0.isFullscreen }.map { $0.frameRect }
        if window.hasBeenPlaced {
            // It comes back where it was.
            window.layout()
        } else if window.isFullscreen || window.tile != nil {
            window.move(to: targetContent(window).origin)
        } else if let parent = window.parent, parent.isMapped {
            let origin = window.offsetFromParent.map { parent.content.origin + $0 }
            window.move(to: origin ?? dialogOrigin(window, over: parent))
        } else {
            let placement = Placement(workArea: workArea.inset(by: FrameMetrics.spacing))
            let corner = placement.position(for: window.frameRect.size, among: frames)
            window.move(to: Point(x: corner.x, y: corner.y + window.titleHeight))
        }
        window.hasBeenPlaced = true
        windows.append(window)
        openingOrder.append(window)
        (window.isFullscreen ? fullscreenLayer : layer).add(window.node)
        activate(window)
        observer?.windowsChanged()
    }

    private func dialogOrigin(_ window: Window, over parent: Window) -> Point {
        let center = parent.frameRect.center
        let size = window.frameRect.size
        let x = min(max(center.x - size.width / 2, workArea.left), max(workArea.right - size.width, workArea.left))
        let y = min(max(center.y - size.height / 2, workArea.top), max(workArea.bottom - size.height, workArea.top))
        return Point(x: x, y: y + window.titleHeight)
    }

    func unmap(_ window: Window) {
        guard window.isMapped else { return }
        window.isMapped = false
        windows.removeAll { $0 === window }
        openingOrder.removeAll { $0 === window }
        window.node.removeFromParent()
        if window.resizeGrab != nil || (compositor.seat.grab as? MoveGrab)?.window === window { compositor.seat.endGrab() }
        if active === window {
            active = nil
            window.setActive(false)
            activateTop()
        }
        observer?.windowsChanged()
    }

    /// The window's client has ended it.
    func remove(_ window: Window) {
        unmap(window)
        window.destroyed()
        for other in windows where other.parent === window { other.parent = nil }
        toConfigure.removeAll { $0.window === window }
    }

    // MARK: Activation

    /// Shows a window above all others and gives it the keyboard.
    public func activate(_ window: Window) {
        guard window.isMapped else { return }
        if window.isMinimised {
            window.isMinimised = false
            window.node.setVisible(true)
        }
        moveToTop(window)
        compositor.layers.defocus()
        if active !== window {
            compositor.dismissPopups(except: window)
            active?.setActive(false)
            active = window
            window.setActive(true)
            observer?.windowsChanged()
        }
        compositor.updateKeyboardFocus()
    }

    /// Puts windows into an order, below the active one.
    public func restack(frontFirst: [Window]) {
        for window in frontFirst.reversed() where window.isMapped && window !== active { moveToTop(window) }
        if let active { moveToTop(active) }
    }

    private func moveToTop(_ window: Window) {
        windows.removeAll { $0 === window }
        windows.append(window)
        window.node.parent?.raise(window.node)
    }

    /// Takes the keyboard from all windows.
    func deactivate() {
        active?.setActive(false)
        active = nil
        compositor.updateKeyboardFocus()
        observer?.windowsChanged()
    }

    private func activateTop() {
        if let next = windows.last(where: { !$0.isMinimised }) { activate(next) } else { deactivate() }
    }

    /// The window that a surface belongs to, through subsurfaces and popups.
    func window(of surface: ClientSurface) -> Window? {
        windows.first { window in
            var node: SceneNode? = surface.surface.node
            while let current = node {
                if current === window.node { return true }
                node = current.parent
            }
            return false
        }
    }

    func surfacePressed(_ surface: ClientSurface) {
        compositor.layers.pressed(surface)
        if let window = window(of: surface) { activate(window) }
    }

    // MARK: Place

    /// Moves the window of a client's surface so that its content begins at a point.
    package func move(_ client: Client, surface raw: UInt32, to point: Point) {
        guard let id = ObjectID(rawValue: raw), let surface = client.surface(id) else { return }
        if let layerSurface = surface.layerSurface { return layerSurface.fix(at: point) }
        window(of: surface)?.move(to: point)
    }

    // MARK: State

    public func minimise(_ window: Window) {
        guard window.isMapped, !window.isMinimised else { return }
        window.isMinimised = true
        window.node.setVisible(false)
        if active === window {
            active = nil
            window.setActive(false)
            activateTop()
        }
        observer?.windowsChanged()
    }

    /// Fills a part of the work area, or goes back to the free place.
    public func setTile(_ tile: Tile?, _ window: Window) {
        if window.isMinimised, tile != nil { activate(window) }
        guard tile != window.tile else { return }
        if window.freeContent == nil, window.isMapped { window.freeContent = window.content }
        window.tile = tile
        window.anchor = nil
        requestPlace(window)
    }

    public func setFullscreen(_ window: Window, _ fullscreen: Bool) {
        if window.isMinimised, fullscreen { activate(window) }
        guard fullscreen != window.isFullscreen else { return window.toplevel?.scheduleConfigure(force: true) ?? () }
        if window.freeContent == nil, window.isMapped { window.freeContent = window.content }
        window.isFullscreen = fullscreen
        window.anchor = nil
        if window.isMapped { (fullscreen ? fullscreenLayer : layer).add(window.node) }
        requestPlace(window)
    }

    private func requestPlace(_ window: Window) {
        if window.tile == nil, !window.isFullscreen {
            window.wantedSize = window.freeContent?.size ?? .zero
            window.wantedOrigin = window.freeContent?.origin
            window.freeContent = nil
        } else {
            let target = targetContent(window)
            window.wantedSize = target.size
            window.wantedOrigin = target.origin
        }
        window.layout()
        window.toplevel?.scheduleConfigure(force: true)
    }

    /// What panels leave; tiled windows follow it.
    func setWorkArea(_ area: Rect) {
        guard area != workArea else { return }
        workArea = area
        for window in windows where window.tile != nil { requestPlace(window) }
    }

    /// The content's rectangle of a tiled or fullscreen window.
    private func targetContent(_ window: Window) -> Rect {
        if window.isFullscreen { return compositor.scene.bounds }
        let area = (window.tile ?? .maximised).rect(in: workArea)
        return area.inset(top: min(window.titleHeight, area.height - 1))
    }

    /// The largest content that fits the work area, for configure_bounds.
    func contentArea(of window: Window) -> Size { workArea.inset(top: FrameMetrics.titleHeight).size }

    /// Super with an arrow key.
    public func moveTile(_ window: Window, _ direction: Direction) {
        if let tile = window.tile {
            setTile(tile.moved(direction), window)
        } else if let tile = Tile.first(direction) {
            setTile(tile, window)
        } else {
            minimise(window)
        }
    }
}
