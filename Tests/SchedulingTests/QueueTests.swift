import FairQueue
import SeededRandom
import Testing

/// Single rules of the queue.
@Suite struct QueueTests {
    @Test func weightsAreLinuxs() {
        #expect(NiceWeight.weight(0) == 1024)
        #expect(NiceWeight.weight(-20) == 88761 && NiceWeight.weight(-128) == 88761)
        #expect(NiceWeight.weight(19) == 15 && NiceWeight.weight(127) == 15)
        for nice in Int8(-20)...18 {
            let ratio = Double(NiceWeight.weight(nice)) / Double(NiceWeight.weight(nice + 1))
            #expect(abs(ratio / 1.25 - 1) < 0.08, "nice \(nice)")
        }
        #expect(abs(Double(NiceWeight.weight(-20)) / Double(NiceWeight.weight(19)) - 5917.4) < 1)
    }

    @Test func emptyQueuePicksNobody() {
        var queue = FairQueue()
        #expect(queue.pick() == nil && !queue.shouldPreempt() && queue.count == 0)
        #expect(queue.sliceLeftNanoseconds == .max)
        #expect(queue.charge(5) == false)
        queue.yield()
        #expect(queue.check() == nil)
    }

    @Test func aloneItIsAlwaysPicked() {
        let pool = Pool(nice: [7])
        var queue = FairQueue()
        queue.insert(pool[0])
        for _ in 0..<100 {
            #expect(queue.pick() == pool[0])
            queue.setCurrent(pool[0])
            queue.charge(5 * millisecond)
            #expect(queue.lagNanoseconds(of: pool[0]) == 0)
            queue.yield()
        }
        queue.remove(pool[0])
        #expect(queue.count == 0 && queue.totalWeight == 0 && queue.current == nil)
    }

    @Test func equalDeadlinesAreServedInOrderOfArrival() {
        let pool = Pool(nice: [0, 0, 0, 0])
        var queue = FairQueue()
        for i in 0..<4 { queue.insert(pool[i]) }
        var order: [Int] = []
        for _ in 0..<12 {
            let next = queue.pick()!
            queue.setCurrent(next)
            order.append(pool.index(of: next))
            // The first request of a fresh entity is half a slice.
            while !queue.charge(queue.sliceLeftNanoseconds) {}
        }
        #expect(order == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
    }

    @Test(arguments: [Int8(-20), -7, 0, 5, 19]) func timerEndsTheRequestToTheNanosecond(nice: Int8) {
        let pool = Pool(nice: [nice, 3])
        // A deadline is a whole virtual unit, which is this much time.
        let unit = UInt64(NiceWeight.weight(nice) / 1024 + 1)
        var queue = FairQueue()
        queue.insert(pool[0])
        queue.insert(pool[1])
        queue.setCurrent(pool[0])
        // The first request is half a slice.
        var length = FairQueue.baseSliceNanoseconds / 2
        for used: UInt64 in [0, 1, 333_333, 1_000_000, 1_399_999] {
            #expect(queue.charge(used) == false)
            let left = queue.sliceLeftNanoseconds
            #expect(left <= length - used && left + unit >= length - used)
            #expect(queue.charge(left - 1) == false)
            #expect(queue.charge(1) == true)
            length = FairQueue.baseSliceNanoseconds
        }
        // Never so short that setting the timer is not worth it.
        queue.charge(queue.sliceLeftNanoseconds - 50)
        #expect(queue.sliceLeftNanoseconds == FairQueue.minimumSliceNanoseconds)
    }

    @Test(arguments: [Int8(-20), 0, 19]) func shortChargesAddUp(nice: Int8) {
        let pool = Pool(nice: [nice, nice])
        var queue = FairQueue()
        queue.insert(pool[0])
        queue.insert(pool[1])
        queue.setCurrent(pool[0])
        for _ in 0..<200_000 { queue.charge(7) }
        let once = Pool(nice: [nice, nice])
        var other = FairQueue()
        other.insert(once[0])
        other.insert(once[1])
        other.setCurrent(once[0])
        other.charge(1_400_000)
        #expect(pool[0].pointee.virtualRuntime == once[0].pointee.virtualRuntime)
    }

