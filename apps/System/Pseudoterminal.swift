import CLibc

/// The master side of a new pseudoterminal (pty(7)).
public struct Pseudoterminal: ~Copyable {
    public let master: FileDescriptor
    /// The slave's device, for the program that runs in the terminal.
    public let slavePath: String

    /// Opens a pair; reads and writes of the master do not wait.
    public init() throws(Errno) {
        let master = try FileDescriptor.open("/dev/ptmx", .readWrite, [.notControllingTerminal, .nonBlocking])
        var unlock: Int32 = 0
        try master.control(Linux.lockSlave, &unlock)
        var number: UInt32 = 0
        try master.control(Linux.getSlaveNumber, &number)
        self.master = master
        slavePath = "/dev/pts/\(number)"
    }

    /// Tells the programs in the terminal its size (SIGWINCH).
    public func setSize(columns: Int, rows: Int, pixelWidth: Int = 0, pixelHeight: Int = 0) throws(Errno) {
        var size = winsize()
        size.ws_col = UInt16(clamping: columns)
        size.ws_row = UInt16(clamping: rows)
        size.ws_xpixel = UInt16(clamping: pixelWidth)
        size.ws_ypixel = UInt16(clamping: pixelHeight)
        try master.control(Linux.setWindowSize, &size)
    }
}
