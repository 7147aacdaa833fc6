// Pipes and FIFOs: capacity, blocking, atomic writes, ends that close.

import CTestSystem
import TestCalls

func pipesFamily() {
    basics()
    closedEnds()
    capacity()
    blocking()
    atomicity()
    interruption()
}

private func basics() {
    let (reader, writer) = pipe()
    check("read end", reader)
    check("write end", writer)
    check("write", write(writer, "hello"))
    let count = Buffer(4)
    check("FIONREAD", sys(SYS_ioctl, reader, 0x541b, count.address))
    check("bytes waiting", Int(count.load(Int32.self, at: 0)))
    checkRead("part", reader, 2)
    checkRead("rest", reader)
    check("seek", sys(SYS_lseek, reader, 0, 0))
    check("pread", sys(SYS_pread64, reader, Buffer(1).address, 1, 0))
    check("write to the read end", write(reader, "x"))
    check("read from the write end", read(writer).result)
    check("read nothing", sys(SYS_read, reader, Buffer(1).address, 0))
    check("write nothing", sys(SYS_write, writer, text(""), 0))
    check("ftruncate", sys(SYS_ftruncate, writer, 0))
    check("fsync", sys(SYS_fsync, writer))
    let stat = Buffer(256)
    sys(SYS_fstat, reader, stat.address)
    check("kind", text: String(stat.load(UInt32.self, at: 24) & 0o170000, radix: 8))
    check("status flags", text: String(sys(SYS_fcntl, writer, Int(F_GETFL)), radix: 8))
    close(reader)
    close(writer)
    let (r, w) = pipe(O_CLOEXEC | O_NONBLOCK)
    check("close-on-exec", sys(SYS_fcntl, r, Int(F_GETFD)))
    check("non-blocking read of nothing", read(r).result)
    close(r)
    close(w)
    check("unknown flag", sys(SYS_pipe2, Buffer(8).address, 1))
    check("bad place", sys(SYS_pipe2, forbiddenPage(), 0))
    let (a, b) = pipe()
    check("descriptors not leaked by the bad place", a)
    close(a)
    close(b)
    let (x, y) = pair { sys(SYS_pipe, $0) }
    write(y, "old call")
    checkRead("through pipe", x)
    close(x)
    close(y)
}

private func closedEnds() {
    let (reader, writer) = pipe()
    write(writer, "last words")
    close(writer)
    check("poll with data and no writer", pollEvents(reader, POLLIN))
    checkRead("what was left", reader)
    checkRead("end of file", reader)
    check("poll without writer", pollEvents(reader, POLLIN))
    close(reader)
    let (r, w) = pipe()
    close(r)
    check("poll without reader", pollEvents(w, POLLOUT))
    checkChild("write without reader") { write(w, "x") < 0 ? 1 : 0 }
    checkChild("write without reader, ignoring SIGPIPE") {
        ts_dispose(SIGPIPE, 1)
        return Int32(-write(w, "x"))
    }
    close(w)
    // Another descriptor of the write end keeps it open.
    let (r2, w2) = pipe(O_NONBLOCK)
    let copy = sys(SYS_dup, w2)
    close(w2)
    check("a copy keeps the pipe", read(r2).result)
    close(copy)
    checkRead("closed with the last copy", r2)
    close(r2)
}

private func capacity() {
    let (reader, writer) = pipe(O_NONBLOCK)
    check("capacity", sys(SYS_fcntl, writer, 1032))
    let block = Buffer(4096)
    var total = 0
    while true {
        let written = sys(SYS_write, writer, block.address, 4096)
        if written < 0 {
            check("when full", written)
            break
        }
        total += written
    }
    check("bytes until full", total)
    check("poll when full", pollEvents(writer, POLLOUT))
    _ = read(reader, 4096)
    check("poll after one page was read", pollEvents(writer, POLLOUT))
    check("one page fits again", sys(SYS_write, writer, block.address, 4096))
    check("grow", sys(SYS_fcntl, writer, 1031, 131072))
    check("new capacity", sys(SYS_fcntl, reader, 1032))
    check("shrink below contents", sys(SYS_fcntl, writer, 1031, 4096))
    close(reader)
    close(writer)
    let (r, w) = pipe(O_NONBLOCK)
    let large = Buffer(100_000)
    check("partial write of much", sys(SYS_write, w, large.address, 100_000))
    close(r)
    close(w)
}

