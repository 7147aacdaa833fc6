// Advisory locks: fcntl's on ranges, of processes and of open files, and flock's on whole files.

import CTestSystem
import TestCalls

private let (getLock, setLock, setLockWait) = (5, 6, 7)
private let (getOpenLock, setOpenLock, setOpenLockWait) = (36, 37, 38)
private let (shared, exclusive, unlock) = (0, 1, 2)

/// `struct flock`.
private func record(_ kind: Int, _ start: Int, _ length: Int, whence: Int = 0, pid: Int = 0) -> Buffer {
    let buffer = Buffer(32)
    buffer.store(Int16(kind), at: 0)
    buffer.store(Int16(whence), at: 2)
    buffer.store(start, at: 8)
    buffer.store(length, at: 16)
    buffer.store(Int32(pid), at: 24)
    return buffer
}

private func lock(_ fd: Int, _ kind: Int, _ start: Int, _ length: Int, _ command: Int = setLock, whence: Int = 0) -> Int {
    sys(SYS_fcntl, fd, command, record(kind, start, length, whence: whence).address)
}

/// What stands in the way of a lock, as F_GETLK tells; `owner` is who should be named.
private func obstacle(_ fd: Int, _ kind: Int, _ start: Int, _ length: Int, owner: Int, _ command: Int = getLock) -> String {
    let buffer = record(kind, start, length)
    let result = sys(SYS_fcntl, fd, command, buffer.address)
    if result < 0 { return "\(result)" }
    let found = buffer.load(Int16.self, at: 0)
    if found == 2 { return "none" }
    let holder = Int(buffer.load(Int32.self, at: 24))
    let name = holder == owner ? "the owner" : holder == -1 ? "an open file" : "somebody"
    return "\(found == 0 ? "shared" : "exclusive") \(buffer.load(Int.self, at: 8))+\(buffer.load(Int.self, at: 16)) of \(name)"
}

func locksFamily() {
    ranges()
    badLocks()
    closing()
    waiting()
    circles()
    openFileLocks()
    wholeFiles()
}

private func ranges() {
    let me = sys(SYS_getpid)
    let fd = open("ranges", O_CREAT | O_RDWR)
    write(fd, "0123456789")
    func ask(_ name: String, _ kind: Int, _ start: Int, _ length: Int) {
        var answer = ""
        let (r, w) = pipe()
        let pid = child {
            let text = obstacle(fd, kind, start, length, owner: me)
            var copy = text
            copy.withUTF8 { _ = sys(SYS_write, w, Int(bitPattern: $0.baseAddress!), $0.count) }
            return 0
        }
        _ = reap(pid)
        answer = String(decoding: read(r).bytes, as: UTF8.self)
        close(r)
        close(w)
        check(name, text: answer)
    }
    check("exclusive", lock(fd, exclusive, 10, 20))
    ask("inside", exclusive, 15, 1)
    ask("before", exclusive, 0, 10)
    ask("after", exclusive, 30, 5)
    ask("to the end", shared, 5, 0)
    check("own locks do not count", text: obstacle(fd, exclusive, 0, 0, owner: me))
    check("a part becomes shared", lock(fd, shared, 15, 5))
    ask("shared with shared", shared, 15, 5)
    ask("shared with exclusive", exclusive, 15, 5)
    ask("left part", exclusive, 0, 12)
    ask("right part", exclusive, 20, 50)
    check("a part is unlocked", lock(fd, unlock, 12, 2))
    ask("hole", exclusive, 12, 2)
    ask("what is left of the left part", exclusive, 10, 2)
    ask("what is right of the hole", exclusive, 14, 1)
    check("all exclusive again", lock(fd, exclusive, 10, 20))
    check("beside it", lock(fd, exclusive, 30, 10))
    check("before it", lock(fd, exclusive, 5, 5))
    ask("joined", shared, 0, 0)
    check("from the end", lock(fd, exclusive, -4, 2, whence: Int(SEEK_END)))
    ask("place from the end", exclusive, 0, 9)
    check("negative length", lock(fd, unlock, 40, -10))
    ask("shortened", exclusive, 20, 100)
    check("to the end", lock(fd, exclusive, 1000, 0))
    ask("no end", shared, 5000, 10)
    check("all", lock(fd, unlock, 0, 0))
    ask("nothing", exclusive, 0, 0)
    sys(SYS_lseek, fd, 4, 0)
    check("from the position", lock(fd, exclusive, 2, 3, whence: Int(SEEK_CUR)))
    ask("place from the position", exclusive, 0, 0)
    checkChild("a child has none of it") { Int32(lock(fd, exclusive, 6, 1) == -Int(EAGAIN) ? 0 : 1) }
    close(fd)
}

