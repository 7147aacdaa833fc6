// Random system calls by ordinary users: not a family, for there is nothing to compare them with. The kernel must survive
// them, and so must the processes of others. usage: conformance random SEED CHILDREN

import CTestSystem
import TestCalls

/// Starts children one after the other, each of which makes some hundred random calls, and ends those that hang.
func makeRandomCalls(seed: Int, children: Int) -> Int32 {
    // On a machine that somebody uses it would do harm.
    let name = Buffer(390)
    sys(SYS_uname, name.address)
    guard name[0] == UInt8(ascii: "M"), name[1] == UInt8(ascii: "a") else {
        emit("only for Martlet")
        return 2
    }
    guard Workplace.enter("/tmp") else { return 3 }
    sys(SYS_chmod, text("."), 0o777)
    var killed = 0
    for index in 0..<children {
        let pid = child {
            // Apart from the terminal's foreground group, which its keys and its output belong to.
            sys(SYS_setsid)
            var fuzzer = Fuzzer(seed &* 1000 &+ index)
            fuzzer.run()
            return 0
        }
        let end = now() + 3_000_000_000
        while reap(pid, WNOHANG) == "nothing" {
            if now() > end {
                sys(SYS_kill, pid, Int(SIGKILL))
                _ = reap(pid)
                killed += 1
                break
            }
            pause(milliseconds: 2)
        }
    }
    Workplace.leave()
    emit("random calls by \(children) processes, \(killed) of them had to be ended")
    return 0
}

private struct Fuzzer {
    private var numbers: Numbers
    private let memory = Buffer(65536)
    private let forbidden = forbiddenPage()

    /// Calls that end the process or its part in the test, or that make others.
    private static let excluded: Set<Int> = [
        Int(SYS_exit), Int(SYS_exit_group), Int(SYS_fork), Int(SYS_vfork), Int(SYS_clone), 435, Int(SYS_pause),
        Int(SYS_rt_sigsuspend),
        Int(SYS_rt_sigreturn), Int(SYS_reboot),
    ]

    init(_ seed: Int) { numbers = Numbers(UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15) }

    mutating func run() {
        openFiles()
        becomeOrdinary()
        for _ in 0..<400 {
            if numbers.next(below: 8) == 0 { scramble() }
            var number = numbers.next(below: 452)
            while Self.excluded.contains(number) { number = numbers.next(below: 452) }
            let a = [argument(), argument(), argument(), argument(), argument(), argument()]
            if number == Int(SYS_ioctl) {
                ts_syscall(number, descriptor(), request(), argument(), 0, 0, 0)
            } else {
                // Most calls start with a descriptor or a place.
                ts_syscall(number, numbers.next(below: 3) == 0 ? descriptor() : a[0], a[1], a[2], a[3], a[4], a[5])
            }
        }
    }

    /// One file of each kind, and nothing that leads to the terminal.
    private func openFiles() {
        let null = open("/dev/null", O_RDWR)
        for fd in 0..<3 { sys(SYS_dup2, null, fd) }
        _ = pipe(O_NONBLOCK)
        _ = socketPair()
        _ = terminalPair()
        _ = open("file", O_CREAT | O_RDWR, 0o666)
        _ = open(".", O_RDONLY | O_DIRECTORY)
        sys(SYS_memfd_create, text("random"), 2)
        sys(SYS_eventfd2, 0, 0)
        sys(SYS_timerfd_create, 1, 0)
        sys(SYS_epoll_create1, 0)
        sys(SYS_socket, Int(AF_UNIX), stream, 0)
        for path: StaticString in [
            "/dev/zero", "/dev/dri/card0", "/dev/input/event0", "/proc/self/stat", "/proc/self/fd", "/dev/ptmx",
        ] {
            _ = open(path, O_RDWR)
            _ = open(path, O_RDONLY)
        }
    }

    /// Gives up the rights of root, bounds what it may use, and lets an alarm end calls that wait.
    private func becomeOrdinary() {
        for (resource, limit) in [(1, 1 << 20), (9, 256 << 20), (6, 64), (4, 0)] {
            let buffer = Buffer(16)
            buffer.store(limit, at: 0)
            buffer.store(limit, at: 8)
            sys(SYS_setrlimit, resource, buffer.address)
        }
        sys(SYS_setgroups, 0, 0)
        sys(SYS_setresgid, 1234, 1234, 1234)
        sys(SYS_setresuid, 1234, 1234, 1234)
        ts_dispose(SIGXFSZ, 1)
        ts_dispose(SIGPIPE, 1)
        ts_handle(SIGALRM, { _, _, _ in }, 0, 0)
        let interval = Buffer(32)
        interval.store(10_000, at: 8)
        interval.store(10_000, at: 24)
        sys(SYS_setitimer, 0, interval.address, 0)
    }

    private mutating func descriptor() -> Int { numbers.next(below: 32) }

    private mutating func place() -> Int {
        switch numbers.next(below: 8) {
        case 0: return forbidden
        case 1: return forbidden - numbers.next(below: 64)
        case 2: return Int(bitPattern: 0xffff_8000_0000_0000) + numbers.next(below: 1 << 20)
        case 3: return memory.address + 65536 - numbers.next(below: 64)
        default: return memory.address + numbers.next(below: 60000)
        }
    }

    private mutating func argument() -> Int {
        switch numbers.next(below: 12) {
        case 0: return 0
        case 1: return -1
        case 2: return descriptor()
        case 3: return 1 << numbers.next(below: 64)
        case 4: return (1 << numbers.next(below: 63)) - numbers.next(below: 3)
        case 5: return numbers.next(below: 8192)
        case 6: return numbers.next(below: 64)
        case 7: return [text("."), text("file"), text("/"), text("x"), text("/proc/self/fd/3")][numbers.next(below: 5)]
        default: return place()
        }
    }

    /// Numbers of control calls: terminals', DRM's, evdev's and others.
    private mutating func request() -> Int {
        let size = numbers.next(below: 128)
        switch numbers.next(below: 5) {
        case 0: return 0x5400 + numbers.next(below: 0x70)
        case 1: return 0xc000_6400 | size << 16 | numbers.next(below: 0xd0)
        case 2: return 0x8000_4500 | size << 16 | numbers.next(below: 0x100)
        case 3: return 0x4000_5400 | 4 << 16 | numbers.next(below: 0x60)
        default: return numbers.next(below: 1 << 30)
        }
    }

    /// Fills the memory that calls get with what structures hold: small numbers, places, flags.
    private mutating func scramble() {
        for word in 0..<512 {
            let offset = numbers.next(below: 8000) * 8
            memory.store(word % 3 == 0 ? place() : argument(), at: offset)
        }
    }
}
