// What belongs to a processor and must not leak between threads: registers, clocks, timers.

import CTestSystem
import TestCalls

/// Threads keep patterns in all vector registers while they are moved about.
func registerStorm(_ storm: Storm) {
    let (holds, moves, wide) = (storm.counter("holds", atLeast: 6), storm.counter("moves"), storm.counter("wide"))
    let processors = storm.counter("processors"), far = storm.counter("on-other-nodes")
    ts_store(wide, ts_wide_vectors())
    let mask = Buffer(128)
    let size = sys(SYS_sched_getaffinity, 0, 128, mask.address)
    for byte in 0..<max(0, size) { _ = ts_add(processors, Int32(mask[byte].nonzeroBitCount)) }
    let available = max(1, Int(ts_load(processors)))
    func run(_ index: Int) {
        var random = storm.random(index)
        let own = Buffer(128)
        while !storm.isOver {
            let target = random.next(available)
            own.fill(0)
            own[target / 8] = 1 << UInt8(target % 8)
            if index % 2 == 0 && sys(SYS_sched_setaffinity, 0, 128, own.address) == 0 {
                _ = ts_add(moves, 1)
                let place = Buffer(8)
                sys(SYS_getcpu, place.address, place.address + 4, 0)
                if place.load(Int32.self, at: 4) > 0 { _ = ts_add(far, 1) }
                storm.require(place.load(Int32.self, at: 0) == Int32(target), "a thread runs where it must not", target)
                place.base.deallocate()
            }
            let damaged = ts_vectors_hold(UInt64(random.next(1 << 40)), 20_000 + random.next(200_000))
            storm.require(damaged == 0, "vector registers changed", Int(damaged), index)
            _ = ts_add(holds, 1)
        }
    }
    let first = thread { run(0) }
    let second = thread { run(1) }
    let third = thread { run(2) }
    children(storm, 3) { run(3 + $0) }
    join([first, second, third])
}

/// No sleep ends early, no timer counts too much, and time never goes back between processors.
func timerStorm(_ storm: Storm) {
    let (sleeps, comparisons) = (storm.counter("sleeps", atLeast: 10), storm.counter("comparisons", atLeast: 10))
    let expirations = storm.counter("expirations", atLeast: 2)
    let latest = storm.counter("latest-milliseconds")
    var threads: [Int] = []
    for index in 0..<4 {
        threads.append(
            thread {
                var random = storm.random(index)
                let time = Buffer(16)
                while !storm.isOver {
                    let wanted = random.next(index == 0 ? 300_000 : 15_000_000)
                    let start = now()
                    if index % 2 == 0 {
                        time.store(0, at: 0)
                        time.store(wanted, at: 8)
                        sys(SYS_nanosleep, time.address, 0)
                    } else {
                        time.store((start + wanted) / 1_000_000_000, at: 0)
                        time.store((start + wanted) % 1_000_000_000, at: 8)
                        sys(SYS_clock_nanosleep, Int(CLOCK_MONOTONIC), 1, time.address, 0)
                    }
                    let passed = now() - start
                    storm.require(passed >= wanted, "a sleep ended early", passed, wanted)
                    let late = Int32((passed - wanted) / 1_000_000)
                    if late > ts_load(latest) { ts_store(latest, late) }
                    _ = ts_add(sleeps, 1)
                }
            })
    }
    threads.append(thread { countExpirations(storm, expirations) })
    // Each writes the time down under a word that only one has at a time; the next must read no earlier one.
    let published = UnsafeMutablePointer<Int>(OpaquePointer(storm.words(16)))
    let owner = storm.words(1)
    for _ in 0..<3 {
        threads.append(
            thread {
                while !storm.isOver {
                    for _ in 0..<20 where ts_compare_exchange(owner, 0, 1) != 0 {
                        let time = now()
                        storm.require(time >= published.pointee, "time went back", published.pointee - time)
                        published.pointee = time
                        ts_store(owner, 0)
                        _ = ts_add(comparisons, 1)
                    }
                    sys(SYS_sched_yield)
                }
            })
    }
    join(threads)
}

private func countExpirations(_ storm: Storm, _ expirations: UnsafeMutablePointer<Int32>) {
    let period = 3_000_000
    let fd = sys(SYS_timerfd_create, Int(CLOCK_MONOTONIC), 0)
    let setting = Buffer(32)
    setting.store(period, at: 8)
    setting.store(period, at: 24)
    let start = now()
    sys(SYS_timerfd_settime, fd, 0, setting.address, 0)
    let armed = now()
    let place = Buffer(16)
    var total = 0
    while !storm.isOver {
        let before = now()
        storm.require(sys(SYS_read, fd, place.address, 8) == 8, "a timer cannot be read")
        total += place.load(Int.self, at: 0)
        ts_store(expirations, Int32(total))
        let most = (now() - start) / period
        storm.require(total <= most, "a timer counted too much", total, most)
        // All of the time before the read has been counted by it, however late it was.
        let least = (before - armed) / period
        storm.require(total >= least, "a timer lost expirations", total, least)
    }
    close(fd)
}
