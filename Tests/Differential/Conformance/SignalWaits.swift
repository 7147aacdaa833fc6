// Signals and calls that wait: interruption, restarting, waiting for signals, alarms, signal descriptors.

import CTestSystem
import TestCalls

nonisolated(unsafe) private var arrivals = 0

private let counting: ts_handler = { _, _, _ in arrivals += 1 }

private func setOf(_ numbers: Int32...) -> Buffer {
    var bits: UInt64 = 0
    for number in numbers { bits |= 1 << UInt64(number - 1) }
    let buffer = Buffer(8)
    buffer.store(bits, at: 0)
    return buffer
}

private func timeSpec(milliseconds: Int) -> Buffer {
    let time = Buffer(16)
    time.store(milliseconds / 1000, at: 0)
    time.store(milliseconds % 1000 * 1_000_000, at: 8)
    return time
}

/// Sends a signal to this process again and again until told to stop, so that it surely arrives during a wait.
private func pestering(_ number: Int32, _ body: () -> Void) {
    let me = sys(SYS_getpid)
    let pid = child {
        for _ in 0..<2000 {
            pause(milliseconds: 10)
            if sys(SYS_getppid) != me { break }
            sys(SYS_kill, me, Int(number))
        }
        return 0
    }
    body()
    sys(SYS_kill, pid, Int(SIGKILL))
    _ = reap(pid)
}

func signalWaitsFamily() {
    interruptions()
    restarting()
    waitingForSignals()
    alarms()
    signalDescriptors()
}

private func interruptions() {
    let (reader, writer) = pipe()
    ts_handle(SIGUSR1, counting, 0, 0)
    pestering(SIGUSR1) {
        check("read", read(reader, 1).result)
        check("nanosleep", sys(SYS_nanosleep, timeSpec(milliseconds: 30_000).address, 0))
        let left = Buffer(16)
        sys(SYS_nanosleep, timeSpec(milliseconds: 30_000).address, left.address)
        check("most of the time is left", left.load(Int.self, at: 0) >= 15)
        check("poll", pollEvents(reader, POLLIN, milliseconds: 30_000))
        check("select", sys(SYS_select, 0, 0, 0, 0, timeSpec(milliseconds: 30_000).address))
        let epoll = sys(SYS_epoll_create1, 0)
        check("epoll_wait", sys(SYS_epoll_wait, epoll, Buffer(64).address, 4, 30_000))
        close(epoll)
        let word = Buffer(4)
        check("futex", sys(SYS_futex, word.address, 128, 0, timeSpec(milliseconds: 30_000).address))
        check("pause", sys(SYS_pause))
        check("sigsuspend", sys(SYS_rt_sigsuspend, setOf().address, 8))
        let (a, b) = pair { sys(SYS_socketpair, Int(AF_UNIX), stream, 0, $0) }
        check("recv", sys(SYS_recvfrom, a, word.address, 4, 0, 0, 0))
        check("wait", sys(SYS_wait4, -1, 0, 0, 0))
        close(a)
        close(b)
    }
    check("signals came", arrivals > 0)
    close(reader)
    close(writer)
}

private func restarting() {
    let (reader, writer) = pipe()
    ts_handle(SIGUSR1, counting, SA_RESTART, 0)
    arrivals = 0
    let me = sys(SYS_getpid)
    let pid = child {
        for _ in 0..<5 {
            pause(milliseconds: 15)
            sys(SYS_kill, me, Int(SIGUSR1))
        }
        pause(milliseconds: 15)
        write(writer, "restarted")
        return 0
    }
    checkRead("read", reader)
    check("signals came", arrivals > 0)
    check("wait", text: reap(pid))
    pestering(SIGUSR1) {
        // These are never restarted.
        check("nanosleep", sys(SYS_nanosleep, timeSpec(milliseconds: 30_000).address, 0))
        check("poll", pollEvents(reader, POLLIN, milliseconds: 30_000))
        let epoll = sys(SYS_epoll_create1, 0)
        check("epoll_wait", sys(SYS_epoll_wait, epoll, Buffer(64).address, 4, 30_000))
        close(epoll)
        check("pause", sys(SYS_pause))
    }
    close(reader)
    close(writer)
    // An ignored signal and a default-ignored one interrupt nothing.
    ts_dispose(SIGUSR1, 1)
    let sleeper = child {
        Int32(sys(SYS_nanosleep, timeSpec(milliseconds: 120).address, 0) == 0 ? 0 : 1)
    }
    for _ in 0..<5 {
        pause(milliseconds: 10)
        sys(SYS_kill, sleeper, Int(SIGUSR1))
        sys(SYS_kill, sleeper, Int(SIGWINCH))
    }
    check("ignored signals do not interrupt", text: reap(sleeper))
    let stopped = child {
        Int32(sys(SYS_nanosleep, timeSpec(milliseconds: 100).address, 0) == 0 ? 0 : 1)
    }
    pause(milliseconds: 20)
    sys(SYS_kill, stopped, Int(SIGSTOP))
    check("stopped in a sleep", text: reap(stopped, WUNTRACED))
    sys(SYS_kill, stopped, Int(SIGCONT))
    check("the sleep goes on", text: reap(stopped))
}

