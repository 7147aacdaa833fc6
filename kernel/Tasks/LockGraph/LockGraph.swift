/// Which locks were seen to be taken while others were held, and in which contexts: the logic of the run-time checker of lock orders.
///
/// Locks are known by the number of their class. The graph has an edge from A to B once B was taken with A held. A cycle means that some
/// processors or threads can wait for each other for ever, even if they did not this time. It is plain memory without locks and clocks.
public struct LockGraph: ~Copyable {
    /// In which contexts locks of a class were taken.
    public struct Usage: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// By an interrupt handler.
        public static var inInterrupt: Usage { Usage(rawValue: 1) }
        /// And kept while interrupts were on.
        public static var withInterruptsOn: Usage { Usage(rawValue: 2) }
    }

    /// What is wrong with an order or a use.
    public enum Finding: Equatable, Sendable {
        /// The new edge closes a cycle: `path` leads from its end to its beginning.
        case inversion
        /// An interrupt handler takes the first lock of `path`; the last one is held with interrupts on, so that such a handler may wait
        /// for its own processor, by way of those between. A path of one is a lock that is used in both ways.
        case interruptInversion
    }

    public let capacity: Int
    private let words: Int
    /// Bit `b` of row `a` is the edge from a to b.
    private let edges: UnsafeMutablePointer<UInt64>
    private let usages: UnsafeMutablePointer<Usage>
    // For searches.
    private let seen: UnsafeMutablePointer<UInt64>
    private let queue: UnsafeMutablePointer<UInt16>
    private let origin: UnsafeMutablePointer<UInt16>
    private let pathStorage: UnsafeMutablePointer<UInt16>
    /// How many classes the path of the last finding has.
    public private(set) var pathCount = 0

    /// - Parameter capacity: classes are `0..<capacity`, at most 65,535.
    public init(capacity: Int) {
        self.capacity = capacity
        words = (capacity + 63) / 64
        edges = .allocate(capacity: capacity * words)
        edges.initialize(repeating: 0, count: capacity * words)
        usages = .allocate(capacity: capacity)
        usages.initialize(repeating: [], count: capacity)
        seen = .allocate(capacity: words)
        seen.initialize(repeating: 0, count: words)
        queue = .allocate(capacity: capacity)
        queue.initialize(repeating: 0, count: capacity)
        origin = .allocate(capacity: capacity)
        origin.initialize(repeating: 0, count: capacity)
        pathStorage = .allocate(capacity: capacity)
        pathStorage.initialize(repeating: 0, count: capacity)
    }

    deinit {
        edges.deallocate()
        usages.deallocate()
        seen.deallocate()
        queue.deallocate()
        origin.deallocate()
        pathStorage.deallocate()
    }

    /// The classes of the last finding, in order.
    public func path(_ index: Int) -> Int { Int(pathStorage[index]) }

    /// Whether `b` was taken with `a` held. May be asked while another processor adds to the graph: then it is a hint.
    @inline(__always)
    public func hasEdge(_ a: Int, _ b: Int) -> Bool { edges[a * words + b >> 6] & 1 << UInt64(b & 63) != 0 }

    @inline(__always)
    public func usage(_ lock: Int) -> Usage { usages[lock] }

    /// Notes that `b` is taken with `a` held.
    /// - Returns: what is wrong with it; nil when nothing is, or when it is known already: each order is reported once.
    /// - Complexity: O(1) for a known edge, else O(capacity²/64).
    public mutating func add(_ a: Int, _ b: Int) -> Finding? {
        if a == b || hasEdge(a, b) { return nil }
        let isInversion = search(from: b) { $0 == a } != nil
        edges[a * words + b >> 6] |= 1 << UInt64(b & 63)
        if isInversion { return .inversion }
        return checkInterrupts(through: a, b)
    }

    /// Notes in which context a lock is taken.
    /// - Returns: what is wrong with it; nil when nothing is, or when it is known already.
    public mutating func note(_ lock: Int, _ usage: Usage) -> Finding? {
        if usages[lock].isSuperset(of: usage) { return nil }
        let new = usage.subtracting(usages[lock])
        usages[lock].formUnion(usage)
        if new.contains(.inInterrupt), findUnsafe(from: lock) { return .interruptInversion }
        if new.contains(.withInterruptsOn) {
            for safe in 0..<capacity {
                if usages[safe].contains(.inInterrupt), search(from: safe, to: { $0 == lock }) != nil {
                    return .interruptInversion
                }
            }
        }
        return nil
    }

    /// Whether a lock that handlers take leads over a new edge to one that is held with interrupts on.
    private mutating func checkInterrupts(through a: Int, _ b: Int) -> Finding? {
        let usages = usages
        guard search(from: b, to: { usages[$0].contains(.withInterruptsOn) }) != nil else { return nil }
        for safe in 0..<capacity {
            if usages[safe].contains(.inInterrupt), search(from: safe, to: { $0 == a }) != nil, findUnsafe(from: safe) {
                return .interruptInversion
            }
        }
        return nil
    }

    private mutating func findUnsafe(from lock: Int) -> Bool {
        let usages = usages
        return search(from: lock) { usages[$0].contains(.withInterruptsOn) } != nil
    }

    /// The nearest class, in edges from `start`, for which `isGoal` holds; the start counts too. Leaves the way to it in `path`.
    private mutating func search(from start: Int, to isGoal: (Int) -> Bool) -> Int? {
        for word in 0..<words { seen[word] = 0 }
        seen[start >> 6] |= 1 << UInt64(start & 63)
        queue[0] = UInt16(start)
        var head = 0, count = 1
        while head < count {
            let here = Int(queue[head])
            head += 1
            if isGoal(here) {
                storePath(from: start, to: here)
                return here
            }
            for word in 0..<words {
                var fresh = edges[here * words + word] & ~seen[word]
                seen[word] |= fresh
                while fresh != 0 {
                    let next = word * 64 + fresh.trailingZeroBitCount
                    fresh &= fresh &- 1
                    origin[next] = UInt16(here)
                    queue[count] = UInt16(next)
                    count += 1
                }
            }
        }
        return nil
    }

    private mutating func storePath(from start: Int, to end: Int) {
        var count = 1, here = end
        while here != start {
            here = Int(origin[here])
            count += 1
        }
        pathCount = count
        here = end
        for index in stride(from: count - 1, through: 0, by: -1) {
            pathStorage[index] = UInt16(here)
            if index > 0 { here = Int(origin[here]) }
        }
    }
}
