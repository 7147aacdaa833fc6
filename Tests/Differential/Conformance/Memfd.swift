// Memory files and their seals: what the compositor trusts its clients' buffers by.

import CTestSystem
import TestCalls

private let sealingAllowed = 2
private let addSeals = 1033
private let getSeals = 1034
private let (sealSeal, sealShrink, sealGrow, sealWrite, sealFutureWrite) = (1, 2, 4, 8, 16)

private func memfd(_ flags: Int = sealingAllowed) -> Int { sys(SYS_memfd_create, text("conformance"), flags) }

func memfdFamily() {
    creation()
    sealing()
    writeSeals()
    sharedBuffers()
}

private func creation() {
    let fd = memfd()
    check("create", fd)
    check("size", sys(SYS_lseek, fd, 0, Int(SEEK_END)))
    check("close-on-exec", sys(SYS_fcntl, fd, Int(F_GETFD)))
    check("write", write(fd, "abc"))
    check("grow", sys(SYS_ftruncate, fd, 8192))
    check("pread beyond", sys(SYS_pread64, fd, Buffer(10).address, 10, 8190))
    let stat = Buffer(256)
    sys(SYS_fstat, fd, stat.address)
    check("mode", text: String(stat.load(UInt32.self, at: 24), radix: 8))
    check("links", Int(stat.load(UInt64.self, at: 16)))
    close(fd)
    let closing = memfd(1)
    check("with close-on-exec", sys(SYS_fcntl, closing, Int(F_GETFD)))
    check("seals when not allowed", sys(SYS_fcntl, closing, getSeals))
    check("sealing when not allowed", sys(SYS_fcntl, closing, addSeals, sealShrink))
    close(closing)
    check("unknown flag", memfd(0x8000))
    check("name that faults", sys(SYS_memfd_create, forbiddenPage(), 0))
    check("name of 249", named(249) > 0)
    check("name of 250", named(250))
    check("empty name", sys(SYS_memfd_create, text(""), 0) > 0)
    for fd in 3..<8 { close(fd) }
}

private func named(_ length: Int) -> Int {
    sys(SYS_memfd_create, text(copying: String(repeating: "m", count: length)), 0)
}

private func sealing() {
    let fd = memfd()
    sys(SYS_ftruncate, fd, 8192)
    check("no seals", sys(SYS_fcntl, fd, getSeals))
    check("unknown seal", sys(SYS_fcntl, fd, addSeals, 0x100))
    check("seal shrinking", sys(SYS_fcntl, fd, addSeals, sealShrink))
    check("shrink", sys(SYS_ftruncate, fd, 4096))
    check("same size", sys(SYS_ftruncate, fd, 8192))
    check("grow", sys(SYS_ftruncate, fd, 12288))
    check("seal growing", sys(SYS_fcntl, fd, addSeals, sealGrow))
    check("grow by ftruncate", sys(SYS_ftruncate, fd, 16384))
    check("grow by writing", sys(SYS_pwrite64, fd, text("x"), 1, 12288))
    check("write within", sys(SYS_pwrite64, fd, text("x"), 1, 100))
    check("write across the end", sys(SYS_pwrite64, fd, text("xyz"), 3, 12286))
    check("seals", sys(SYS_fcntl, fd, getSeals))
    check("seal sealing", sys(SYS_fcntl, fd, addSeals, sealSeal))
    check("another seal", sys(SYS_fcntl, fd, addSeals, sealWrite))
    check("seals stay", sys(SYS_fcntl, fd, getSeals))
    close(fd)
    let (reader, writer) = pipe()
    check("seals of a pipe", sys(SYS_fcntl, reader, getSeals))
    close(reader)
    close(writer)
}

private func writeSeals() {
    let rw = Int(PROT_READ | PROT_WRITE)
    let fd = memfd()
    sys(SYS_ftruncate, fd, 4096)
    let map = sys(SYS_mmap, 0, 4096, rw, Int(MAP_SHARED), fd, 0)
    check("seal writing while mapped", sys(SYS_fcntl, fd, addSeals, sealWrite))
    check("unmap", sys(SYS_munmap, map, 4096))
    check("seal writing", sys(SYS_fcntl, fd, addSeals, sealWrite))
    check("write", write(fd, "x"))
    check("map shared writable", sys(SYS_mmap, 0, 4096, rw, Int(MAP_SHARED), fd, 0))
    check("map private writable", sys(SYS_mmap, 0, 4096, rw, Int(MAP_PRIVATE), fd, 0) > 0)
    check("map shared readable", sys(SYS_mmap, 0, 4096, Int(PROT_READ), Int(MAP_SHARED), fd, 0) > 0)
    check("size may change", sys(SYS_ftruncate, fd, 8192))
    close(fd)
    let future = memfd()
    sys(SYS_ftruncate, future, 4096)
    let before = sys(SYS_mmap, 0, 4096, rw, Int(MAP_SHARED), future, 0)
    check("seal future writing while mapped", sys(SYS_fcntl, future, addSeals, sealFutureWrite))
    setByte(before, 77)
    check("the old map writes", Int(byte(before)))
    check("write", write(future, "x"))
    check("a new map does not", sys(SYS_mmap, 0, 4096, rw, Int(MAP_SHARED), future, 0))
    close(future)
}

private func sharedBuffers() {
    let fd = memfd()
    sys(SYS_ftruncate, fd, 16384)
    let rw = Int(PROT_READ | PROT_WRITE)
    let (one, two) = (sys(SYS_mmap, 0, 16384, rw, Int(MAP_SHARED), fd, 0), sys(SYS_mmap, 0, 4096, rw, Int(MAP_SHARED), fd, 8192))
    setByte(one + 8192 + 5, 55)
    check("two maps of one page", Int(byte(two + 5)))
    let pid = child {
        setByte(two + 6, byte(one + 8197) + 1); return 0
    }
    check("child", text: reap(pid))
    check("written by the child", Int(byte(one + 8198)))
    let probe = Buffer(1)
    sys(SYS_pread64, fd, probe.address, 1, 8198)
    check("read from the file", Int(probe[0]))
    // Through /proc/self/fd another descriptor of the same file opens, read-only.
    let path = text(copying: "/proc/self/fd/\(fd)")
    let readOnly = sys(SYS_open, path, Int(O_RDONLY), 0)
    checkSuccess("opened again", readOnly)
    check("shared writable map of it", sys(SYS_mmap, 0, 4096, rw, Int(MAP_SHARED), readOnly, 0))
    check("growing keeps contents", sys(SYS_ftruncate, fd, 32768))
    check("still there", Int(byte(one + 8198)))
    sys(SYS_ftruncate, fd, 8192)
    checkChild("access beyond a shrunk file") { Int32(byte(two)) }
    sys(SYS_ftruncate, fd, 16384)
    check("grown again reads zero", Int(byte(two + 5)))
    close(readOnly)
    close(fd)
}
