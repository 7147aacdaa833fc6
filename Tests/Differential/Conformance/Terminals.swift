// Pseudoterminals: opening, modes, line editing, sizes, hanging up.

import CTestSystem
import TestCalls

private let (getAttributes, setAttributes, flush) = (0x5401, 0x5402, 0x540b)
private let (getSize, setSize, getNumber, setLock) = (0x5413, 0x5414, 0x8004_5430, 0x4004_5431)

/// A new pseudoterminal: the controlling end and the terminal end.
func terminalPair() -> (controller: Int, terminal: Int) {
    let controller = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    let zero = Buffer(4)
    sys(SYS_ioctl, controller, setLock, zero.address)
    let number = Buffer(4)
    sys(SYS_ioctl, controller, getNumber, number.address)
    let path = text(copying: "/dev/pts/\(number.load(Int32.self, at: 0))")
    return (controller, sys(SYS_open, path, Int(O_RDWR | O_NOCTTY), 0))
}

/// Kernel struct termios: four flag words, the line, 19 control characters.
func attributes(_ fd: Int) -> Buffer {
    let buffer = Buffer(64)
    let result = sys(SYS_ioctl, fd, getAttributes, buffer.address)
    if result < 0 { check("attributes", result) }
    return buffer
}

private func change(_ fd: Int, _ edit: (Buffer) -> Void) {
    let buffer = attributes(fd)
    edit(buffer)
    sys(SYS_ioctl, fd, setAttributes, buffer.address)
}

/// Everything that can be read at once, after waiting for the first of it.
func drain(_ fd: Int, milliseconds: Int = 20_000) -> [UInt8] {
    var bytes: [UInt8] = []
    var patience = milliseconds
    while pollEvents(fd, POLLIN, milliseconds: patience) & Int(POLLIN) != 0 {
        let (count, more) = read(fd)
        if count <= 0 { break }
        bytes += more
        patience = 60
    }
    return bytes
}

func terminalsFamily() {
    opening()
    defaultModes()
    lineEditing()
    rawInput()
    output()
    sizes()
    hangingUp()
    flushing()
}

private func opening() {
    let controller = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    let number = Buffer(4)
    check("number", sys(SYS_ioctl, controller, getNumber, number.address))
    let path = text(copying: "/dev/pts/\(number.load(Int32.self, at: 0))")
    check("open while locked", sys(SYS_open, path, Int(O_RDWR | O_NOCTTY), 0))
    let zero = Buffer(4)
    check("unlock", sys(SYS_ioctl, controller, setLock, zero.address))
    let terminal = sys(SYS_open, path, Int(O_RDWR | O_NOCTTY), 0)
    check("open", terminal)
    let stat = Buffer(256)
    sys(SYS_fstat, terminal, stat.address)
    check("kind", text: String(stat.load(UInt32.self, at: 24) & 0o170000, radix: 8))
    check("major number", Int(stat.load(UInt64.self, at: 40) >> 8))
    check("mode", text: String(stat.load(UInt32.self, at: 24) & 0o777, radix: 8))
    check("number of the terminal end", sys(SYS_ioctl, terminal, getNumber, number.address) < 0)
    check("seek", sys(SYS_lseek, terminal, 0, 0))
    check("unknown ioctl", sys(SYS_ioctl, terminal, 0x54ff, number.address))
    check("ioctl that faults", sys(SYS_ioctl, terminal, getAttributes, forbiddenPage()))
    let second = terminalPair()
    check("another pair", second.terminal)
    for fd in 3..<10 { close(fd) }
    check("terminal is gone with its controller", sys(SYS_open, path, Int(O_RDWR | O_NOCTTY), 0))
}

private func defaultModes() {
    let (controller, terminal) = terminalPair()
    let modes = attributes(terminal)
    for (index, name) in ["input", "output", "control", "local"].enumerated() {
        check("\(name) flags", text: String(modes.load(UInt32.self, at: 4 * index), radix: 8))
    }
    check("control characters", bytes: Array(modes.bytes(36)[17...]))
    let master = attributes(controller)
    check("the controller has the same", modes.bytes(36) == master.bytes(36))
    close(controller)
    close(terminal)
}

