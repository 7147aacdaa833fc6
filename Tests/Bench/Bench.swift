// The rows of the table that compares Martlet with Linux: what system calls cost. The same static program runs on both.
// usage: bench | bench nothing (a child that ends at once)

import CTestSystem
import ProgramRuntime
import TestCalls

@c(main)
public func benchMain(_ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    if count > 1 { return 0 }
    sys(SYS_mkdir, text("/tmp/bench"), 0o755)
    sys(SYS_chdir, text("/tmp/bench"))
    calls()
    switches()
    processes()
    memory()
    sockets()
    files()
    sys(SYS_chdir, text("/"))
    sys(SYS_rmdir, text("/tmp/bench"))
    return 0
}

private func calls() {
    measure("null system call", operations: 20_000) { for _ in 0..<$0 { sys(SYS_getppid) } }
    measure("sched_yield", operations: 10_000) { for _ in 0..<$0 { sys(SYS_sched_yield) } }
    let (get, place) = (SharedObject().function("__vdso_clock_gettime"), Buffer(16))
    measure("clock_gettime", operations: 10_000) { for _ in 0..<$0 { sys(SYS_clock_gettime, 1, place.address) } }
    measure("clock_gettime in the program", operations: 10_000) {
        for _ in 0..<$0 { if get != 0 { _ = ts_call3(get, 1, place.address, 0) } }
    }
    ts_handle(SIGUSR1, { _, _, _ in }, 0, 0)
    let (process, thread) = (sys(SYS_getpid), sys(SYS_gettid))
    measure("signal to self", operations: 2_000) { for _ in 0..<$0 { sys(SYS_tgkill, process, thread, Int(SIGUSR1)) } }
}

/// A child that answers every byte of one descriptor on another.
private func echo(_ input: Int, _ output: Int, closing: [Int], bytes: Int = 1) -> Int {
    child {
        for fd in closing { close(fd) }
        let buffer = Buffer(64)
        while sys(SYS_read, input, buffer.address, bytes) > 0 { sys(SYS_write, output, buffer.address, bytes) }
        return 0
    }
}

private func switches() {
    let ((r1, w1), (r2, w2)) = (pipe(), pipe())
    let pid = echo(r1, w2, closing: [w1, r2])
    let buffer = Buffer(64)
    measure("pipe round trip", operations: 2_000) {
        for _ in 0..<$0 {
            sys(SYS_write, w1, buffer.address, 1)
            sys(SYS_read, r2, buffer.address, 1)
        }
    }
    for fd in [r1, w1, r2, w2] { close(fd) }
    _ = reap(pid)
    futexPair()
    yieldPair()
}

nonisolated(unsafe) private var words = UnsafeMutablePointer<Int32>.allocate(capacity: 32)

/// Waits until the word has the value, sleeping on the one before it.
private func waitFor(_ index: Int, _ value: Int32) {
    while ts_load(words + index) != value { sys(SYS_futex, Int(bitPattern: words + index), 128, Int(value - 1)) }
}

private func post(_ index: Int, _ value: Int32) {
    ts_store(words + index, value)
    sys(SYS_futex, Int(bitPattern: words + index), 129, 1)
}

private func futexPair() {
    // Two words on lines of their own: one is this thread's turn, the other the second thread's; -1 ends it.
    ts_store(words, 0)
    ts_store(words + 16, 0)
    let thread = ts_thread_create(
        { _ in
            var turn: Int32 = 0
            while true {
                turn += 1
                while ts_load(words) < turn {
                    if ts_load(words) == -1 { return nil }
                    sys(SYS_futex, Int(bitPattern: words), 128, Int(turn - 1))
                }
                post(16, turn)
            }
        }, nil)
    var turn: Int32 = 0
    measure("futex round trip", operations: 2_000) {
        for _ in 0..<$0 {
            turn += 1
            post(0, turn)
            waitFor(16, turn)
        }
    }
    post(0, -1)
    _ = ts_thread_join(thread)
}

private func yieldPair() {
    ts_store(words, 0)
    let thread = ts_thread_create(
        { _ in
            while ts_load(words) == 0 { sys(SYS_sched_yield) }
            return nil
        }, nil)
    measure("sched_yield pair", operations: 5_000) { for _ in 0..<$0 { sys(SYS_sched_yield) } }
    ts_store(words, 1)
    _ = ts_thread_join(thread)
}

private func pointers(_ values: [Int]) -> Int {
    let array = UnsafeMutablePointer<Int>.allocate(capacity: values.count + 1)
    for (index, value) in values.enumerated() { array[index] = value }
    array[values.count] = 0
    return Int(bitPattern: array)
}

private func processes() {
    measure("fork + exit + wait", operations: 100) { for _ in 0..<$0 { wait(child { 0 }) } }
    // A tiny static program is what exec is measured with: an ELF header, one segment, exit.
    let program = tinyProgram()
    let fd = open("tiny", O_CREAT | O_WRONLY, 0o755)
    sys(SYS_write, fd, program.address, program.count)
    close(fd)
    let (arguments, environment) = (pointers([text("tiny")]), pointers([]))
    measure("fork + exec + wait", operations: 100) {
        for _ in 0..<$0 {
            wait(
                child {
                    sys(SYS_execve, text("tiny"), arguments, environment)
                    return 1
                })
        }
    }
    measure("vfork + exec + wait", operations: 100) {
        for _ in 0..<$0 {
            wait(ts_vfork_exec("tiny", UnsafePointer(bitPattern: arguments), UnsafePointer(bitPattern: environment)))
        }
    }
    sys(SYS_unlink, text("tiny"))
    measure("thread create + join", operations: 200) {
        for _ in 0..<$0 { _ = ts_thread_join(ts_thread_create({ $0 }, nil)) }
    }
}

private func wait(_ pid: Int) { sys(SYS_wait4, pid, 0, 0, 0) }

/// ELF header, one program header, and `mov edi, 0; mov eax, 231; syscall`.
private func tinyProgram() -> Buffer {
    let file = Buffer(132)
    for (index, value) in [UInt8](arrayLiteral: 0x7f, 0x45, 0x4c, 0x46, 2, 1, 1).enumerated() { file[index] = value }
    file.store(UInt16(2), at: 16)
    file.store(UInt16(62), at: 18)
    file.store(UInt32(1), at: 20)
    file.store(UInt64(0x40_0078), at: 24)
    file.store(UInt64(64), at: 32)
    file.store(UInt16(64), at: 52)
    file.store(UInt16(56), at: 54)
    file.store(UInt16(1), at: 56)
    file.store(UInt32(1), at: 64)
    file.store(UInt32(5), at: 68)
    file.store(UInt64(0x40_0000), at: 80)
    file.store(UInt64(0x40_0000), at: 88)
    file.store(UInt64(132), at: 96)
    file.store(UInt64(132), at: 104)
    file.store(UInt64(4096), at: 112)
    for (index, value) in [0xbf, 0, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05].enumerated() { file[120 + index] = UInt8(value) }
    return file
}
