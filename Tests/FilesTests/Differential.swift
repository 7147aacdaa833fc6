import ABI
import Files
import Foundation
import Support
import Testing

/// A folder of the build machine's own file system, on which the same operations run: Linux says what is right.
final class HostFolder {
    let path: String
    let descriptor: Int32

    init() {
        // tmpfs, if there is one: it counts the links of folders as POSIX says.
        let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp"
        path = parent + "/martlet-files-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        mkdir(path, 0o755)
        descriptor = Foundation.open(path, O_RDONLY | O_DIRECTORY)
    }

    deinit {
        close(descriptor)
        try? FileManager.default.removeItem(atPath: path)
    }
}

@_silgen_name("renameat2")
private func hostRename(
    _ oldFolder: Int32, _ old: UnsafePointer<CChar>, _ newFolder: Int32, _ new: UnsafePointer<CChar>, _ flags: UInt32
) -> Int32

/// Runs random operations on a tree of ours and on a folder of the host, and demands the same answers.
struct Differential {
    let ours: Tree
    let host: Int32
    var random: SeededGenerator
    var log: [String] = []
    var longestWrite = 20_000
    let names = ["a", "b", "c", "dd", "e.txt"]

    mutating func path() -> String {
        var parts: [String] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            switch Int.random(in: 0..<20, using: &random) {
            case 0: parts.append(".")
            case 1: parts.append("..")
            case 2: parts.append("")
            default: parts.append(names.randomElement(using: &random)!)
            }
        }
        var text = parts.joined(separator: "/")
        if text.hasPrefix("/") || text.isEmpty { text = "a" + text }
        if Int.random(in: 0..<12, using: &random) == 0 { text += "/" }
        return text
    }

    /// Compares an error and notes what was done.
    mutating func check(_ what: String, _ mine: Int32, _ theirs: Int32, _ place: SourceLocation = #_sourceLocation) -> Bool {
        log.append(what + " -> \(theirs)")
        if mine == theirs { return true }
        Issue.record(
            "\(what): \(mine), but Linux gives \(theirs); after:\n\(log.suffix(40).joined(separator: "\n"))",
            sourceLocation: place)
        return false
    }

    func code(_ result: Int32) -> Int32 { result < 0 ? Foundation.errno : 0 }

    /// One random operation.
    /// - Returns: false after a difference.
    mutating func step() -> Bool {
        let ours = ours
        switch Int.random(in: 0..<16, using: &random) {
        case 0, 1:
            let p = path()
            return check("mkdir \(p)", FilesTests.errno { () throws(Errno) in try ours.mkdir(p) }, code(mkdirat(host, p, 0o755)))
        case 2, 3, 4: return write()
        case 5:
            let p = path()
            return check("unlink \(p)", FilesTests.errno { () throws(Errno) in try ours.remove(p) }, code(unlinkat(host, p, 0)))
        case 6:
            let p = path()
            return check(
                "rmdir \(p)", FilesTests.errno { () throws(Errno) in try ours.remove(p, folder: true) },
                code(unlinkat(host, p, Int32(AT_REMOVEDIR))))
        case 7, 8, 9:
            let p = path(), q = path()
            let flags: UInt32 = [0, 0, 0, 1, 2].randomElement(using: &random)!
            return check(
                "rename \(p) \(q) \(flags)", FilesTests.errno { () throws(Errno) in try ours.rename(p, q, flags) },
                code(hostRename(host, p, host, q, flags)))
        case 10:
            let p = path(), q = path()
            return check(
                "link \(p) \(q)", FilesTests.errno { () throws(Errno) in try ours.link(p, q) }, code(linkat(host, p, host, q, 0)))
        case 11:
            let target = path(), p = path()
            return check(
                "symlink \(target) \(p)", FilesTests.errno { () throws(Errno) in try ours.symlink(target, p) },
                code(symlinkat(target, host, p)))
        case 12: return truncate()
        case 13: return read()
        case 14: return stat()
        default: return list()
        }
    }

    private mutating func write() -> Bool {
        let p = path()
        let length = Int.random(in: 0...longestWrite, using: &random),
            offset = Int.random(in: 0...longestWrite * 2, using: &random)
        let flavour = Int.random(in: 0..<6, using: &random)
        var flags: OpenFlags = [.writeOnly, .create]
        var hostFlags = O_WRONLY | O_CREAT
        if flavour == 0 { flags.insert(.truncate); hostFlags |= O_TRUNC }
        if flavour == 1 { flags.insert(.exclusive); hostFlags |= O_EXCL }
        if flavour == 2 { flags.insert(.append); hostFlags |= O_APPEND }
        if flavour == 3 { flags.insert(.noFollow); hostFlags |= O_NOFOLLOW }
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ offset) }
        let ours = ours
        let mine = FilesTests.errno { () throws(Errno) in
            let file = try ours.open(p, flags)
            _ = try ours.write(file, bytes, at: UInt64(offset))
        }
        let fd = openat(host, p, hostFlags, 0o644)
        let theirs = code(fd)
        if fd >= 0 {
            _ = bytes.withUnsafeBytes { pwrite(fd, $0.baseAddress, length, off_t(offset)) }
            close(fd)
        }
        return check("write \(p) \(length)@\(offset) flavour \(flavour)", mine, theirs)
    }

    private mutating func truncate() -> Bool {
        let p = path(), size = Int.random(in: 0...longestWrite * 3, using: &random)
        let ours = ours
        let mine = FilesTests.errno { () throws(Errno) in try ours.truncate(p, UInt64(size)) }
        let fd = openat(host, p, O_WRONLY)
        var theirs = code(fd)
        if fd >= 0 {
            theirs = code(ftruncate(fd, off_t(size)))
            close(fd)
        }
        return check("truncate \(p) \(size)", mine, theirs)
    }

    private mutating func read() -> Bool {
        let p = path()
        var mine: [UInt8] = []
        let ours = ours
        let error = FilesTests.errno { () throws(Errno) in mine = try ours.contents(p) }
        let (theirs, code) = hostContents(p)
        guard check("read \(p)", error, code) else { return false }
        if mine != theirs {
            Issue.record(
                "contents of \(p) differ (\(mine.count), \(theirs.count) bytes) after:\n\(log.suffix(40).joined(separator: "\n"))"
            )
        }
        return mine == theirs
    }

    func hostContents(_ path: String) -> ([UInt8], Int32) {
        let fd = openat(host, path, O_RDONLY)
        if fd < 0 { return ([], Foundation.errno) }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var total = 0
        while true {
            let count = bytes.withUnsafeMutableBytes { Foundation.read(fd, $0.baseAddress! + total, $0.count - total) }
            if count < 0 { return ([], Foundation.errno) }
            if count == 0 { return (Array(bytes.prefix(total)), 0) }
            total += count
        }
    }

    private mutating func stat() -> Bool {
        let p = path(), follow = Bool.random(using: &random)
        var theirs = Foundation.stat()
        let code = code(fstatat(host, p, &theirs, follow ? 0 : Int32(AT_SYMLINK_NOFOLLOW)))
        var mine = FileAttributes()
        let ours = ours
        let error = FilesTests.errno { () throws(Errno) in mine = try ours.stat(p, follow: follow) }
        guard check("stat \(p) follow \(follow)", error, code) else { return false }
        if code != 0 { return true }
        let same =
            mine.mode == theirs.st_mode && mine.linkCount == theirs.st_nlink
            && (mine.mode & 0o170000 == 0o040000 || mine.size == theirs.st_size)
        if !same {
            Issue.record(
                "stat \(p): mode \(mine.mode) links \(mine.linkCount) size \(mine.size), Linux \(theirs.st_mode) \(theirs.st_nlink) \(theirs.st_size); after:\n\(log.suffix(40).joined(separator: "\n"))"
            )
        }
        return same
    }

    private mutating func list() -> Bool {
        let p = path()
        var mine: [String] = []
        let ours = ours
        let error = FilesTests.errno { () throws(Errno) in mine = try ours.list(p).map { "\($0.name):\($0.kind)" }.sorted() }
        let (theirs, code) = hostList(p)
        guard check("list \(p)", error, code) else { return false }
        if mine != theirs {
            Issue.record("list \(p): \(mine), Linux \(theirs); after:\n\(log.suffix(40).joined(separator: "\n"))")
        }
        return mine == theirs
    }

    func hostList(_ path: String) -> ([String], Int32) {
        let fd = openat(host, path, O_RDONLY | O_DIRECTORY)
        if fd < 0 { return ([], Foundation.errno) }
        guard let folder = fdopendir(fd) else { return ([], Foundation.errno) }
        defer { closedir(folder) }
        var entries: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { entries.append("\(name):\(entry.pointee.d_type)") }
        }
        return (entries.sorted(), 0)
    }

    /// Compares everything below a folder.
    func compareTrees(_ path: String = ".") {
        let (theirs, code) = hostList(path)
        #expect(code == 0)
        var mine: [String] = []
        #expect(FilesTests.errno { () throws(Errno) in mine = try ours.list(path).map { "\($0.name):\($0.kind)" }.sorted() } == 0)
        #expect(mine == theirs, "\(path)")
        for entry in theirs {
            let parts = entry.split(separator: ":")
            let child = path + "/" + parts[0]
            switch parts[1] {
            case "4": compareTrees(child)
            case "8":
                #expect((try? ours.contents(child)) == hostContents(child).0, "\(child)")
            case "10":
                var text = [UInt8](repeating: 0, count: 4096)
                let count = text.withUnsafeMutableBytes { readlinkat(host, child, $0.baseAddress!, $0.count) }
                #expect((try? ours.readLink(child)) == Array(text.prefix(max(0, count))), "\(child)")
            default: break
            }
        }
    }
}
