// Unix sockets: pairs, messages, shutting down, names and listening.

import CTestSystem
import TestCalls

/// Socket kinds and flags by value, for glibc and musl declare them differently.
let (stream, datagram, sequenced) = (1, 2, 5)
let (nonBlocking, closeOnExec) = (0o4000, 0o2000000)

func socketPair(_ kind: Int = stream) -> (Int, Int) { pair { sys(SYS_socketpair, Int(AF_UNIX), kind, 0, $0) } }

func send(_ fd: Int, _ constant: StaticString, _ flags: Int = 0) -> Int {
    sys(SYS_sendto, fd, text(constant), constant.utf8CodeUnitCount, flags, 0, 0)
}

func receive(_ fd: Int, _ count: Int, _ flags: Int = 0) -> (result: Int, bytes: [UInt8]) {
    let buffer = Buffer(count)
    let result = sys(SYS_recvfrom, fd, buffer.address, count, flags, 0, 0)
    return (result, buffer.bytes(min(result, count)))
}

func checkReceive(_ name: String, _ fd: Int, _ count: Int = 100, _ flags: Int = 0) {
    let (result, bytes) = receive(fd, count, flags)
    if result < 0 { check(name, result) } else { check(name, bytes: bytes) }
}

/// An option of the socket level.
func option(_ fd: Int, _ name: Int32) -> Int {
    let (value, length) = (Buffer(4), Buffer(4))
    length.store(UInt32(4), at: 0)
    let result = sys(SYS_getsockopt, fd, Int(SOL_SOCKET), Int(name), value.address, length.address)
    return result < 0 ? result : Int(value.load(Int32.self, at: 0))
}

private let (peek, dontWait, noSignal, truncated, waitAll) = (2, 0x40, 0x4000, 0x20, 0x100)

func socketsFamily() {
    streams()
    messages()
    shutdowns()
    badCalls()
    flow()
}

private func streams() {
    let (a, b) = socketPair()
    check("send", send(a, "hello"))
    check("write", write(a, " world"))
    checkReceive("peek", b, 5, peek)
    checkReceive("part", b, 5)
    check("read", text: String(decoding: read(b, 100).bytes, as: UTF8.self))
    checkReceive("nothing, not waiting", b, 5, dontWait)
    check("poll idle", pollEvents(a, POLLIN | POLLOUT))
    write(b, "x")
    check("poll with data", pollEvents(a, POLLIN | POLLOUT))
    let count = Buffer(4)
    sys(SYS_ioctl, a, 0x541b, count.address)
    check("FIONREAD", Int(count.load(Int32.self, at: 0)))
    checkReceive("its byte", a)
    check("kind", option(a, SO_TYPE))
    check("domain", option(a, SO_DOMAIN))
    check("error", option(a, SO_ERROR))
    check("listening", option(a, SO_ACCEPTCONN))
    check("send buffer", option(a, SO_SNDBUF) > 1000)
    check("unknown option", option(a, 9999))
    let credentials = Buffer(12)
    let length = Buffer(4)
    length.store(UInt32(12), at: 0)
    check("peer credentials", sys(SYS_getsockopt, a, Int(SOL_SOCKET), Int(SO_PEERCRED), credentials.address, length.address))
    check("peer is this process", Int(credentials.load(Int32.self, at: 0)) == sys(SYS_getpid))
    check("lseek", sys(SYS_lseek, a, 0, 0))
    let parts = vector([(text("one "), 4), (text("two"), 3)])
    check("writev", sys(SYS_writev, a, parts.address, 2))
    checkReceive("gathered", b)
    close(b)
    check("poll after the peer closed", pollEvents(a, POLLIN | POLLOUT))
    checkReceive("end", a)
    check("send, no signal", send(a, "x", noSignal))
    checkChild("send with the signal") { Int32(-send(a, "x")) }
    close(a)
    let (c, d) = socketPair()
    write(c, "unread")
    close(d)
    check("send after the peer closed with unread data", send(c, "x", noSignal))
    checkReceive("receive then", c)
    close(c)
    let (e, f) = pair { sys(SYS_socketpair, Int(AF_UNIX), stream | nonBlocking | closeOnExec, 0, $0) }
    check("close-on-exec", sys(SYS_fcntl, e, Int(F_GETFD)))
    checkReceive("non-blocking", e)
    close(e)
    close(f)
}

