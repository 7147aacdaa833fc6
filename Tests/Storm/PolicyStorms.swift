// Who gets a processor that several want: by policy, by session, and among several processors. What each got is the processor time that
// the system itself accounts for, so that a slow emulator changes nothing.

import CTestSystem
import TestCalls

/// One that computes for as long as it is let.
private struct Competitor {
    var policy = SCHED_OTHER
    var priority: Int32 = 0
    /// Those with the same number belong to one session.
    var session = 0
    /// The processors that it may run on, as bits.
    var mask: UInt64 = 1
}

private func setPolicy(_ policy: Int32, _ priority: Int32) -> Int {
    let parameter = Buffer(4)
    defer { parameter.base.deallocate() }
    parameter.store(priority, at: 0)
    return sys(SYS_sched_setscheduler, 0, Int(policy), parameter.address)
}

private func setMask(_ mask: UInt64) -> Int {
    let buffer = Buffer(8)
    defer { buffer.base.deallocate() }
    buffer.store(mask, at: 0)
    return sys(SYS_sched_setaffinity, 0, 8, buffer.address)
}

private func sleep(milliseconds: Int) {
    let time = Buffer(16)
    defer { time.base.deallocate() }
    time.store(milliseconds / 1000, at: 0)
    time.store(milliseconds % 1000 * 1_000_000, at: 8)
    sys(SYS_nanosleep, time.address, 0)
}

/// Lets them compete, and tells how many milliseconds of processor time each got meanwhile. The caller has to be more urgent than all
/// of them, or on a processor of its own.
private func compete(_ storm: Storm, milliseconds: Int, _ competitors: [Competitor]) -> [Int] {
    let (ready, go, stop) = (storm.words(1), storm.words(1), storm.words(1))
    let used = storm.words(competitors.count)
    var leaders: [Int] = []
    let sessions = competitors.map { $0.session }.max()! + 1
    for session in 0..<sessions {
        let leader = child {
            // Not the caller's policy: that would be inherited.
            storm.require(setPolicy(SCHED_OTHER, 0) == 0, "the policy cannot be left")
            storm.require(sys(SYS_setsid) > 0, "no session")
            var members: [Int] = []
            for (index, competitor) in competitors.enumerated() where competitor.session == session {
                members.append(
                    child {
                        storm.require(setMask(competitor.mask) == 0, "a processor cannot be chosen")
                        storm.require(setPolicy(competitor.policy, competitor.priority) == 0, "a policy cannot be chosen")
                        _ = ts_add(ready, 1)
                        while ts_load(go) == 0 { futexWait(go, 0) }
                        let before = now(CLOCK_PROCESS_CPUTIME_ID)
                        while ts_load(stop) == 0 {}
                        ts_store(used + index, Int32((now(CLOCK_PROCESS_CPUTIME_ID) - before) / 1_000_000))
                        return 0
                    })
            }
            for member in members { storm.require(exitStatus(member) == 0, "a competitor did not end well", member) }
            return 0
        }
        leaders.append(leader)
    }
    for _ in 0..<10_000 where ts_load(ready) < Int32(competitors.count) { sleep(milliseconds: 1) }
    storm.require(ts_load(ready) == Int32(competitors.count), "not all are ready", Int(ts_load(ready)))
    // The last ones may be on their way to sleep.
    sleep(milliseconds: 5)
    ts_store(go, 1)
    futexWake(go)
    sleep(milliseconds: milliseconds)
    ts_store(stop, 1)
    for leader in leaders { storm.require(exitStatus(leader) == 0, "a leader did not end well", leader) }
    return (0..<competitors.count).map { Int(ts_load(used + $0)) }
}

/// Takes the first processor with a priority above all competitors'.
private func takeTheChair(_ storm: Storm) {
    storm.require(setMask(1) == 0, "the first processor cannot be chosen")
    storm.require(setPolicy(SCHED_FIFO, 90) == 0, "no right to real-time policies")
}

