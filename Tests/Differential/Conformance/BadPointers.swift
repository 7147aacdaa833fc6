// Every kind of pointer argument with addresses that are no memory of the program: EFAULT, and nothing else happens.

import CTestSystem
import TestCalls

/// Places that no call may read or write.
private func badAddresses() -> [(StaticString, Int)] {
    [
        ("null page", 8), ("hole", 0x1000_0000_0000), ("forbidden", forbiddenPage()),
        ("end of user space", 0x7fff_ffff_f000), ("non-canonical", Int(bitPattern: 0x0000_8000_0000_0000)),
        ("kernel", Int(bitPattern: 0xffff_8880_0000_0000)), ("kernel text", Int(bitPattern: 0xffff_ffff_8010_0000)),
        ("last byte", -1),
    ]
}

func badPointersFamily() {
    let fd = open("f", O_CREAT | O_RDWR)
    write(fd, "0123456789")
    let (r, w) = pipe(O_NONBLOCK)
    let (a, b) = pair { sys(SYS_socketpair, Int(AF_UNIX), stream | nonBlocking, 0, $0) }
    write(w, "waiting")
    write(b, "waiting")
    let epoll = sys(SYS_epoll_create1, 0)
    let timer = sys(SYS_timerfd_create, 1, 0)
    let zero = Buffer(64).address
    let calls: [(StaticString, (Int) -> Int)] = [
        ("read of a file", { sys(SYS_pread64, fd, $0, 10, 0) }), ("write to a file", { sys(SYS_pwrite64, fd, $0, 10, 0) }),
        ("read of a pipe", { sys(SYS_read, r, $0, 4) }), ("write to a pipe", { sys(SYS_write, w, $0, 4) }),
        ("read of a socket", { sys(SYS_read, a, $0, 4) }), ("write to a socket", { sys(SYS_write, a, $0, 4) }),
        ("readv list", { sys(SYS_readv, fd, $0, 1) }), ("writev list", { sys(SYS_writev, fd, $0, 1) }),
        ("open", { sys(SYS_open, $0, 0, 0) }), ("stat path", { sys(SYS_stat, $0, zero) }),
        ("stat result", { sys(SYS_stat, text("f"), $0) }), ("fstat", { sys(SYS_fstat, fd, $0) }),
        ("access", { sys(SYS_access, $0, 0) }), ("mkdir", { sys(SYS_mkdir, $0, 0o755) }),
        ("unlink", { sys(SYS_unlink, $0) }), ("rename from", { sys(SYS_rename, $0, text("y")) }),
        ("rename to", { sys(SYS_rename, text("f"), $0) }), ("readlink path", { sys(SYS_readlink, $0, zero, 8) }),
        ("symlink target", { sys(SYS_symlink, $0, text("s")) }), ("chdir", { sys(SYS_chdir, $0) }),
        ("getcwd", { sys(SYS_getcwd, $0, 4096) }), ("getdents", { badDirectory($0) }),
        ("pipe2", { sys(SYS_pipe2, $0, 0) }), ("socketpair", { sys(SYS_socketpair, Int(AF_UNIX), stream, 0, $0) }),
        ("poll", { sys(SYS_poll, $0, 1, 0) }), ("ppoll time", { sys(SYS_ppoll, 0, 0, $0, 0, 8) }),
        ("select set", { sys(SYS_select, 8, $0, 0, 0, zero) }), ("epoll_ctl", { sys(SYS_epoll_ctl, epoll, 1, r, $0) }),
        ("sigaction", { sys(SYS_rt_sigaction, Int(SIGUSR1), $0, 0, 8) }),
        ("sigaction old", { sys(SYS_rt_sigaction, Int(SIGUSR1), 0, $0, 8) }),
        ("sigprocmask", { sys(SYS_rt_sigprocmask, 0, $0, 0, 8) }),
        ("sigpending", { sys(SYS_rt_sigpending, $0, 8) }), ("sigaltstack", { sys(SYS_sigaltstack, $0, 0) }),
        ("nanosleep", { sys(SYS_nanosleep, $0, 0) }), ("clock_gettime", { sys(SYS_clock_gettime, 1, $0) }),
        ("gettimeofday", { sys(SYS_gettimeofday, $0, 0) }), ("uname", { sys(SYS_uname, $0) }),
        ("sysinfo", { sys(SYS_sysinfo, $0) }), ("getrlimit", { sys(SYS_getrlimit, 7, $0) }),
        ("setrlimit", { sys(SYS_setrlimit, 7, $0) }), ("getrusage", { sys(SYS_getrusage, 0, $0) }),
        ("times", { sys(SYS_times, $0) }), ("getrandom", { sys(SYS_getrandom, $0, 8, 0) }),
        ("timerfd_settime", { sys(SYS_timerfd_settime, timer, 0, $0, 0) }),
        ("timerfd_gettime", { sys(SYS_timerfd_gettime, timer, $0) }),
        ("getsockname", { sys(SYS_getsockname, a, $0, zero) }), ("connect", { sys(SYS_connect, a, $0, 10) }),
        ("sendmsg", { sys(SYS_sendmsg, a, $0, 0) }), ("recvmsg", { sys(SYS_recvmsg, a, $0, 0) }),
        ("futex", { sys(SYS_futex, $0 & ~3, 0, 0) }), ("execve", { sys(SYS_execve, $0, zero, zero) }),
        ("terminal size", { badTerminal($0) }), ("prctl name", { sys(SYS_prctl, Int(PR_SET_NAME), $0) }),
        ("statx", { sys(SYS_statx, Int(AT_FDCWD), text("f"), 0, 0x7ff, $0) }),
        ("statfs", { sys(SYS_statfs, text("."), $0) }), ("utimensat", { sys(SYS_utimensat, Int(AT_FDCWD), text("f"), $0, 0) }),
        ("itimer", { sys(SYS_setitimer, 0, $0, 0) }), ("wait status", { badWait($0) }),
    ]
    for (name, call) in calls {
        for (place, address) in badAddresses() { check("\(name), \(place)", call(address)) }
    }
    for fd in 3..<12 { close(fd) }
    partly()
    check("file is as it was", size("f"))
}

