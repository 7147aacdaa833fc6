// Event counters and timers as descriptors.

import CTestSystem
import TestCalls

func countersFamily() {
    eventCounters()
    timers()
    timerErrors()
}

private func add(_ fd: Int, _ value: UInt64) -> Int {
    let buffer = Buffer(8)
    buffer.store(value, at: 0)
    return sys(SYS_write, fd, buffer.address, 8)
}

private func take(_ fd: Int) -> Int {
    let buffer = Buffer(8)
    let result = sys(SYS_read, fd, buffer.address, 8)
    return result < 0 ? result : Int(truncatingIfNeeded: buffer.load(UInt64.self, at: 0))
}

private func eventCounters() {
    let fd = sys(SYS_eventfd2, 3, nonBlocking | closeOnExec)
    check("create", fd)
    check("close-on-exec", sys(SYS_fcntl, fd, Int(F_GETFD)))
    check("poll", pollEvents(fd, POLLIN | POLLOUT))
    check("take", take(fd))
    check("take nothing", take(fd))
    check("poll empty", pollEvents(fd, POLLIN | POLLOUT))
    check("add", add(fd, 5))
    check("add", add(fd, 6))
    check("take the sum", take(fd))
    check("short read", sys(SYS_read, fd, Buffer(4).address, 4))
    check("short write", sys(SYS_write, fd, Buffer(4).address, 4))
    check("largest", add(fd, UInt64.max - 1))
    check("poll full", pollEvents(fd, POLLIN | POLLOUT))
    check("one more", add(fd, 1))
    check("not a value", add(fd, UInt64.max))
    check("take the largest", take(fd) == -2)
    check("add nothing", add(fd, 0))
    check("poll after nothing", pollEvents(fd, POLLIN))
    check("seek", sys(SYS_lseek, fd, 0, 0))
    close(fd)
    let semaphore = sys(SYS_eventfd2, 2, 1 | nonBlocking)
    check("semaphore", take(semaphore))
    check("semaphore", take(semaphore))
    check("semaphore", take(semaphore))
    close(semaphore)
    let blocking = sys(SYS_eventfd2, 0, 0)
    let pid = child {
        pause(milliseconds: 20); return add(blocking, 9) == 8 ? 0 : 1
    }
    check("wait for a child", take(blocking))
    check("child", text: reap(pid))
    close(blocking)
    check("unknown flag", sys(SYS_eventfd2, 0, 2))
    check("old call", sys(SYS_eventfd, 1))
    close(3)
}

private func set(_ fd: Int, first: Int, interval: Int = 0, flags: Int = 0, old: Buffer? = nil) -> Int {
    let value = Buffer(32)
    value.store(interval / 1_000_000_000, at: 0)
    value.store(interval % 1_000_000_000, at: 8)
    value.store(first / 1_000_000_000, at: 16)
    value.store(first % 1_000_000_000, at: 24)
    return sys(SYS_timerfd_settime, fd, flags, value.address, old?.address ?? 0)
}

private func timers() {
    let fd = sys(SYS_timerfd_create, Int(CLOCK_MONOTONIC), nonBlocking | closeOnExec)
    check("create", fd)
    check("unarmed", take(fd))
    check("poll unarmed", pollEvents(fd, POLLIN))
    let before = now()
    check("arm", set(fd, first: 20_000_000))
    check("not yet", take(fd))
    check("poll", pollEvents(fd, POLLIN, milliseconds: 20_000))
    check("not before its time", now() - before >= 20_000_000)
    check("expired once", take(fd))
    check("and no more", take(fd))
    check("periodic", set(fd, first: 10_000_000, interval: 5_000_000))
    pause(milliseconds: 60)
    check("several expirations", take(fd) >= 5)
    let current = Buffer(32)
    check("gettime", sys(SYS_timerfd_gettime, fd, current.address))
    check("interval", current.load(Int.self, at: 8))
    check("within the interval", current.load(Int.self, at: 24) <= 5_000_000)
    let old = Buffer(32)
    check("disarm", set(fd, first: 0, old: old))
    check("old interval", old.load(Int.self, at: 8))
    check("disarmed", pollEvents(fd, POLLIN, milliseconds: 20))
    check("absolute, past", set(fd, first: 1_000, flags: 1))
    check("expires at once", pollEvents(fd, POLLIN, milliseconds: 20_000))
    check("count", take(fd))
    check("absolute, future", set(fd, first: now() + 20_000_000, flags: 1))
    check("expires", pollEvents(fd, POLLIN, milliseconds: 20_000))
    check("arming again forgets", set(fd, first: 50_000_000_000))
    check("nothing", take(fd))
    let blocking = sys(SYS_timerfd_create, Int(CLOCK_REALTIME), 0)
    check("real time", set(blocking, first: 10_000_000))
    check("blocking", take(blocking))
    close(blocking)
    check("boot time", sys(SYS_timerfd_create, 7, 0))
    close(blocking)
    close(fd)
}

private func timerErrors() {
    check("unknown clock", sys(SYS_timerfd_create, 77, 0))
    check("unknown flag", sys(SYS_timerfd_create, 1, 1))
    let fd = sys(SYS_timerfd_create, 1, 0)
    check("unknown settime flag", set(fd, first: 1, flags: 0x100))
    let bad = Buffer(32)
    bad.store(1_000_000_000, at: 24)
    check("bad nanoseconds", sys(SYS_timerfd_settime, fd, 0, bad.address, 0))
    bad.store(-1, at: 24)
    check("negative nanoseconds", sys(SYS_timerfd_settime, fd, 0, bad.address, 0))
    check("value that faults", sys(SYS_timerfd_settime, fd, 0, forbiddenPage(), 0))
    check("not a timer", sys(SYS_timerfd_settime, 1, 0, Buffer(32).address, 0))
    check("gettime of nothing", sys(SYS_timerfd_gettime, 99, bad.address))
    check("write", sys(SYS_write, fd, Buffer(8).address, 8))
    check("short read", sys(SYS_read, fd, Buffer(4).address, 4))
    close(fd)
}
