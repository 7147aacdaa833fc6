// Descriptors and credentials that travel over sockets.

import CTestSystem
import TestCalls

/// A message with room for control data.
private final class Message {
    let header = Buffer(56)
    let data: Buffer
    let control: Buffer
    private let parts: Buffer

    init(data: Buffer, controlSize: Int) {
        self.data = data
        control = Buffer(controlSize)
        parts = vector([(data.address, data.count)])
        header.store(parts.address, at: 16)
        header.store(1, at: 24)
        header.store(controlSize == 0 ? 0 : control.address, at: 32)
        header.store(controlSize, at: 40)
    }

    /// Puts descriptors into the control data: level SOL_SOCKET, type SCM_RIGHTS.
    func attach(_ descriptors: [Int]) {
        control.store(16 + 4 * descriptors.count, at: 0)
        control.store(Int32(1), at: 8)
        control.store(Int32(1), at: 12)
        for (index, fd) in descriptors.enumerated() { control.store(Int32(fd), at: 16 + 4 * index) }
    }

    var flags: Int { Int(header.load(Int32.self, at: 48)) }

    /// The descriptors that arrived.
    var descriptors: [Int] {
        let length = header.load(Int.self, at: 40)
        guard length >= 16, control.load(Int32.self, at: 12) == 1 else { return [] }
        let count = (min(control.load(Int.self, at: 0), length) - 16) / 4
        return (0..<max(0, count)).map { Int(control.load(Int32.self, at: 16 + 4 * $0)) }
    }
}

private func send(_ socket: Int, _ constant: StaticString, _ descriptors: [Int], flags: Int = 0) -> Int {
    let message = Message(data: Buffer(constant), controlSize: descriptors.isEmpty ? 0 : (16 + 4 * descriptors.count + 7) & ~7)
    if !descriptors.isEmpty { message.attach(descriptors) }
    return sys(SYS_sendmsg, socket, message.header.address, flags)
}

private func receive(_ name: String, _ socket: Int, count: Int = 32, controlSize: Int = 64, flags: Int = 0) -> [Int] {
    let message = Message(data: Buffer(count), controlSize: controlSize)
    let result = sys(SYS_recvmsg, socket, message.header.address, flags)
    if result < 0 {
        check(name, result)
        return []
    }
    let descriptors = message.descriptors
    check(name, bytes: message.data.bytes(result))
    emit("\(name) = flags \(message.flags) descriptors \(descriptors.count)")
    return descriptors
}

func rightsFamily() {
    oneDescriptor()
    boundaries()
    truncation()
    lifetimes()
    errors()
    credentials()
}

private func oneDescriptor() {
    let (a, b) = socketPair()
    let file = open("file", O_CREAT | O_RDWR)
    write(file, "contents")
    check("send", send(a, "with", [file]))
    sys(SYS_lseek, file, 0, 0)
    let got = receive("receive", b)
    check("a new number", got.first ?? -1)
    checkRead("it is the same file", got.first ?? -1, 4)
    check("with the same position", sys(SYS_lseek, file, 0, Int(SEEK_CUR)))
    check("close-on-exec", sys(SYS_fcntl, got.first ?? -1, Int(F_GETFD)))
    close(got.first ?? -1)
    check("send", send(a, "cloexec", [file]))
    let closing = receive("receive", b, flags: 0x40000000)
    check("close-on-exec when asked for", sys(SYS_fcntl, closing.first ?? -1, Int(F_GETFD)))
    close(closing.first ?? -1)
    // To another process, after the sender's copy is closed.
    let pid = child {
        let fds = receive("in the child", b)
        checkRead("read in the child", fds.first ?? -1)
        return 0
    }
    sys(SYS_lseek, file, 0, 0)
    let sent = send(a, "!", [file])
    close(file)
    check("child", text: reap(pid))
    check("sent to a child", sent)
    // Memory and pipes travel too.
    let memory = sys(SYS_memfd_create, text("m"), 0)
    sys(SYS_ftruncate, memory, 4096)
    let (r, w) = pipe()
    check("send three", send(a, "three", [memory, r, w]))
    for fd in [memory, r, w] { close(fd) }
    let three = receive("receive three", b)
    if three.count == 3 {
        let mapped = sys(SYS_mmap, 0, 4096, Int(PROT_READ | PROT_WRITE), Int(MAP_SHARED), three[0], 0)
        setByte(mapped, 66)
        write(three[2], "piped")
        checkRead("through the pipe", three[1])
        check("in the memory", Int(byte(mapped)))
    }
    for fd in three { close(fd) }
    close(a)
    close(b)
}

private func boundaries() {
    let (a, b) = socketPair()
    let (r, w) = pipe()
    // A read stops before data that carries other descriptors.
    _ = send(a, "plain", [])
    _ = send(a, "first", [r])
    _ = send(a, "second", [w])
    _ = send(a, "after", [])
    for _ in 0..<4 { for fd in receive("one piece", b, count: 64, flags: 0x40) { close(fd) } }
    _ = send(a, "partly", [r])
    for fd in receive("first bytes carry it", b, count: 2) { close(fd) }
    for fd in receive("the rest does not", b) { close(fd) }
    _ = send(a, "peeked", [r])
    let peeked = receive("peek", b, flags: 2)
    for fd in peeked { close(fd) }
    for fd in receive("then take", b) { close(fd) }
    _ = send(a, "ignored", [r])
    checkRead("plain read drops it", b)
    _ = send(a, "next", [])
    check("nothing left", receive("next", b).count)
    for fd in [a, b, r, w] { close(fd) }
}

