// Threads as libc makes them: sharing, joining, signals to one of them, exit of one and of all.

import CTestSystem
import TestCalls

nonisolated(unsafe) private var shared = UnsafeMutablePointer<Int32>.allocate(capacity: 64)
nonisolated(unsafe) private var lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
nonisolated(unsafe) private var condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

private typealias Body = @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

private func start(_ body: Body, _ argument: Int = 0) -> Int {
    ts_thread_create(body, UnsafeMutableRawPointer(bitPattern: argument))
}

func threadsFamily() {
    memset(shared, 0, 256)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(condition, nil)
    joining()
    mutexes()
    conditions()
    identity()
    signals()
    exits()
    manyThreads()
    forkFromThread()
}

private func joining() {
    let thread = start(
        { argument in
            ts_store(shared, 41)
            return argument.map { $0 + 1 }
        }, 99)
    check("joined value", ts_thread_join(thread))
    check("its write is seen", Int(ts_load(shared)))
    let stack = start({ _ in
        // Each thread has a stack of its own, deep enough for ordinary work.
        withUnsafeTemporaryAllocation(byteCount: 60_000, alignment: 16) { space in
            space.initializeMemory(as: UInt8.self, repeating: 7)
            return UnsafeMutableRawPointer(bitPattern: Int(space[0]) + Int(space[59_999]))
        }
    })
    check("stack of a thread", ts_thread_join(stack))
}

private func mutexes() {
    ts_store(shared, 0)
    let threads = (0..<4).map { _ in
        start({ _ in
            for _ in 0..<2000 {
                pthread_mutex_lock(lock)
                shared[0] += 1
                pthread_mutex_unlock(lock)
            }
            return nil
        })
    }
    for thread in threads { check("worker", ts_thread_join(thread)) }
    check("counted", Int(shared[0]))
}

private func conditions() {
    // Two threads pass a ball; the condition variable is all that orders them.
    memset(shared, 0, 256)
    let other = start({ _ in
        for _ in 0..<300 {
            pthread_mutex_lock(lock)
            while shared[1] != 1 { pthread_cond_wait(condition, lock) }
            shared[1] = 0
            shared[2] += 1
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(lock)
        }
        return nil
    })
    for _ in 0..<300 {
        pthread_mutex_lock(lock)
        while shared[1] != 0 { pthread_cond_wait(condition, lock) }
        shared[1] = 1
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(lock)
    }
    check("other", ts_thread_join(other))
    check("passed", Int(shared[2]))
}

private func identity() {
    let process = sys(SYS_getpid)
    shared[3] = Int32(process)
    let thread = start({ _ in
        let samePID = sys(SYS_getpid) == Int(shared[3])
        let ownTID = sys(SYS_gettid) != Int(shared[3])
        return UnsafeMutableRawPointer(bitPattern: samePID && ownTID ? 1 : 2)
    })
    check("one process, another thread", ts_thread_join(thread))
    // The parent of a child is the process, whichever thread forked; a thread may wait for any child.
    let pid = child { 5 }
    shared[4] = Int32(pid)
    let waiter = start({ _ in
        let status = Buffer(4)
        sys(SYS_wait4, Int(shared[4]), status.address, 0, 0)
        return UnsafeMutableRawPointer(bitPattern: Int(status.load(Int32.self, at: 0)))
    })
    check("waited for by a thread", ts_thread_join(waiter))
    check(
        "descriptors are shared", ts_thread_join(start({ _ in UnsafeMutableRawPointer(bitPattern: open("t", O_CREAT | O_RDWR)) }))
    )
    check("by number", write(3, "x"))
    close(3)
}

private func signals() {
    memset(shared, 0, 256)
    ts_handle(SIGUSR1, { _, _, _ in ts_store(shared + 5, Int32(sys(SYS_gettid))) }, 0, 0)
    let thread = start({ _ in
        ts_store(shared + 6, Int32(sys(SYS_gettid)))
        while ts_load(shared + 5) == 0 { pause(milliseconds: 2) }
        return nil
    })
    while ts_load(shared + 6) == 0 { pause(milliseconds: 2) }
    check("signal to a thread", sys(SYS_tgkill, sys(SYS_getpid), Int(shared[6]), Int(SIGUSR1)))
    check("joined", ts_thread_join(thread))
    check("handled by that thread", shared[5] == shared[6])
    // Each thread has its own mask: a process signal goes to the one that does not block it.
    memset(shared, 0, 256)
    let mask = Buffer(8)
    mask.store(UInt64(1) << UInt64(SIGUSR1 - 1), at: 0)
    let open = start({ _ in
        ts_store(shared + 6, Int32(sys(SYS_gettid)))
        while ts_load(shared + 5) == 0 { pause(milliseconds: 2) }
        return nil
    })
    while ts_load(shared + 6) == 0 { pause(milliseconds: 2) }
    sys(SYS_rt_sigprocmask, Int(SIG_BLOCK), mask.address, 0, 8)
    sys(SYS_kill, sys(SYS_getpid), Int(SIGUSR1))
    check("joined", ts_thread_join(open))
    check("handled by the open thread", shared[5] == shared[6])
    sys(SYS_rt_sigprocmask, Int(SIG_UNBLOCK), mask.address, 0, 8)
    ts_dispose(SIGUSR1, 0)
}

