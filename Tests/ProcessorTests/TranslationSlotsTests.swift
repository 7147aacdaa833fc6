import KernelSeams
import Processor
import SeededRandom
import Testing

/// A processor that keeps translations by identifier: for each, whose they are, and as of which change of the tables.
private final class KeepingProcessor {
    let slots = TranslationSlots()
    var loaded: UInt64 = 0
    var identifier: UInt64 = 0
    var kept: [UInt64: (root: UInt64, change: Int)] = [:]
    /// The steps of entering an address space that are left; requests wait for their end.
    var entering: (root: UInt64, step: Int)?
    var requests: [Changer] = []
}

/// Somebody who has changed tables and has the processors forget.
private final class Changer {
    let root: UInt64
    let change: Int
    var step = 0, processor = 0, outstanding = 0
    init(_ root: UInt64, _ change: Int) { (self.root, self.change) = (root, change) }
}

/// The order of looks and changes that `TranslationSlots` describes, in all interleavings that chance finds: when a change is over, nobody
/// runs with translations from before.
@Suite struct TranslationSlotsTests {
    @Test(arguments: 0..<4) func nothingStaleIsUsed(seed: UInt64) {
        var random = SplitMix(900 + seed)
        let processors = (0..<3).map { _ in KeepingProcessor() }
        var changes: [UInt64: Int] = [:]
        var changers: [Changer] = []
        var keptCount = 0, changeCount = 0

        func fill(_ processor: KeepingProcessor) {
            // The processor may read any entry at any time; what it has of the current tables stays.
            let known = processor.kept[processor.identifier]
            if known?.root != processor.loaded {
                processor.kept[processor.identifier] = (processor.loaded, changes[processor.loaded, default: 0])
            }
        }
        func enter(_ processor: KeepingProcessor) {
            guard let (root, step) = processor.entering else { return }
            switch step {
            case 0: processor.loaded = root
            case 1:
                let (identifier, isKept) = processor.slots.enter(root)
                processor.identifier = identifier
                if !isKept { processor.kept[identifier] = nil } else { keptCount += 1 }
                // The load itself: what is there counts from here on.
                fill(processor)
                processor.entering = nil
                return
            default: break
            }
            processor.entering = (root, step + 1)
        }
        func serve(_ processor: KeepingProcessor) {
            for changer in processor.requests {
                if processor.loaded == changer.root {
                    processor.kept[processor.identifier] = (changer.root, changes[changer.root]!)
                } else {
                    processor.slots.forget(changer.root)
                }
                changer.outstanding -= 1
            }
            processor.requests = []
        }
        /// One step; true at the end.
        func advance(_ changer: Changer) -> Bool {
            if changer.processor == processors.count { return changer.outstanding == 0 }
            let target = processors[changer.processor]
            switch changer.step {
            case 1:
                target.slots.forget(changer.root)
                changer.step = 2
                return false
            default:
                if target.loaded == changer.root {
                    target.requests.append(changer)
                    changer.outstanding += 1
                } else if changer.step == 0 {
                    changer.step = 1
                    return false
                }
                (changer.processor, changer.step) = (changer.processor + 1, 0)
                return false
            }
        }

        for _ in 0..<400_000 {
            let processor = processors[Int(random.next() % 3)]
            switch random.next() % 8 {
            case 0 where changers.count < 4:
                let root = (1 + random.next() % 9) << 12
                changes[root, default: 0] += 1
                changers.append(Changer(root, changes[root]!))
            case 0, 1, 2, 3:
                guard !changers.isEmpty else { continue }
                let index = Int(random.next() % UInt64(changers.count))
                guard advance(changers[index]) else { continue }
                let done = changers.remove(at: index)
                changeCount += 1
                for processor in processors where processor.loaded == done.root && processor.entering == nil {
                    let seen = processor.kept[processor.identifier]
                    if seen?.root != done.root || seen!.change < done.change {
                        Issue.record("a processor uses \(String(describing: seen)) after change \(done.change) of \(done.root)")
                        return
                    }
                }
            case 4 where processor.entering == nil:
                let root = (1 + random.next() % 9) << 12
                if root != processor.loaded { processor.entering = (root, 0) }
            case 5 where processor.entering == nil:
                serve(processor)
            default:
                enter(processor)
            }
        }
        #expect(keptCount > 1000 && changeCount > 1000)
    }

    /// Six address spaces in turn keep their identifiers; a seventh takes one.
    @Test func identifiersAreKept() {
        let slots = TranslationSlots()
        let first = (1...6).map { slots.enter($0 << 12) }
        #expect(Set(first.map(\.identifier)) == Set(1...6) && first.allSatisfy { !$0.isKept })
        for round in 1...6 { #expect(slots.enter(UInt64(round) << 12) == (first[round - 1].identifier, true)) }
        let seventh = slots.enter(7 << 12)
        #expect(!seventh.isKept && (1...6).contains(seventh.identifier))
        slots.forget(3 << 12)
        #expect(!slots.enter(3 << 12).isKept)
        #expect(slots.enter(7 << 12) == (seventh.identifier, true))
    }
}
