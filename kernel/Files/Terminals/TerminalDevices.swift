import ABI
import Files
import Processes
import Support

/// The device nodes of terminals: /dev/tty, /dev/console, /dev/ptmx, /dev/ttyS*; and devpts.
public enum TerminalDevices {
    private static let consoleTerminal = SpinLock<Terminal?>(nil)

    /// Registers everything that needs no hardware. Called once while the kernel starts.
    public static func register() {
        FileSystemTypes.register(PTSFileSystemType())
        DeviceRegistry.registerCharacter(major: 5, minor: 0, name: "tty", mode: 0o666, opener: ControllingOpener())
        DeviceRegistry.registerCharacter(major: 5, minor: 1, name: "console", mode: 0o600, opener: ConsoleOpener())
        DeviceRegistry.registerCharacter(major: 5, minor: 2, name: "ptmx", mode: 0o666, opener: MasterOpener())
    }

    /// Registers the terminal of a serial line.
    public static func register(_ terminal: SerialTerminal, index: Int) {
        DeviceRegistry.registerCharacter(
            major: 4, minor: 64 + UInt32(index), name: "ttyS" + String(index), mode: 0o660,
            opener: TerminalOpener(terminal))
    }

    /// What /dev/console leads to.
    public static var console: Terminal? {
        get { consoleTerminal.withLock { $0 } }
        set {
            let old = consoleTerminal.withLock { slot in
                let old = slot
                slot = newValue
                return old
            }
            _ = old
        }
    }

    /// Opens the console for the first process's standard descriptors.
    /// - Parameter isControlling: as if opened under its own name, so that a session leader gets it as controlling terminal.
    public static func openConsole(flags: OpenFlags, isControlling: Bool = false) throws(Errno) -> OpenFile {
        guard let terminal = console else { throw .noDevice }
        return try TerminalFile(terminal, flags: flags, inode: nil, path: nil, isConsole: !isControlling)
    }
}

/// One terminal, whoever opens it.
final class TerminalOpener: DeviceOpener {
    private let terminal: Terminal
    init(_ terminal: Terminal) { self.terminal = terminal }
    override func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile {
        try TerminalFile(terminal, flags: flags, inode: inode, path: path)
    }
}

/// /dev/console.
final class ConsoleOpener: DeviceOpener {
    override func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile {
        guard let terminal = TerminalDevices.console else { throw .noDevice }
        return try TerminalFile(terminal, flags: flags, inode: inode, path: path, isConsole: true)
    }
}

/// /dev/tty: the caller's own controlling terminal.
final class ControllingOpener: DeviceOpener {
    override func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile {
        guard let terminal = Process.current.session.terminal else { throw .noDeviceOrAddress }
        // SAFETY: only terminals make themselves controlling terminals.
        return try TerminalFile(unsafeDowncast(terminal, to: Terminal.self), flags: flags, inode: inode, path: path)
    }
}

/// /dev/ptmx: each open makes a pty.
final class MasterOpener: DeviceOpener {
    override func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile {
        MasterFile(try PseudoTerminals.create(), flags: flags, inode: inode, path: path)
    }
}
