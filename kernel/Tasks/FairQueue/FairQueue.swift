/// The fair run queue of one processor: earliest eligible virtual deadline first, after Stoica and Abdel-Wahab, "Earliest
/// Eligible Virtual Deadline First: A Flexible and Accurate Mechanism for Proportional Share Resource Allocation" (1995).
///
/// Virtual time is the weighted mean of the virtual runtimes of all that are runnable. Who has run less than the mean is owed
/// time (its lag is positive) and is *eligible*. Each makes requests of a slice's length; the deadline of a request is its
/// start plus its length, in virtual units. Of the eligible ones, the one with the earliest deadline runs. Weights say how
/// much one runs, the lengths of requests only how soon: short requests have early deadlines.
///
/// The running entity is held beside the tree, as `current`, but counts as queued: it has its part in the mean and in
/// `count`, and `pick` considers it. Charging it thus never touches the tree.
///
/// The mean is kept as a whole part, `virtualTime`, and a remainder, both exact. All products are of the form weight × distance
/// from the mean: processor time owed, which is small however large the virtual times are; these may wrap around.
///
/// Plain memory, no allocation, no locks: the owner's lock protects it and the entities on it.
public struct FairQueue: ~Copyable {
    /// The slice of an entity that asks for none in particular. Set once, at start.
    nonisolated(unsafe) public static var baseSliceNanoseconds: UInt64 = 3_000_000
    /// The shortest slice and the shortest time the timer is set to.
    public static let minimumSliceNanoseconds: UInt64 = 100_000
    public static let maximumSliceNanoseconds: UInt64 = 100_000_000
    /// More than this is not charged at once (18 minutes): bounds all products.
    private static let longestCharge: UInt64 = 1 << 40
    /// More virtual units than any kept lag: see `endBusyPeriod`.
    private static let idleJump: UInt64 = 1 << 36

    /// Entities that are runnable here, the running one included.
    public private(set) var count = 0
    /// The sum of their weights.
    public private(set) var totalWeight: Int64 = 0
    /// The running entity; nil while the processor is idle, or between two.
    public private(set) var current: FairReference?
    /// The mean of the virtual runtimes, rounded down.
    public private(set) var virtualTime: UInt64
    /// What the rounding leaves, times the total weight: the sum of weight × (virtual runtime − `virtualTime`) over all
    /// entities, at least 0 and less than `totalWeight`.
    private var remainder: Int64 = 0
    private var tree = DeadlineTree()

    /// - Parameter virtualTime: where virtual time starts; any value will do.
    public init(virtualTime: UInt64 = 0) { self.virtualTime = virtualTime }

    /// Entities that wait for the processor.
    public var waitingCount: Int { count - (current == nil ? 0 : 1) }

    public static func clampSlice(_ nanoseconds: UInt64) -> UInt64 {
        min(max(nanoseconds, minimumSliceNanoseconds), maximumSliceNanoseconds)
    }

    // MARK: Coming and going

    /// Adds an entity that became runnable. It is owed what it was owed when it left, one slice at most either way; a debt
    /// shrinks while it sleeps as if it had waited in the queue.
    /// - Complexity: O(log n)
    public mutating func insert(_ entity: FairReference) {
        if entity.pointee.absence == .asleep, entity.pointee.lag < 0 {
            let elapsed = distance(from: entity.pointee.sleptAt, to: virtualTime)
            // After half a turn of the circle it looks negative: then the debt is kept, which is at most a slice.
            if elapsed > 0 { entity.pointee.lag = min(0, entity.pointee.lag &+ elapsed) }
        }
        migrateIn(entity)
    }

    /// Takes off an entity, running or waiting, that is no longer runnable: it sleeps, stops or dies. Its lag is kept in it.
    /// - Complexity: O(log n)
    public mutating func remove(_ entity: FairReference) {
        leave(entity)
        entity.pointee.absence = .asleep
        entity.pointee.sleptAt = virtualTime
        entity.pointee.endBurst()
        if count == 0 { endBusyPeriod() }
    }

    /// Takes off a runnable entity that is to go on another processor's queue: to be followed by `migrateIn` there. It takes its
    /// lag and what is left of its request along.
    /// - Complexity: O(log n)
    public mutating func migrateOut(_ entity: FairReference) {
        let left = distance(from: entity.pointee.virtualRuntime, to: entity.pointee.virtualDeadline)
        leave(entity)
        entity.pointee.absence = .migrating
        entity.pointee.virtualDeadline = UInt64(bitPattern: left)
        if count == 0 { endBusyPeriod() }
    }