private func exits() {
    checkChild("exit_group by a thread") {
        let thread = start({ _ in
            sys(SYS_exit_group, 21); return nil
        })
        _ = ts_thread_join(thread)
        pause(milliseconds: 20_000)
        return 1
    }
    checkChild("main thread ends first") {
        _ = start({ _ in
            pause(milliseconds: 40)
            sys(SYS_exit_group, 22)
            return nil
        })
        sys(SYS_exit, 1)
        return 2
    }
    checkChild("all threads end with exit") {
        _ = start({ _ in
            pause(milliseconds: 30); sys(SYS_exit, 3); return nil
        })
        sys(SYS_exit, 4)
        return 5
    }
    checkChild("a thread that crashes ends all") {
        let thread = start({ _ in
            ts_poke(nil); return nil
        })
        _ = ts_thread_join(thread)
        return 1
    }
    checkChild("exec in a thread") {
        _ = start({ _ in
            execSelf(["arguments", "from a thread"]); return nil
        })
        pause(milliseconds: 20_000)
        return 1
    }
    checkChild("exit with threads blocked in calls") {
        let (r, _) = pipe()
        shared[7] = Int32(r)
        for _ in 0..<4 {
            _ = start({ _ in
                _ = read(Int(shared[7]), 1); return nil
            })
        }
        pause(milliseconds: 20)
        return 23
    }
    checkChild("killed with threads that compute") {
        for _ in 0..<3 {
            _ = start({ _ in
                while ts_load(shared + 8) == 0 {}; return nil
            })
        }
        pause(milliseconds: 10)
        sys(SYS_kill, sys(SYS_getpid), Int(SIGKILL))
        pause(milliseconds: 20_000)
        return 1
    }
}

private func manyThreads() {
    memset(shared, 0, 256)
    var sum = 0
    for _ in 0..<100 {
        let thread = start({ argument in argument }, 3)
        sum += ts_thread_join(thread)
    }
    check("one after the other", sum)
    let threads = (1...32).map {
        start(
            { argument in
                pthread_mutex_lock(lock)
                shared[9] += Int32(Int(bitPattern: argument))
                pthread_mutex_unlock(lock)
                return nil
            }, $0)
    }
    for thread in threads { _ = ts_thread_join(thread) }
    check("at once", Int(shared[9]))
    // Memory that threads map and unmap at the same time.
    let mapping = (0..<4).map {
        start(
            { argument in
                let mark = UInt8(truncatingIfNeeded: Int(bitPattern: argument))
                for _ in 0..<200 {
                    let page = anonymous(8192)
                    setByte(page, mark)
                    setByte(page + 4096, mark)
                    if byte(page) != mark || byte(page + 4096) != mark { return UnsafeMutableRawPointer(bitPattern: 1) }
                    sys(SYS_munmap, page, 8192)
                }
                return nil
            }, $0 + 1)
    }
    for thread in mapping { check("mapping thread", ts_thread_join(thread)) }
}

private func forkFromThread() {
    let thread = start({ _ in
        let pid = child { Int32(sys(SYS_gettid) == sys(SYS_getpid) ? 12 : 13) }
        return UnsafeMutableRawPointer(bitPattern: reap(pid) == "exit 12" ? 1 : 2)
    })
    check("a child has one thread", ts_thread_join(thread))
    check("set_tid_address", sys(SYS_set_tid_address, 0) == sys(SYS_gettid))
    let word = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    word.pointee = 99
    checkChild("cleared at exit") {
        // CLONE_VM | CLONE_CHILD_CLEARTID: the word becomes zero when the child ends, and its waiters wake.
        let stack = anonymous(65536) + 65536
        let pid = ts_clone_exiting(stack, word)
        while ts_load(word) != 0 { sys(SYS_futex, Int(bitPattern: word), 0, 99) }
        return reap(Int(pid)) == "exit 14" ? 0 : 1
    }
    word.deallocate()
}
