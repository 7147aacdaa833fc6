// A window: a toplevel's surface with its frame, its place and its state.

import Chrome
import Gfx
import Scene
import ShellPolicy

/// A client's window on the desktop. Rectangles are of the content, in screen coordinates, unless named otherwise.
public final class Window {
    enum DecorationSide { case client, server }

    let surface: ClientSurface
    // SAFETY: the compositor outlives its windows.
    private unowned(unsafe) let compositor: Compositor
    /// Nil once the client has destroyed it.
    var toplevel: WindowRole?
    var parent: Window?
    /// Where the content is on the parent's, if the client says so.
    var offsetFromParent: Point?
    /// The frame, the surface and its popups.
    let node = SceneNode()
    private(set) var frame: WindowFrame?

    public private(set) var title = ""
    public private(set) var appID = ""
    public internal(set) var isMapped = false
    var hasBeenPlaced = false
    public internal(set) var isMinimised = false
    public private(set) var isActive = false
    public internal(set) var tile: Tile?
    public internal(set) var isFullscreen = false
    var limits = SizeLimits()
    private(set) var decorationWish: DecorationSide?

    private(set) var content = Rect.zero
    private var lastGeometryOrigin = Point.zero
    /// The content's place before the window was tiled or made fullscreen.
    var freeContent: Rect?
    /// What the next configure event asks for; zero lets the client choose.
    var wantedSize = Size.zero
    var wantedOrigin: Point?
    var resizeGrab: ResizeGrab?
    /// The edges that stay where they are when the size changes.
    var anchor: Resizing?

    init(_ surface: ClientSurface, _ compositor: Compositor) {
        self.surface = surface
        self.compositor = compositor
        node.add(surface.surface.node)
    }

    /// The whole window with its title bar.
    public var frameRect: Rect { content.inset(top: -titleHeight) }

    /// The height of the frame's title bar; zero without one.
    var titleHeight: Int32 { frame == nil || isFullscreen ? 0 : FrameMetrics.titleHeight }

    // MARK: Names

    func setTitle(_ newTitle: String) {
        title = String(newTitle.prefix(256))
        frame?.setTitle(title)
        compositor.windows.changed(self)
    }

    func setAppID(_ newID: String) {
        appID = String(newID.prefix(256))
        compositor.windows.changed(self)
    }

    // MARK: Frame

    /// What the client asked for by xdg-decoration; nil if it does not speak it.
    func setDecorationWish(_ wish: DecorationSide?) {
        decorationWish = wish
        if isMapped { updateFrame() }
    }

    /// A client that says nothing is given a frame, unless it draws margins around its window: then it has its own.
    private var wantsFrame: Bool {
        if let decorationWish { return decorationWish == .server }
        guard compositor.windows.framesByDefault else { return false }
        return toplevel.map { !$0.hasMargins } ?? false
    }

    func updateFrame() {
        if wantsFrame, frame == nil {
            let new = WindowFrame(compositor.chromeStyle)
            new.setTitle(title)
            new.shadow.target = ResizeTarget(self, compositor.windows)
            new.bar.target = TitleBarTarget(self, new, compositor.windows)
            node.add(new.shadow, below: surface.surface.node)
            node.add(new.bar, below: surface.surface.node)
            frame = new
        } else if !wantsFrame, let old = frame {
            // The targets hold the frame, which holds the nodes.
            old.shadow.target = nil
            old.bar.target = nil
            old.shadow.removeFromParent()
            old.bar.removeFromParent()
            frame = nil
        }
        layout()
    }

    /// The frame is drawn for the state; the surface's lower corners are rounded with it.
    func layout() {
        guard let toplevel else { return }
        surface.surface.node.setPosition(content.origin - toplevel.geometry.origin)
        let isFramed = frame != nil && !isFullscreen
        frame?.shadow.setVisible(isFramed)
        frame?.bar.setVisible(isFramed)
        frame?.layout(
            content: content, state: FrameState(isActive: isActive, isTiled: tile != nil, isMaximised: tile == .maximised))
        surface.surface.setCornerMask(isFramed && tile == nil ? compositor.chromeStyle.cornerMask : nil)
    }

    func setActive(_ active: Bool) {
        guard active != isActive else { return }
        isActive = active
        layout()
        toplevel?.scheduleConfigure()
    }

    // MARK: Place

    /// Moves the content's corner.
    func move(to origin: Point) {
        content = Rect(origin: origin, size: content.size)
        anchor = nil
        layout()
    }

    /// The client has committed content.
    func contentCommitted(_ fulfilled: Configuration?) {
        guard let toplevel else { return }
        let size = toplevel.geometry.size
        let geometryOrigin = toplevel.geometry.origin
        var origin = content.origin
        // A window that grows by a subsurface on its left stays where it is; one whose client says where it begins is moved.
        if isMapped, !toplevel.hasExplicitGeometry { origin = origin + (geometryOrigin - lastGeometryOrigin) }
        lastGeometryOrigin = geometryOrigin
        if let anchor = fulfilled?.anchor {
            origin = anchor.origin(for: size)
        } else if let wanted = fulfilled?.origin {
            origin = wanted
        }
        if fulfilled?.origin != nil, fulfilled?.origin == wantedOrigin, !toplevel.awaitsAcknowledgement {
            wantedOrigin = nil
        }
        content = Rect(origin: origin, size: size)
        if !isMapped {
            compositor.windows.map(self)
        } else if decorationWish == nil, frame != nil, toplevel.hasMargins {
            updateFrame()
        } else {
            layout()
        }
        if resizeGrab == nil, tile == nil, !isFullscreen, !toplevel.awaitsAcknowledgement, !wantedSize.isEmpty {
            wantedSize = size
        }
    }

    // MARK: For the desktop

    /// Asks the client to close the window.
    public func close() { toplevel?.close() }

    func destroyed() {
        for node in [frame?.shadow, frame?.bar] { node?.target = nil }
        node.removeFromParent()
        surface.surface.node.removeFromParent()
    }
}
