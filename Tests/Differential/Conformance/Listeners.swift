// Named Unix sockets: binding, listening, connecting, accepting.

import CTestSystem
import TestCalls

/// A struct sockaddr_un; a name that starts with `@` is abstract.
func unixAddress(_ name: String) -> (address: Buffer, length: Int) {
    let buffer = Buffer(128)
    buffer.store(UInt16(1), at: 0)
    var index = 2
    for unit in name.utf8 {
        buffer[index] = index == 2 && unit == 0x40 ? 0 : unit
        index += 1
    }
    return (buffer, name.hasPrefix("@") ? index : index + 1)
}

func bind(_ fd: Int, _ name: String) -> Int {
    let (address, length) = unixAddress(name)
    return sys(SYS_bind, fd, address.address, length)
}

func connect(_ fd: Int, _ name: String) -> Int {
    let (address, length) = unixAddress(name)
    return sys(SYS_connect, fd, address.address, length)
}

private func newSocket(_ kind: Int = stream) -> Int { sys(SYS_socket, Int(AF_UNIX), kind, 0) }

/// What a call such as getsockname answers.
private func name(_ fd: Int, _ call: Int32) -> String {
    let (address, length) = (Buffer(128), Buffer(4))
    length.store(UInt32(128), at: 0)
    let result = sys(call, fd, address.address, length.address)
    if result < 0 { return outcome(result) }
    let count = Int(length.load(UInt32.self, at: 0))
    var text = "family \(address.load(UInt16.self, at: 0)) length \(count) name "
    for index in 2..<max(2, min(count, 128)) where address[index] != 0 { text += String(UnicodeScalar(address[index])) }
    return text
}

func listenersFamily() {
    namedSockets()
    refusals()
    abstractNames()
    acceptance()
    datagrams()
}

private func namedSockets() {
    let server = newSocket()
    check("bind", bind(server, "sock"))
    check("its name", text: name(server, SYS_getsockname))
    check("bind again", bind(server, "other"))
    let stat = Buffer(256)
    sys(SYS_stat, text("sock"), stat.address)
    check("kind of the file", text: String(stat.load(UInt32.self, at: 24) & 0o170000, radix: 8))
    check("open the file", open("sock", O_RDWR))
    let client = newSocket()
    check("connect before listen", connect(client, "sock"))
    check("listen", sys(SYS_listen, server, 4))
    check("is listening", option(server, SO_ACCEPTCONN))
    check("connect", connect(client, "sock"))
    check("connect again", connect(client, "sock"))
    check("send before accept", write(client, "early"))
    check("poll of the listener", pollEvents(server, POLLIN))
    let accepted = sys(SYS_accept4, server, 0, 0, closeOnExec)
    check("accept", accepted)
    check("its close-on-exec", sys(SYS_fcntl, accepted, Int(F_GETFD)))
    check("accepted name", text: name(accepted, SYS_getsockname))
    check("accepted peer", text: name(accepted, SYS_getpeername))
    check("client's peer", text: name(client, SYS_getpeername))
    check("client's name", text: name(client, SYS_getsockname))
    checkRead("early data", accepted)
    write(accepted, "answer")
    checkRead("answer", client)
    check("read from the listener", read(server).result)
    check("write to the listener", send(server, "x", 0x4000))
    check("accept with unknown flag", sys(SYS_accept4, server, 0, 0, 1))
    let second = newSocket()
    check("bind a used name", bind(second, "sock"))
    check("unlink the name", sys(SYS_unlink, text("sock")))
    check("connect to the old name", connect(second, "sock"))
    check("connection lives on", write(client, "more"))
    checkRead("more", accepted)
    close(client)
    checkRead("end", accepted)
    for fd in [server, accepted, second] { close(fd) }
}

