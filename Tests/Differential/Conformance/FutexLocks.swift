// Futexes that inherit priority: owners, waiters, time-outs, ends of owners, requeueing from a condition; and robust lists.

import CTestSystem
import TestCalls

private let (waitOperation, wakeOperation) = (0, 1)
private let (lockOperation, unlockOperation, tryOperation, waitRequeue, requeue, lockByClock) = (6, 7, 8, 11, 12, 13)
private let realtimeFlag = 256
private let (waitersBit, diedBit) = (UInt32(0x8000_0000), UInt32(0x4000_0000))

/// Words that processes share: two locks, a condition, and places to meet.
nonisolated(unsafe) private var words = UnsafeMutablePointer<Int32>(bitPattern: 16)!

private func place(_ index: Int) -> Int { Int(bitPattern: words + index) }

private func futex(_ index: Int, _ operation: Int, _ value: Int = 0, time: Int = 0, second: Int = 0, third: Int = 0) -> Int {
    sys(SYS_futex, place(index), operation, value, time, second, third)
}

private func time(nanoseconds: Int) -> Int {
    let buffer = Buffer(16)
    buffer.store(nanoseconds / 1_000_000_000, at: 0)
    buffer.store(nanoseconds % 1_000_000_000, at: 8)
    return buffer.address
}

private var ownNumber: UInt32 { UInt32(sys(SYS_gettid)) }

/// Says whose a lock is, without numbers, which differ.
private func show(_ name: String, _ index: Int, child pid: Int = -1) {
    let word = UInt32(bitPattern: ts_load(words + index))
    let owner = word & 0x3fff_ffff
    let text =
        owner == 0 ? "free" : owner == ownNumber ? "mine" : owner == UInt32(truncatingIfNeeded: pid) ? "the child's" : "another's"
    emit("\(name): \(text)\(word & waitersBit != 0 ? ", waiters" : "")\(word & diedBit != 0 ? ", owner died" : "")")
}

/// A child that has done `first` when this returns, and goes on with `second` once `release` is called.
private func stagedChild(_ first: @escaping () -> Void, _ second: @escaping () -> Int32) -> Int {
    ts_store(words + 8, 0)
    ts_store(words + 9, 0)
    let pid = child {
        first()
        ts_store(words + 8, 1)
        while ts_load(words + 9) == 0 { pause(milliseconds: 1) }
        return second()
    }
    while ts_load(words + 8) == 0 { pause(milliseconds: 1) }
    return pid
}

private func release() { ts_store(words + 9, 1) }

func futexLocksFamily() {
    words = pointer(anonymous(4096, PROT_READ | PROT_WRITE, MAP_SHARED)).assumingMemoryBound(to: Int32.self)
    alone()
    held()
    handedOver()
    owners()
    circles()
    interrupted()
    conditions()
    conditionErrors()
    robustLists()
    wordsOfOthers()
    ownerThatExecutes()
}

private func alone() {
    check("lock", futex(0, lockOperation))
    show("then", 0)
    check("again", futex(0, lockOperation))
    check("try again", futex(0, tryOperation))
    check("unlock", futex(0, unlockOperation))
    show("then", 0)
    check("unlock again", futex(0, unlockOperation))
    check("try", futex(0, tryOperation))
    check("unlock, private", futex(0, unlockOperation | 128))
    words[0] = Int32(bitPattern: diedBit)
    check("lock after a death", futex(0, lockOperation))
    show("then", 0)
    check("unlock", futex(0, unlockOperation))
    show("then", 0)
    words[0] = 0x3fff_fff0
    check("owner that is not there", futex(0, lockOperation))
    show("then", 0)
    check("try", futex(0, tryOperation))
    check("unlock another's", futex(0, unlockOperation))
    words[0] = 0
    check("unaligned", sys(SYS_futex, place(0) + 2, lockOperation))
    check("unaligned unlock", sys(SYS_futex, place(0) + 2, unlockOperation))
    check("faults", sys(SYS_futex, forbiddenPage(), lockOperation))
    check("unlock faults", sys(SYS_futex, forbiddenPage(), unlockOperation))
    check("wrong clock", futex(0, lockOperation | realtimeFlag))
    check("wait by the wrong clock", futex(0, waitOperation | realtimeFlag, 1))
    check("unlock with a clock", futex(0, unlockOperation | realtimeFlag))
    check("wake with a clock", futex(0, wakeOperation | realtimeFlag, 1))
    check("bad time", futex(0, lockOperation, time: time(nanoseconds: -5)))
    check("time that faults", futex(0, lockOperation, time: forbiddenPage()))
}