private func badDirectory(_ address: Int) -> Int {
    let fd = open(".", O_RDONLY | O_DIRECTORY)
    defer { close(fd) }
    return sys(SYS_getdents64, fd, address, 512)
}

private func badTerminal(_ address: Int) -> Int {
    let (controller, terminal) = terminalPair()
    defer {
        close(controller)
        close(terminal)
    }
    return sys(SYS_ioctl, terminal, 0x5414, address)
}

private func badWait(_ address: Int) -> Int {
    let pid = child { 0 }
    let result = sys(SYS_wait4, pid, address, 0, 0)
    _ = reap(pid)
    return result
}

/// Buffers whose first part is memory and whose second is not.
private func partly() {
    let pages = anonymous(8192)
    sys(SYS_mprotect, pages + 4096, 4096, Int(PROT_NONE))
    let edge = pages + 4096 - 5
    for (index, value) in Array("abcde".utf8).enumerated() { setByte(edge + index, value) }
    let fd = open("g", O_CREAT | O_RDWR)
    check("write that leaves memory", sys(SYS_write, fd, edge, 10) <= 5)
    let (r, w) = pipe(O_NONBLOCK)
    check("pipe write that leaves memory", sys(SYS_write, w, edge, 10))
    checkRead("what arrived", r)
    check("path without end", sys(SYS_open, edge, 0, 0))
    check(
        "path that ends at the edge",
        text: {
            setByte(pages + 4095, 0)
            return outcome(sys(SYS_open, edge, 0, 0))
        }())
    check("stat across the edge", sys(SYS_stat, text("g"), pages + 4096 - 100))
    check("iovec across the edge", sys(SYS_writev, fd, pages + 4096 - 8, 1))
    let good = vector([(text("ok"), 2), (forbiddenPage(), 4)])
    // How much arrives before the bad part is the kernel's choice.
    let written = sys(SYS_writev, w, good.address, 2)
    check("second part bad", written == -Int(EFAULT) || written == 2)
    sys(SYS_pwrite64, fd, text("ok"), 2, 0)
    sys(SYS_mprotect, pages, 4096, Int(PROT_READ))
    check("read into read-only memory", sys(SYS_pread64, fd, pages, 2, 0))
    check("stat into read-only memory", sys(SYS_stat, text("g"), pages))
    for fd in [fd, r, w] { close(fd) }
}
