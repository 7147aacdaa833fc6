// execve: arguments, what is kept and what is reset, scripts, and files that are no programs.

import CTestSystem
import TestCalls

/// The address of a NULL-terminated array of strings.
func strings(_ list: [String]) -> Int {
    let array = UnsafeMutablePointer<Int>.allocate(capacity: list.count + 1)
    for (index, item) in list.enumerated() { array[index] = text(copying: item) }
    array[list.count] = 0
    return Int(bitPattern: array)
}

/// Replaces this program by itself in the role of an exec child; returns only on failure.
func execSelf(_ arguments: [String], environment: [String] = ["A=1"]) {
    let result = sys(
        SYS_execve, text("/proc/self/exe"), strings(["conformance", "exec-child"] + arguments), strings(environment))
    emit("exec of itself failed: \(outcome(result))")
}

/// What a program that was executed by a test does; nil when the arguments are not for it.
func execChild(_ arguments: [String]) -> Int32? {
    guard arguments.count >= 3, arguments[1] == "exec-child" else { return arguments.count >= 2 ? scriptChild(arguments) : nil }
    switch arguments[2] {
    case "arguments":
        for argument in arguments.dropFirst(3) { check("argument", text: argument) }
        return 0
    case "environment":
        var cursor = ts_environment()
        while let entry = cursor?.pointee {
            check("variable", text: String(cString: entry))
            cursor = cursor.map { $0 + 1 }
        }
        return 0
    case "state": return reportState()
    case "auxiliary": return reportAuxiliary()
    case "sleep":
        pause(milliseconds: 20_000)
        return 0
    case "lots":
        check("arguments received", arguments.count)
        return 0
    default: return 9
    }
}

private func scriptChild(_ arguments: [String]) -> Int32? {
    guard arguments[1] == "as-interpreter" || arguments[1] == "as interpreter with spaces" else { return nil }
    for argument in arguments.dropFirst() { check("interpreter argument", text: argument) }
    return 0
}

private func reportState() -> Int32 {
    check("close-on-exec descriptor", sys(SYS_fcntl, 20, Int(F_GETFD)))
    check("other descriptor", sys(SYS_fcntl, 21, Int(F_GETFD)))
    check("handled signal is back to default", Int(ts_disposition(SIGUSR1)))
    check("ignored signal stays ignored", Int(ts_disposition(SIGUSR2)))
    let mask = Buffer(8)
    sys(SYS_rt_sigprocmask, 0, 0, mask.address, 8)
    check("mask is kept", Int(mask.load(UInt64.self, at: 0)))
    sys(SYS_rt_sigpending, mask.address, 8)
    check("pending is kept", Int(mask.load(UInt64.self, at: 0)))
    let stack = Buffer(24)
    sys(SYS_sigaltstack, 0, stack.address)
    check("alternative stack is gone", Int(stack.load(Int32.self, at: 8)))
    check("umask is kept", sys(SYS_umask, 0))
    let name = Buffer(16)
    sys(SYS_prctl, Int(PR_GET_NAME), name.address)
    check("name is the file's", bytes: Array(name.bytes(16).prefix { $0 != 0 }))
    check("working folder is kept", sys(SYS_access, text("marker"), 0))
    check("x87 control", Int(ts_x87_control()))
    check("mxcsr", Int(ts_mxcsr()))
    return 0
}

private func reportAuxiliary() -> Int32 {
    check("page size", Int(getauxval(UInt(AT_PAGESZ))))
    check("program header entry size", Int(getauxval(UInt(AT_PHENT))))
    check("clock ticks", Int(getauxval(UInt(AT_CLKTCK))))
    check("secure", Int(getauxval(UInt(AT_SECURE))))
    check("has an entry", getauxval(UInt(AT_ENTRY)) != 0)
    check("has program headers", getauxval(UInt(AT_PHDR)) != 0)
    let random = getauxval(UInt(AT_RANDOM))
    check("has random bytes", random != 0 && random & 15 == random & 15)
    check("stack is aligned or the libc aligned it", Int(ts_stack_pointer()) & 7)
    if let name = UnsafePointer<CChar>(bitPattern: getauxval(UInt(AT_EXECFN))) {
        check("file name", text: String(cString: name))
    }
    return 0
}

