// Resource limits: reading, setting, and what happens at them.

import CTestSystem
import TestCalls

private let (fileSize, core, openFiles, stack) = (1, 4, 7, 3)

private let processorTime = 0
nonisolated(unsafe) private var reached = 0

private func limit(_ resource: Int) -> (soft: Int, hard: Int) {
    let buffer = Buffer(16)
    sys(SYS_getrlimit, resource, buffer.address)
    return (buffer.load(Int.self, at: 0), buffer.load(Int.self, at: 8))
}

private func setLimit(_ resource: Int, _ soft: Int, hard: Int? = nil) -> Int {
    let buffer = Buffer(16)
    buffer.store(soft, at: 0)
    buffer.store(hard ?? limit(resource).hard, at: 8)
    return sys(SYS_setrlimit, resource, buffer.address)
}

func limitsFamily() {
    processorTimeLimits()
    checkChild("open files") {
        check("set", setLimit(openFiles, 8))
        check("get", limit(openFiles).soft)
        var fds = 0
        while sys(SYS_dup, 1) >= 0 { fds += 1 }
        check("descriptors until the limit", fds)
        check("open", open("f", O_CREAT | O_RDWR))
        check("pipe", sys(SYS_pipe2, Buffer(8).address, 0))
        check("dup2 beyond", sys(SYS_dup2, 1, 8))
        check("F_DUPFD beyond", sys(SYS_fcntl, 1, Int(F_DUPFD), 8))
        check("socketpair", sys(SYS_socketpair, Int(AF_UNIX), stream, 0, Buffer(8).address))
        close(7)
        check("pipe with room for one", sys(SYS_pipe2, Buffer(8).address, 0))
        check("the one is free again", sys(SYS_dup, 1))
        check("poll with more than the limit", sys(SYS_poll, Buffer(80).address, 9, 0))
        return 0
    }
    checkChild("an open file above a lowered limit stays") {
        sys(SYS_dup2, 1, 20)
        _ = setLimit(openFiles, 10)
        return sys(SYS_fcntl, 20, Int(F_GETFD)) == 0 ? 0 : 1
    }
    checkChild("file size") {
        check("set", setLimit(fileSize, 1000))
        let fd = open("s", O_CREAT | O_RDWR)
        ts_dispose(SIGXFSZ, 1)
        let buffer = Buffer(2000)
        check("write up to it", sys(SYS_write, fd, buffer.address, 2000))
        check("write beyond", sys(SYS_write, fd, buffer.address, 1))
        check("truncate beyond", sys(SYS_ftruncate, fd, 2000))
        check("truncate by name beyond", sys(SYS_truncate, text("s"), 2000))
        check("truncate up to it", sys(SYS_ftruncate, fd, 1000))
        check("fallocate beyond", sys(SYS_fallocate, fd, 0, 0, 2000))
        check("pwrite across it", sys(SYS_pwrite64, fd, buffer.address, 100, 950))
        check("pwrite beyond", sys(SYS_pwrite64, fd, buffer.address, 100, 1000))
        check("write of nothing beyond", sys(SYS_pwrite64, fd, buffer.address, 0, 2000))
        check("size", size("s"))
        ts_dispose(SIGXFSZ, 0)
        sys(SYS_setrlimit, core, Buffer(16).address)
        sys(SYS_write, fd, buffer.address, 1)
        return 0
    }
    check("soft above hard", setLimit(openFiles, 10, hard: 5))
    let (soft, hard) = limit(core)
    check("core", setLimit(core, 0, hard: hard))
    check("core is 0", limit(core).soft)
    _ = setLimit(core, soft, hard: hard)
    check("prlimit64 of itself", sys(SYS_prlimit64, 0, stack, 0, Buffer(16).address))
    check("prlimit64 of nobody", sys(SYS_prlimit64, 999_999, stack, 0, Buffer(16).address))
    check("stack limit is sensible", limit(stack).soft >= 1 << 20)
    checkChild("inherited") {
        _ = setLimit(openFiles, 33)
        return Int32(reap(child { Int32(limit(openFiles).soft) }) == "exit 33" ? 0 : 1)
    }
    checkChild("smaller stack") {
        _ = setLimit(stack, 256 * 1024)
        return ts_overflow_stack(0)
    }
    let usage = Buffer(144)
    check("getrusage", sys(SYS_getrusage, 0, usage.address))
    check("getrusage of children", sys(SYS_getrusage, -1, usage.address))
    let information = Buffer(128)
    check("sysinfo", sys(SYS_sysinfo, information.address))
    check("memory is known", information.load(Int.self, at: 32) > 1 << 10)
    check("free is not more", information.load(Int.self, at: 40) <= information.load(Int.self, at: 32))
}

/// Seconds of processor time: a signal at the soft limit, which moves on by one, and the end at the hard one.
func processorTimeLimits() {
    check(
        "at once",
        text: reap(
            child {
                _ = setLimit(processorTime, 1, hard: 5)
                while true {}
            }))
    check(
        "at the end",
        text: reap(
            child {
                ts_handle(SIGXCPU, { _, _, _ in reached += 1 }, 0, 0)
                _ = setLimit(processorTime, 1, hard: 2)
                while reached == 0 { _ = now() }
                check("soft", limit(processorTime).soft)
                check("hard", limit(processorTime).hard)
                while reached == 1 { _ = now() }
                return 1
            }))
    check(
        "of a child's own",
        text: reap(
            child {
                ts_dispose(SIGXCPU, 1)
                _ = setLimit(processorTime, 1, hard: 1)
                return reap(child { while true {} }) == "signal 9" ? 0 : 1
            }))
    check(
        "none",
        text: reap(
            child {
                _ = setLimit(processorTime, 1)
                _ = setLimit(processorTime, -1)
                let end = now(CLOCK_PROCESS_CPUTIME_ID) + 1_200_000_000
                while now(CLOCK_PROCESS_CPUTIME_ID) < end {}
                return 0
            }))
}