    @Test func lagIsKeptWhileAwayAndRestored() {
        for seed in UInt64(0)..<200 {
            var random = SplitMix(seed)
            let pool = Pool(nice: (0..<8).map { _ in .random(in: -10...10, using: &random) })
            var queue = FairQueue()
            for i in 0..<8 { queue.insert(pool[i]) }
            for _ in 0..<Int.random(in: 1...50, using: &random) {
                queue.setCurrent(queue.pick())
                queue.charge(.random(in: 0...(2 * millisecond), using: &random))
            }
            let i = Int.random(in: 0..<8, using: &random)
            let before = queue.lagNanoseconds(of: pool[i])
            queue.migrateOut(pool[i])
            queue.migrateIn(pool[i])
            // Rounded to virtual units, which are up to 10 ns of a heavy entity's time.
            #expect(abs(queue.lagNanoseconds(of: pool[i]) - before) <= 50, "seed \(seed)")
        }
    }

    @Test func keptLagIsASliceAtMost() {
        let pool = Pool(nice: [0, 0, 0])
        var queue = FairQueue()
        for i in 0..<3 { queue.insert(pool[i]) }
        queue.setCurrent(pool[0])
        // A second in the kernel without a chance to switch.
        queue.charge(second)
        queue.remove(pool[1])
        #expect(pool[1].pointee.lag == Int64(FairQueue.baseSliceNanoseconds))
        queue.remove(pool[0])
        #expect(pool[0].pointee.lag == -Int64(FairQueue.baseSliceNanoseconds))
    }

    @Test func debtIsForgivenByWaitingAsleep() {
        let pool = Pool(nice: [0, 0])
        var queue = FairQueue()
        queue.insert(pool[0])
        queue.insert(pool[1])
        queue.setCurrent(pool[0])
        queue.charge(2 * millisecond)
        queue.remove(pool[0])
        #expect(pool[0].pointee.lag == -1_000_000)
        queue.setCurrent(pool[1])
        // The other one is owed a millisecond and gets half of it: it still is a debt.
        queue.charge(500_000)
        queue.insert(pool[0])
        #expect(abs(queue.lagNanoseconds(of: pool[0]) + 500_000) < 10)
        queue.remove(pool[0])
        queue.charge(20 * millisecond)
        queue.insert(pool[0])
        #expect(queue.lagNanoseconds(of: pool[0]) == 0)
    }

    @Test func idleProcessorEndsAllDebts() {
        let pool = Pool(nice: [0, 0])
        var queue = FairQueue()
        queue.insert(pool[0])
        queue.insert(pool[1])
        queue.setCurrent(pool[0])
        queue.charge(4 * millisecond)
        queue.remove(pool[0])
        #expect(pool[0].pointee.lag < 0)
        queue.remove(pool[1])
        queue.insert(pool[1])
        queue.insert(pool[0])
        #expect(queue.lagNanoseconds(of: pool[0]) == 0)
    }

    @Test func aShortRequestGoesFirst() {
        let pool = Pool([FairEntity(), FairEntity(), FairEntity(sliceNanoseconds: 200_000)])
        var queue = FairQueue()
        queue.insert(pool[0])
        queue.insert(pool[1])
        queue.setCurrent(pool[0])
        queue.charge(200_000)
        #expect(queue.shouldPreempt() == false)
        queue.insert(pool[2])
        #expect(queue.shouldPreempt() && queue.pick() == pool[2])
    }

