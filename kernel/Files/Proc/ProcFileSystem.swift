import ABI
import Files
import Processes
import Support

/// What /proc tells that other modules know; given once by whoever starts the kernel.
public struct ProcEnvironment {
    /// The release that uname tells.
    public var release: StaticString
    /// What follows it in /proc/version.
    public var build: StaticString
    public var commandLine: [UInt8]
    public var hostName: () -> [UInt8]
    public var setHostName: ([UInt8]) -> Void

    public init(
        release: StaticString, build: StaticString, commandLine: [UInt8], hostName: @escaping () -> [UInt8],
        setHostName: @escaping ([UInt8]) -> Void
    ) {
        self.release = release
        self.build = build
        self.commandLine = commandLine
        self.hostName = hostName
        self.setHostName = setHostName
    }
}

/// The file system behind /proc: files whose contents are made when they are read.
///
/// Nothing is remembered: each lookup makes a new inode, because processes come and go by themselves.
public final class ProcFileSystem: FileSystem {
    let environment: ProcEnvironment

    public init(_ environment: ProcEnvironment) {
        self.environment = environment
        super.init(typeName: "proc")
    }

    public override var cachesNames: Bool { false }
    public override func rootInode() throws(Errno) -> Inode { ProcRoot(self) }

    public override func statistics() -> FileSystemStatistics {
        var statistics = FileSystemStatistics()
        statistics.type = 0x9fa0
        return statistics
    }
}

/// `mount -t proc`.
public final class ProcFileSystemType: FileSystemType {
    private let environment: ProcEnvironment
    public init(_ environment: ProcEnvironment) {
        self.environment = environment
        super.init(name: "proc", needsDevice: false)
    }
    public override func mount(device: BlockDevice?, options: [UInt8], readOnly: Bool) throws(Errno) -> FileSystem {
        ProcFileSystem(environment)
    }
}

/// One entry of a folder of /proc.
struct ProcEntry {
    let name: [UInt8]
    let number: UInt64
    let kind: FileKind

    init(_ name: [UInt8], _ number: UInt64, _ kind: FileKind) {
        self.name = name
        self.number = number
        self.kind = kind
    }
    init(_ name: StaticString, _ number: UInt64, _ kind: FileKind) { self.init(name.bytes, number, kind) }
}

/// A folder of /proc. Subclasses list their entries and make them.
class ProcFolder: Inode {
    final var proc: ProcFileSystem { unsafeDowncast(fileSystem, to: ProcFileSystem.self) }

    init(_ proc: ProcFileSystem, number: UInt64, permissions: UInt32 = 0o555, uid: UInt32 = 0, gid: UInt32 = 0) {
        super.init(
            fileSystem: proc, number: number, kind: .directory,
            metadata: InodeMetadata(permissions: permissions, uid: uid, gid: gid, linkCount: 2))
    }

    /// What is in the folder now, by ascending `number`.
    func entries() throws(Errno) -> [ProcEntry] { [] }
    /// The inode of an entry; nil when it went away.
    func make(_ entry: ProcEntry) throws(Errno) -> Inode? { nil }

    override func lookup(_ name: [UInt8]) throws(Errno) -> Inode? {
        for entry in try entries() where entry.name == name { return try make(entry) }
        return nil
    }

    /// Cursors are numbers of entries, so that a listing goes on in order while entries come and go.
    override final func readEntries(from cursor: UInt64, _ emit: (DirectoryEntry) -> Bool) throws(Errno) {
        for entry in try entries() where entry.number >= cursor {
            let goesOn = entry.name.withUnsafeBytes { name in
                emit(DirectoryEntry(name: name, inode: entry.number, kind: entry.kind, next: entry.number &+ 1))
            }
            if !goesOn { return }
        }
    }

    override final func setAttributes(_ change: AttributeChange) throws(Errno) { throw .notPermitted }
}

/// A file of /proc: text that a function makes. Some take text, too.
final class ProcText: Inode {
    let make: () throws(Errno) -> [UInt8]
    let accept: (([UInt8]) throws(Errno) -> Void)?
    /// The process that it tells about.
    private let process: Process?

