// Programs that are damaged: each must be refused, or die of a signal, and harm nobody.

import CTestSystem
import TestCalls

/// A small program that exits with 7, as bytes: ELF header, one program header, code.
private func tinyProgram() -> Buffer {
    let file = Buffer(4096)
    let header: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]
    for (index, value) in header.enumerated() { file[index] = value }
    file.store(UInt16(2), at: 16)  // ET_EXEC
    file.store(UInt16(62), at: 18)  // EM_X86_64
    file.store(UInt32(1), at: 20)
    file.store(UInt64(0x40_0000 + 120), at: 24)  // entry
    file.store(UInt64(64), at: 32)  // program headers
    file.store(UInt16(64), at: 52)
    file.store(UInt16(56), at: 54)
    file.store(UInt16(1), at: 56)
    file.store(UInt32(1), at: 64)  // PT_LOAD
    file.store(UInt32(5), at: 68)  // read, execute
    file.store(UInt64(0), at: 72)
    file.store(UInt64(0x40_0000), at: 80)
    file.store(UInt64(0x40_0000), at: 88)
    file.store(UInt64(4096), at: 96)
    file.store(UInt64(4096), at: 104)
    file.store(UInt64(4096), at: 112)
    // mov edi, 7; mov eax, 231; syscall
    for (index, value) in [0xbf, 7, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05].enumerated() { file[120 + index] = UInt8(value) }
    return file
}

/// Writes a damaged copy, executes it and prints how that went. Whether a damaged program is refused by an error or dies of a
/// signal before its first instruction is the kernel's choice: both are `did not run`.
private func check(_ name: String, length: Int = 4096, _ damage: (Buffer) -> Void) {
    let file = tinyProgram()
    damage(file)
    let fd = open("program", O_CREAT | O_WRONLY | O_TRUNC, 0o755)
    sys(SYS_write, fd, file.address, length)
    close(fd)
    let pid = child {
        let result = sys(SYS_execve, text("program"), strings(["program"]), strings([]))
        return Int32(100 - result)
    }
    let ending = reap(pid)
    let refusals = ["exit \(100 + ENOEXEC)", "exit \(100 + ENOENT)", "exit \(100 + ENOMEM)", "exit \(100 + EINVAL)"]
    let didNotRun = refusals.contains(ending) || ["signal 11", "signal 7", "signal 9"].contains(ending)
    check(name, text: didNotRun ? "did not run" : ending)
}

func badELFFamily() {
    check("intact") { _ in }
    check("wrong magic") { $0[1] = 0 }
    check("wrong machine") { $0.store(UInt16(40), at: 18) }
    check("object file") { $0.store(UInt16(1), at: 16) }
    check("core file") { $0.store(UInt16(4), at: 16) }
    check("cut off in the header", length: 40) { _ in }
    check("cut off after the header", length: 64) { _ in }
    check("cut off in the program header", length: 100) { _ in }
    check("one byte", length: 1) { _ in }
    check("no program headers") { $0.store(UInt16(0), at: 56) }
    check("65535 program headers") { $0.store(UInt16(65535), at: 56) }
    check("wrong size of a program header") { $0.store(UInt16(8), at: 54) }
    check("program headers beyond the file") { $0.store(UInt64(1 << 20), at: 32) }
    check("program headers at the end of numbers") { $0.store(UInt64.max - 16, at: 32) }
    check("segment in the kernel") {
        $0.store(UInt64(0xffff_8000_0000_0000), at: 80)
    }
    check("segment that wraps") {
        $0.store(UInt64.max - 4095, at: 80)
    }
    check("segment larger than user space") { $0.store(UInt64(1) << 48, at: 104) }
    check("file size above memory size") { $0.store(UInt64(8192), at: 96) }
    check("unaligned segment") { $0.store(UInt64(8), at: 72) }
    check("entry in nothing") { $0.store(UInt64(0x1234_5000), at: 24) }
    check("entry in the kernel") { $0.store(UInt64(0xffff_ffff_8000_0000), at: 24) }
    check("entry at zero") { $0.store(UInt64(0), at: 24) }
    check("segment not executable") { $0.store(UInt32(4), at: 68) }
    check("segment beyond the file") { $0.store(UInt64(4096 * 16), at: 72) }
    check("interpreter that is missing") {
        $0.store(UInt32(3), at: 64)
        $0.store(UInt64(200), at: 72)
        $0.store(UInt64(5), at: 96)
        for (index, value) in Array("/none".utf8).enumerated() { $0[200 + index] = value }
    }
    check("intact again") { _ in }
}
