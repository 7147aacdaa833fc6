// Regular files: opening, reading, writing, positions, sizes, times.

import CTestSystem
import TestCalls

func filesFamily() {
    openFlags()
    readsAndWrites()
    positions()
    truncation()
    vectors()
    metadata()
    unlinkedFiles()
    sharedPositions()
    fileToFile()
}

private func openFlags() {
    check("open missing", open("missing", O_RDONLY))
    let fd = open("a", O_CREAT | O_RDWR)
    check("create", fd)
    check("create exclusively again", open("a", O_CREAT | O_EXCL | O_RDWR))
    check("directory flag on a file", open("a", O_RDONLY | O_DIRECTORY))
    check("write to a folder", open(".", O_WRONLY))
    check("create over a folder", open(".", O_CREAT | O_RDWR))
    check("read a folder", read(open(".", O_RDONLY)).result)
    close(fd + 1)
    check("write", write(fd, "hello"))
    let append = open("a", O_WRONLY | O_APPEND)
    check("append", write(append, " world"))
    check("read from a write-only descriptor", read(append).result)
    check("position after append", sys(SYS_lseek, append, 0, Int(SEEK_CUR)))
    let truncating = open("a", O_RDONLY)
    check("write to a read-only descriptor", write(truncating, "x"))
    checkRead("contents", truncating)
    checkRead("end", truncating)
    check("truncate at open", open("a", O_WRONLY | O_TRUNC))
    check("size after", size("a"))
    check("trailing slash on a file", open("a/", O_RDONLY))
    check("file as a folder", open("a/b", O_RDONLY))
    check("empty path", open("", O_RDONLY))
    check("create with a trailing slash", open("new/", O_CREAT | O_RDWR))
    check("creat", sys(SYS_creat, text("c"), 0o600))
    for fd in 3..<16 { close(fd) }
    check("lowest free descriptor", open("a", O_RDONLY))
    close(3)
}

/// The size of a file by its path.
func size(_ path: StaticString) -> Int {
    let stat = Buffer(256)
    let result = sys(SYS_stat, text(path), stat.address)
    return result < 0 ? result : stat.load(Int.self, at: 48)
}

private func readsAndWrites() {
    let fd = open("rw", O_CREAT | O_RDWR)
    check("write nothing", sys(SYS_write, fd, text(""), 0))
    check("write", write(fd, "0123456789"))
    check("pread", sys(SYS_pread64, fd, Buffer(4).address, 4, 3))
    let buffer = Buffer(16)
    sys(SYS_pread64, fd, buffer.address, 4, 3)
    check("pread bytes", bytes: buffer.bytes(4))
    check("pread past the end", sys(SYS_pread64, fd, buffer.address, 4, 100))
    check("pread across the end", sys(SYS_pread64, fd, buffer.address, 16, 8))
    check("pread negative", sys(SYS_pread64, fd, buffer.address, 4, -1))
    check("pwrite", sys(SYS_pwrite64, fd, text("XY"), 2, 5))
    check("pwrite past the end", sys(SYS_pwrite64, fd, text("END"), 3, 15))
    check("pwrite negative", sys(SYS_pwrite64, fd, text("XY"), 2, -5))
    check("position unchanged", sys(SYS_lseek, fd, 0, Int(SEEK_CUR)))
    sys(SYS_lseek, fd, 0, Int(SEEK_SET))
    checkRead("contents with a hole", fd)
    check("fsync", sys(SYS_fsync, fd))
    check("fdatasync", sys(SYS_fdatasync, fd))
    close(fd)
    check("close again", close(fd))
    sys(SYS_unlink, text("rw"))
}

private func positions() {
    let fd = open("seek", O_CREAT | O_RDWR)
    write(fd, "abcdef")
    check("set", sys(SYS_lseek, fd, 2, Int(SEEK_SET)))
    check("current", sys(SYS_lseek, fd, 1, Int(SEEK_CUR)))
    check("end", sys(SYS_lseek, fd, -1, Int(SEEK_END)))
    checkRead("last byte", fd)
    check("before the start", sys(SYS_lseek, fd, -1, Int(SEEK_SET)))
    check("before the start from the end", sys(SYS_lseek, fd, -7, Int(SEEK_END)))
    check("past the end", sys(SYS_lseek, fd, 100_000, Int(SEEK_SET)))
    checkRead("nothing there", fd)
    check("unknown origin", sys(SYS_lseek, fd, 0, 77))
    check("write far away", write(fd, "z"))
    check("size", sys(SYS_lseek, fd, 0, Int(SEEK_END)))
    let probe = Buffer(8)
    sys(SYS_pread64, fd, probe.address, 8, 50_000)
    check("hole reads as zero", bytes: probe.bytes(8))
    close(fd)
    sys(SYS_unlink, text("seek"))
}