func execFamily() {
    checkChild("arguments") {
        execSelf(["arguments", "one", "", "three words here", "\u{e9}"]); return 1
    }
    checkChild("environment") {
        execSelf(["environment"], environment: ["X=1", "EMPTY=", "odd"]); return 1
    }
    checkChild("empty environment") {
        execSelf(["environment"], environment: []); return 1
    }
    checkChild("null environment") {
        sys(SYS_execve, text("/proc/self/exe"), strings(["c", "exec-child", "environment"]), 0)
        return 1
    }
    checkChild("auxiliary vector") {
        execSelf(["auxiliary"]); return 1
    }
    keptState()
    failures()
    scripts()
    large()
    viaDescriptor()
    whileRunning()
    let pid = ts_vfork_exec(
        "/proc/self/exe", UnsafePointer(bitPattern: strings(["c", "exec-child", "arguments", "vforked"])),
        UnsafePointer(bitPattern: strings([])))
    check("vfork and exec", text: reap(Int(pid)))
    let failing = ts_vfork_exec(
        "/no/such/file", UnsafePointer(bitPattern: strings(["c"])), UnsafePointer(bitPattern: strings([])))
    check("vfork and failing exec", text: reap(Int(failing)))
}

private func keptState() {
    close(open("marker", O_CREAT | O_RDWR))
    checkChild("state") {
        let fd = open("marker", O_RDONLY)
        sys(SYS_dup3, fd, 20, Int(O_CLOEXEC))
        sys(SYS_dup3, fd, 21, 0)
        ts_handle(SIGUSR1, { _, _, _ in }, 0, 0)
        ts_dispose(SIGUSR2, 1)
        let mask = Buffer(8)
        mask.store(UInt64(1) << UInt64(SIGTERM - 1), at: 0)
        sys(SYS_rt_sigprocmask, Int(SIG_SETMASK), mask.address, 0, 8)
        sys(SYS_kill, sys(SYS_getpid), Int(SIGTERM))
        let stack = Buffer(24)
        stack.store(anonymous(65536), at: 0)
        stack.store(65536, at: 16)
        sys(SYS_sigaltstack, stack.address, 0)
        sys(SYS_umask, 0o027)
        sys(SYS_prctl, Int(PR_SET_NAME), text("before"))
        ts_set_mxcsr(0x1f00)
        ts_set_x87_control(0x27f)
        copyOfSelf("renamed")
        sys(SYS_execve, text("renamed"), strings(["c", "exec-child", "state"]), strings([]))
        return 1
    }
}

/// Copies this program to a file in the working folder.
private func copyOfSelf(_ name: StaticString, limit: Int = .max) {
    let from = open("/proc/self/exe", O_RDONLY)
    let to = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0o755)
    let buffer = Buffer(65536)
    var left = limit
    while left > 0 {
        let count = sys(SYS_read, from, buffer.address, min(65536, left))
        if count <= 0 { break }
        sys(SYS_write, to, buffer.address, count)
        left -= count
    }
    close(from)
    close(to)
}

private func failures() {
    let (arguments, environment) = (strings(["x"]), strings([]))
    func exec(_ path: Int) -> Int { sys(SYS_execve, path, arguments, environment) }
    check("missing", exec(text("missing")))
    check("a folder", exec(text(".")))
    check("below a file", exec(text("marker/x")))
    close(open("plain", O_CREAT | O_RDWR, 0o644))
    check("not executable", exec(text("plain")))
    close(open("empty", O_CREAT | O_RDWR, 0o755))
    check("empty file", exec(text("empty")))
    let fd = open("words", O_CREAT | O_RDWR, 0o755)
    write(fd, "just some words, no program")
    check("while it is open for writing", exec(text("words")))
    close(fd)
    check("text", exec(text("words")))
    let again = open("words", O_WRONLY)
    checkSuccess("open for writing after a failed exec", again)
    close(again)
    check("empty path", exec(text("")))
    check("path that faults", exec(forbiddenPage()))
    check("arguments that fault", sys(SYS_execve, text("/proc/self/exe"), forbiddenPage(), environment))
    check("environment that faults", sys(SYS_execve, text("/proc/self/exe"), arguments, forbiddenPage()))
    let array = Buffer(16)
    array.store(forbiddenPage(), at: 0)
    check("an argument that faults", sys(SYS_execve, text("/proc/self/exe"), array.address, environment))
    checkChild("alive after failures") { 0 }
}

