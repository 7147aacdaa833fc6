// More than there is memory for. What is bounded here is the work, not the time.

import CTestSystem
import TestCalls

private let page = 4096

/// A file several times larger than memory: written, read, and looked at through a mapping, here and there and twice. Whatever the
/// system dropped, wrote or took out of the mapping meanwhile, each page must say what was written there.
func pressureStorm(_ storm: Storm) {
    let (written, read) = (storm.counter("written", atLeast: 1), storm.counter("read", atLeast: 1))
    let looked = storm.counter("looked", atLeast: 1)
    storm.require(sys(SYS_chdir, storm.folder) == 0, "no such folder")
    // The time says how much: a quarter of a MiB for each millisecond.
    let pages = max(storm.milliseconds, 4) * 64
    let fd = open("large", O_CREAT | O_TRUNC | O_RDWR)
    storm.require(fd >= 0, "no file", fd)
    let buffer = Buffer(16 * page)
    for first in stride(from: 0, to: pages, by: 16) {
        for index in 0..<16 {
            for place in [0, 511] { buffer.store(mark(first + index, place), at: index * page + place * 8) }
        }
        let count = sys(SYS_write, fd, buffer.address, 16 * page)
        if count != 16 * page { return storm.fail("write", first, count) }
        _ = ts_add(written, 16)
    }
    for index in 0..<pages {
        let count = sys(SYS_pread64, fd, buffer.address, page, index * page)
        if count != page { return storm.fail("read", index, count) }
        storm.require(buffer.load(Int.self, at: 0) == mark(index, 0), "another page was read", index)
        _ = ts_add(read, 1)
    }
    let address = sys(SYS_mmap, 0, pages * page, Int(PROT_READ | PROT_WRITE), Int(MAP_SHARED), fd, 0)
    storm.require(address > 0, "no mapping", address)
    var random = storm.random(1)
    for turn in 0..<pages * 2 {
        // Once in order; then anywhere, and sometimes one is changed.
        let index = turn < pages ? turn : random.next(pages)
        let start = pointer(address + index * page)
        storm.require(start.load(as: Int.self) == mark(index, 0), "another page is mapped", index)
        storm.require(start.load(fromByteOffset: 4088, as: Int.self) == mark(index, 511), "half of a page is mapped", index)
        if turn % 16 == 0 { start.storeBytes(of: mark(index, 1), toByteOffset: 8, as: Int.self) }
        _ = ts_add(looked, 1)
    }
    for index in 0..<pages where index % 16 == 0 {
        let place = pointer(address + index * page).load(fromByteOffset: 8, as: Int.self)
        storm.require(place == mark(index, 1), "a change is lost", index)
    }
    sys(SYS_munmap, address, pages * page)
    close(fd)
    sys(SYS_unlink, text("large"))
}

private func mark(_ index: Int, _ place: Int) -> Int { (index << 20) ^ (place << 4) ^ 0x5aa5_0000_0000_0001 }

/// Threads without end, each asleep: the system says no, or ends the program, before its own memory is used up, and goes on.
func threadBombStorm(_ storm: Storm) {
    let made = storm.counter("made", atLeast: 50)
    let pid = child {
        var count = 0
        while count < 20000 {
            let stack = anonymous(page)
            if stack < 0 { break }
            let thread = ts_thread_asleep(stack + page)
            if thread < 0 {
                let expected = thread == -Int(EAGAIN) || thread == -Int(ENOMEM)
                if !expected { storm.fail("the answer to one thread too many", thread) }
                break
            }
            count += 1
            _ = ts_add(made, 1)
        }
        // The system is full now; there is still room for its own work.
        pause(milliseconds: 300)
        sys(SYS_exit_group, 0)
        return 0
    }
    let ending = reap(pid)
    storm.require(ending == "exit 0" || ending == "signal 9", "the child did not end")
}

/// Processes without end, each of which makes more.
func forkBombStorm(_ storm: Storm) {
    let (made, refused) = (storm.counter("made", atLeast: 20), storm.counter("refused"))
    // Whoever ends it must not be ended for want of memory.
    storm.require(adjustKilling("-1000"), "the one who watches is not spared")
    let pid = child {
        sys(SYS_setpgid, 0, 0)
        storm.require(adjustKilling("0"), "the bomb is spared")
        bomb(storm, made, refused)
        return 0
    }
    sys(SYS_setpgid, pid, pid)
    while !storm.isOver { pause(milliseconds: 20) }
    // Those that are on their way when the signal is sent are caught the next time. Process 1 reaps all but the first.
    for _ in 0..<400 {
        sys(SYS_kill, -pid, Int(SIGKILL))
        _ = reap(pid, WNOHANG)
        if sys(SYS_kill, -pid, 0) == -Int(ESRCH) { return }
        pause(milliseconds: 50)
    }
    storm.fail("somebody is left")
}

/// Says how gladly this process is killed when there is no memory.
private func adjustKilling(_ value: StaticString) -> Bool {
    let fd = open("/proc/self/oom_score_adj", O_WRONLY)
    defer { close(fd) }
    return fd >= 0 && sys(SYS_write, fd, text(value), value.utf8CodeUnitCount) == value.utf8CodeUnitCount
}

private func bomb(_ storm: Storm, _ made: UnsafeMutablePointer<Int32>, _ refused: UnsafeMutablePointer<Int32>) {
    // Memory of one's own, so that not only the number of processes is at its end.
    let own = anonymous(64 * page)
    for index in 0..<64 where own > 0 { setByte(own + index * page, 1) }
    while true {
        let pid = sys(SYS_fork)
        if pid < 0 {
            _ = ts_add(refused, 1)
            pause(milliseconds: 5)
        } else if pid > 0 {
            _ = ts_add(made, 1)
        } else {
            for index in 0..<64 where own > 0 { setByte(own + index * page, 2) }
        }
    }
}

/// Eight threads that take pages and give them back: the system's lists of a processor are for this.
func frameStorm(_ storm: Storm) {
    let taken = storm.counter("taken", atLeast: 2048)
    var threads: [Int] = []
    for _ in 0..<8 {
        threads.append(
            thread {
                let area = anonymous(64 * page)
                repeat {
                    for index in 0..<64 { setByte(area + index * page, 1) }
                    storm.require(sys(SYS_madvise, area, 64 * page, Int(MADV_DONTNEED)) == 0, "madvise")
                    _ = ts_add(taken, 64)
                } while !storm.isOver
                sys(SYS_munmap, area, 64 * page)
            })
    }
    join(threads)
}
