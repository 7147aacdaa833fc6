import FairQueue

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
