// Processes that come and go, and signals between them.

import CTestSystem
import TestCalls

private func pointers(_ values: [Int]) -> Int {
    let array = UnsafeMutablePointer<Int>.allocate(capacity: values.count + 1)
    for (index, value) in values.enumerated() { array[index] = value }
    array[values.count] = 0
    return Int(bitPattern: array)
}

/// Several processes fork, execute and end, with threads and without; every status must arrive.
func forkStorm(_ storm: Storm) {
    let (forks, execs, threaded) = (storm.counter("forks", atLeast: 5), storm.counter("execs"), storm.counter("threaded"))
    let environment = pointers([])
    children(storm, 3) { index in
        var random = storm.random(index)
        while !storm.isOver {
            let status = random.next(200)
            let kind = random.next(5)
            let arguments = pointers([storm.program, text("exit"), text(copying: "\(status)")])
            var started: [(pid: Int, status: Int)] = []
            for extra in 0...random.next(3) {
                let pid = child {
                    if kind >= 3 { startThreads() }
                    if kind == 1 || kind == 3 {
                        sys(SYS_execve, storm.program, arguments, environment)
                        return 255
                    }
                    if kind == 2 { return exitStatus(child { Int32(status) }) == status ? Int32(status) : 254 }
                    return Int32(status)
                }
                if pid < 0 { storm.fail("fork", pid, extra) } else { started.append((pid, status)) }
            }
            for (pid, status) in started {
                let seen = exitStatus(pid)
                storm.require(seen == status, "a child's status is another", seen, status, kind)
                _ = ts_add(forks, 1)
                if kind == 1 || kind == 3 { _ = ts_add(execs, 1) }
                if kind >= 3 { _ = ts_add(threaded, 1) }
            }
        }
        storm.require(sys(SYS_wait4, -1, 0, 0, 0) == -Int(ECHILD), "a child is left")
    }
}

/// Threads that compute and make calls until their process ends or executes.
private func startThreads() {
    for index in 0..<2 {
        _ = thread {
            while true {
                if index == 0 { sys(SYS_getppid) } else { sys(SYS_munmap, anonymous(8192), 8192) }
            }
        }
    }
}

nonisolated(unsafe) private var received = UnsafeMutablePointer<Int32>(bitPattern: 8)!

/// Queued signals between processes, none of which may get lost, among others that stop, continue and interrupt.
func signalStorm(_ storm: Storm) {
    let (sent, taken, refused) = (storm.counter("sent", atLeast: 10), storm.counter("taken"), storm.counter("refused"))
    let interruptions = storm.counter("interruptions")
    let (ready, over) = (storm.words(1), storm.words(1))
    received = taken
    let count = 3
    var receivers: [Int] = []
    for index in 0..<count { receivers.append(child { receive(storm, ready, over, interruptions, index) }) }
    // Read once a turn: the last one may come between two looks, and then nobody is woken any more.
    var known = ts_load(ready)
    while known < Int32(count) {
        futexWait(ready, known)
        known = ts_load(ready)
    }
    children(storm, 3) { index in
        var random = storm.random(index)
        let info = Buffer(128)
        while !storm.isOver {
            let target = receivers[random.next(count)]
            switch random.next(8) {
            case 0: sys(SYS_kill, target, Int(SIGUSR1))
            case 1:
                sys(SYS_kill, target, Int(SIGSTOP))
                if random.next(2) == 0 { sys(SYS_sched_yield) }
                sys(SYS_kill, target, Int(SIGCONT))
            case 2: sys(SYS_tgkill, target, target, Int(SIGUSR1))
            default:
                info.store(Int32(34 + 2), at: 0)
                info.store(Int32(-1), at: 8)
                info.store(Int32(sys(SYS_getpid)), at: 16)
                let result = sys(SYS_rt_sigqueueinfo, target, 36, info.address)
                // A full queue refuses; what it takes it must deliver.
                if result == 0 {
                    _ = ts_add(sent, 1)
                } else if result == -Int(EAGAIN) {
                    _ = ts_add(refused, 1)
                } else {
                    storm.fail("a signal could not be sent", result)
                }
            }
        }
    }
    // The last ones may be on their way: they are waited for as long as some arrive, however slow the machine is.
    var (seen, patience) = (ts_load(taken), now() + 5_000_000_000)
    while ts_load(taken) != ts_load(sent) && now() < patience {
        if ts_load(taken) != seen { (seen, patience) = (ts_load(taken), now() + 5_000_000_000) }
        for pid in receivers { sys(SYS_kill, pid, Int(SIGCONT)) }
        pause(milliseconds: 5)
    }
    storm.require(ts_load(taken) == ts_load(sent), "signals got lost or doubled", Int(ts_load(taken)), Int(ts_load(sent)))
    ts_store(over, 1)
    for pid in receivers {
        sys(SYS_kill, pid, Int(SIGCONT))
        storm.require(exitStatus(pid) == 0, "a receiver did not end well", pid)
    }
}

private func receive(
    _ storm: Storm, _ ready: UnsafeMutablePointer<Int32>, _ over: UnsafeMutablePointer<Int32>,
    _ interruptions: UnsafeMutablePointer<Int32>, _ index: Int
) -> Int32 {
    ts_handle(36, { _, _, _ in _ = ts_add(received, 1) }, SA_RESTART, 0)
    ts_handle(SIGUSR1, { _, _, _ in }, 0, 0)
    _ = ts_add(ready, 1)
    futexWake(ready)
    let time = Buffer(16)
    let (input, output) = pipe()
    let byte = Buffer(16)
    var turn = 0
    while ts_load(over) == 0 {
        turn += 1
        if turn % 3 == 0 {
            time.store(0, at: 0)
            time.store(2_000_000, at: 8)
            if sys(SYS_nanosleep, time.address, 0) == -Int(EINTR) { _ = ts_add(interruptions, 1) }
        } else if turn % 3 == 1 {
            // What was written must be read, whatever comes in between.
            byte[0] = UInt8(truncatingIfNeeded: turn)
            while sys(SYS_write, output, byte.address, 1) != 1 {}
            byte[0] = 0
            while sys(SYS_read, input, byte.address, 1) != 1 {}
            storm.require(byte[0] == UInt8(truncatingIfNeeded: turn), "a byte changed", Int(byte[0]), turn)
        } else {
            storm.require(
                ts_vector_survives(Int(SYS_getppid), 0, 0, UInt32(truncatingIfNeeded: turn &* 31 &+ index)) == 0,
                "a signal damaged registers")
        }
    }
    return 0
}
