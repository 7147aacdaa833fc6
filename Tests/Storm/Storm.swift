// Storms: work on many processors at once whose results must agree. Each is bounded in time, starts from a seed that is printed, and
// ends with one line of counters. The same static program runs on Linux, where it must find nothing.
// usage: storm NAME [seed [milliseconds [folder]]] | storm exit STATUS (what the storms execute)

import CTestSystem
import ProgramRuntime
import TestCalls

@c(main)
public func stormMain(_ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    func argument(_ index: Int) -> UnsafeMutablePointer<CChar>? { index < Int(count) ? values[index] : nil }
    func number(_ index: Int, _ fallback: Int) -> Int { argument(index).map { Int(atoi($0)) } ?? fallback }
    guard let name = argument(1) else { return 2 }
    if strcmp(name, "exit") == 0 { return Int32(number(2, 0)) }
    let storm = Storm(
        program: Int(bitPattern: values[0]!), seed: number(2, 1), milliseconds: number(3, 1000),
        folder: argument(4).map { Int(bitPattern: $0) } ?? text("/tmp"))
    let storms: [(StaticString, (Storm) -> Void)] = [
        ("memory", memoryStorm), ("fork", forkStorm), ("pipe", pipeStorm), ("futex", futexStorm), ("fpu", registerStorm),
        ("timer", timerStorm), ("signal", signalStorm), ("files", fileStorm),
        ("policies", policyStorm), ("groups", groupStorm), ("balance", balanceStorm), ("held", heldStorm),
        ("clock", clockStorm), ("locks", lockStorm), ("pressure", pressureStorm),
        ("threads", threadBombStorm), ("bomb", forkBombStorm), ("frames", frameStorm), ("large", largePageStorm),
        ("fragments", fragmentStorm), ("move", moveStorm),
    ]
    for (known, body) in storms where strcmp(name, known.cString) == 0 {
        body(storm)
        return storm.finish(known)
    }
    return 2
}

extension StaticString {
    fileprivate var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

/// One run: its limits, its counters (in memory that its processes share) and what it found.
final class Storm {
    let program: Int
    let seed: Int
    let folder: Int
    let deadline: Int
    let milliseconds: Int
    /// Counters by number, shared by all processes of the run. The first is of failures.
    private let counters = UnsafeMutablePointer<Int32>(
        OpaquePointer(pointer(anonymous(65536, PROT_READ | PROT_WRITE, MAP_SHARED))))
    private var names: [(name: StaticString, place: UnsafeMutablePointer<Int32>, least: Int32)] = []
    private let lastDeadline: Int

    init(program: Int, seed: Int, milliseconds: Int, folder: Int) {
        (self.program, self.seed, self.folder) = (program, seed, folder)
        self.milliseconds = milliseconds
        deadline = now() + milliseconds * 1_000_000
        lastDeadline = deadline + 60_000_000_000
    }

    /// Whether the time is up. On a host that is busy the time is extended until there is something to judge.
    var isOver: Bool {
        let time = now()
        if time < deadline { return false }
        return time >= lastDeadline || hasMoved
    }

    private var hasMoved: Bool {
        for entry in names where ts_load(entry.place) < entry.least { return false }
        return true
    }

    /// Zeroed words that all processes share, on cache lines of their own. Threads may ask at the same time.
    func words(_ count: Int) -> UnsafeMutablePointer<Int32> {
        let size = Int32((count + 15) / 16 * 16)
        // The second word says how many lines after the first are in use.
        return counters + 16 + Int(ts_add(counters + 1, size) - size)
    }

    /// A counter that the last line shows, and that must come to something.
    func counter(_ name: StaticString, atLeast least: Int32 = 0) -> UnsafeMutablePointer<Int32> {
        let place = words(1)
        names.append((name, place, least))
        return place
    }

