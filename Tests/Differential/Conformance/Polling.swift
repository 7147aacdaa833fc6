// Waiting for several descriptors: poll, ppoll, select, epoll.

import CTestSystem
import TestCalls

private func entries(_ list: [(fd: Int, events: Int32)]) -> Buffer {
    let buffer = Buffer(max(8, 8 * list.count))
    for (index, entry) in list.enumerated() {
        buffer.store(Int32(entry.fd), at: 8 * index)
        buffer.store(Int16(entry.events), at: 8 * index + 4)
    }
    return buffer
}

private func results(_ buffer: Buffer, _ count: Int) -> String {
    var text = ""
    for index in 0..<count { text += (index == 0 ? "" : " ") + "\(buffer.load(Int16.self, at: 8 * index + 6))" }
    return text
}

private func time(milliseconds: Int) -> Buffer {
    let buffer = Buffer(16)
    buffer.store(milliseconds / 1000, at: 0)
    buffer.store(milliseconds % 1000 * 1_000_000, at: 8)
    return buffer
}

func pollingFamily() {
    polls()
    waits()
    selects()
}

private func polls() {
    let (r, w) = pipe()
    let set = entries([(r, POLLIN), (w, POLLOUT), (99, POLLIN), (-5, POLLIN)])
    check("poll four", sys(SYS_poll, set.address, 4, 0))
    check("events", text: results(set, 4))
    write(w, "x")
    check("poll again", sys(SYS_poll, set.address, 4, 0))
    check("events", text: results(set, 4))
    let file = open("f", O_CREAT | O_RDWR)
    let other = entries([(file, POLLIN | POLLOUT | POLLPRI), (file, 0)])
    check("a file", sys(SYS_poll, other.address, 2, 0))
    check("events", text: results(other, 2))
    check("none", sys(SYS_poll, 0, 0, 0))
    check("bad place", sys(SYS_poll, forbiddenPage(), 1, 0))
    check("too many", sys(SYS_poll, set.address, 1 << 31, 0))
    check("same twice", sys(SYS_poll, entries([(r, POLLIN), (r, POLLIN)]).address, 2, 0))
    for fd in [r, w, file] { close(fd) }
}

private func waits() {
    let before = now()
    check("time-out", sys(SYS_poll, 0, 0, 30))
    check("waited long enough", now() - before >= 30_000_000)
    let (r, w) = pipe()
    let pid = child {
        pause(milliseconds: 20); write(w, "x"); pause(milliseconds: 20); return 0
    }
    close(w)
    check("wakes for data", pollEvents(r, POLLIN, milliseconds: 20_000))
    _ = read(r, 1)
    check("wakes for the end", pollEvents(r, POLLIN, milliseconds: 20_000))
    check("writer", text: reap(pid))
    close(r)
    let left = time(milliseconds: 10)
    check("ppoll", sys(SYS_ppoll, 0, 0, left.address, 0, 8))
    check("ppoll counts down", left.load(Int.self, at: 0) + left.load(Int.self, at: 8))
    let (early, writer) = pipe()
    write(writer, "x")
    let long = time(milliseconds: 30_000)
    check("ppoll that ends at once", sys(SYS_ppoll, entries([(early, POLLIN)]).address, 1, long.address, 0, 8))
    check("most of the time is left", long.load(Int.self, at: 0) == 29 && long.load(Int.self, at: 8) < 1_000_000_000)
    check("no time", sys(SYS_ppoll, 0, 0, Buffer(16).address, 0, 8))
    close(early)
    close(writer)
    let bad = Buffer(16)
    bad.store(-1, at: 8)
    check("ppoll bad time", sys(SYS_ppoll, 0, 0, bad.address, 0, 8))
    check("ppoll bad set size", sys(SYS_ppoll, 0, 0, time(milliseconds: 1).address, Buffer(8).address, 3))
    // Two waiters on one pipe both see it.
    let (a, b) = pipe()
    let pids = (0..<2).map { _ in child { Int32(pollEvents(a, POLLIN, milliseconds: 20_000)) } }
    pause(milliseconds: 20)
    write(b, "x")
    for pid in pids { check("waiter", text: reap(pid)) }
    close(a)
    close(b)
}

