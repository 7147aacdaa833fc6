// An application: the loop, the connection, the windows.

import Gfx
import System
import WaylandClient

/// A program with windows.
///
/// If the server goes away, the application waits for a new one and shows its windows there.
public final class Application {
    /// The name by which the desktop knows the application; that of its `.desktop` file.
    public let identifier: String
    public let loop: EventLoop
    /// Faces and pictures.
    public let resources = Resources()
    /// How images are blended, chosen once.
    public let blendKernel: BlendKernel

    private(set) var windows: [Window] = []
    private var display: Display?
    private var watch: EventLoop.Watch?
    private var isReady = false
    private var reconnectTimer: LoopTimer?
    private var reconnectDelay = 0
    private var reconnectDeadline: Int64 = 0
    private var exitStatus: Int32 = 0

    /// How long to wait for a server that is started again.
    private static var patienceNanoseconds: Int64 { 60_000_000_000 }

    /// Connects to the desktop; throws the error of the connection.
    public init(identifier: String) throws(Errno) {
        self.identifier = identifier
        loop = try EventLoop()
        blendKernel = BlendKernel.fastest { UInt64(Clock.monotonicNanoseconds) }
        Signal.ignore(Signal.pipe)
        unowned(unsafe) let this = self
        // SAFETY: the application owns the loop and both timers.
        loop.beforeWaiting = { this.finishTurn() }
        let timer = try LoopTimer(loop)
        timer.action = { this.reconnect() }
        reconnectTimer = timer
        try connect()
    }

    /// Serves until the last window is closed or `quit` is called; returns the exit status.
    public func run() -> Int32 {
        loop.run()
        return exitStatus
    }

    public func quit(status: Int32 = 0) {
        exitStatus = status
        loop.stop()
    }

    /// The clipboard of the desktop, while there is one.
    public var clipboard: Clipboard? { display?.clipboard }

    // MARK: Windows

    func add(_ window: Window) {
        windows.append(window)
        if isReady, let display { window.attach(display) }
    }

    func remove(_ window: Window) {
        windows.removeAll { $0 === window }
        if windows.isEmpty { loop.stop() }
    }

    /// Draws and sends what a turn of the loop has brought about.
    private func finishTurn() {
        for window in windows { window.drawIfNeeded() }
        flush()
    }

    // MARK: The connection

    private func connect() throws(Errno) {
        let connection = try Connection.open()
        unowned(unsafe) let this = self
        let display = Display(connection, self) { this.becomeReady() }
        self.display = display
        watch = try loop.watch(connection.stream.descriptor, .readable) { _ in
            display.connection.receive()
            this.checkConnection()
        }
    }

    private func becomeReady() {
        guard let display else { return }
        guard display.isUsable else {
            Log.write(identifier, "the Wayland server lacks wl_compositor 4, wl_shm or xdg_wm_base")
            return quit(status: 1)
        }
        isReady = true
        reconnectDelay = 0
        for window in windows { window.attach(display) }
    }

    private func flush() {
        guard let display, let watch else { return }
        let isBlocked = display.connection.flush()
        if isBlocked != waitsForRoom {
            waitsForRoom = isBlocked
            loop.change(watch, display.connection.stream.descriptor, isBlocked ? [.readable, .writable] : .readable)
        }
        checkConnection()
    }

    /// The server does not read fast enough.
    private var waitsForRoom = false

    private func checkConnection() {
        guard let display, let end = display.connection.end else { return }
        let wasReady = isReady
        if let watch { loop.unwatch(watch, display.connection.stream.descriptor) }
        watch = nil
        waitsForRoom = false
        isReady = false
        for window in windows { window.detach() }
        self.display = nil
        guard end == .closed else { return quit(status: 1) }
        if wasReady || reconnectDeadline == 0 { reconnectDeadline = Clock.monotonicNanoseconds + Application.patienceNanoseconds }
        waitAndReconnect()
    }

    private func waitAndReconnect() {
        guard Clock.monotonicNanoseconds < reconnectDeadline else {
            Log.write(identifier, "the Wayland server did not come back")
            return quit(status: 1)
        }
        reconnectDelay = min(max(reconnectDelay * 2, 50), 1000)
        reconnectTimer?.start(afterMilliseconds: reconnectDelay)
    }

    private func reconnect() {
        guard display == nil else { return }
        do throws(Errno) { try connect() } catch { waitAndReconnect() }
    }
}