private func messages() {
    for (name, kind) in [("datagram", datagram), ("sequenced", sequenced)] {
        let (a, b) = socketPair(kind)
        check("\(name) send", send(a, "first message"))
        check("\(name) send", send(a, "second"))
        check("\(name) empty", send(a, ""))
        check("\(name) send", send(a, "fourth"))
        checkReceive("\(name) cut off", b, 5)
        checkReceive("\(name) next", b)
        checkReceive("\(name) empty one", b)
        check("\(name) real length", receive(b, 2, truncated).result)
        checkReceive("\(name) none", b, 10, dontWait)
        close(b)
        check("\(name) without peer", send(a, "x", noSignal))
        check("\(name) poll without peer", pollEvents(a, POLLIN | POLLOUT))
        close(a)
    }
}

private func shutdowns() {
    let (a, b) = socketPair()
    write(a, "before")
    check("shut writing", sys(SYS_shutdown, a, 1))
    check("write after", send(a, "x", noSignal))
    checkReceive("what was sent before", b)
    checkReceive("end", b)
    check("poll of the peer", pollEvents(b, POLLIN | POLLOUT | 0x2000))
    check("other direction", send(b, "back"))
    checkReceive("arrives", a)
    check("shut reading", sys(SYS_shutdown, a, 0))
    checkReceive("read after", a)
    check("peer writes then", send(b, "x", noSignal))
    check("poll of both shut", pollEvents(a, POLLIN | POLLOUT | 0x2000))
    check("unknown direction", sys(SYS_shutdown, a, 3))
    close(a)
    close(b)
    let (c, d) = socketPair()
    let pid = child { Int32(receive(c, 1).result) }
    pause(milliseconds: 20)
    check("shut both", sys(SYS_shutdown, d, 2))
    check("a waiting reader wakes", text: reap(pid))
    close(c)
    close(d)
}

private func badCalls() {
    check("unknown family", sys(SYS_socket, 999, stream, 0))
    check("unknown kind", sys(SYS_socket, Int(AF_UNIX), 77, 0))
    check("unknown protocol", sys(SYS_socket, Int(AF_UNIX), stream, 77))
    check("pair to a bad place", sys(SYS_socketpair, Int(AF_UNIX), stream, 0, forbiddenPage()))
    let fd = open("file", O_CREAT | O_RDWR)
    check("send on a file", send(fd, "x"))
    check("receive on a file", receive(fd, 1).result)
    check("listen on a file", sys(SYS_listen, fd, 1))
    close(fd)
    check("send on nothing", send(99, "x"))
    let socket = sys(SYS_socket, Int(AF_UNIX), stream, 0)
    check("socket", socket)
    check("send unconnected", send(socket, "x", noSignal))
    check("receive unconnected", receive(socket, 1).result)
    check("listen unbound", sys(SYS_listen, socket, 1))
    check("accept without listening", sys(SYS_accept, socket, 0, 0))
    check("shutdown unconnected", sys(SYS_shutdown, socket, 2))
    check("peer name unconnected", sys(SYS_getpeername, socket, Buffer(128).address, Buffer(4).address))
    check("poll unconnected", pollEvents(socket, POLLIN | POLLOUT))
    close(socket)
}

private func flow() {
    // Much data in both directions through small reads, by two processes.
    let (a, b) = socketPair()
    let pid = child {
        close(a)
        let buffer = Buffer(5000)
        var total = 0
        while total < 400_000 {
            let count = sys(SYS_read, b, buffer.address, 5000)
            if count <= 0 { return 1 }
            var done = 0
            while done < count {
                let written = sys(SYS_write, b, buffer.address + done, count - done)
                if written <= 0 { return 2 }
                done += written
            }
            total += count
        }
        return 0
    }
    close(b)
    let (out, back) = (Buffer(10_000), Buffer(10_000))
    var (sent, received, wrong) = (0, 0, 0)
    while received < 400_000 {
        if sent < 400_000 && sent - received < 30_000 {
            for index in 0..<10_000 { out[index] = UInt8(truncatingIfNeeded: (sent + index) / 11) }
            sent += max(0, sys(SYS_write, a, out.address, 10_000))
        }
        let count = sys(SYS_read, a, back.address, 10_000)
        if count <= 0 { break }
        for index in 0..<count where back[index] != UInt8(truncatingIfNeeded: (received + index) / 11) { wrong += 1 }
        received += count
    }
    check("echoed", received)
    check("wrong", wrong)
    check("echo process", text: reap(pid))
    close(a)
    // A full socket takes no more, and says so.
    let (c, d) = pair { sys(SYS_socketpair, Int(AF_UNIX), stream | nonBlocking, 0, $0) }
    var last = 0
    for _ in 0..<10_000 {
        last = sys(SYS_write, c, out.address, 10_000)
        if last < 0 { break }
    }
    check("full", last)
    check("poll when full", pollEvents(c, POLLOUT))
    while sys(SYS_read, d, back.address, 10_000) > 0 {}
    check("poll when emptied", pollEvents(c, POLLOUT))
    close(c)
    close(d)
}
