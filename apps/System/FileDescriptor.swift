import CLibc

/// An open file of this process; closed when the value goes out of scope.
///
/// Methods that read or write make a call again when a signal interrupted it; a non-blocking descriptor that
/// is not ready throws `Errno.wouldBlock`.
@frozen
public struct FileDescriptor: ~Copyable {
    /// The number, for calls that this module does not wrap. It stays owned by this value.
    public let rawValue: Int32

    /// Takes over a descriptor that nobody else will close.
    @inlinable
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit { _ = close(rawValue) }

    /// Gives the number away; the caller must close it.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    /// A second descriptor for the same open file, closed in a program that is executed.
    public func duplicate() throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try callInt { martlet_fcntl(rawValue, F_DUPFD_CLOEXEC, 3) })
    }
}

// MARK: Opening

/// What an opened file is for.
public enum AccessMode: Int32, Sendable {
    case readOnly = 0
    case writeOnly = 1
    case readWrite = 2
}

/// Flags of `open(2)`. Every file is opened close-on-exec.
public struct OpenOptions: OptionSet, Sendable {
    public let rawValue: Int32
    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    public static var create: OpenOptions { OpenOptions(rawValue: O_CREAT) }
    public static var exclusive: OpenOptions { OpenOptions(rawValue: O_EXCL) }
    public static var truncate: OpenOptions { OpenOptions(rawValue: O_TRUNC) }
    public static var append: OpenOptions { OpenOptions(rawValue: O_APPEND) }
    public static var nonBlocking: OpenOptions { OpenOptions(rawValue: O_NONBLOCK) }
    public static var notControllingTerminal: OpenOptions { OpenOptions(rawValue: O_NOCTTY) }
    public static var directory: OpenOptions { OpenOptions(rawValue: O_DIRECTORY) }
    public static var noFollow: OpenOptions { OpenOptions(rawValue: O_NOFOLLOW) }
}

extension FileDescriptor {
    /// Opens a path.
    public static func open(
        _ path: String, _ mode: AccessMode, _ options: OpenOptions = [], permissions: UInt32 = 0o644
    ) throws(Errno) -> FileDescriptor {
        FileDescriptor(
            owning: try callInt {
                martlet_open(path, mode.rawValue | options.rawValue | O_CLOEXEC, permissions)
            })
    }

    /// Both ends of a new pipe.
    public static func pipe(_ options: OpenOptions = []) throws(Errno) -> Pipe {
        var ends: (Int32, Int32) = (-1, -1)
        try callInt {
            withUnsafeMutableBytes(of: &ends) { bytes in
                pipe2(bytes.baseAddress!.assumingMemoryBound(to: Int32.self), options.rawValue | O_CLOEXEC)
            }
        }
        return Pipe(read: FileDescriptor(owning: ends.0), write: FileDescriptor(owning: ends.1))
    }
}

/// The two ends of a pipe.
public struct Pipe: ~Copyable {
    public var read: FileDescriptor
    public var write: FileDescriptor

    /// Keeps the end to read from and closes the other.
    public consuming func keepingRead() -> FileDescriptor { read }

    /// Keeps the end to write to and closes the other.
    public consuming func keepingWrite() -> FileDescriptor { write }
}

// MARK: Reading and writing

extension FileDescriptor {
    /// Reads what is there, at most the buffer's length; zero means end of file.
    @discardableResult
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try call { CLibc.read(rawValue, buffer.baseAddress, buffer.count) }
    }

    /// Reads at an offset, without moving the file position.
    @discardableResult
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Errno) -> Int {
        try call { pread(rawValue, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// Reads into an array's storage and returns the number of bytes.
    @discardableResult
    public func read(into array: inout [UInt8]) throws(Errno) -> Int {
        var span = array.mutableSpan
        return try span.withUnsafeMutableBytes { bytes throws(Errno) in try read(into: bytes) }
    }

    /// Writes what fits now and returns how much that was.
    @discardableResult
    public func write(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try call { CLibc.write(rawValue, buffer.baseAddress, buffer.count) }
    }

    /// Writes everything; on a blocking descriptor it returns when all is written.
    public func writeAll(_ buffer: UnsafeRawBufferPointer) throws(Errno) {
        var rest = buffer
        while !rest.isEmpty {
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(try write(rest)))
        }
    }

    /// Writes all bytes of an array.
    public func writeAll(_ bytes: [UInt8]) throws(Errno) {
        try bytes.span.withUnsafeBytes { bytes throws(Errno) in try writeAll(bytes) }
    }

    /// Writes a string's UTF-8.
    public func writeAll(_ text: String) throws(Errno) { try writeAll(Array(text.utf8)) }

    /// Reads until end of file; throws `fileTooLarge` past a limit.
    public func readToEnd(limit: Int) throws(Errno) -> [UInt8] {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = try read(into: &chunk)
            if count == 0 { return result }
            if result.count + count > limit { throw .fileTooLarge }
            result.append(contentsOf: chunk[..<count])
        }
    }

    /// The file's size in bytes, by `fstat(2)`.
    public func byteCount() throws(Errno) -> Int {
        var status = stat()
        try callInt { fstat(rawValue, &status) }
        return Int(status.st_size)
    }

    /// Changes the file's size.
    public func truncate(byteCount: Int) throws(Errno) {
        try callInt { ftruncate(rawValue, off_t(byteCount)) }
    }

    /// Makes reads and writes throw `wouldBlock` instead of waiting.
    public func setNonBlocking() throws(Errno) {
        let flags = try callInt { martlet_fcntl(rawValue, F_GETFL, 0) }
        try callInt { martlet_fcntl(rawValue, F_SETFL, Int(flags | O_NONBLOCK)) }
    }

    /// Lets the descriptor live on in an executed program.
    public func keepOpenAcrossExec() throws(Errno) {
        try callInt { martlet_fcntl(rawValue, F_SETFD, 0) }
    }

    /// `ioctl(2)` with a structure that the kernel reads, writes or both.
    /// - Safety: `argument` must be of the type that the request names.
    @discardableResult
    public func control<T>(_ request: UInt, _ argument: inout T) throws(Errno) -> Int32 {
        try callInt {
            withUnsafeMutablePointer(to: &argument) { martlet_ioctl(rawValue, request, UnsafeMutableRawPointer($0)) }
        }
    }

    /// `ioctl(2)` with a plain number.
    @discardableResult
    public func control(_ request: UInt, value: Int = 0) throws(Errno) -> Int32 {
        try callInt { martlet_ioctl_value(rawValue, request, value) }
    }
}
