// The compositor as a server that the conformance suite starts and stops: one for each test, with a screen in memory
// and without the desktop's panel.

import Chrome
import CompositorCore
import CompositorHost
import Gfx
import Scene
import Screens
import System
import WlcsEntry

/// One compositor in a thread of its own. All calls but `run` come from the suite's thread.
final class Server: @unchecked Sendable {
    private static let mailToken: UInt64 = 1
    /// The suite's own size of a screen does not matter to it; this one has room for all its windows.
    private static let size = Size(width: 1280, height: 1024)

    let compositor: Compositor
    private let output: HeadlessOutput
    private let loop: ServerLoop
    private let mailbox: Mailbox
    private let assets: Assets
    private var thread = pthread_t()
    private var isRunning = false
    /// The clients by the descriptor of the end that the suite has.
    private var clients: [Int32: Client] = [:]

    init(_ options: Options) throws(Errno) {
        Signal.ignore(Signal.pipe)
        assets = Assets(directory: options.dataDirectory)
        output = try HeadlessOutput(size: Self.size)
        compositor = try assets.compositor(options, style: Style.shared(assets), size: Self.size, workArea: Rect(size: Self.size))
        compositor.windows.framesByDefault = false
        // The suite's helpers attach the first buffer at once.
        compositor.windows.requiresConfigure = false
        // Its sources and sinks are clients that never had the keyboard.
        compositor.seat.selectionNeedsFocus = false
        // Tests of the privileged protocols are clients like all others.
        compositor.trustsClients = true
        compositor.seat.hasTouch = true
        loop = try ServerLoop(compositor, output, output.pixels)
        mailbox = try Mailbox()
        try loop.queue.add(mailbox.event.descriptor, .readable, token: Self.mailToken)
    }

    // MARK: Thread

    func start() {
        isRunning = true
        let me = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { context in
                // SAFETY: the reference was retained for this thread.
                Unmanaged<Server>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, me.toOpaque())
        precondition(result == 0, "no thread for the server")
    }

    func stop() {
        mailbox.perform { self.isRunning = false }
        pthread_join(thread, nil)
    }

    private func run() {
        loop.finishBatch()
        while isRunning {
            var count = 0
            do throws(Errno) {
                try loop.turn { event in
                    guard event.token == Self.mailToken else { return }
                    // What clients sent before the suite acted comes first, so that every run has the same order.
                    loop.receiveFromAll()
                    let work = mailbox.take()
                    count += work.count
                    for body in work { body() }
                }
            } catch {
                Log.write("wlcs", "the server cannot wait: \(error.message)")
                isRunning = false
            }
            mailbox.finish(count)
        }
        for client in compositor.clients { compositor.disconnect(client) }
    }

    func perform(_ body: @escaping () -> Void) { mailbox.perform(body) }

    // MARK: Clients

    /// The client's end of a new connection, or -1. The suite closes it.
    func connect() -> Int32 {
        var number: Int32 = -1
        perform {
            try? UnixStream.pair { first, second in
                let server = first.intoDescriptor()
                guard (try? server.setNonBlocking()) != nil, let client = self.loop.add(UnixStream(server)) else { return }
                number = second.intoDescriptor().release()
                self.clients[number] = client
            }
        }
        return number
    }

    /// Moves the window of a surface so that its geometry begins at a point.
    func position(client number: Int32, surface: UInt32, at point: Point) {
        perform {
            guard let client = self.clients[number] else { return }
            self.compositor.windows.move(client, surface: surface, to: point)
        }
    }

    var now: UInt32 { UInt32(truncatingIfNeeded: Clock.monotonicNanoseconds / 1_000_000) }
}

/// The look of windows, drawn once for all tests.
private enum Style {
    nonisolated(unsafe) private static var drawn: ChromeStyle?

    static func shared(_ assets: Assets) -> ChromeStyle {
        if let drawn { return drawn }
        // The style points into the mapped files, which stay for the life of the process.
        _ = Unmanaged.passRetained(assets)
        let style = assets.style(isLight: false)
        drawn = style
        return style
    }
}
