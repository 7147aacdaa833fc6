/// Items in the order in which they became ready: a doubly linked list through the items. Its owner's lock protects it.
struct ReadyList: ~Copyable {
    unowned(unsafe) private(set) var head: EpollItem?
    unowned(unsafe) private var tail: EpollItem?

    init() {}

    var isEmpty: Bool { head == nil }

    /// Adds an item at the end.
    /// - Returns: false when it was on the list already.
    mutating func append(_ item: EpollItem) -> Bool {
        if item.isReady { return false }
        item.isReady = true
        item.previousReady = tail
        item.nextReady = nil
        if let tail { tail.nextReady = item } else { head = item }
        tail = item
        return true
    }

    mutating func remove(_ item: EpollItem) {
        guard item.isReady else { return }
        item.isReady = false
        if let previous = item.previousReady { previous.nextReady = item.nextReady } else { head = item.nextReady }
        if let next = item.nextReady { next.previousReady = item.previousReady } else { tail = item.previousReady }
        item.nextReady = nil
        item.previousReady = nil
    }

    mutating func removeFirst() -> EpollItem? {
        guard let first = head else { return nil }
        remove(first)
        return first
    }
}
