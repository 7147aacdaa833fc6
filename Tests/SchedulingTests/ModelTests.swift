import FairQueue
import SeededRandom
import Testing

/// Random operations on two queues between which entities move, against the plain model: a million in all.
@Suite struct ModelTests {
    /// Virtual times start here: small, and right before the wrap of 64 and of 63 bits.
    static let starts: [(UInt64, UInt64)] = [
        (0, 0), (.max - 1_000_000, .max), (UInt64(Int64.max) - 5_000_000, 1 << 63), (.max - 50_000_000_000, 12345),
    ]

    /// The seed of a case is its number.
    @Test(arguments: 0..<16) func queueDoesWhatTheModelDoes(number: Int) throws {
        var run = Run(seed: UInt64(number), start: Self.starts[number % Self.starts.count], entityCount: 3 + number * 2)
        for step in 0..<65_000 {
            run.step()
            if let difference = run.difference(isThorough: step % 16 == 0) {
                Issue.record("seed \(number), step \(step), \(run.last): \(difference)")
                return
            }
        }
        // Both kinds of answers were seen.
        #expect(run.preemptions > 100 && run.picksOfOthers > 100)
    }
}

/// One sequence of random operations.
private struct Run: ~Copyable {
    var random: SplitMix
    let pool: Pool
    var model: Model
    var first: FairQueue
    var second: FairQueue
    /// The queue each was on last.
    var lastHomes: [Int?]
    var last = ""
    var disagreement: String?
    var preemptions = 0
    var picksOfOthers = 0

    init(seed: UInt64, start: (UInt64, UInt64), entityCount: Int) {
        random = SplitMix(seed)
        var entities: [FairEntity] = []
        for _ in 0..<entityCount {
            let slice: UInt64? = random.chance(70) ? nil : .random(in: 50_000...200_000_000, using: &random)
            entities.append(FairEntity(nice: .random(in: -20...19, using: &random), sliceNanoseconds: slice))
        }
        pool = Pool(entities)
        lastHomes = Array(repeating: nil, count: entityCount)
        model = Model(entities, queueStarts: [start.0, start.1])
        first = FairQueue(virtualTime: start.0)
        second = FairQueue(virtualTime: start.1)
    }

    mutating func withQueue<R>(_ q: Int, _ body: (inout FairQueue) -> R) -> R { q == 0 ? body(&first) : body(&second) }

    mutating func step() {
        let q = random.chance(70) ? 0 : 1
        let i = Int.random(in: 0..<pool.count, using: &random)
        let entity = pool[i]
        let home = model.entities[i].queue
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<40:
            let nanoseconds =
                random.chance(90) ? Int.random(in: 0...3_500_000, using: &random) : Int.random(in: 0...80_000_000, using: &random)
            last = "charge(\(nanoseconds)) on \(q)"
            let isOver = withQueue(q) { $0.charge(UInt64(nanoseconds)) }
            if isOver != model.charge(nanoseconds, q) { disagreement = "the request is over: \(isOver)" }
        case 40..<65:
            last = "run the pick on \(q)"
            withQueue(q) { $0.setCurrent($0.pick()) }
            model.setCurrent(model.pick(q), q)
        case 65..<67:
            last = "run \(i)"
            guard let home else { return }
            withQueue(home) { $0.setCurrent(entity) }
            model.setCurrent(i, home)
        case 67..<68:
            last = "idle on \(q)"
            withQueue(q) { $0.setCurrent(nil) }
            model.setCurrent(nil, q)
        case 68..<86:
            if let home {
                last = "remove \(i)"
                withQueue(home) { $0.remove(entity) }
                model.remove(i, isMigrating: false)
            } else {
                // `insert` is for those that fell asleep on the same queue.
                let isFromElsewhere = lastHomes[i].map { $0 != q } ?? random.chance(50)
                lastHomes[i] = q
                last = "insert \(i) on \(q)"
                withQueue(q) { if isFromElsewhere { $0.migrateIn(entity) } else { $0.insert(entity) } }
                model.insert(i, q, isFromElsewhere: isFromElsewhere)
            }
        case 86..<89:
            last = "yield on \(q)"
            withQueue(q) { $0.yield() }
            model.yield(q)
        case 89..<93:
            let nice = Int8.random(in: -20...19, using: &random)
            last = "nice \(i) \(nice)"
            withQueue(home ?? q) { $0.setNice(entity, to: nice) }
            model.setNice(i, nice)
        default:
            guard let home else { return }
            last = "migrate \(i) from \(home)"
            withQueue(home) { $0.migrateOut(entity) }
            model.remove(i, isMigrating: true)
            if random.chance(90) {
                withQueue(1 - home) { $0.migrateIn(entity) }
                model.insert(i, 1 - home, isFromElsewhere: true)
                lastHomes[i] = 1 - home
            }
        }
    }

    /// What is not as in the model.
    mutating func difference(isThorough: Bool) -> String? {
        for q in 0..<2 {
            let (time, pick, shouldPreempt, count, fault) = withQueue(q) {
                ($0.virtualTime, $0.pick(), $0.shouldPreempt(), $0.count, $0.check())
            }
            if let fault { return "\(fault)" }
            if time != UInt64(truncatingIfNeeded: model.time(q)) { return "virtual time \(time), not \(model.time(q))" }
            let picked = pick.map { pool.index(of: $0) }
            if picked != model.pick(q) { return "picks \(String(describing: picked)), not \(String(describing: model.pick(q)))" }
            if shouldPreempt != model.shouldPreempt(q) { return "should preempt: \(shouldPreempt)" }
            if count != model.members(q).count { return "count \(count)" }
            if shouldPreempt { preemptions += 1 }
            if picked != model.queues[q].current { picksOfOthers += 1 }
        }
        if disagreement != nil || !isThorough { return disagreement }
        for (i, expected) in model.entities.enumerated() {
            let entity = pool[i].pointee
            if entity.isQueued != (expected.queue != nil) { return "\(i) queued: \(entity.isQueued)" }
            if entity.weight != expected.weight { return "\(i) weighs \(entity.weight)" }
            if entity.isQueued {
                if entity.virtualRuntime != UInt64(truncatingIfNeeded: expected.runtime) { return "\(i) runtime" }
                if entity.virtualDeadline != UInt64(truncatingIfNeeded: expected.deadline) { return "\(i) deadline" }
            } else if Int(entity.lag) != expected.lag {
                return "\(i) lag \(entity.lag), not \(expected.lag)"
            }
        }
        return nil
    }
}
