// The calls that change memory, with arguments that no program should pass; the limits of memory; the memory of other processes.

import CTestSystem
import TestCalls

private let page = 4096
/// Where nothing else lies on either system.
private let base = 0x2300_0000_0000
private let kernel = Int(bitPattern: 0xffff_8000_0000_0000)
private let private_ = Int(MAP_PRIVATE | MAP_ANONYMOUS)
private let fixed = Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
private let readWrite = Int(PROT_READ | PROT_WRITE)

func memoryBoundsFamily() {
    impossibleRanges()
    holes()
    fixedPlaces()
    protections()
    resizing()
    buffersOfAnswers()
    limitsOfMemory()
    otherProcesses()
    badOtherProcesses()
}

/// Each call with each pair of a strange address and a strange length.
private func impossibleRanges() {
    let answers = Buffer(page).address
    let calls: [(StaticString, (Int, Int) -> Int)] = [
        ("munmap", { sys(SYS_munmap, $0, $1) }), ("mprotect", { sys(SYS_mprotect, $0, $1, Int(PROT_READ)) }),
        ("madvise", { sys(SYS_madvise, $0, $1, Int(MADV_NORMAL)) }), ("msync", { sys(SYS_msync, $0, $1, Int(MS_ASYNC)) }),
        ("mincore", { sys(SYS_mincore, $0, $1, answers) }), ("mlock", { sys(SYS_mlock, $0, $1) }),
        ("munlock", { sys(SYS_munlock, $0, $1) }), ("mremap", { sys(SYS_mremap, $0, page, $1, 1) }),
        ("mremap old", { sys(SYS_mremap, $0, $1, page, 1) }),
        ("fixed", { sys(SYS_mmap, $0, $1, readWrite, fixed, -1, 0) }),
        ("fixed, not replacing", { sys(SYS_mmap, $0, $1, readWrite, private_ | 0x100000, -1, 0) }),
    ]
    let addresses: [(StaticString, Int)] = [
        ("a hole", base), ("unaligned", base + 1), ("the kernel", kernel), ("the last page", -page), ("the end", -1),
        ("not canonical", 1 << 62),
    ]
    let lengths: [(StaticString, Int)] = [
        ("0", 0), ("-1", -1), ("-4096", -page), ("-8192", -2 * page), ("half of all", Int.min), ("2^62", 1 << 62),
        ("2^47", 1 << 47),
    ]
    for (call, run) in calls {
        for (place, address) in addresses {
            for (name, length) in lengths { check("\(call) of \(name) at \(place)", run(address, length)) }
        }
    }
}

/// Three pages with nothing in the middle.
private func holed() -> Int {
    sys(SYS_munmap, base, 8 * page)
    sys(SYS_mmap, base, page, readWrite, fixed, -1, 0)
    sys(SYS_mmap, base + 2 * page, page, readWrite, fixed, -1, 0)
    return base
}

private func holes() {
    let answers = Buffer(page).address
    for advice in [0, 1, 2, 3, 4, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 5, 6, 7, 26, 100, -1] {
        check("madvise \(advice) over a hole", sys(SYS_madvise, holed(), 3 * page, advice))
        check("madvise \(advice) of a hole", sys(SYS_madvise, holed() + page, page, advice))
        check("madvise \(advice) of nothing", sys(SYS_madvise, holed(), 0, advice))
    }
    check("mprotect over a hole", sys(SYS_mprotect, holed(), 3 * page, Int(PROT_READ)))
    check("what came before it has changed", sys(SYS_read, 0, base, -1) < 0)
    check("msync over a hole", sys(SYS_msync, holed(), 3 * page, Int(MS_SYNC)))
    check("msync async over a hole", sys(SYS_msync, holed(), 3 * page, Int(MS_ASYNC)))
    check("msync of unknown flags", sys(SYS_msync, holed(), page, 8))
    check("mincore over a hole", sys(SYS_mincore, holed(), 3 * page, answers))
    check("mlock over a hole", sys(SYS_mlock, holed(), 3 * page))
    check("munlock over a hole", sys(SYS_munlock, holed(), 3 * page))
    check("munmap over a hole", sys(SYS_munmap, holed(), 3 * page))
    check("mremap over a hole", sys(SYS_mremap, holed(), 3 * page, 4 * page, 1))
    check("mremap of a hole", sys(SYS_mremap, holed() + page, page, 2 * page, 1))
    check("mlock2 with unknown flags", sys(SYS_mlock2, holed(), page, 2))
    check("mlockall of nothing", sys(SYS_mlockall, 0))
    check("mlockall with unknown flags", sys(SYS_mlockall, 9))
    check("mlockall on fault alone", sys(SYS_mlockall, 4))
}

