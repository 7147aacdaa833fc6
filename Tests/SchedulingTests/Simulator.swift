import FairQueue
import SeededRandom

/// One processor, its threads, and a clock that jumps from event to event: does with the queue what a kernel does.
final class Simulator {
    /// What a thread does, forever: computes for a while, sleeps for a while.
    struct Behaviour {
        var burst: ClosedRange<UInt64>
        var sleep: ClosedRange<UInt64>
        /// Computes and never sleeps.
        static let busy = Behaviour(burst: .max ... .max, sleep: 0...0)
    }

    struct Task {
        var behaviour: Behaviour
        /// Nanoseconds it ran, and what it would have got from a processor that can be divided at will.
        var service: UInt64 = 0
        var ideal = 0.0
        var burstLeft: UInt64 = 0
        var wakesAt: UInt64 = .max
        /// When it became ready or lost the processor; nil while it runs or sleeps.
        var waitsSince: UInt64?
        var isFreshlyAwake = false
        var longestWait: UInt64 = 0
        /// From wake-ups to the first instruction.
        var latencies: [UInt64] = []
    }

    let pool: Pool
    var queue: FairQueue
    var tasks: [Task]
    var random: SplitMix
    var now: UInt64 = 0
    var switches = 0
    /// Called after each event.
    var observe: (Simulator) -> Void = { _ in }

    /// - Parameter arrivals: when each of the tasks starts.
    init(_ entities: [FairEntity], _ behaviours: [Behaviour], arrivals: [UInt64]? = nil, seed: UInt64, virtualTime: UInt64 = 0) {
        pool = Pool(entities)
        queue = FairQueue(virtualTime: virtualTime)
        random = SplitMix(seed)
        tasks = behaviours.map { Task(behaviour: $0) }
        for i in tasks.indices { tasks[i].wakesAt = arrivals?[i] ?? 0 }
    }

    var running: Int? { queue.current.map { pool.index(of: $0) } }

    func run(for duration: UInt64) { run(until: now + duration) }

    func run(until end: UInt64) {
        while now < end {
            wakeSleepers()
            var next = min(end, tasks.reduce(.max) { min($0, $1.wakesAt) })
            if let i = running {
                next = min(next, now + min(tasks[i].burstLeft, end))
                if queue.waitingCount > 0 { next = min(next, now + queue.sliceLeftNanoseconds) }
            }
            advance(to: next)
            observe(self)
        }
    }

    func setNice(_ i: Int, to nice: Int8) { queue.setNice(pool[i], to: nice) }

    func yield() {
        queue.yield()
        reschedule()
    }

    private func wakeSleepers() {
        for i in tasks.indices where tasks[i].wakesAt <= now {
            tasks[i].wakesAt = .max
            tasks[i].burstLeft = .random(in: tasks[i].behaviour.burst, using: &random)
            tasks[i].waitsSince = now
            tasks[i].isFreshlyAwake = true
            queue.insert(pool[i])
            if queue.shouldPreempt() { reschedule() }
        }
    }

    private func advance(to next: UInt64) {
        let elapsed = next - now
        now = next
        if queue.totalWeight > 0 {
            let share = Double(elapsed) / Double(queue.totalWeight)
            for i in tasks.indices where pool[i].pointee.isQueued { tasks[i].ideal += share * Double(pool[i].pointee.weight) }
        }
        guard let i = running else { return }
        tasks[i].service += elapsed
        if tasks[i].burstLeft != .max { tasks[i].burstLeft -= elapsed }
        let isRequestOver = queue.charge(elapsed)
        if tasks[i].burstLeft == 0 {
            queue.remove(pool[i])
            tasks[i].wakesAt = now + .random(in: tasks[i].behaviour.sleep, using: &random)
            reschedule()
        } else if isRequestOver {
            reschedule()
        }
    }

    private func reschedule() {
        let old = running
        let next = queue.pick()
        queue.setCurrent(next)
        guard let next else { return }
        let i = pool.index(of: next)
        if i == old { return }
        switches += 1
        if let old { tasks[old].waitsSince = now }
        if let since = tasks[i].waitsSince {
            tasks[i].longestWait = max(tasks[i].longestWait, now - since)
            if tasks[i].isFreshlyAwake { tasks[i].latencies.append(now - since) }
        }
        tasks[i].isFreshlyAwake = false
        tasks[i].waitsSince = nil
    }
}
