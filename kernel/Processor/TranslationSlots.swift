import Support
import struct Synchronization.Atomic

/// The address spaces whose translations a processor keeps while it runs others, by process-context identifier (Intel SDM volume 3A, 4.10.1).
///
/// Identifiers belong to a processor and are few, so that finding one takes a few comparisons. Only the processor itself enters address spaces,
/// with interrupts off; anybody makes it forget one. The order that makes this safe:
/// - who enters an address space first notes that it is loaded (`PerCPUBlock.pageTable`), then looks here;
/// - who has changed its tables first looks whether it is loaded, and if so asks the processor; if not, makes it forget, and looks again.
/// So one of them sees what the other has done (both steps are sequentially consistent).
public struct TranslationSlots: ~Copyable {
    public static var count: Int { 6 }
    /// The root of the tables whose translations are kept under the identifier that is the index + 1; 0: none.
    private let first = Atomic<UInt64>(0), second = Atomic<UInt64>(0), third = Atomic<UInt64>(0)
    private let fourth = Atomic<UInt64>(0), fifth = Atomic<UInt64>(0), sixth = Atomic<UInt64>(0)
    /// Which one is given up next.
    private let turn = Atomic<Int>(0)

    public init() {}

    /// Takes the identifier of an address space, or one for it.
    /// - Returns: the identifier, and whether what is kept under it is right; otherwise it must be flushed.
    public func enter(_ root: UInt64) -> (identifier: UInt64, isKept: Bool) {
        let next = turn.load(ordering: .relaxed)
        var vacant = next
        for index in 0..<Self.count {
            let kept = keptRoot(index)
            if kept == root { return (UInt64(index + 1), true) }
            if kept == 0 { vacant = index }
        }
        if vacant == next { turn.store(next + 1 == Self.count ? 0 : next + 1, ordering: .relaxed) }
        withRoot(vacant) { $0.store(root, ordering: .sequentiallyConsistent) }
        return (UInt64(vacant + 1), false)
    }

    /// Whoever enters that address space next finds nothing.
    public func forget(_ root: UInt64) {
        for index in 0..<Self.count where keptRoot(index) == root {
            // It may be another's by now.
            withRoot(index) { _ = $0.compareExchange(expected: root, desired: 0, ordering: .sequentiallyConsistent) }
        }
    }

    @inline(__always)
    private func keptRoot(_ index: Int) -> UInt64 { withRoot(index) { $0.load(ordering: .sequentiallyConsistent) } }

    /// Embedded Swift 6.3 has no inline arrays of what cannot be copied.
    @inline(__always)
    private func withRoot<Result>(_ index: Int, _ body: (borrowing Atomic<UInt64>) -> Result) -> Result {
        switch index {
        case 0: body(first)
        case 1: body(second)
        case 2: body(third)
        case 3: body(fourth)
        case 4: body(fifth)
        default: body(sixth)
        }
    }
}
