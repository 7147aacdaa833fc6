// Futexes: values, time-outs, wake counts, requeueing, between threads and between processes.

import CTestSystem
import TestCalls

private let (waitOperation, wakeOperation, requeue, compareRequeue, wakeOp, waitBitset, wakeBitset) = (0, 1, 3, 4, 5, 9, 10)
private let privateFlag = 128

/// Four 32-bit words that processes share.
nonisolated(unsafe) private var words = UnsafeMutablePointer<Int32>(bitPattern: 16)!

private func place(_ index: Int) -> Int { Int(bitPattern: words + index) }

private func futex(
    _ index: Int, _ operation: Int, _ value: Int, time: Int = 0, second: Int = 0, third: Int = 0
) -> Int {
    sys(SYS_futex, place(index), operation, value, time, second, third)
}

private func time(milliseconds: Int) -> Buffer {
    let buffer = Buffer(16)
    buffer.store(milliseconds / 1000, at: 0)
    buffer.store(milliseconds % 1000 * 1_000_000, at: 8)
    return buffer
}

/// Wakes until that many have been woken, and answers with how many calls woke more than they were asked to.
private func wakeAll(_ index: Int, _ count: Int, operation: Int = wakeOperation) -> Int {
    var woken = 0
    for _ in 0..<2000 where woken < count {
        woken += max(0, futex(index, operation, count - woken))
        if woken < count { pause(milliseconds: 5) }
    }
    return woken
}

func futexFamily() {
    words = pointer(anonymous(4096, PROT_READ | PROT_WRITE, MAP_SHARED)).assumingMemoryBound(to: Int32.self)
    values()
    processes()
    requeueing()
    bitsets()
    errors()
    contended()
}

private func values() {
    words[0] = 5
    check("value differs", futex(0, waitOperation, 4))
    check("nobody waits", futex(0, wakeOperation, 10))
    let before = now()
    check("time-out", futex(0, waitOperation, 5, time: time(milliseconds: 20).address))
    check("waited long enough", now() - before >= 20_000_000)
    check("private time-out", futex(0, waitOperation | privateFlag, 5, time: time(milliseconds: 5).address))
    let end = Buffer(16)
    let moment = now() + 20_000_000
    end.store(moment / 1_000_000_000, at: 0)
    end.store(moment % 1_000_000_000, at: 8)
    check("absolute time-out", futex(0, waitBitset, 5, time: end.address, third: -1))
    check("not before it", now() >= moment)
    check("absolute and past", futex(0, waitBitset, 5, time: time(milliseconds: 1).address, third: -1))
}

private func processes() {
    words[0] = 0
    let pid = child {
        while words[0] == 0 { _ = futex(0, waitOperation, 0) }
        return words[0]
    }
    pause(milliseconds: 20)
    ts_store(words, 33)
    _ = wakeAll(0, 1)
    check("woken child saw the value", text: reap(pid))
    words[1] = 0
    let pids = (0..<5).map { _ in child { Int32(futex(1, waitOperation, 0) == 0 ? 0 : 1) } }
    check("five woken", wakeAll(1, 5))
    for pid in pids { check("child", text: reap(pid)) }
    // A shared mapping of a file at two places is one futex.
    let fd = open("f", O_CREAT | O_RDWR)
    sys(SYS_ftruncate, fd, 4096)
    let rw = Int(PROT_READ | PROT_WRITE)
    let (one, two) = (sys(SYS_mmap, 0, 4096, rw, Int(MAP_SHARED), fd, 0), sys(SYS_mmap, 0, 4096, rw, Int(MAP_SHARED), fd, 0))
    let other = child { Int32(sys(SYS_futex, one, waitOperation, 0) == 0 ? 0 : 1) }
    var woken = 0
    for _ in 0..<2000 where woken == 0 {
        woken = sys(SYS_futex, two, wakeOperation, 1)
        if woken == 0 { pause(milliseconds: 5) }
    }
    check("by another mapping", woken)
    check("child", text: reap(other))
    close(fd)
}

private func requeueing() {
    words[0] = 0
    words[1] = 0
    words[3] = 0
    let pids = (0..<4).map { _ in
        child {
            ts_add(words + 3, 1)
            return Int32(futex(0, waitOperation, 0, time: time(milliseconds: 60_000).address) == 0 ? 0 : 1)
        }
    }
    while ts_load(words + 3) < 4 { pause(milliseconds: 2) }
    check("compare and requeue with a wrong value", futex(0, compareRequeue, 1, time: 3, second: place(1), third: 7))
    // All must be asleep before they are counted; they are when together four have been handled.
    var (woken, moved) = (0, 0)
    for _ in 0..<2000 where woken + moved < 4 {
        let result = futex(0, compareRequeue, woken == 0 ? 1 : 0, time: 4, second: place(1), third: 0)
        if result > 0 {
            let justWoken = woken == 0 ? 1 : 0
            woken += justWoken
            moved += result - justWoken
        }
        if woken + moved < 4 { pause(milliseconds: 5) }
    }
    emit("woken \(woken) moved \(moved)")
    check("nobody is left at the first", futex(0, wakeOperation, 10))
    check("the moved wake at the second", futex(1, wakeOperation, 10))
    for pid in pids { check("child", text: reap(pid)) }
    check("requeue of nobody", futex(0, requeue, 1, time: 1, second: place(1)))
}