    init(
        _ proc: FileSystem, number: UInt64, permissions: UInt32 = 0o444, uid: UInt32 = 0, gid: UInt32 = 0,
        of process: Process? = nil, accept: (([UInt8]) throws(Errno) -> Void)? = nil,
        _ make: @escaping () throws(Errno) -> [UInt8]
    ) {
        self.make = make
        self.accept = accept
        self.process = process
        super.init(
            fileSystem: proc, number: number, kind: .regular,
            metadata: InodeMetadata(permissions: permissions, uid: uid, gid: gid))
    }

    override func open(flags: OpenFlags, path: PathNode?) throws(Errno) -> OpenFile {
        if flags.isWritable, accept == nil { throw .accessDenied }
        return ProcTextFile(flags: flags, text: self, path: path)
    }

    /// The file may be open for longer than its process exists.
    func checkProcess() throws(Errno) {
        if let process, ProcessTable.process(process.pid) !== process { throw .noProcess }
    }

    /// Opening for writing truncates as a matter of form.
    override func setAttributes(_ change: AttributeChange) throws(Errno) {
        guard change.size != nil, change.permissions == nil, change.uid == nil, change.gid == nil else { throw .notPermitted }
    }
}

/// An open file of /proc. Its text is made when it is read from the start, so that one reader sees one state.
final class ProcTextFile: OpenFile {
    private let text: ProcText
    // Protected by `lock`.
    private var bytes: [UInt8] = []
    private var isMade = false
    private var position: UInt64 = 0
    private let lock = CompactLock()

    init(flags: OpenFlags, text: ProcText, path: PathNode?) {
        self.text = text
        super.init(flags: flags, inode: text, path: path)
    }

    override var isPollable: Bool { false }

    override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        try lock.withLock { () throws(Errno) -> Int in
            let count = try copy(&buffer, from: position)
            position += UInt64(count)
            return count
        }
    }

    override func read(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int {
        try lock.withLock { () throws(Errno) -> Int in try copy(&buffer, from: offset) }
    }

    private func copy(_ buffer: inout TransferBuffer, from offset: UInt64) throws(Errno) -> Int {
        if offset == 0 || !isMade {
            try text.checkProcess()
            bytes = try text.make()
            isMade = true
        }
        guard offset < UInt64(bytes.count) else { return 0 }
        let start = Int(offset)
        let outcome: Result<Int, Errno> = bytes.withUnsafeBytes { raw in
            do throws(Errno) { return .success(try buffer.fill(from: raw.baseAddress! + start, count: raw.count - start)) } catch
            { return .failure(error) }
        }
        return try outcome.get()
    }

    override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        guard let accept = text.accept else { throw .invalidArgument }
        let count = buffer.remaining
        guard count <= 4096 else { throw .invalidArgument }
        var input = [UInt8](repeating: 0, count: count)
        let outcome: Result<Int, Errno> = input.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return .success(0) }
            do throws(Errno) { return .success(try buffer.drain(into: base, count: count)) } catch { return .failure(error) }
        }
        guard try outcome.get() == count else { throw .badAddress }
        while let last = input.last, last == UInt8(ascii: "\n") || last == 0 { input.removeLast() }
        try text.checkProcess()
        try accept(input)
        return count
    }

    override func write(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int { try write(&buffer) }

    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 {
        try lock.withLock { () throws(Errno) -> Int64 in
            let base: Int64
            switch whence {
            case 0: base = 0
            case 1: base = Int64(clamping: position)
            default: throw .invalidArgument
            }
            let (target, overflows) = base.addingReportingOverflow(offset)
            guard !overflows, target >= 0 else { throw .invalidArgument }
            position = UInt64(target)
            return target
        }
    }
}

/// A symbolic link of /proc. It may lead straight to a node, whatever its text says.
final class ProcLink: Inode {
    private let text: () throws(Errno) -> [UInt8]
    private let target: (() throws(Errno) -> PathNode)?

    init(
        _ proc: FileSystem, number: UInt64, permissions: UInt32 = 0o777, uid: UInt32 = 0, gid: UInt32 = 0,
        target: (() throws(Errno) -> PathNode)? = nil, _ text: @escaping () throws(Errno) -> [UInt8]
    ) {
        self.text = text
        self.target = target
        super.init(
            fileSystem: proc, number: number, kind: .symbolicLink,
            metadata: InodeMetadata(permissions: permissions, uid: uid, gid: gid))
    }

    override func readLink() throws(Errno) -> [UInt8] { try text() }
    override func followLink() throws(Errno) -> LinkTarget {
        if let target { return .node(try target()) }
        return .path(try text())
    }
}