private func scripts() {
    func script(_ name: StaticString, _ content: StaticString) {
        let fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0o755)
        write(fd, content)
        close(fd)
    }
    copyOfSelf("renamed")
    script("s1", "#!renamed as-interpreter\nignored\n")
    checkChild("script with an argument") {
        sys(SYS_execve, text("s1"), strings(["zero", "one"]), strings([])); return 1
    }
    script("s2", "#!  renamed   as interpreter with spaces  \n")
    checkChild("script with spaces") {
        sys(SYS_execve, text("./s2"), strings(["zero"]), strings([])); return 1
    }
    script("s3", "#!missing-interpreter\n")
    check("missing interpreter", sys(SYS_execve, text("s3"), strings(["x"]), strings([])))
    script("s4", "#!\n")
    check("no interpreter", sys(SYS_execve, text("s4"), strings(["x"]), strings([])))
    script("s5", "#!s5\n")
    check("its own interpreter", sys(SYS_execve, text("s5"), strings(["x"]), strings([])))
    script("s6", "#!s1\n")
    checkChild("a script as interpreter") {
        sys(SYS_execve, text("s6"), strings(["zero", "one"]), strings([])); return 1
    }
}

private func large() {
    let many = (0..<2000).map { "argument number \($0)" }
    checkChild("2000 arguments") {
        execSelf(["lots"] + many); return 1
    }
    let long = String(repeating: "x", count: 131_071)
    checkChild("argument of 131071 bytes") {
        execSelf(["lots", long]); return 1
    }
    check(
        "argument of 131072 bytes",
        sys(
            SYS_execve, text("/proc/self/exe"), strings(["c", "exec-child", "lots", long + "x"]), strings([])))
    let huge = (0..<60).map { _ in long }
    check(
        "more than a quarter of the stack",
        sys(
            SYS_execve, text("/proc/self/exe"), strings(["c", "exec-child", "lots"] + huge), strings([])))
}

/// A running program cannot be written to.
private func whileRunning() {
    copyOfSelf("running")
    let (r, w) = pipe(O_CLOEXEC)
    let pid = child {
        sys(SYS_execve, text("running"), strings(["c", "exec-child", "sleep"]), strings([]))
        return 1
    }
    close(w)
    // The end of the pipe: the program runs.
    _ = read(r, 1)
    check("open a running program for writing", open("running", O_WRONLY))
    check("open it for reading and writing", open("running", O_RDWR))
    check("truncate it while opening", open("running", O_RDONLY | O_TRUNC))
    check("truncate it", sys(SYS_truncate, text("running"), 0))
    let reader = open("running", O_RDONLY)
    checkSuccess("open it for reading", reader)
    check("replace it", sys(SYS_rename, text("words"), text("running")))
    close(reader)
    sys(SYS_kill, pid, Int(SIGKILL))
    check("the program", text: reap(pid))
    close(r)
    let after = open("renamed", O_WRONLY)
    checkSuccess("open a program for writing that ran", after)
    close(after)
}

private func viaDescriptor() {
    let fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
    checkChild("execveat of a descriptor") {
        sys(
            SYS_execveat, fd, text(""), strings(["c", "exec-child", "arguments", "by descriptor"]), strings([]),
            Int(AT_EMPTY_PATH))
        return 1
    }
    let script = open("s1", O_RDONLY | O_CLOEXEC)
    check(
        "script behind a descriptor that closes",
        sys(SYS_execveat, script, text(""), strings(["c"]), strings([]), Int(AT_EMPTY_PATH)))
    close(script)
    checkChild("script behind a descriptor") {
        let kept = open("s1", O_RDONLY)
        sys(SYS_execveat, kept, text(""), strings(["c"]), strings([]), Int(AT_EMPTY_PATH))
        return 1
    }
    check("execveat of a link not to be followed", linkExec())
    check("execveat empty without flag", sys(SYS_execveat, fd, text(""), strings(["c"]), strings([]), 0))
    check("execveat unknown flag", sys(SYS_execveat, fd, text("marker"), strings(["c"]), strings([]), 0x8000))
    close(fd)
}

private func linkExec() -> Int {
    sys(SYS_symlink, text("renamed"), text("link-to-it"))
    return sys(SYS_execveat, Int(AT_FDCWD), text("link-to-it"), strings(["c"]), strings([]), Int(AT_SYMLINK_NOFOLLOW))
}
