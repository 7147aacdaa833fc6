import CLibc

/// An entry of a directory.
public struct DirectoryEntry: Sendable {
    public enum Kind: UInt8, Sendable {
        case unknown = 0, pipe = 1, characterDevice = 2, directory = 4, blockDevice = 6, file = 8, link = 10, socket = 12
    }

    public var name: String
    public var kind: Kind
}

/// The file system's names.
public enum Directory {
    /// The entries of a directory without `.` and `..`, in the file system's order.
    public static func entries(_ path: String) throws(Errno) -> [DirectoryEntry] {
        guard let stream = opendir(path) else { throw lastError() }
        defer { closedir(stream) }
        var result: [DirectoryEntry] = []
        while let entry = readdir(stream) {
            let name = String(cString: martlet_dirent_name(entry))
            if name == "." || name == ".." { continue }
            result.append(DirectoryEntry(name: name, kind: .init(rawValue: martlet_dirent_type(entry)) ?? .unknown))
        }
        return result
    }

    public static func create(_ path: String, permissions: UInt32 = 0o755) throws(Errno) {
        try callInt { mkdir(path, permissions) }
    }

    public static func setPermissions(_ path: String, _ permissions: UInt32) throws(Errno) {
        try callInt { chmod(path, permissions) }
    }

    public static func removeFile(_ path: String) throws(Errno) { try callInt { unlink(path) } }

    public static func rename(_ path: String, to newPath: String) throws(Errno) {
        try callInt { CLibc.rename(path, newPath) }
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The whole content of a file; throws `fileTooLarge` past the limit.
    public static func contents(_ path: String, limit: Int = 16 << 20) throws(Errno) -> [UInt8] {
        try FileDescriptor.open(path, .readOnly).readToEnd(limit: limit)
    }
}
