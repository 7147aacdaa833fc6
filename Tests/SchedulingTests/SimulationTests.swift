import FairQueue
import Glibc
import SeededRandom
import Testing

/// Whole mixes of threads over simulated time. Seeds are the arguments.
@Suite struct SimulationTests {
    // MARK: Fairness

    /// Threads that only compute, of random nice values: at every moment each has got what a divisible processor had given it,
    /// up to one slice.
    @Test(arguments: UInt64(0)..<40) func busyThreadsGetTheirShare(seed: UInt64) {
        var random = SplitMix(seed)
        let count = Int.random(in: 2...24, using: &random)
        let spread: ClosedRange<Int8> = seed % 2 == 0 ? -20...19 : -5...10
        let entities = (0..<count).map { _ in FairEntity(nice: .random(in: spread, using: &random)) }
        let simulator = Simulator(
            entities, Array(repeating: .busy, count: count), seed: seed, virtualTime: seed % 3 == 0 ? .max - 77 : 0)
        var worst = 0.0
        simulator.observe = { for task in $0.tasks { worst = max(worst, abs(Double(task.service) - task.ideal)) } }
        simulator.run(for: 10 * second)
        #expect(worst < Double(FairQueue.baseSliceNanoseconds), "\(count) threads: \(worst) ns")
        report(
            "busyThreadsGetTheirShare \(seed): \(count) threads, worst error \(Int(worst / 1000)) us, \(simulator.switches) switches"
        )
    }

    /// Two busy threads divide the processor by the ratio of their weights.
    @Test(arguments: [(Int8(0), Int8(5)), (0, 1), (-5, 0), (0, 19), (-20, 5), (10, 15)]) func niceRatios(_ pair: (Int8, Int8)) {
        let simulator = Simulator([FairEntity(nice: pair.0), FairEntity(nice: pair.1)], [.busy, .busy], seed: 0)
        simulator.run(for: 400 * second)
        let ratio = Double(simulator.tasks[0].service) / Double(simulator.tasks[1].service)
        let expected = Double(NiceWeight.weight(pair.0)) / Double(NiceWeight.weight(pair.1))
        #expect(abs(ratio / expected - 1) < 0.02, "\(ratio), not \(expected)")
        report("niceRatios \(pair): \(ratio), table \(expected)")
    }

    /// A nice value that changes counts from then on.
    @Test func niceChangesMoveShares() {
        let simulator = Simulator([FairEntity(), FairEntity()], [.busy, .busy], seed: 0)
        simulator.run(for: second)
        simulator.setNice(1, to: 5)
        let before = simulator.tasks.map(\.service)
        simulator.run(for: 20 * second)
        let ratio = Double(simulator.tasks[0].service - before[0]) / Double(simulator.tasks[1].service - before[1])
        #expect(abs(ratio / (1024.0 / 335.0) - 1) < 0.02)
    }

    // MARK: Mixes

    /// Busy threads, sleepers, bursts, threads that arrive, nice values that change: nobody starves, lags add up to nothing, and
    /// busy threads of equal weight get the same up to two slices.
    @Test(arguments: UInt64(100)..<160) func randomMixes(seed: UInt64) {
        var random = SplitMix(seed)
        let busy = Int.random(in: 2...5, using: &random)
        let others = Int.random(in: 1...20, using: &random)
        var entities = (0..<busy).map { _ in FairEntity() }
        var behaviours = Array(repeating: Simulator.Behaviour.busy, count: busy)
        var arrivals = Array(repeating: UInt64(0), count: busy)
        for _ in 0..<others {
            entities.append(FairEntity(nice: .random(in: -10...10, using: &random)))
            let burst = UInt64.random(in: 20_000...(8 * millisecond), using: &random)
            let sleep = UInt64.random(in: 20_000...(60 * millisecond), using: &random)
            behaviours.append(random.chance(15) ? .busy : .init(burst: burst / 4...burst * 2, sleep: sleep / 4...sleep * 2))
            arrivals.append(random.chance(50) ? 0 : .random(in: 0...(4 * second), using: &random))
        }
        let simulator = Simulator(
            entities, behaviours, arrivals: arrivals, seed: seed &* 31, virtualTime: .max - seed * 1_000_000_000)
        var worstSum: Int64 = 0
        var worstDifference: UInt64 = 0
        var fault: StaticString?
        var heaviest: Int64 = 0
        simulator.observe = { simulator in
            fault = fault ?? simulator.queue.check()
            heaviest = max(heaviest, simulator.queue.totalWeight)
            var sum: Int64 = 0
            for i in simulator.tasks.indices where simulator.pool[i].pointee.isQueued {
                sum += simulator.queue.lagNanoseconds(of: simulator.pool[i])
            }
            worstSum = max(worstSum, abs(sum))
            let services = simulator.tasks[0..<busy].map(\.service)
            worstDifference = max(worstDifference, services.max()! - services.min()!)
        }
        var lightest = entities.map(\.weight).min()!
        for _ in 0..<40 {
            simulator.run(for: 200 * millisecond)
            let i = Int.random(in: busy..<(busy + others), using: &random)
            let nice = Int8.random(in: -10...10, using: &random)
            lightest = min(lightest, NiceWeight.weight(nice))
            simulator.setNice(i, to: nice)
        }
        #expect(fault == nil)
        // Each lag is rounded to a unit, and so is the mean: at most the total weight, in 1/1024 ns, beside one each.
        #expect(worstSum <= heaviest / 1024 + Int64(entities.count))
        #expect(worstDifference <= 2 * FairQueue.baseSliceNanoseconds, "\(worstDifference)")
        var worstWait = 0.0
        for (i, task) in simulator.tasks.enumerated() {
            #expect(task.service > 0, "thread \(i) never ran")
            // The time in which even the lightest is due a slice, and two more.
            let bound = Double(FairQueue.baseSliceNanoseconds) * (Double(heaviest) / Double(lightest) + 2)
            worstWait = max(worstWait, Double(task.longestWait) / bound)
            #expect(Double(task.longestWait) < bound, "thread \(i) waited \(task.longestWait) of \(bound)")
        }
        report(
            "randomMixes \(seed): lag sum \(worstSum) ns, busy difference \(worstDifference / 1000) us, longest wait \(worstWait) of the bound"
        )
    }

