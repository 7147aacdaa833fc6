// Clocks that are read in the program and in the kernel, on all processors at once: time never goes back between any two readings of
// which one happened after the other.

import CTestSystem
import TestCalls

func clockStorm(_ storm: Storm) {
    let object = SharedObject()
    let (get, getcpu) = (object.function("__vdso_clock_gettime"), object.function("__vdso_getcpu"))
    storm.require(get != 0 && getcpu != 0, "there is no shared object")
    if get == 0 || getcpu == 0 { return }
    let (handovers, moves) = (storm.counter("handovers", atLeast: 100), storm.counter("moves"))
    // For each clock the latest reading, which whoever owns the word may replace.
    let clocks = [0, 1, 4, 6, 7, 11]
    let latest = clocks.map { _ in UnsafeMutablePointer<Int>(OpaquePointer(storm.words(16))) }
    let owners = clocks.map { _ in storm.words(1) }
    let mask = Buffer(128)
    let size = sys(SYS_sched_getaffinity, 0, 128, mask.address)
    var available = 0
    for byte in 0..<max(0, size) { available += mask[byte].nonzeroBitCount }
    func run(_ index: Int) {
        var random = storm.random(index)
        let (place, own) = (Buffer(16), Buffer(128))
        while !storm.isOver {
            for (slot, clock) in clocks.enumerated() {
                if ts_compare_exchange(owners[slot], 0, 1) == 0 { continue }
                for turn in 0..<8 {
                    // One reading in the program, the next in the kernel.
                    if turn & 1 == 0 {
                        _ = ts_call3(get, clock, place.address, 0)
                    } else {
                        sys(SYS_clock_gettime, clock, place.address)
                    }
                    let time = place.load(Int.self, at: 0) * 1_000_000_000 + place.load(Int.self, at: 8)
                    storm.require(time >= latest[slot].pointee, "time went back", clock, latest[slot].pointee - time, turn)
                    latest[slot].pointee = time
                }
                ts_store(owners[slot], 0)
                _ = ts_add(handovers, 1)
            }
            let target = random.next(max(available, 1))
            own.fill(0)
            own[target / 8] = 1 << UInt8(target % 8)
            if sys(SYS_sched_setaffinity, 0, 128, own.address) == 0 {
                _ = ts_call3(getcpu, place.address, 0, 0)
                storm.require(place.load(Int32.self, at: 0) == Int32(target), "another processor was told", target)
                _ = ts_add(moves, 1)
            }
        }
    }
    let threads = (0..<3).map { index in thread { run(index) } }
    children(storm, 2) { run(3 + $0) }
    join(threads)
}
