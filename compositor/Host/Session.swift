// The program: devices, sockets and the desktop around the loop that serves clients and makes frames (ServerLoop).

import ArtPack
import Chrome
import CompositorCore
import Desktop
import Screens
import Gfx
import InputDevices
import Keymap
import Scene
import System
import Tokens

public final class Session {
    /// What an event of the queue is about: a kind, and in the low half which one.
    private enum Token {
        static let listener: UInt64 = 1 << 32
        static let signals: UInt64 = 2 << 32
        static let clock: UInt64 = 4 << 32
        static let commands: UInt64 = 5 << 32
        static let input: UInt64 = 6 << 32
        static let kind: UInt64 = 0xffff_ffff_0000_0000
    }

    private let loop: ServerLoop
    private let listener: UnixListener
    private let signals: SignalPipe
    private let clock: ClockTimer
    private let assets: Assets
    private let output: any DisplayOutput
    let headless: HeadlessOutput?
    let compositor: Compositor
    private let starter: AppStarter
    private let panel: Panel
    private let shortcuts: Shortcuts
    private let cursor: CursorController
    private let background: Background
    private var devices: [InputDevice] = []
    private var commands: HeadlessCommands?
    private var isRunning = true
    private let socketPath: String

    public init(_ options: Options) throws(Errno) {
        Signal.ignore(Signal.pipe)
        signals = try SignalPipe([Signal.terminate, Signal.interrupt, Signal.child])
        clock = try ClockTimer()

        switch options.backend {
        case .kms:
            output = try KMSOutput(device: options.card)
            headless = nil
        case .headless:
            let memory = try HeadlessOutput(size: options.size)
            output = memory
            headless = memory
        }
        assets = Assets(directory: options.dataDirectory)
        let style = assets.style(isLight: options.isLight)
        compositor = try assets.compositor(
            options, style: style, size: output.size,
            workArea: Rect(size: output.size).inset(top: Metrics.panelHeight))
        compositor.trustsClients = options.trustsClients
        compositor.versionLimits = options.versionLimits
        var pixels = output.pixels
        pixels.kernel = BlendKernel(name: options.blendKernel) ?? BlendKernel.fastest { UInt64(Clock.monotonicNanoseconds) }
        loop = try ServerLoop(compositor, output, pixels)

        let runtimeDirectory = Environment["XDG_RUNTIME_DIR"] ?? "/run/user/0"
        createRuntimeDirectory(runtimeDirectory)
        socketPath = runtimeDirectory + "/" + options.socket
        listener = try UnixListener(path: socketPath)
        starter = AppStarter(
            socket: options.socket, runtimeDirectory: runtimeDirectory, applicationsPath: options.applicationsDirectory)

        background = Background(
            size: output.size, art: style.art, wallpaper: options.isLight ? "day" : "dusk", palette: style.palette)
        compositor.background.add(background.node)
        let launcher = Launcher(compositor, starter)
        panel = Panel(compositor, launcher, layoutName: options.keymap)
        shortcuts = Shortcuts(compositor, launcher, starter, terminal: [options.terminal])
        compositor.seat.add(shortcuts)
        cursor = CursorController(output, compositor)
        compositor.seat.cursorPresenter = cursor

        try loop.queue.add(listener.descriptor, .readable, token: Token.listener)
        try signals.register(in: loop.queue, token: Token.signals)
        try loop.queue.add(clock.descriptor, .readable, token: Token.clock)
        if options.backend == .kms { openDevices(options.inputDirectory) }
        if options.readsCommands {
            let commands = try HeadlessCommands(self)
            try loop.queue.add(commands.descriptor, .readable, token: Token.commands)
            self.commands = commands
        }
        for command in options.start { starter.start(command.split(separator: " ").map { String($0) }) }
    }

    private func openDevices(_ directory: String) {
        guard let entries = try? Directory.entries(directory) else {
            Log.write("compositor", "\(directory) has no input devices")
            return
        }
        for entry in entries where entry.name.hasPrefix("event") && devices.count < 64 {
            guard let device = try? InputDevice(path: directory + "/" + entry.name) else { continue }
            devices.append(device)
            let token = Token.input | UInt64(devices.count - 1)
            device.withDescriptor { file in _ = try? loop.queue.add(file, .readable, token: token) }
        }
    }

