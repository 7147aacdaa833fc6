// Descriptors themselves, and the character devices that every system has.

import CTestSystem
import TestCalls

func descriptorsFamily() {
    let fd = open("f", O_CREAT | O_RDWR | O_CLOEXEC)
    check("close-on-exec by open", sys(SYS_fcntl, fd, Int(F_GETFD)))
    check("clear it", sys(SYS_fcntl, fd, Int(F_SETFD), 0))
    check("cleared", sys(SYS_fcntl, fd, Int(F_GETFD)))
    check("dup", sys(SYS_dup, fd))
    check("dup of nothing", sys(SYS_dup, 99))
    check("dup2", sys(SYS_dup2, fd, 10))
    check("dup2 onto itself", sys(SYS_dup2, fd, fd))
    check("dup2 of nothing onto itself", sys(SYS_dup2, 99, 99))
    check("dup2 negative", sys(SYS_dup2, fd, -1))
    check("dup2 far too high", sys(SYS_dup2, fd, 1 << 30))
    check("dup3 onto itself", sys(SYS_dup3, fd, fd, 0))
    check("dup3 close-on-exec", sys(SYS_dup3, fd, 11, Int(O_CLOEXEC)))
    check("dup3 flag set", sys(SYS_fcntl, 11, Int(F_GETFD)))
    check("dup3 unknown flag", sys(SYS_dup3, fd, 12, 1))
    check("F_DUPFD", sys(SYS_fcntl, fd, Int(F_DUPFD), 10))
    check("F_DUPFD_CLOEXEC", sys(SYS_fcntl, fd, 1030, 20))
    check("its flag", sys(SYS_fcntl, 20, Int(F_GETFD)))
    check("F_DUPFD too high", sys(SYS_fcntl, fd, Int(F_DUPFD), 1 << 30))
    check("status flags", text: String(sys(SYS_fcntl, fd, Int(F_GETFL)), radix: 8))
    check("set append and non-blocking", sys(SYS_fcntl, fd, Int(F_SETFL), Int(O_APPEND | O_NONBLOCK)))
    check("status flags after", text: String(sys(SYS_fcntl, fd, Int(F_GETFL)), radix: 8))
    check("shared by dup", text: String(sys(SYS_fcntl, 10, Int(F_GETFL)), radix: 8))
    check("unknown fcntl", sys(SYS_fcntl, fd, 9999, 0))
    check("fcntl of nothing", sys(SYS_fcntl, 99, Int(F_GETFD)))
    check("ioctl that a file has not", sys(SYS_ioctl, fd, 0x5401, Buffer(64).address))
    write(fd, "12345")
    for each in [fd, 4, 10, 11, 12, 13, 20] { close(each) }
    check("close of nothing", close(99))
    check("close negative", close(-1))
    let first = sys(SYS_dup, 1)
    check("next descriptor", first)
    let second = sys(SYS_dup, 1)
    close(first)
    check("the lowest is used again", sys(SYS_dup, 1))
    close(first)
    close(second)
    check("close_range", sys(SYS_close_range, 50, 60, 0))
    check("close_range backward", sys(SYS_close_range, 60, 50, 0))
    locks()
}

private func locks() {
    let (one, two) = (open("lock", O_CREAT | O_RDWR), open("lock", O_RDWR))
    check("flock", sys(SYS_flock, one, Int(LOCK_EX)))
    check("held by another", sys(SYS_flock, two, Int(LOCK_EX | LOCK_NB)))
    check("downgrade", sys(SYS_flock, one, Int(LOCK_SH)))
    check("shared by two", sys(SYS_flock, two, Int(LOCK_SH | LOCK_NB)))
    check("upgrade fails", sys(SYS_flock, two, Int(LOCK_EX | LOCK_NB)))
    check("unlock", sys(SYS_flock, one, Int(LOCK_UN)))
    check("unknown operation", sys(SYS_flock, one, 77))
    close(one)
    close(two)
}

func devicesFamily() {
    let null = open("/dev/null", O_RDWR)
    check("null write", write(null, "gone"))
    checkRead("null read", null)
    check("null seek", sys(SYS_lseek, null, 5, Int(SEEK_SET)))
    check("null poll", pollEvents(null, POLLIN | POLLOUT))
    check("null truncate", sys(SYS_ftruncate, null, 0))
    check("null terminal", sys(SYS_ioctl, null, 0x5401, Buffer(64).address))
    let zero = open("/dev/zero", O_RDWR)
    let buffer = Buffer(64)
    buffer.fill(7)
    check("zero read", sys(SYS_read, zero, buffer.address, 64))
    check("zero bytes", Int(buffer[0]) + Int(buffer[63]))
    check("zero write", write(zero, "gone"))
    let mapped = sys(SYS_mmap, 0, 4096, Int(PROT_READ | PROT_WRITE), Int(MAP_PRIVATE), zero, 0)
    check("zero maps", mapped > 0)
    if mapped > 0 {
        setByte(mapped, 9)
        check("its memory", Int(byte(mapped)) + Int(byte(mapped + 4095)))
    }
    let full = open("/dev/full", O_RDWR)
    check("full write", write(full, "x"))
    check("full read", sys(SYS_read, full, buffer.address, 8))
    let random = open("/dev/urandom", O_RDONLY)
    check("random read", sys(SYS_read, random, buffer.address, 64))
    check("random differs", Set(buffer.bytes(64)).count > 8)
    check("getrandom", sys(SYS_getrandom, buffer.address, 64, 0))
    check("getrandom unknown flag", sys(SYS_getrandom, buffer.address, 64, 0x100))
    check("getrandom fault", sys(SYS_getrandom, forbiddenPage(), 64, 0))
    for (name, fd) in [("null", null), ("zero", zero), ("full", full)] {
        check("seek of \(name)", sys(SYS_lseek, fd, 100, Int(SEEK_SET)))
        check("seek from the end of \(name)", sys(SYS_lseek, fd, -100, Int(SEEK_END)))
        check("seek with a bad origin of \(name)", sys(SYS_lseek, fd, 0, 9))
    }
    check("seek of random", sys(SYS_lseek, random, 100, Int(SEEK_SET)))
    let terminals = terminalPair()
    check("seek of a terminal", sys(SYS_lseek, terminals.terminal, 0, Int(SEEK_SET)))
    check("seek of its controller", sys(SYS_lseek, terminals.controller, 0, Int(SEEK_SET)))
    close(terminals.terminal)
    close(terminals.controller)
    let stat = Buffer(256)
    for (name, path) in [("null", text("/dev/null")), ("zero", text("/dev/zero")), ("full", text("/dev/full"))] {
        check("stat \(name)", sys(SYS_stat, path, stat.address))
        check("kind of \(name)", text: String(stat.load(UInt32.self, at: 24) & 0o170000, radix: 8))
        check("number of \(name)", Int(stat.load(UInt64.self, at: 40)))
    }
    for fd in [null, zero, full, random] { close(fd) }
    check(
        "tty without a terminal",
        text: reap(
            child {
                sys(SYS_setsid)
                return Int32(-open("/dev/tty", O_RDWR))
            }))
    check("missing device", open("/dev/no-such-device", O_RDONLY))
}
