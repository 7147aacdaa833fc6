// Pieces of 2 MiB that are mapped, cut, protected, forgotten, moved and forked under threads that look at them. As in the storm of
// memory, a word for each piece says what it is now, and a look between two equal values of it must find exactly that.

import CTestSystem
import TestCalls

private let base = 0x2100_0000_0000
private let piece = 2 << 20
private let pieceCount = 6
private let page = 4096
/// The pages that become something else than the rest of their piece.
private let part = 100..<164

/// What a piece is: the low bits of its word; the rest counts its changes.
private enum State {
    static let changing = 0
    static let whole = 1
    /// The part is read-only, is not there, or was forgotten.
    static let readOnly = 2
    static let cut = 3
    static let zero = 4
}

private func pattern(_ index: Int, _ page: Int, _ word: Int) -> Int {
    (word << 20) ^ (index << 12) ^ (page << 2) ^ 0x5aa5_0000_0000_0001
}

func largePageStorm(_ storm: Storm) {
    ts_handle(SIGSEGV, { _, _, context in ts_skip_instruction(context!, 3) }, 0, 0)
    let changes = storm.counter("changes", atLeast: 10)
    let looks = storm.counter("looks", atLeast: 20)
    let forks = storm.counter("forks", atLeast: 1)
    let large = storm.counter("large")
    let wrong = storm.counter("wrong")
    let words = storm.words(pieceCount * 16)
    for index in 0..<pieceCount { storm.require(map(index), "a piece cannot be mapped", index) }
    var threads: [Int] = []
    for half in 0..<2 { threads.append(thread { change(storm, words, half, changes, forks, large) }) }
    for reader in 0..<3 { threads.append(thread { look(storm, words, reader, looks, wrong) }) }
    join(threads)
    sys(SYS_munmap, base, pieceCount * piece)
    storm.require(ts_load(wrong) == 0, "wrong contents", Int(ts_load(wrong)))
}

private func map(_ index: Int) -> Bool {
    let address = base + index * piece
    let mapped = sys(
        SYS_mmap, address, piece, Int(PROT_READ | PROT_WRITE), Int(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1, 0)
    return mapped == address && sys(SYS_madvise, address, piece, 14) == 0
}

/// Whether a piece became resident at once.
private func isLarge(_ address: Int) -> Bool {
    var answers: [512 of UInt8] = .init(repeating: 0)
    let result = withUnsafeMutableBytes(of: &answers) { sys(SYS_mincore, address, piece, Int(bitPattern: $0.baseAddress!)) }
    return result == 0 && answers[0] & 1 == 1 && answers[511] & 1 == 1
}

private func change(
    _ storm: Storm, _ words: UnsafeMutablePointer<Int32>, _ half: Int, _ changes: UnsafeMutablePointer<Int32>,
    _ forks: UnsafeMutablePointer<Int32>, _ large: UnsafeMutablePointer<Int32>
) {
    var random = storm.random(10 + half)
    var generation = 0
    while !storm.isOver {
        generation = (generation + 1) & 0xff_ffff
        let index = half * (pieceCount / 2) + random.next(pieceCount / 2)
        let address = base + index * piece
        ts_store(words + index * 16, Int32(generation << 3))
        storm.require(map(index), "a piece cannot be mapped anew", index)
        setByte(address + random.next(512) * page, 1)
        if isLarge(address) { _ = ts_add(large, 1) }
        let state = 1 + random.next(4)
        let word = generation << 3 | state
        for number in 0..<512 { pointer(address + number * page).storeBytes(of: pattern(index, number, word), as: Int.self) }
        let (start, size) = (address + part.lowerBound * page, part.count * page)
        switch state {
        case State.readOnly: storm.require(sys(SYS_mprotect, start, size, Int(PROT_READ)) == 0, "mprotect")
        case State.cut: storm.require(sys(SYS_munmap, start, size) == 0, "munmap")
        case State.zero: storm.require(sys(SYS_madvise, start, size, Int(MADV_DONTNEED)) == 0, "madvise")
        default: break
        }
        ts_store(words + index * 16, Int32(word))
        _ = ts_add(changes, 1)
        if random.next(4) == 0 {
            fork(storm, index, word)
            _ = ts_add(forks, 1)
        }
        if state == State.whole, random.next(3) == 0 { move(storm, words + index * 16, index, word) }
    }
}

/// A child finds what its parent wrote, and what it writes itself is its own.
private func fork(_ storm: Storm, _ index: Int, _ word: Int) {
    let address = base + index * piece
    let pid = child {
        for number in 0..<512 where !part.contains(number) {
            if pointer(address + number * page).load(as: Int.self) != pattern(index, number, word) { return 1 }
            if number % 16 == 0 { pointer(address + number * page).storeBytes(of: -1, as: Int.self) }
        }
        return 0
    }
    storm.require(pid > 0 && exitStatus(pid) == 0, "a child saw other memory", index, word)
    for number in 0..<512 where !part.contains(number) {
        let value = pointer(address + number * page).load(as: Int.self)
        if value != pattern(index, number, word) {
            return storm.fail("a child changed its parent's memory", index, number, value)
        }
    }
}

/// A part of a piece goes elsewhere with its contents.
private func move(_ storm: Storm, _ word: UnsafeMutablePointer<Int32>, _ index: Int, _ value: Int) {
    ts_store(word, Int32(value & ~7))
    let size = part.count * page
    // Wherever there is room, and far enough from where it was.
    let place = anonymous(size)
    let target = sys(SYS_mremap, base + index * piece + part.lowerBound * page, size, size, 3, place)
    if target < 0 { return storm.fail("mremap", target) }
    for number in part {
        let found = pointer(target + (number - part.lowerBound) * page).load(as: Int.self)
        if found != pattern(index, number, value) { storm.fail("what was moved is not what it was", index, number, found) }
    }
    sys(SYS_munmap, target, size)
}

private func look(
    _ storm: Storm, _ words: UnsafeMutablePointer<Int32>, _ reader: Int, _ looks: UnsafeMutablePointer<Int32>,
    _ wrong: UnsafeMutablePointer<Int32>
) {
    var random = storm.random(20 + reader)
    let missing = Int(0x0bad_0bad_0bad)
    storm.watch(looks) { turn in
        let index = random.next(pieceCount)
        let before = Int(ts_load(words + index * 16))
        let state = before & 7
        if state == State.changing { return false }
        let number = turn & 1 == 0 ? part.lowerBound + random.next(part.count) : random.next(512)
        let isPart = part.contains(number)
        let address = pointer(base + index * piece + number * page)
        let value = ts_probe(address, missing)
        let wrote = state == State.readOnly && isPart && turn & 2 == 0 && ts_probe_store(address + 8, turn << 4 | reader) != 0
        if Int(ts_load(words + index * 16)) != before { return false }
        let expected = !isPart || state <= State.readOnly ? pattern(index, number, before) : state == State.cut ? missing : 0
        if value != expected || wrote {
            if ts_add(wrong, 1) <= 3 { storm.fail("a page is not what it should be", number, before, wrote ? -1 : value) }
        }
        return true
    }
}
