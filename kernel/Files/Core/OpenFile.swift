import ABI
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// Flags of `open(2)` that stay with an open file description (`include/uapi/asm-generic/fcntl.h`).
public struct OpenFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static var accessMode: UInt32 { 3 }
    public static var writeOnly: OpenFlags { OpenFlags(rawValue: 0o1) }
    public static var readWrite: OpenFlags { OpenFlags(rawValue: 0o2) }
    public static var create: OpenFlags { OpenFlags(rawValue: 0o100) }
    public static var exclusive: OpenFlags { OpenFlags(rawValue: 0o200) }
    public static var noControllingTerminal: OpenFlags { OpenFlags(rawValue: 0o400) }
    public static var truncate: OpenFlags { OpenFlags(rawValue: 0o1000) }
    public static var append: OpenFlags { OpenFlags(rawValue: 0o2000) }
    public static var nonBlocking: OpenFlags { OpenFlags(rawValue: 0o4000) }
    public static var dataSync: OpenFlags { OpenFlags(rawValue: 0o10000) }
    public static var direct: OpenFlags { OpenFlags(rawValue: 0o40000) }
    public static var largeFile: OpenFlags { OpenFlags(rawValue: 0o100000) }
    public static var directory: OpenFlags { OpenFlags(rawValue: 0o200000) }
    public static var noFollow: OpenFlags { OpenFlags(rawValue: 0o400000) }
    public static var closeOnExec: OpenFlags { OpenFlags(rawValue: 0o2000000) }
    public static var path: OpenFlags { OpenFlags(rawValue: 0o10000000) }

    /// The access mode 3 allows neither reading nor writing: such a file is for control calls only.
    public var isReadable: Bool { rawValue & 1 == 0 && rawValue & 0o10000000 == 0 }
    public var isWritable: Bool { rawValue & 3 == 1 || rawValue & 3 == 2 }
}

/// Someone who refers to a file without keeping it open, and so must know when its last descriptor is closed: epoll.
open class FileObserver {
    public init() {}
    /// The file has no descriptors left. Called once, with no lock held.
    open func fileClosed(_ file: OpenFile) {}
}

/// An open file description: what a descriptor refers to, shared by `dup` and `fork`.
///
/// Subclasses are the kinds of files: regular, directory, pipe end, socket, device, epoll … The last reference closes
/// it: release what it holds in `deinit`. Calls may run at the same time in several threads; each subclass protects its
/// own state. The defaults answer as Linux does for a file that lacks the operation.
open class OpenFile {
    /// The status flags; F_SETFL changes some of them.
    private let flagBits: Atomic<UInt32>
    /// Descriptors that refer to it, and messages on their way through sockets that carry it.
    private let userCount = Atomic<Int32>(0)
    private let observers = SpinLock<[FileObserver]>([])
    /// The node it was opened from; nil for anonymous files (pipes, sockets, epoll …).
    public let inode: Inode?
    /// The path by which it was opened, for /proc/self/fd and fchdir; nil for anonymous files.
    public let path: PathNode?

    public init(flags: OpenFlags, inode: Inode? = nil, path: PathNode? = nil) {
        flagBits = Atomic(flags.rawValue)
        self.inode = inode
        self.path = path
    }

    public final var flags: OpenFlags {
        get { OpenFlags(rawValue: flagBits.load(ordering: .relaxed)) }
        set { flagBits.store(newValue.rawValue, ordering: .relaxed) }
    }
    public final var isNonBlocking: Bool { flags.contains(.nonBlocking) }

    /// Counts a descriptor, or a message that carries the file.
    public final func addUser() { userCount.wrappingAdd(1, ordering: .relaxed) }

    /// Takes a count back. At the last one the observers hear of it; calls that are still running keep the object alive.
    public final func removeUser() {
        guard userCount.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        let list = observers.withLock { list in
            let old = list
            list = []
            return old
        }
        for observer in list { observer.fileClosed(self) }
    }

    /// Descriptors and messages that refer to it.
    public final var users: Int32 { userCount.load(ordering: .acquiring) }

    /// Adds someone to be told of the last close.
    public final func addObserver(_ observer: FileObserver) { observers.withLock { $0.append(observer) } }
    public final func removeObserver(_ observer: FileObserver) {
        observers.withLock { $0.removeAll { $0 === observer } }
    }

    /// Reads into `buffer` at the file's own position. Blocks unless non-blocking.
    /// - Returns: bytes read; 0 at the end of the file.
    open func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int { throw .invalidArgument }
    /// Writes from `buffer` at the file's own position (or at the end, with `append`).
    open func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int { throw .invalidArgument }
    /// Reads at an offset, leaving the position alone (pread).
    open func read(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int { throw .illegalSeek }
    /// Writes at an offset, leaving the position alone (pwrite).
    open func write(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int { throw .illegalSeek }
    /// Moves the position. `whence` is SEEK_SET 0, SEEK_CUR 1, SEEK_END 2, SEEK_DATA 3, SEEK_HOLE 4.
    open func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 { throw .illegalSeek }
    /// Device-specific control. `argument` is whatever the program passed: distrust it.
    open func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int { throw .notTerminal }
    /// What may be done without blocking. When `registration` is given, it is added to every wait queue whose wake-up could
    /// change the answer, before the answer is computed.
    open func poll(_ registration: PollRegistration?) -> PollEvents { [.input, .output, .readNormal, .writeNormal] }
    /// The object that mmap maps. `offset` and `length` are page-aligned.
    open func memoryObject(offset: UInt64, length: UInt64, shared: Bool, writable: Bool) throws(Errno) -> MemoryObject {
        throw .noDevice
    }
    /// Directory entries (`linux_dirent64`) from the file's position on.
    open func readDirectory(_ buffer: inout TransferBuffer) throws(Errno) -> Int { throw .notDirectory }
    /// Changes the length.
    open func truncate(to length: UInt64) throws(Errno) { throw .invalidArgument }
    /// Writes dirty data to the device.
    open func synchronize() throws(Errno) { throw .invalidArgument }
    /// `fcntl(F_ADD_SEALS)` and `F_GET_SEALS`.
    open func addSeals(_ seals: UInt32) throws(Errno) { throw .invalidArgument }
    open func seals() throws(Errno) -> UInt32 { throw .invalidArgument }
    /// `fcntl(F_GETPIPE_SZ)`: how many bytes a pipe holds.
    open func pipeCapacity() throws(Errno) -> Int { throw .badDescriptor }
    /// `fcntl(F_SETPIPE_SZ)`.
    /// - Returns: the capacity it got, which may be more.
    open func setPipeCapacity(_ byteCount: Int) throws(Errno) -> Int { throw .badDescriptor }
    /// Attributes, for fstat.
    open func attributes() throws(Errno) -> FileAttributes {
        guard let inode else { return FileAttributes.anonymous }
        return try inode.attributes()
    }
    /// What /proc/self/fd shows for files without a path, for example `pipe:[42]`.
    open var anonymousName: String { "anon_inode:[file]" }
    /// Whether epoll may watch it: not regular files and folders, which are always ready.
    open var isPollable: Bool { true }
    /// What opening /proc/self/fd/N gives for a file without an inode: by default this very description.
    open func reopen(flags: OpenFlags) throws(Errno) -> OpenFile { self }
    /// A descriptor for it was closed in a process (each time, not only the last): locks are dropped here.
    open func descriptorClosed(_ table: DescriptorTable) {}
}
