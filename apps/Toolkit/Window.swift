// A window: a surface with the role of an xdg_toplevel, and what the application draws into it.

import Gfx
import System
import WaylandClient

/// What an application does with its window. All calls come from the event loop's thread.
public protocol WindowDelegate: AnyObject {
    /// The size of a new window whose server leaves the choice to the application.
    /// - Parameter bounds: what a window may take up at most, if the server has said it.
    func windowPreferredSize(_ window: Window, within bounds: Size?) -> Size
    /// Size or scale are new; everything is going to be drawn.
    func windowDidResize(_ window: Window)
    /// The window is about to be drawn: the last moment to `invalidate` what has changed.
    func windowWillDraw(_ window: Window)
    /// Draws what has changed. The rest of the buffer already has the newest picture.
    func window(_ window: Window, draw damage: Region, into buffer: PixelBuffer)
    func window(_ window: Window, key event: KeyEvent)
    func window(_ window: Window, pointer event: PointerEvent)
    /// The window gained or lost the keyboard.
    func windowDidChangeFocus(_ window: Window)
    /// The user wants to close the window; `close` does it.
    func windowShouldClose(_ window: Window)
}

extension WindowDelegate {
    public func windowPreferredSize(_ window: Window, within bounds: Size?) -> Size { window.size }
    public func windowDidResize(_ window: Window) {}
    public func windowWillDraw(_ window: Window) {}
    public func window(_ window: Window, key event: KeyEvent) {}
    public func window(_ window: Window, pointer event: PointerEvent) {}
    public func windowDidChangeFocus(_ window: Window) {}
    public func windowShouldClose(_ window: Window) { window.close() }
}

/// A window on the desktop. It outlives the server: when a new one comes, the window is shown again.
public final class Window {
    public let application: Application
    public var delegate: (any WindowDelegate)?
    public var title: String { didSet { if title != oldValue { objects?.toplevel.setTitle(title: title) } } }
    /// In the units of the desktop; `pixelSize` is what is drawn.
    public private(set) var size: Size
    public let minimumSize: Size
    /// Pixels for each unit.
    public private(set) var scale: Int32 = 1
    /// The finest scale that the application has faces and images for.
    public var maximumScale: Int32 = 4
    public private(set) var isFocused = false
    public var cursorShape = CursorShape.arrow {
        didSet { if cursorShape != oldValue { display?.seat?.pointer?.updateCursor() } }
    }

    private var display: Display?
    private var objects: Objects?
    private var buffers: BufferPair?
    private var damage: Region
    private var outputs: [ObjectID] = []
    /// The size that the next xdg_surface.configure makes valid.
    private var offeredSize = Size.zero
    /// What the server says a window may take up at most.
    private var bounds: Size?
    private var isConfigured = false
    private var waitsForFrame = false
    /// The scale that the server knows of.
    private var sentScale: Int32 = 1
    /// There may be something to draw.
    private var needsDisplay = true

    private struct Objects {
        let surface: WlSurface.Proxy
        let shellSurface: XdgSurface.Proxy
        let toplevel: XdgToplevel.Proxy
        let decoration: ZxdgToplevelDecorationV1.Proxy?
    }

    /// Makes a window of a preferred size and shows it as soon as its first picture is there.
    public init(_ application: Application, title: String, size: Size, minimumSize: Size = Size(width: 64, height: 48)) {
        self.application = application
        self.title = title
        self.size = size
        self.minimumSize = minimumSize
        damage = Region(Rect(size: size))
        application.add(self)
    }

    public var pixelSize: Size { Size(width: size.width * scale, height: size.height * scale) }

    /// Notes that a part of the picture, in pixels, is to be drawn anew.
    public func invalidate(_ rect: Rect) {
        damage.formUnion(rect)
        needsDisplay = true
    }

    public func invalidateAll() { invalidate(Rect(size: pixelSize)) }

    /// Asks for `windowWillDraw` before the next frame, for those who find out then what has changed.
    public func setNeedsDisplay() { needsDisplay = true }

    /// Ends the window.
    public func close() {
        detach()
        delegate = nil
        application.remove(self)
    }

    // MARK: The server's side

    func attach(_ display: Display) {
        guard objects == nil, let compositor = display.compositor, let shell = display.shell else { return }
        self.display = display
        let connection = display.connection
        let outbox = connection.outbox
        unowned(unsafe) let this = self
        // SAFETY: `detach` retires all four objects, after which their events are not delivered.
        let surfaceID = connection.create { message throws(WireError) in try this.surfaceEvent(&message) }
        compositor.createSurface(id: surfaceID)
        let surface = WlSurface.Proxy(outbox, surfaceID, version: compositor.version)
        let shellID = connection.create { message throws(WireError) in try this.shellEvent(&message) }
        shell.getXdgSurface(id: shellID, surface: surfaceID)
        let shellSurface = XdgSurface.Proxy(outbox, shellID, version: shell.version)
        let toplevelID = connection.create { message throws(WireError) in try this.toplevelEvent(&message) }
        shellSurface.getToplevel(id: toplevelID)
        let toplevel = XdgToplevel.Proxy(outbox, toplevelID, version: shell.version)
        var decoration: ZxdgToplevelDecorationV1.Proxy?
        if let manager = display.decorations {
            let id = connection.create { message throws(WireError) in
                _ = try ZxdgToplevelDecorationV1.Event.decode(&message, version: 1)
            }
            manager.getToplevelDecoration(id: id, toplevel: toplevelID)
            decoration = ZxdgToplevelDecorationV1.Proxy(outbox, id, version: manager.version)
            decoration?.setMode(mode: .serverSide)
        }
        objects = Objects(surface: surface, shellSurface: shellSurface, toplevel: toplevel, decoration: decoration)
        buffers = BufferPair(display) { this.needsDisplay = true }
        display.register(surfaceID, self)
        toplevel.setTitle(title: title)
        toplevel.setAppId(appId: application.identifier)
        toplevel.setMinSize(width: minimumSize.width, height: minimumSize.height)
        surface.commit()
        invalidateAll()
    }

