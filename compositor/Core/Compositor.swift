// The compositor: what all parts share. It has no devices of its own; the program gives it an output and events.

import CLibc
import Chrome
import Gfx
import Keymap
import Scene
import ShellPolicy
import System
import WaylandServer

/// What the compositor needs to begin.
public struct CompositorConfiguration: ~Copyable {
    public var size: Size
    /// The part of the screen that windows may use.
    public var workArea: Rect
    public var keyTable: KeyTable
    /// A sealed memory file with the keymap's text.
    public var keymapFile: FileDescriptor
    public var keymapTextSize: Int
    public var chromeStyle: ChromeStyle

    public init(
        size: Size, workArea: Rect, keyTable: KeyTable, keymapFile: consuming FileDescriptor, keymapTextSize: Int,
        chromeStyle: ChromeStyle
    ) {
        self.size = size
        self.workArea = workArea
        self.keyTable = keyTable
        self.keymapFile = keymapFile
        self.keymapTextSize = keymapTextSize
        self.chromeStyle = chromeStyle
    }
}

public final class Compositor {
    public let scene: Scene
    /// Layers from the lowest to the uppermost.
    public let background = SceneNode()
    public let panelLayer = SceneNode()
    public let overlay = SceneNode()
    public let cursorLayer = SceneNode()
    public let chromeStyle: ChromeStyle

    // Both need a reference to this object, so they are made right after it.
    private var seatStorage: Seat?
    private var windowsStorage: WindowManager?
    private var layersStorage: LayerManager?
    private var foreignStorage: ForeignToplevels?
    /// Whether clients may see and close each other's windows and move the pointer.
    package var trustsClients = false
    /// The newest versions that are offered of some interfaces.
    package var versionLimits: [(interface: String, version: UInt32)] = []
    public var seat: Seat { seatStorage! }
    public var windows: WindowManager { windowsStorage! }
    var layers: LayerManager { layersStorage! }
    var foreignToplevels: ForeignToplevels { foreignStorage! }

    public private(set) var clients: [Client] = []
    var surfaces: [ClientSurface] = []
    var popups: [Popup] = []
    var shellPopups: [ShellSurface] = []
    /// Clients to end after the batch of events.
    package internal(set) var toDisconnect: [Client] = []
    var outputResources: [(client: Client, id: ObjectID)] = []
    /// A frame must be made even if nothing is damaged: a client waits for its callback.
    public internal(set) var needsFrame = true
    private(set) var lastSerial: UInt32 = 0
    private var lastClientNumber: UInt32 = 0
    public static var clientLimit: Int { 128 }

    public init(_ configuration: consuming CompositorConfiguration) {
        scene = Scene(size: configuration.size)
        chromeStyle = configuration.chromeStyle
        let size = configuration.size
        let workArea = configuration.workArea
        let table = configuration.keyTable
        let textSize = configuration.keymapTextSize
        seatStorage = Seat(self, keyTable: table, keymapFile: configuration.keymapFile, keymapTextSize: textSize, size: size)
        windowsStorage = WindowManager(self, workArea: workArea)
        layersStorage = LayerManager(self, area: workArea)
        foreignStorage = ForeignToplevels(self)
        for layer in [
            background, layers.node(.background), layers.node(.bottom), windows.layer, windows.preview.node, panelLayer,
            layers.node(.top), windows.fullscreenLayer, layers.node(.overlay), overlay, cursorLayer,
        ] {
            scene.root.add(layer)
        }
    }

    /// The time of events that no device has caused.
    var now: UInt32 { UInt32(truncatingIfNeeded: Clock.monotonicNanoseconds / 1_000_000) }

    func nextSerial() -> UInt32 {
        lastSerial &+= 1
        return lastSerial
    }

    // MARK: Clients

    /// Takes a new connection; nil (and the connection closed) when there are too many.
    public func connect(_ stream: consuming UnixStream) -> Client? {
        guard clients.count < Compositor.clientLimit else { return nil }
        lastClientNumber &+= 1
        let client = Client(number: lastClientNumber, stream: stream, compositor: self)
        clients.append(client)
        return client
    }

    /// Ends a connection and takes its windows away.
    public func disconnect(_ client: Client) {
        guard let index = clients.firstIndex(where: { $0 === client }) else { return }
        clients.remove(at: index)
        outputResources.removeAll { $0.client === client }
        toDisconnect.removeAll { $0 === client }
        client.end()
        needsFrame = true
    }

    // MARK: Frames

    /// Tells clients that a frame with their content was shown.
    public func frameShown(_ frame: FrameTime) {
        needsFrame = false
        for surface in surfaces {
            surface.answerFrameCallbacks(timeMilliseconds: frame.milliseconds)
            surface.answerFeedbacks(frame)
        }
    }

    /// Work that is done once after each batch of events.
    public func finishBatch() {
        windows.flushConfigures()
        // The pointer may be on something else without having moved.
        if scene.takeHitChange() {
            seat.refreshPointerFocus()
            seat.refreshTouches()
        }
        seat.refreshConstraints()
        foreignToplevels.refresh()
    }

    // MARK: Keyboard focus

    /// Who has the keyboard: the uppermost open menu that wants it, a surface of a layer, or the active window.
    func updateKeyboardFocus() {
        if let popup = popups.last(where: { $0.hasGrab }) {
            seat.setKeyboardFocus(popup.xdgSurface.surface)
        } else {
            seat.setKeyboardFocus(layers.keyboardSurface ?? windows.active?.surface)
        }
    }

    // MARK: Popups

    func opened(_ popup: Popup) {
        popups.append(popup)
        updateKeyboardFocus()
    }

    func closed(_ popup: Popup) {
        popups.removeAll { $0 === popup }
        updateKeyboardFocus()
    }

    /// Closes menus that belong to other windows than one that comes to the front.
    func dismissPopups(except window: Window) {
        for popup in popups.reversed() where popup.hasGrab && windows.window(of: popup.xdgSurface.surface) !== window {
            popup.dismiss()
        }
    }

    /// Closes menus when a button is pressed outside their client.
    func dismissPopups(pressedAt surface: ClientSurface?) {
        for popup in shellPopups.reversed() where popup.client !== surface?.client { popup.dismiss() }
        for popup in popups.reversed() where popup.hasGrab {
            if let surface, popup.isOfClient(surface) { return }
            popup.dismiss()
        }
    }

    // MARK: Output

    static let outputName = "screen0"
    static let outputDescription = "The screen"

    func describeOutput(_ output: WlOutput.Resource) {
        let size = scene.bounds.size
        // 96 dots an inch, the density that pixel sizes assume.
        output.geometry(
            x: 0, y: 0, physicalWidth: size.width * 254 / 960, physicalHeight: size.height * 254 / 960, subpixel: .unknown,
            make: "Martlet",
            model: "Screen", transform: .normal)
        output.mode(flags: [.current, .preferred], width: size.width, height: size.height, refresh: 60000)
        output.scale(factor: 1)
        output.name(name: Compositor.outputName)
        output.description(description: Compositor.outputDescription)
        output.done()
    }

    func enterOutput(_ surface: ClientSurface) {
        let events = WlSurface.Resource(surface.client.outbox, surface.id, version: surface.version)
        for output in outputResources where output.client === surface.client { events.enter(output: output.id) }
    }
}
