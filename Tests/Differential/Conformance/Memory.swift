// Address spaces: mapping, protection, sharing, growth, and what faults.

import CTestSystem
import TestCalls

func memoryFamily() {
    anonymousMemory()
    badArguments()
    fixedMappings()
    fileMappings()
    sharing()
    remapping()
    advice()
    programBreak()
    executableMemory()
}

private func anonymousMemory() {
    let a = anonymous(3 * 4096)
    check("page aligned", a & 4095)
    check("zero filled", Int(byte(a)) + Int(byte(a + 3 * 4096 - 1)))
    setByte(a, 1)
    setByte(a + 8192, 3)
    check("unmap the middle", sys(SYS_munmap, a + 4096, 4096))
    check("sides remain", Int(byte(a)) + Int(byte(a + 8192)))
    check("unmap it again", sys(SYS_munmap, a + 4096, 4096))
    check("unmap all with a hole", sys(SYS_munmap, a, 3 * 4096))
    check("length is rounded up", sys(SYS_munmap, anonymous(1), 1))
    let big = anonymous(1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE)
    check("a sparse GiB", big > 0)
    setByte(big + (1 << 30) - 1, 5)
    check("its last byte", Int(byte(big + (1 << 30) - 1)))
    check("a byte of the middle", Int(byte(big + (1 << 29))))
    check("unmap it", sys(SYS_munmap, big, 1 << 30))
    check("populate", anonymous(1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE) > 0)
    let protected = anonymous(2 * 4096)
    check("mprotect", sys(SYS_mprotect, protected, 4096, Int(PROT_READ)))
    let holed = anonymous(3 * 4096)
    sys(SYS_munmap, holed + 4096, 4096)
    check("mprotect over a hole", sys(SYS_mprotect, holed, 3 * 4096, Int(PROT_READ)))
    check("mprotect unaligned", sys(SYS_mprotect, protected + 1, 4096, Int(PROT_READ)))
    check("mprotect of nothing", sys(SYS_mprotect, protected, 0, Int(PROT_READ)))
    check("mprotect unknown bits", sys(SYS_mprotect, protected, 4096, 0x4000))
    setByte(protected + 4096, 1)
}

private func badArguments() {
    let rw = Int(PROT_READ | PROT_WRITE)
    let flags = Int(MAP_PRIVATE | MAP_ANONYMOUS)
    check("length 0", sys(SYS_mmap, 0, 0, rw, flags, -1, 0))
    check("neither private nor shared", sys(SYS_mmap, 0, 4096, rw, Int(MAP_ANONYMOUS), -1, 0))
    check("offset not aligned", sys(SYS_mmap, 0, 4096, rw, flags, -1, 1))
    check("more than there is", sys(SYS_mmap, 0, 1 << 47, rw, flags, -1, 0))
    check("length that overflows", sys(SYS_mmap, 0, -4096, rw, flags, -1, 0))
    check("length that overflows when rounded", sys(SYS_mmap, 0, -1, rw, flags, -1, 0))
    check("no such descriptor", sys(SYS_mmap, 0, 4096, rw, Int(MAP_PRIVATE), 99, 0))
    check("fixed, not aligned", sys(SYS_mmap, 0x10001, 4096, rw, flags | Int(MAP_FIXED), -1, 0))
    check("fixed in the kernel", sys(SYS_mmap, Int(bitPattern: 0xffff_8000_0000_0000), 4096, rw, flags | Int(MAP_FIXED), -1, 0))
    check("munmap not aligned", sys(SYS_munmap, 0x1001, 4096))
    check("munmap length 0", sys(SYS_munmap, 0x1000, 0))
    check("munmap of the kernel", sys(SYS_munmap, Int(bitPattern: 0xffff_8000_0000_0000), 4096))
    check("munmap that wraps", sys(SYS_munmap, 0x1000, -4096))
    let (reader, writer) = pipe()
    check("a pipe does not map", sys(SYS_mmap, 0, 4096, rw, Int(MAP_PRIVATE), reader, 0))
    close(reader)
    close(writer)
    let folder = open(".", O_RDONLY)
    check("a folder does not map", sys(SYS_mmap, 0, 4096, Int(PROT_READ), Int(MAP_PRIVATE), folder, 0))
    close(folder)
}

