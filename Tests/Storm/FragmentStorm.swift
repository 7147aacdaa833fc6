// Free memory that lies in single pages between those of a program: large pages are to be had nevertheless, after a while, and the program
// finds what it wrote.

import CTestSystem
import TestCalls

private let page = 4096
private let piece = 2 << 20

private func freeBytes() -> Int {
    let answer = Buffer(128)
    sys(SYS_sysinfo, answer.address)
    return answer.load(Int.self, at: 40)
}

private func pattern(_ index: Int, _ seed: Int) -> Int { (index &+ 1) &* 0x1_0000_0001 ^ seed << 48 }

func fragmentStorm(_ storm: Storm) {
    let large = storm.counter("large", atLeast: 6)
    let checked = storm.counter("checked", atLeast: 1000)
    // All there is but a little, in small pages.
    let size = (freeBytes() - (10 << 20)) & ~(piece - 1)
    let area = anonymous(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE)
    guard area > 0, sys(SYS_madvise, area, size, 15) == 0 else { return storm.fail("the memory cannot be mapped", area, size) }
    let count = size / page
    for index in 0..<count { pointer(area + index * page).storeBytes(of: pattern(index, storm.seed), as: Int.self) }
    var random = storm.random(1)
    // Of each four pages two go.
    for index in stride(from: 0, to: count - 4, by: 4) {
        let first = random.next(3)
        sys(SYS_madvise, area + (index + first) * page, 2 * page, Int(MADV_DONTNEED))
        pointer(area + (index + (first + 2) % 4) * page).storeBytes(of: pattern(index, storm.seed), as: Int.self)
    }
    // Pieces are asked for until there are some, and kept: the first may have been left over.
    var pieces = 0
    while pieces < 12 {
        let place = (anonymous(2 * piece) + piece - 1) & ~(piece - 1)
        sys(SYS_madvise, place, piece, 14)
        setByte(place, 1)
        if isLarge(place) {
            pieces += 1
            _ = ts_add(large, 1)
            for number in 0..<512 { setByte(place + number * page, 0xff) }
        } else {
            sys(SYS_munmap, place, piece)
            if storm.isOver { break }
            pause(milliseconds: 50)
        }
    }
    random = storm.random(1)
    for index in stride(from: 0, to: count - 4, by: 4) {
        let first = random.next(3)
        for number in 0..<4 {
            let value = pointer(area + (index + number) * page).load(as: Int.self)
            let isGone = number == first || number == first + 1
            let isWritten = number == (first + 2) % 4
            let expected = isWritten ? pattern(index, storm.seed) : isGone ? 0 : pattern(index + number, storm.seed)
            if value != expected { storm.fail("a page is not what it was", index + number, value, expected) }
        }
        _ = ts_add(checked, 4)
    }
    sys(SYS_munmap, area, size)
}

private func isLarge(_ address: Int) -> Bool {
    var answers: [512 of UInt8] = .init(repeating: 0)
    let result = withUnsafeMutableBytes(of: &answers) { sys(SYS_mincore, address, piece, Int(bitPattern: $0.baseAddress!)) }
    return result == 0 && answers[0] & 1 == 1 && answers[511] & 1 == 1
}
