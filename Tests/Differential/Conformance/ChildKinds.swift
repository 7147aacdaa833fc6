// Children that tell their parent otherwise than by SIGCHLD, siblings that a child makes, and descriptors that processes share.

import CTestSystem
import TestCalls

private let (waitAll, waitClones) = (Int32(0x4000_0000), Int32(bitPattern: 0x8000_0000))
private let (sharedFiles, asSibling) = (0x400, 0x8000)

nonisolated(unsafe) private var words = UnsafeMutablePointer<Int32>(bitPattern: 16)!

/// clone with a signal, 0 for none; the child runs `body`.
private func clone(_ signal: Int32, _ flags: Int = 0, _ body: () -> Int32) -> Int {
    let pid = sys(SYS_clone, flags | Int(signal), 0, 0, 0, 0)
    if pid == 0 { sys(SYS_exit_group, Int(body())) }
    return pid
}

func childKindsFamily() {
    words = pointer(anonymous(4096, PROT_READ | PROT_WRITE, MAP_SHARED)).assumingMemoryBound(to: Int32.self)
    signals()
    options()
    ignored()
    executed()
    siblings()
    descriptors()
    executedDescriptors()
}

private func signals() {
    ts_handle(SIGUSR1, { _, _, _ in _ = ts_add(words, 1) }, 0, 0)
    ts_handle(SIGCHLD, { _, _, _ in _ = ts_add(words + 1, 1) }, 0, 0)
    for (name, signal) in [("none", Int32(0)), ("SIGCHLD", SIGCHLD), ("SIGUSR1", SIGUSR1)] {
        (words[0], words[1]) = (0, 0)
        let pid = clone(signal) { 5 }
        check("\(name)", text: reap(pid, waitAll))
        check("\(name): SIGUSR1", Int(ts_load(words)))
        check("\(name): SIGCHLD", Int(ts_load(words + 1)))
    }
    ts_dispose(SIGUSR1, 0)
    ts_dispose(SIGCHLD, 0)
}

private func options() {
    for (name, signal) in [("none", Int32(0)), ("SIGCHLD", SIGCHLD), ("SIGUSR1", SIGUSR1)] {
        // A process ignores what it has no use for, here.
        ts_dispose(SIGUSR1, 1)
        let pid = clone(signal) {
            pause(milliseconds: 5000)
            return 6
        }
        check("\(name): plain", sys(SYS_wait4, pid, 0, 1, 0))
        check("\(name): any", sys(SYS_wait4, -1, 0, 1, 0))
        check("\(name): clones", sys(SYS_wait4, pid, 0, 1 | Int(UInt32(bitPattern: waitClones)), 0))
        check("\(name): all", sys(SYS_wait4, pid, 0, 1 | Int(waitAll), 0))
        check("\(name): by waitid", sys(SYS_waitid, 1, pid, 0, 4 | 1, 0))
        check("\(name): by waitid, clones", sys(SYS_waitid, 1, pid, 0, 4 | 1 | Int(UInt32(bitPattern: waitClones)), 0))
        check("\(name): by waitid, all", sys(SYS_waitid, 1, pid, 0, 4 | 1 | Int(waitAll), 0))
        sys(SYS_kill, pid, Int(SIGKILL))
        check("\(name): ended", text: reap(pid, waitAll | waitClones))
        ts_dispose(SIGUSR1, 0)
    }
}

/// Who ignores SIGCHLD has no zombies of children that would send it; of others he has.
private func ignored() {
    ts_dispose(SIGCHLD, 1)
    for (name, signal) in [("SIGCHLD", SIGCHLD), ("none", Int32(0)), ("SIGWINCH", SIGWINCH)] {
        let pid = clone(signal) { 3 }
        check("ignored: \(name)", text: reap(pid, waitAll))
    }
    ts_dispose(SIGCHLD, 0)
}

/// A child with a program of its own sends SIGCHLD.
private func executed() {
    let (read, write) = pipe(O_CLOEXEC)
    let pid = clone(0) {
        execSelf(["nothing"])
        return 1
    }
    close(write)
    let byte = Buffer(1)
    check("executes", sys(SYS_read, read, byte.address, 1))
    close(read)
    check("executed", text: reap(pid))
}

private func siblings() {
    (words[0], words[1]) = (0, 0)
    let parent = sys(SYS_getpid)
    let pid = child {
        let other = sys(SYS_clone, asSibling | Int(SIGUSR2), 0, 0, 0, 0)
        if other == 0 { sys(SYS_exit_group, sys(SYS_getppid) == parent ? 9 : 10) }
        ts_store(words, Int32(other))
        return sys(SYS_wait4, other, 0, Int(waitAll), 0) == -Int(ECHILD) ? 11 : 12
    }
    check("maker", text: reap(pid))
    check("sibling", text: reap(Int(ts_load(words))))
}

private func descriptors() {
    let file = open("shared", O_RDWR | O_CREAT)
    check("file", file)
    var pid = clone(SIGCHLD, sharedFiles) { Int32(open("shared", O_RDONLY)) }
    check("the child's", text: reap(pid))
    check("the parent has it", sys(SYS_fcntl, file + 1, Int(F_GETFD)))
    check("and its own", sys(SYS_fcntl, file, Int(F_GETFD)))
    check("still writes", write(file, "text"))
    pid = clone(SIGCHLD, sharedFiles) { Int32(close(file + 1)) }
    check("closed by a child", text: reap(pid))
    check("is closed", sys(SYS_fcntl, file + 1, Int(F_GETFD)))
    // One that ends first leaves the other's; the last one's end closes them.
    let (read, write) = pipe()
    pid = child {
        close(read)
        let last = sys(SYS_clone, sharedFiles | Int(SIGCHLD), 0, 0, 0, 0)
        if last == 0 {
            pause(milliseconds: 40)
            sys(SYS_write, write, text("x"), 1)
            sys(SYS_exit_group, 0)
        }
        return 4
    }
    close(write)
    check("first", text: reap(pid))
    checkRead("the other writes", read)
    checkRead("then none is left", read)
    close(read)
    close(file)
}

/// Who executes a program gets descriptors of his own first: what is closed then stays open elsewhere.
private func executedDescriptors() {
    let file = open("shared", O_RDWR | O_CLOEXEC)
    let pid = clone(SIGCHLD, sharedFiles) {
        execSelf(["nothing"])
        return 1
    }
    check("executed", text: reap(pid))
    check("kept", sys(SYS_fcntl, file, Int(F_GETFD)))
    close(file)
}
