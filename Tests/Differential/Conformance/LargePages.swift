// Large private areas, of which parts are unmapped, protected, forgotten, moved, locked and forked: whatever pages the system uses,
// programs find what they wrote.

import CTestSystem
import TestCalls

private let page = 4096
private let base = 0x2400_0000_0000
private let elsewhere = 0x2500_0000_0000
private let pageCount = 2048
private let size = pageCount * page
private let readWrite = Int(PROT_READ | PROT_WRITE)

func largePagesFamily() {
    ts_handle(SIGSEGV, { _, _, context in ts_skip_instruction(context!, 3) }, 0, 0)
    switches()
    unmapping()
    protecting()
    forgetting()
    moving()
    forking()
    otherReaders()
    growing()
}

/// 8 MiB, aligned, in which each page has a number of its own.
private func fresh(_ advice: Int = 14) -> Int {
    sys(SYS_munmap, base - size, 4 * size)
    sys(SYS_munmap, elsewhere - size, 4 * size)
    sys(SYS_mmap, base, size, readWrite, Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1, 0)
    sys(SYS_madvise, base, size, advice)
    for index in 0..<pageCount { pointer(base + index * page).storeBytes(of: index + 1, as: Int.self) }
    return base
}

/// What the pages of a range hold, in runs.
private func shape(_ start: Int, _ count: Int = pageCount) -> String {
    func kind(_ index: Int) -> (String, Int) {
        let value = ts_probe(pointer(start + index * page), -1)
        if value == -1 { return ("gone", 0) }
        if value == 0 { return ("zero", 0) }
        return ("numbers", value - index)
    }
    var text = ""
    var index = 0
    while index < count {
        let (name, shift) = kind(index)
        let first = index
        repeat { index += 1 } while index < count && kind(index) == (name, shift)
        text += "\(text.isEmpty ? "" : ", ")\(first)...\(index - 1) \(name)\(name == "numbers" ? " from \(first + shift)" : "")"
    }
    return text
}

private func show(_ name: String, _ start: Int = base, _ count: Int = pageCount) { check(name, text: shape(start, count)) }

private func switches() {
    check("disabled at first", sys(SYS_prctl, 42, 0, 0, 0, 0))
    check("disable", sys(SYS_prctl, 41, 1, 0, 0, 0))
    check("disabled", sys(SYS_prctl, 42, 0, 0, 0, 0))
    checkChild("disabled in a child") { Int32(sys(SYS_prctl, 42, 0, 0, 0, 0)) }
    _ = fresh(0)
    show("while disabled")
    check("enable", sys(SYS_prctl, 41, 0, 0, 0, 0))
    check("enabled", sys(SYS_prctl, 42, 0, 0, 0, 0))
    check("disable with too many arguments", sys(SYS_prctl, 41, 1, 1, 0, 0))
    check("ask with an argument", sys(SYS_prctl, 42, 1, 0, 0, 0))
    for advice in [14, 15, 14] {
        check("advice \(advice) for all", sys(SYS_madvise, fresh(), size, advice))
        check("advice \(advice) for a part", sys(SYS_madvise, base + 3 * page, 700 * page, advice))
        show("after advice \(advice)")
        check("advice \(advice) beyond", sys(SYS_madvise, base, size + page, advice))
    }
}

private func unmapping() {
    for (first, count) in [(0, 1), (511, 2), (512, 512), (100, 1500), (2047, 1), (0, 2048)] {
        check("unmap \(count) from \(first)", sys(SYS_munmap, fresh() + first * page, count * page))
        show("after unmapping \(count) from \(first)")
    }
    // Each second page, which leaves no large page whole.
    _ = fresh()
    for index in stride(from: 0, to: 64, by: 2) { sys(SYS_munmap, base + index * page, page) }
    show("each second page gone", base, 70)
    sys(SYS_mmap, base, 64 * page, readWrite, Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1, 0)
    show("and mapped anew", base, 70)
}

private func protecting() {
    for (first, count) in [(0, 1), (512, 512), (300, 900), (0, 2048)] {
        let start = fresh() + first * page
        check("to read-only \(count) from \(first)", sys(SYS_mprotect, start, count * page, Int(PROT_READ)))
        check("a write there", Int(ts_probe_store(pointer(start), 9)))
        if first > 0 { check("a write before", Int(ts_probe_store(pointer(start - page + 8), 9))) }
        show("read-only \(count) from \(first)")
        check("to nothing", sys(SYS_mprotect, start, count * page, Int(PROT_NONE)))
        show("without access \(count) from \(first)")
        check("back", sys(SYS_mprotect, start, count * page, readWrite))
        check("a write there again", Int(ts_probe_store(pointer(start + 8), 9)))
        show("with access again \(count) from \(first)")
    }
}

private func forgetting() {
    for (first, count) in [(0, 1), (512, 512), (511, 514), (0, 2048)] {
        check("forget \(count) from \(first)", sys(SYS_madvise, fresh() + first * page, count * page, Int(MADV_DONTNEED)))
        show("after forgetting \(count) from \(first)")
        setByte(base + first * page + 1, 1)
        check("a byte of it", Int(byte(base + first * page)) + Int(byte(base + first * page + 1)))
    }
    // What may be forgotten and is written again is not forgotten.
    check("free", sys(SYS_madvise, fresh() + 512 * page, 600 * page, 8))
    for index in 512..<1112 { pointer(base + index * page).storeBytes(of: index + 1, as: Int.self) }
    show("freed and written again")
    check("lock a part", sys(SYS_mlock, base + 700 * page, 10 * page))
    check("forget what is locked", sys(SYS_madvise, base + 700 * page, page, Int(MADV_DONTNEED)))
    check("unlock it", sys(SYS_munlock, base + 700 * page, 10 * page))
    show("locked and unlocked")
}