private func fixedMappings() {
    let a = anonymous(4 * 4096)
    setByte(a, 1)
    setByte(a + 4096, 2)
    let replaced = sys(
        SYS_mmap, a + 4096, 4096, Int(PROT_READ | PROT_WRITE), Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1, 0)
    check("fixed is where it was asked for", replaced == a + 4096)
    check("and replaces", Int(byte(a + 4096)))
    check("neighbour kept", Int(byte(a)))
    let noReplace = Int(MAP_PRIVATE | MAP_ANONYMOUS) | 0x100000
    check("not replacing", sys(SYS_mmap, a, 4096, Int(PROT_READ), noReplace, -1, 0))
    sys(SYS_munmap, a + 8192, 4096)
    check("not replacing, free", sys(SYS_mmap, a + 8192, 4096, Int(PROT_READ), noReplace, -1, 0) == a + 8192)
    sys(SYS_munmap, a + 8192, 4096)
    check(
        "a free hint is taken", sys(SYS_mmap, a + 8192, 4096, Int(PROT_READ), Int(MAP_PRIVATE | MAP_ANONYMOUS), -1, 0) == a + 8192
    )
    check("a used hint is not", sys(SYS_mmap, a, 4096, Int(PROT_READ), Int(MAP_PRIVATE | MAP_ANONYMOUS), -1, 0) != a)
    sys(SYS_munmap, a, 4 * 4096)
}

private func fileMappings() {
    let fd = open("map", O_CREAT | O_RDWR)
    let content = Buffer(6000)
    for index in 0..<6000 { content[index] = UInt8(truncatingIfNeeded: index) }
    sys(SYS_write, fd, content.address, 6000)
    let shared = sys(SYS_mmap, 0, 8192, Int(PROT_READ | PROT_WRITE), Int(MAP_SHARED), fd, 0)
    let copied = sys(SYS_mmap, 0, 8192, Int(PROT_READ | PROT_WRITE), Int(MAP_PRIVATE), fd, 0)
    let second = sys(SYS_mmap, 0, 4096, Int(PROT_READ), Int(MAP_SHARED), fd, 4096)
    check("shared byte", Int(byte(shared + 5000)))
    check("private byte", Int(byte(copied + 5000)))
    check("byte at an offset", Int(byte(second + 904)))
    check("rest of the last page", Int(byte(shared + 6000)) + Int(byte(shared + 8191)))
    setByte(shared + 10, 200)
    setByte(copied + 11, 201)
    let probe = Buffer(2)
    sys(SYS_pread64, fd, probe.address, 2, 10)
    check("shared write is in the file", Int(probe[0]))
    check("private write is not", Int(probe[1]))
    sys(SYS_pwrite64, fd, text("Q"), 1, 20)
    check("file write is in the shared map", Int(byte(shared + 20)))
    sys(SYS_pwrite64, fd, text("W"), 1, 4999)
    check("file write is in an untouched private page", Int(byte(copied + 4999)))
    check("msync", sys(SYS_msync, shared, 8192, Int(MS_SYNC)))
    check("msync both", sys(SYS_msync, shared, 8192, Int(MS_SYNC | MS_ASYNC)))
    check("msync of a hole", sys(SYS_msync, forbiddenPage() + (1 << 40), 4096, Int(MS_SYNC)))
    close(fd)
    check("maps outlive the descriptor", Int(byte(shared + 10)))
    sys(SYS_munmap, shared, 8192)
    let again = open("map", O_RDONLY)
    sys(SYS_pread64, again, probe.address, 1, 10)
    check("and the file keeps the write", Int(probe[0]))
    let readOnly = Int(PROT_READ | PROT_WRITE)
    check("shared writable map of a read-only file", sys(SYS_mmap, 0, 4096, readOnly, Int(MAP_SHARED), again, 0))
    check("private writable map of it", sys(SYS_mmap, 0, 4096, readOnly, Int(MAP_PRIVATE), again, 0) > 0)
    let readMap = sys(SYS_mmap, 0, 4096, Int(PROT_READ), Int(MAP_SHARED), again, 0)
    check("making it writable", sys(SYS_mprotect, readMap, 4096, readOnly))
    close(again)
    let writeOnly = open("map", O_WRONLY)
    check("map of a write-only file", sys(SYS_mmap, 0, 4096, Int(PROT_WRITE), Int(MAP_SHARED), writeOnly, 0))
    close(writeOnly)
}