    // MARK: Loop

    /// Runs until a signal ends the program.
    public func run() throws(Errno) {
        loop.firstFrame = { [unowned(unsafe) self] in shown() }
        loop.finishBatch()
        while isRunning { try loop.turn { handle($0) } }
        try? Directory.removeFile(socketPath)
    }

    func stop() { isRunning = false }
    func makeFrame(_ now: Int64) { loop.makeFrame(now) }

    private func handle(_ event: EventQueue.Event) {
        switch event.token & Token.kind {
        case Token.listener: accept()
        case Token.signals: handleSignals()
        case Token.clock:
            clock.acknowledge()
            panel.tick()
        case Token.commands: if commands?.read() != true { stop() }
        case Token.input: readDevice(Int(truncatingIfNeeded: event.token & 0xffff_ffff))
        default: break
        }
    }

    private func shown() {
        Log.write("compositor", "ready on \(socketPath), \(output.size.width)x\(output.size.height)")
        announceDesktop()
    }

    /// Puts the moment into the kernel's log, whose time stamps count from reset: that is how start-up is measured.
    private func announceDesktop() {
        guard headless == nil else { return }
        try? FileDescriptor.open("/dev/kmsg", .writeOnly).writeAll("<5>martlet: desktop ready\n")
    }

    private func accept() {
        // The rest of a long queue comes with the next turn.
        for _ in 0..<16 {
            let stream: UnixStream
            do throws(Errno) { stream = try listener.accept() } catch { return }
            loop.add(stream)
        }
    }

    // MARK: Signals and devices

    private func handleSignals() {
        while let number = signals.next() {
            if number == Signal.child { starter.reap() } else { stop() }
        }
    }

    private func readDevice(_ index: Int) {
        guard devices.indices.contains(index) else { return }
        let device = devices[index]
        if !device.read(into: self) {
            device.withDescriptor { file in _ = try? loop.queue.remove(file) }
            device.releaseAll(self, UInt32(truncatingIfNeeded: Clock.monotonicNanoseconds / 1_000_000))
            Log.write("compositor", "\(device.path) is gone")
        }
    }
}

extension Session: InputSink {
    public func key(_ code: UInt32, isPressed: Bool, timeMilliseconds: UInt32) {
        compositor.seat.pressKey(code, isPressed: isPressed, timeMilliseconds: timeMilliseconds)
    }

    public func button(_ code: UInt32, isPressed: Bool, timeMilliseconds: UInt32) {
        compositor.seat.pressButton(PointerButton(code: code, isPressed: isPressed, timeMilliseconds: timeMilliseconds))
    }

    public func moved(byX x: Int32, y: Int32, timeMilliseconds: UInt32) {
        compositor.seat.movePointer(by: x, y, timeMilliseconds: timeMilliseconds)
    }

    public func moved(toX x: Int32, y: Int32, timeMilliseconds: UInt32) {
        let size = compositor.scene.bounds.size
        let position = FinePoint(x: Int32(Int64(x) * Int64(size.width) / 256), y: Int32(Int64(y) * Int64(size.height) / 256))
        compositor.seat.movePointer(to: position, timeMilliseconds: timeMilliseconds)
    }

    public func scrolled(x120: Int32, y120: Int32, timeMilliseconds: UInt32) {
        compositor.seat.scroll(PointerScroll(horizontal120: x120, vertical120: y120, timeMilliseconds: timeMilliseconds))
    }

    public func pointerFrame() { compositor.seat.pointerFrame() }
}

/// Creates the directory of the socket with its parents; the socket's own error tells if that failed.
private func createRuntimeDirectory(_ path: String) {
    var current = ""
    for part in path.split(separator: "/") {
        current += "/" + part
        if !Directory.exists(current) { try? Directory.create(current, permissions: 0o700) }
    }
}
