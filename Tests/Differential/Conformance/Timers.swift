// Timers that send signals, interval timers of processor time, and the calls that steer the clock.

import CTestSystem
import TestCalls

private func specification(_ value: Int, every interval: Int = 0) -> Buffer {
    let buffer = Buffer(32)
    buffer.store(interval / 1_000_000_000, at: 0)
    buffer.store(interval % 1_000_000_000, at: 8)
    buffer.store(value / 1_000_000_000, at: 16)
    buffer.store(value % 1_000_000_000, at: 24)
    return buffer
}

private func remaining(_ buffer: Buffer) -> Int { buffer.load(Int.self, at: 16) * 1_000_000_000 + buffer.load(Int.self, at: 24) }

/// `struct sigevent`.
private func event(_ kind: Int32, signal: Int32 = SIGUSR1, value: Int = 0, thread: Int = 0) -> Buffer {
    let buffer = Buffer(64)
    buffer.store(value, at: 0)
    buffer.store(signal, at: 8)
    buffer.store(kind, at: 12)
    buffer.store(Int32(thread), at: 16)
    return buffer
}

private func create(_ clock: Int, _ event: Buffer?, _ place: Buffer) -> Int {
    sys(SYS_timer_create, clock, event?.address ?? 0, place.address)
}

nonisolated(unsafe) private var seen = UnsafeMutablePointer<Int32>.allocate(capacity: 8)

func timersFamily() {
    for index in 0..<8 { ts_store(seen + index, 0) }
    creation()
    expiry()
    periods()
    processorTimers()
    intervals()
    steering()
    numbers()
}

private func creation() {
    let place = Buffer(8)
    for clock in [0, 1, 2, 3, 7, 11] {
        check("timer by clock \(clock)", create(clock, event(1), place))
        check("delete", sys(SYS_timer_delete, Int(place.load(Int32.self, at: 0))))
    }
    for clock in [4, 5, 6, 10, 12, 77] { check("timer by clock \(clock)", create(clock, event(1), place)) }
    check("by a process that is not there", create(~999_999 << 3 | 2, event(1), place))
    check("by the own process", create(~sys(SYS_getpid) << 3 | 2, event(1), place))
    check("delete", sys(SYS_timer_delete, Int(place.load(Int32.self, at: 0))))
    check("signal 0", create(1, event(0, signal: 0), place))
    check("signal 65", create(1, event(0, signal: 65), place))
    check("signal 0 that is not sent", create(1, event(1, signal: 0), place))
    check("delete", sys(SYS_timer_delete, Int(place.load(Int32.self, at: 0))))
    check("unknown notification", create(1, event(9), place))
    check("to a thread that is not there", create(1, event(4, thread: 999_999), place))
    check("bad event", sys(SYS_timer_create, 1, 8, place.address))
    check("bad place", sys(SYS_timer_create, 1, event(1).address, 8))
    check("delete nothing", sys(SYS_timer_delete, 4711))
    check("set nothing", sys(SYS_timer_settime, 4711, 0, specification(1).address, 0))
    check("read nothing", sys(SYS_timer_gettime, 4711, place.address))
    check("overrun of nothing", sys(SYS_timer_getoverrun, 4711))
    check("timer", create(1, event(1), place))
    let id = Int(place.load(Int32.self, at: 0))
    check("set without value", sys(SYS_timer_settime, id, 0, 0, 0))
    check("set from nowhere", sys(SYS_timer_settime, id, 0, 8, 0))
    check("set to bad nanoseconds", sys(SYS_timer_settime, id, 0, specificationWithNanoseconds(1_000_000_000).address, 0))
    check("set to negative nanoseconds", sys(SYS_timer_settime, id, 0, specificationWithNanoseconds(-1).address, 0))
    let old = Buffer(32)
    check("set", sys(SYS_timer_settime, id, 0, specification(5_000_000_000, every: 2_000_000_000).address, old.address))
    check("was not set", remaining(old))
    check("read", sys(SYS_timer_gettime, id, old.address))
    check("nearly all is left", remaining(old) > 4_000_000_000 && remaining(old) <= 5_000_000_000)
    check("period", old.load(Int.self, at: 0))
    check("read to nowhere", sys(SYS_timer_gettime, id, 8))
    check("switch off", sys(SYS_timer_settime, id, 0, specification(0, every: 7_000_000).address, old.address))
    check("something was left", remaining(old) > 4_000_000_000)
    check("read", sys(SYS_timer_gettime, id, old.address))
    check("delete", sys(SYS_timer_delete, id))
    check("again", sys(SYS_timer_delete, id))
    // A child has no timers.
    check("timer", create(1, event(1), place))
    let kept = Int(place.load(Int32.self, at: 0))
    checkChild("in a child") { Int32(sys(SYS_timer_gettime, kept, old.address) == -Int(EINVAL) ? 0 : 1) }
    check("delete", sys(SYS_timer_delete, kept))
}

