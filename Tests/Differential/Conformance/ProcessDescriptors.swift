// Descriptors that stand for processes: pidfd_open, pidfd_send_signal, waitid, CLONE_PIDFD, and what polling them says.

import CTestSystem
import TestCalls

private let noBlocking = 0o4000
/// P_PIDFD, and WEXITED and WNOHANG.
private let byDescriptor = 3
private let (exited, noHang) = (4, 1)

private func open(_ pid: Int, _ flags: Int = 0) -> Int { sys(SYS_pidfd_open, pid, flags) }
private func send(_ fd: Int, _ signal: Int32, _ info: Int = 0, _ flags: Int = 0) -> Int {
    sys(SYS_pidfd_send_signal, fd, Int(signal), info, flags)
}

/// Waits by a descriptor, and says how the child ended.
private func waitFor(_ name: String, _ fd: Int, _ options: Int = exited, pid: Int = 0) {
    let info = Buffer(128)
    let result = sys(SYS_waitid, byDescriptor, fd, info.address, options, 0)
    check(name, result)
    if result != 0 { return }
    let (code, status) = (Int(info.load(Int32.self, at: 8)), Int(info.load(Int32.self, at: 24)))
    check("\(name): signal", Int(info.load(Int32.self, at: 0)))
    if pid != 0 { check("\(name): it is the child", Int(info.load(Int32.self, at: 16)) == pid) }
    check("\(name): code", code)
    check("\(name): status", status)
}

/// A child that sleeps until a signal ends it.
private func sleeper() -> Int {
    child {
        pause(milliseconds: 20_000)
        return 1
    }
}

func processDescriptorsFamily() {
    opening()
    sending()
    polling()
    waiting()
    clones()
    wantedNumbers()
}

private func opening() {
    let own = open(sys(SYS_getpid))
    check("of itself", own)
    check("closes on exec", sys(SYS_fcntl, own, Int(F_GETFD)))
    check("access", sys(SYS_fcntl, own, Int(F_GETFL)) & 3)
    let buffer = Buffer(8)
    check("read", sys(SYS_read, own, buffer.address, 8))
    check("write", sys(SYS_write, own, buffer.address, 8))
    check("not ended", pollEvents(own, POLLIN))
    close(own)
    let other = open(sys(SYS_getpid), noBlocking)
    check("not blocking", sys(SYS_fcntl, other, Int(F_GETFL)) & noBlocking)
    close(other)
    check("unknown flag", open(sys(SYS_getpid), 1))
    check("number 0", open(0))
    check("number -1", open(-1))
    check("nobody", open(0x3fff_fff0))
}

private func sending() {
    let pid = sleeper(), fd = open(pid)
    check("open", fd)
    check("no signal", send(fd, 0))
    check("no such signal", send(fd, 65))
    check("negative signal", send(fd, -1))
    check("unknown flag", send(fd, 0, 0, 64))
    check("no descriptor", send(-1, 0))
    check("another descriptor", send(1, 0))
    check("information that faults", send(fd, SIGTERM, forbiddenPage()))
    let info = Buffer(128)
    info.store(SIGUSR1, at: 0)
    info.store(Int32(-1), at: 8)
    check("information of another signal", send(fd, SIGTERM, info.address))
    info.store(SIGTERM, at: 0)
    info.store(Int32(0), at: 8)
    check("pretends to be kill", send(fd, SIGTERM, info.address))
    check("terminate", send(fd, SIGTERM))
    check("child", text: reap(pid))
    check("to one that is gone", send(fd, SIGTERM))
    check("no signal to it", send(fd, 0))
    close(fd)
    check(
        "nobody may",
        text: reap(
            child {
                let fd = open(sys(SYS_getppid))
                sys(SYS_setuid, 1234)
                return Int32(-send(fd, SIGTERM))
            }))
}

private func polling() {
    let pid = sleeper(), fd = open(pid)
    check("runs", pollEvents(fd, POLLIN))
    let killer = child {
        pause(milliseconds: 30)
        sys(SYS_kill, pid, Int(SIGKILL))
        return 0
    }
    check("wakes", pollEvents(fd, POLLIN, milliseconds: 10_000))
    check("the killer", text: reap(killer))
    let events = Buffer(12), epoll = sys(SYS_epoll_create1, 0)
    events.store(UInt32(1), at: 0)
    check("watched", sys(SYS_epoll_ctl, epoll, 1, fd, events.address))
    check("event", sys(SYS_epoll_wait, epoll, events.address, 1, 0))
    close(epoll)
    check("signal to the dead", send(fd, SIGTERM))
    check("child", text: reap(pid))
    check("gone", pollEvents(fd, POLLIN))
    close(fd)
}