private func fixedPlaces() {
    _ = holed()
    check("not replacing, over the hole's end", sys(SYS_mmap, base + page, 2 * page, readWrite, private_ | 0x100000, -1, 0))
    check("not replacing, in the hole", sys(SYS_mmap, base + page, page, readWrite, private_ | 0x100000, -1, 0) == base + page)
    check("replacing all three", sys(SYS_mmap, base, 3 * page, Int(PROT_READ), fixed, -1, 0) == base)
    check("shared and private", sys(SYS_mmap, 0, page, readWrite, 4 | Int(MAP_ANONYMOUS), -1, 0))
    check("an offset that wraps", sys(SYS_mmap, 0, page, readWrite, private_, -1, -page) > 0)
    let fd = open("offsets", O_CREAT | O_RDWR)
    check("a file at an offset that wraps", sys(SYS_mmap, 0, 2 * page, readWrite, Int(MAP_SHARED), fd, -page))
    check("a file at the largest offset", sys(SYS_mmap, 0, page, readWrite, Int(MAP_SHARED), fd, Int.max & ~4095))
    check("a file beyond the largest", sys(SYS_mmap, 0, 2 * page, readWrite, Int(MAP_SHARED), fd, Int.max & ~4095))
    close(fd)
}

private func protections() {
    let a = anonymous(4 * page)
    for bits in [0x10, 0x80, 0x4000, 0x1000000, 0x2000000, 0x3000000, 0x8, -1] {
        check("mprotect to \(bits)", sys(SYS_mprotect, a, page, bits))
    }
    check("mprotect past the end", sys(SYS_mprotect, holed(), 1 << 44, Int(PROT_READ)))
    let fd = open("protected", O_CREAT | O_RDWR)
    sys(SYS_ftruncate, fd, page)
    let reading = open("protected", O_RDONLY)
    let shared = sys(SYS_mmap, 0, page, Int(PROT_READ), Int(MAP_SHARED), reading, 0)
    check("what is read-only stays so", sys(SYS_mprotect, shared, page, readWrite))
    check(
        "but may be private",
        sys(SYS_mprotect, sys(SYS_mmap, 0, page, Int(PROT_READ), Int(MAP_PRIVATE), reading, 0), page, readWrite))
    close(fd)
    close(reading)
}

private func resizing() {
    let a = sys(SYS_mmap, base, 4 * page, readWrite, fixed, -1, 0)
    check("unaligned", sys(SYS_mremap, a + 1, page, page, 1))
    check("to nothing", sys(SYS_mremap, a, page, 0, 1))
    check("unknown flags", sys(SYS_mremap, a, page, page, 8))
    check("fixed without moving", sys(SYS_mremap, a, page, page, 2, base + 16 * page))
    check("to an unaligned place", sys(SYS_mremap, a, page, page, 3, base + 16 * page + 1))
    check("into itself", sys(SYS_mremap, a, 2 * page, 2 * page, 3, a + page))
    check("onto itself", sys(SYS_mremap, a, page, page, 3, a))
    check("to the kernel", sys(SYS_mremap, a, page, page, 3, kernel))
    check("more than there is", sys(SYS_mremap, a, page, 1 << 45, 1))
    check("more than the area", sys(SYS_mremap, a, 8 * page, 16 * page, 1))
    check("private memory twice", sys(SYS_mremap, a, 0, page, 1))
    check("left in place, smaller", sys(SYS_mremap, a, 2 * page, page, 5))
    check("left in place without moving", sys(SYS_mremap, a, page, page, 4))
    check("where something is, in place", sys(SYS_mremap, a, page, 2 * page, 0))
    sys(SYS_munmap, a, 4 * page)
    let end = sys(SYS_brk, 0)
    check("brk below its start", sys(SYS_brk, 1) == end)
    check("brk into the kernel", sys(SYS_brk, kernel) == end)
    check("brk to the end", sys(SYS_brk, -1) == end)
    check("brk over everything", sys(SYS_brk, 1 << 45) == end)
}

private func buffersOfAnswers() {
    let a = anonymous(2 * page)
    for (name, place) in [("null", 0), ("a forbidden page", forbiddenPage()), ("the kernel", kernel), ("the end", -1)] {
        check("mincore into \(name)", sys(SYS_mincore, a, 2 * page, place))
        check("process_vm_readv into \(name)", transfer(SYS_process_vm_readv, sys(SYS_getpid), [(place, 8)], [(a, 8)]))
        check("process_vm_readv from \(name)", transfer(SYS_process_vm_readv, sys(SYS_getpid), [(a, 8)], [(place, 8)]))
        check("process_vm_writev to \(name)", transfer(SYS_process_vm_writev, sys(SYS_getpid), [(a, 8)], [(place, 8)]))
        check("vectors at \(name)", sys(SYS_process_vm_readv, sys(SYS_getpid), place, 1, place, 1, 0))
    }
}