private func held() {
    words[0] = 0
    let pid = stagedChild({ _ = futex(0, lockOperation) }, { Int32(futex(0, unlockOperation) == 0 ? 0 : 1) })
    show("held", 0, child: pid)
    check("try", futex(0, tryOperation))
    show("then", 0, child: pid)
    check("past", futex(0, lockOperation, time: time(nanoseconds: 1_000_000)))
    check("soon", futex(0, lockOperation, time: time(nanoseconds: now(CLOCK_REALTIME) + 20_000_000)))
    let end = now() + 20_000_000
    check("by the monotonic clock", futex(0, lockByClock, time: time(nanoseconds: end)))
    check("not before", now() >= end)
    check("by the other", futex(0, lockByClock | realtimeFlag, time: time(nanoseconds: now(CLOCK_REALTIME) + 5_000_000)))
    show("then", 0, child: pid)
    check("unlock", futex(0, unlockOperation))
    release()
    check("child", text: reap(pid))
    show("after", 0)
}

private func handedOver() {
    words[0] = 0
    check("lock", futex(0, lockOperation))
    let pid = child { Int32(futex(0, lockOperation) == 0 && futex(0, unlockOperation) == 0 ? 0 : 1) }
    while UInt32(bitPattern: ts_load(words)) & waitersBit == 0 { pause(milliseconds: 1) }
    pause(milliseconds: 20)
    check("unlock", futex(0, unlockOperation))
    check("child", text: reap(pid))
    show("after", 0)
    // Several wait; each gets it once.
    words[2] = 0
    check("lock", futex(0, lockOperation))
    let pids = (0..<4).map { _ in
        child {
            for _ in 0..<50 {
                if futex(0, lockOperation) != 0 { return 1 }
                words[2] += 1
                if futex(0, unlockOperation) != 0 { return 2 }
            }
            return 0
        }
    }
    pause(milliseconds: 20)
    check("unlock", futex(0, unlockOperation))
    for pid in pids { check("worker", text: reap(pid)) }
    check("counted", Int(words[2]))
    show("after", 0)
}

private func owners() {
    // The owner ends while somebody waits, and while nobody does.
    words[0] = 0
    let pid = stagedChild(
        { _ = futex(0, lockOperation) },
        {
            pause(milliseconds: 40)
            return 3
        })
    release()
    check("lock of one that ends", futex(0, lockOperation))
    show("then", 0)
    check("child", text: reap(pid))
    check("unlock", futex(0, unlockOperation))
    words[0] = 0
    check("child", text: reap(child { Int32(futex(0, lockOperation)) }))
    check("lock of one that has ended", futex(0, lockOperation))
    words[0] = 0
}

private func circles() {
    words[0] = 0
    words[1] = 0
    check("lock", futex(0, lockOperation))
    let pid = stagedChild(
        { _ = futex(1, lockOperation) },
        {
            let result = futex(0, lockOperation)
            _ = futex(0, unlockOperation)
            _ = futex(1, unlockOperation)
            return Int32(result == 0 ? 0 : 1)
        })
    release()
    while UInt32(bitPattern: ts_load(words)) & waitersBit == 0 { pause(milliseconds: 1) }
    pause(milliseconds: 20)
    check("a circle", futex(1, lockOperation))
    check("unlock", futex(0, unlockOperation))
    check("child", text: reap(pid))
    show("first", 0)
    show("second", 1)
}