private func specificationWithNanoseconds(_ nanoseconds: Int) -> Buffer {
    let buffer = Buffer(32)
    buffer.store(nanoseconds, at: 24)
    return buffer
}

private func expiry() {
    ts_handle(
        SIGUSR1,
        { number, info, _ in
            ts_store(seen + 1, info!.pointee.si_code)
            ts_store(seen + 2, ts_info_value(info))
            ts_store(seen + 3, Int32(sys(SYS_gettid) == sys(SYS_getpid) ? 1 : 2))
            ts_add(seen, 1)
        }, 0, 0)
    let place = Buffer(8)
    check("timer", create(1, event(0, value: 1234), place))
    let id = Int(place.load(Int32.self, at: 0))
    let start = now()
    check("set", sys(SYS_timer_settime, id, 0, specification(30_000_000).address, 0))
    while ts_load(seen) == 0 && now() - start < 5_000_000_000 { pause(milliseconds: 100) }
    check("it came once", Int(ts_load(seen)))
    check("not too early", now() - start >= 30_000_000)
    check("code", Int(ts_load(seen + 1)))
    check("value", Int(ts_load(seen + 2)))
    let old = Buffer(32)
    check("read", sys(SYS_timer_gettime, id, old.address))
    check("over", remaining(old))
    check("overrun", sys(SYS_timer_getoverrun, id))
    // A moment of the clock, first to come, then past.
    let moment = now() + 20_000_000
    check("set to a moment", sys(SYS_timer_settime, id, 1, specification(moment).address, 0))
    while ts_load(seen) < 2 && now() - moment < 5_000_000_000 { pause(milliseconds: 50) }
    check("it came again", Int(ts_load(seen)))
    check("not before", now() >= moment)
    check("set to the past", sys(SYS_timer_settime, id, 1, specification(1).address, 0))
    while ts_load(seen) < 3 && now() - moment < 5_000_000_000 { pause(milliseconds: 10) }
    check("it came at once", Int(ts_load(seen)))
    check("delete", sys(SYS_timer_delete, id))
    check("timer of the time of day", create(0, event(0, value: 5), place))
    let day = Int(place.load(Int32.self, at: 0))
    check("set", sys(SYS_timer_settime, day, 1, specification(now(CLOCK_REALTIME) + 10_000_000).address, 0))
    let second = now()
    while ts_load(seen) < 4 && now() - second < 5_000_000_000 { pause(milliseconds: 30) }
    check("it came", Int(ts_load(seen)))
    check("value", Int(ts_load(seen + 2)))
    check("delete", sys(SYS_timer_delete, day))
    // To a thread: this one.
    check("timer to a thread", create(1, event(4, value: 9, thread: sys(SYS_gettid)), place))
    let own = Int(place.load(Int32.self, at: 0))
    check("set", sys(SYS_timer_settime, own, 0, specification(5_000_000).address, 0))
    while ts_load(seen) < 5 && now() - second < 9_000_000_000 { pause(milliseconds: 30) }
    check("it came to it", ts_load(seen) == 5 && ts_load(seen + 3) == 1)
    check("delete", sys(SYS_timer_delete, own))
    // Without a signal only the time passes.
    check("silent timer", create(1, event(1), place))
    let silent = Int(place.load(Int32.self, at: 0))
    check("set", sys(SYS_timer_settime, silent, 0, specification(2_000_000).address, 0))
    pause(milliseconds: 20)
    check("read", sys(SYS_timer_gettime, silent, old.address))
    check("over", remaining(old))
    check("no signal", Int(ts_load(seen)))
    check("delete", sys(SYS_timer_delete, silent))
    ts_dispose(SIGUSR1, 0)
}

