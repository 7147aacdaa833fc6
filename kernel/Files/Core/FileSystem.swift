import ABI
import Scheduling
import Support
import Synchronization

/// What statfs tells about a mounted file system.
public struct FileSystemStatistics: Sendable {
    /// The magic number that names the type (`include/uapi/linux/magic.h`).
    public var type: UInt32 = 0
    public var blockSize: UInt32 = 4096
    public var blocks: UInt64 = 0
    public var freeBlocks: UInt64 = 0
    /// Free for everybody, not only for the superuser.
    public var availableBlocks: UInt64 = 0
    public var files: UInt64 = 0
    public var freeFiles: UInt64 = 0
    public init() {}
}

/// A file system that can be mounted: where inodes come from.
///
/// Changes of its directories, and lookups that are not answered from the name cache, run one at a time under
/// `namespaceLock`. Contents of files do not.
open class FileSystem {
    /// The name of the type, as mount(2) and /proc/mounts write it.
    public let typeName: StaticString
    /// The device number that stat shows for its files.
    public let device: DeviceNumber
    /// Set while the file system must not be changed.
    public let isReadOnly = Atomic<Bool>(false)
    private let namespaceLock = ReadWriteLock(())

    /// - Parameter device: nil gives it a number of its own (major 0), as file systems without a device have.
    public init(typeName: StaticString, device: DeviceNumber? = nil) {
        self.typeName = typeName
        self.device = device ?? DeviceNumber(major: 0, minor: Self.nextMinor.wrappingAdd(1, ordering: .relaxed).newValue)
    }
    private static let nextMinor = Atomic<UInt32>(20)

    /// The root folder. Called once a mount.
    open func rootInode() throws(Errno) -> Inode { throw .notImplemented }
    /// Whether looked-up names may be remembered. False where entries come and go by themselves (/proc).
    open var cachesNames: Bool { true }
    /// Whether it is remembered that a name does not exist. False where names may appear without this module's doing.
    open var cachesMissingNames: Bool { cachesNames }
    open func statistics() -> FileSystemStatistics { FileSystemStatistics() }
    /// Writes everything that is dirty to the device.
    open func synchronize() throws(Errno) {}
    /// Called when the last name of something was removed or its last user went away: space may be given back now.
    open func reclaim() {}
    /// Called when it is unmounted and nothing uses it any more. Afterwards only its memory is left.
    open func unmounted() {}
    /// What /proc/mounts shows after `rw`, for example `,size=1024k`.
    open var mountOptions: [UInt8] { [] }

    /// Runs `body` with the right to change directories.
    public final func withNamespace<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        try namespaceLock.withLock { (_) throws(Errno) in try body() }
    }

    /// Runs `body` while no directory changes. For listing: others may list meanwhile, too.
    public final func withStableNamespace<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        try namespaceLock.withReadLock { (_) throws(Errno) in try body() }
    }

    /// Throws when the file system must not be changed.
    public final func checkWritable() throws(Errno) {
        if isReadOnly.load(ordering: .relaxed) { throw .readOnlyFileSystem }
    }
}

/// Makes file systems of one type, for mount(2).
open class FileSystemType {
    public let name: StaticString
    /// Whether mount(2)'s source names a block device; /proc/filesystems marks the others `nodev`.
    public let needsDevice: Bool

    public init(name: StaticString, needsDevice: Bool) {
        self.name = name
        self.needsDevice = needsDevice
    }

    /// - Parameters:
    ///   - device: the block device that mount(2) names, when one is needed.
    ///   - options: mount(2)'s data string, comma separated.
    open func mount(device: BlockDevice?, options: [UInt8], readOnly: Bool) throws(Errno) -> FileSystem { throw .noDevice }
}

/// The types that mount(2) knows.
public enum FileSystemTypes {
    private static let types = SpinLock<[FileSystemType]>([])

    public static func register(_ type: FileSystemType) { types.withLock { $0.append(type) } }

    public static var all: [FileSystemType] { types.withLock { $0 } }

    public static func named(_ name: [UInt8]) -> FileSystemType? {
        for type in all where type.name.equals(name) { return type }
        return nil
    }
}

extension StaticString {
    /// Whether its bytes are these.
    public func equals(_ bytes: [UInt8]) -> Bool {
        guard utf8CodeUnitCount == bytes.count else { return false }
        for index in 0..<bytes.count where utf8Start[index] != bytes[index] { return false }
        return true
    }

    public var bytes: [UInt8] { Array(UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)) }
}