private func truncation() {
    let fd = open("t", O_CREAT | O_RDWR)
    write(fd, "abcdefghij")
    check("ftruncate shorter", sys(SYS_ftruncate, fd, 4))
    check("size", size("t"))
    check("ftruncate longer", sys(SYS_ftruncate, fd, 8))
    sys(SYS_lseek, fd, 0, 0)
    checkRead("zero filled", fd)
    check("ftruncate negative", sys(SYS_ftruncate, fd, -1))
    check("truncate by path", sys(SYS_truncate, text("t"), 2))
    check("size by path", size("t"))
    check("truncate missing", sys(SYS_truncate, text("none"), 2))
    check("truncate a folder", sys(SYS_truncate, text("."), 0))
    let readOnly = open("t", O_RDONLY)
    check("ftruncate read-only", sys(SYS_ftruncate, readOnly, 0))
    // Bytes that were cut off must not come back when the file grows again.
    sys(SYS_ftruncate, fd, 0)
    let big = Buffer(10_000)
    big.fill(0x41)
    sys(SYS_pwrite64, fd, big.address, 10_000, 0)
    sys(SYS_ftruncate, fd, 5_001)
    sys(SYS_ftruncate, fd, 10_000)
    var nonzero = 0
    sys(SYS_pread64, fd, big.address, 10_000, 0)
    for index in 0..<10_000 where big[index] != 0 { nonzero += 1 }
    check("bytes kept after shrinking and growing", nonzero)
    close(fd)
    close(readOnly)
    sys(SYS_unlink, text("t"))
}

/// An array of struct iovec.
func vector(_ parts: [(address: Int, count: Int)]) -> Buffer {
    let buffer = Buffer(max(16 * parts.count, 16))
    for (index, part) in parts.enumerated() {
        buffer.store(part.address, at: 16 * index)
        buffer.store(part.count, at: 16 * index + 8)
    }
    return buffer
}

private func vectors() {
    let fd = open("v", O_CREAT | O_RDWR)
    check("writev", sys(SYS_writev, fd, vector([(text("ab"), 2), (0, 0), (text("cde"), 3)]).address, 3))
    let (one, two) = (Buffer(3), Buffer(8))
    sys(SYS_lseek, fd, 0, 0)
    check("readv", sys(SYS_readv, fd, vector([(one.address, 3), (two.address, 8)]).address, 2))
    check("first part", bytes: one.bytes(3))
    check("second part", bytes: two.bytes(2))
    check("preadv", sys(SYS_preadv, fd, vector([(one.address, 3)]).address, 1, 2, 0))
    check("preadv bytes", bytes: one.bytes(3))
    check("pwritev", sys(SYS_pwritev, fd, vector([(text("ZZ"), 2)]).address, 1, 1, 0))
    check("no parts", sys(SYS_writev, fd, 0, 0))
    check("too many parts", sys(SYS_writev, fd, vector([(text("a"), 1)]).address, 1025))
    check("negative count", sys(SYS_writev, fd, vector([(text("a"), 1)]).address, -1))
    check("negative length", sys(SYS_writev, fd, vector([(text("a"), -1)]).address, 1))
    sys(SYS_lseek, fd, 0, 0)
    checkRead("contents", fd)
    close(fd)
    sys(SYS_unlink, text("v"))
}

