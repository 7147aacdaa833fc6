import RealTimeQueue
import SeededRandom
import Testing

/// The real-time queue against a model that is nothing but arrays.
@Suite struct RealTimeQueueTests {
    @Test(arguments: 0..<8) func queueDoesWhatTheModelDoes(seed: Int) {
        var random = SplitMix(UInt64(seed))
        let count = 24
        let entities = RealTimeReference.allocate(capacity: count)
        defer { entities.deallocate() }
        entities.initialize(repeating: RealTimeEntity(), count: count)
        var queue = RealTimeQueue()
        // Queued ones by priority, in order; what is left of each one's turn.
        var model = [[Int]](repeating: [], count: 100)
        var turns = [UInt64](repeating: 0, count: count)
        for step in 0..<40_000 {
            let index = Int.random(in: 0..<count, using: &random)
            let entity = entities + index
            let priority = Int(entity.pointee.priority)
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                if entity.pointee.isQueued {
                    queue.remove(entity)
                    model[priority].removeAll { $0 == index }
                } else {
                    // Few priorities, the ends of both words of the bitmap among them, so that many have peers.
                    let choice: UInt8 = [1, 2, 63, 64, 65, 99][Int.random(in: 0..<6, using: &random)]
                    RealTimeQueue.set(entity, priority: choice, takesTurns: random.chance(50))
                    queue.insert(entity)
                    model[Int(choice)].append(index)
                    turns[index] = RealTimeQueue.turnNanoseconds
                }
            case 2:
                guard entity.pointee.isQueued else { continue }
                queue.yield(entity)
                model[priority].removeAll { $0 == index }
                model[priority].append(index)
                turns[index] = RealTimeQueue.turnNanoseconds
            default:
                // The first one runs for a while.
                guard let running = queue.first else { continue }
                let place = running - entities, level = Int(running.pointee.priority)
                let time = UInt64.random(in: 1...60_000_000, using: &random)
                let isOver = running.pointee.takesTurns && time >= turns[place]
                let answer = queue.charge(time, to: running)
                #expect(answer == isOver, "seed \(seed), step \(step)")
                if isOver {
                    model[level].removeFirst()
                    model[level].append(place)
                    turns[place] = RealTimeQueue.turnNanoseconds
                } else if running.pointee.takesTurns {
                    turns[place] -= time
                }
            }
            let expected = model.last { !$0.isEmpty }?.first
            let found = queue.first.map { $0 - entities }
            guard found == expected, queue.count == model.reduce(0, { $0 + $1.count }) else {
                Issue.record("seed \(seed), step \(step): \(found as Any) instead of \(expected as Any)")
                return
            }
        }
    }

    @Test func aPreemptedOneGoesOnBeforeItsPeers() {
        let entities = RealTimeReference.allocate(capacity: 3)
        defer { entities.deallocate() }
        entities.initialize(repeating: RealTimeEntity(), count: 3)
        var queue = RealTimeQueue()
        for index in 0..<3 {
            RealTimeQueue.set(entities + index, priority: index == 2 ? 20 : 10, takesTurns: false)
            queue.insert(entities + index)
        }
        #expect(queue.first == entities + 2)
        queue.remove(entities + 2)
        #expect(queue.first == entities)
        // No time ends the turn of one that takes none.
        let isOver = queue.charge(10 * RealTimeQueue.turnNanoseconds, to: entities)
        #expect(!isOver)
        #expect(queue.first == entities && queue.turnLeft(of: entities) == .max)
    }

    @Test func theBudgetLeavesOthersTheirTwentieth() {
        var budget = RealTimeBudget()
        var now: UInt64 = 5_000_000_000, realTime: UInt64 = 0, others: UInt64 = 0
        let step: UInt64 = 1_000_000
        for _ in 0..<10_000 {
            let isExhausted = budget.isExhausted(now: now)
            let change = budget.nextChange(now: now)
            #expect(change > now && change <= now + RealTimeBudget.periodNanoseconds)
            now += step
            if isExhausted {
                others += step
            } else {
                realTime += step
                budget.charge(step, now: now)
            }
        }
        #expect(others >= 450_000_000 && others <= 550_000_000, "\(others) of \(realTime + others)")
    }

    /// Timer interrupts come late, by up to a period and more: the others get their twentieth all the same.
    @Test func lateInterruptsCostTheOthersNothing() {
        var random = SplitMix(7)
        var budget = RealTimeBudget()
        var now: UInt64 = 1_000_000_000, realTime: UInt64 = 0, others: UInt64 = 0
        while now < 400_000_000_000 {
            let isExhausted = budget.isExhausted(now: now)
            let step =
                budget.nextChange(now: now) - now + UInt64.random(in: 0...(isExhausted ? 1 : 1_500_000_000), using: &random)
            now += step
            if isExhausted {
                others += step
            } else {
                realTime += step
                budget.charge(step, now: now)
            }
        }
        let share = others * 1000 / (realTime + others)
        #expect(share >= 40 && share <= 60, "\(others) of \(realTime + others)")
    }
}