private func lineEditing() {
    let (controller, terminal) = terminalPair()
    func line(_ name: String, _ typed: StaticString) {
        write(controller, typed)
        check("\(name) echo", bytes: drain(controller))
        check("\(name) line", bytes: read(terminal).bytes)
    }
    line("plain", "hello\n")
    line("return is newline", "hello\r")
    line("erase", "helxx\u{7f}\u{7f}lo\n")
    line("erase nothing", "\u{7f}\u{7f}ok\n")
    line("kill", "garbage\u{15}good\n")
    line("word erase", "one two  \u{17}three\n")
    line("control characters", "a\u{1}b\n")
    line("literal next", "x\u{16}\u{15}y\n")
    line("tab", "a\tb\n")
    line("reprint", "abc\u{12}d\n")
    line("UTF-8 erase", "a\u{e9}\u{7f}b\n")
    write(controller, "end\u{4}")
    _ = drain(controller)
    check("end of file after text", bytes: read(terminal).bytes)
    write(controller, "\u{4}")
    check("end of file alone", read(terminal).result)
    write(controller, "one\ntwo\n")
    _ = drain(controller)
    check("a line at a time", bytes: read(terminal).bytes)
    check("the next line", bytes: read(terminal).bytes)
    write(controller, "longer line\n")
    _ = drain(controller)
    check("part of a line", bytes: read(terminal, 6).bytes)
    check("the rest of it", bytes: read(terminal).bytes)
    sys(SYS_fcntl, terminal, Int(F_SETFL), Int(O_NONBLOCK))
    write(controller, "incomplete")
    _ = drain(controller)
    check("incomplete line", read(terminal).result)
    check("poll of it", pollEvents(terminal, POLLIN))
    write(controller, "\n")
    _ = drain(controller)
    check("poll when complete", pollEvents(terminal, POLLIN))
    let count = Buffer(4)
    sys(SYS_ioctl, terminal, 0x541b, count.address)
    check("FIONREAD", Int(count.load(Int32.self, at: 0)))
    checkRead("completed", terminal)
    change(terminal) { $0.store($0.load(UInt32.self, at: 12) & ~0o10, at: 12) }
    write(controller, "silent\n")
    check("without echo", bytes: drain(controller, milliseconds: 50))
    checkRead("read anyway", terminal)
    change(terminal) { $0.store(($0.load(UInt32.self, at: 12) | 0o100) & ~0o10, at: 12) }
    write(controller, "ab\n")
    check("only newline is echoed", bytes: drain(controller))
    close(controller)
    close(terminal)
}

private func rawInput() {
    let (controller, terminal) = terminalPair()
    change(terminal) {
        $0.store(UInt32(0), at: 0)
        $0.store($0.load(UInt32.self, at: 4) & ~1, at: 4)
        $0.store(UInt32(0), at: 12)
        $0[17 + 6] = 1
        $0[17 + 5] = 0
    }
    write(controller, "\u{3}\u{4}\r\n\u{7f}x")
    check("every byte as it is", bytes: drain(terminal))
    check("no echo", pollEvents(controller, POLLIN))
    write(controller, "a")
    checkRead("one byte is enough", terminal, 10)
    change(terminal) {
        $0[17 + 6] = 0; $0[17 + 5] = 0
    }
    check("minimum 0, time 0", read(terminal).result)
    change(terminal) {
        $0[17 + 6] = 0; $0[17 + 5] = 1
    }
    let before = now()
    check("time 1", read(terminal).result)
    check("waited a tenth of a second", now() - before >= 90_000_000)
    change(terminal) {
        $0[17 + 6] = 3; $0[17 + 5] = 0
    }
    let pid = child {
        for _ in 0..<3 {
            pause(milliseconds: 10)
            write(controller, "z")
        }
        return 0
    }
    checkRead("minimum 3", terminal, 10)
    check("writer", text: reap(pid))
    // Input flags one by one.
    for (name, flag, typed): (String, UInt32, StaticString) in [
        ("return to newline", 0o400, "a\rb"), ("drop return", 0o200, "a\rb"), ("newline to return", 0o100, "a\nb"),
        ("strip", 0o40, "\u{e1}"),
    ] {
        change(terminal) {
            $0.store(flag, at: 0); $0[17 + 6] = 1
        }
        write(controller, typed)
        check(name, bytes: drain(terminal))
    }
    close(controller)
    close(terminal)
}

