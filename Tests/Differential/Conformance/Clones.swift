// clone3: sizes and fields of its arguments, and what the children are like.

import CTestSystem
import TestCalls

private let wordCount = 11

/// The call with some fields; by number: flags 0, pidfd 1, child_tid 2, parent_tid 3, exit_signal 4, stack 5, stack_size 6, tls 7,
/// set_tid 8, set_tid_size 9, cgroup 10.
private func clone3(_ fields: [(Int, Int)], size: Int = 88) -> Int {
    let arguments = Buffer(4200)
    for (index, value) in fields { arguments.store(value, at: index * 8) }
    let pid = sys(SYS_clone3, arguments.address, size)
    if pid == 0 { sys(SYS_exit_group, 7) }
    return pid
}

private let childSignal = (4, Int(SIGCHLD))

private func attempt(_ name: String, _ fields: [(Int, Int)], size: Int = 88) {
    let pid = clone3(fields, size: size)
    if pid > 0 { check(name, text: reap(pid)) } else { check(name, pid) }
}

func clonesFamily() {
    for size in [0, 63, 64, 72, 80, 88, 96, 4096] { attempt("size \(size)", [childSignal], size: size) }
    check("larger than a page", sys(SYS_clone3, Buffer(8192).address, 4097))
    check("faults", sys(SYS_clone3, forbiddenPage(), 88))
    attempt("more than is known", [childSignal, (11, 1)], size: 96)
    attempt("more, behind what is passed", [childSignal, (11, 1)], size: 88)
    flags()
    stacks()
    attempt("too many numbers", [childSignal, (8, 16), (9, 33)])
    attempt("numbers without an array", [childSignal, (9, 1)])
    attempt("an array without numbers", [childSignal, (8, 16)])
    identities()
    handlers()
}

private func flags() {
    for (name, flags) in [
        ("a signal among the flags", 17), ("detached", 0x40_0000), ("unknown", 1 << 40), ("handlers without memory", 0x800),
        ("thread without handlers", 0x1_0000 | 0x100), ("handlers shared and cleared", 0x1_0000_0900),
    ] {
        attempt(name, [(0, flags), childSignal])
    }
    attempt("signal 65", [(4, 65)])
    attempt("signal 256", [(4, 256)])
    attempt("thread with a signal", [(0, 0x1_0900), childSignal])
    attempt("sibling with a signal", [(0, 0x8000), childSignal])
    attempt("a control group that is none", [(0, 0x2_0000_0000), childSignal, (10, -1)])
}

private func stacks() {
    attempt("stack without size", [childSignal, (5, anonymous(8192))])
    attempt("size without stack", [childSignal, (6, 4096)])
    attempt("stack in the kernel", [childSignal, (5, Int(bitPattern: 0xffff_8000_0000_0000)), (6, 4096)])
    attempt("stack that wraps", [childSignal, (5, 4096), (6, -1)])
}

private func identities() {
    let words = pointer(anonymous(4096, PROT_READ | PROT_WRITE, MAP_SHARED)).assumingMemoryBound(to: Int32.self)
    // CLONE_PARENT_SETTID and CLONE_CHILD_SETTID, in memory that both share.
    let pid = clone3([(0, 0x10_0000 | 0x100_0000), childSignal, (2, Int(bitPattern: words + 1)), (3, Int(bitPattern: words))])
    check("child", text: reap(pid))
    check("the parent's word", words[0] == Int32(pid))
    check("the child's word", words[1] == Int32(pid))
    // CLONE_VFORK: the parent goes on when the child has ended.
    let arguments = Buffer(88)
    arguments.store(0x4000, at: 0)
    arguments.store(Int(SIGCHLD), at: 32)
    let other = sys(SYS_clone3, arguments.address, 88)
    if other == 0 {
        pause(milliseconds: 20)
        ts_store(words + 2, 1)
        sys(SYS_exit_group, 0)
    }
    check("ended first", Int(ts_load(words + 2)))
    check("child", text: reap(other))
}

private func handlers() {
    ts_handle(SIGUSR1, { _, _, _ in }, 0, 0)
    ts_dispose(SIGUSR2, 1)
    let arguments = Buffer(88)
    arguments.store(0x1_0000_0000, at: 0)
    arguments.store(Int(SIGCHLD), at: 32)
    let pid = sys(SYS_clone3, arguments.address, 88)
    if pid == 0 {
        let action = Buffer(32)
        sys(SYS_rt_sigaction, Int(SIGUSR1), 0, action.address, 8)
        let first = action.load(Int.self, at: 0)
        sys(SYS_rt_sigaction, Int(SIGUSR2), 0, action.address, 8)
        let second = action.load(Int.self, at: 0)
        sys(SYS_exit_group, first == 0 && second == 1 ? 20 : 21)
    }
    check("cleared handlers", text: reap(pid))
    let action = Buffer(32)
    sys(SYS_rt_sigaction, Int(SIGUSR1), 0, action.address, 8)
    check("the parent keeps its own", action.load(Int.self, at: 0) != 0)
    ts_dispose(SIGUSR1, 0)
    ts_dispose(SIGUSR2, 0)
}
