import FairQueue

/// A small generator whose sequence depends on the seed alone.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// Entities in memory of their own, as in the records of threads.
final class Pool {
    let count: Int
    private let memory: UnsafeMutablePointer<FairEntity>

    init(_ entities: [FairEntity]) {
        count = entities.count
        memory = .allocate(capacity: entities.count)
        for (i, entity) in entities.enumerated() { (memory + i).initialize(to: entity) }
    }

    convenience init(nice: [Int8]) { self.init(nice.map { FairEntity(nice: $0) }) }

    deinit { memory.deallocate() }

    subscript(_ index: Int) -> FairReference { memory + index }
    func index(of entity: FairReference) -> Int { entity - memory }
}

let millisecond: UInt64 = 1_000_000
let second: UInt64 = 1_000_000_000
