import ABI
import Files
import Foundation
import KernelSeams
import Processes
import Support
import Testing
import Tmpfs

/// Every test of the file modules is inside: they share the name cache, so they run one after the other.
@Suite(.serialized) struct FileSystemTests {}

/// How many times as many seeds as usual random tests try: `MARTLET_SEED_FACTOR` in the environment.
let seedFactor = ProcessInfo.processInfo.environment["MARTLET_SEED_FACTOR"].flatMap { Int($0) } ?? 1

/// A random number generator that repeats exactly (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) {
        state = seed &* 0xd1b5_4a32_d192_ed03
        state = next()
    }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A view of a mounted file system by which tests speak in strings and byte arrays.
struct Tree {
    let root: PathNode
    var base: PathNode
    var identity = FileIdentity.root

    /// Mounts a file system as a root of its own.
    init(_ fileSystem: FileSystem) throws {
        FakeMemory.start()
        root = try MountTable.mountRoot(fileSystem, source: Array("test".utf8))
        base = root
    }

    init(root: PathNode, base: PathNode) {
        self.root = root
        self.base = base
    }

    var origin: PathOrigin { PathOrigin(root: root, base: base, identity: identity) }

    func with<R>(_ path: String, _ body: (UnsafeRawBufferPointer) throws(Errno) -> R) throws(Errno) -> R {
        let bytes = Array(path.utf8)
        let result: Result<R, Errno> = bytes.withUnsafeBytes { raw in
            do throws(Errno) { return .success(try body(raw)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    func resolve(_ path: String, follow: Bool = true) throws(Errno) -> PathNode {
        try with(path) { (p) throws(Errno) in try PathOperations.resolve(p, origin, follow: follow) }
    }
    func open(_ path: String, _ flags: OpenFlags = [], _ permissions: UInt32 = 0o644) throws(Errno) -> OpenFile {
        try with(path) { (p) throws(Errno) in try PathOperations.open(p, origin, flags: flags, permissions: permissions) }
    }
    func mkdir(_ path: String, _ permissions: UInt32 = 0o755) throws(Errno) {
        try with(path) { (p) throws(Errno) in _ = try PathOperations.create(p, origin, kind: .directory, permissions: permissions)
        }
    }
    func mknod(_ path: String, _ kind: FileKind, _ device: DeviceNumber = DeviceNumber(rawValue: 0)) throws(Errno) {
        try with(path) { (p) throws(Errno) in
            _ = try PathOperations.create(p, origin, kind: kind, permissions: 0o644, special: device)
        }
    }
    func remove(_ path: String, folder: Bool = false) throws(Errno) {
        try with(path) { (p) throws(Errno) in try PathOperations.remove(p, origin, folder: folder) }
    }
    func symlink(_ target: String, _ path: String) throws(Errno) {
        try with(path) { (p) throws(Errno) in try PathOperations.symlink(Array(target.utf8), p, origin) }
    }
    func link(_ old: String, _ path: String) throws(Errno) {
        let node = try resolve(old, follow: false)
        try with(path) { (p) throws(Errno) in try PathOperations.link(node, p, origin) }
    }
    func rename(_ old: String, _ new: String, _ flags: UInt32 = 0) throws(Errno) {
        try with(old) { (o) throws(Errno) in
            try with(new) { (n) throws(Errno) in try PathOperations.rename(o, origin, n, origin, flags: flags) }
        }
    }
    func readLink(_ path: String) throws(Errno) -> [UInt8] { try resolve(path, follow: false).inode!.readLink() }
    func stat(_ path: String, follow: Bool = true) throws(Errno) -> FileAttributes {
        try resolve(path, follow: follow).inode!.attributes()
    }
    func truncate(_ path: String, _ size: UInt64) throws(Errno) {
        let file = try open(path, .writeOnly)
        try file.truncate(to: size)
    }

    func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64? = nil) throws(Errno) -> Int {
        var copy = bytes
        let result: Result<Int, Errno> = copy.withUnsafeMutableBytes { raw in
            var buffer = TransferBuffer(kernel: raw)
            do throws(Errno) {
                if let offset { return .success(try file.write(&buffer, at: offset)) }
                return .success(try file.write(&buffer))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    func read(_ file: OpenFile, _ count: Int, at offset: UInt64? = nil) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: count)
        let result: Result<Int, Errno> = bytes.withUnsafeMutableBytes { raw in
            var buffer = TransferBuffer(kernel: raw)
            do throws(Errno) {
                if let offset { return .success(try file.read(&buffer, at: offset)) }
                return .success(try file.read(&buffer))
            } catch { return .failure(error) }
        }
        return Array(bytes.prefix(try result.get()))
    }

    func contents(_ path: String) throws(Errno) -> [UInt8] {
        let file = try open(path)
        var all: [UInt8] = []
        while true {
            let piece = try read(file, 65536)
            if piece.isEmpty { return all }
            all += piece
        }
    }

    func put(_ path: String, _ bytes: [UInt8]) throws(Errno) {
        let file = try open(path, [.writeOnly, .create, .truncate])
        var rest = bytes[...]
        while !rest.isEmpty { rest = rest.dropFirst(try write(file, Array(rest.prefix(65536)))) }
    }

    /// Names, inode numbers and types in a folder, without `.` and `..`.
    func list(_ path: String, chunk: Int = 512) throws(Errno) -> [(name: String, inode: UInt64, kind: UInt8)] {
        let file = try open(path, .directory)
        var entries: [(name: String, inode: UInt64, kind: UInt8)] = []
        while true {
            var bytes = [UInt8](repeating: 0, count: chunk)
            let result: Result<Int, Errno> = bytes.withUnsafeMutableBytes { raw in
                var buffer = TransferBuffer(kernel: raw)
                do throws(Errno) { return .success(try file.readDirectory(&buffer)) } catch { return .failure(error) }
            }
            let count = try result.get()
            if count == 0 { return entries.filter { $0.name != "." && $0.name != ".." } }
            var offset = 0
            bytes.withUnsafeBytes { raw in
                while offset < count {
                    let inode = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    let length = Int(raw.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
                    let kind = raw[offset + 18]
                    let name = raw[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
                    entries.append((String(decoding: name, as: UTF8.self), inode, kind))
                    offset += length
                }
            }
        }
    }
}

/// The error of an operation; 0 when it succeeds.
func errno(_ body: () throws(Errno) -> Void) -> Int32 {
    do throws(Errno) {
        try body()
        return 0
    } catch { return error.rawValue }
}
