import Frames
import KernelSeams
import Scheduling
import Support
import Testing

@testable import VirtualMemory

@Suite struct AreaTreeTests {
    private typealias Span = (start: UInt64, end: UInt64, grows: Bool)

    private func makeArea(_ span: Span) -> AreaPointer {
        let pointer = AreaPointer.allocate(capacity: 1)
        pointer.initialize(
            to: Area(
                start: span.start << 12, end: span.end << 12, protection: .read, maximum: .all,
                flags: span.grows ? .growsDown : [],
                pageFlags: [], pageOffset: 0, object: nil, owner: Unmanaged.passUnretained(Self.owner)))
        return pointer
    }
    nonisolated(unsafe) private static let owner = Mutex(
        SpaceState(
            tables: PageTables(root: PhysicalAddress(0)), layout: AddressLayout(stackLimit: 0, random: nil),
            limits: MemoryLimits()))

    /// Random insertions, removals, changes of bounds and searches against a sorted array.
    @Test func againstSortedArray() {
        var tree = AreaTree()
        var random = Seeded(30)
        var model: [Span] = []
        var nodes: [UInt64: AreaPointer] = [:]
        let space = 60_000
        for step in 0..<1_000_000 {
            switch random.below(8) {
            case 0..<4 where model.count < 300 || random.chance(50):
                let start = UInt64(random.below(space)), end = start + UInt64(1 + random.below(random.chance(10) ? 500 : 20))
                let place = model.firstIndex { $0.end > start } ?? model.count
                if place < model.count, model[place].start < end { continue }
                let span: Span = (start, end, random.chance(5))
                let node = makeArea(span)
                tree.insert(node)
                nodes[start] = node
                model.insert(span, at: place)
            case 0..<6:
                if model.isEmpty { continue }
                let span = model.remove(at: random.below(model.count))
                let node = nodes.removeValue(forKey: span.start)!
                tree.remove(node)
                node.deallocate()
            case 6:
                // The upper end moves: the gap before the next area changes.
                if model.isEmpty { continue }
                let index = random.below(model.count)
                let limit = index + 1 < model.count ? model[index + 1].start : UInt64(space) + 600
                let end = model[index].start + 1 + UInt64(random.below(Int(limit - model[index].start)))
                model[index].end = end
                let node = nodes[model[index].start]!
                node.pointee.end = end << 12
                if let next = node.pointee.next { tree.gapChanged(next) }
            default:
                let address = UInt64(random.below(space + 1000))
                let expected = model.first { $0.end > address }?.start
                if tree.find(address << 12)?.pointee.start != expected.map({ $0 << 12 }) { Issue.record("find is wrong"); return }
                let length = UInt64(1 + random.below(random.chance(20) ? 3000 : 60))
                var low = UInt64(random.below(space / 2)), high = low + UInt64(random.below(space))
                // Mostly the same bounds, as in a program: what the tree remembers of the last search must be right.
                if random.chance(80) {
                    (low, high) = (random.chance(80) ? 16 : 300, random.chance(80) ? UInt64(space) - 5000 : 9000)
                }
                let found = tree.highestGap(byteCount: length << 12, low: low << 12, high: high << 12)
                if found != highestGap(model, length, low, high).map({ $0 << 12 }) { Issue.record("gap search is wrong"); return }
            }
            if step % 2000 == 0, !isSound(tree, model) { Issue.record("the tree is damaged at step \(step)"); return }
        }
        let sound = isSound(tree, model)
        #expect(sound)
        tree.forgetAll()
        for node in nodes.values { node.deallocate() }
    }

    private func highestGap(_ model: [Span], _ length: UInt64, _ low: UInt64, _ high: UInt64) -> UInt64? {
        if high < low || high - low < length { return nil }
        var best: UInt64?
        var previousEnd: UInt64 = 0
        func consider(_ start: UInt64, _ end: UInt64) {
            let from = max(start, low), to = min(end, high)
            if to > from, to - from >= length { best = max(best ?? 0, to - length) }
        }
        for span in model {
            let end = span.grows ? (span.start > 256 ? span.start - 256 : 0) : span.start
            consider(previousEnd, end)
            previousEnd = span.end
        }
        consider(previousEnd, .max)
        return best
    }

    /// Order, links, balance and gaps of every node.
    private func isSound(_ tree: borrowing AreaTree, _ model: [Span]) -> Bool {
        var order: [AreaPointer] = []
        var sound = true
        func visit(_ node: AreaPointer?, _ parent: AreaPointer?) -> (height: Int32, gap: UInt64) {
            guard let node else { return (0, 0) }
            if node.pointee.parent != parent { sound = false }
            let left = visit(node.pointee.left, node)
            order.append(node)
            let right = visit(node.pointee.right, node)
            if abs(left.height - right.height) > 1 { sound = false }
            let result = (max(left.height, right.height) + 1, max(left.gap, right.gap, node.pointee.gapBefore))
            if node.pointee.height != result.0 || node.pointee.largestGap != result.1 { sound = false }
            return result
        }
        _ = visit(tree.root, nil)
        if order.count != model.count || tree.count != model.count || tree.first != order.first || tree.last != order.last {
            return false
        }
        for index in order.indices {
            if order[index].pointee.start != model[index].start << 12 || order[index].pointee.end != model[index].end << 12 {
                return false
            }
            if order[index].pointee.previous != (index > 0 ? order[index - 1] : nil) { return false }
            if order[index].pointee.next != (index + 1 < order.count ? order[index + 1] : nil) { return false }
        }
        return sound
    }
}