    // MARK: Latency

    /// A thread that needs little and sleeps most of the time, among busy ones of its weight.
    @Test(arguments: [1, 2, 4, 8, 16, 32]) func interactiveThreadsRunSoon(busy: Int) {
        var entities = [FairEntity()]
        var behaviours = [Simulator.Behaviour(burst: 200_000...600_000, sleep: (5 * millisecond)...(40 * millisecond))]
        for _ in 0..<busy {
            entities.append(FairEntity())
            behaviours.append(.busy)
        }
        let simulator = Simulator(entities, behaviours, seed: UInt64(busy))
        simulator.run(for: 60 * second)
        let latencies = simulator.tasks[0].latencies.sorted()
        let median = latencies[latencies.count / 2]
        let most = latencies[latencies.count * 99 / 100]
        report(
            "interactiveThreadsRunSoon: \(busy) busy, \(latencies.count) wake-ups, median \(median / 1000), 99 % \(most / 1000), worst \(latencies.last! / 1000) us"
        )
        #expect(median == 0)
        // Only busy threads that are behind go first, and none of them twice: half of them with a slice each at most.
        #expect(latencies.last! <= FairQueue.baseSliceNanoseconds * UInt64(busy) / 2)
    }

    /// Sleeping earns nothing: after ten seconds asleep a thread that computes gets no more than a slice ahead.
    @Test func sleepIsNoCredit() {
        let simulator = Simulator([FairEntity(), FairEntity()], [.busy, .busy], arrivals: [0, 10 * second], seed: 0)
        simulator.run(until: 10 * second)
        let before = simulator.tasks[0].service
        var worst: Int64 = 0
        simulator.observe = { worst = max(worst, Int64($0.tasks[1].service) - Int64($0.tasks[0].service - before)) }
        simulator.run(for: second)
        #expect(worst <= Int64(FairQueue.baseSliceNanoseconds))
        // The same for one that had run before, and was owed time when it left.
        let pool = Pool(nice: [0, 0])
        var queue = FairQueue()
        queue.insert(pool[0])
        queue.insert(pool[1])
        queue.setCurrent(pool[0])
        queue.charge(100 * millisecond)
        queue.remove(pool[1])
        for _ in 0..<1000 { queue.charge(10 * millisecond) }
        queue.insert(pool[1])
        var ahead: UInt64 = 0
        while true {
            queue.setCurrent(queue.pick())
            if queue.current == pool[0] { break }
            let left = queue.sliceLeftNanoseconds
            queue.charge(left)
            ahead += left
        }
        // The slice it was owed, which takes twice as long as it shares meanwhile, and one in turn.
        #expect(ahead <= 3 * FairQueue.baseSliceNanoseconds)
    }

    /// A thread that yields all the time leaves the processor to a busy peer, and gets it back.
    @Test func yieldingThreadLeavesTheProcessor() {
        let simulator = Simulator([FairEntity(), FairEntity()], [.busy, .busy], seed: 0)
        while simulator.now < second {
            let isYielding = simulator.running == 0
            simulator.run(for: 2_000)
            if isYielding, simulator.running == 0 { simulator.yield() }
        }
        // A turn after each slice of the other.
        #expect(simulator.tasks[0].service > 300 * 2_000)
        #expect(simulator.tasks[1].service > simulator.tasks[0].service * 10)
        report("yieldingThreadLeavesTheProcessor: \(simulator.tasks.map { $0.service / 1000 }) us")
    }
}

/// Prints figures when asked for.
func report(_ line: @autoclosure () -> String) { if isReporting { print(line()) } }
private let isReporting = getenv("MARTLET_SCHEDULING_FIGURES") != nil