private func bitsets() {
    words[0] = 0
    words[3] = 0
    let pid = child {
        ts_store(words + 3, 1)
        return Int32(futex(0, waitBitset, 0, third: 0b0100) == 0 ? 0 : 1)
    }
    while ts_load(words + 3) == 0 { pause(milliseconds: 2) }
    pause(milliseconds: 30)
    check("other bits", futex(0, wakeBitset, 10, third: 0b1011))
    var woken = 0
    for _ in 0..<2000 where woken == 0 {
        woken = futex(0, wakeBitset, 10, third: 0b0110)
        if woken == 0 { pause(milliseconds: 5) }
    }
    check("a common bit", woken)
    check("child", text: reap(pid))
    check("wait for no bits", futex(0, waitBitset, 0, third: 0))
    check("wake no bits", futex(0, wakeBitset, 1, third: 0))
    // WAKE_OP: adds 3 to the second word and wakes there if it was above 1.
    words[0] = 0
    words[1] = 2
    let encoded = 1 << 28 | 4 << 24 | 3 << 12 | 1
    check("wake and add", futex(0, wakeOp, 1, time: 1, second: place(1), third: encoded))
    check("added", Int(words[1]))
    wordOperations()
}

private func wordOperations() {
    /// Operation, comparison, and their operands.
    func encode(_ operation: Int, _ comparison: Int, _ operand: Int, _ compared: Int) -> Int {
        operation << 28 | comparison << 24 | (operand & 0xfff) << 12 | compared & 0xfff
    }
    for (name, operation, operand) in [
        ("set", 0, 77), ("or", 2, 0x10), ("and not", 3, 1), ("xor", 4, 0x1f), ("add a negative", 1, -3), ("set a bit", 8, 12),
    ] {
        words[1] = 5
        check(name, futex(0, wakeOp, 1, time: 1, second: place(1), third: encode(operation, 0, operand, 5)))
        check("\(name), the word", Int(words[1]))
    }
    check("unknown operation on the word", futex(0, wakeOp, 1, time: 1, second: place(1), third: encode(7, 0, 1, 1)))
    check("unknown comparison", futex(0, wakeOp, 1, time: 1, second: place(1), third: encode(1, 9, 1, 1)))
    check("second word that faults", futex(0, wakeOp, 1, time: 1, second: forbiddenPage(), third: encode(1, 0, 1, 1)))
    check("second word unaligned", futex(0, wakeOp, 1, time: 1, second: place(1) + 1, third: encode(1, 0, 1, 1)))
    // Both words have a sleeper; the second wakes only if the old value compares.
    for (name, comparison) in [
        ("equal", 0), ("not equal", 1), ("less", 2), ("less or equal", 3), ("greater", 4), ("greater or equal", 5),
    ] {
        words[0] = 0
        words[1] = 0
        words[3] = 0
        let pid = child {
            ts_store(words + 3, 1)
            return Int32(futex(1, waitOperation, 0, time: time(milliseconds: 300).address) == 0 ? 0 : 1)
        }
        while ts_load(words + 3) == 0 { pause(milliseconds: 2) }
        pause(milliseconds: 30)
        check("\(name) wakes", futex(0, wakeOp, 1, time: 1, second: place(1), third: encode(1, comparison, 0, 0)))
        check("sleeper", text: reap(pid))
    }
}

private func errors() {
    check("unaligned", sys(SYS_futex, place(0) + 1, waitOperation, 0))
    check("unmapped", sys(SYS_futex, forbiddenPage(), waitOperation, 0))
    check("unmapped, private", sys(SYS_futex, forbiddenPage(), waitOperation | privateFlag, 0))
    check("in the kernel", sys(SYS_futex, Int(bitPattern: 0xffff_8000_0000_0000), waitOperation, 0))
    check("wake unaligned", sys(SYS_futex, place(0) + 2, wakeOperation, 1))
    check("time that faults", futex(0, waitOperation, 0, time: forbiddenPage()))
    let bad = Buffer(16)
    bad.store(1_000_000_000, at: 8)
    check("bad nanoseconds", futex(0, waitOperation, 0, time: bad.address))
    bad.store(-1, at: 0)
    bad.store(0, at: 8)
    check("negative seconds", futex(0, waitOperation, 0, time: bad.address))
    check("unknown operation", futex(0, 99, 0))
}

private func contended() {
    // A lock of three states (free, taken, taken with waiters) over shared memory guards a plain counter.
    words[0] = 0
    words[2] = 0
    let pids = (0..<4).map { _ in
        child {
            for _ in 0..<500 {
                while !exchangeIfFree() { _ = futex(0, waitOperation, 1, time: time(milliseconds: 50).address) }
                words[2] += 1
                ts_store(words, 0)
                _ = futex(0, wakeOperation, 1)
            }
            return 0
        }
    }
    for pid in pids { check("worker", text: reap(pid)) }
    check("counted", Int(words[2]))
}

private func exchangeIfFree() -> Bool { ts_compare_exchange(words, 0, 1) != 0 }