private func interrupted() {
    words[0] = 0
    words[7] = 0
    ts_handle(SIGUSR1, { _, _, _ in ts_store(words + 7, ts_load(words + 7) + 1) }, 0, 0)
    let parent = sys(SYS_getpid)
    let pid = stagedChild(
        { _ = futex(0, lockOperation) },
        {
            pause(milliseconds: 30)
            sys(SYS_kill, parent, Int(SIGUSR1))
            pause(milliseconds: 30)
            return Int32(futex(0, unlockOperation) == 0 ? 0 : 1)
        })
    release()
    check("interrupted lock", futex(0, lockOperation))
    check("handled", Int(words[7]))
    check("child", text: reap(pid))
    check("unlock", futex(0, unlockOperation))
    ts_dispose(SIGUSR1, 0)
}

/// A child that waits at the condition for the lock; it ends with 0 when it gets it.
private func waiter() -> Int {
    ts_store(words + 8, 0)
    let pid = child {
        ts_store(words + 8, 1)
        let result = futex(2, waitRequeue, 0, second: place(1))
        if result != 0 { return 1 }
        if UInt32(bitPattern: ts_load(words + 1)) & 0x3fff_ffff != ownNumber { return 2 }
        return Int32(futex(1, unlockOperation) == 0 ? 0 : 3)
    }
    while ts_load(words + 8) == 0 { pause(milliseconds: 1) }
    pause(milliseconds: 30)
    return pid
}

private func conditions() {
    words[1] = 0
    words[2] = 0
    var pid = waiter()
    check("a plain wake", futex(2, wakeOperation, 1))
    check("requeue to a free lock", futex(2, requeue, 1, time: 0, second: place(1), third: 0))
    check("child", text: reap(pid))
    show("after", 1)
    pid = waiter()
    check("lock", futex(1, lockOperation))
    check("requeue to a held lock", futex(2, requeue, 1, time: 0, second: place(1), third: 0))
    show("then", 1)
    check("unlock", futex(1, unlockOperation))
    check("child", text: reap(pid))
    let pids = (0..<3).map { _ in waiter() }
    check("lock", futex(1, lockOperation))
    check("requeue three", futex(2, requeue, 1, time: 100, second: place(1), third: 0))
    check("nobody is left", futex(2, requeue, 1, time: 100, second: place(1), third: 0))
    check("unlock", futex(1, unlockOperation))
    for pid in pids { check("child", text: reap(pid)) }
    show("after", 1)
}

private func conditionErrors() {
    words[1] = 0
    words[2] = 0
    check("another value", futex(2, waitRequeue, 1, second: place(1)))
    check("the same word", futex(2, waitRequeue, 0, second: place(2)))
    check("unaligned", futex(2, waitRequeue, 0, second: place(1) + 2))
    check("past", futex(2, waitRequeue, 0, time: time(nanoseconds: 5), second: place(1)))
    check("past, by the other clock", futex(2, waitRequeue | realtimeFlag, 0, time: time(nanoseconds: 5), second: place(1)))
    check("wakes none", futex(2, requeue, 0, time: 0, second: place(1), third: 0))
    check("wakes two", futex(2, requeue, 2, time: 0, second: place(1), third: 0))
    check("moves fewer than none", futex(2, requeue, 1, time: -1, second: place(1), third: 0))
    check("compares", futex(2, requeue, 1, time: 0, second: place(1), third: 5))
    check("to itself", futex(2, requeue, 1, time: 0, second: place(2), third: 0))
    let pid = waiter()
    check("to another lock", futex(2, requeue, 1, time: 0, second: place(0), third: 0))
    check("without a lock", futex(2, 3, 1, time: 1, second: place(0)))
    check("to the right one", futex(2, requeue, 1, time: 0, second: place(1), third: 0))
    check("child", text: reap(pid))
    // Somebody who waits for no lock cannot be given one.
    let plain = child { Int32(futex(2, waitOperation, 0, time: time(nanoseconds: 2_000_000_000)) == 0 ? 0 : 1) }
    pause(milliseconds: 30)
    check("a plain waiter", futex(2, requeue, 1, time: 0, second: place(1), third: 0))
    check("wakes it", futex(2, wakeOperation, 1))
    check("child", text: reap(plain))
}

