// Signals: dispositions, masks, order, what handlers see, and what they leave untouched.

import CTestSystem
import TestCalls

nonisolated(unsafe) private var log: [UInt8] = []
nonisolated(unsafe) private var counter = 0

/// Notes the signal's number; the array has room, so nothing allocates in a handler.
private let noting: ts_handler = { number, _, _ in log.append(UInt8(number)) }

private func takeLog() -> String {
    var result = ""
    for number in log { result += result.isEmpty ? "\(number)" : " \(number)" }
    log.removeAll(keepingCapacity: true)
    return result
}

/// Blocks, unblocks or sets a mask of signals.
private func mask(_ how: Int32, _ numbers: [Int32]) {
    var bits: UInt64 = 0
    for number in numbers { bits |= 1 << UInt64(number - 1) }
    let buffer = Buffer(8)
    buffer.store(bits, at: 0)
    sys(SYS_rt_sigprocmask, Int(how), buffer.address, 0, 8)
}

private func signalSelf(_ number: Int32) { sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), Int(number)) }

func signalsFamily() {
    log.reserveCapacity(256)
    dispositions()
    masks()
    handlerRules()
    realTime()
    defaults()
    badArguments()
    childSignals()
    alternativeStack()
    mask(SIG_SETMASK, [])
}

private func dispositions() {
    ts_handle(SIGUSR1, noting, 0, 0)
    signalSelf(SIGUSR1)
    check("handled at once", text: takeLog())
    ts_dispose(SIGUSR1, 1)
    signalSelf(SIGUSR1)
    check("ignored", text: takeLog())
    checkChild("default") {
        ts_dispose(SIGUSR1, 0); signalSelf(SIGUSR1); return 0
    }
    ts_handle(SIGUSR1, noting, Int32(bitPattern: UInt32(SA_RESETHAND)), 0)
    signalSelf(SIGUSR1)
    check("reset after one", Int(ts_disposition(SIGUSR1)))
    check("it was handled", text: takeLog())
    check("kill handler", Int(ts_handle(SIGKILL, noting, 0, 0)))
    check("stop handler", Int(ts_handle(SIGSTOP, noting, 0, 0)))
    check("number 0", sys(SYS_rt_sigaction, 0, 0, 0, 8))
    check("number 65", sys(SYS_rt_sigaction, 65, 0, 0, 8))
    check("wrong set size", sys(SYS_rt_sigaction, Int(SIGUSR1), 0, 0, 4))
    check("disposition is inherited", text: reap(child { ts_disposition(SIGUSR1) }))
}

private func masks() {
    ts_handle(SIGUSR1, noting, 0, 0)
    ts_handle(SIGUSR2, noting, 0, 0)
    mask(SIG_BLOCK, [SIGUSR1, SIGUSR2])
    signalSelf(SIGUSR2)
    signalSelf(SIGUSR1)
    signalSelf(SIGUSR1)
    check("blocked", text: takeLog())
    let pending = Buffer(8)
    sys(SYS_rt_sigpending, pending.address, 8)
    check("pending", Int(pending.load(UInt64.self, at: 0)))
    checkChild("pending is not inherited") {
        sys(SYS_rt_sigpending, pending.address, 8)
        return pending.load(UInt64.self, at: 0) == 0 ? 0 : 1
    }
    mask(SIG_UNBLOCK, [SIGUSR2])
    check("one unblocked", text: takeLog())
    mask(SIG_SETMASK, [])
    check("once, however often sent", text: takeLog())
    mask(SIG_BLOCK, [SIGKILL, SIGSTOP, SIGTERM])
    sys(SYS_rt_sigprocmask, 0, 0, pending.address, 8)
    check("kill and stop cannot be blocked", Int(pending.load(UInt64.self, at: 0)))
    mask(SIG_SETMASK, [])
    check("unknown how", sys(SYS_rt_sigprocmask, 77, pending.address, 0, 8))
    check("unknown how without set", sys(SYS_rt_sigprocmask, 77, 0, pending.address, 8))
    check("wrong size", sys(SYS_rt_sigprocmask, 0, pending.address, 0, 16))
    // Becoming ignored drops what is pending.
    mask(SIG_BLOCK, [SIGUSR1])
    signalSelf(SIGUSR1)
    ts_dispose(SIGUSR1, 1)
    ts_handle(SIGUSR1, noting, 0, 0)
    mask(SIG_SETMASK, [])
    check("dropped by ignoring", text: takeLog())
}