private func selects() {
    let (r, w) = pipe()
    let (reading, writing) = (Buffer(128), Buffer(128))
    func set() {
        reading.fill(0)
        writing.fill(0)
        reading[r / 8] = 1 << UInt8(r % 8)
        writing[w / 8] = 1 << UInt8(w % 8)
    }
    set()
    let zero = Buffer(16)
    check("select", sys(SYS_select, w + 1, reading.address, writing.address, 0, zero.address))
    emit("sets = \(reading[0]) \(writing[0])")
    write(w, "x")
    set()
    check("select with data", sys(SYS_select, w + 1, reading.address, writing.address, 0, zero.address))
    emit("sets = \(reading[0]) \(writing[0])")
    set()
    check("count leaves the second out", sys(SYS_select, w, reading.address, writing.address, 0, zero.address))
    set()
    close(w)
    check("closed descriptor", sys(SYS_select, w + 1, reading.address, writing.address, 0, zero.address))
    check("negative count", sys(SYS_select, -1, 0, 0, 0, zero.address))
    let short = Buffer(16)
    short.store(20_000, at: 8)
    let before = now()
    check("select as a sleep", sys(SYS_select, 0, 0, 0, 0, short.address))
    check("waited long enough", now() - before >= 20_000_000)
    check("time is used up", short.load(Int.self, at: 0) + short.load(Int.self, at: 8))
    set()
    check("pselect", sys(SYS_pselect6, r + 1, reading.address, 0, 0, time(milliseconds: 10).address, 0))
    close(r)
}

// MARK: epoll

private let (add, remove, modify) = (1, 2, 3)
private let (edge, oneShot): (UInt32, UInt32) = (1 << 31, 1 << 30)

private func control(_ epoll: Int, _ operation: Int, _ fd: Int, _ events: UInt32, data: UInt64 = 0) -> Int {
    let event = Buffer(12)
    event.store(events, at: 0)
    event.store(data, at: 4)
    return sys(SYS_epoll_ctl, epoll, operation, fd, event.address)
}

/// Waits and prints the events with their data, in the order of the data.
private func checkWait(_ name: String, _ epoll: Int, milliseconds: Int = 0, maximum: Int = 16) {
    let buffer = Buffer(12 * 16)
    let count = sys(SYS_epoll_wait, epoll, buffer.address, maximum, milliseconds)
    if count < 0 { return check(name, count) }
    var found: [(data: UInt64, events: UInt32)] = []
    for index in 0..<count {
        found.append((buffer.load(UInt64.self, at: 12 * index + 4), buffer.load(UInt32.self, at: 12 * index)))
    }
    found.sort { $0.data < $1.data }
    var text = "\(name) = \(count)"
    for event in found { text += " [\(event.data): \(hexadecimal(UInt(event.events)))]" }
    emit(text)
}

func epollFamily() {
    epollBasics()
    epollModes()
    epollLifetimes()
    epollErrors()
    nested()
}

private func epollBasics() {
    let epoll = sys(SYS_epoll_create1, 0x80000)
    check("create", epoll)
    check("close-on-exec", sys(SYS_fcntl, epoll, Int(F_GETFD)))
    let (r, w) = pipe()
    check("add reader", control(epoll, add, r, 1, data: 10))
    check("add writer", control(epoll, add, w, 4, data: 20))
    checkWait("wait", epoll)
    write(w, "x")
    checkWait("with data", epoll)
    checkWait("level triggered", epoll)
    checkWait("at most one", epoll, maximum: 1)
    check("modify", control(epoll, modify, w, 0, data: 21))
    checkWait("after modify", epoll)
    check("remove", control(epoll, remove, r, 0))
    checkWait("after remove", epoll)
    close(r)
    checkWait("errors always show", epoll)
    check("poll of the epoll", pollEvents(epoll, POLLIN))
    close(w)
    checkWait("closed leaves the set", epoll)
    close(epoll)
    let (a, b) = socketPair()
    let second = sys(SYS_epoll_create, 1)
    _ = control(second, add, a, 1 | 0x2000, data: 1)
    let pid = child {
        pause(milliseconds: 20); write(b, "y"); return 0
    }
    checkWait("blocks until data", second, milliseconds: 20_000)
    check("sender", text: reap(pid))
    close(b)
    checkWait("peer closed", second)
    close(a)
    close(second)
    let empty = sys(SYS_epoll_create1, 0)
    let before = now()
    checkWait("time-out", empty, milliseconds: 20)
    check("waited long enough", now() - before >= 20_000_000)
    close(empty)
}