private func periods() {
    // Blocked, the signal of a periodic timer comes once, and tells what was missed.
    let mask = Buffer(8)
    mask.store(UInt64(1) << UInt64(SIGUSR2 - 1), at: 0)
    sys(SYS_rt_sigprocmask, Int(SIG_BLOCK), mask.address, 0, 8)
    let (place, info, wait) = (Buffer(8), Buffer(128), Buffer(16))
    check("timer", create(1, event(0, signal: SIGUSR2, value: 77), place))
    let id = Int(place.load(Int32.self, at: 0))
    check("set", sys(SYS_timer_settime, id, 0, specification(1_000_000, every: 1_000_000).address, 0))
    pause(milliseconds: 60)
    wait.store(5, at: 0)
    check("wait", sys(SYS_rt_sigtimedwait, mask.address, info.address, wait.address, 8))
    check("number and code", Int(info.load(Int32.self, at: 0)) * 1000 + Int(info.load(Int32.self, at: 8)))
    check("timer's number", Int(info.load(Int32.self, at: 16)) == id)
    check("many were missed", (40...10_000).contains(Int(info.load(Int32.self, at: 20))))
    check("the same by call", sys(SYS_timer_getoverrun, id) == Int(info.load(Int32.self, at: 20)))
    check("value", info.load(Int.self, at: 24))
    check("next", sys(SYS_rt_sigtimedwait, mask.address, info.address, wait.address, 8))
    check("few were missed", Int(info.load(Int32.self, at: 20)) < 40)
    check("delete", sys(SYS_timer_delete, id))
    // Two timers of one signal both come.
    check("first", create(1, event(0, signal: SIGUSR2, value: 1), place))
    let first = Int(place.load(Int32.self, at: 0))
    check("second", create(1, event(0, signal: SIGUSR2, value: 2), place))
    let second = Int(place.load(Int32.self, at: 0))
    sys(SYS_timer_settime, first, 0, specification(1_000_000).address, 0)
    sys(SYS_timer_settime, second, 0, specification(9_000_000).address, 0)
    pause(milliseconds: 40)
    for _ in 0..<2 {
        check("wait", sys(SYS_rt_sigtimedwait, mask.address, info.address, wait.address, 8))
        check("value", info.load(Int.self, at: 24))
    }
    check("delete", sys(SYS_timer_delete, first))
    check("delete", sys(SYS_timer_delete, second))
    sys(SYS_rt_sigprocmask, Int(SIG_UNBLOCK), mask.address, 0, 8)
}

private func work(_ nanoseconds: Int) {
    let start = now(CLOCK_PROCESS_CPUTIME_ID)
    while now(CLOCK_PROCESS_CPUTIME_ID) - start < nanoseconds {
        // Mostly the program's own time, not the kernel's; atomic, so that the compiler leaves it in.
        for _ in 0..<100_000 { ts_add(seen + 7, 1) }
    }
}

private func processorTimers() {
    ts_store(seen, 0)
    ts_handle(SIGUSR1, { _, _, _ in ts_add(seen, 1) }, 0, 0)
    let (place, old) = (Buffer(8), Buffer(32))
    for clock in [2, 3] {
        check("timer of clock \(clock)", create(clock, event(0), place))
        let id = Int(place.load(Int32.self, at: 0))
        ts_store(seen, 0)
        check("set", sys(SYS_timer_settime, id, 0, specification(40_000_000).address, 0))
        pause(milliseconds: 120)
        check("sleep does not count", Int(ts_load(seen)))
        check("read", sys(SYS_timer_gettime, id, old.address))
        check("something is left", remaining(old) > 0 && remaining(old) <= 40_000_000)
        work(300_000_000)
        check("work counts", Int(ts_load(seen)))
        check("delete", sys(SYS_timer_delete, id))
    }
    ts_dispose(SIGUSR1, 0)
}

private func intervals() {
    ts_handle(SIGVTALRM, { _, _, _ in ts_add(seen + 4, 1) }, 0, 0)
    ts_handle(SIGPROF, { _, _, _ in ts_add(seen + 5, 1) }, 0, 0)
    let (interval, old) = (Buffer(32), Buffer(32))
    interval.store(20_000, at: 8)
    interval.store(20_000, at: 24)
    for kind in [1, 2] {
        check("set \(kind)", sys(SYS_setitimer, kind, interval.address, 0))
        pause(milliseconds: 60)
        check("sleep does not count", Int(ts_load(seen + 3 + kind)))
        work(400_000_000)
        let count = Int(ts_load(seen + 3 + kind))
        check("work counts", count >= 3 && count <= 22)
        check("read \(kind)", sys(SYS_getitimer, kind, old.address))
        check("period", old.load(Int.self, at: 8))
        check("switch off", sys(SYS_setitimer, kind, 0, old.address))
        check("period", old.load(Int.self, at: 8))
        check("read \(kind)", sys(SYS_getitimer, kind, old.address))
        check("nothing is left", old.load(Int.self, at: 16) + old.load(Int.self, at: 24))
    }
    check("unknown kind", sys(SYS_setitimer, 3, interval.address, 0))
    check("unknown kind", sys(SYS_getitimer, -1, old.address))
    interval.store(1_000_000, at: 24)
    check("bad microseconds", sys(SYS_setitimer, 1, interval.address, 0))
    ts_dispose(SIGVTALRM, 0)
    ts_dispose(SIGPROF, 0)
}