private func handlerRules() {
    // In its own handler a signal is blocked; SA_NODEFER lifts that.
    ts_handle(
        SIGUSR1,
        { _, _, _ in
            counter += 1
            log.append(UInt8(counter))
            if counter < 3 { signalSelf(SIGUSR1) }
            log.append(UInt8(100 + counter))
        }, 0, 0)
    counter = 0
    signalSelf(SIGUSR1)
    check("deferred", text: takeLog())
    ts_handle(
        SIGUSR1,
        { _, _, _ in
            counter += 1
            let own = counter
            log.append(UInt8(own))
            if counter < 3 { signalSelf(SIGUSR1) }
            log.append(UInt8(100 + own))
        }, SA_NODEFER, 0)
    counter = 0
    signalSelf(SIGUSR1)
    check("nested", text: takeLog())
    ts_handle(
        SIGUSR1,
        { _, _, _ in
            signalSelf(SIGUSR2)
            log.append(1)
        }, 0, SIGUSR2)
    ts_handle(SIGUSR2, noting, 0, 0)
    signalSelf(SIGUSR1)
    check("mask of the handler", text: takeLog())
    ts_handle(
        SIGUSR1,
        { number, info, _ in
            log.append(UInt8(number))
            log.append(UInt8(truncatingIfNeeded: info!.pointee.si_signo))
            log.append(info!.pointee.si_code == -6 ? 1 : info!.pointee.si_code == 0 ? 2 : 3)
            log.append(Int(ts_info_pid(info)) == sys(SYS_getpid) ? 1 : 0)
        }, 0, 0)
    signalSelf(SIGUSR1)
    check("information of tgkill", text: takeLog())
    sys(SYS_kill, sys(SYS_getpid), Int(SIGUSR1))
    check("information of kill", text: takeLog())
    // Several at once: lower numbers first.
    ts_handle(SIGUSR1, noting, 0, 0)
    ts_handle(SIGTERM, noting, 0, 0)
    ts_handle(SIGHUP, noting, 0, 0)
    let several = [SIGUSR1, SIGTERM, SIGHUP]
    for each in several {
        // Handlers may not interrupt each other here, so that the order shows.
        ts_handle(each, { number, _, _ in log.append(UInt8(number)) }, 0, 0)
    }
    mask(SIG_BLOCK, several)
    for each in several { signalSelf(each) }
    mask(SIG_SETMASK, [])
    check("how many arrived", log.count)
    log.removeAll(keepingCapacity: true)
}

private func realTime() {
    let (low, high): (Int32, Int32) = (40, 45)
    for number in [low, high] {
        ts_handle(
            number,
            { number, info, _ in
                log.append(UInt8(number))
                log.append(UInt8(truncatingIfNeeded: ts_info_value(info)))
            }, 0, 0)
    }
    mask(SIG_BLOCK, [low, high])
    let info = Buffer(128)
    for value in 1...3 {
        for number in [high, low] {
            info.store(number, at: 0)
            info.store(Int32(-1), at: 8)
            info.store(Int32(sys(SYS_getpid)), at: 16)
            info.store(value, at: 24)
            sys(SYS_rt_sigqueueinfo, sys(SYS_getpid), Int(number), info.address)
        }
    }
    // One at a time, by waiting: the lowest number first, each number in its order.
    let set = Buffer(8)
    set.store(UInt64(1) << UInt64(low - 1) | UInt64(1) << UInt64(high - 1), at: 0)
    let zero = Buffer(16)
    for _ in 0..<7 {
        let got = sys(SYS_rt_sigtimedwait, set.address, info.address, zero.address, 8)
        emit("queued = \(outcome(got)) value \(got > 0 ? Int(info.load(Int32.self, at: 24)) : 0)")
    }
    mask(SIG_SETMASK, [])
    check("none left", text: takeLog())
    info.store(Int32(0), at: 8)
    check("pretending to be the kernel", sys(SYS_rt_sigqueueinfo, sys(SYS_getppid), Int(low), info.address) < 0)
}