private func epollModes() {
    let epoll = sys(SYS_epoll_create1, 0)
    let (r, w) = pipe(O_NONBLOCK)
    _ = control(epoll, add, r, 1 | edge, data: 1)
    checkWait("edge, nothing yet", epoll)
    write(w, "a")
    checkWait("edge", epoll)
    checkWait("edge, only once", epoll)
    write(w, "b")
    checkWait("edge, more data", epoll)
    _ = read(r)
    checkWait("edge, after reading", epoll)
    write(w, "c")
    checkWait("edge, again", epoll)
    check("to one shot", control(epoll, modify, r, 1 | oneShot, data: 2))
    checkWait("one shot", epoll)
    checkWait("one shot is over", epoll)
    write(w, "d")
    checkWait("still over", epoll)
    check("armed again", control(epoll, modify, r, 1 | oneShot, data: 3))
    checkWait("once more", epoll)
    for fd in [r, w, epoll] { close(fd) }
}

private func epollLifetimes() {
    let epoll = sys(SYS_epoll_create1, 0)
    let (r, w) = pipe()
    _ = control(epoll, add, r, 1, data: 7)
    let copy = sys(SYS_dup, r)
    write(w, "x")
    close(r)
    checkWait("a copy keeps it in the set", epoll)
    check("the old number is not in it", control(epoll, remove, r, 0))
    close(copy)
    checkWait("gone with the last copy", epoll)
    close(w)
    let (a, b) = pipe()
    _ = control(epoll, add, a, 1, data: 8)
    let other = sys(SYS_dup, a)
    check("a copy is another entry", control(epoll, add, other, 1, data: 9))
    write(b, "x")
    checkWait("both", epoll)
    let pid = child { control(epoll, remove, a, 0) == 0 ? 0 : 1 }
    check("a child shares the set", text: reap(pid))
    checkWait("after the child removed one", epoll)
    for fd in [a, b, other, epoll] { close(fd) }
}

private func epollErrors() {
    let epoll = sys(SYS_epoll_create1, 0)
    let (r, w) = pipe()
    check("unknown flag", sys(SYS_epoll_create1, 1))
    check("size 0", sys(SYS_epoll_create, 0))
    check("add", control(epoll, add, r, 1))
    check("add twice", control(epoll, add, r, 1))
    check("modify what is not there", control(epoll, modify, w, 1))
    check("remove what is not there", control(epoll, remove, w, 1))
    check("bad descriptor", control(epoll, add, 99, 1))
    check("bad epoll", control(99, add, r, 1))
    check("not an epoll", control(r, add, w, 1))
    check("itself", control(epoll, add, epoll, 1))
    check("unknown operation", control(epoll, 77, r, 1))
    check("event that faults", sys(SYS_epoll_ctl, epoll, add, w, forbiddenPage()))
    let file = open("f", O_CREAT | O_RDWR)
    check("a file", control(epoll, add, file, 1))
    check("a folder", control(epoll, add, open(".", O_RDONLY), 1))
    check("no room", sys(SYS_epoll_wait, epoll, Buffer(12).address, 0, 0))
    check("negative room", sys(SYS_epoll_wait, epoll, Buffer(12).address, -1, 0))
    check("wait on a pipe", sys(SYS_epoll_wait, r, Buffer(12).address, 1, 0))
    write(w, "x")
    check("events that fault", sys(SYS_epoll_wait, epoll, forbiddenPage(), 1, 0))
    check("read", read(epoll).result)
    for fd in 3..<9 { close(fd) }
}

private func nested() {
    let (outer, inner) = (sys(SYS_epoll_create1, 0), sys(SYS_epoll_create1, 0))
    let (r, w) = pipe()
    check("epoll in epoll", control(outer, add, inner, 1, data: 5))
    check("inner entry", control(inner, add, r, 1, data: 6))
    checkWait("quiet", outer)
    let pid = child {
        pause(milliseconds: 20); write(w, "x"); return 0
    }
    checkWait("wakes through both", outer, milliseconds: 20_000)
    checkWait("inner", inner)
    check("writer", text: reap(pid))
    check("a circle", control(inner, add, outer, 1))
    for fd in [outer, inner, r, w] { close(fd) }
    let third = sys(SYS_epoll_create1, 0)
    let eventful = sys(SYS_eventfd2, 0, 0)
    _ = control(third, add, eventful, 1 | 4, data: 1)
    let mask = Buffer(8)
    let buffer = Buffer(24)
    check("epoll_pwait", sys(SYS_epoll_pwait, third, buffer.address, 2, 0, mask.address, 8))
    check("epoll_pwait with a wrong mask size", sys(SYS_epoll_pwait, third, buffer.address, 2, 0, mask.address, 5))
    close(third)
    close(eventful)
}