    /// Looks again and again until the time is up. The counter is shared, so it is told of many looks at once.
    /// - Parameter look: gets the number of the turn; says whether the look counts.
    func watch(_ looks: UnsafeMutablePointer<Int32>, _ look: (Int) -> Bool) {
        var (seen, turn) = (Int32(0), 0)
        while turn & 63 != 0 || !isOver {
            turn += 1
            if turn & 63 == 0 {
                _ = ts_add(looks, seen)
                seen = 0
            }
            if look(turn) { seen += 1 }
        }
        _ = ts_add(looks, seen)
    }

    /// Records that something is wrong; the first few are told.
    func fail(_ message: StaticString, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0) {
        if ts_add(counters, 1) <= 8 { say("storm: \(message) (\(a), \(b), \(c))\n") }
    }

    @inline(__always)
    func require(_ condition: Bool, _ message: StaticString, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0) {
        if !condition { fail(message, a, b, c) }
    }

    func finish(_ name: StaticString) -> Int32 {
        require(hasMoved, "the storm did not move")
        let failures = ts_load(counters)
        var line = "storm \(name): seed \(seed)"
        for entry in names { line += ", \(entry.name) \(ts_load(entry.place))" }
        say(line + ", failures \(failures)\n")
        return failures == 0 ? 0 : 1
    }

    private func say(_ line: String) {
        var line = line
        line.withUTF8 { bytes in _ = sys(SYS_write, 1, Int(bitPattern: bytes.baseAddress!), bytes.count) }
    }

    func random(_ stream: Int) -> Random { Random(seed: seed &* 1_000_003 &+ stream) }
}

/// Reproducible numbers (xorshift).
struct Random {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int((state >> 11) % UInt64(bound))
    }
}

private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

/// Starts a thread; `join` waits for it.
func thread(_ body: @escaping () -> Void) -> Int {
    ts_thread_create(
        { raw in
            Unmanaged<Body>.fromOpaque(raw!).takeRetainedValue().run()
            return nil
        }, Unmanaged.passRetained(Body(body)).toOpaque())
}

func join(_ threads: [Int]) { for thread in threads { _ = ts_thread_join(thread) } }

/// Forks `count` children and waits for all; each must end with 0.
func children(_ storm: Storm, _ count: Int, _ body: (Int) -> Void) {
    var pids: [Int] = []
    for index in 0..<count {
        pids.append(
            child {
                body(index)
                return 0
            })
    }
    for pid in pids { storm.require(exitStatus(pid) == 0, "a child did not end well", pid) }
}

/// Waits for a child: its exit status, or 1000 and the signal, or the error.
func exitStatus(_ pid: Int) -> Int {
    var status: Int32 = 0
    let result = withUnsafeMutablePointer(to: &status) { sys(SYS_wait4, pid, Int(bitPattern: $0), 0, 0) }
    if result != pid { return result < 0 ? result : -9999 }
    return status & 0x7f == 0 ? Int(status >> 8 & 0xff) : 1000 + Int(status & 0x7f)
}

let privateWait = 128
let privateWake = 129

func futexWait(_ word: UnsafeMutablePointer<Int32>, _ value: Int32, shared: Bool = true) {
    sys(SYS_futex, Int(bitPattern: word), shared ? 0 : privateWait, Int(value), 0)
}

func futexWake(_ word: UnsafeMutablePointer<Int32>, _ count: Int = Int(Int32.max), shared: Bool = true) {
    sys(SYS_futex, Int(bitPattern: word), shared ? 1 : privateWake, count)
}

/// A meeting point of several processes or threads, which can be used again and again.
struct Barrier {
    let words: UnsafeMutablePointer<Int32>
    let count: Int

    init(_ storm: Storm, _ count: Int) { (words, self.count) = (storm.words(2), count) }

    func wait() {
        let round = ts_load(words + 1)
        if ts_add(words, 1) == Int32(count) {
            ts_store(words, 0)
            ts_store(words + 1, round &+ 1)
            futexWake(words + 1)
        } else {
            while ts_load(words + 1) == round { futexWait(words + 1, round) }
        }
    }
}