private func moving() {
    for (first, count) in [(0, 2048), (512, 512), (511, 600), (5, 1)] {
        // To a place that is aligned in the same way, and to one that is not.
        for shift in [0, 3] {
            let target = elsewhere + (first + shift) * page
            check(
                "move \(count) from \(first)",
                sys(SYS_mremap, fresh() + first * page, count * page, count * page, 3, target) == target)
            show("what is left of \(count) from \(first)")
            show("what came, \(shift) further", target, count)
            for index in 0..<count { pointer(target + index * page).storeBytes(of: index + 7, as: Int.self) }
            show("and was written, \(shift) further", target, count)
        }
    }
    check("shrink", sys(SYS_mremap, fresh(), size, 700 * page, 0) == base)
    show("after shrinking")
    check("keep the old place", sys(SYS_mremap, fresh() + 512 * page, 512 * page, 512 * page, 7, elsewhere) == elsewhere)
    show("the old place")
    show("the new place", elsewhere, 512)
}

private func forking() {
    _ = fresh()
    checkChild("a child sees it all and changes some") {
        for index in 0..<pageCount where pointer(base + index * page).load(as: Int.self) != index + 1 { return 1 }
        for index in stride(from: 0, to: pageCount, by: 100) { pointer(base + index * page).storeBytes(of: -7, as: Int.self) }
        return pointer(base + 100 * page).load(as: Int.self) == -7 && pointer(base + 101 * page).load(as: Int.self) == 102 ? 0 : 2
    }
    show("its parent's")
    for index in 0..<pageCount { pointer(base + index * page).storeBytes(of: index + 2, as: Int.self) }
    show("written after the child's end")
    check("not for children", sys(SYS_madvise, fresh() + 300 * page, 400 * page, Int(MADV_DONTFORK)))
    checkChild("what a child has not") {
        ts_probe(pointer(base + 300 * page), -1) == -1 && ts_probe(pointer(base + 700 * page), -1) == 701 ? 0 : 1
    }
    check("empty for children", sys(SYS_madvise, fresh() + 300 * page, 400 * page, 18))
    checkChild("what a child has empty") {
        ts_probe(pointer(base + 300 * page), -1) == 0 && ts_probe(pointer(base + 700 * page), -1) == 701 ? 0 : 1
    }
    show("its parent's with such parts")
    // Memory of two generations.
    _ = fresh()
    checkChild("a grandchild") {
        pointer(base).storeBytes(of: 50, as: Int.self)
        let pid = child {
            pointer(base + page).storeBytes(of: 60, as: Int.self)
            return pointer(base).load(as: Int.self) == 50 ? 0 : 1
        }
        return reap(pid) == "exit 0" && pointer(base + page).load(as: Int.self) == 2 ? 0 : 1
    }
    show("after a grandchild")
}

/// Calls that look at memory through the system.
private func otherReaders() {
    _ = fresh()
    let (reader, writer) = pipe()
    check("write from it", sys(SYS_write, writer, base + 600 * page, 2 * page))
    check("read into it", sys(SYS_read, reader, base + 1000 * page, 2 * page))
    check("what was read", pointer(base + 1001 * page).load(as: Int.self))
    close(reader)
    close(writer)
    let vectors = Buffer(32)
    vectors.store(base + 500 * page, at: 0)
    vectors.store(100 * page, at: 8)
    vectors.store(base + 1500 * page, at: 16)
    vectors.store(100 * page, at: 24)
    check("copy within oneself", sys(SYS_process_vm_readv, sys(SYS_getpid), vectors.address + 16, 1, vectors.address, 1, 0))
    show("after copying")
    let word = pointer(base + 2000 * page)
    word.storeBytes(of: 3, as: Int32.self)
    check("a futex in it, another value", sys(SYS_futex, Int(bitPattern: word), 0, 4, 0))
    check("wake nobody", sys(SYS_futex, Int(bitPattern: word), 1, 1))
    check("unmap part of it and ask what is resident", sys(SYS_munmap, base + 700 * page, page))
    check("resident over the hole", sys(SYS_mincore, base + 600 * page, 200 * page, Buffer(200).address))
}

private func growing() {
    // Area by area, each touching the one before.
    sys(SYS_munmap, base - size, 4 * size)
    for index in 0..<16 {
        sys(
            SYS_mmap, base + index * 128 * page, 128 * page, readWrite, Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1, 0)
        for number in index * 128..<(index + 1) * 128 { pointer(base + number * page).storeBytes(of: number + 1, as: Int.self) }
    }
    show("grown piece by piece")
    check("grow at the end", sys(SYS_mremap, base, size, 2 * size, 0) == base)
    show("the end", base + size, pageCount)
    setByte(base + size, 1)
    check("a heap of 8 MiB", sys(SYS_brk, sys(SYS_brk, 0) + size) > 0)
    let end = sys(SYS_brk, 0)
    setByte(end - size, 1)
    check("shrinks", sys(SYS_brk, end - size + 5 * page) == end - size + 5 * page)
    check("its first byte", Int(byte(end - size)))
}