private func badLocks() {
    let fd = open("bad", O_CREAT | O_RDWR)
    check("unknown kind", lock(fd, 7, 0, 1))
    check("unknown origin", lock(fd, exclusive, 0, 1, whence: 9))
    check("before the start", lock(fd, exclusive, -1, 1))
    check("length before the start", lock(fd, exclusive, 5, -6))
    check("beyond everything", lock(fd, exclusive, Int.max, 2))
    check("up to the last byte", lock(fd, exclusive, Int.max, 1))
    check("ask about unlocking", text: obstacle(fd, unlock, 0, 1, owner: 0))
    check("record that faults", sys(SYS_fcntl, fd, setLock, forbiddenPage()))
    let readOnly = open("bad", O_RDONLY)
    let writeOnly = open("bad", O_WRONLY)
    check("exclusive on a read-only file", lock(readOnly, exclusive, 0, 1))
    check("shared on a write-only file", lock(writeOnly, shared, 0, 1))
    check("shared on a read-only file", lock(readOnly, shared, 0, 1))
    check("unlock on a read-only file", lock(readOnly, unlock, 0, 1))
    check("number with an open file's lock", sys(SYS_fcntl, fd, setOpenLock, record(exclusive, 0, 1, pid: 5).address))
    let path = sys(SYS_open, text("bad"), Int(O_PATH), 0)
    check("of a path", lock(path, exclusive, 0, 1))
    check("flock of a path", sys(SYS_flock, path, Int(LOCK_EX)))
    check("flock of nothing", sys(SYS_flock, 99, Int(LOCK_EX)))
    check("flock unknown", sys(SYS_flock, 99, 3))
    for each in [fd, readOnly, writeOnly, path] { close(each) }
}

/// Whether another process can have the whole file.
private func isFree(_ name: StaticString) -> Bool {
    reap(
        child {
            let fd = open(name, O_RDWR)
            return lock(fd, exclusive, 0, 0) == 0 ? 0 : 1
        }) == "exit 0"
}

private func closing() {
    let fd = open("closing", O_CREAT | O_RDWR)
    _ = lock(fd, exclusive, 0, 1)
    check("held", isFree("closing"))
    let other = open("closing", O_RDONLY)
    close(other)
    check("closing any descriptor of the file releases", isFree("closing"))
    _ = lock(fd, exclusive, 0, 1)
    close(sys(SYS_dup, fd))
    check("closing a copy releases", isFree("closing"))
    _ = lock(fd, exclusive, 0, 1)
    let pid = child {
        close(fd)
        return 0
    }
    _ = reap(pid)
    check("a child's closing does not", isFree("closing"))
    sys(SYS_dup2, 1, fd)
    check("replacing releases", isFree("closing"))
    close(fd)
    let (r, w) = pipe()
    let holder = child {
        let own = open("closing", O_RDWR)
        _ = lock(own, exclusive, 0, 1)
        write(w, ".")
        pause(milliseconds: 20_000)
        return 0
    }
    _ = read(r, 1)
    check("held by a child", isFree("closing"))
    sys(SYS_kill, holder, Int(SIGKILL))
    _ = reap(holder)
    check("its end releases", isFree("closing"))
    close(r)
    close(w)
}

private func waiting() {
    let fd = open("waiting", O_CREAT | O_RDWR)
    let (r, w) = pipe()
    _ = lock(fd, exclusive, 0, 10)
    let pids = (0..<3).map { index in
        child {
            let kind = index == 2 ? exclusive : shared
            let result = lock(fd, kind, 5, 1, setLockWait)
            write(w, index == 2 ? "x" : "s")
            pause(milliseconds: 20)
            return result == 0 ? 0 : 1
        }
    }
    pause(milliseconds: 60)
    check("nobody has it yet", pollEvents(r, POLLIN))
    _ = lock(fd, unlock, 5, 1)
    for pid in pids { check("waiter", text: reap(pid)) }
    check("all had it", read(r).bytes.count)
    _ = lock(fd, exclusive, 0, 10)
    let interrupted = child {
        ts_handle(SIGUSR1, { _, _, _ in }, 0, 0)
        write(w, ".")
        return Int32(-lock(fd, exclusive, 0, 1, setLockWait))
    }
    _ = read(r, 1)
    pause(milliseconds: 40)
    sys(SYS_kill, interrupted, Int(SIGUSR1))
    check("interrupted", text: reap(interrupted))
    for each in [fd, r, w] { close(each) }
}