    /// Adds an entity that comes from another queue: after `migrateOut` there, or one that fell asleep there and wakes up here.
    /// - Complexity: O(log n)
    public mutating func migrateIn(_ entity: FairReference) {
        precondition(!entity.pointee.isQueued, "the entity is on a queue")
        let request =
            entity.pointee.absence == .migrating
            ? Int64(bitPattern: entity.pointee.virtualDeadline) : entity.pointee.wakeRequest
        var lag = clampLag(entity.pointee.lag, of: entity)
        // Its coming moves the mean toward it. To be owed `lag` then, it has to stand further off now.
        if totalWeight > 0 { lag += lag * entity.pointee.weight / totalWeight } else { lag = 0 }
        entity.pointee.virtualRuntime = virtualTime &- UInt64(bitPattern: lag)
        entity.pointee.virtualDeadline = entity.pointee.virtualRuntime &+ UInt64(bitPattern: request)
        entity.pointee.isQueued = true
        count += 1
        weighIn(entity)
        normalize()
        tree.insert(entity)
    }

    private mutating func leave(_ entity: FairReference) {
        precondition(entity.pointee.isQueued, "the entity is on no queue")
        entity.pointee.lag = clampLag(distance(from: entity.pointee.virtualRuntime, to: virtualTime), of: entity)
        if entity == current { current = nil } else { tree.remove(entity) }
        entity.pointee.isQueued = false
        count -= 1
        weighOut(entity)
        normalize()
    }

    private func clampLag(_ lag: Int64, of entity: FairReference) -> Int64 {
        let limit = entity.pointee.virtualSlice
        return min(max(lag, -limit), limit)
    }

    /// An idle processor owes nothing and is owed nothing: virtual time leaps so far that every sleeper's debt is over.
    private mutating func endBusyPeriod() { virtualTime &+= Self.idleJump }

    // MARK: The running entity

    /// Makes `next`, which waits here, the running entity; the one that ran until now waits from now on, if it is still on the
    /// queue. Nil when the processor goes idle, or runs something that is not on this queue.
    /// - Complexity: O(log n)
    public mutating func setCurrent(_ next: FairReference?) {
        if next == current { return }
        let former = current
        current = next
        // First out, then in: where two take turns the tree never has more than one.
        if let next {
            precondition(next.pointee.isQueued, "the entity is on no queue")
            tree.remove(next)
        }
        if let former { tree.insert(former) }
    }

    /// Accounts for processor time that the running entity used. At the end of its request it makes the next one, a full slice.
    /// - Returns: whether a request ended: time to ask `pick` who runs.
    /// - Complexity: O(1)
    @discardableResult
    public mutating func charge(_ nanoseconds: UInt64) -> Bool {
        guard let current else { return false }
        let nanoseconds = min(nanoseconds, Self.longestCharge)
        let weight = current.pointee.weight
        var step = Int64(nanoseconds)
        // At the usual weight a nanosecond is a unit.
        if weight != NiceWeight.normal {
            let service = step * NiceWeight.normal + current.pointee.fraction
            step = service / weight
            current.pointee.fraction = service % weight
        }
        current.pointee.virtualRuntime &+= UInt64(step)
        current.pointee.burstNanoseconds &+= nanoseconds
        remainder += weight * step
        normalize()
        if isBefore(current.pointee.virtualRuntime, current.pointee.virtualDeadline) { return false }
        renew(current, slices: 1)
        return true
    }

    /// What sched_yield asks for: the running entity gives up what it is owed and the rest of its request, and gets a deadline a
    /// slice later than usual, behind those of its peers. It does not pay for more than it used. `pick` says who is next.
    public mutating func yield() {
        guard let current else { return }
        if isBefore(current.pointee.virtualRuntime, virtualTime), count > 1 {
            // It stands where it would have come in anew, owed nothing: at the mean of the others.
            weighOut(current)
            normalize()
            current.pointee.virtualRuntime = virtualTime
            weighIn(current)
        }
        renew(current, slices: 2)
    }

    private func renew(_ entity: FairReference, slices: Int64) {
        entity.pointee.virtualDeadline = entity.pointee.virtualRuntime &+ UInt64(bitPattern: slices * entity.pointee.virtualSlice)
    }

    /// Nanoseconds until the running entity's request ends, at least the minimum slice: what to set the timer to when others
    /// wait. The largest value when nothing runs.
    public var sliceLeftNanoseconds: UInt64 {
        guard let current else { return .max }
        let left = distance(from: current.pointee.virtualRuntime, to: current.pointee.virtualDeadline)
        let service = max(left * current.pointee.weight - current.pointee.fraction, 0)
        return max(UInt64((service + NiceWeight.normal - 1) / NiceWeight.normal), Self.minimumSliceNanoseconds)
    }

    // MARK: Choosing

    /// Who should run: of the eligible ones the one with the earliest deadline. The running one counts, but of equal deadlines that
    /// of one that waits goes first. Nil when nobody is runnable.
    /// - Complexity: O(log n)
    public func pick() -> FairReference? {
        let waiting = tree.firstEligible(at: virtualTime)
        guard let current else { return waiting }
        guard let waiting else { return current }
        let isCurrentFirst = isEligible(current) && isBefore(current.pointee.virtualDeadline, waiting.pointee.virtualDeadline)
        return isCurrentFirst ? current : waiting
    }

