import FairQueue

/// The policy again, in the plainest way: lists, sums over everybody, virtual times that never wrap around. What the queue
/// says and the times it gives to entities have to be the same.
struct Model {
    struct Entity {
        var weight: Int
        let slice: Int
        var runtime: Int128 = 0
        var deadline: Int128 = 0
        var lag = 0
        var fraction = 0
        var isMigrating = false
        var sleptAt: Int128?
        var burst = 0
        var expected: Int
        /// The queue it is on, and its place among those of equal deadlines.
        var queue: Int?
        var order = 0

        func virtual(_ nanoseconds: Int) -> Int { nanoseconds * 1024 / weight }
    }

    struct Queue {
        var current: Int?
        /// Where virtual time stands when nobody is there.
        var idleTime: Int128
    }

    var entities: [Entity]
    var queues: [Queue]
    private var orders = 0

    init(_ entities: [FairEntity], queueStarts: [UInt64]) {
        self.entities = entities.map {
            Entity(weight: Int($0.weight), slice: Int($0.sliceNanoseconds), expected: Int($0.sliceNanoseconds) / 4)
        }
        queues = queueStarts.map { Queue(idleTime: Int128($0)) }
    }

    func members(_ queue: Int) -> [Int] { entities.indices.filter { entities[$0].queue == queue } }

    /// The weighted mean of virtual runtimes, rounded down.
    func time(_ queue: Int) -> Int128 {
        var sum: Int128 = 0
        var weight: Int128 = 0
        for entity in entities where entity.queue == queue {
            sum += entity.runtime * Int128(entity.weight)
            weight += Int128(entity.weight)
        }
        if weight == 0 { return queues[queue].idleTime }
        let (quotient, remainder) = sum.quotientAndRemainder(dividingBy: weight)
        return remainder < 0 ? quotient - 1 : quotient
    }

    private func clamp(_ lag: Int128, _ i: Int) -> Int {
        let limit = entities[i].virtual(entities[i].slice)
        return Int(min(max(lag, Int128(-limit)), Int128(limit)))
    }

    private mutating func enterTree(_ i: Int) {
        orders += 1
        entities[i].order = orders
    }

    // MARK: What the queue offers

    mutating func insert(_ i: Int, _ queue: Int, isFromElsewhere: Bool) {
        let now = time(queue)
        if !isFromElsewhere, !entities[i].isMigrating, let sleptAt = entities[i].sleptAt, entities[i].lag < 0, now > sleptAt {
            entities[i].lag = Int(min(0, Int128(entities[i].lag) + now - sleptAt))
        }
        let request = min(max(2 * entities[i].expected, 100_000), entities[i].slice)
        let relative = entities[i].isMigrating ? entities[i].deadline : Int128(entities[i].virtual(request))
        let others = members(queue).reduce(0) { $0 + entities[$1].weight }
        var lag = clamp(Int128(entities[i].lag), i)
        lag = others == 0 ? 0 : lag + lag * entities[i].weight / others
        entities[i].runtime = now - Int128(lag)
        entities[i].deadline = entities[i].runtime + relative
        entities[i].queue = queue
        enterTree(i)
    }

    mutating func remove(_ i: Int, isMigrating: Bool) {
        let queue = entities[i].queue!
        entities[i].lag = clamp(time(queue) - entities[i].runtime, i)
        // The last one's place is where virtual time stays.
        queues[queue].idleTime = entities[i].runtime
        entities[i].queue = nil
        if queues[queue].current == i { queues[queue].current = nil }
        entities[i].isMigrating = isMigrating
        if isMigrating {
            entities[i].deadline -= entities[i].runtime
        } else {
            entities[i].sleptAt = time(queue)
            entities[i].expected = (3 * entities[i].expected + min(entities[i].burst, 100_000_000)) / 4
            entities[i].burst = 0
        }
        if members(queue).isEmpty { queues[queue].idleTime += 1 << 36 }
    }

    mutating func setCurrent(_ i: Int?, _ queue: Int) {
        let old = queues[queue].current
        if old == i { return }
        if let old { enterTree(old) }
        queues[queue].current = i
    }

    mutating func charge(_ nanoseconds: Int, _ queue: Int) -> Bool {
        guard let i = queues[queue].current else { return false }
        let service = nanoseconds * 1024 + entities[i].fraction
        entities[i].runtime += Int128(service / entities[i].weight)
        entities[i].fraction = service % entities[i].weight
        entities[i].burst += nanoseconds
        if entities[i].runtime < entities[i].deadline { return false }
        entities[i].deadline = entities[i].runtime + Int128(entities[i].virtual(entities[i].slice))
        return true
    }

    mutating func yield(_ queue: Int) {
        guard let i = queues[queue].current else { return }
        if entities[i].runtime < time(queue), members(queue).count > 1 {
            entities[i].queue = nil
            let othersTime = time(queue)
            entities[i].queue = queue
            entities[i].runtime = othersTime
        }
        entities[i].deadline = entities[i].runtime + 2 * Int128(entities[i].virtual(entities[i].slice))
    }

    mutating func setNice(_ i: Int, _ nice: Int8) {
        let old = entities[i].weight
        let new = Int(NiceWeight.weight(nice))
        if old == new { return }
        let left = entities[i].deadline - entities[i].runtime
        if let queue = entities[i].queue {
            let lag = (time(queue) - entities[i].runtime) * Int128(old) / Int128(new)
            entities[i].runtime = time(queue) - lag
            entities[i].deadline = entities[i].runtime + left * Int128(old) / Int128(new)
            if queues[queue].current != i { enterTree(i) }
        } else {
            entities[i].lag = entities[i].lag * old / new
            if entities[i].isMigrating { entities[i].deadline = entities[i].deadline * Int128(old) / Int128(new) }
        }
        entities[i].fraction = entities[i].fraction * new / old
        entities[i].weight = new
    }

    // MARK: Choosing

    private func firstWaiting(_ queue: Int) -> Int? {
        let now = time(queue)
        var best: Int?
        for i in entities.indices where entities[i].queue == queue && queues[queue].current != i && entities[i].runtime <= now {
            guard let b = best else {
                best = i
                continue
            }
            if (entities[i].deadline, entities[i].order) < (entities[b].deadline, entities[b].order) { best = i }
        }
        return best
    }

    func pick(_ queue: Int) -> Int? {
        guard let current = queues[queue].current else { return firstWaiting(queue) }
        guard let waiting = firstWaiting(queue) else { return current }
        let isEligible = entities[current].runtime <= time(queue)
        return isEligible && entities[current].deadline < entities[waiting].deadline ? current : waiting
    }

    func shouldPreempt(_ queue: Int) -> Bool {
        guard let waiting = firstWaiting(queue) else { return false }
        guard let current = queues[queue].current else { return true }
        return entities[waiting].deadline < entities[current].deadline
    }
}