private func metadata() {
    let fd = open("m", O_CREAT | O_RDWR, 0o640)
    write(fd, "12345")
    let stat = Buffer(256)
    check("fstat", sys(SYS_fstat, fd, stat.address))
    check("mode", text: String(stat.load(UInt32.self, at: 24), radix: 8))
    check("links", Int(stat.load(UInt64.self, at: 16)))
    check("size", stat.load(Int.self, at: 48))
    check("block size is a power of two", stat.load(Int.self, at: 56).nonzeroBitCount == 1)
    check("fchmod", sys(SYS_fchmod, fd, 0o751))
    check("chmod", sys(SYS_chmod, text("m"), 0o4755))
    sys(SYS_stat, text("m"), stat.address)
    check("mode after chmod", text: String(stat.load(UInt32.self, at: 24), radix: 8))
    let times = Buffer(32)
    times.store(1_000_000_000, at: 0)
    times.store(1_234_567_890, at: 16)
    check("utimensat", sys(SYS_utimensat, Int(AT_FDCWD), text("m"), times.address, 0))
    sys(SYS_stat, text("m"), stat.address)
    check("access time", stat.load(Int.self, at: 72))
    check("modification time", stat.load(Int.self, at: 88))
    times.store((1 << 30) - 2, at: 8)  // UTIME_OMIT
    times.store(7, at: 16)
    check("utimensat omitting one", sys(SYS_utimensat, Int(AT_FDCWD), text("m"), times.address, 0))
    sys(SYS_stat, text("m"), stat.address)
    check("access time kept", stat.load(Int.self, at: 72))
    check("modification time set", stat.load(Int.self, at: 88))
    times.store(2_000_000_000, at: 24)
    check("utimensat bad nanoseconds", sys(SYS_utimensat, Int(AT_FDCWD), text("m"), times.address, 0))
    check("utimensat without a path", sys(SYS_utimensat, Int(AT_FDCWD), 0, 0, 0))
    check("utimensat of a bad descriptor", sys(SYS_utimensat, 99, 0, 0, 0))
    check("utimensat now", sys(SYS_utimensat, Int(AT_FDCWD), text("m"), 0, 0))
    sys(SYS_stat, text("m"), stat.address)
    check("modification time is now", stat.load(Int.self, at: 88) > 1_500_000_000)
    check("access existing", sys(SYS_access, text("m"), Int(F_OK)))
    check("access read", sys(SYS_access, text("m"), Int(R_OK)))
    check("access missing", sys(SYS_access, text("none"), Int(F_OK)))
    check("access bad mode", sys(SYS_access, text("m"), 0o77))
    check("faccessat", sys(SYS_faccessat, Int(AT_FDCWD), text("m"), Int(X_OK)))
    check("umask", sys(SYS_umask, 0o077))
    close(open("masked", O_CREAT | O_RDWR, 0o666))
    sys(SYS_stat, text("masked"), stat.address)
    check("mode under umask", text: String(stat.load(UInt32.self, at: 24), radix: 8))
    check("umask back", sys(SYS_umask, 0o022))
    check("newfstatat of a descriptor", sys(SYS_newfstatat, fd, text(""), stat.address, Int(AT_EMPTY_PATH)))
    check("newfstatat empty", sys(SYS_newfstatat, fd, text(""), stat.address, 0))
    check("newfstatat unknown flag", sys(SYS_newfstatat, fd, text("m"), stat.address, 0x40000000))
    checkStatx()
    close(fd)
}

private func checkStatx() {
    let buffer = Buffer(256)
    check("statx", sys(SYS_statx, Int(AT_FDCWD), text("m"), 0, 0x7ff, buffer.address))
    check("statx mode", text: String(buffer.load(UInt16.self, at: 28), radix: 8))
    check("statx size", buffer.load(Int.self, at: 40))
    check("statx missing", sys(SYS_statx, Int(AT_FDCWD), text("none"), 0, 0x7ff, buffer.address))
}

private func unlinkedFiles() {
    let fd = open("gone", O_CREAT | O_RDWR)
    check("unlink an open file", sys(SYS_unlink, text("gone")))
    check("write to it", write(fd, "still here"))
    sys(SYS_lseek, fd, 0, 0)
    checkRead("read it back", fd)
    let stat = Buffer(256)
    sys(SYS_fstat, fd, stat.address)
    check("its links", Int(stat.load(UInt64.self, at: 16)))
    check("open by name", open("gone", O_RDONLY))
    close(fd)
}

private func sharedPositions() {
    let fd = open("shared", O_CREAT | O_RDWR)
    write(fd, "abcdefgh")
    sys(SYS_lseek, fd, 0, 0)
    let copy = sys(SYS_dup, fd)
    _ = read(fd, 2)
    checkRead("dup shares the position", copy, 2)
    let other = open("shared", O_RDONLY)
    checkRead("another open does not", other, 2)
    _ = reap(
        child {
            _ = read(fd, 2); return 0
        })
    checkRead("a child shares it", fd, 2)
    for each in [fd, copy, other] { close(each) }
}

