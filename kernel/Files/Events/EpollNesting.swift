import ABI
import Files
import Support

/// How epoll instances watch each other. Cycles are refused, and chains longer than five.
final class EpollNesting {
    // Protected by `lock`. A pair that is linked twice (by two descriptors) appears twice.
    private var outer: [EpollNesting] = []
    private var inner: [EpollNesting] = []

    private static let lock = SpinLock<Void>(())
    private static var depthLimit: Int { 5 }

    /// Notes that this instance watches another one.
    /// - Throws: `tooManySymbolicLinks` (ELOOP) when that closes a cycle or makes a chain too long.
    func link(_ other: EpollNesting) throws(Errno) {
        let isAllowed = Self.lock.withLock { _ in
            guard !other.reaches(self, depth: 0) else { return false }
            guard height(.outer, 0) + other.height(.inner, 0) <= Self.depthLimit else { return false }
            inner.append(other)
            other.outer.append(self)
            return true
        }
        if !isAllowed { throw .tooManySymbolicLinks }
    }

    func unlink(_ other: EpollNesting) {
        // The references are released outside the lock.
        let released: (EpollNesting?, EpollNesting?) = Self.lock.withLock { _ in
            (Self.remove(other, from: &inner), Self.remove(self, from: &other.outer))
        }
        _ = released
    }

    private static func remove(_ element: EpollNesting, from list: inout [EpollNesting]) -> EpollNesting? {
        guard let index = list.firstIndex(where: { $0 === element }) else { return nil }
        return list.remove(at: index)
    }

    private func reaches(_ target: EpollNesting, depth: Int) -> Bool {
        if self === target || depth > Self.depthLimit { return true }
        for next in inner where next.reaches(target, depth: depth + 1) { return true }
        return false
    }

    /// The length of the longest chain from here, itself included.
    private func height(_ direction: Direction, _ depth: Int) -> Int {
        if depth > Self.depthLimit { return depth }
        var longest = 0
        for next in direction == .outer ? outer : inner { longest = max(longest, next.height(direction, depth + 1)) }
        return longest + 1
    }

    private enum Direction { case outer, inner }
}
