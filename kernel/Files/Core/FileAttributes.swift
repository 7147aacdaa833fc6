import ABI

/// What kind of object an inode is; it never changes.
public enum FileKind: UInt8, Sendable {
    // The raw values are the d_type numbers of getdents64.
    case fifo = 1, characterDevice = 2, directory = 4, blockDevice = 6, regular = 8, symbolicLink = 10, socket = 12

    /// The type bits of `st_mode`.
    @inlinable public var modeBits: UInt32 { UInt32(rawValue) << 12 }

    /// The kind that the type bits of a mode name; nil when they name none.
    @inlinable public init?(mode: UInt32) { self.init(rawValue: UInt8((mode & FileMode.typeMask) >> 12)) }
}

/// Everything that stat tells about a file.
public struct FileAttributes: Sendable {
    public var device: UInt64 = 0
    public var inode: UInt64 = 0
    public var linkCount: UInt32 = 1
    /// Type and permission bits.
    public var mode: UInt32 = 0
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    /// The device that a device node names.
    public var specialDevice: UInt64 = 0
    public var size: UInt64 = 0
    public var blockSize: UInt32 = 4096
    /// Allocated space in units of 512 bytes.
    public var blockCount: UInt64 = 0
    public var accessTime = TimeSpec()
    public var modificationTime = TimeSpec()
    public var changeTime = TimeSpec()
    public var birthTime = TimeSpec()

    public init() {}

    /// What fstat says about files without an inode (epoll, eventfd …).
    public static var anonymous: FileAttributes {
        var attributes = FileAttributes()
        attributes.device = anonymousDevice
        attributes.inode = 1
        attributes.mode = 0o600
        return attributes
    }

    /// Attributes of a pipe end or a socket, which have a type of their own.
    public static func anonymous(kind: FileKind, inode: UInt64) -> FileAttributes {
        var attributes = FileAttributes()
        attributes.device = anonymousDevice
        attributes.inode = inode
        attributes.mode = kind.modeBits | (kind == .socket ? 0o777 : 0o600)
        return attributes
    }

    /// The number that stands for "no device": Linux gives such files a small device number too.
    static let anonymousDevice: UInt64 = 0xe

    /// As `struct stat`.
    public var stat: Stat {
        var stat = Stat()
        stat.device = device
        stat.inode = inode
        stat.linkCount = UInt64(linkCount)
        stat.mode = mode
        stat.uid = uid
        stat.gid = gid
        stat.specialDevice = specialDevice
        stat.size = Int64(bitPattern: size)
        stat.blockSize = Int64(blockSize)
        stat.blockCount = Int64(bitPattern: blockCount)
        stat.accessTime = accessTime
        stat.modificationTime = modificationTime
        stat.changeTime = changeTime
        return stat
    }

    /// As `struct statx`.
    public var statx: Statx {
        var statx = Statx()
        statx.mask = Statx.basicStats
        if birthTime.seconds != 0 {
            statx.mask |= Statx.birthTimeBit
            statx.birthTime = StatxTime(birthTime)
        }
        statx.blockSize = blockSize
        statx.linkCount = linkCount
        statx.uid = uid
        statx.gid = gid
        statx.mode = UInt16(truncatingIfNeeded: mode)
        statx.inode = inode
        statx.size = size
        statx.blockCount = blockCount
        statx.accessTime = StatxTime(accessTime)
        statx.changeTime = StatxTime(changeTime)
        statx.modificationTime = StatxTime(modificationTime)
        let special = DeviceNumber(rawValue: specialDevice), own = DeviceNumber(rawValue: device)
        statx.specialMajor = special.major
        statx.specialMinor = special.minor
        statx.deviceMajor = own.major
        statx.deviceMinor = own.minor
        return statx
    }
}

/// What chmod, chown, utimensat and truncate change; nil leaves a field alone.
public struct AttributeChange: Sendable {
    /// Permission bits only.
    public var permissions: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?
    public var accessTime: TimeSpec?
    public var modificationTime: TimeSpec?
    public var size: UInt64?
    public init() {}
}
