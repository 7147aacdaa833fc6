import ABI
import Files
import Support
import Synchronization

/// An open end of a pipe or FIFO; `O_RDWR` on a FIFO is both ends.
public final class PipeFile: OpenFile {
    let pipe: Pipe
    private let isReader: Bool
    private let isWriter: Bool
    /// Hanging up is only told once a writer has been there; this is how many had been at opening.
    private let writersBefore: Int32?

    /// Makes an end. Counting it happens here, so that the other end sees it at once.
    init(_ pipe: Pipe, flags: OpenFlags, inode: Inode? = nil, path: PathNode? = nil) {
        self.pipe = pipe
        isReader = flags.isReadable
        isWriter = flags.isWritable
        writersBefore =
            flags.isReadable && !flags.isWritable && !pipe.hasWriters ? pipe.writerOpens.load(ordering: .acquiring) : nil
        super.init(flags: flags, inode: inode, path: path)
        if isReader { pipe.addReader() }
        if isWriter { pipe.addWriter() }
    }

    /// A new pipe: its read end and its write end.
    public static func pair(flags: OpenFlags) -> (reader: PipeFile, writer: PipeFile) {
        let pipe = Pipe()
        let kept = flags.intersection(.nonBlocking)
        return (PipeFile(pipe, flags: kept), PipeFile(pipe, flags: kept.union(.writeOnly)))
    }

    deinit {
        if isReader { pipe.removeReader() }
        if isWriter { pipe.removeWriter() }
    }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        guard isReader else { throw .badDescriptor }
        return try pipe.read(&buffer, isNonBlocking: isNonBlocking)
    }

    public override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        guard isWriter else { throw .badDescriptor }
        return try pipe.write(&buffer, isNonBlocking: isNonBlocking)
    }

    public override func poll(_ registration: PollRegistration?) -> PollEvents {
        if let registration { pipe.watch(registration, reader: isReader, writer: isWriter) }
        var events: PollEvents = []
        if isReader {
            let hadWriters = writersBefore != pipe.writerOpens.load(ordering: .acquiring)
            if !pipe.hasWriters, hadWriters { events.insert(.hangUp) }
            if pipe.count > 0 { events.formUnion(.readable) }
        }
        if isWriter {
            if pipe.room >= Pipe.atomicWrite { events.formUnion(.writable) }
            if !pipe.hasReaders { events.insert(.error) }
        }
        return events
    }

    public override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        guard request == TerminalRequest.inputQueued else { throw .notTerminal }
        try copyOut(Int32(clamping: pipe.count), to: UserAddress(argument))
        return 0
    }

    public override func pipeCapacity() throws(Errno) -> Int { pipe.capacity }
    public override func setPipeCapacity(_ byteCount: Int) throws(Errno) -> Int { try pipe.setCapacity(byteCount) }

    public override func attributes() throws(Errno) -> FileAttributes {
        guard let inode else { return FileAttributes.anonymous(kind: .fifo, inode: pipe.inodeNumber) }
        return try inode.attributes()
    }

    public override var anonymousName: String { "pipe:[" + String(pipe.inodeNumber) + "]" }

    /// /proc/self/fd/N opens another end of the same pipe.
    public override func reopen(flags: OpenFlags) throws(Errno) -> OpenFile { PipeFile(pipe, flags: flags) }
}
