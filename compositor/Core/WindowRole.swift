// What a window needs of the protocol object behind it, whichever shell protocol that is.

import Gfx
import Scene

/// The protocol's side of a window.
class WindowRole {
    let window: Window
    // SAFETY: a client ends its objects before it goes away.
    unowned(unsafe) let client: Client
    /// A change that waits for the end of the event batch, or for the answer to the last configure.
    final var needsConfigure = false
    /// Forgets what was sent last, so that the next configure is sent even if it says the same.
    final var mustConfigure = false

    init(_ surface: ClientSurface) {
        client = surface.client
        window = Window(surface, surface.client.compositor)
        window.toplevel = self
    }

    /// The window without its shadows, in surface coordinates.
    var geometry: Rect { window.surface.surface.extents }
    /// Whether the client has said what the window is without its shadows.
    var hasExplicitGeometry: Bool { false }
    /// Whether the client draws something around its window: then it has decorations of its own.
    var hasMargins: Bool { false }
    /// Whether a configuration waits for its answer.
    var awaitsAcknowledgement: Bool { false }
    /// Whether configure events may be sent now.
    var mayConfigure: Bool { false }

    /// Sends the window's wanted size and states if they have changed. Called at the end of each event batch.
    func sendConfigure() {}
    /// Asks the client to close its window.
    func close() {}
    final var manager: WindowManager { client.compositor.windows }

    /// Has `sendConfigure` called at the end of the event batch.
    final func scheduleConfigure(force: Bool = false) {
        guard mayConfigure else { return }
        if force { mustConfigure = true }
        guard !needsConfigure else { return }
        needsConfigure = true
        manager.toConfigure.append(self)
    }
}
