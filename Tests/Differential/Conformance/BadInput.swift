// Calls with arguments that no program should pass: each must answer with an error and change nothing.

import CTestSystem
import TestCalls

/// Numbers that are no descriptor.
private let noDescriptors = [-1, 99, 1 << 20, Int(Int32.max), Int(Int32.min)]

func badInputFamily() {
    badDescriptors()
    unknownCalls()
    lengths()
    kinds()
    ranges()
}

private func badDescriptors() {
    let b = Buffer(256).address
    let path = text("x")
    let calls: [(StaticString, (Int) -> Int)] = [
        ("read", { sys(SYS_read, $0, b, 1) }), ("write", { sys(SYS_write, $0, b, 1) }), ("close", { sys(SYS_close, $0) }),
        ("fstat", { sys(SYS_fstat, $0, b) }), ("lseek", { sys(SYS_lseek, $0, 0, 0) }),
        ("mmap", { sys(SYS_mmap, 0, 4096, 1, 2, $0, 0) }), ("ioctl", { sys(SYS_ioctl, $0, 0x5401, b) }),
        ("pread", { sys(SYS_pread64, $0, b, 1, 0) }), ("pwrite", { sys(SYS_pwrite64, $0, b, 1, 0) }),
        ("readv", { sys(SYS_readv, $0, vector([(b, 1)]).address, 1) }),
        ("writev", { sys(SYS_writev, $0, vector([(b, 1)]).address, 1) }), ("dup", { sys(SYS_dup, $0) }),
        ("fcntl", { sys(SYS_fcntl, $0, Int(F_GETFL)) }), ("fsync", { sys(SYS_fsync, $0) }),
        ("ftruncate", { sys(SYS_ftruncate, $0, 0) }), ("getdents", { sys(SYS_getdents64, $0, b, 256) }),
        ("fchdir", { sys(SYS_fchdir, $0) }), ("fchmod", { sys(SYS_fchmod, $0, 0o644) }),
        ("sendfile in", { sys(SYS_sendfile, 1, $0, 0, 1) }), ("accept", { sys(SYS_accept, $0, 0, 0) }),
        ("connect", { sys(SYS_connect, $0, b, 10) }), ("bind", { sys(SYS_bind, $0, b, 10) }),
        ("listen", { sys(SYS_listen, $0, 1) }), ("sendmsg", { sys(SYS_sendmsg, $0, b, 0) }),
        ("recvmsg", { sys(SYS_recvmsg, $0, b, 0) }), ("shutdown", { sys(SYS_shutdown, $0, 0) }),
        ("getsockopt", { sys(SYS_getsockopt, $0, 1, 3, b, b + 8) }),
        ("epoll_ctl", { sys(SYS_epoll_ctl, $0, 1, 1, b) }), ("epoll_wait", { sys(SYS_epoll_wait, $0, b, 1, 0) }),
        ("timerfd_settime", { sys(SYS_timerfd_settime, $0, 0, b, 0) }), ("flock", { sys(SYS_flock, $0, 1) }),
        ("fstatfs", { sys(SYS_fstatfs, $0, b) }),
        ("unlinkat", { sys(SYS_unlinkat, $0, path, 0) }), ("mkdirat", { sys(SYS_mkdirat, $0, path, 0o755) }),
        ("openat", { sys(SYS_openat, $0, path, 0, 0) }), ("newfstatat", { sys(SYS_newfstatat, $0, path, b, 0) }),
        ("readlinkat", { sys(SYS_readlinkat, $0, path, b, 9) }),
    ]
    for (name, call) in calls {
        // AT_FDCWD is a descriptor for the calls that take one with a path.
        for fd in noDescriptors { check("\(name) of \(fd)", call(fd)) }
    }
}

private func unknownCalls() {
    for number in [500, 512, 1023, 4096, 1 << 20, Int(Int32.max), -1, -100, Int(Int32.min)] {
        check("call \(number)", ts_syscall(number, 0, 0, 0, 0, 0, 0))
    }
    check("alive", sys(SYS_getpid) > 0)
}