private func defaults() {
    let ending: [(StaticString, Int32)] = [
        ("HUP", SIGHUP), ("INT", SIGINT), ("QUIT", SIGQUIT), ("ILL", SIGILL), ("TRAP", SIGTRAP), ("ABRT", SIGABRT),
        ("BUS", SIGBUS), ("FPE", SIGFPE), ("KILL", SIGKILL), ("USR1", SIGUSR1), ("SEGV", SIGSEGV), ("USR2", SIGUSR2),
        ("PIPE", SIGPIPE), ("ALRM", SIGALRM), ("TERM", SIGTERM), ("CHLD", SIGCHLD), ("CONT", SIGCONT), ("URG", SIGURG),
        ("XCPU", SIGXCPU), ("XFSZ", SIGXFSZ), ("VTALRM", SIGVTALRM), ("PROF", SIGPROF), ("WINCH", SIGWINCH),
        ("IO", SIGIO), ("PWR", SIGPWR), ("SYS", SIGSYS), ("real-time", 50),
    ]
    for (name, number) in ending {
        checkChild("default of \(name)") {
            for each in 1...31 where Int32(each) != SIGKILL && Int32(each) != SIGSTOP { ts_dispose(Int32(each), 0) }
            let limit = Buffer(16)
            sys(SYS_setrlimit, 4, limit.address)
            signalSelf(number)
            return 0
        }
    }
    for (name, number) in [("STOP", SIGSTOP), ("TSTP", SIGTSTP), ("TTIN", SIGTTIN), ("TTOU", SIGTTOU)] {
        // Not in an orphaned group, where the terminal's stops are ignored.
        let pid = child {
            sys(SYS_setpgid, 0, 0)
            signalSelf(number)
            return 4
        }
        sys(SYS_setpgid, pid, pid)
        check("default of \(name)", text: reap(pid, WUNTRACED))
        sys(SYS_kill, pid, Int(SIGCONT))
        check("then", text: reap(pid))
    }
    checkChild("signal to a process that handles it") {
        let me = sys(SYS_getpid)
        ts_handle(SIGTERM, { _, _, _ in sys(SYS_exit_group, 31) }, 0, 0)
        _ = reap(
            child {
                sys(SYS_kill, me, Int(SIGTERM)); return 0
            })
        for _ in 0..<500 { pause(milliseconds: 2) }
        return 0
    }
}

private func badArguments() {
    let me = sys(SYS_getpid)
    check("kill with number 65", sys(SYS_kill, me, 65))
    check("kill negative", sys(SYS_kill, me, -1))
    check("kill 0 asks", sys(SYS_kill, me, 0))
    check("kill nobody", sys(SYS_kill, 999_999, Int(SIGTERM)))
    check("tgkill of another group", sys(SYS_tgkill, 999_999, me, 0))
    check("tgkill with 0", sys(SYS_tgkill, 0, me, 0))
    check("tkill nobody", sys(SYS_tkill, 999_999, 0))
    check("tkill 0", sys(SYS_tkill, 0, 0))
}

private func childSignals() {
    ts_handle(
        SIGCHLD,
        { _, info, _ in
            log.append(UInt8(truncatingIfNeeded: info!.pointee.si_code))
            log.append(UInt8(truncatingIfNeeded: ts_info_status(info)))
        }, 0, 0)
    let pid = child { 12 }
    for _ in 0..<500 where log.isEmpty { pause(milliseconds: 2) }
    check("child ended", text: takeLog())
    check("reaped", text: reap(pid))
    let killed = child {
        pause(milliseconds: 20_000); return 0
    }
    sys(SYS_kill, killed, Int(SIGKILL))
    for _ in 0..<500 where log.isEmpty { pause(milliseconds: 2) }
    check("child killed", text: takeLog())
    check("reaped", text: reap(killed))
    ts_dispose(SIGCHLD, 1)
    let gone = child { 1 }
    check("ignored children leave nothing", text: reap(gone))
    ts_dispose(SIGCHLD, 0)
    check("default children do", text: reap(child { 1 }))
}

nonisolated(unsafe) private var stackStart = 0

private func alternativeStack() {
    let stack = Buffer(24)
    let memory = anonymous(32768)
    stackStart = memory
    stack.store(memory, at: 0)
    stack.store(32768, at: 16)
    check("set", sys(SYS_sigaltstack, stack.address, 0))
    ts_handle(
        SIGUSR1,
        { _, _, _ in
            let pointer = Int(ts_stack_pointer())
            log.append(pointer >= stackStart && pointer < stackStart + 32768 ? 1 : 0)
            let inside = Buffer(24)
            sys(SYS_sigaltstack, 0, inside.address)
            log.append(UInt8(truncatingIfNeeded: inside.load(Int32.self, at: 8)))
            log.append(UInt8(truncatingIfNeeded: -sys(SYS_sigaltstack, inside.address, 0)))
        }, SA_ONSTACK, 0)
    signalSelf(SIGUSR1)
    check("on it, its flags, changing it", text: takeLog())
    ts_handle(
        SIGUSR1,
        { _, _, _ in
            let pointer = Int(ts_stack_pointer())
            log.append(pointer >= stackStart && pointer < stackStart + 32768 ? 1 : 0)
        }, 0, 0)
    signalSelf(SIGUSR1)
    check("not asked for", text: takeLog())
    stack.store(100, at: 16)
    check("too small", sys(SYS_sigaltstack, stack.address, 0))
    stack.store(Int32(77), at: 8)
    check("unknown flags", sys(SYS_sigaltstack, stack.address, 0))
    stack.store(Int32(2), at: 8)
    check("disable", sys(SYS_sigaltstack, stack.address, 0))
}
