// Reading folders, and files by the hundred.

import CTestSystem
import TestCalls

/// Names and kinds of a folder's entries, in the order of the names, read through a buffer of the given size.
func entries(of fd: Int, bufferSize: Int = 2048) -> [String] {
    let buffer = Buffer(bufferSize)
    var names: [String] = []
    while true {
        let count = sys(SYS_getdents64, fd, buffer.address, bufferSize)
        if count < 0 { names.append(outcome(count)) }
        if count <= 0 { break }
        var offset = 0
        while offset < count {
            let length = Int(buffer.load(UInt16.self, at: offset + 16))
            let name = String(cString: (buffer.base + offset + 19).assumingMemoryBound(to: CChar.self))
            names.append("\(name):\(buffer[offset + 18])")
            if length < 20 { return names + ["entry of length \(length)"] }
            offset += length
        }
    }
    return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
}

func directoriesFamily() {
    sys(SYS_mkdir, text("d"), 0o755)
    let empty = open("d", O_RDONLY | O_DIRECTORY)
    check("empty folder", text: joined(entries(of: empty)))
    check("at its end", sys(SYS_getdents64, empty, Buffer(512).address, 512))
    close(empty)
    close(open("d/file", O_CREAT | O_RDWR))
    sys(SYS_mkdir, text("d/sub"), 0o755)
    sys(SYS_symlink, text("file"), text("d/link"))
    sys(SYS_mknod, text("d/fifo"), Int(S_IFIFO | 0o644), 0)
    let fd = open("d", O_RDONLY | O_DIRECTORY)
    check("entries", text: joined(entries(of: fd)))
    check("rewind", sys(SYS_lseek, fd, 0, Int(SEEK_SET)))
    check("again through a small buffer", text: joined(entries(of: fd, bufferSize: 32)))
    sys(SYS_lseek, fd, 0, 0)
    check("buffer for no entry", sys(SYS_getdents64, fd, Buffer(16).address, 16))
    let file = open("d/file", O_RDONLY)
    check("entries of a file", sys(SYS_getdents64, file, Buffer(512).address, 512))
    close(file)
    sys(SYS_unlink, text("d/file"))
    sys(SYS_lseek, fd, 0, 0)
    check("after unlink", text: joined(entries(of: fd)))
    close(fd)
    manyEntries()
    removalWhileReading()
    for name: StaticString in ["d/link", "d/fifo"] { sys(SYS_unlink, text(name)) }
    check("rmdir sub", sys(SYS_rmdir, text("d/sub")))
    check("rmdir", sys(SYS_rmdir, text("d")))
}

private func joined(_ names: [String]) -> String {
    var result = ""
    for name in names { result += result.isEmpty ? name : " " + name }
    return result
}

private func manyEntries() {
    sys(SYS_mkdir, text("many"), 0o755)
    sys(SYS_chdir, text("many"))
    var made = 0
    for index in 0..<400 {
        let fd = sys(SYS_open, text(copying: "a-file-with-a-longer-name-\(index)"), Int(O_CREAT | O_RDWR), 0o644)
        if fd >= 0 { made += 1 }
        close(fd)
    }
    check("made", made)
    let fd = open(".", O_RDONLY | O_DIRECTORY)
    check("read back", entries(of: fd, bufferSize: 1024).count)
    for index in stride(from: 0, to: 400, by: 2) { sys(SYS_unlink, text(copying: "a-file-with-a-longer-name-\(index)")) }
    sys(SYS_lseek, fd, 0, 0)
    check("after removing every other", entries(of: fd).count)
    for index in 0..<100 { close(sys(SYS_open, text(copying: "new-\(index)"), Int(O_CREAT | O_RDWR), 0o644)) }
    sys(SYS_lseek, fd, 0, 0)
    check("after filling the gaps", entries(of: fd).count)
    close(fd)
    removeContents()
    sys(SYS_chdir, text(".."))
    check("rmdir when emptied", sys(SYS_rmdir, text("many")))
}

private func removalWhileReading() {
    sys(SYS_mkdir, text("shrinking"), 0o755)
    sys(SYS_chdir, text("shrinking"))
    for index in 0..<60 { close(sys(SYS_open, text(copying: "f\(index)"), Int(O_CREAT | O_RDWR), 0o644)) }
    let fd = open(".", O_RDONLY | O_DIRECTORY)
    let buffer = Buffer(256)
    var removed = 0
    while true {
        let count = sys(SYS_getdents64, fd, buffer.address, 256)
        if count <= 0 { break }
        var offset = 0
        while offset < count {
            if buffer[offset + 18] == 8, sys(SYS_unlink, buffer.address + offset + 19) == 0 { removed += 1 }
            offset += Int(buffer.load(UInt16.self, at: offset + 16))
        }
    }
    check("removed while reading", removed)
    sys(SYS_lseek, fd, 0, 0)
    check("left over", entries(of: fd).count)
    close(fd)
    sys(SYS_chdir, text(".."))
    sys(SYS_rmdir, text("shrinking"))
}

