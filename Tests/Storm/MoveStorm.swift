// Pages that the system moves in memory while threads write, forget and read them, children look at them and a file is changed through a
// mapping. As in the storm of memory, a word for each page says what it is now.

import CTestSystem
import TestCalls

private let page = 4096
private let pageCount = 3072
private let fileCount = 512

private func pattern(_ index: Int, _ word: Int) -> Int { (word << 20) ^ (index << 4) ^ 0x5aa5_0000_0000_0003 }

func moveStorm(_ storm: Storm) {
    let (changes, looks) = (storm.counter("changes", atLeast: 200), storm.counter("looks", atLeast: 1000))
    let (forks, rounds) = (storm.counter("forks", atLeast: 2), storm.counter("rounds", atLeast: 12))
    let area = anonymous(pageCount * page)
    storm.require(sys(SYS_madvise, area, pageCount * page, 15) == 0, "madvise")
    // Even: what it is, 0 for zeros; odd: it is being changed.
    let words = UnsafeMutablePointer<Int32>(OpaquePointer(pointer(anonymous(pageCount * 4))))
    for index in 0..<pageCount { setByte(area + index * page, 0) }
    var threads: [Int] = []
    for half in 0..<2 { threads.append(thread { change(storm, area, words, half, changes) }) }
    for reader in 0..<2 { threads.append(thread { look(storm, area, words, reader, looks) }) }
    threads.append(thread { changeFile(storm) })
    threads.append(
        thread {
            while !storm.isOver {
                fork(storm, area, words)
                _ = ts_add(forks, 1)
                pause(milliseconds: 400)
            }
        })
    let mover = open("/proc/sys/vm/compact_memory", O_WRONLY)
    threads.append(
        thread {
            while !storm.isOver {
                if mover >= 0 { storm.require(write(mover, "2") == 1, "memory cannot be compacted") }
                _ = ts_add(rounds, 1)
                pause(milliseconds: 5)
            }
        })
    join(threads)
    close(mover)
    sys(SYS_munmap, area, pageCount * page)
}

private func change(
    _ storm: Storm, _ area: Int, _ words: UnsafeMutablePointer<Int32>, _ half: Int, _ changes: UnsafeMutablePointer<Int32>
) {
    var random = storm.random(30 + half)
    var generation = 0
    while !storm.isOver {
        generation = (generation + 1) & 0xff_ffff
        // Runs of pages go, so that there are gaps; single ones come back.
        let drops = random.next(3) == 0
        let first = half * (pageCount / 2) + random.next(pageCount / 2 - 16)
        let count = 1 + random.next(16)
        let word = drops ? 0 : generation << 1
        for index in first..<first + count { ts_store(words + index, 1) }
        if drops {
            storm.require(sys(SYS_madvise, area + first * page, count * page, Int(MADV_DONTNEED)) == 0, "madvise")
        } else {
            for index in first..<first + count {
                let place = pointer(area + index * page)
                place.storeBytes(of: pattern(index, word), as: Int.self)
                (place + page - 8).storeBytes(of: pattern(index, word), as: Int.self)
            }
        }
        for index in first..<first + count { ts_store(words + index, Int32(word)) }
        _ = ts_add(changes, Int32(count))
    }
}

@inline(__always)
private func isRight(_ area: Int, _ index: Int, _ word: Int) -> Bool {
    let expected = word == 0 ? 0 : pattern(index, word)
    let place = pointer(area + index * page)
    return place.load(as: Int.self) == expected && (place + page - 8).load(as: Int.self) == expected
}

private func look(
    _ storm: Storm, _ area: Int, _ words: UnsafeMutablePointer<Int32>, _ reader: Int, _ looks: UnsafeMutablePointer<Int32>
) {
    var random = storm.random(40 + reader)
    storm.watch(looks) { turn in
        let index = random.next(pageCount)
        let before = Int(ts_load(words + index))
        if before & 1 != 0 { return false }
        let right = isRight(area, index, before)
        if Int(ts_load(words + index)) != before { return false }
        if !right { storm.fail("a page is not what it should be", index, before) }
        return true
    }
}

/// A child's memory stands still, whatever is moved.
private func fork(_ storm: Storm, _ area: Int, _ words: UnsafeMutablePointer<Int32>) {
    let pid = child {
        for _ in 0..<3 {
            for index in 0..<pageCount {
                let word = Int(ts_load(words + index))
                if word & 1 == 0, !isRight(area, index, word) { return 1 }
            }
            pause(milliseconds: 5)
        }
        return 0
    }
    storm.require(pid > 0 && exitStatus(pid) == 0, "a child saw other memory")
}

/// A file that is changed through a mapping, by writing, and read back.
private func changeFile(_ storm: Storm) {
    sys(SYS_chdir, storm.folder)
    let fd = open("moved", O_CREAT | O_RDWR | O_TRUNC)
    sys(SYS_ftruncate, fd, fileCount * page)
    let mapped = sys(SYS_mmap, 0, fileCount * page, Int(PROT_READ | PROT_WRITE), Int(MAP_SHARED), fd, 0)
    guard fd >= 0, mapped > 0 else { return storm.fail("no file", fd, mapped) }
    let values = UnsafeMutablePointer<Int>.allocate(capacity: fileCount)
    values.initialize(repeating: 0, count: fileCount)
    let buffer = Buffer(8)
    var random = storm.random(50)
    var turn = 0
    while !storm.isOver {
        turn += 1
        let index = random.next(fileCount)
        switch random.next(4) {
        case 0:
            values[index] = turn
            pointer(mapped + index * page).storeBytes(of: turn, as: Int.self)
        case 1:
            values[index] = turn
            buffer.store(turn, at: 0)
            storm.require(sys(SYS_pwrite64, fd, buffer.address, 8, index * page) == 8, "pwrite")
        case 2:
            storm.require(pointer(mapped + index * page).load(as: Int.self) == values[index], "the mapping shows the past", index)
        default:
            storm.require(sys(SYS_pread64, fd, buffer.address, 8, index * page) == 8, "pread")
            storm.require(buffer.load(Int.self, at: 0) == values[index], "the file has the past", index)
        }
        if turn % 500 == 0 { sys(SYS_fdatasync, fd) }
    }
    sys(SYS_munmap, mapped, fileCount * page)
    close(fd)
    sys(SYS_unlink, text("moved"))
}
