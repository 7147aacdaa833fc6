// Processes: fork, waiting, exit, groups and sessions.

import CTestSystem
import TestCalls

func processesFamily() {
    exits()
    waiting()
    waitid()
    vforks()
    orphans()
    clones()
    niceness()
    miscellaneous()
}

private func exits() {
    for status in [0, 1, 127, 255, 256, 300, -1] { checkChild("exit \(status)") { Int32(status) } }
    checkChild("killed by itself") {
        sys(SYS_kill, sys(SYS_getpid), Int(SIGKILL)); return 0
    }
    checkChild("aborted") {
        sys(SYS_kill, sys(SYS_getpid), Int(SIGABRT)); return 0
    }
    let parent = sys(SYS_getpid)
    checkChild("parent is right") { sys(SYS_getppid) == parent ? 0 : 1 }
    checkChild("own number differs") { sys(SYS_getpid) != parent && sys(SYS_gettid) == sys(SYS_getpid) ? 0 : 1 }
}

private func waiting() {
    check("no children", text: reap(-1))
    check("no such child", text: reap(999_999))
    let (reader, writer) = pipe()
    let pid = child {
        _ = read(reader, 1); return 3
    }
    check("still running", text: reap(pid, WNOHANG))
    check("unknown option", text: reap(pid, 0x40))
    write(writer, ".")
    check("ended", text: reap(pid))
    check("waited for already", text: reap(pid))
    var pids: [Int] = []
    for status in 1...5 { pids.append(child { Int32(status) }) }
    var sum = 0
    let status = Buffer(4)
    for _ in 0..<5 {
        sys(SYS_wait4, -1, status.address, 0, 0)
        sum += Int(status.load(Int32.self, at: 0)) >> 8
    }
    check("sum of five", sum)
    check("and no more", sys(SYS_wait4, -1, 0, 0, 0))
    let usage = Buffer(144)
    let quick = child { 0 }
    check("with usage", sys(SYS_wait4, quick, status.address, 0, usage.address) == quick)
    check("usage is sane", usage.load(Int.self, at: 0) >= 0 && usage.load(Int.self, at: 32) >= 0)
    let bad = child { 0 }
    check("status to a bad place", sys(SYS_wait4, bad, forbiddenPage(), 0, 0))
    // A zombie can be signalled, and is reaped once.
    let zombie = child { 0 }
    pause(milliseconds: 30)
    check("signal a zombie", sys(SYS_kill, zombie, Int(SIGTERM)))
    check("zombie", text: reap(zombie))
    check("signal nobody", sys(SYS_kill, zombie, 0))
    let stopped = child {
        _ = read(reader, 1); return 0
    }
    sys(SYS_kill, stopped, Int(SIGSTOP))
    check("stopped", text: reap(stopped, WUNTRACED))
    check("stopped, asked again", text: reap(stopped, WUNTRACED | WNOHANG))
    sys(SYS_kill, stopped, Int(SIGCONT))
    check("continued", text: reap(stopped, 8))
    sys(SYS_kill, stopped, Int(SIGSTOP))
    sys(SYS_kill, stopped, Int(SIGKILL))
    check("killed while stopped", text: reap(stopped))
    close(reader)
    close(writer)
}

private func waitid() {
    let info = Buffer(128)
    let pid = child { 9 }
    let exited = Int(WEXITED)
    check("waitid without kind", sys(SYS_waitid, 1, pid, info.address, 0, 0))
    check("waitid keeping", sys(SYS_waitid, 1, pid, info.address, exited | 0x1000000, 0))
    check("code", Int(info.load(Int32.self, at: 8)))
    check("status", Int(info.load(Int32.self, at: 24)))
    check("pid is right", Int(info.load(Int32.self, at: 16)) == pid)
    check("waitid", sys(SYS_waitid, 1, pid, info.address, exited, 0))
    check("waitid again", sys(SYS_waitid, 1, pid, info.address, exited, 0))
    check("waitid of an unknown kind", sys(SYS_waitid, 9, 0, info.address, exited, 0))
    let killed = child {
        pause(milliseconds: 20_000); return 0
    }
    sys(SYS_kill, killed, Int(SIGTERM))
    sys(SYS_waitid, 0, 0, info.address, exited, 0)
    check("killed code", Int(info.load(Int32.self, at: 8)))
    check("killed status", Int(info.load(Int32.self, at: 24)))
    info.fill(0xff)
    let sleeper = child {
        pause(milliseconds: 20_000); return 0
    }
    check("waitid of nothing yet", sys(SYS_waitid, 1, sleeper, info.address, exited | Int(WNOHANG), 0))
    check("number when nothing", Int(info.load(Int32.self, at: 0)))
    sys(SYS_kill, sleeper, Int(SIGKILL))
    check("sleeper", text: reap(sleeper))
}

