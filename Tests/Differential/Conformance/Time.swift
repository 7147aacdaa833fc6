// Clocks and sleeping.

import CTestSystem
import TestCalls

private func time(_ seconds: Int, _ nanoseconds: Int) -> Buffer {
    let buffer = Buffer(16)
    buffer.store(seconds, at: 0)
    buffer.store(nanoseconds, at: 8)
    return buffer
}

func timeFamily() {
    clocks()
    sleeps()
    processorTime()
}

private func clocks() {
    for (name, id) in [
        ("real time", 0), ("monotonic", 1), ("process", 2), ("thread", 3), ("raw", 4), ("coarse real time", 5),
        ("coarse monotonic", 6), ("boot time", 7),
    ] {
        let buffer = Buffer(16)
        check("\(name)", sys(SYS_clock_gettime, id, buffer.address))
        check("\(name) nanoseconds are in range", (0..<1_000_000_000).contains(buffer.load(Int.self, at: 8)))
        check("\(name) resolution", sys(SYS_clock_getres, id, buffer.address))
        check("\(name) resolution is fine", buffer.load(Int.self, at: 0) == 0 && buffer.load(Int.self, at: 8) <= 10_000_000)
    }
    check("unknown", sys(SYS_clock_gettime, 77, Buffer(16).address))
    check("unknown resolution", sys(SYS_clock_getres, 77, Buffer(16).address))
    check("resolution without place", sys(SYS_clock_getres, 1, 0))
    var (last, backward) = (now(), 0)
    for _ in 0..<5000 {
        let moment = now()
        if moment < last { backward += 1 }
        last = moment
    }
    check("monotonic goes back", backward)
    let seconds = sys(SYS_time, 0)
    check("it is after 2020", seconds > 1_577_836_800)
    let day = Buffer(16)
    check("gettimeofday", sys(SYS_gettimeofday, day.address, 0))
    check("agrees with time", abs(day.load(Int.self, at: 0) - seconds) <= 2)
    check("agrees with the clock", abs(now(CLOCK_REALTIME) / 1_000_000_000 - seconds) <= 2)
    check("set without a clock", sys(SYS_clock_settime, 1, time(1, 0).address))
    check("set to a bad time", sys(SYS_clock_settime, 0, time(1, 1_000_000_000).address))
    check("set to a negative time", sys(SYS_clock_settime, 0, time(-1, 0).address))
    check("set by settimeofday to a bad time", sys(SYS_settimeofday, time(1, 1_000_000).address, 0))
    let own = Buffer(16)
    let processClock = ~sys(SYS_getpid) << 3 | 2
    check("own clock by number", sys(SYS_clock_gettime, processClock, own.address))
    check("it runs", own.load(Int.self, at: 0) + own.load(Int.self, at: 8) > 0)
    check("own thread's clock by number", sys(SYS_clock_gettime, ~sys(SYS_getpid) << 3 | 6, own.address))
    check("clock of nobody", sys(SYS_clock_gettime, ~999_999 << 3 | 2, own.address))
    check("clock of a descriptor", sys(SYS_clock_gettime, ~1 << 3 | 3, own.address))
}

private func sleeps() {
    for milliseconds in [1, 10, 30] {
        let before = now()
        check("sleep of \(milliseconds)", sys(SYS_nanosleep, time(0, milliseconds * 1_000_000).address, 0))
        check("long enough", now() - before >= milliseconds * 1_000_000)
    }
    check("no time", sys(SYS_nanosleep, time(0, 0).address, 0))
    check("bad nanoseconds", sys(SYS_nanosleep, time(0, 1_000_000_000).address, 0))
    check("negative nanoseconds", sys(SYS_nanosleep, time(0, -1).address, 0))
    check("negative seconds", sys(SYS_nanosleep, time(-1, 0).address, 0))
    let moment = now() + 20_000_000
    check("until a moment", sys(SYS_clock_nanosleep, 1, 1, time(moment / 1_000_000_000, moment % 1_000_000_000).address, 0))
    check("not before it", now() >= moment)
    check("until the past", sys(SYS_clock_nanosleep, 1, 1, time(0, 1).address, 0))
    check("relative", sys(SYS_clock_nanosleep, 0, 0, time(0, 1_000_000).address, 0))
    check("on an unknown clock", sys(SYS_clock_nanosleep, 77, 0, time(0, 1).address, 0))
    check("on the thread's clock", sys(SYS_clock_nanosleep, 3, 0, time(0, 1).address, 0))
    check("on the raw clock", sys(SYS_clock_nanosleep, 4, 0, time(0, 1).address, 0))
    check("on the coarse clock", sys(SYS_clock_nanosleep, 6, 0, time(0, 1).address, 0))
    check("on the boot clock", sys(SYS_clock_nanosleep, 7, 0, time(0, 1).address, 0))
    check("unknown flag", sys(SYS_clock_nanosleep, 1, 2, time(0, 1).address, 0))
    // Sleepers wake in the order of their times, not of their start.
    let (r, w) = pipe()
    var pids: [Int] = []
    for (mark, milliseconds): (StaticString, Int) in [("c", 240), ("a", 40), ("b", 140)] {
        pids.append(
            child {
                pause(milliseconds: milliseconds)
                write(w, mark)
                return 0
            })
    }
    for pid in pids { _ = reap(pid) }
    checkRead("order of waking", r)
    close(r)
    close(w)
}

private func processorTime() {
    let before = now(CLOCK_PROCESS_CPUTIME_ID)
    var sum = 0
    for index in 0..<3_000_000 { sum = sum &* 31 &+ index }
    let after = now(CLOCK_PROCESS_CPUTIME_ID)
    check("work costs time", after > before && sum != 1)
    // The best of some: an emulator that does not get its host's processor makes any instruction long.
    var least = Int.max
    for _ in 0..<5 {
        let start = now(CLOCK_PROCESS_CPUTIME_ID)
        pause(milliseconds: 20)
        least = min(least, now(CLOCK_PROCESS_CPUTIME_ID) - start)
    }
    check("sleep costs nearly none", least < 10_000_000)
    check("thread time", now(CLOCK_THREAD_CPUTIME_ID) <= now(CLOCK_PROCESS_CPUTIME_ID))
    let ticks = Buffer(32)
    check("times", sys(SYS_times, ticks.address) > 0)
    check("times are sane", ticks.load(Int.self, at: 0) >= 0 && ticks.load(Int.self, at: 16) >= 0)
}
