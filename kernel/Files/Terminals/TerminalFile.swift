import ABI
import Files
import LineDiscipline
import Processes
import Support

/// An open terminal: the slave of a pty, a serial line, the console.
public final class TerminalFile: OpenFile {
    let terminal: Terminal
    private let hangUps: UInt32
    /// Opened as /dev/console: hanging up does not concern it.
    private let isConsole: Bool

    /// Opens a terminal. A session leader without one makes it its controlling terminal, unless told not to.
    init(_ terminal: Terminal, flags: OpenFlags, inode: Inode?, path: PathNode?, isConsole: Bool = false) throws(Errno) {
        if terminal.state.withLock({ $0.isExclusive && $0.openCount > 0 }), !Process.current.credentials.isPrivileged {
            throw .busy
        }
        hangUps = try terminal.opened()
        self.terminal = terminal
        self.isConsole = isConsole
        super.init(flags: flags, inode: inode, path: path)
        if !isConsole, !flags.contains(.noControllingTerminal), flags.isReadable, UserThread.currentIfUser != nil {
            terminal.acquireOnOpen()
        }
    }

    deinit { terminal.closed() }

    private var expectedHangUps: UInt32 { isConsole ? terminal.state.withLock { $0.hangUps } : hangUps }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        try terminal.read(&buffer, hangUps: expectedHangUps, isNonBlocking: isNonBlocking)
    }

    public override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        try terminal.write(&buffer, hangUps: expectedHangUps, isNonBlocking: isNonBlocking)
    }

    public override func poll(_ registration: PollRegistration?) -> PollEvents {
        terminal.poll(registration, hangUps: expectedHangUps)
    }

    public override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        if terminal.isDead(expectedHangUps) { throw request == TerminalRequest.setForegroundGroup ? .notTerminal : .ioError }
        if let result = try terminal.control(request, argument, throughMaster: false) { return result }
        switch request {
        case TerminalRequest.setControlling:
            try terminal.acquire(steals: argument == 1, isReadable: flags.isReadable)
        case TerminalRequest.giveUpControlling: try terminal.giveUp()
        case TerminalRequest.flush:
            try terminal.checkAccess(.terminalOutput)
            let queues = try Terminal.queues(argument)
            terminal.flush(input: queues.input, output: queues.output)
        case TerminalRequest.inputQueued:
            try copyOut(Int32(terminal.state.withLock { $0.discipline.readableCount }), to: UserAddress(argument))
        case TerminalRequest.outputQueued:
            let count = terminal.waitsForTransmission ? terminal.state.withLock { $0.output.ring.count } : 0
            try copyOut(Int32(count), to: UserAddress(argument))
        default: throw .notTerminal
        }
        return 0
    }

    public override var anonymousName: String { terminal.name }
}
