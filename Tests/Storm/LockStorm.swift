// Locks that inherit priority, in threads and in processes: with time-outs, attempts, conditions, and owners that end.

import CTestSystem
import TestCalls

// One by one: a pattern is a variable that its first reader fills, and a child that was forked while another thread did so would wait for
// that thread for ever.
private let lockOperation = 6
private let unlockOperation = 7
private let tryOperation = 8
private let waitRequeue = 11
private let requeue = 12
private let lockByClock = 13
private let died: UInt32 = 0x4000_0000

/// The lock as C libraries use it: the kernel is asked only when it is contended.
private struct InheritingLock {
    let word: UnsafeMutablePointer<Int32>
    /// 128 for the threads of one process.
    let flags: Int
    let number = Int32(sys(SYS_gettid))

    func call(_ operation: Int, _ time: Int = 0) -> Int { sys(SYS_futex, Int(bitPattern: word), operation | flags, 0, time) }

    func lock() -> Int { ts_compare_exchange(word, 0, number) != 0 ? 0 : call(lockOperation) }

    func lock(nanoseconds: Int) -> Int {
        if ts_compare_exchange(word, 0, number) != 0 { return 0 }
        var time = (0, now() + nanoseconds)
        time = (time.1 / 1_000_000_000, time.1 % 1_000_000_000)
        return withUnsafeMutablePointer(to: &time) { call(lockByClock, Int(bitPattern: $0)) }
    }

    func unlock() -> Int { ts_compare_exchange(word, number, 0) != 0 ? 0 : call(unlockOperation) }
    var isMine: Bool { ts_load(word) & 0x3fff_ffff == number }

    /// Takes the mark off that the last owner has died.
    func clean() -> Bool {
        let value = UInt32(bitPattern: ts_load(word))
        if value & died == 0 { return false }
        return ts_compare_exchange(word, Int32(bitPattern: value), Int32(bitPattern: value & ~died)) != 0
    }
}

func lockStorm(_ storm: Storm) {
    let (locked, late, deaths, moved) = (
        storm.counter("locked", atLeast: 50), storm.counter("late"), storm.counter("deaths", atLeast: 1),
        storm.counter("moved", atLeast: 2)
    )
    let shared = storm.words(1), sharedState = storm.words(1)
    var threads = [
        thread {
            children(storm, 3) { index in
                contend(storm, InheritingLock(word: shared, flags: 0), sharedState, locked, late, deaths, stream: index)
            }
        },
        thread {
            var round = 0
            while !storm.isOver || ts_load(deaths) == 0 {
                round += 1
                // Ends with the lock, of which the kernel knows as one that it is about to take or to release.
                let pid = child {
                    let head = Buffer(24)
                    head.store(head.address, at: 0)
                    head.store(Int(bitPattern: shared) | 1, at: 16)
                    sys(SYS_set_robust_list, head.address, 24)
                    return Int32(InheritingLock(word: shared, flags: 0).lock() == 0 ? 0 : 1)
                }
                storm.require(exitStatus(pid) == 0, "a child could not lock", pid)
                pause(milliseconds: 5)
                if round > 4000 { break }
            }
        },
    ]
    let own = storm.words(1), ownState = storm.words(1)
    for index in 0..<4 {
        threads.append(
            thread {
                // Some are more urgent than others.
                sys(SYS_setpriority, 0, sys(SYS_gettid), index * 4)
                contend(storm, InheritingLock(word: own, flags: 128), ownState, locked, late, deaths, stream: 10 + index)
            })
    }
    threads.append(thread { conditions(storm, moved) })
    join(threads)
}

private func contend(
    _ storm: Storm, _ lock: InheritingLock, _ state: UnsafeMutablePointer<Int32>, _ locked: UnsafeMutablePointer<Int32>,
    _ late: UnsafeMutablePointer<Int32>, _ deaths: UnsafeMutablePointer<Int32>, stream: Int
) {
    var random = storm.random(stream)
    while !storm.isOver {
        var result: Int
        switch random.next(8) {
        case 0: result = lock.lock(nanoseconds: random.next(2_000_000))
        case 1: result = lock.call(tryOperation)
        default: result = lock.lock()
        }
        if result == -Int(ETIMEDOUT) || result == -Int(EAGAIN) {
            _ = ts_add(late, 1)
            continue
        }
        storm.require(result == 0, "lock failed", result)
        storm.require(lock.isMine, "the lock is another's", Int(ts_load(lock.word)))
        if lock.clean() { _ = ts_add(deaths, 1) }
        let value = ts_load(state)
        if random.next(16) == 0 { sys(SYS_sched_yield) }
        storm.require(ts_load(state) == value, "two had the lock")
        ts_store(state, value &+ 1)
        let end = lock.unlock()
        storm.require(end == 0, "unlock failed", end)
        _ = ts_add(locked, 1)
    }
}

/// A condition whose waiters are moved to the lock, over and over.
private func conditions(_ storm: Storm, _ moved: UnsafeMutablePointer<Int32>) {
    let condition = storm.words(1), word = storm.words(1), left = storm.words(1)
    ts_store(left, 3)
    var threads: [Int] = []
    for _ in 0..<3 {
        threads.append(
            thread {
                let lock = InheritingLock(word: word, flags: 128)
                while !storm.isOver {
                    let seen = Int(UInt32(bitPattern: ts_load(condition)))
                    let result = sys(
                        SYS_futex, Int(bitPattern: condition), waitRequeue | 128, seen, 0, Int(bitPattern: word), 0)
                    if result == -Int(EAGAIN) { continue }
                    storm.require(result == 0, "the condition failed", result)
                    storm.require(lock.isMine, "woken without the lock", Int(ts_load(word)))
                    _ = ts_add(moved, 1)
                    storm.require(lock.unlock() == 0, "unlock failed")
                }
                _ = ts_add(left, -1)
            })
    }
    let lock = InheritingLock(word: word, flags: 128)
    while ts_load(left) > 0 {
        storm.require(lock.lock() == 0, "lock failed")
        let value = Int(UInt32(bitPattern: ts_add(condition, 1)))
        let result = sys(SYS_futex, Int(bitPattern: condition), requeue | 128, 1, 100, Int(bitPattern: word), value)
        storm.require(result >= 0, "requeue failed", result)
        storm.require(lock.unlock() == 0, "unlock failed")
        pause(milliseconds: 1)
    }
    join(threads)
}