private func refusals() {
    let socket = newSocket()
    check("no such file", connect(socket, "missing"))
    close(open("plain", O_CREAT | O_RDWR))
    check("not a socket", connect(socket, "plain"))
    check("bind over a file", bind(socket, "plain"))
    check("bind in no folder", bind(socket, "no/sock"))
    check("name too long", sys(SYS_bind, socket, unixAddress(String(repeating: "n", count: 100)).address.address, 200))
    check("address too short", sys(SYS_connect, socket, unixAddress("x").address.address, 1))
    check("address that faults", sys(SYS_connect, socket, forbiddenPage(), 20))
    let wrong = Buffer(16)
    wrong.store(UInt16(2), at: 0)
    check("another family", sys(SYS_connect, socket, wrong.address, 16))
    check("negative length", sys(SYS_connect, socket, wrong.address, -1))
    let server = newSocket()
    _ = bind(server, "closed")
    sys(SYS_listen, server, 1)
    close(server)
    check("nobody listens any more", connect(socket, "closed"))
    // A full backlog refuses a non-blocking client.
    let busy = newSocket()
    _ = bind(busy, "busy")
    sys(SYS_listen, busy, 0)
    var results: [Int] = []
    for _ in 0..<3 { results.append(connect(newSocket(stream | nonBlocking), "busy")) }
    check("first of a backlog of 0", results[0])
    check("second", results[1])
    check("third", results[2])
    for fd in 3..<12 { close(fd) }
    let listener = newSocket()
    _ = bind(listener, "pending")
    sys(SYS_listen, listener, 4)
    let client = newSocket()
    _ = connect(client, "pending")
    close(listener)
    checkReceive("listener closed before accept", client)
    close(client)
}

private func abstractNames() {
    let unique = "@martlet-conformance-\(sys(SYS_getpid))"
    let (server, client) = (newSocket(), newSocket())
    check("bind", bind(server, unique))
    check("bind it twice", bind(client, unique))
    sys(SYS_listen, server, 1)
    check("connect", connect(client, unique))
    close(server)
    let again = newSocket()
    check("free after close", bind(again, unique))
    close(again)
    close(client)
    let automatic = newSocket()
    let short = Buffer(2)
    short.store(UInt16(1), at: 0)
    check("automatic name", sys(SYS_bind, automatic, short.address, 2))
    close(automatic)
}

private func acceptance() {
    let server = newSocket(stream | nonBlocking)
    _ = bind(server, "accept")
    sys(SYS_listen, server, 8)
    check("nobody waits", sys(SYS_accept, server, 0, 0))
    let pid = child {
        let client = newSocket()
        if connect(client, "accept") != 0 { return 1 }
        let (result, bytes) = read(client, 10)
        return result == 2 && bytes == [0x68, 0x69] ? 0 : 2
    }
    check("wait for a client", pollEvents(server, POLLIN, milliseconds: 20_000))
    let accepted = sys(SYS_accept, server, 0, 0)
    check("accept", accepted)
    let (credentials, length) = (Buffer(12), Buffer(4))
    length.store(UInt32(12), at: 0)
    sys(SYS_getsockopt, accepted, Int(SOL_SOCKET), Int(SO_PEERCRED), credentials.address, length.address)
    check("credentials are the client's", Int(credentials.load(Int32.self, at: 0)) == pid)
    write(accepted, "hi")
    check("client", text: reap(pid))
    close(accepted)
    // Many clients, one after the other.
    sys(SYS_fcntl, server, Int(F_SETFL), 0)
    let many = child {
        for index in 0..<100 {
            let client = newSocket()
            if connect(client, "accept") != 0 { return 1 }
            let byte = Buffer(1)
            byte[0] = UInt8(index)
            sys(SYS_write, client, byte.address, 1)
            close(client)
        }
        return 0
    }
    var sum = 0
    for _ in 0..<100 {
        let fd = sys(SYS_accept, server, 0, 0)
        sum += Int(read(fd, 1).bytes.first ?? 0)
        close(fd)
    }
    check("sum of their bytes", sum)
    check("clients", text: reap(many))
    close(server)
    sys(SYS_unlink, text("accept"))
}

private func datagrams() {
    let (one, two) = (newSocket(datagram), newSocket(datagram))
    check("bind one", bind(one, "dgram1"))
    check("bind two", bind(two, "dgram2"))
    let (address, length) = unixAddress("dgram1")
    check("send to a name", sys(SYS_sendto, two, text("letter"), 6, 0, address.address, length))
    let (from, fromLength, buffer) = (Buffer(128), Buffer(4), Buffer(32))
    fromLength.store(UInt32(128), at: 0)
    check("receive", sys(SYS_recvfrom, one, buffer.address, 32, 0, from.address, fromLength.address))
    check("letter", bytes: buffer.bytes(6))
    check("sender's name", bytes: Array(from.bytes(8)[2...]))
    check("listen", sys(SYS_listen, one, 1))
    check("connect", connect(two, "dgram1"))
    check("send connected", send(two, "again"))
    checkReceive("again", one)
    close(one)
    check("send to the closed", send(two, "x", 0x4000))
    close(two)
}
