// Job control: sessions with a terminal, foreground and background, the keys that send signals.

import CTestSystem
import TestCalls

private let (setController, noController, getForeground, setForeground, getSession) = (0x540e, 0x5422, 0x540f, 0x5410, 0x5429)

func jobsFamily() {
    controllingTerminal()
    keySignals()
    background()
    resizing()
    hangup()
    stopAndContinue()
}

/// Runs `body` in a child that leads a session on a new terminal; answers with the controller and the child.
private func session(_ body: @escaping (_ terminal: Int) -> Int32) -> (controller: Int, pid: Int) {
    let (controller, terminal) = terminalPair()
    let pid = child {
        close(controller)
        sys(SYS_setsid)
        sys(SYS_ioctl, terminal, setController, 0)
        return body(terminal)
    }
    close(terminal)
    return (controller, pid)
}

private func foreground(_ terminal: Int) -> Int {
    let group = Buffer(4)
    let result = sys(SYS_ioctl, terminal, getForeground, group.address)
    return result < 0 ? result : Int(group.load(Int32.self, at: 0))
}

private func bringForward(_ terminal: Int, _ group: Int) -> Int {
    let buffer = Buffer(4)
    buffer.store(Int32(group), at: 0)
    return sys(SYS_ioctl, terminal, setForeground, buffer.address)
}

/// Waits until the caller's group is in front, where its leader is about to bring it.
private func waitForFront(_ terminal: Int) {
    for _ in 0..<5000 {
        if foreground(terminal) == sys(SYS_getpgrp) { return }
        pause(milliseconds: 1)
    }
}

private func controllingTerminal() {
    let (controller, terminal) = terminalPair()
    check("foreground without session", foreground(terminal))
    checkChild("without a session of its own") { Int32(-sys(SYS_ioctl, terminal, setController, 0)) }
    checkChild("leader takes the terminal") {
        sys(SYS_setsid)
        check("no terminal yet", open("/dev/tty", O_RDWR))
        check("take", sys(SYS_ioctl, terminal, setController, 0))
        check("its own group is in front", foreground(terminal) == sys(SYS_getpid))
        let tty = open("/dev/tty", O_RDWR)
        checkSuccess("/dev/tty opens", tty)
        write(tty, "by name")
        let session = Buffer(4)
        check("session", sys(SYS_ioctl, terminal, getSession, session.address))
        check("session is right", Int(session.load(Int32.self, at: 0)) == sys(SYS_getpid))
        check("group that is not there", bringForward(terminal, 999_999))
        check("negative group", bringForward(terminal, -1))
        let other = terminalPair()
        check("a second terminal", sys(SYS_ioctl, other.terminal, setController, 0))
        check("foreground of a foreign terminal", foreground(other.terminal))
        check(
            "a child keeps it",
            text: reap(
                child {
                    let again = open("/dev/tty", O_RDWR)
                    sys(SYS_setsid)
                    let after = open("/dev/tty", O_RDWR)
                    return again >= 0 && after < 0 ? 0 : 1
                }))
        return 0
    }
    check("written by name", bytes: drain(controller))
    close(controller)
    close(terminal)
    // Opening a terminal without O_NOCTTY gives it to a leader that has none.
    let (second, end) = terminalPair()
    let number = Buffer(4)
    sys(SYS_ioctl, second, 0x8004_5430, number.address)
    checkChild("taken by opening") {
        close(end)
        sys(SYS_setsid)
        let path = text(copying: "/dev/pts/\(number.load(Int32.self, at: 0))")
        let fd = sys(SYS_open, path, Int(O_RDWR), 0)
        return foreground(fd) == sys(SYS_getpid) ? 0 : 1
    }
    close(second)
    close(end)
}

private func keySignals() {
    for (name, key, number) in [
        ("interrupt", "\u{3}" as StaticString, SIGINT), ("quit", "\u{1c}", SIGQUIT), ("suspend", "\u{1a}", SIGTSTP),
    ] {
        let (controller, pid) = session { terminal in
            // The foreground job is a group of its own, as a shell makes it.
            let job = child {
                sys(SYS_setpgid, 0, 0)
                let limit = Buffer(16)
                sys(SYS_setrlimit, 4, limit.address)
                waitForFront(terminal)
                write(terminal, "ready")
                pause(milliseconds: 20_000)
                return 0
            }
            sys(SYS_setpgid, job, job)
            _ = bringForward(terminal, job)
            check("job by \(name)", text: reap(job, WUNTRACED))
            sys(SYS_kill, job, Int(SIGKILL))
            _ = reap(job)
            return 7
        }
        var bytes: [UInt8] = []
        while bytes.count < 5 { bytes += drain(controller) }
        write(controller, key)
        check("\(name) leader", text: reap(pid))
        check("\(name) echo", bytes: drain(controller, milliseconds: 100))
        close(controller)
    }
    let (controller, pid) = session { terminal in
        let modes = attributes(terminal)
        modes.store(modes.load(UInt32.self, at: 12) & ~1, at: 12)
        sys(SYS_ioctl, terminal, 0x5402, modes.address)
        write(terminal, "ready")
        let (count, bytes) = read(terminal)
        check("without ISIG", bytes: bytes)
        return Int32(count)
    }
    _ = drain(controller)
    write(controller, "\u{3}\n")
    check("leader", text: reap(pid))
    close(controller)
    // A key flushes what was typed before it.
    let (second, leader) = session { terminal in
        ts_handle(SIGINT, { _, _, _ in }, 0, 0)
        write(terminal, "ready")
        let interrupted = read(terminal).result
        write(terminal, "again")
        let (_, bytes) = read(terminal)
        check("read was interrupted", interrupted)
        check("typed before is gone", bytes: bytes)
        return 0
    }
    _ = drain(second)
    write(second, "old")
    _ = drain(second)
    write(second, "\u{3}")
    var seen: [UInt8] = []
    while !seen.contains(0x61) { seen += drain(second) }
    write(second, "new\n")
    check("leader", text: reap(leader))
    close(second)
}