private func truncation() {
    let (a, b) = socketPair()
    let (r, w) = pipe()
    _ = send(a, "two", [r, w])
    let one = receive("room for one", b, controlSize: 20)
    check("kept", one.count)
    for fd in one { close(fd) }
    _ = send(a, "none", [r])
    check("no room", receive("no control data", b, controlSize: 0).count)
    _ = send(a, "small", [r])
    check("room for a header", receive("only the header", b, controlSize: 16).count)
    let next = sys(SYS_dup, r)
    check("nothing leaked", next)
    for fd in [a, b, r, w, next] { close(fd) }
    let (c, d) = socketPair()
    _ = send(c, "limit", [c, d])
    let limit = Buffer(16)
    sys(SYS_getrlimit, 7, limit.address)
    let old = limit.load(Int.self, at: 0)
    limit.store(5, at: 0)
    sys(SYS_setrlimit, 7, limit.address)
    check("no more numbers free", receive("at the limit", d).count)
    limit.store(old, at: 0)
    sys(SYS_setrlimit, 7, limit.address)
    for fd in 3..<10 { close(fd) }
}

private func lifetimes() {
    // A pipe's end that is on its way counts as open; dropping the socket closes it.
    let (a, b) = socketPair()
    let (r, w) = pair { sys(SYS_pipe2, $0, Int(O_NONBLOCK)) }
    _ = send(a, "x", [w])
    close(w)
    check("open while on its way", read(r).result)
    close(b)
    close(a)
    var result = -Int(EAGAIN)
    for _ in 0..<200 where result == -Int(EAGAIN) {
        result = read(r).result
        if result < 0 { pause(milliseconds: 5) }
    }
    check("closed with the socket", result)
    close(r)
    // A socket that holds itself must not stop the program or the system.
    let (c, d) = socketPair()
    check("send a socket to itself", send(c, "loop", [d, c]))
    close(c)
    close(d)
    check("next number", open(".", O_RDONLY))
    close(3)
    // A chain: a socket over a socket.
    let (e, f) = socketPair()
    let (g, h) = socketPair()
    _ = send(g, "inner", [e])
    _ = send(f, "for e", [])
    let got = receive("socket over a socket", h)
    checkReceive("and it works", got.first ?? -1)
    for fd in 3..<16 { close(fd) }
}

private func errors() {
    let (a, b) = socketPair()
    check("bad descriptor", send(a, "x", [99]))
    check("one bad of two", send(a, "x", [a, 99]))
    check("nothing was sent", sys(SYS_recvfrom, b, Buffer(4).address, 4, 0x40, 0, 0))
    let message = Message(data: Buffer("x"), controlSize: 24)
    message.attach([a])
    message.control.store(4, at: 0)
    check("header too short", sys(SYS_sendmsg, a, message.header.address, 0))
    message.control.store(1000, at: 0)
    check("header too long", sys(SYS_sendmsg, a, message.header.address, 0))
    message.attach([a])
    message.control.store(Int32(77), at: 12)
    check("unknown kind", sys(SYS_sendmsg, a, message.header.address, 0))
    message.attach([a])
    message.header.store(forbiddenPage(), at: 32)
    check("control data that faults", sys(SYS_sendmsg, a, message.header.address, 0))
    check("header that faults", sys(SYS_sendmsg, a, forbiddenPage(), 0))
    check("receive header that faults", sys(SYS_recvmsg, a, forbiddenPage(), 0))
    let many = Message(data: Buffer("x"), controlSize: 16 + 4 * 254)
    many.attach([Int](repeating: a, count: 254))
    check("254 descriptors", sys(SYS_sendmsg, a, many.header.address, 0))
    let allowed = Message(data: Buffer("x"), controlSize: 16 + 4 * 253 + 4)
    allowed.attach([Int](repeating: a, count: 253))
    check("253 descriptors", sys(SYS_sendmsg, a, allowed.header.address, 0))
    let received = receive("253 arrive", b, controlSize: 16 + 4 * 253 + 4)
    for fd in received { close(fd) }
    close(a)
    close(b)
}

private func credentials() {
    let (a, b) = socketPair()
    let on = Buffer(4)
    on.store(Int32(1), at: 0)
    check("pass credentials", sys(SYS_setsockopt, b, Int(SOL_SOCKET), Int(SO_PASSCRED), on.address, 4))
    check("is on", option(b, SO_PASSCRED))
    write(a, "who")
    let message = Message(data: Buffer(8), controlSize: 64)
    check("receive", sys(SYS_recvmsg, b, message.header.address, 0))
    check("control length", message.header.load(Int.self, at: 40))
    check("kind", Int(message.control.load(Int32.self, at: 12)))
    check("process is right", Int(message.control.load(Int32.self, at: 16)) == sys(SYS_getpid))
    close(a)
    close(b)
}