private func waiting() {
    var pid = child { 42 }
    var fd = open(pid)
    waitFor("ended", fd, pid: pid)
    check("again", sys(SYS_waitid, byDescriptor, fd, 0, exited, 0))
    close(fd)
    pid = sleeper()
    fd = open(pid, noBlocking)
    check("not yet, not blocking", sys(SYS_waitid, byDescriptor, fd, 0, exited, 0))
    check("not yet", sys(SYS_waitid, byDescriptor, fd, 0, exited | noHang, 0))
    check("kill", send(fd, SIGKILL))
    check("ends", pollEvents(fd, POLLIN, milliseconds: 10_000))
    waitFor("killed", fd, pid: pid)
    close(fd)
    check("negative", sys(SYS_waitid, byDescriptor, -1, 0, exited, 0))
    check("no descriptor", sys(SYS_waitid, byDescriptor, 99, 0, exited, 0))
    check("another descriptor", sys(SYS_waitid, byDescriptor, 1, 0, exited, 0))
    let own = open(sys(SYS_getpid))
    check("no child", sys(SYS_waitid, byDescriptor, own, 0, exited, 0))
    close(own)
}

/// clone3 with flags, a place for the descriptor, and whether there is a signal at the end.
private func clone3(_ flags: Int, place: Int, numbers: Int = 0, count: Int = 0) -> Int {
    let arguments = Buffer(88)
    arguments.store(flags, at: 0)
    arguments.store(place, at: 8)
    arguments.store(Int(SIGCHLD), at: 32)
    arguments.store(numbers, at: 64)
    arguments.store(count, at: 72)
    let pid = sys(SYS_clone3, arguments.address, 88)
    if pid == 0 { sys(SYS_exit_group, 7) }
    return pid
}

private func clones() {
    let place = Buffer(4)
    let pid = clone3(0x1000, place: place.address)
    check("made", pid > 0)
    let fd = Int(place.load(Int32.self, at: 0))
    check("descriptor", fd)
    check("closes on exec", sys(SYS_fcntl, fd, Int(F_GETFD)))
    waitFor("clone", fd, pid: pid)
    close(fd)
    check("place that faults", clone3(0x1000, place: forbiddenPage()))
    check("nothing is left", sys(SYS_fcntl, fd, Int(F_GETFD)))
    check("with CLONE_DETACHED", clone3(0x40_1000, place: place.address))
    check("no child is left", sys(SYS_wait4, -1, 0, 0x4000_0000, 0))
    // The older call puts it where the parent's copy of the number would be.
    check("both places", sys(SYS_clone, 0x10_1000 | Int(SIGCHLD), 0, place.address, 0, 0))
    let other = sys(SYS_clone, 0x1000 | Int(SIGCHLD), 0, place.address, 0, 0)
    if other == 0 { sys(SYS_exit_group, 8) }
    check("descriptor", Int(place.load(Int32.self, at: 0)))
    waitFor("clone", Int(place.load(Int32.self, at: 0)), pid: other)
    close(Int(place.load(Int32.self, at: 0)))
}

/// set_tid: the program chooses the number.
private func wantedNumbers() {
    let number = Buffer(4)
    func attempt(_ name: String, _ value: Int) {
        number.store(Int32(truncatingIfNeeded: value), at: 0)
        let pid = clone3(0, place: 0, numbers: number.address, count: 1)
        if pid > 0 { check(name, text: reap(pid)) } else { check(name, pid) }
    }
    attempt("number 0", 0)
    attempt("number -5", -5)
    attempt("too large", 0x3fff_fff0)
    attempt("the first process's", 1)
    attempt("its own", sys(SYS_getpid))
    check("faults", clone3(0, place: 0, numbers: forbiddenPage(), count: 1))
    var free = 31_000
    while sys(SYS_kill, free, 0) != -Int(ESRCH) { free += 1 }
    number.store(Int32(free), at: 0)
    let pid = clone3(0, place: 0, numbers: number.address, count: 1)
    check("it has it", pid == free)
    check("child", text: reap(pid))
    attempt("again", free)
    checkChild("without rights") {
        sys(SYS_setuid, 1234)
        number.store(Int32(free), at: 0)
        return Int32(-clone3(0, place: 0, numbers: number.address, count: 1))
    }
}
