// A program in a pseudoterminal and the emulator that reads what it writes.

import System
import Toolkit
import VT

/// A running shell.
public final class TerminalSession {
    public let emulator: Emulator
    private let terminal: Pseudoterminal
    private let loop: EventLoop
    private var watch: EventLoop.Watch?
    private var child: ProcessID?
    /// What the terminal has not taken yet.
    private var outgoing: [UInt8] = []
    private var chunk = [UInt8](repeating: 0, count: 65536)
    /// The screen has changed.
    public var onOutput: () -> Void = {}
    /// The program has ended and everything that it wrote has been read.
    public var onEnd: () -> Void = {}
    private var hasEnded = false

    /// More unsent input than this is dropped: the program does not read.
    private static var outgoingLimit: Int { 16 << 20 }
    /// Bytes that are read in one turn, so that keys are heard while output floods in.
    private static var turnLimit: Int { 1 << 18 }

    /// Opens a pseudoterminal and starts a program in it.
    public init(_ loop: EventLoop, columns: Int, rows: Int, command: Command) throws(Errno) {
        self.loop = loop
        emulator = Emulator(columns: columns, rows: rows)
        terminal = try Pseudoterminal()
        try terminal.setSize(columns: columns, rows: rows)
        var command = command
        command.session = .newWithTerminal
        command.input = .path(terminal.slavePath)
        command.output = .path(terminal.slavePath)
        command.error = .path(terminal.slavePath)
        child = try Process.spawn(command)
        unowned(unsafe) let this = self
        // SAFETY: `deinit` and `finish` end the watch.
        watch = try loop.watch(terminal.master, .readable) { readiness in this.serve(readiness) }
    }

    deinit {
        if let watch { loop.unwatch(watch, terminal.master) }
        hangUp()
    }

    /// The command of a login shell: `$SHELL`, or `/bin/sh`.
    public static func shell() -> Command {
        let path = Environment["SHELL"].flatMap { $0.isEmpty || !Directory.exists($0) ? nil : $0 } ?? "/bin/sh"
        let name = path.split(separator: "/").last.map { String($0) } ?? "sh"
        // The minus sign in front of the name is how login(1) has always said "login shell".
        var command = Command(path, ["-" + name])
        var environment = Environment.all.filter {
            !$0.hasPrefix("TERM=") && !$0.hasPrefix("COLORTERM=") && !$0.hasPrefix("COLUMNS=") && !$0.hasPrefix("LINES=")
        }
        environment.append("TERM=xterm-256color")
        environment.append("COLORTERM=truecolor")
        command.environment = environment
        if let home = Environment["HOME"], Directory.exists(home) { command.directory = home }
        return command
    }

    /// Sends input to the program.
    public func send(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, !hasEnded, outgoing.count + bytes.count <= TerminalSession.outgoingLimit else { return }
        let wasIdle = outgoing.isEmpty
        outgoing += bytes
        if wasIdle {
            flush()
            updateInterest()
        }
    }

    public func resize(columns: Int, rows: Int, pixelWidth: Int, pixelHeight: Int) {
        guard columns != emulator.screen.columns || rows != emulator.screen.rows else { return }
        emulator.screen.resize(columns: columns, rows: rows)
        do throws(Errno) {
            try terminal.setSize(columns: columns, rows: rows, pixelWidth: pixelWidth, pixelHeight: pixelHeight)
        } catch { Log.write("terminal", "cannot set the size: \(error.message)") }
    }

    /// Tells the program that its terminal is going away.
    public func hangUp() {
        guard let child else { return }
        self.child = nil
        do throws(Errno) { try child.signalGroup(Signal.hangUp) } catch {
            // It has ended already.
        }
    }

    /// Reaps the shell if it has ended, and ends the session: what still runs in the background does not keep the window.
    public func childMayHaveEnded() {
        guard let child else { return }
        do throws(Errno) {
            guard try Process.reap(child, wait: .poll) != nil else { return }
        } catch {
            // Somebody else has reaped it: it is gone all the same.
        }
        self.child = nil
        _ = readAll()
        finish()
    }

    // MARK: The terminal's side

    private func serve(_ readiness: EventQueue.Readiness) {
        if readiness.contains(.writable) {
            flush()
            updateInterest()
        }
        if readiness.contains(.readable) || readiness.contains(.hangUp) || readiness.contains(.error) {
            if !readAll() { finish() }
        }
    }

    /// Reads what is there; false when all slaves are closed.
    private func readAll() -> Bool {
        var total = 0
        var isOpen = true
        while total < TerminalSession.turnLimit {
            do throws(Errno) {
                let count = try terminal.master.read(into: &chunk)
                if count == 0 {
                    isOpen = false
                    break
                }
                chunk.withUnsafeBufferPointer { emulator.feed(UnsafeBufferPointer(rebasing: $0[..<count])) }
                total += count
            } catch {
                // EIO is how a master says that nobody has the slave open.
                isOpen = error == .wouldBlock
                break
            }
        }
        if total > 0 {
            send(emulator.takeReplies())
            onOutput()
        }
        return isOpen
    }

    private func flush() {
        while !outgoing.isEmpty {
            do throws(Errno) {
                let count = try outgoing.span.withUnsafeBytes { bytes throws(Errno) in try terminal.master.write(bytes) }
                if count == outgoing.count { outgoing.removeAll(keepingCapacity: true) } else { outgoing.removeFirst(count) }
            } catch {
                if error != .wouldBlock { outgoing = [] }
                return
            }
        }
    }

    private func updateInterest() {
        guard let watch else { return }
        loop.change(watch, terminal.master, outgoing.isEmpty ? .readable : [.readable, .writable])
    }

    private func finish() {
        guard !hasEnded else { return }
        hasEnded = true
        if let watch { loop.unwatch(watch, terminal.master) }
        watch = nil
        onEnd()
    }
}