private func circles() {
    let fd = open("circle", O_CREAT | O_RDWR)
    let (r, w) = pipe()
    _ = lock(fd, exclusive, 0, 1)
    let pid = child {
        _ = lock(fd, exclusive, 1, 1)
        write(w, ".")
        return lock(fd, exclusive, 0, 1, setLockWait) == 0 ? 0 : 1
    }
    _ = read(r, 1)
    pause(milliseconds: 60)
    check("a circle of two", lock(fd, exclusive, 1, 1, setLockWait))
    check("without waiting", lock(fd, exclusive, 1, 1))
    _ = lock(fd, unlock, 0, 0)
    check("the other goes on", text: reap(pid))
    check("free again", lock(fd, exclusive, 0, 10))
    for each in [fd, r, w] { close(each) }
}

private func openFileLocks() {
    let one = open("description", O_CREAT | O_RDWR)
    let two = open("description", O_RDWR)
    check("lock", lock(one, exclusive, 0, 10, setOpenLock))
    check("another open file of the same process", lock(two, exclusive, 5, 1, setOpenLock))
    check("a lock of the process", lock(one, exclusive, 5, 1))
    check("who", text: obstacle(two, exclusive, 0, 0, owner: 0, getOpenLock))
    check("who, asked for a process", text: obstacle(two, exclusive, 0, 0, owner: 0))
    check("shared beside", lock(two, shared, 10, 10, setOpenLock))
    let copy = sys(SYS_dup, one)
    check("a copy is the same owner", lock(copy, shared, 0, 10, setOpenLock))
    close(one)
    check("held by the copy", lock(two, exclusive, 0, 1, setOpenLock))
    checkChild("a child is the same owner") { Int32(-lock(copy, exclusive, 0, 5, setOpenLock)) }
    close(open("description", O_RDONLY))
    check("closing another does not release", lock(two, exclusive, 0, 1, setOpenLock))
    let pid = child {
        close(copy)
        return lock(two, exclusive, 0, 1, setOpenLockWait) == 0 ? 0 : 1
    }
    pause(milliseconds: 40)
    close(copy)
    check("the last close releases", text: reap(pid))
    close(two)
}

private func wholeFiles() {
    let one = open("whole", O_CREAT | O_RDWR)
    let two = open("whole", O_RDONLY)
    let three = open("whole", O_WRONLY)
    let (ex, sh, un, nb) = (Int(LOCK_EX), Int(LOCK_SH), Int(LOCK_UN), Int(LOCK_NB))
    check("shared", sys(SYS_flock, one, sh))
    check("shared by two", sys(SYS_flock, two, sh | nb))
    check("upgrade", sys(SYS_flock, one, ex | nb))
    check("upgrade of the other, for the first was lost", sys(SYS_flock, two, ex | nb))
    check("exclusive by a third", sys(SYS_flock, three, ex | nb))
    check("again", sys(SYS_flock, two, ex | nb))
    check("range locks are apart", lock(three, exclusive, 0, 0))
    check("release", sys(SYS_flock, two, un))
    check("release again", sys(SYS_flock, two, un | nb))
    check("exclusive by the third now", sys(SYS_flock, three, ex | nb))
    let copy = sys(SYS_dup, three)
    close(three)
    check("a copy keeps it", sys(SYS_flock, one, sh | nb))
    checkChild("a child releases it for all") { Int32(-sys(SYS_flock, copy, un)) }
    check("free", sys(SYS_flock, one, ex | nb))
    let pid = child {
        close(one)
        let own = open("whole", O_RDWR)
        return sys(SYS_flock, own, ex) == 0 ? 0 : 1
    }
    pause(milliseconds: 40)
    check("still waiting", text: reap(pid, WNOHANG))
    close(one)
    check("the close lets it in", text: reap(pid))
    let (r, w) = pipe()
    let folder = open(".", O_RDONLY)
    check("of a folder", sys(SYS_flock, folder, ex | nb))
    for each in [two, copy, r, w, folder] { close(each) }
}