private func robustLists() {
    check("size", sys(SYS_set_robust_list, place(20), 23))
    let head = Buffer(24)
    check("set", sys(SYS_set_robust_list, head.address, 24))
    let answer = Buffer(16)
    check("get", sys(SYS_get_robust_list, 0, answer.address, answer.address + 8))
    check("is it", answer.load(Int.self, at: 0) == head.address)
    check("its size", answer.load(Int.self, at: 8))
    check("of nobody", sys(SYS_get_robust_list, 0x3fff_fff0, answer.address, answer.address + 8))
    check("faults", sys(SYS_get_robust_list, 0, forbiddenPage(), answer.address))
    check("none", sys(SYS_set_robust_list, 0, 24))
    for (name, inherits, isPending) in [("a plain lock", 0, false), ("one that inherits", 1, false), ("a pending one", 0, true)] {
        // The word is at offset 0 of the entry, 8 bytes before the link.
        words[0] = 0
        let pid = stagedChild(
            {
                let entry = place(2)
                let list = pointer(place(32)).assumingMemoryBound(to: Int.self)
                let link = pointer(entry).assumingMemoryBound(to: Int.self)
                list[0] = isPending ? place(32) : entry | inherits
                list[1] = -8
                list[2] = isPending ? entry | inherits : 0
                link[0] = place(32)
                sys(SYS_set_robust_list, place(32), 24)
                ts_store(words, Int32(sys(SYS_gettid)))
            },
            {
                pause(milliseconds: 30)
                sys(SYS_exit, 5)
                return 6
            })
        release()
        if inherits == 1 {
            check("\(name): lock", futex(0, lockOperation))
        } else {
            let word = ts_load(words) | Int32(bitPattern: waitersBit)
            ts_store(words, word)
            check("\(name): wait", futex(0, waitOperation, Int(UInt32(bitPattern: word)), time: time(nanoseconds: 5_000_000_000)))
        }
        check("child", text: reap(pid))
        show("then", 0)
    }
}

/// What the word may say while the kernel knows of an owner and a waiter: what an owner that ends leaves there on its way, and what not.
private func wordsOfOthers() {
    words[0] = 0
    let owner = stagedChild({ _ = futex(0, lockOperation) }, { Int32(futex(0, unlockOperation) == 0 ? 0 : 1) })
    let waiter = child { Int32(futex(0, lockOperation) == 0 && futex(0, unlockOperation) == 0 ? 0 : 1) }
    while UInt32(bitPattern: ts_load(words)) & waitersBit == 0 { pause(milliseconds: 1) }
    pause(milliseconds: 20)
    let mark = UInt32(truncatingIfNeeded: owner) | waitersBit
    for (name, word) in [
        ("as it is", mark), ("marked, free", waitersBit | diedBit), ("marked, without waiters", diedBit),
        ("marked, the owner's", mark | diedBit), ("free", waitersBit), ("another's", waitersBit | 0x3fff_fff0),
        ("marked, another's", waitersBit | diedBit | 0x3fff_fff0),
    ] {
        ts_store(words, Int32(bitPattern: word))
        check("\(name): try", futex(0, tryOperation))
        ts_store(words, Int32(bitPattern: word))
        check("\(name): lock", futex(0, lockOperation, time: time(nanoseconds: now(CLOCK_REALTIME) + 2_000_000)))
    }
    ts_store(words, Int32(bitPattern: mark))
    release()
    check("owner", text: reap(owner))
    check("waiter", text: reap(waiter))
    show("after", 0)
}

/// A program that is replaced by another one has none of its locks any more.
private func ownerThatExecutes() {
    words[0] = 0
    let pid = stagedChild(
        {
            let head = Buffer(24)
            head.store(head.address, at: 0)
            head.store(place(0) | 1, at: 16)
            sys(SYS_set_robust_list, head.address, 24)
            _ = futex(0, lockOperation)
        },
        {
            pause(milliseconds: 30)
            execSelf(["sleep"])
            return 1
        })
    release()
    check("lock of one that executes", futex(0, lockOperation))
    show("then", 0)
    check("it goes on", text: reap(pid, 1))
    check("unlock", futex(0, unlockOperation))
    sys(SYS_kill, pid, Int(SIGKILL))
    check("child", text: reap(pid))
}