private func sharing() {
    let shared = anonymous(4096, PROT_READ | PROT_WRITE, MAP_SHARED)
    let own = anonymous(4096)
    setByte(own, 1)
    let pid = child {
        setByte(shared, 42)
        setByte(own, 2)
        return Int32(byte(own))
    }
    check("child", text: reap(pid))
    check("shared memory is shared", Int(byte(shared)))
    check("private memory is copied", Int(byte(own)))
    // A page that a child shares copy-on-write is still written correctly by both, in both orders.
    let cow = anonymous(16 * 4096)
    for page in 0..<16 { setByte(cow + page * 4096, UInt8(page)) }
    let pids = (0..<3).map { index in
        child {
            var sum = 0
            for page in 0..<16 {
                setByte(cow + page * 4096 + 1, UInt8(index))
                sum += Int(byte(cow + page * 4096)) + Int(byte(cow + page * 4096 + 1))
            }
            return Int32(sum)
        }
    }
    for page in 0..<16 { setByte(cow + page * 4096, 100) }
    for pid in pids { check("sum of a child", text: reap(pid)) }
    check("own byte", Int(byte(cow + 15 * 4096)) + Int(byte(cow + 1)))
    // A grandchild keeps sharing what its parent shared.
    checkChild("grandchild") {
        let result = reap(
            child {
                setByte(shared + 1, 7); return 0
            })
        return result == "exit 0" && byte(shared + 1) == 7 ? 0 : 1
    }
    check("seen by the grandparent", Int(byte(shared + 1)))
}

private func remapping() {
    let a = anonymous(2 * 4096)
    setByte(a, 11)
    setByte(a + 4096, 12)
    check("shrink", sys(SYS_mremap, a, 8192, 4096, 0) == a)
    let grown = sys(SYS_mremap, a, 4096, 64 * 4096, 1)
    check("grow, may move", grown > 0)
    check("contents moved", Int(byte(grown)))
    check("new part is zero", Int(byte(grown + 4096)) + Int(byte(grown + 64 * 4096 - 1)))
    let target = anonymous(64 * 4096)
    check("move to a place", sys(SYS_mremap, grown, 64 * 4096, 64 * 4096, 3, target) == target)
    check("contents there", Int(byte(target)))
    let blocked = anonymous(2 * 4096)
    check("grow in place where something is", sys(SYS_mremap, blocked, 4096, 8192, 0))
    check("unaligned", sys(SYS_mremap, blocked + 1, 4096, 8192, 1))
    check("to length 0", sys(SYS_mremap, blocked, 4096, 0, 1))
    check("unknown flag", sys(SYS_mremap, blocked, 4096, 8192, 0x80))
    check("fixed without may-move", sys(SYS_mremap, blocked, 4096, 4096, 2, target))
    check("overlapping", sys(SYS_mremap, target, 8192, 8192, 3, target + 4096))
    check("of a hole", sys(SYS_mremap, target + (1 << 40), 4096, 8192, 1))
}

private func advice() {
    let a = anonymous(4 * 4096)
    for page in 0..<4 { setByte(a + page * 4096, 9) }
    check("don't need", sys(SYS_madvise, a + 4096, 8192, Int(MADV_DONTNEED)))
    check("dropped pages are zero", Int(byte(a + 4096)) + Int(byte(a + 8192)))
    check("others kept", Int(byte(a)) + Int(byte(a + 3 * 4096)))
    check("normal", sys(SYS_madvise, a, 4096, Int(MADV_NORMAL)))
    check("will need", sys(SYS_madvise, a, 4096, Int(MADV_WILLNEED)))
    check("unknown", sys(SYS_madvise, a, 4096, 9999))
    check("unaligned", sys(SYS_madvise, a + 1, 4096, Int(MADV_NORMAL)))
    check("of a hole", sys(SYS_madvise, a + (1 << 40), 4096, Int(MADV_DONTNEED)))
}

private func programBreak() {
    let start = sys(SYS_brk, 0)
    check("grow", sys(SYS_brk, start + 100_000) == start + 100_000)
    setByte(start + 99_999, 3)
    check("zero filled", Int(byte(start + 50_000)))
    check("shrink", sys(SYS_brk, start) == start)
    check("too far", sys(SYS_brk, 1 << 46) == start)
    check("below its start", sys(SYS_brk, 4096) == start)
    check("grow again", sys(SYS_brk, start + 8192) == start + 8192)
    check("zero again", Int(byte(start + 4096 + 4095 - (start & 4095))))
}

private func executableMemory() {
    let page = anonymous(4096)
    setByte(page, 0xc3)
    checkChild("call without permission") {
        ts_call(pointer(page))
        return 0
    }
    check("make executable", sys(SYS_mprotect, page, 4096, Int(PROT_READ | PROT_EXEC)))
    checkChild("call with permission") {
        ts_call(pointer(page))
        return 0
    }
    checkChild("write to it") {
        setByte(page, 0x90)
        return 0
    }
}