    /// Takes the window off the server, or notes that the server is gone.
    func detach() {
        guard let display, let objects else { return }
        display.seat?.forget(self)
        display.unregister(objects.surface.id)
        buffers = nil
        objects.decoration?.destroy()
        objects.toplevel.destroy()
        objects.shellSurface.destroy()
        objects.surface.destroy()
        let ids = [objects.decoration?.id, objects.toplevel.id, objects.shellSurface.id, objects.surface.id]
        for id in ids { if let id { display.connection.retire(id) } }
        self.objects = nil
        self.display = nil
        outputs = []
        isConfigured = false
        waitsForFrame = false
        sentScale = 1
        if isFocused { setFocused(false) }
    }

    private func surfaceEvent(_ message: inout IncomingMessage) throws(WireError) {
        switch try WlSurface.Event.decode(&message, version: 5) {
        case .enter(let output):
            outputs.append(output)
            updateScale()
        case .leave(let output): left(output: output)
        }
    }

    func left(output: ObjectID) {
        outputs.removeAll { $0 == output }
        updateScale()
    }

    /// Draws for the finest of the outputs that show the window.
    func updateScale() {
        guard let display, !outputs.isEmpty else { return }
        let finest = min(outputs.reduce(Int32(1)) { max($0, display.scale(of: $1)) }, maximumScale)
        guard finest != scale else { return }
        scale = finest
        changedSize()
    }

    private func toplevelEvent(_ message: inout IncomingMessage) throws(WireError) {
        switch try XdgToplevel.Event.decode(&message, version: 5) {
        case .configure(let width, let height, _):
            // Nothing that a server says may make us allocate without bound.
            let isChoice = width <= 0 || height <= 0
            offeredSize =
                isChoice
                ? Size.zero : Size(width: min(max(width, 1), 16384), height: min(max(height, 1), 16384))
        case .configureBounds(let width, let height):
            bounds =
                width <= 0 || height <= 0 ? nil : Size(width: min(width, 16384), height: min(height, 16384))
        case .close: delegate?.windowShouldClose(self)
        default: break
        }
    }

    private func shellEvent(_ message: inout IncomingMessage) throws(WireError) {
        guard case .configure(let serial) = try XdgSurface.Event.decode(&message, version: 5), let objects else { return }
        objects.shellSurface.ackConfigure(serial: serial)
        let isFirst = !isConfigured
        var wanted = offeredSize
        if wanted == .zero { wanted = isFirst ? delegate?.windowPreferredSize(self, within: bounds) ?? size : size }
        isConfigured = true
        needsDisplay = true
        if wanted != size || isFirst {
            size = wanted
            changedSize()
            // A new size does not wait for the next frame.
            waitsForFrame = false
        }
    }

    private func changedSize() {
        delegate?.windowDidResize(self)
        invalidateAll()
    }

    // MARK: Drawing

    /// Draws a frame if there is something new and the server is ready for it.
    func drawIfNeeded() {
        guard needsDisplay, isConfigured, !waitsForFrame, let display, let objects, let buffers, let delegate else { return }
        delegate.windowWillDraw(self)
        needsDisplay = false
        damage.formIntersection(Rect(size: pixelSize))
        guard !damage.isEmpty else { return }
        damage.simplify(limit: 48)
        // While the server has all buffers, the release of one sets `needsDisplay` again.
        guard let buffer = buffers.take(pixelSize, &damage) else { return }
        delegate.window(self, draw: damage, into: buffer.pixels)
        let connection = display.connection
        objects.surface.attach(buffer: buffer.id, x: 0, y: 0)
        if scale != sentScale {
            objects.surface.setBufferScale(scale: scale)
            sentScale = scale
        }
        for rect in damage.rects {
            objects.surface.damageBuffer(x: rect.left, y: rect.top, width: rect.width, height: rect.height)
        }
        unowned(unsafe) let this = self
        let surface = objects.surface.id
        // SAFETY: a window that is detached has another surface or none, or its connection is gone; a closed window's
        // surface is not registered any more.
        unowned(unsafe) let owner = display
        let callback = connection.create { message throws(WireError) in
            _ = try WlCallback.Event.decode(&message, version: 1)
            if owner.window(of: surface) != nil { this.waitsForFrame = false }
        }
        objects.surface.frame(callback: callback)
        waitsForFrame = true
        objects.surface.commit()
        buffers.submitted(buffer, damage)
        damage = Region()
    }

    // MARK: Input

    func setFocused(_ focused: Bool) {
        guard focused != isFocused else { return }
        isFocused = focused
        delegate?.windowDidChangeFocus(self)
    }

    func deliver(_ event: KeyEvent) { delegate?.window(self, key: event) }
    func deliver(_ event: PointerEvent) { delegate?.window(self, pointer: event) }
}
