/// The real-time threads of one processor: those of the highest priority come first, those of one priority in the order in which they
/// came (POSIX.1-2017, 2.8.4 "Process Scheduling": SCHED_FIFO and SCHED_RR).
///
/// The running one stays queued, first of its priority; so one that is preempted goes on before its peers, as POSIX wants it.
///
/// Plain memory, no locks: the owner's lock protects it and the entities on it.
public struct RealTimeQueue: ~Copyable {
    public static let priorities: ClosedRange<UInt8> = 1...99
    /// How long a thread of SCHED_RR runs before its peers get their turn.
    public static let turnNanoseconds: UInt64 = 100_000_000

    private struct List {
        var first: RealTimeReference?
        var last: RealTimeReference?
    }
    /// One list a priority, from 0, which stays empty, to 99.
    private let lists: UnsafeMutablePointer<List>
    /// Which lists have somebody: priorities 0 to 63, and 64 to 99.
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    /// Entities that are runnable here, the running one included.
    public private(set) var count = 0

    public init() {
        lists = .allocate(capacity: 100)
        lists.initialize(repeating: List(), count: 100)
    }

    deinit { lists.deallocate() }

    /// Who should run: the first one of the highest priority.
    /// - Complexity: O(1)
    @inline(__always)
    public var first: RealTimeReference? {
        if count == 0 { return nil }
        let priority = high != 0 ? 127 - high.leadingZeroBitCount : 63 - low.leadingZeroBitCount
        return lists[priority].first
    }

    /// Adds one that became runnable, behind its peers, with a new turn.
    /// - Complexity: O(1)
    public mutating func insert(_ entity: RealTimeReference) {
        entity.pointee.turnNanoseconds = Self.turnNanoseconds
        append(entity)
        count += 1
    }

    /// Takes one off that sleeps, stops, dies, or goes elsewhere.
    /// - Complexity: O(1)
    public mutating func remove(_ entity: RealTimeReference) {
        unlink(entity)
        count -= 1
    }

    /// Puts one that gives the processor up behind its peers.
    public mutating func yield(_ entity: RealTimeReference) {
        unlink(entity)
        entity.pointee.turnNanoseconds = Self.turnNanoseconds
        append(entity)
    }

    /// Accounts for processor time that the running one used.
    /// - Returns: whether its turn is over, and it stands behind its peers now.
    public mutating func charge(_ nanoseconds: UInt64, to entity: RealTimeReference) -> Bool {
        guard entity.pointee.takesTurns else { return false }
        if nanoseconds < entity.pointee.turnNanoseconds {
            entity.pointee.turnNanoseconds -= nanoseconds
            return false
        }
        yield(entity)
        return true
    }

    /// Nanoseconds until the turn of the running one is over; the largest value when it has no end, or nobody to give way to.
    public func turnLeft(of entity: RealTimeReference) -> UInt64 {
        let hasPeers = entity.pointee.next != nil || entity.pointee.previous != nil
        return entity.pointee.takesTurns && hasPeers ? entity.pointee.turnNanoseconds : .max
    }

    /// Gives an entity that is on no queue another priority, 0 for none.
    public static func set(_ entity: RealTimeReference, priority: UInt8, takesTurns: Bool) {
        precondition(!entity.pointee.isQueued, "the entity is on a queue")
        entity.pointee.priority = min(priority, priorities.upperBound)
        entity.pointee.takesTurns = takesTurns
    }

    /// The first one in order that fulfils a condition.
    /// - Complexity: O(n)
    public func first(where condition: (RealTimeReference) -> Bool) -> RealTimeReference? {
        if count == 0 { return nil }
        var priority = 99
        while priority > 0 {
            var next = lists[priority].first
            while let entity = next {
                if condition(entity) { return entity }
                next = entity.pointee.next
            }
            priority -= 1
        }
        return nil
    }

    // MARK: Lists

    private mutating func append(_ entity: RealTimeReference) {
        let priority = Int(entity.pointee.priority)
        precondition(!entity.pointee.isQueued && priority > 0, "not a real-time entity, or on a queue already")
        let last = lists[priority].last
        entity.pointee.isQueued = true
        entity.pointee.previous = last
        entity.pointee.next = nil
        if let last { last.pointee.next = entity } else { lists[priority].first = entity }
        lists[priority].last = entity
        mark(priority, true)
    }

    private mutating func unlink(_ entity: RealTimeReference) {
        precondition(entity.pointee.isQueued, "the entity is on no queue")
        let priority = Int(entity.pointee.priority)
        let previous = entity.pointee.previous, next = entity.pointee.next
        if let previous { previous.pointee.next = next } else { lists[priority].first = next }
        if let next { next.pointee.previous = previous } else { lists[priority].last = previous }
        entity.pointee.previous = nil
        entity.pointee.next = nil
        entity.pointee.isQueued = false
        if lists[priority].first == nil { mark(priority, false) }
    }

    private mutating func mark(_ priority: Int, _ isUsed: Bool) {
        let bit: UInt64 = 1 << UInt64(priority & 63)
        if priority < 64 {
            low = isUsed ? low | bit : low & ~bit
        } else {
            high = isUsed ? high | bit : high & ~bit
        }
    }
}