    @Test func niceChangesKeepWhatIsOwed() {
        for seed in UInt64(0)..<200 {
            var random = SplitMix(seed)
            let pool = Pool(nice: (0..<6).map { _ in .random(in: -20...19, using: &random) })
            var queue = FairQueue()
            for i in 0..<6 { queue.insert(pool[i]) }
            for _ in 0..<20 {
                queue.setCurrent(queue.pick())
                queue.charge(.random(in: 0...(2 * millisecond), using: &random))
            }
            let i = Int.random(in: 0..<6, using: &random)
            let nice = Int8.random(in: -20...19, using: &random)
            let before = (0..<6).map { queue.lagNanoseconds(of: pool[$0]) }
            queue.setNice(pool[i], to: nice)
            for j in 0..<6 {
                #expect(abs(queue.lagNanoseconds(of: pool[j]) - before[j]) <= 200, "seed \(seed), \(j) when \(i) changes")
            }
            #expect(pool[i].pointee.nice == nice && queue.check() == nil)
            #expect(queue.totalWeight == (0..<6).reduce(0) { $0 + pool[$1].pointee.weight })
        }
    }

    /// Equal peers: one that yields comes after all of them, whatever it was owed, and pays nothing for it.
    @Test func yieldLetsPeersRun() {
        for seed in UInt64(0)..<300 {
            var random = SplitMix(seed)
            let peers = Int.random(in: 1...6, using: &random)
            let pool = Pool(nice: Array(repeating: 0, count: peers + 1))
            var queue = FairQueue()
            for i in 0...peers { queue.insert(pool[i]) }
            for _ in 0..<40 {
                queue.setCurrent(queue.pick())
                queue.charge(.random(in: 0...(3 * millisecond), using: &random))
            }
            let yielding = queue.pick()!
            queue.setCurrent(yielding)
            let debt = min(queue.lagNanoseconds(of: yielding), 0)
            queue.yield()
            #expect(queue.lagNanoseconds(of: yielding) >= debt - 1)
            #expect(queue.check() == nil)
            #expect(queue.pick() != yielding, "seed \(seed)")
        }
    }

    @Test func yieldingInTurnAlternates() {
        let pool = Pool(nice: [0, 0])
        var queue = FairQueue()
        queue.insert(pool[0])
        queue.insert(pool[1])
        queue.setCurrent(queue.pick())
        for _ in 0..<1000 {
            let old = queue.current
            queue.charge(1500)
            queue.yield()
            queue.setCurrent(queue.pick())
            #expect(queue.current != old)
        }
    }
}

/// The shape of the tree under load; `ModelTests` compares what it finds.
@Suite struct TreeTests {
    @Test(arguments: [UInt64(1), 2, 3]) func staysInOrder(seed: UInt64) {
        var random = SplitMix(seed)
        let pool = Pool(
            (0..<600).map { _ in
                FairEntity(
                    nice: .random(in: -20...19, using: &random),
                    sliceNanoseconds: .random(in: 100_000...100_000_000, using: &random))
            })
        var queue = FairQueue(virtualTime: .max - 1000)
        for _ in 0..<8_000 {
            let entity = pool[Int.random(in: 0..<pool.count, using: &random)]
            if entity.pointee.isQueued, random.chance(70) {
                queue.remove(entity)
            } else if entity.pointee.isQueued {
                queue.setNice(entity, to: .random(in: -20...19, using: &random))
            } else {
                queue.insert(entity)
            }
            queue.setCurrent(queue.pick())
            queue.charge(.random(in: 0...(4 * millisecond), using: &random))
            if let fault = queue.check() {
                Issue.record("seed \(seed): \(fault)")
                return
            }
        }
        for i in 0..<pool.count where pool[i].pointee.isQueued {
            queue.remove(pool[i])
            if let fault = queue.check() {
                Issue.record("seed \(seed): \(fault)")
                return
            }
        }
        #expect(queue.count == 0)
    }

    /// All come with the same deadline: every insertion is at one end.
    @Test func staysBalancedWhenEqual() {
        let pool = Pool(nice: Array(repeating: 0, count: 4096))
        var queue = FairQueue()
        for i in 0..<4096 { queue.insert(pool[i]) }
        #expect(queue.check() == nil)
        for i in 0..<4096 {
            #expect(queue.pick() == pool[i])
            queue.remove(pool[i])
            if i % 64 == 0 { #expect(queue.check() == nil) }
        }
    }
}
