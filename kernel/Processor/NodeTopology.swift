import Support

/// Which memory is near which processors, as the firmware says it (ACPI specification 6.5, 5.2.16 SRAT and 5.2.17 SLIT). Firmware numbers
/// its proximity domains as it likes.
public struct NodeTopology: Sendable {
    public struct Memory: Sendable {
        public var domain: UInt32, start: UInt64, byteCount: UInt64
        public init(domain: UInt32, start: UInt64, byteCount: UInt64) {
            (self.domain, self.start, self.byteCount) = (domain, start, byteCount)
        }
    }
    public var memory: [Memory] = []
    /// Processors by the numbers that interrupt controllers know them by.
    public var processors: [(identifier: UInt32, domain: UInt32)] = []
    /// How far domains are from each other, row by row; 10 is next door. Empty when the firmware does not say.
    public var distances: [UInt8] = []
    public var distanceCount = 0

    public init() {}
}

/// The nodes of the machine, numbered from 0. One of them when the firmware names none, or contradicts itself.
public struct Nodes: Sendable {
    public static var most: Int { 8 }

    public private(set) var count = 1
    public private(set) var memory: [(node: UInt8, start: UInt64, end: UInt64)] = []
    public private(set) var processors: [(identifier: UInt32, node: UInt8)] = []
    private var distances: [UInt8] = [10]

    public init() {}

    public init(_ topology: NodeTopology) {
        guard topology.memory.count > 1, !Self.overlaps(topology.memory) else { return }
        var domains: [UInt32] = []
        func number(_ domain: UInt32) -> UInt8? {
            for (index, known) in domains.enumerated() where known == domain { return UInt8(index) }
            if domains.count == Self.most { return nil }
            domains.append(domain)
            return UInt8(domains.count - 1)
        }
        // What is in none of the nodes belongs to the first.
        for range in topology.memory {
            guard let node = number(range.domain) else { continue }
            memory.append((node, range.start, range.start + range.byteCount))
        }
        for processor in topology.processors {
            if let node = number(processor.domain) { processors.append((processor.identifier, node)) }
        }
        count = domains.count
        distances = .init(repeating: 20, count: count * count)
        for from in 0..<count {
            for to in 0..<count {
                let row = Int(domains[from]), column = Int(domains[to]), size = topology.distanceCount
                var distance: UInt8 = from == to ? 10 : 20
                // Nothing is nearer than a node's own memory.
                if from != to, row < size, column < size { distance = max(11, topology.distances[row * size + column]) }
                distances[from * count + to] = distance
            }
        }
    }

    private static func overlaps(_ memory: [NodeTopology.Memory]) -> Bool {
        let sorted = memory.sorted { $0.start < $1.start }
        for index in 1..<sorted.count where sorted[index - 1].start + sorted[index - 1].byteCount > sorted[index].start {
            if sorted[index - 1].domain != sorted[index].domain { return true }
        }
        return false
    }

    /// The node of a processor; 0 when the firmware does not say.
    public func node(of identifier: UInt32) -> UInt8 {
        for processor in processors where processor.identifier == identifier { return processor.node }
        return 0
    }

    public func distance(from: Int, to: Int) -> UInt8 { distances[from * count + to] }

    /// All nodes, nearest first; among equals the lowest number first.
    public func nearest(to node: Int) -> [UInt8] {
        var order: [UInt8] = []
        for other in 0..<count {
            let own = other == node ? 0 : distance(from: node, to: other)
            var place = order.count
            while place > 0 {
                let before = Int(order[place - 1])
                if (before == node ? 0 : distance(from: node, to: before)) <= own { break }
                place -= 1
            }
            order.insert(UInt8(other), at: place)
        }
        return order
    }
}
