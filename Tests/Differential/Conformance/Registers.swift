// Processor state: what a system call, a signal and a context switch must leave as it was.

import CTestSystem
import TestCalls

nonisolated(unsafe) private var flag = UnsafeMutablePointer<Int32>.allocate(capacity: 2)

func registersFamily() {
    let page = anonymous(4096, PROT_READ | PROT_WRITE, MAP_SHARED)
    flag = pointer(page).assumingMemoryBound(to: Int32.self)
    calls()
    switches()
    signals()
    controlWords()
}

private func calls() {
    check("vector registers over getpid", Int(ts_vector_survives(Int(SYS_getpid), 0, 0, 1)))
    check("over a failing call", Int(ts_vector_survives(Int(SYS_close), 99, 0, 2)))
    check("over a yield", Int(ts_vector_survives(Int(SYS_sched_yield), 0, 0, 3)))
    let time = Buffer(16)
    time.store(5_000_000, at: 8)
    check("over a sleep", Int(ts_vector_survives(Int(SYS_nanosleep), time.address, 0, 4)))
    let fork = Int(ts_vector_survives(Int(SYS_getppid), 0, 0, 5))
    check("over another call", fork)
    check("direction flag after a call", Int(ts_flags() & 0x400))
}

private func switches() {
    // Processes with different patterns, more than there are processors: each must keep its own.
    let pids = (0..<4).map { index in
        child { Int32(ts_registers_survive_wait(flag, UInt(0x1111_1111_1111_1111) * UInt(index + 1))) }
    }
    pause(milliseconds: 80)
    ts_store(flag, 1)
    for pid in pids { check("registers over switches", text: reap(pid)) }
    ts_store(flag, 0)
    let threads = (0..<4).map { index in
        ts_thread_create(
            { argument in
                let damage = ts_registers_survive_wait(flag, UInt(bitPattern: argument) &* 0x0101_0101_0101_0101)
                return UnsafeMutableRawPointer(bitPattern: Int(damage))
            }, UnsafeMutableRawPointer(bitPattern: index + 1))
    }
    pause(milliseconds: 80)
    ts_store(flag, 1)
    for thread in threads { check("registers of threads", ts_thread_join(thread)) }
    ts_store(flag, 0)
}

private func signals() {
    // A handler that ruins every register it may touch, again and again during a busy loop.
    ts_handle(
        SIGALRM,
        { _, _, _ in
            _ = ts_vector_survives(Int(SYS_getpid), 0, 0, 99)
            ts_set_mxcsr(0x1f00)
            ts_add(flag + 1, 1)
            if ts_load(flag + 1) == 5 { ts_store(flag, 1) }
        }, 0, 0)
    ts_store(flag + 1, 0)
    let interval = Buffer(32)
    interval.store(4_000, at: 8)
    interval.store(4_000, at: 24)
    sys(SYS_setitimer, 0, interval.address, 0)
    let before = ts_mxcsr()
    let damage = ts_registers_survive_wait(flag, 0x1234_5678_9abc_def0)
    interval.fill(0)
    sys(SYS_setitimer, 0, interval.address, 0)
    check("registers over handlers", Int(damage))
    check("mxcsr over handlers", ts_mxcsr() == before)
    check("handlers ran", ts_load(flag + 1) >= 5)
    ts_dispose(SIGALRM, 0)
    sys(SYS_alarm, 90)
    // A handler starts with the direction flag clear whatever the program did.
    ts_handle(SIGUSR1, { _, _, _ in ts_store(flag, Int32(ts_flags() & 0x400)) }, 0, 0)
    ts_store(flag, 77)
    checkChild("direction flag in a handler") {
        ts_set_direction()
        ts_syscall(Int(SYS_kill), ts_syscall(Int(SYS_getpid), 0, 0, 0, 0, 0, 0), Int(SIGUSR1), 0, 0, 0, 0)
        ts_clear_direction()
        return ts_load(flag)
    }
}

private func controlWords() {
    let (mxcsr, x87) = (ts_mxcsr(), ts_x87_control())
    check("mxcsr", Int(mxcsr & ~0x3f))
    check("x87 control", Int(x87))
    ts_set_mxcsr(0x3f80)
    ts_set_x87_control(0x77f)
    pause(milliseconds: 5)
    check("mxcsr kept", Int(ts_mxcsr()))
    check("x87 control kept", Int(ts_x87_control()))
    check("inherited by a child", text: reap(child { ts_mxcsr() == 0x3f80 && ts_x87_control() == 0x77f ? 0 : 1 }))
    ts_set_mxcsr(mxcsr)
    ts_set_x87_control(UInt16(x87))
}
