// Memory that is mapped rather than allocated: files, and memory that two processes share.

import CLibc

/// What a mapping may be used for.
public enum Protection: Int32, Sendable {
    case read = 1
    case readWrite = 3
}

/// A mapped range of memory; unmapped when the value goes out of scope.
public struct MemoryMapping: ~Copyable {
    public let address: UnsafeMutableRawPointer
    public let byteCount: Int

    /// Maps the start of a file so that writes reach the file and everybody who maps it.
    public init(shared file: borrowing FileDescriptor, byteCount: Int, offset: Int = 0, _ protection: Protection)
        throws(Errno)
    {
        try self.init(file.rawValue, byteCount, offset, protection, MAP_SHARED)
    }

    /// Maps the start of a file; later writes by this process are its own.
    public init(private file: borrowing FileDescriptor, byteCount: Int, offset: Int = 0, _ protection: Protection)
        throws(Errno)
    {
        try self.init(file.rawValue, byteCount, offset, protection, MAP_PRIVATE)
    }

    /// Maps zeroed memory that belongs to no file.
    public init(anonymous byteCount: Int) throws(Errno) {
        try self.init(-1, byteCount, 0, .readWrite, MAP_PRIVATE | Linux.mapAnonymous)
    }

    private init(_ file: Int32, _ byteCount: Int, _ offset: Int, _ protection: Protection, _ flags: Int32)
        throws(Errno)
    {
        guard byteCount > 0 else { throw .invalidArgument }
        guard let address = martlet_mmap(nil, byteCount, protection.rawValue, flags, file, off_t(offset)) else {
            throw lastError()
        }
        self.address = address
        self.byteCount = byteCount
    }

    deinit { _ = munmap(address, byteCount) }

    /// The whole range. Not to be used after the mapping is gone.
    public var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: address, count: byteCount) }
}

/// Seals of a memory file (`fcntl(2)`, F_ADD_SEALS): promises to those who map it.
public struct Seals: OptionSet, Sendable {
    public let rawValue: Int32
    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    /// No further seals.
    public static var seal: Seals { Seals(rawValue: 1) }
    public static var shrink: Seals { Seals(rawValue: 2) }
    public static var grow: Seals { Seals(rawValue: 4) }
    public static var write: Seals { Seals(rawValue: 8) }
}

extension FileDescriptor {
    /// A nameless file in memory that can be sealed.
    public static func memory(_ name: String, byteCount: Int) throws(Errno) -> FileDescriptor {
        let file = FileDescriptor(owning: try callInt { memfd_create(name, UInt32(MFD_CLOEXEC | MFD_ALLOW_SEALING)) })
        try file.truncate(byteCount: byteCount)
        return file
    }

    /// Adds seals to a memory file.
    public func add(_ seals: Seals) throws(Errno) {
        try callInt { martlet_fcntl(rawValue, Linux.addSeals, Int(seals.rawValue)) }
    }

    /// The seals of a memory file; throws `invalidArgument` for a file that has none by nature.
    public func seals() throws(Errno) -> Seals {
        Seals(rawValue: try callInt { martlet_fcntl(rawValue, Linux.getSeals, 0) })
    }
}