private func background() {
    let (controller, pid) = session { terminal in
        let job = child {
            sys(SYS_setpgid, 0, 0)
            pause(milliseconds: 20)
            return Int32(-read(terminal).result)
        }
        sys(SYS_setpgid, job, job)
        check("reading in the background", text: reap(job, WUNTRACED))
        sys(SYS_kill, job, Int(SIGKILL))
        _ = reap(job)
        let writer = child {
            sys(SYS_setpgid, 0, 0)
            return write(terminal, "from behind") == 11 ? 0 : 1
        }
        check("writing in the background", text: reap(writer, WUNTRACED))
        let modes = attributes(terminal)
        modes.store(modes.load(UInt32.self, at: 12) | 0o400, at: 12)
        sys(SYS_ioctl, terminal, 0x5402, modes.address)
        let stopped = child {
            sys(SYS_setpgid, 0, 0)
            write(terminal, "x")
            return 0
        }
        check("writing with TOSTOP", text: reap(stopped, WUNTRACED))
        sys(SYS_kill, stopped, Int(SIGKILL))
        _ = reap(stopped)
        let ignoring = child {
            sys(SYS_setpgid, 0, 0)
            ts_dispose(SIGTTIN, 1)
            return Int32(-read(terminal).result)
        }
        check("reading with SIGTTIN ignored", text: reap(ignoring))
        let setter = child {
            sys(SYS_setpgid, 0, 0)
            return Int32(-bringForward(terminal, sys(SYS_getpid)))
        }
        check("coming to the front from behind", text: reap(setter, WUNTRACED))
        sys(SYS_kill, setter, Int(SIGKILL))
        _ = reap(setter)
        let allowed = child {
            sys(SYS_setpgid, 0, 0)
            ts_dispose(SIGTTOU, 1)
            return Int32(-bringForward(terminal, sys(SYS_getpid)))
        }
        check("coming to the front with SIGTTOU ignored", text: reap(allowed))
        return 0
    }
    check("leader", text: reap(pid))
    check("output", bytes: drain(controller, milliseconds: 100))
    close(controller)
}

nonisolated(unsafe) private var resized: Int32 = 0

private func resizing() {
    let (controller, pid) = session { terminal in
        ts_handle(SIGWINCH, { _, _, _ in resized += 1 }, 0, 0)
        write(terminal, "ready")
        for _ in 0..<2000 where resized == 0 { pause(milliseconds: 5) }
        let size = Buffer(8)
        sys(SYS_ioctl, terminal, 0x5413, size.address)
        check("new size", text: "\(size.load(UInt16.self, at: 0))x\(size.load(UInt16.self, at: 2))")
        return resized
    }
    _ = drain(controller)
    let size = Buffer(8)
    size.store(UInt16(33), at: 0)
    size.store(UInt16(99), at: 2)
    sys(SYS_ioctl, controller, 0x5414, size.address)
    sys(SYS_ioctl, controller, 0x5414, size.address)
    check("one signal for one change", text: reap(pid))
    close(controller)
}

private func hangup() {
    let (controller, pid) = session { terminal in
        write(terminal, "ready")
        pause(milliseconds: 20_000)
        return 0
    }
    _ = drain(controller)
    close(controller)
    check("leader when the controller closes", text: reap(pid))
    // When the leader ends, its foreground group gets the hang-up.
    let (reader, writer) = pipe()
    let (second, leader) = session { terminal in
        let job = child {
            sys(SYS_setpgid, 0, 0)
            ts_handle(SIGHUP, { _, _, _ in }, 0, 0)
            write(terminal, "ready")
            let result = sys(SYS_pause)
            // The parent says it: it prints something at this time too.
            let line = "\(result == -Int(EINTR) ? "hung up" : "other"), then write = \(write(terminal, "x"))"
            sys(SYS_write, writer, text(copying: line), line.utf8.count)
            return 0
        }
        sys(SYS_setpgid, job, job)
        _ = bringForward(terminal, job)
        pause(milliseconds: 50)
        return 0
    }
    close(writer)
    _ = drain(second)
    check("leader", text: reap(leader))
    checkRead("its job", reader)
    check("pipe closes when the job ends", read(reader).result)
    close(second)
    close(reader)
}

private func stopAndContinue() {
    // What a shell does: run, stop by the key, continue in front, end.
    let (controller, pid) = session { terminal in
        ts_dispose(SIGTTOU, 1)
        let job = child {
            sys(SYS_setpgid, 0, 0)
            ts_dispose(SIGTTOU, 0)
            waitForFront(terminal)
            write(terminal, "ready")
            let (_, bytes) = read(terminal)
            return bytes.count == 3 ? 44 : Int32(bytes.count)
        }
        sys(SYS_setpgid, job, job)
        check("job to the front", bringForward(terminal, job))
        check("stopped by the key", text: reap(job, WUNTRACED))
        check("shell to the front", bringForward(terminal, sys(SYS_getpgrp)))
        check("job to the front again", bringForward(terminal, job))
        check("continue", sys(SYS_kill, -job, Int(SIGCONT)))
        check("continued", text: reap(job, 8))
        write(terminal, "go on")
        check("ended", text: reap(job))
        return 0
    }
    _ = drain(controller)
    write(controller, "\u{1a}")
    var seen: [UInt8] = []
    while !seen.contains(0x67) { seen += drain(controller) }
    write(controller, "in\n")
    check("leader", text: reap(pid))
    close(controller)
}
