// Layouts that file calls pass to programs; the sizes are asserted in the host tests.

/// `struct stat` of x86-64 (`arch/x86/include/uapi/asm/stat.h`): 144 bytes.
public struct Stat: BitwiseCopyable, Sendable {
    public var device: UInt64 = 0
    public var inode: UInt64 = 0
    public var linkCount: UInt64 = 0
    public var mode: UInt32 = 0
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    public var padding0: UInt32 = 0
    public var specialDevice: UInt64 = 0
    public var size: Int64 = 0
    public var blockSize: Int64 = 0
    public var blockCount: Int64 = 0
    public var accessTime = TimeSpec()
    public var modificationTime = TimeSpec()
    public var changeTime = TimeSpec()
    public var unused: (Int64, Int64, Int64) = (0, 0, 0)
    @inlinable public init() {}
}

/// `struct statx_timestamp`.
public struct StatxTime: BitwiseCopyable, Sendable {
    public var seconds: Int64 = 0
    public var nanoseconds: UInt32 = 0
    public var padding: Int32 = 0
    @inlinable public init(_ time: TimeSpec) {
        seconds = time.seconds
        nanoseconds = UInt32(truncatingIfNeeded: time.nanoseconds)
    }
    @inlinable public init() {}
}

/// `struct statx` (`include/uapi/linux/stat.h`): 256 bytes.
public struct Statx: BitwiseCopyable, Sendable {
    public var mask: UInt32 = 0
    public var blockSize: UInt32 = 0
    public var attributes: UInt64 = 0
    public var linkCount: UInt32 = 0
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    public var mode: UInt16 = 0
    public var padding0: UInt16 = 0
    public var inode: UInt64 = 0
    public var size: UInt64 = 0
    public var blockCount: UInt64 = 0
    public var attributesMask: UInt64 = 0
    public var accessTime = StatxTime()
    public var birthTime = StatxTime()
    public var changeTime = StatxTime()
    public var modificationTime = StatxTime()
    public var specialMajor: UInt32 = 0
    public var specialMinor: UInt32 = 0
    public var deviceMajor: UInt32 = 0
    public var deviceMinor: UInt32 = 0
    public var mountIdentifier: UInt64 = 0
    public var directMemoryAlign: UInt32 = 0
    public var directOffsetAlign: UInt32 = 0
    public var spare: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    @inlinable public init() {}

    public static let basicStats: UInt32 = 0x7ff
    public static let birthTimeBit: UInt32 = 0x800
    public static let reservedBit: UInt32 = 0x8000_0000
}

/// `struct statfs` (`include/uapi/asm-generic/statfs.h`, 64 bits): 120 bytes.
public struct StatFS: BitwiseCopyable, Sendable {
    public var type: Int64 = 0
    public var blockSize: Int64 = 4096
    public var blocks: UInt64 = 0
    public var freeBlocks: UInt64 = 0
    public var availableBlocks: UInt64 = 0
    public var files: UInt64 = 0
    public var freeFiles: UInt64 = 0
    public var identifier: (Int32, Int32) = (0, 0)
    public var nameLimit: Int64 = 255
    public var fragmentSize: Int64 = 4096
    public var flags: Int64 = 0
    public var spare: (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)
    @inlinable public init() {}
}

/// `struct flock` of 64 bits: 32 bytes.
public struct FileLockRecord: BitwiseCopyable, Sendable {
    public var type: Int16 = 0
    public var whence: Int16 = 0
    public var padding0: Int32 = 0
    public var start: Int64 = 0
    public var length: Int64 = 0
    public var pid: Int32 = 0
    public var padding1: Int32 = 0
    @inlinable public init() {}

    public static let read: Int16 = 0
    public static let write: Int16 = 1
    public static let unlock: Int16 = 2
}

/// The fixed part of `struct linux_dirent64`: the name, NUL and padding to 8 bytes follow at offset 19.
public enum DirectoryRecord {
    public static let inodeOffset = 0
    public static let cursorOffset = 8
    public static let lengthOffset = 16
    public static let typeOffset = 18
    public static let nameOffset = 19
}

/// `struct pollfd`: 8 bytes.
public struct PollDescriptor: BitwiseCopyable, Sendable {
    public var descriptor: Int32 = -1
    public var events: Int16 = 0
    public var returned: Int16 = 0
    @inlinable public init() {}
}

/// `struct open_how` of openat2.
public struct OpenHow: BitwiseCopyable, Sendable {
    public var flags: UInt64 = 0
    public var mode: UInt64 = 0
    public var resolve: UInt64 = 0
    @inlinable public init() {}
}

/// `struct utimbuf`.
public struct AccessAndModificationTimes: BitwiseCopyable, Sendable {
    public var access: Int64 = 0
    public var modification: Int64 = 0
    @inlinable public init() {}
}