private func waitingForSignals() {
    let set = setOf(SIGUSR1, SIGUSR2)
    sys(SYS_rt_sigprocmask, Int(SIG_BLOCK), set.address, 0, 8)
    let info = Buffer(128)
    check("nothing pending", sys(SYS_rt_sigtimedwait, set.address, info.address, timeSpec(milliseconds: 0).address, 8))
    let before = now()
    check("nothing comes", sys(SYS_rt_sigtimedwait, set.address, info.address, timeSpec(milliseconds: 30).address, 8))
    check("waited long enough", now() - before >= 30_000_000)
    sys(SYS_kill, sys(SYS_getpid), Int(SIGUSR2))
    check("one pending", sys(SYS_rt_sigtimedwait, set.address, info.address, 0, 8))
    check("its number", Int(info.load(Int32.self, at: 0)))
    check("its code", Int(info.load(Int32.self, at: 8)))
    let me = sys(SYS_getpid)
    let pid = child {
        pause(milliseconds: 20); sys(SYS_kill, me, Int(SIGUSR1)); return 0
    }
    check("one that comes", sys(SYS_rt_sigtimedwait, set.address, 0, timeSpec(milliseconds: 20_000).address, 8))
    check("sender", text: reap(pid))
    check("wrong size", sys(SYS_rt_sigtimedwait, set.address, 0, 0, 4))
    let bad = Buffer(16)
    bad.store(2_000_000_000, at: 8)
    check("bad time", sys(SYS_rt_sigtimedwait, set.address, 0, bad.address, 8))
    ts_handle(SIGUSR1, counting, 0, 0)
    arrivals = 0
    sys(SYS_kill, me, Int(SIGUSR1))
    check("still blocked", arrivals)
    check("sigsuspend lets it in", sys(SYS_rt_sigsuspend, setOf(SIGUSR2).address, 8))
    check("handled", arrivals)
    sys(SYS_rt_sigprocmask, 0, 0, info.address, 8)
    check("mask restored", Int(info.load(UInt64.self, at: 0)))
    // ppoll swaps the mask for its duration only.
    sys(SYS_kill, me, Int(SIGUSR1))
    check("ppoll with a mask", sys(SYS_ppoll, 0, 0, timeSpec(milliseconds: 20_000).address, setOf().address, 8))
    check("handled", arrivals)
    sys(SYS_rt_sigprocmask, Int(SIG_SETMASK), setOf().address, 0, 8)
}

private func alarms() {
    ts_handle(SIGALRM, counting, 0, 0)
    arrivals = 0
    let interval = Buffer(32)
    let old = Buffer(32)
    interval.store(20_000, at: 24)
    check("setitimer", sys(SYS_setitimer, 0, interval.address, old.address))
    check("the alarm that was set before", old.load(Int.self, at: 16) > 50)
    check("pause", sys(SYS_pause))
    check("alarm came", arrivals)
    sys(SYS_getitimer, 0, old.address)
    check("one shot is over", old.load(Int.self, at: 16) + old.load(Int.self, at: 24))
    interval.store(5_000, at: 8)
    interval.store(5_000, at: 24)
    sys(SYS_setitimer, 0, interval.address, 0)
    while arrivals < 4 { sys(SYS_pause) }
    check("periodic alarms came", arrivals >= 4)
    interval.fill(0)
    sys(SYS_setitimer, 0, interval.address, 0)
    check("alarm", sys(SYS_alarm, 100))
    check("seconds of the alarm before", sys(SYS_alarm, 50))
    interval.store(2_000_000, at: 24)
    check("bad microseconds", sys(SYS_setitimer, 0, interval.address, 0))
    check("unknown timer", sys(SYS_setitimer, 9, interval.address, 0))
    ts_dispose(SIGALRM, 0)
    checkChild("alarm is not inherited") { sys(SYS_alarm, 0) == 0 ? 0 : 1 }
    sys(SYS_alarm, 90)
}

private func signalDescriptors() {
    let set = setOf(SIGUSR1, SIGCHLD)
    sys(SYS_rt_sigprocmask, Int(SIG_BLOCK), set.address, 0, 8)
    let fd = sys(SYS_signalfd4, -1, set.address, 8, Int(O_NONBLOCK | O_CLOEXEC))
    check("signalfd", fd)
    check("nothing", sys(SYS_read, fd, Buffer(128).address, 128))
    check("poll nothing", pollEvents(fd, POLLIN))
    sys(SYS_kill, sys(SYS_getpid), Int(SIGUSR1))
    check("poll", pollEvents(fd, POLLIN))
    check("short buffer", sys(SYS_read, fd, Buffer(64).address, 64))
    let info = Buffer(256)
    check("read", sys(SYS_read, fd, info.address, 256))
    check("number", Int(info.load(UInt32.self, at: 0)))
    check("sender is right", Int(info.load(UInt32.self, at: 12)) == sys(SYS_getpid))
    let pid = child { 8 }
    check("child", pollEvents(fd, POLLIN, milliseconds: 20_000))
    sys(SYS_read, fd, info.address, 128)
    check("child's signal", Int(info.load(UInt32.self, at: 0)))
    check("child's status", Int(info.load(Int32.self, at: 40)))
    check("reaped", text: reap(pid))
    check("new set", sys(SYS_signalfd4, fd, setOf(SIGUSR2).address, 8, 0))
    sys(SYS_kill, sys(SYS_getpid), Int(SIGUSR1))
    check("no longer in the set", sys(SYS_read, fd, info.address, 128))
    check("unknown flag", sys(SYS_signalfd4, -1, set.address, 8, 1))
    check("wrong size", sys(SYS_signalfd4, -1, set.address, 4, 0))
    check("of another kind", sys(SYS_signalfd4, 1, set.address, 8, 0))
    close(fd)
}
