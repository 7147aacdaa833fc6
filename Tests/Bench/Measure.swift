// How an operation is measured: seven batches, the least of them, in nanoseconds an operation. Under
// `-icount shift=0,sleep=off` a nanosecond of guest time is one instruction.

import CTestSystem
import TestCalls

/// Prints `name: value`, which `martlet-test bench` reads.
func report(_ name: StaticString, _ value: Int) {
    var line = "bench \(name): \(value)\n"
    line.withUTF8 { bytes in _ = sys(SYS_write, 1, Int(bitPattern: bytes.baseAddress!), bytes.count) }
}

/// Runs `batch` seven times with a count of operations and reports the least time an operation.
func measure(_ name: StaticString, operations: Int, _ batch: (Int) -> Void) {
    batch(max(1, operations / 10))
    var best = Int.max
    for _ in 0..<7 {
        let start = now()
        batch(operations)
        best = min(best, now() - start)
    }
    report(name, best / operations)
}

/// The same where every batch needs its own preparation, which is not counted.
func measure<State>(
    _ name: StaticString, operations: Int, prepare: () -> State, _ batch: (inout State) -> Void, finish: (State) -> Void
) {
    var best = Int.max
    for _ in 0..<7 {
        var state = prepare()
        let start = now()
        batch(&state)
        best = min(best, now() - start)
        finish(state)
    }
    report(name, best / operations)
}