    /// Whether one that waits should run before the request of the running one ends: it is eligible and has an earlier deadline.
    /// To be asked after a wake-up. A running one that has become ineligible ends its request undisturbed otherwise.
    /// - Complexity: O(log n)
    public func shouldPreempt() -> Bool {
        guard let waiting = tree.firstEligible(at: virtualTime) else { return false }
        guard let current else { return true }
        return isBefore(waiting.pointee.virtualDeadline, current.pointee.virtualDeadline)
    }

    /// The waiting entity with the latest deadline of those that fulfil a condition: the one that another processor should help out
    /// with, as it would wait longest here.
    /// - Complexity: O(n)
    public func lastWaiting(where condition: (FairReference) -> Bool) -> FairReference? { tree.last(where: condition) }

    /// Whether a runnable entity has not had more than its share.
    public func isEligible(_ entity: FairReference) -> Bool { !isBefore(virtualTime, entity.pointee.virtualRuntime) }

    /// Processor time that a runnable entity is owed; below zero when it had too much.
    public func lagNanoseconds(of entity: FairReference) -> Int64 {
        distance(from: entity.pointee.virtualRuntime, to: virtualTime) * entity.pointee.weight / NiceWeight.normal
    }

    // MARK: Weights

    /// Changes the nice value of an entity that is on this queue or on none; see `setShare`.
    public mutating func setNice(_ entity: FairReference, to nice: Int8) {
        setShare(of: entity, nice: nice, isIdle: entity.pointee.isIdle)
    }

    /// Changes the weight of an entity that is on this queue or on none. The time it is owed, and what is left of its request,
    /// stay the same in processor time.
    /// - Parameters:
    ///   - isIdle: it gets the least weight of all, and its nice value is only kept.
    ///   - sharers: how many have the weight together, it included.
    /// - Complexity: O(log n)
    public mutating func setShare(of entity: FairReference, nice: Int8, isIdle: Bool, sharers: Int = 1) {
        let old = entity.pointee.weight
        let full = isIdle ? NiceWeight.idle : nice == 0 ? NiceWeight.normal : NiceWeight.weight(nice)
        let new = sharers <= 1 ? full : max(full / Int64(sharers), NiceWeight.least)
        entity.pointee.nice = NiceWeight.clamp(nice)
        entity.pointee.isIdle = isIdle
        if new == old { return }
        guard entity.pointee.isQueued else {
            entity.pointee.lag = entity.pointee.lag * old / new
            if entity.pointee.absence == .migrating {
                entity.pointee.virtualDeadline = UInt64(bitPattern: Int64(bitPattern: entity.pointee.virtualDeadline) * old / new)
            }
            setWeight(new, of: entity)
            return
        }
        if entity != current { tree.remove(entity) }
        let lag = distance(from: entity.pointee.virtualRuntime, to: virtualTime)
        let left = distance(from: entity.pointee.virtualRuntime, to: entity.pointee.virtualDeadline)
        weighOut(entity)
        setWeight(new, of: entity)
        entity.pointee.virtualRuntime = virtualTime &- UInt64(bitPattern: lag * old / new)
        entity.pointee.virtualDeadline = entity.pointee.virtualRuntime &+ UInt64(bitPattern: left * old / new)
        weighIn(entity)
        normalize()
        if entity != current { tree.insert(entity) }
    }

    private func setWeight(_ weight: Int64, of entity: FairReference) {
        entity.pointee.fraction = entity.pointee.fraction * weight / entity.pointee.weight
        entity.pointee.weight = weight
    }

    // MARK: The mean

    private mutating func weighIn(_ entity: FairReference) {
        totalWeight += entity.pointee.weight
        remainder += entity.pointee.weight * distance(from: virtualTime, to: entity.pointee.virtualRuntime)
    }

    private mutating func weighOut(_ entity: FairReference) {
        totalWeight -= entity.pointee.weight
        remainder -= entity.pointee.weight * distance(from: virtualTime, to: entity.pointee.virtualRuntime)
    }

    /// Moves whole units from the remainder to virtual time. As the remainder is below the total weight after that, some entity
    /// has not run longer than `virtualTime`: one is always eligible.
    @inline(__always)
    private mutating func normalize() {
        if remainder < 0 || remainder >= totalWeight { moveRemainder() }
    }

    private mutating func moveRemainder() {
        if totalWeight == 0 {
            // The last one stood at the mean.
            remainder = 0
            return
        }
        var units = remainder / totalWeight
        remainder %= totalWeight
        if remainder < 0 {
            remainder += totalWeight
            units -= 1
        }
        virtualTime &+= UInt64(bitPattern: units)
    }

    // MARK: Checking

    /// Looks at the whole queue. For tests.
    /// - Returns: what is wrong, if anything.
    public func check() -> StaticString? {
        let (waiting, fault) = tree.check()
        if let fault { return fault }
        if waiting != waitingCount { return "wrong count" }
        if let current, !current.pointee.isQueued { return "the current one is not queued" }
        if totalWeight > 0, remainder < 0 || remainder >= totalWeight { return "the remainder is out of range" }
        return nil
    }
}