private func blocking() {
    let (reader, writer) = pipe()
    let pid = child {
        close(reader)
        let large = Buffer(300_000)
        for index in 0..<300_000 { large[index] = UInt8(truncatingIfNeeded: index / 7) }
        return sys(SYS_write, writer, large.address, 300_000) == 300_000 ? 0 : 1
    }
    close(writer)
    var (total, wrong) = (0, 0)
    let buffer = Buffer(7777)
    while true {
        let count = sys(SYS_read, reader, buffer.address, 7777)
        if count <= 0 { break }
        for index in 0..<count where buffer[index] != UInt8(truncatingIfNeeded: (total + index) / 7) { wrong += 1 }
        total += count
    }
    check("received from a blocked writer", total)
    check("wrong bytes", wrong)
    check("the writer", text: reap(pid))
    close(reader)
}

private func atomicity() {
    let (reader, writer) = pipe()
    var pids: [Int] = []
    for index in 0..<4 {
        pids.append(
            child {
                let record = Buffer(512)
                record.fill(UInt8(0x30 + index))
                for _ in 0..<100 where sys(SYS_write, writer, record.address, 512) != 512 { return 1 }
                return 0
            })
    }
    close(writer)
    var (pending, mixed, records) = ([UInt8](), 0, 0)
    while true {
        let (count, bytes) = read(reader, 5000)
        if count <= 0 { break }
        pending += bytes
        while pending.count >= 512 {
            if !pending[0..<512].allSatisfy({ $0 == pending[0] }) { mixed += 1 }
            records += 1
            pending.removeFirst(512)
        }
    }
    check("records", records)
    check("mixed records", mixed)
    for pid in pids { check("writer", text: reap(pid)) }
    close(reader)
}

private func interruption() {
    let (reader, writer) = pipe()
    let (ready, go) = pipe()
    let pid = child {
        ts_handle(SIGUSR1, { _, _, _ in }, 0, 0)
        write(go, ".")
        return Int32(-read(reader).result)
    }
    _ = read(ready, 1)
    // The signal is repeated, for the first may arrive before the child blocks in its read.
    var status = "nothing"
    for _ in 0..<200 where status == "nothing" {
        sys(SYS_kill, pid, Int(SIGUSR1))
        pause(milliseconds: 10)
        status = reap(pid, WNOHANG)
    }
    check("read interrupted by a signal", text: status)
    for fd in [reader, writer, ready, go] { close(fd) }
}

func fifosFamily() {
    check("mkfifo", sys(SYS_mknod, text("fifo"), Int(S_IFIFO | 0o644), 0))
    check("again", sys(SYS_mknod, text("fifo"), Int(S_IFIFO | 0o644), 0))
    check("write-only, non-blocking, nobody reads", open("fifo", O_WRONLY | O_NONBLOCK))
    let reader = open("fifo", O_RDONLY | O_NONBLOCK)
    check("read-only, non-blocking", reader)
    check("read without writer", read(reader).result)
    let writer = open("fifo", O_WRONLY | O_NONBLOCK)
    check("writer opens now", writer)
    check("read of nothing", read(reader).result)
    write(writer, "through")
    checkRead("data", reader)
    close(writer)
    checkRead("after the writer closed", reader)
    close(reader)
    let pid = child {
        let out = open("fifo", O_WRONLY)
        write(out, "from a child")
        return 0
    }
    let blocking = open("fifo", O_RDONLY)
    checkRead("blocking open meets the child", blocking)
    check("child", text: reap(pid))
    close(blocking)
    let both = open("fifo", O_RDWR)
    check("read and write", both)
    write(both, "self")
    checkRead("own data", both)
    close(both)
    check("unlink", sys(SYS_unlink, text("fifo")))
    check("mknod of a file", sys(SYS_mknod, text("plain"), Int(S_IFREG | 0o600), 0))
    check("plain size", size("plain"))
    check("mknod of a folder", sys(SYS_mknod, text("folder"), Int(S_IFDIR | 0o755), 0))
}
