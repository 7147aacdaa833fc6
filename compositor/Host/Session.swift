// The program: devices and sockets on one side, the compositor on the other, and one event loop between them.
//
// A frame: events damage the scene → at the end of the batch, or 1/60 s after the last frame, the damage is painted →
// the output shows those rectangles → clients get their frame callbacks. Without damage nothing wakes the loop but the
// clock's minute.

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
        static let frame: UInt64 = 3 << 32
        static let clock: UInt64 = 4 << 32
        static let commands: UInt64 = 5 << 32
        static let input: UInt64 = 6 << 32
        static let client: UInt64 = 7 << 32
        static let kind: UInt64 = 0xffff_ffff_0000_0000
    }

    private static var frameNanoseconds: Int64 { 16_666_667 }

    private let queue: EventQueue
    private let listener: UnixListener
    private let signals: SignalPipe
    private let frameTimer: TimerDescriptor
    private let clock: ClockTimer
    private let assets: Assets
    private let output: any DisplayOutput
    let headless: HeadlessOutput?
    private let pixels: PixelBuffer
    let compositor: Compositor
    private let starter: AppStarter
    private let panel: Panel
    private let shortcuts: Shortcuts
    private let cursor: CursorController
    private let background: Background
    private var devices: [InputDevice] = []
    private var commands: HeadlessCommands?
    private var waitingForWrite: [UInt32] = []
    private var nextFrame: Int64 = 0
    private var frameIsScheduled = false
    private var hasShownFrame = false
    private var isRunning = true
    private let socketPath: String

    public init(_ options: Options) throws(Errno) {
        Signal.ignore(Signal.pipe)
        queue = try EventQueue()
        signals = try SignalPipe([Signal.terminate, Signal.interrupt, Signal.child])
        frameTimer = try TimerDescriptor()
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
        var pixels = output.pixels
        pixels.kernel = BlendKernel(name: options.blendKernel) ?? BlendKernel.fastest { UInt64(Clock.monotonicNanoseconds) }
        self.pixels = pixels

        assets = Assets(directory: options.dataDirectory)
        let art = assets.art()
        let style = ChromeStyle(
            palette: options.isLight ? .light : .dark,
            fonts: assets.interfaceFonts(TypeSize.caption, TypeSize.body, TypeSize.title), art: art)
        let keyboard = try assets.keyboard(options.keymap)
        let table = keyboard.table
        let textSize = keyboard.textSize
        compositor = Compositor(
            CompositorConfiguration(
                size: output.size, workArea: Rect(size: output.size).inset(top: Metrics.panelHeight), keyTable: table,
                keymapFile: keyboard.intoFile(), keymapTextSize: textSize, chromeStyle: style))

        let runtimeDirectory = Environment["XDG_RUNTIME_DIR"] ?? "/run/user/0"
        createRuntimeDirectory(runtimeDirectory)
        socketPath = runtimeDirectory + "/" + options.socket
        listener = try UnixListener(path: socketPath)
        starter = AppStarter(
            socket: options.socket, runtimeDirectory: runtimeDirectory, applicationsPath: options.applicationsDirectory)

        background = Background(size: output.size, art: art, wallpaper: options.isLight ? "day" : "dusk", palette: style.palette)
        compositor.background.add(background.node)
        let launcher = Launcher(compositor, starter)
        panel = Panel(compositor, launcher, layoutName: options.keymap)
        shortcuts = Shortcuts(compositor, launcher, starter, terminal: [options.terminal])
        compositor.seat.add(shortcuts)
        cursor = CursorController(output, compositor)
        compositor.seat.cursorPresenter = cursor

        try queue.add(listener.descriptor, .readable, token: Token.listener)
        try signals.register(in: queue, token: Token.signals)
        try queue.add(frameTimer.descriptor, .readable, token: Token.frame)
        try queue.add(clock.descriptor, .readable, token: Token.clock)
        if options.backend == .kms { openDevices(options.inputDirectory) }
        if options.readsCommands {
            let commands = try HeadlessCommands(self)
            try queue.add(commands.descriptor, .readable, token: Token.commands)
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
            device.withDescriptor { file in _ = try? queue.add(file, .readable, token: token) }
        }
    }

    // MARK: Loop

    /// Runs until a signal ends the program.
    public func run() throws(Errno) {
        finishBatch()
        while isRunning {
            try queue.wait(timeoutMilliseconds: -1) { handle($0) }
            finishBatch()
        }
        try? Directory.removeFile(socketPath)
    }

    func stop() { isRunning = false }

    private func handle(_ event: EventQueue.Event) {
        switch event.token & Token.kind {
        case Token.listener: accept()
        case Token.signals: handleSignals()
        case Token.frame:
            _ = frameTimer.acknowledge()
            frameIsScheduled = false
        case Token.clock:
            clock.acknowledge()
            panel.tick()
        case Token.commands: if commands?.read() != true { stop() }
        case Token.input: readDevice(Int(truncatingIfNeeded: event.token & 0xffff_ffff))
        case Token.client:
            let number = UInt32(truncatingIfNeeded: event.token)
            guard let client = compositor.clients.first(where: { $0.number == number }) else { return }
            if !event.readiness.isDisjoint(with: [.readable, .hangUp, .error]), !client.receive() { end(client) }
        default: break
        }
    }

    private func finishBatch() {
        compositor.finishBatch()
        let now = Clock.monotonicNanoseconds
        if compositor.needsFrame || !compositor.scene.damage.isEmpty {
            if now >= nextFrame { makeFrame(now) }
            // Showing a frame may damage the scene again, for example by what lies under the pointer now.
            if compositor.needsFrame || !compositor.scene.damage.isEmpty { scheduleFrame() }
        }
        flushClients()
    }

    func makeFrame(_ now: Int64) {
        let damage = compositor.scene.takeDamage()
        if !damage.isEmpty {
            compositor.scene.paint(damage, into: pixels)
            output.present(damage)
            nextFrame = now + Session.frameNanoseconds
            if !hasShownFrame {
                hasShownFrame = true
                Log.write("compositor", "ready on \(socketPath), \(output.size.width)x\(output.size.height)")
                announceDesktop()
            }
        } else {
            nextFrame = now + Session.frameNanoseconds
        }
        compositor.frameShown(timeMilliseconds: UInt32(truncatingIfNeeded: now / 1_000_000))
    }

    /// Puts the moment into the kernel's log, whose time stamps count from reset: that is how start-up is measured.
    private func announceDesktop() {
        guard headless == nil else { return }
        try? FileDescriptor.open("/dev/kmsg", .writeOnly).writeAll("<5>martlet: desktop ready\n")
    }

    private func scheduleFrame() {
        guard !frameIsScheduled else { return }
        frameIsScheduled = true
        try? frameTimer.set(deadlineNanoseconds: nextFrame)
    }

    // MARK: Clients

    private func accept() {
        // The rest of a long queue comes with the next turn.
        for _ in 0..<16 {
            let stream: UnixStream
            do throws(Errno) { stream = try listener.accept() } catch { return }
            guard let client = compositor.connect(stream) else { continue }
            client.withDescriptor { file in _ = try? queue.add(file, .readable, token: Token.client | UInt64(client.number)) }
        }
    }

    private func end(_ client: Client) {
        client.withDescriptor { file in _ = try? queue.remove(file) }
        waitingForWrite.removeAll { $0 == client.number }
        compositor.disconnect(client)
    }

    private func flushClients() {
        for client in compositor.clients where client.hasOutgoing {
            let isWaiting = waitingForWrite.contains(client.number)
            switch client.flush() {
            case .done:
                if isWaiting {
                    waitingForWrite.removeAll { $0 == client.number }
                    setInterest(client, .readable)
                }
            case .wouldBlock:
                if !isWaiting {
                    waitingForWrite.append(client.number)
                    setInterest(client, [.readable, .writable])
                }
            case .closed, .failed:
                if client.outboxOverflowed {
                    Log.write("compositor", "client \(client.number) does not read and is disconnected")
                }
                end(client)
            }
        }
    }

    private func setInterest(_ client: Client, _ interest: EventQueue.Readiness) {
        client.withDescriptor { file in _ = try? queue.modify(file, interest, token: Token.client | UInt64(client.number)) }
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
            device.withDescriptor { file in _ = try? queue.remove(file) }
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
