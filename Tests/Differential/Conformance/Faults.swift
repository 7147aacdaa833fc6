// Exceptions of the processor as signals: which one, with which code and address, and that the program can go on.

import CTestSystem
import TestCalls

nonisolated(unsafe) private var seen = (signal: Int32(0), code: Int32(0), address: 0, count: 0)

/// Notes what arrived and skips an instruction of `skip` bytes.
private func note(_ number: Int32, _ info: UnsafePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?, skip: Int) {
    seen.signal = number
    seen.code = info!.pointee.si_code
    seen.address = Int(bitPattern: ts_info_address(info))
    seen.count += 1
    ts_skip_instruction(context, skip)
}

private let skipping2: ts_handler = { note($0, UnsafePointer($1), $2, skip: 2) }
private let skipping3: ts_handler = { note($0, UnsafePointer($1), $2, skip: 3) }

/// Writes to an address and prints the signal, its code and whether its address is right.
private func checkWrite(_ name: String, _ address: Int) {
    seen.count = 0
    ts_handle(SIGSEGV, skipping3, 0, 0)
    ts_handle(SIGBUS, skipping3, 0, 0)
    ts_poke(UnsafeMutableRawPointer(bitPattern: address))
    report(name, address)
}

private func checkLoad(_ name: String, _ address: Int) {
    seen.count = 0
    ts_handle(SIGSEGV, skipping2, 0, 0)
    ts_handle(SIGBUS, skipping2, 0, 0)
    ts_peek(UnsafeRawPointer(bitPattern: address))
    report(name, address)
}

private func report(_ name: String, _ address: Int) {
    if seen.count == 0 { return emit("\(name) = no fault") }
    emit("\(name) = signal \(seen.signal) code \(seen.code) address \(seen.address == address ? "right" : "wrong")")
}

func faultsFamily() {
    checkWrite("write to null", 0)
    checkLoad("read of null", 0)
    checkLoad("read near null", 8)
    checkWrite("write to a hole", 0x1000_0000_0000)
    checkWrite("write to the kernel", Int(bitPattern: 0xffff_8880_0000_0000))
    checkLoad("read of the kernel", Int(bitPattern: 0xffff_ffff_8100_0000))
    let page = anonymous(4096, PROT_READ)
    checkLoad("read of a readable page", page)
    checkWrite("write to a readable page", page + 5)
    checkLoad("read of a forbidden page", forbiddenPage())
    sys(SYS_mprotect, page, 4096, Int(PROT_READ | PROT_WRITE))
    checkWrite("write after mprotect", page + 5)
    checkWrite("write to own code", text("constants lie in a read-only section"))
    let fd = open("short", O_CREAT | O_RDWR)
    write(fd, "0123456789")
    let mapped = sys(SYS_mmap, 0, 3 * 4096, Int(PROT_READ | PROT_WRITE), Int(MAP_SHARED), fd, 0)
    checkLoad("read in the file's last page", mapped + 4000)
    checkLoad("read beyond the file", mapped + 4096)
    checkWrite("write beyond the file", mapped + 8192)
    sys(SYS_ftruncate, fd, 8192)
    checkLoad("read after the file grew", mapped + 4096)
    sys(SYS_ftruncate, fd, 0)
    checkLoad("read after the file shrank", mapped + 1)
    close(fd)
    arithmetic()
    killsOnlyTheOffender()
    stacks()
}

private func arithmetic() {
    seen.count = 0
    ts_handle(SIGILL, skipping2, 0, 0)
    ts_illegal()
    emit("illegal instruction = signal \(seen.signal) code \(seen.code) count \(seen.count)")
    seen.count = 0
    ts_handle(SIGFPE, skipping2, 0, 0)
    ts_divide()
    emit("division by zero = signal \(seen.signal) code \(seen.code) count \(seen.count)")
    seen.count = 0
    ts_handle(SIGTRAP, { note($0, UnsafePointer($1), $2, skip: 0) }, 0, 0)
    ts_breakpoint()
    emit("breakpoint = signal \(seen.signal) count \(seen.count)")
}

private func killsOnlyTheOffender() {
    checkChild("null") {
        ts_dispose(SIGSEGV, 0)
        ts_poke(nil)
        return 0
    }
    checkChild("null while SIGSEGV is ignored") {
        ts_dispose(SIGSEGV, 1)
        ts_poke(nil)
        return 0
    }
    checkChild("null while SIGSEGV is blocked") {
        ts_handle(SIGSEGV, skipping3, 0, 0)
        let mask = Buffer(8)
        mask.store(UInt64(1) << UInt64(SIGSEGV - 1), at: 0)
        sys(SYS_rt_sigprocmask, Int(SIG_BLOCK), mask.address, 0, 8)
        ts_poke(nil)
        return 0
    }
    checkChild("illegal") {
        ts_dispose(SIGILL, 0); ts_illegal(); return 0
    }
    checkChild("privileged") {
        ts_dispose(SIGSEGV, 0); ts_privileged(); return 0
    }
    checkChild("divide") {
        ts_dispose(SIGFPE, 0); ts_divide(); return 0
    }
    checkChild("breakpoint") {
        ts_dispose(SIGTRAP, 0); ts_breakpoint(); return 0
    }
    checkChild("non-canonical") {
        ts_dispose(SIGSEGV, 0); ts_touch_noncanonical(); return 0
    }
    checkChild("jump to null") {
        ts_dispose(SIGSEGV, 0); ts_call(nil); return 0
    }
    checkChild("jump to the kernel") {
        ts_dispose(SIGSEGV, 0)
        ts_call(UnsafeMutableRawPointer(bitPattern: UInt(0xffff_8000_0000_0000)))
        return 0
    }
    checkChild("stack overflow") {
        ts_dispose(SIGSEGV, 0); return ts_overflow_stack(0)
    }
}

private func stacks() {
    // Without a usable stack the signal cannot be delivered; with an alternative one it can.
    checkChild("overflow with a handler and no stack for it") {
        ts_handle(SIGSEGV, { _, _, _ in sys(SYS_exit_group, 5) }, 0, 0)
        return ts_overflow_stack(0)
    }
    checkChild("overflow with an alternative stack") {
        let stack = Buffer(24)
        stack.store(anonymous(65536), at: 0)
        stack.store(65536, at: 16)
        sys(SYS_sigaltstack, stack.address, 0)
        ts_handle(SIGSEGV, { _, _, _ in sys(SYS_exit_group, 6) }, SA_ONSTACK, 0)
        return ts_overflow_stack(0)
    }
    check("a deep but allowed stack", text: reap(child { deep(500) }))
}

/// Uses about four kilobytes of stack a level.
@inline(never)
private func deep(_ levels: Int) -> Int32 {
    withUnsafeTemporaryAllocation(byteCount: 4000, alignment: 16) { space -> Int32 in
        space[0] = 1
        space[3999] = UInt8(levels & 1)
        let below = levels == 0 ? 0 : deep(levels - 1)
        return below &+ Int32(space[0]) &- 1
    }
}