private func lengths() {
    let fd = open("f", O_CREAT | O_RDWR)
    write(fd, "0123456789")
    let buffer = Buffer(4096)
    check("write of a negative length", sys(SYS_write, fd, buffer.address, -1))
    check("read of a negative length", sys(SYS_read, fd, buffer.address, -1))
    check("read of the largest length", sys(SYS_pread64, fd, buffer.address, Int.max, 0))
    check("write of the largest length", sys(SYS_pwrite64, fd, buffer.address, Int.max, 0))
    check("pread at the largest offset", sys(SYS_pread64, fd, buffer.address, 10, Int.max))
    check("pwrite at the largest offset", sys(SYS_pwrite64, fd, buffer.address, 10, Int.max))
    check("seek that overflows", sys(SYS_lseek, fd, Int.max, Int(SEEK_END)) < 0)
    check("size is what it was", size("f"))
    let two = vector([(buffer.address, Int.max), (buffer.address, Int.max)])
    check("writev whose sum overflows", sys(SYS_writev, fd, two.address, 2))
    check("getcwd of size 0", sys(SYS_getcwd, buffer.address, 0))
    check("getdents of size 0", sys(SYS_getdents64, open(".", O_RDONLY), buffer.address, 0))
    check("poll of a negative count", sys(SYS_poll, buffer.address, -1, 0))
    check("getrandom of nothing", sys(SYS_getrandom, buffer.address, 0, 0))
    close(fd)
    close(fd + 1)
}

private func kinds() {
    let (r, w) = pipe()
    let (a, b) = socketPair()
    let folder = open(".", O_RDONLY | O_DIRECTORY)
    let event = sys(SYS_eventfd2, 0, 0)
    let buffer = Buffer(256)
    for (name, fd) in [("pipe", r), ("socket", a), ("folder", folder), ("event", event)] {
        check("lseek of a \(name)", sys(SYS_lseek, fd, 0, Int(SEEK_CUR)))
        check("ftruncate of a \(name)", sys(SYS_ftruncate, fd, 0))
        check("getdents of a \(name)", min(sys(SYS_getdents64, fd, buffer.address, 256), 0))
        check("fchdir to a \(name)", sys(SYS_fchdir, fd))
        check("terminal attributes of a \(name)", sys(SYS_ioctl, fd, 0x5401, buffer.address))
        check("pread of a \(name)", sys(SYS_pread64, fd, buffer.address, 1, 0))
        check("write of nothing to a \(name)", sys(SYS_write, fd, buffer.address, 0))
        check("accept on a \(name)", sys(SYS_accept, fd, 0, 0))
        check("fsync of a \(name)", sys(SYS_fsync, fd))
        check("mmap of a \(name)", sys(SYS_mmap, 0, 4096, 1, 2, fd, 0))
        check("epoll of a \(name)", sys(SYS_epoll_wait, fd, buffer.address, 1, 0))
    }
    for fd in [r, w, a, b, folder, event] { close(fd) }
}

private func ranges() {
    let buffer = Buffer(256)
    check("kill of the smallest number", sys(SYS_kill, Int(Int32.min), 0))
    check("wait for the smallest number", sys(SYS_wait4, Int(Int32.min), 0, 0, 0))
    check("clock that is not there", sys(SYS_clock_gettime, 99, buffer.address))
    check("resource that is not there", sys(SYS_getrlimit, 99, buffer.address))
    check("getrusage of whom", sys(SYS_getrusage, 99, buffer.address))
    check("access mode", sys(SYS_access, text("."), -1))
    check("open with both access bits", open("f", 3))
    check("seek origin", sys(SYS_lseek, 1, 0, -1))
    check("madvise", sys(SYS_madvise, 0x1000, -4096, 4))
    check("priority of whom", sys(SYS_getpriority, 9, 0))
    check("scheduler of nobody", sys(SYS_sched_getscheduler, 999_999))
    check("affinity into too little", sys(SYS_sched_getaffinity, 0, 1, buffer.address))
    check("mkdir over the file", sys(SYS_mkdir, text("f"), 0o755))
    check("rename nothing", sys(SYS_rename, text(""), text("y")))
    check("link nothing", sys(SYS_link, text(""), text("y")))
    check("chdir nothing", sys(SYS_chdir, text("")))
    check("stat nothing", sys(SYS_stat, text(""), buffer.address))
    check("unlink nothing", sys(SYS_unlink, text("")))
    check("readlink nothing", sys(SYS_readlink, text(""), buffer.address, 10))
}