private let (dataLimit, stackLimit, lockLimit, spaceLimit) = (2, 3, 8, 9)

private func setLimit(_ resource: Int, _ bytes: Int) {
    let buffer = Buffer(16)
    buffer.store(bytes, at: 0)
    buffer.store(bytes, at: 8)
    check("limit \(resource)", sys(SYS_setrlimit, resource, buffer.address))
}

/// The size of this program's address space in bytes, and of its data.
private func status(_ name: StaticString) -> Int {
    let fd = open("/proc/self/status", O_RDONLY)
    defer { close(fd) }
    let bytes = read(fd, 8192).bytes
    let wanted = Array(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    var index = 0
    while index + wanted.count < bytes.count {
        if Array(bytes[index..<index + wanted.count]) == wanted {
            var value = 0
            for byte in bytes[(index + wanted.count)...] {
                if byte >= 48, byte <= 57 { value = value * 10 + Int(byte) - 48 }
                if byte == 10 { return value * 1024 }
            }
        }
        index += 1
    }
    return 0
}

private func limitsOfMemory() {
    let mib = 1 << 20
    checkChild("address space") {
        setLimit(spaceLimit, status("VmSize:") + 4 * mib)
        check("too much", sys(SYS_mmap, 0, 8 * mib, 0, private_, -1, 0))
        check("shared counts too", sys(SYS_mmap, 0, 8 * mib, readWrite, Int(MAP_SHARED | MAP_ANONYMOUS), -1, 0))
        let a = sys(SYS_mmap, base, 2 * mib, Int(PROT_READ), fixed, -1, 0)
        check("a part", a == base)
        check("growing it too much", sys(SYS_mremap, a, 2 * mib, 8 * mib, 1))
        check("brk", sys(SYS_brk, sys(SYS_brk, 0) + 8 * mib) == sys(SYS_brk, 0))
        check("after unmapping", sys(SYS_munmap, a, 2 * mib))
        check("again", sys(SYS_mmap, base, 2 * mib, Int(PROT_READ), fixed, -1, 0) == base)
        return 0
    }
    checkChild("data") {
        setLimit(dataLimit, status("VmData:") + 2 * mib)
        check("too much", sys(SYS_mmap, 0, 4 * mib, readWrite, private_, -1, 0))
        check("reading is no data", sys(SYS_mmap, base, 4 * mib, Int(PROT_READ), fixed, -1, 0) == base)
        check("until it may be written", sys(SYS_mprotect, base, 4 * mib, readWrite))
        check(
            "shared is none", sys(SYS_mmap, base, 4 * mib, readWrite, Int(MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED), -1, 0) == base)
        check("brk", sys(SYS_brk, sys(SYS_brk, 0) + 4 * mib) == sys(SYS_brk, 0))
        return 0
    }
    checkChild("locked memory") {
        let a = anonymous(16 * page)
        setLimit(lockLimit, 4 * page)
        sys(SYS_setresuid, 1000, 1000, 1000)
        check("up to it", sys(SYS_mlock, a, 4 * page))
        check("the same again", sys(SYS_mlock, a, 4 * page))
        check("one more", sys(SYS_mlock, a + 4 * page, page))
        check("all", sys(SYS_mlockall, 1))
        check("a locked mapping", sys(SYS_mmap, 0, page, readWrite, private_ | 0x2000, -1, 0))
        check("unlock", sys(SYS_munlock, a, 4 * page))
        check("elsewhere", sys(SYS_mlock, a + 8 * page, 4 * page))
        return 0
    }
    checkChild("no locked memory") {
        let a = anonymous(page)
        setLimit(lockLimit, 0)
        sys(SYS_setresuid, 1000, 1000, 1000)
        check("mlock", sys(SYS_mlock, a, page))
        check("mlock of nothing", sys(SYS_mlock, a, 0))
        check("mlockall", sys(SYS_mlockall, 1))
        check("mlockall from now on", sys(SYS_mlockall, 2))
        return 0
    }
    // Promises that can never be kept, on any machine.
    check("more than all memory", sys(SYS_mmap, 0, 1 << 45, readWrite, private_, -1, 0))
    check("without a promise", sys(SYS_mmap, base, 1 << 42, readWrite, fixed | Int(MAP_NORESERVE), -1, 0) == base)
    sys(SYS_munmap, base, 1 << 42)
    check("only to be read", sys(SYS_mmap, base, 1 << 42, Int(PROT_READ), fixed, -1, 0) == base)
    check("then written", sys(SYS_mprotect, base, 1 << 42, readWrite))
    sys(SYS_munmap, base, 1 << 42)
    check("shared", sys(SYS_mmap, 0, 1 << 45, readWrite, Int(MAP_SHARED | MAP_ANONYMOUS), -1, 0))
}

/// process_vm_readv and process_vm_writev with ranges here and there.
private func transfer(
    _ call: Int32, _ pid: Int, _ local: [(address: Int, count: Int)], _ remote: [(address: Int, count: Int)], _ flags: Int = 0
) -> Int {
    sys(call, pid, vector(local).address, local.count, vector(remote).address, remote.count, flags)
}

private func otherProcesses() {
    let a = anonymous(4 * page)
    for index in 0..<4 * page { setByte(a + index, UInt8(truncatingIfNeeded: index / 7)) }
    let pid = child {
        pause(milliseconds: 3000)
        return Int32(byte(a + 5000))
    }
    // What the child has is a copy from now on.
    for index in 0..<4 * page { setByte(a + index, 0xee) }
    let b = Buffer(4 * page)
    check("read", transfer(SYS_process_vm_readv, pid, [(b.address, 3 * page)], [(a + 100, 3 * page)]))
    check("first and last", Int(b[0]) << 8 | Int(b[3 * page - 1]))
    check(
        "in pieces",
        transfer(
            SYS_process_vm_readv, pid, [(b.address, 10), (b.address + 100, 5000)], [(a, 7), (a + 4090, 3000), (a, 0), (a + 9, 1)])
    )
    check("their contents", bytes: [b[0], b[6], b[7], b[100], b[1000], b[3098]])
    check("more room than there is", transfer(SYS_process_vm_readv, pid, [(b.address, 5000)], [(a, 10)]))
    check("less room than there is", transfer(SYS_process_vm_readv, pid, [(b.address, 10)], [(a, 5000)]))
    sys(SYS_munmap, base, 2 * page)
    check("over the end of what is mapped", transfer(SYS_process_vm_readv, pid, [(b.address, 100)], [(base, 100)]))
    b.fill(77)
    check("write", transfer(SYS_process_vm_writev, pid, [(b.address, 4096)], [(a + 4000, 4096)]))
    check("own memory is as it was", Int(byte(a + 5000)))
    check("to what is read-only", transfer(SYS_process_vm_writev, pid, [(b.address, 8)], [(text("constant"), 8)]))
    check("nothing here", transfer(SYS_process_vm_readv, pid, [], [(a, 8)]))
    check("nothing there", transfer(SYS_process_vm_readv, pid, [(b.address, 8)], []))
    check("lengths of 0", transfer(SYS_process_vm_readv, pid, [(b.address, 0)], [(a, 0)]))
    check("a fault after a piece", transfer(SYS_process_vm_readv, pid, [(b.address, 100)], [(a, 50), (base, 50)]))
    check(
        "a fault after a piece here", transfer(SYS_process_vm_readv, pid, [(b.address, 50), (forbiddenPage(), 50)], [(a, 100)]))
    check("the child", text: reap(pid))
    check("after its end", transfer(SYS_process_vm_readv, pid, [(b.address, 8)], [(a, 8)]))
}

private func badOtherProcesses() {
    let a = anonymous(page)
    let own = sys(SYS_getpid)
    check("flags", transfer(SYS_process_vm_readv, own, [(a, 8)], [(a, 8)], 1))
    check("nobody", transfer(SYS_process_vm_readv, 999_999, [(a, 8)], [(a, 8)]))
    check("process 0", transfer(SYS_process_vm_readv, 0, [(a, 8)], [(a, 8)]))
    check("process -1", transfer(SYS_process_vm_readv, -1, [(a, 8)], [(a, 8)]))
    check("nobody, nothing", transfer(SYS_process_vm_readv, 999_999, [(a, 0)], [(a, 8)]))
    check("nobody, nothing there", transfer(SYS_process_vm_readv, 999_999, [(a, 8)], [(a, 0)]))
    check("negative length here", transfer(SYS_process_vm_readv, own, [(a, -1)], [(a, 8)]))
    check("negative length there", transfer(SYS_process_vm_readv, own, [(a, 8)], [(a, -1)]))
    check("too many pieces here", sys(SYS_process_vm_readv, own, vector([(a, 8)]).address, 1025, vector([(a, 8)]).address, 1, 0))
    check("too many pieces there", sys(SYS_process_vm_readv, own, vector([(a, 8)]).address, 1, vector([(a, 8)]).address, 1025, 0))
    checkChild("of the superuser, as somebody") {
        sys(SYS_setresgid, 1000, 1000, 1000)
        sys(SYS_setresuid, 1000, 1000, 1000)
        check("read", transfer(SYS_process_vm_readv, own, [(a, 8)], [(a, 8)]))
        check("write", transfer(SYS_process_vm_writev, own, [(a, 8)], [(a, 8)]))
        return 0
    }
}