private func output() {
    let (controller, terminal) = terminalPair()
    check("write", write(terminal, "one\ntwo\n"))
    check("newline becomes return and newline", bytes: drain(controller))
    change(terminal) { $0.store(UInt32(0), at: 4) }
    write(terminal, "one\n\t\u{e9}")
    check("without processing", bytes: drain(controller))
    change(terminal) { $0.store(UInt32(1), at: 4) }
    write(terminal, "one\n")
    check("processing without the newline rule", bytes: drain(controller))
    change(terminal) { $0.store(UInt32(1 | 4 | 0o10), at: 4) }
    write(terminal, "a\r\n")
    check("return to newline", bytes: drain(controller))
    change(terminal) { $0.store(UInt32(1 | 4), at: 4) }
    let large = Buffer(50_000)
    large.fill(0x61)
    let pid = child {
        Int32(sys(SYS_write, terminal, large.address, 50_000) == 50_000 ? 0 : 1)
    }
    var total = 0
    while total < 50_000 {
        let count = read(controller).result
        if count <= 0 { break }
        total += count
    }
    check("much output", total)
    check("writer", text: reap(pid))
    close(controller)
    close(terminal)
}

private func sizes() {
    let (controller, terminal) = terminalPair()
    let size = Buffer(8)
    check("get", sys(SYS_ioctl, terminal, getSize, size.address))
    check("initial", text: "\(size.load(UInt16.self, at: 0)) \(size.load(UInt16.self, at: 2))")
    size.store(UInt16(24), at: 0)
    size.store(UInt16(80), at: 2)
    size.store(UInt16(640), at: 4)
    check("set by the controller", sys(SYS_ioctl, controller, setSize, size.address))
    size.fill(0)
    sys(SYS_ioctl, terminal, getSize, size.address)
    check(
        "seen by the terminal",
        text: "\(size.load(UInt16.self, at: 0)) \(size.load(UInt16.self, at: 2)) \(size.load(UInt16.self, at: 4))")
    size.store(UInt16(50), at: 0)
    check("set by the terminal", sys(SYS_ioctl, terminal, setSize, size.address))
    size.fill(0)
    sys(SYS_ioctl, controller, getSize, size.address)
    check("seen by the controller", Int(size.load(UInt16.self, at: 0)))
    check("size that faults", sys(SYS_ioctl, terminal, setSize, forbiddenPage()))
    close(controller)
    close(terminal)
}

private func hangingUp() {
    let (controller, terminal) = terminalPair()
    write(terminal, "last")
    close(terminal)
    check("poll after the terminal closed", pollEvents(controller, POLLIN | POLLOUT))
    checkRead("what was written", controller)
    check("then", read(controller).result)
    check("poll then", pollEvents(controller, POLLIN | POLLOUT))
    check("write to nobody", write(controller, "x"))
    close(controller)
    let (second, end) = terminalPair()
    write(second, "typed\n")
    close(second)
    check("poll after the controller closed", pollEvents(end, POLLIN | POLLOUT))
    check("read then", read(end).result)
    check("write then", write(end, "x"))
    check("ioctl then", sys(SYS_ioctl, end, getAttributes, Buffer(64).address))
    close(end)
    let (third, reopened) = terminalPair()
    let number = Buffer(4)
    sys(SYS_ioctl, third, getNumber, number.address)
    close(reopened)
    check("controller reads", read(third).result)
    let again = sys(SYS_open, text(copying: "/dev/pts/\(number.load(Int32.self, at: 0))"), Int(O_RDWR | O_NOCTTY), 0)
    checkSuccess("opened again", again)
    write(again, "back")
    checkRead("controller reads again", third)
    close(again)
    close(third)
}

private func flushing() {
    let (controller, terminal) = terminalPair()
    write(controller, "dropped\n")
    _ = drain(controller)
    check("flush input", sys(SYS_ioctl, terminal, flush, 0))
    check("nothing to read", pollEvents(terminal, POLLIN))
    check("unknown queue", sys(SYS_ioctl, terminal, flush, 9))
    change(terminal) { $0.store(UInt32(0), at: 12) }
    write(controller, "kept")
    _ = pollEvents(terminal, POLLIN, milliseconds: 20_000)
    let raw = attributes(terminal)
    check("set and flush", sys(SYS_ioctl, terminal, 0x5404, raw.address))
    check("input was dropped", pollEvents(terminal, POLLIN))
    write(controller, "x")
    check("set and wait", sys(SYS_ioctl, terminal, 0x5403, raw.address))
    check("input kept", pollEvents(terminal, POLLIN, milliseconds: 20_000))
    close(controller)
    close(terminal)
}
