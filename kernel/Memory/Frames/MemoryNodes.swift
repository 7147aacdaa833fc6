import Processor
import Support
import struct Synchronization.Atomic

/// Memory by the processors that it is near to ("NUMA"): each node has zones of its own, and each processor asks those of its own node first.
///
/// Zones are numbered by node, three to each. A node's memory is a set of sections of 64 MiB, the largest block there is: so no block lies in
/// two nodes, and a zone need not know which part of its span is its own. Borders between nodes that lie inside a section are moved to one.
public enum MemoryNodes {
    static let sectionShift: UInt32 = 14
    static let zonesInNode = 3

    // Written at boot, before the zones get memory.
    nonisolated(unsafe) public private(set) static var count = 1
    nonisolated(unsafe) static var zoneCount = zonesInNode
    /// The node of each section; there is none while there is one node only.
    nonisolated(unsafe) private static var sections = UnsafeMutablePointer<UInt8>(bitPattern: 16)!
    nonisolated(unsafe) private static var sectionCount: UInt32 = 0
    /// All nodes for each node, nearest first.
    nonisolated(unsafe) private static var order = InlineArray<64, UInt8>(repeating: 0)
    nonisolated(unsafe) static var counters = UnsafeMutablePointer<NodeCounters>(bitPattern: 16)!

    static func sectionByteCount(frameCount: UInt64) -> Int { (Int(frameCount >> UInt64(sectionShift)) + 1 + 63) & ~63 }

    /// - Parameter place: zeroed memory, one byte for each section.
    static func start(_ nodes: Nodes, sections place: UnsafeMutablePointer<UInt8>, frameCount: UInt64) {
        count = nodes.count
        zoneCount = nodes.count * zonesInNode
        sections = place
        sectionCount = UInt32(frameCount >> UInt64(sectionShift)) + 1
        for node in 0..<count {
            for (rank, other) in nodes.nearest(to: node).enumerated() { order[node * Nodes.most + rank] = other }
        }
        // A section that two nodes share is that of the one which its first byte belongs to.
        for isFirstByte in [false, true] {
            for range in nodes.memory {
                var section = range.start >> (UInt64(sectionShift) + 12)
                while section < UInt64(sectionCount), section << (UInt64(sectionShift) + 12) < range.end {
                    let start = section << (UInt64(sectionShift) + 12)
                    if !isFirstByte || start >= range.start { sections[Int(section)] = range.node }
                    section += 1
                }
            }
        }
    }

    @inline(__always)
    static func node(of frame: UInt32) -> Int { count == 1 ? 0 : Int(sections[Int(frame >> sectionShift)]) }

    /// The end of the run of sections from this frame's on that belong to the same node.
    static func sectionEnd(_ frame: UInt32) -> UInt32 {
        if count == 1 { return .max }
        var section = frame >> sectionShift
        let node = sections[Int(section)]
        while section < sectionCount, sections[Int(section)] == node { section += 1 }
        return section << sectionShift
    }

    /// The node that comes at this rank for a processor of that node: itself first.
    @inline(__always)
    static func node(near node: Int, rank: Int) -> Int { Int(order[node * Nodes.most + rank]) }

    /// Notes from which node a processor got frames.
    @inline(__always)
    static func note(from node: Int, for own: Int, _ frames: Int) {
        if node == own {
            counters[node].hit.wrappingAdd(frames, ordering: .relaxed)
        } else {
            counters[node].miss.wrappingAdd(frames, ordering: .relaxed)
            counters[own].foreign.wrappingAdd(frames, ordering: .relaxed)
        }
    }

    /// How many frames went where, since boot. A processor's list gets many at a time, and all of them count then.
    public static func report(_ node: Int) -> (hit: Int, miss: Int, foreign: Int) {
        let counters = counters + node
        return (
            counters.pointee.hit.load(ordering: .relaxed), counters.pointee.miss.load(ordering: .relaxed),
            counters.pointee.foreign.load(ordering: .relaxed)
        )
    }
}

/// One node's frames: taken by its own processors; by others, for lack of their own; and what its own had to take elsewhere.
struct NodeCounters: ~Copyable {
    let hit = Atomic<Int>(0), miss = Atomic<Int>(0), foreign = Atomic<Int>(0)
}
