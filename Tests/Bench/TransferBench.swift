// Sockets, pipes in bulk, and files.

import CTestSystem
import TestCalls

/// A message of one part, with or without room for one descriptor.
private func message(_ data: Buffer, control: Buffer?) -> Buffer {
    let parts = Buffer(16)
    parts.store(data.address, at: 0)
    parts.store(data.count, at: 8)
    let header = Buffer(56)
    header.store(parts.address, at: 16)
    header.store(1, at: 24)
    header.store(control?.address ?? 0, at: 32)
    header.store(control?.count ?? 0, at: 40)
    return header
}

func sockets() {
    let (a, b) = pair { sys(SYS_socketpair, Int(AF_UNIX), 1, 0, $0) }
    let buffer = Buffer(64)
    let pid = child {
        close(a)
        let data = Buffer(64)
        while sys(SYS_read, b, data.address, 64) > 0 { sys(SYS_write, b, data.address, 64) }
        return 0
    }
    measure("socket round trip", operations: 1_000) {
        for _ in 0..<$0 {
            sys(SYS_write, a, buffer.address, 64)
            sys(SYS_read, a, buffer.address, 64)
        }
    }
    close(a)
    close(b)
    _ = reap(pid)
    clientAndServer()
    oneProcess()
    bulkPipe("1 MiB through a pipe, 64 KiB writes", 65536)
    bulkPipe("1 MiB through a pipe, 4 KiB writes", 4096)
}

/// sendmsg, poll, recvmsg on one side; epoll on the other: how Wayland's two sides wait.
private func clientAndServer() {
    let (a, b) = pair { sys(SYS_socketpair, Int(AF_UNIX), 1, 0, $0) }
    let pid = child {
        close(a)
        let epoll = sys(SYS_epoll_create1, 0)
        let event = Buffer(12)
        event.store(UInt32(1), at: 0)
        sys(SYS_epoll_ctl, epoll, 1, b, event.address)
        let header = message(Buffer(64), control: nil)
        while true {
            sys(SYS_epoll_wait, epoll, event.address, 1, -1)
            if sys(SYS_recvmsg, b, header.address, 0) <= 0 { return 0 }
            sys(SYS_sendmsg, b, header.address, 0)
        }
    }
    close(b)
    let header = message(Buffer(64), control: nil)
    let entry = Buffer(8)
    entry.store(Int32(a), at: 0)
    entry.store(Int16(POLLIN), at: 4)
    measure("Wayland round trip", operations: 1_000) {
        for _ in 0..<$0 {
            sys(SYS_sendmsg, a, header.address, 0)
            sys(SYS_poll, entry.address, 1, -1)
            sys(SYS_recvmsg, a, header.address, 0)
        }
    }
    close(a)
    _ = reap(pid)
}

private func oneProcess() {
    let (a, b) = pair { sys(SYS_socketpair, Int(AF_UNIX), 1, 0, $0) }
    let header = message(Buffer(64), control: nil)
    measure("sendmsg + recvmsg", operations: 1_000) {
        for _ in 0..<$0 {
            sys(SYS_sendmsg, a, header.address, 0)
            sys(SYS_recvmsg, b, header.address, 0)
        }
    }
    let (sending, receiving) = (Buffer(24), Buffer(24))
    sending.store(20, at: 0)
    sending.store(Int32(1), at: 8)
    sending.store(Int32(1), at: 12)
    sending.store(Int32(1), at: 16)
    let (out, back) = (message(Buffer(64), control: sending), message(Buffer(64), control: receiving))
    out.store(20, at: 40)
    measure("sendmsg + recvmsg + fd", operations: 1_000) {
        for _ in 0..<$0 {
            sys(SYS_sendmsg, a, out.address, 0)
            back.store(24, at: 40)
            sys(SYS_recvmsg, b, back.address, 0)
            close(Int(receiving.load(Int32.self, at: 16)))
        }
    }
    close(a)
    close(b)
}

private func bulkPipe(_ name: StaticString, _ size: Int) {
    let (r, w) = pipe()
    let pid = child {
        close(w)
        let buffer = Buffer(65536)
        while sys(SYS_read, r, buffer.address, 65536) > 0 {}
        return 0
    }
    close(r)
    let buffer = Buffer(size)
    measure(name, operations: 4) {
        for _ in 0..<$0 { for _ in 0..<((1 << 20) / size) { sys(SYS_write, w, buffer.address, size) } }
    }
    close(w)
    _ = reap(pid)
}

func files() {
    let fd = open("file", O_CREAT | O_RDWR)
    let page = Buffer(4096)
    sys(SYS_write, fd, page.address, 4096)
    measure("read 4 KiB", operations: 5_000) { for _ in 0..<$0 { sys(SYS_pread64, fd, page.address, 4096, 0) } }
    measure("read 1 B", operations: 5_000) { for _ in 0..<$0 { sys(SYS_pread64, fd, page.address, 1, 0) } }
    close(fd)
    let path = text("/tmp/bench/file")
    measure("open + close", operations: 2_000) { for _ in 0..<$0 { close(sys(SYS_open, path, Int(O_RDONLY), 0)) } }
    let stat = Buffer(256)
    measure("stat", operations: 2_000) { for _ in 0..<$0 { sys(SYS_stat, path, stat.address) } }
    sys(SYS_unlink, path)
    measure("create + close + unlink", operations: 1_000) {
        for _ in 0..<$0 {
            close(sys(SYS_open, path, Int(O_CREAT | O_RDWR), 0o644))
            sys(SYS_unlink, path)
        }
    }
}
