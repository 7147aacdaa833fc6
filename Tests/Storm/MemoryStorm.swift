// Mappings change under threads that look at them. Every page has a word that says what it is now; a look between two equal values of
// that word must find exactly that. A processor that kept an old translation finds the past.

import CTestSystem
import TestCalls

private let pageCount = 24
private let base = 0x2000_0000_0000

/// What a page is: the low bits of its word; the rest counts its changes.
private enum State {
    static let changing = 0
    static let readable = 1
    static let readOnly = 2
    static let unmapped = 3
}

private func pattern(_ page: Int, _ word: Int) -> Int { (word << 16) ^ (page << 4) ^ 0x5aa5_0000_0000_0001 }

func memoryStorm(_ storm: Storm) {
    ts_handle(SIGSEGV, { _, _, context in ts_skip_instruction(context!, 3) }, 0, 0)
    let changes = storm.counter("changes", atLeast: 10)
    let looks = storm.counter("looks", atLeast: 20)
    let faults = storm.counter("faults")
    let stale = storm.counter("stale")
    let forks = storm.counter("forks", atLeast: 2)
    let words = storm.words(pageCount * 16)
    storm.require(map(0, pageCount) == base, "the region cannot be mapped")
    var threads: [Int] = []
    for half in 0..<2 { threads.append(thread { change(storm, words, half, changes) }) }
    for reader in 0..<3 { threads.append(thread { look(storm, words, reader, looks, faults, stale) }) }
    let area = anonymous(16 * 4096)
    threads.append(
        thread {
            // Goes on writing while others fork: no child may see more than what was written before its fork.
            var value = 0
            while !storm.isOver {
                value &+= 1
                for page in 0..<16 { pointer(area + page * 4096).storeBytes(of: value, as: Int.self) }
            }
        })
    for _ in 0..<2 { threads.append(thread { forkAndCompare(storm, area, forks, stale) }) }
    join(threads)
    sys(SYS_munmap, base, pageCount * 4096)
    storm.require(ts_load(stale) == 0, "stale translations", Int(ts_load(stale)))
}

private func map(_ page: Int, _ count: Int) -> Int {
    sys(
        SYS_mmap, base + page * 4096, count * 4096, Int(PROT_READ | PROT_WRITE), Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1,
        0)
}

private func change(_ storm: Storm, _ words: UnsafeMutablePointer<Int32>, _ half: Int, _ changes: UnsafeMutablePointer<Int32>) {
    var random = storm.random(10 + half)
    var generation = 0
    while !storm.isOver {
        generation += 1
        // Mostly one page; sometimes the whole half, which is more than a processor forgets page by page.
        let whole = random.next(16) == 0
        let first = half * (pageCount / 2) + (whole ? 0 : random.next(pageCount / 2))
        let pages = first..<(first + (whole ? pageCount / 2 : 1))
        for page in pages { ts_store(words + page * 16, Int32(truncatingIfNeeded: generation << 2)) }
        let address = base + first * 4096
        let size = pages.count * 4096
        var state = State.readable
        switch random.next(5) {
        case 0:
            storm.require(sys(SYS_munmap, address, size) == 0, "munmap")
            state = State.unmapped
        case 1:
            storm.require(map(first, pages.count) == address, "mmap over the old pages")
            storm.require(sys(SYS_madvise, address, size, Int(MADV_DONTNEED)) == 0, "madvise")
        case 2:
            storm.require(map(first, pages.count) == address, "mmap over the old pages")
            state = State.readOnly
        case 3:
            sys(SYS_munmap, address, size)
            storm.require(map(first, pages.count) == address, "mmap again")
        default:
            storm.require(map(first, pages.count) == address, "mmap over the old pages")
        }
        for page in pages {
            let word = generation << 2 | state
            if state != State.unmapped {
                pointer(base + page * 4096).storeBytes(of: pattern(page, word), as: Int.self)
            }
        }
        if state == State.readOnly { storm.require(sys(SYS_mprotect, address, size, Int(PROT_READ)) == 0, "mprotect") }
        for page in pages { ts_store(words + page * 16, Int32(truncatingIfNeeded: generation << 2 | state)) }
        _ = ts_add(changes, 1)
        if random.next(8) == 0 { pause(milliseconds: 1) }
    }
}

private func look(
    _ storm: Storm, _ words: UnsafeMutablePointer<Int32>, _ reader: Int, _ looks: UnsafeMutablePointer<Int32>,
    _ faults: UnsafeMutablePointer<Int32>, _ stale: UnsafeMutablePointer<Int32>
) {
    var random = storm.random(20 + reader)
    let missing = Int(0x0bad_0bad_0bad)
    var faulted: Int32 = 0
    storm.watch(looks) { turn in
        let page = random.next(pageCount)
        let before = Int(ts_load(words + page * 16))
        let state = before & 3
        if state == State.changing { return false }
        let address = pointer(base + page * 4096)
        let value = ts_probe(address, missing)
        // A write to what is read-only must fail too; elsewhere nobody but the owner writes.
        let wrote = state == State.readOnly && turn & 1 == 0 && ts_probe_store(address + 8, turn << 4 | reader) != 0
        if Int(ts_load(words + page * 16)) != before { return false }
        if state == State.unmapped { faulted += 1 }
        let expected = state == State.unmapped ? missing : pattern(page, before)
        if value != expected || wrote {
            if ts_add(stale, 1) <= 3 { storm.fail("a look at a page found the past", page, before, wrote ? -1 : value) }
        }
        return true
    }
    _ = ts_add(faults, faulted)
}

private func forkAndCompare(
    _ storm: Storm, _ area: Int, _ forks: UnsafeMutablePointer<Int32>, _ stale: UnsafeMutablePointer<Int32>
) {
    while !storm.isOver {
        let pid = child {
            var first: [16 of Int] = .init(repeating: 0)
            for page in 0..<16 { first[page] = pointer(area + page * 4096).load(as: Int.self) }
            let end = now() + 3_000_000
            while now() < end {}
            for page in 0..<16 where pointer(area + page * 4096).load(as: Int.self) != first[page] {
                _ = ts_add(stale, 1)
                return 1
            }
            // Its own writes are its own.
            for page in 0..<16 { pointer(area + page * 4096).storeBytes(of: -1, as: Int.self) }
            return 0
        }
        if pid < 0 {
            storm.fail("fork", pid)
            return
        }
        storm.require(exitStatus(pid) == 0, "a child saw what was written after its fork", pid)
        for page in 0..<16 {
            storm.require(pointer(area + page * 4096).load(as: Int.self) != -1, "a child's write reached its parent", page)
        }
        _ = ts_add(forks, 1)
    }
}