private func fileToFile() {
    let from = open("from", O_CREAT | O_RDWR)
    write(from, "The quick brown fox")
    let to = open("to", O_CREAT | O_RDWR)
    let offset = Buffer(8)
    offset.store(4, at: 0)
    check("sendfile at an offset", sys(SYS_sendfile, to, from, offset.address, 5))
    check("offset moved", offset.load(Int.self, at: 0))
    check("position kept", sys(SYS_lseek, from, 0, Int(SEEK_CUR)))
    sys(SYS_lseek, from, 0, 0)
    check("sendfile", sys(SYS_sendfile, to, from, 0, 100))
    check("sendfile at the end", sys(SYS_sendfile, to, from, 0, 100))
    sys(SYS_lseek, to, 0, 0)
    checkRead("copied", to)
    refusedCopies(from, to)
    copiedRanges(from, to)
    close(from)
    close(to)
}

private func refusedCopies(_ from: Int, _ to: Int) {
    let (r, w) = pipe()
    let appending = open("to", O_WRONLY | O_APPEND)
    let folder = open(".", O_RDONLY | O_DIRECTORY)
    let offset = Buffer(8)
    sys(SYS_lseek, from, 0, 0)
    check("sendfile to an appending file", sys(SYS_sendfile, appending, from, 0, 5))
    check("sendfile of a folder", sys(SYS_sendfile, to, folder, 0, 5))
    check("sendfile of a pipe", sys(SYS_sendfile, to, r, 0, 5))
    check("sendfile of a pipe at an offset", sys(SYS_sendfile, to, r, offset.address, 5))
    check("sendfile into a reading end", sys(SYS_sendfile, r, from, 0, 5))
    check("sendfile into a pipe", sys(SYS_sendfile, w, from, 0, 5))
    checkRead("arrived", r)
    offset.store(-1, at: 0)
    check("sendfile at a negative offset", sys(SYS_sendfile, to, from, offset.address, 5))
    offset.store(1000, at: 0)
    check("sendfile beyond the end", sys(SYS_sendfile, to, from, offset.address, 5))
    check("sendfile with a bad place", sys(SYS_sendfile, to, from, forbiddenPage(), 5))
    check("sendfile of a negative count", sys(SYS_sendfile, to, from, 0, -1))
    check("sendfile of nothing", sys(SYS_sendfile, to, from, 0, 0))
    check("range to an appending file", sys(SYS_copy_file_range, from, 0, appending, 0, 5, 0))
    check("range of a folder", sys(SYS_copy_file_range, folder, 0, to, 0, 5, 0))
    check("range of a pipe", sys(SYS_copy_file_range, r, 0, to, 0, 5, 0))
    check("range with a flag", sys(SYS_copy_file_range, from, 0, to, 0, 5, 8))
    check("range to a bad descriptor", sys(SYS_copy_file_range, from, 0, 99, 0, 5, 0))
    for fd in [r, w, appending, folder] { close(fd) }
}

private func copiedRanges(_ from: Int, _ to: Int) {
    let (source, target) = (Buffer(8), Buffer(8))
    func copy(_ start: Int, _ end: Int, _ count: Int, into other: Int) -> Int {
        source.store(start, at: 0)
        target.store(end, at: 0)
        return sys(SYS_copy_file_range, from, source.address, other, target.address, count, 0)
    }
    sys(SYS_ftruncate, to, 0)
    check("range", copy(4, 2, 5, into: to))
    check("source moved", source.load(Int.self, at: 0))
    check("target moved", target.load(Int.self, at: 0))
    sys(SYS_lseek, to, 0, 0)
    checkRead("copied", to)
    check("range beyond the end", copy(1000, 0, 5, into: to))
    check("range across the end", copy(16, 0, 100, into: to))
    check("range of nothing", copy(0, 0, 0, into: to))
    check("range from a negative place", copy(-1, 0, 5, into: to))
    check("range to a negative place", copy(0, -5, 3, into: to))
    check("range that overflows", copy(5, 5, -1, into: to))
    check("range onto itself", copy(0, 2, 5, into: from))
    check("range of the same file", copy(0, 10, 5, into: from))
    check("range by positions", sys(SYS_lseek, from, 0, 0) + sys(SYS_copy_file_range, from, 0, to, 0, 3, 0))
    check("source's position", sys(SYS_lseek, from, 0, Int(SEEK_CUR)))
    sys(SYS_lseek, from, 0, 0)
    checkRead("the source now", from)
}
