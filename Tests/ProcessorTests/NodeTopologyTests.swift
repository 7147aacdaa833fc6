import ACPI
import Processor
import SeededRandom
import Testing

/// What firmware says about nodes, and what it may get wrong.
@Suite struct NodeTopologyTests {
    private func topology(_ memory: [(UInt32, UInt64, UInt64)]) -> NodeTopology {
        var topology = NodeTopology()
        topology.memory = memory.map { .init(domain: $0.0, start: $0.1, byteCount: $0.2) }
        return topology
    }

    @Test func domainsAreNumberedAsTheyCome() {
        var topology = topology([(7, 0, 1 << 30), (3, 1 << 30, 1 << 30), (7, 1 << 32, 1 << 30)])
        topology.processors = [(0, 7), (4, 3), (300, 3), (9, 50)]
        topology.distanceCount = 8
        topology.distances = .init(repeating: 10, count: 64)
        topology.distances[7 * 8 + 3] = 31
        let nodes = Nodes(topology)
        #expect(nodes.count == 3)  // one of processors alone
        #expect(nodes.memory.map(\.node) == [0, 1, 0])
        #expect([0, 4, 300, 9, 77].map { nodes.node(of: $0) } == [0, 1, 1, 2, 0])
        #expect(nodes.distance(from: 0, to: 1) == 31)
        // Another node is never as near as the own one, and what the table does not have is far.
        #expect(
            nodes.distance(from: 1, to: 0) == 11 && nodes.distance(from: 1, to: 1) == 10 && nodes.distance(from: 0, to: 2) == 20)
        #expect(nodes.nearest(to: 0) == [0, 2, 1] && nodes.nearest(to: 1) == [1, 0, 2])
    }

    @Test func contradictionsMakeOneNode() {
        #expect(Nodes(topology([(0, 0, 100), (1, 99, 100)])).count == 1)
        #expect(Nodes(topology([(0, 0, 100), (0, 50, 100), (1, 150, 10)])).count == 2)
        #expect(Nodes(topology([(0, 0, 1 << 30)])).count == 1)
        #expect(Nodes(topology((0..<20).map { (UInt32($0), UInt64($0) << 30, 1 << 30) })).count == Nodes.most)
    }

    /// Tables of random bytes, with lengths that lead out of them: nothing is read outside, and what comes out is sound.
    @Test func damagedTablesAreSurvived() {
        var random = SplitMix(411)
        let memory = Memory()
        for _ in 0..<20_000 {
            let length = 36 + Int.random(in: 0..<400, using: &random)
            for (signature, place) in [("SRAT", 0x2000), ("SLIT", 0x3000)] {
                memory.table(signature, at: place, byteCount: length, revision: UInt8.random(in: 0...3, using: &random)) {
                    offset in
                    var position = 36
                    while position < length {
                        // Often what could be an entry.
                        let byte: UInt8
                        switch Int.random(in: 0..<4, using: &random) {
                        case 0: byte = UInt8.random(in: 0...3, using: &random)
                        case 1: byte = [16, 24, 40, 0, 1, 255].randomElement(using: &random)!
                        default: byte = UInt8.random(in: 0...255, using: &random)
                        }
                        memory.store(byte, at: offset + position)
                        position += 1
                    }
                }
            }
            memory.root([0x2000, 0x3000])
            let topology = memory.nodes(guarding: [0x2000, 0x3000])
            let nodes = Nodes(topology)
            #expect((1...Nodes.most).contains(nodes.count))
            for node in 0..<nodes.count where Set(nodes.nearest(to: node)) != Set((0..<nodes.count).map(UInt8.init)) {
                Issue.record("the order of nodes is \(nodes.nearest(to: node))")
                return
            }
        }
    }

    @Test func entriesOfAllKinds() {
        let memory = Memory()
        memory.table("SRAT", at: 0x2000, byteCount: 48 + 40 * 3 + 16 * 2 + 24, revision: 2) { offset in
            var entry = offset + 48
            for (domain, start, byteCount, flags) in [
                (0, 0, 0x8000_0000, 1), (0x1_0002, 0x8000_0000, 0x8000_0000, 3), (5, 0, 1 << 40, 0),
            ] {
                memory.store(UInt16(0x2801), at: entry)
                memory.store(UInt32(domain), at: entry + 2)
                memory.store(UInt64(start), at: entry + 8)
                memory.store(UInt64(byteCount), at: entry + 16)
                memory.store(UInt32(flags), at: entry + 28)
                entry += 40
            }
            for (identifier, low, high, flags) in [(1, 2, 0x1_0000, 1), (2, 2, 0x1_0000, 0)] {
                memory.store(UInt16(0x1000), at: entry)
                memory.store(UInt8(low), at: entry + 2)
                memory.store(UInt8(identifier), at: entry + 3)
                memory.store(UInt32(flags), at: entry + 4)
                memory.store(UInt32(high), at: entry + 8)
                entry += 16
            }
            memory.store(UInt16(0x1802), at: entry)
            memory.store(UInt32(0x1_0002), at: entry + 4)
            memory.store(UInt32(400), at: entry + 8)
            memory.store(UInt32(1), at: entry + 12)
        }
        memory.root([0x2000])
        let topology = memory.nodes()
        #expect(topology.memory.map(\.domain) == [0, 0x1_0002])
        #expect(topology.processors.map(\.identifier) == [1, 400] && topology.processors.allSatisfy { $0.domain == 0x1_0002 })
        #expect(Nodes(topology).node(of: 400) == 1)
    }
}