private func vforks() {
    let place = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    place.pointee = 0
    let pid = ts_vfork_store(place, 77)
    check("vfork shares memory and runs first", Int(place.pointee))
    check("vfork child", text: reap(Int(pid)))
    place.deallocate()
}

private func orphans() {
    // The child ends before its own child, which then has another parent and is not ours to wait for.
    let (reader, writer) = pipe()
    let pid = child {
        let me = sys(SYS_getpid)
        let grandchild = child {
            for _ in 0..<1000 where sys(SYS_getppid) == me { pause(milliseconds: 2) }
            write(writer, sys(SYS_getppid) == me ? "same" : "adopted")
            return 0
        }
        return grandchild > 0 ? 0 : 1
    }
    check("middle", text: reap(pid))
    checkRead("orphan", reader)
    check("not a child of mine", text: reap(-1))
    // The death signal of a parent.
    let second = child {
        let inner = child {
            sys(SYS_prctl, Int(PR_SET_PDEATHSIG), Int(SIGKILL))
            write(writer, ".")
            pause(milliseconds: 20_000)
            write(writer, "survived")
            return 0
        }
        _ = read(reader, 1)
        return inner > 0 ? 0 : 1
    }
    check("second middle", text: reap(second))
    close(writer)
    checkRead("nothing from the killed", reader)
    close(reader)
}

private func clones() {
    check("thread flag without memory", sys(SYS_clone, Int(0x10000 | SIGCHLD), 0, 0, 0, 0))
    check("handlers without memory", sys(SYS_clone, Int(0x800 | SIGCHLD), 0, 0, 0, 0))
    let place = Buffer(8)
    let pid = sys(SYS_clone, Int(0x100000 | SIGCHLD), 0, place.address, 0, 0)
    if pid == 0 { sys(SYS_exit_group, 4) }
    check("parent's place is set", Int(place.load(Int32.self, at: 0)) == pid)
    check("clone as fork", text: reap(pid))
}

private func niceness() {
    checkChild("nice values") {
        check("most nice", sys(SYS_setpriority, 0, 0, 100))
        check("it is", sys(SYS_getpriority, 0, 0))
        check("least nice", sys(SYS_setpriority, 0, 0, -100))
        check("it is", sys(SYS_getpriority, 0, 0))
        sys(SYS_setpriority, 0, 0, 3)
        checkChild("a child inherits") { Int32(sys(SYS_getpriority, 0, 0)) }
        check("by number", sys(SYS_getpriority, 0, sys(SYS_getpid)))
        check("of nobody", sys(SYS_getpriority, 0, 999_999))
        check("set of nobody", sys(SYS_setpriority, 0, 999_999, 1))
        check("unknown kind", sys(SYS_setpriority, 3, 0, 1))
        sys(SYS_setpgid, 0, 0)
        check("of the group", sys(SYS_getpriority, 1, 0))
        check("set of the group", sys(SYS_setpriority, 1, sys(SYS_getpid), 7))
        check("it is", sys(SYS_getpriority, 0, 0))
        check("of a group that is not there", sys(SYS_getpriority, 1, 999_999))
        check("of a user who has no process", sys(SYS_getpriority, 2, 987_654))
        sys(SYS_setresuid, 4321, 4321, 4321)
        check("of a user", sys(SYS_getpriority, 2, 0))
        check("nicer", sys(SYS_setpriority, 0, 0, 8))
        check("back again", sys(SYS_setpriority, 0, 0, 7))
        check("of a process of root", sys(SYS_setpriority, 0, sys(SYS_getppid), 9))
        return 0
    }
    let place = Buffer(4)
    check("death signal", sys(SYS_prctl, 1, Int(SIGUSR1)))
    check("asked for", sys(SYS_prctl, 2, place.address))
    check("it is", Int(place.load(Int32.self, at: 0)))
    checkChild("death signal of a child") {
        sys(SYS_prctl, 2, place.address)
        return place.load(Int32.self, at: 0)
    }
    check("no signal", sys(SYS_prctl, 1, 65))
    check("negative", sys(SYS_prctl, 1, -1))
    check("none", sys(SYS_prctl, 1, 0))
}