/// Only what changes nothing: the clock is this machine's too.
private func steering() {
    let timex = Buffer(208)
    checkSuccess("read", sys(SYS_adjtimex, timex.address))
    check("tick", timex.load(Int.self, at: 88))
    check("tolerance", timex.load(Int.self, at: 64))
    check("it tells the time", abs(timex.load(Int.self, at: 72) - sys(SYS_time, 0)) <= 2)
    check("to nowhere", sys(SYS_adjtimex, 8))
    timex.fill(0)
    timex.store(UInt32(0x4000), at: 0)
    timex.store(1, at: 88)
    check("impossible tick", sys(SYS_adjtimex, timex.address))
    timex.fill(0)
    timex.store(UInt32(0x8000), at: 0)
    check("adjtime without an offset", sys(SYS_adjtimex, timex.address))
    timex.store(UInt32(0xa001), at: 0)
    checkSuccess("what is left of adjtime", sys(SYS_adjtimex, timex.address))
    timex.fill(0)
    timex.store(UInt32(0x100), at: 0)
    timex.store(2_000_000, at: 80)
    check("impossible offset", sys(SYS_adjtimex, timex.address))
    timex.fill(0)
    checkSuccess("read by number", sys(SYS_clock_adjtime, 0, timex.address))
    check("of another clock", sys(SYS_clock_adjtime, 1, timex.address))
    check("of an unknown clock", sys(SYS_clock_adjtime, 77, timex.address))
    checkChild("without the right") {
        sys(SYS_setresuid, 1000, 1000, 1000)
        let own = Buffer(208)
        if sys(SYS_adjtimex, own.address) < 0 { return 1 }
        own.fill(0)
        own.store(UInt32(2), at: 0)
        return Int32(-sys(SYS_adjtimex, own.address))
    }
}

/// Clocks of other processes and threads, by number.
private func numbers() {
    let time = Buffer(16)
    let (r, w) = pipe()
    let pid = child {
        // By its own clocks: those that count ticks see little of a short time on a busy machine.
        let own = Buffer(16)
        func used(_ kind: Int) -> Int {
            sys(SYS_clock_gettime, ~0 << 3 | kind, own.address)
            return own.load(Int.self, at: 0) * 1_000_000_000 + own.load(Int.self, at: 8)
        }
        for _ in 0..<100 where min(used(0), used(1), used(2)) < 30_000_000 { work(10_000_000) }
        write(w, "x")
        pause(milliseconds: 3000)
        return 0
    }
    _ = read(r, 1)
    for (name, kind) in [("profile", 0), ("virtual", 1), ("scheduler", 2)] {
        check("\(name) clock of a child", sys(SYS_clock_gettime, ~pid << 3 | kind, time.address))
        let used = time.load(Int.self, at: 0) * 1_000_000_000 + time.load(Int.self, at: 8)
        check("it has worked", used > 10_000_000 && used < 2_000_000_000)
    }
    check("as a thread's", sys(SYS_clock_gettime, ~pid << 3 | 6, time.address))
    check("resolution", sys(SYS_clock_getres, ~pid << 3 | 2, time.address))
    check("set", sys(SYS_clock_settime, ~pid << 3 | 2, time.address))
    sys(SYS_kill, pid, Int(SIGKILL))
    _ = reap(pid)
    check("after its end", sys(SYS_clock_gettime, ~pid << 3 | 2, time.address))
    check("fourth kind", sys(SYS_clock_gettime, ~sys(SYS_getpid) << 3 | 3, time.address))
    close(r)
    close(w)
    time.fill(0)
    time.store(2_000_000, at: 8)
    check("sleep by own processor time", sys(SYS_clock_nanosleep, ~sys(SYS_gettid) << 3 | 6, 0, time.address, 0))
    check("sleep by atomic time", sys(SYS_clock_nanosleep, 11, 0, time.address, 0))
}
