/// The bits of `st_mode` (`include/uapi/linux/stat.h`).
public enum FileMode {
    public static let typeMask: UInt32 = 0o170000
    public static let socket: UInt32 = 0o140000
    public static let symbolicLink: UInt32 = 0o120000
    public static let regular: UInt32 = 0o100000
    public static let blockDevice: UInt32 = 0o060000
    public static let directory: UInt32 = 0o040000
    public static let characterDevice: UInt32 = 0o020000
    public static let fifo: UInt32 = 0o010000
    public static let setUser: UInt32 = 0o4000
    public static let setGroup: UInt32 = 0o2000
    public static let sticky: UInt32 = 0o1000
    public static let permissionMask: UInt32 = 0o7777
}

/// Device numbers as `stat`, `mknod` and `statx` encode them (`include/linux/kdev_t.h`, new_encode_dev for 64 bits).
public struct DeviceNumber: Equatable, Sendable, BitwiseCopyable {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(major: UInt32, minor: UInt32) {
        rawValue = UInt64(minor & 0xff) | UInt64(major & 0xfff) << 8 | UInt64(minor & ~0xff) << 12 | UInt64(major & ~0xfff) << 32
    }
    @inlinable public var major: UInt32 { UInt32((rawValue >> 8) & 0xfff) | UInt32((rawValue >> 32) & ~0xfff) }
    @inlinable public var minor: UInt32 { UInt32(rawValue & 0xff) | UInt32((rawValue >> 12) & 0xffff_ff00) }
}

/// `AT_*` flags and values (`include/uapi/linux/fcntl.h`).
public enum AtFlags {
    public static let workingFolder: Int32 = -100
    public static let symbolicLinkNoFollow: UInt32 = 0x100
    public static let effectiveAccess: UInt32 = 0x200
    public static let removeDirectory: UInt32 = 0x200
    public static let symbolicLinkFollow: UInt32 = 0x400
    public static let noAutomount: UInt32 = 0x800
    public static let emptyPath: UInt32 = 0x1000
    public static let statxSyncMask: UInt32 = 0x6000
}

/// Flags of `renameat2`.
public enum RenameFlags {
    public static let noReplace: UInt32 = 1
    public static let exchange: UInt32 = 2
}

/// `fcntl` commands (`include/uapi/asm-generic/fcntl.h`, `include/uapi/linux/fcntl.h`).
public enum FcntlCommand {
    public static let duplicate: Int32 = 0
    public static let getDescriptorFlags: Int32 = 1
    public static let setDescriptorFlags: Int32 = 2
    public static let getStatusFlags: Int32 = 3
    public static let setStatusFlags: Int32 = 4
    public static let getLock: Int32 = 5
    public static let setLock: Int32 = 6
    public static let setLockWait: Int32 = 7
    public static let setOwner: Int32 = 8
    public static let getOwner: Int32 = 9
    public static let getDescriptionLock: Int32 = 36
    public static let setDescriptionLock: Int32 = 37
    public static let setDescriptionLockWait: Int32 = 38
    public static let duplicateCloseOnExec: Int32 = 1030
    public static let setPipeSize: Int32 = 1031
    public static let getPipeSize: Int32 = 1032
    public static let addSeals: Int32 = 1033
    public static let getSeals: Int32 = 1034
    public static let closeOnExecFlag: UInt64 = 1
}

/// Seals of a memfd (`include/uapi/linux/fcntl.h`) and flags of `memfd_create`.
public enum Seals {
    public static let seal: UInt32 = 1
    public static let shrink: UInt32 = 2
    public static let grow: UInt32 = 4
    public static let write: UInt32 = 8
    public static let futureWrite: UInt32 = 16
    public static let all: UInt32 = 31
}

/// Flags of `memfd_create` (`include/uapi/linux/memfd.h`).
public enum MemfdFlags {
    public static let closeOnExec: UInt32 = 1
    public static let allowSealing: UInt32 = 2
    public static let noExecSeal: UInt32 = 8
    public static let exec: UInt32 = 16
}

/// Modes of `fallocate` (`include/uapi/linux/falloc.h`).
public enum FallocateMode {
    public static let keepSize: UInt32 = 1
    public static let punchHole: UInt32 = 2
    public static let zeroRange: UInt32 = 16
}