private func miscellaneous() {
    let name = Buffer(16)
    check("set name", sys(SYS_prctl, Int(PR_SET_NAME), text("a-name-that-is-too-long")))
    check("get name", sys(SYS_prctl, Int(PR_GET_NAME), name.address))
    check("name is cut", bytes: name.bytes(16))
    check("unknown prctl", sys(SYS_prctl, 99_999, 0, 0, 0, 0))
    check("yield", sys(SYS_sched_yield))
    check("nice value", sys(SYS_getpriority, 0, 0))
    check("set nice", sys(SYS_setpriority, 0, 0, 5))
    check("nice value after", sys(SYS_getpriority, 0, 0))
    check("policy", sys(SYS_sched_getscheduler, 0))
    let mask = Buffer(128)
    check("affinity", sys(SYS_sched_getaffinity, 0, 128, mask.address) > 0)
    let utsname = Buffer(390)
    check("uname", sys(SYS_uname, utsname.address))
    check("machine", text: String(cString: (utsname.base + 260).assumingMemoryBound(to: CChar.self)))
    // Many short-lived children in a row: nothing may leak that stops the next.
    var ended = 0
    for _ in 0..<300 where reap(child { 0 }) == "exit 0" { ended += 1 }
    check("children in a row", ended)
    var pids: [Int] = []
    for _ in 0..<50 { pids.append(child { 1 }) }
    check("children at once", pids.filter { reap($0) == "exit 1" }.count)
}

func groupsFamily() {
    let me = sys(SYS_getpid)
    checkChild("a child is in its parent's group") { sys(SYS_getpgrp) == sys(SYS_getpgid, sys(SYS_getppid)) ? 0 : 1 }
    checkChild("new group") {
        check("setpgid", sys(SYS_setpgid, 0, 0))
        return sys(SYS_getpgrp) == sys(SYS_getpid) ? 0 : 1
    }
    checkChild("new session") {
        let session = sys(SYS_setsid)
        check("setsid again", sys(SYS_setsid))
        check("setpgid of a session leader", sys(SYS_setpgid, 0, 0))
        return session == sys(SYS_getpid) && sys(SYS_getsid, 0) == session && sys(SYS_getpgrp) == session ? 0 : 1
    }
    check("group of nobody", sys(SYS_getpgid, 999_999))
    check("session of nobody", sys(SYS_getsid, 999_999))
    check("setpgid of nobody", sys(SYS_setpgid, 999_999, 0))
    check("setpgid negative", sys(SYS_setpgid, 0, -1))
    let (reader, writer) = pipe()
    let first = child {
        pause(milliseconds: 20_000); return 0
    }
    check("child into a group of its own", sys(SYS_setpgid, first, first))
    let second = child {
        pause(milliseconds: 20_000); return 0
    }
    check("another joins", sys(SYS_setpgid, second, first))
    check("joins a group that is not there", sys(SYS_setpgid, second, 999_999))
    let outside = child {
        _ = read(reader, 1); return 6
    }
    check("signal to the group", sys(SYS_kill, -first, Int(SIGTERM)))
    check("wait by group", text: reap(-first))
    check("wait by group again", text: reap(-first))
    check("group is empty", text: reap(-first))
    check("signal to an empty group", sys(SYS_kill, -first, Int(SIGTERM)))
    write(writer, ".")
    check("outside the group", text: reap(outside))
    check(
        "after exec a child's group is fixed",
        text: reap(
            child {
                let (r, w) = pipe(O_CLOEXEC)
                let execed = child {
                    execSelf(["sleep"])
                    return 1
                }
                close(w)
                _ = read(r, 1)
                pause(milliseconds: 20)
                let result = sys(SYS_setpgid, execed, execed)
                sys(SYS_kill, execed, Int(SIGKILL))
                _ = reap(execed)
                return Int32(-result)
            }))
    check("still myself", sys(SYS_getpid) == me)
    close(reader)
    close(writer)
}
