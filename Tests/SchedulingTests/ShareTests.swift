import FairQueue
import Testing

/// Weights that several share.
@Suite struct ShareTests {
    /// One thread of one group beside fifty of another: each group has half of the processor.
    @Test func aGroupCountsAsOneHoweverManyItsThreads() {
        let pool = Pool(nice: [Int8](repeating: 0, count: 51))
        var queue = FairQueue()
        for index in 0..<51 {
            queue.setShare(of: pool[index], nice: 0, isIdle: false, sharers: index == 0 ? 1 : 50)
            queue.insert(pool[index])
        }
        let used = run(&queue, pool, for: 10 * second)
        let whole = used.reduce(0, +)
        #expect(used[0] * 100 / whole >= 49 && used[0] * 100 / whole <= 52, "\(used[0]) of \(whole)")
        let others = used.dropFirst()
        #expect(others.max()! - others.min()! <= 4 * FairQueue.baseSliceNanoseconds)
    }

    /// A group whose threads are all nice stays nice: it does not get a whole share for being a group.
    @Test func aNiceGroupStaysNice() {
        let pool = Pool(nice: [0] + [Int8](repeating: 10, count: 4))
        var queue = FairQueue()
        for index in 0..<5 {
            queue.setShare(of: pool[index], nice: index == 0 ? 0 : 10, isIdle: false, sharers: index == 0 ? 1 : 4)
            queue.insert(pool[index])
        }
        let used = run(&queue, pool, for: 10 * second)
        let whole = used.reduce(0, +)
        // 1024 against 110, of which rounding leaves 108.
        #expect(used[0] * 1000 / whole >= 895 && used[0] * 1000 / whole <= 912, "\(used[0]) of \(whole)")
    }

    @Test func noWeightIsZero() {
        let pool = Pool(nice: [19])
        var queue = FairQueue()
        queue.setShare(of: pool[0], nice: 19, isIdle: false, sharers: 10_000)
        #expect(pool[0].pointee.weight == NiceWeight.least)
        queue.insert(pool[0])
        queue.setShare(of: pool[0], nice: 19, isIdle: true, sharers: 3)
        #expect(pool[0].pointee.weight == NiceWeight.least)
        queue.setShare(of: pool[0], nice: 19, isIdle: false, sharers: 1)
        #expect(pool[0].pointee.weight == NiceWeight.weight(19))
        #expect(queue.check() == nil)
    }

    private func run(_ queue: inout FairQueue, _ pool: Pool, for nanoseconds: UInt64) -> [UInt64] {
        var used = [UInt64](repeating: 0, count: pool.count)
        var now: UInt64 = 0
        while now < nanoseconds {
            queue.setCurrent(queue.pick())
            let step = queue.sliceLeftNanoseconds
            used[pool.index(of: queue.current!)] += step
            queue.charge(step)
            now += step
        }
        return used
    }
}
