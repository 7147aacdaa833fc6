import LockGraph
import SeededRandom
import Testing

/// The graph of lock orders, by constructed mistakes.
@Suite struct GraphTests {
    private func path(_ graph: borrowing LockGraph) -> [Int] {
        var path: [Int] = []
        for index in 0..<graph.pathCount { path.append(graph.path(index)) }
        return path
    }

    @Test func twoLocksInBothOrders() {
        var graph = LockGraph(capacity: 8)
        #expect(graph.add(1, 2) == nil)
        #expect(graph.add(2, 1) == .inversion)
        #expect(path(graph) == [1, 2])
    }

    @Test func anOrderIsReportedOnce() {
        var graph = LockGraph(capacity: 8)
        _ = graph.add(1, 2)
        #expect(graph.add(2, 1) == .inversion)
        #expect(graph.add(2, 1) == nil)
        #expect(graph.add(1, 2) == nil)
    }

    @Test func threeLocksInACircle() {
        var graph = LockGraph(capacity: 130)
        #expect(graph.add(1, 70) == nil)
        #expect(graph.add(70, 129) == nil)
        #expect(graph.add(1, 129) == nil)
        #expect(graph.add(129, 1) == .inversion)
        // The shortest way back.
        #expect(path(graph) == [1, 129])
    }

    @Test func aLongCircle() {
        var graph = LockGraph(capacity: 200)
        for lock in 0..<199 { #expect(graph.add(lock, lock + 1) == nil) }
        #expect(graph.add(199, 0) == .inversion)
        #expect(graph.pathCount == 200)
    }

    @Test func aConsistentOrderIsFine() {
        var graph = LockGraph(capacity: 64)
        for a in 0..<64 {
            for b in a + 1..<64 { #expect(graph.add(a, b) == nil) }
        }
    }

    @Test func oneLockInAndOutOfInterrupts() {
        var graph = LockGraph(capacity: 8)
        #expect(graph.note(3, .inInterrupt) == nil)
        #expect(graph.note(3, .withInterruptsOn) == .interruptInversion)
        #expect(path(graph) == [3])
        #expect(graph.note(3, .withInterruptsOn) == nil)
    }

    @Test func aHandlersLockLeadsToAnUnsafeOne() {
        var graph = LockGraph(capacity: 8)
        #expect(graph.note(1, .inInterrupt) == nil)
        #expect(graph.note(5, .withInterruptsOn) == nil)
        #expect(graph.add(1, 2) == nil)
        #expect(graph.add(2, 5) == .interruptInversion)
        #expect(path(graph) == [1, 2, 5])
    }

    @Test func theUseComesAfterTheOrder() {
        var graph = LockGraph(capacity: 8)
        _ = graph.add(1, 2)
        _ = graph.add(2, 5)
        #expect(graph.note(5, .withInterruptsOn) == nil)
        #expect(graph.note(1, .inInterrupt) == .interruptInversion)
        var other = LockGraph(capacity: 8)
        _ = other.add(1, 2)
        #expect(other.note(1, .inInterrupt) == nil)
        #expect(other.note(2, .withInterruptsOn) == .interruptInversion)
    }

    @Test func theOtherWayRoundIsFine() {
        // Who holds an unsafe lock may take one of the handlers'.
        var graph = LockGraph(capacity: 8)
        #expect(graph.note(1, .inInterrupt) == nil)
        #expect(graph.note(5, .withInterruptsOn) == nil)
        #expect(graph.add(5, 1) == nil)
    }

    /// Random orders and uses, against a closure that is computed anew each time.
    @Test(arguments: 1...40) func agreesWithTheModel(seed: Int) {
        var random = SplitMix(UInt64(seed))
        let count = 3 + seed % 9
        var graph = LockGraph(capacity: count)
        var model = Model(count)
        for _ in 0..<120 {
            let a = Int.random(in: 0..<count, using: &random), b = Int.random(in: 0..<count, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0: #expect(graph.note(a, .inInterrupt) == model.note(a, safe: true))
            case 1: #expect(graph.note(a, .withInterruptsOn) == model.note(a, safe: false))
            default: #expect(graph.add(a, b) == model.add(a, b))
            }
        }
    }
}

/// The same by brute force.
private struct Model {
    var edges: [[Bool]]
    var safe: [Bool], unsafe: [Bool]
    var count: Int { edges.count }

    init(_ count: Int) {
        edges = Array(repeating: Array(repeating: false, count: count), count: count)
        safe = Array(repeating: false, count: count)
        unsafe = safe
    }

    private var closure: [[Bool]] {
        var reach = edges
        for index in 0..<count { reach[index][index] = true }
        for middle in 0..<count {
            for a in 0..<count where reach[a][middle] {
                for b in 0..<count where reach[middle][b] { reach[a][b] = true }
            }
        }
        return reach
    }

    mutating func add(_ a: Int, _ b: Int) -> LockGraph.Finding? {
        if a == b || edges[a][b] { return nil }
        let before = closure
        edges[a][b] = true
        if before[b][a] { return .inversion }
        for first in 0..<count where safe[first] && before[first][a] {
            for last in 0..<count where unsafe[last] && before[b][last] { return .interruptInversion }
        }
        return nil
    }

    mutating func note(_ lock: Int, safe isSafe: Bool) -> LockGraph.Finding? {
        if isSafe ? safe[lock] : unsafe[lock] { return nil }
        if isSafe { safe[lock] = true } else { unsafe[lock] = true }
        let reach = closure
        for other in 0..<count {
            if isSafe ? reach[lock][other] && unsafe[other] : reach[other][lock] && safe[other] { return .interruptInversion }
        }
        return nil
    }
}