/// Real-time threads come first, in their order, and leave a little to others.
func policyStorm(_ storm: Storm) {
    let checks = storm.counter("checks", atLeast: 4)
    takeTheChair(storm)

    let queue = compete(storm, milliseconds: 300, Array(repeating: Competitor(policy: SCHED_FIFO, priority: 10), count: 2))
    storm.require(queue.max()! > 200 && queue.min()! < 20, "the second of a queue ran before the first ended", queue[0], queue[1])
    _ = ts_add(checks, 1)

    let turns = compete(storm, milliseconds: 900, Array(repeating: Competitor(policy: SCHED_RR, priority: 10), count: 3))
    for turn in turns { storm.require(turn > 150 && turn < 450, "turns are not equal", turns[0], turns[1], turns[2]) }
    _ = ts_add(checks, 1)

    let levels = compete(
        storm, milliseconds: 300,
        [Competitor(policy: SCHED_RR, priority: 10), Competitor(policy: SCHED_FIFO, priority: 11)])
    storm.require(levels[0] < 20 && levels[1] > 200, "the lower priority ran", levels[0], levels[1])
    _ = ts_add(checks, 1)

    let budget = compete(storm, milliseconds: 2500, [Competitor(policy: SCHED_FIFO, priority: 10), Competitor()])
    storm.require(budget[1] > 10 && budget[1] < 400, "the others' share beside a real-time thread", budget[0], budget[1])
    _ = ts_add(checks, 1)
    storm.require(setPolicy(SCHED_OTHER, 0) == 0, "the policy cannot be left")
}

/// A session with many busy threads gets no more than one with a single one.
func groupStorm(_ storm: Storm) {
    let (alone, many) = (storm.counter("alone-milliseconds"), storm.counter("many-milliseconds"))
    takeTheChair(storm)
    var competitors = [Competitor](repeating: Competitor(session: 1), count: 12)
    competitors[0].session = 0
    let used = compete(storm, milliseconds: 2000, competitors)
    ts_store(alone, Int32(used[0]))
    ts_store(many, Int32(used.dropFirst().reduce(0, +)))
    storm.require(used[0] > 700 && used[0] < 1300, "the share of one beside many", used[0])
    let others = used.dropFirst()
    storm.require(others.min()! * 2 > others.max()!, "shares within a session", others.min()!, others.max()!)
    storm.require(setPolicy(SCHED_OTHER, 0) == 0, "the policy cannot be left")
}

/// Three busy threads on two processors have two thirds each: they take turns in being alone.
func balanceStorm(_ storm: Storm) {
    let least = storm.counter("least-milliseconds")
    let buffer = Buffer(128)
    sys(SYS_sched_getaffinity, 0, 128, buffer.address)
    guard buffer[0] & 3 == 3 else { return }
    takeTheChair(storm)
    let used = compete(storm, milliseconds: 3000, [Competitor](repeating: Competitor(mask: 3), count: 3))
    ts_store(least, Int32(used.min()!))
    // Who does not take turns gets half of what the one alone gets.
    storm.require(used.min()! * 3 > used.max()! * 2, "shares among processors", used[0], used[1], used[2])
    storm.require(used.reduce(0, +) > 5000, "a processor was idle", used.reduce(0, +))
    storm.require(setPolicy(SCHED_OTHER, 0) == 0, "the policy cannot be left")
}

/// Long calls of an ordinary thread beside one that has to run every 200 µs: what the kernel keeps others from is in
/// /proc/sys/kernel/sched_hold_worst_ns afterwards.
func heldStorm(_ storm: Storm) {
    let (calls, wakeUps) = (storm.counter("calls", atLeast: 8), storm.counter("wake-ups", atLeast: 8))
    let latest = storm.counter("latest-microseconds")
    storm.require(setMask(1) == 0, "the first processor cannot be chosen")
    let ticker = child {
        storm.require(setPolicy(SCHED_FIFO, 50) == 0, "no right to real-time policies")
        let time = Buffer(16)
        while !storm.isOver {
            let wanted = now() + 200_000
            time.store(wanted / 1_000_000_000, at: 0)
            time.store(wanted % 1_000_000_000, at: 8)
            sys(SYS_clock_nanosleep, Int(CLOCK_MONOTONIC), 1, time.address, 0)
            let late = Int32((now() - wanted) / 1000)
            if late > ts_load(latest) { ts_store(latest, late) }
            _ = ts_add(wakeUps, 1)
        }
        return 0
    }
    let zero = open("/dev/zero", O_RDONLY)
    sys(SYS_chdir, storm.folder)
    let size = 16 << 20
    while !storm.isOver {
        let area = anonymous(size)
        storm.require(sys(SYS_read, zero, area, size) == size, "zeros cannot be read")
        let pid = child { 0 }
        storm.require(exitStatus(pid) == 0, "the child did not end well")
        sys(SYS_mprotect, area, size, 1)
        let fd = sys(SYS_open, text("held"), Int(O_CREAT | O_TRUNC | O_RDWR), 0o600)
        storm.require(sys(SYS_write, fd, area, size / 4) == size / 4, "a file cannot be written")
        sys(SYS_ftruncate, fd, 0)
        close(fd)
        sys(SYS_unlink, text("held"))
        sys(SYS_munmap, area, size)
        _ = ts_add(calls, 1)
    }
    close(zero)
    storm.require(exitStatus(ticker) == 0, "the ticker did not end well")
}
