import ABI
import Files
import Processes
import Support

/// Paths as programs pass them.
enum UserPath {
    /// The longest path, without its terminator (PATH_MAX − 1).
    static let limit = 4095

    /// Copies a path in.
    /// - Throws: `badAddress`, `nameTooLong`; `noEntry` for the empty path unless it is allowed.
    static func read(_ address: UserAddress, allowsEmpty: Bool = false) throws(Errno) -> [UInt8] {
        let path = try copyInString(from: address, limit: limit)
        if path.isEmpty, !allowsEmpty { throw .noEntry }
        return path
    }

    /// Where a path given with a folder descriptor starts, for the effective identity or another.
    static func origin(_ folder: Int32, _ path: [UInt8], _ identity: FileIdentity? = nil) throws(Errno) -> PathOrigin {
        try FileContext.current.origin(
            folder, isAbsolute: path.first == UInt8(ascii: "/"), identity: identity ?? FileContext.identity)
    }

    /// The node that a path leads to; with the empty path (AT_EMPTY_PATH) that of the descriptor.
    static func resolve(
        _ folder: Int32, _ path: [UInt8], follow: Bool, _ identity: FileIdentity? = nil
    ) throws(Errno) -> PathNode {
        if path.isEmpty {
            if folder == AtFlags.workingFolder { return FileContext.current.workingFolder }
            guard let node = try FileContext.file(folder).path else { throw .noEntry }
            return node
        }
        return try PathOperations.resolve(path, origin(folder, path, identity), follow: follow)
    }

    /// Runs `body` on the bytes of a path.
    static func with<Value>(_ path: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Errno) -> Value) throws(Errno) -> Value {
        let result: Result<Value, Errno> = path.withUnsafeBytes { bytes in
            do throws(Errno) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

/// The most descriptors that the running process may have (RLIMIT_NOFILE).
var descriptorLimit: Int { Int(min(Process.current.limits[.openFiles].soft, 1 << 20)) }