/// Removes everything in the working folder.
func removeContents() {
    let fd = open(".", O_RDONLY | O_DIRECTORY)
    for entry in entries(of: fd) {
        var name = entry
        while let last = name.popLast(), last != ":" {}
        if name == "." || name == ".." { continue }
        let address = text(copying: name)
        if sys(SYS_unlink, address) == 0 { continue }
        if sys(SYS_chdir, address) == 0 {
            removeContents()
            sys(SYS_chdir, text(".."))
        }
        sys(SYS_rmdir, address)
    }
    close(fd)
}

/// A repeatable stream of numbers (xorshift).
struct Numbers {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed | 1 }
    mutating func next(below bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
}

/// A running checksum (FNV-1a).
struct Checksum {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325
    mutating func add(_ buffer: Buffer, _ count: Int) {
        for index in 0..<max(0, count) { value = (value ^ UInt64(buffer[index])) &* 0x100_0000_01b3 }
    }
}

func bulkFilesFamily() {
    // Large enough for direct, indirect and doubly indirect blocks of a file system with 1 KiB blocks.
    let fd = open("big", O_CREAT | O_RDWR)
    var numbers = Numbers(42)
    let buffer = Buffer(8192)
    var failures = 0
    for index in 0..<200 {
        buffer.fill(UInt8(index))
        let (offset, count) = (numbers.next(below: 700_000), 1 + numbers.next(below: 8192))
        if sys(SYS_pwrite64, fd, buffer.address, count, offset) != count { failures += 1 }
    }
    check("short writes", failures)
    check("size", sys(SYS_lseek, fd, 0, Int(SEEK_END)))
    check("checksum", text: checksum(fd))
    sys(SYS_fsync, fd)
    check("checksum after fsync", text: checksum(fd))
    close(fd)
    let again = open("big", O_RDWR)
    check("checksum after opening again", text: checksum(again))
    check("truncate", sys(SYS_ftruncate, again, 123_456))
    check("checksum of the rest", text: checksum(again))
    let mapped = sys(SYS_mmap, 0, 123_456, Int(PROT_READ), Int(MAP_SHARED), again, 0)
    var sum: UInt64 = 0
    for index in 0..<123_456 { sum = sum &* 31 &+ UInt64(byte(mapped + index)) }
    check("mapped sum", text: hexadecimal(UInt(sum)))
    sys(SYS_munmap, mapped, 123_456)
    close(again)
    writersOfOneFile()
    check("unlink", sys(SYS_unlink, text("big")))
}

private func checksum(_ fd: Int) -> String {
    let buffer = Buffer(4096)
    var sum = Checksum()
    sys(SYS_lseek, fd, 0, 0)
    while true {
        let count = sys(SYS_read, fd, buffer.address, 4096)
        if count <= 0 { break }
        sum.add(buffer, count)
    }
    return hexadecimal(UInt(sum.value))
}

/// Four processes append to one file: every record arrives whole.
private func writersOfOneFile() {
    close(open("log", O_CREAT | O_RDWR))
    var pids: [Int] = []
    for writer in 0..<4 {
        pids.append(
            child {
                let fd = open("log", O_WRONLY | O_APPEND)
                let record = Buffer(16)
                record.fill(UInt8(0x61 + writer))
                for _ in 0..<100 { sys(SYS_write, fd, record.address, 16) }
                return 0
            })
    }
    for pid in pids { _ = reap(pid) }
    check("appended size", size("log"))
    let fd = open("log", O_RDONLY)
    let record = Buffer(16)
    var (whole, counts) = (0, [0, 0, 0, 0])
    while sys(SYS_read, fd, record.address, 16) == 16 {
        if record.bytes(16).allSatisfy({ $0 == record[0] }) { whole += 1 }
        if record[0] >= 0x61 && record[0] < 0x65 { counts[Int(record[0]) - 0x61] += 1 }
    }
    check("whole records", whole)
    for count in counts { check("records of a writer", count) }
    close(fd)
    sys(SYS_unlink, text("log"))
}
