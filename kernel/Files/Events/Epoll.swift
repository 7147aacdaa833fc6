import ABI
import Files
import Scheduling
import Support
import Synchronization

/// An epoll instance (epoll(7)): the files it watches, and which of them are ready.
///
/// `lock` serialises changes and harvesting; it may be held over user copies. The ready list has a spin lock of its own,
/// because wake-ups come from interrupt handlers.
final class Epoll {
    private let lock = CompactLock()
    /// The items by descriptor number, modulo the count. Protected by `lock`.
    private var items: [[EpollItem]] = Array(repeating: [], count: 32)
    private var itemCount = 0
    private let ready = SpinLock(ReadyList())
    private let readyCount = Atomic<Int>(0)
    /// Threads in `epoll_wait`: one is woken for an event.
    private let sleepers = WaitQueue()
    /// Those who poll the epoll file itself: all are woken.
    private let pollers = WaitQueue()
    let nesting = EpollNesting()

    static var itemLimit: Int { 32768 }

    // MARK: Wake-ups

    /// Called by a file's wake-up, interrupts off.
    /// - Returns: whether a sleeping thread was woken.
    func markReady(_ item: EpollItem) -> Bool {
        let isNew = ready.withLock { list in
            guard list.append(item) else { return false }
            readyCount.wrappingAdd(1, ordering: .releasing)
            return true
        }
        guard isNew else { return false }
        wakeOne()
        return true
    }

    private func wakeOne() {
        if !sleepers.isEmpty { sleepers.wake(count: 1) }
        if !pollers.isEmpty { pollers.wake(events: PollEvents.readable.rawValue) }
    }

    private var hasReady: Bool { readyCount.load(ordering: .acquiring) > 0 }

    private func takeReady() -> EpollItem? {
        ready.withLock { list in
            let item = list.removeFirst()
            if item != nil { readyCount.wrappingSubtract(1, ordering: .relaxed) }
            return item
        }
    }

    private func forgetReady(_ item: EpollItem) {
        ready.withLock { list in
            guard item.isReady else { return }
            list.remove(item)
            readyCount.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    // MARK: Waiting

    /// Waits for events and stores them through `emit`.
    /// - Parameters:
    ///   - deadline: monotonic nanoseconds; nil waits for ever, 0 not at all.
    ///   - emit: stores event number `index`; when it throws, the event stays ready.
    /// - Returns: how many events were stored.
    func wait(limit: Int, deadline: UInt64?, emit: (Int, EpollEvent) throws(Errno) -> Void) throws(Errno) -> Int {
        while true {
            if hasReady {
                let count = try harvest(limit: limit, emit: emit)
                if count > 0 { return count }
            }
            if deadline == 0 { return 0 }
            do throws(Errno) {
                try sleepers.wait(deadline: deadline) { hasReady }
            } catch {
                if error == .timedOut { return 0 }
                throw error == .restart ? .interrupted : error
            }
        }
    }

    private func harvest(limit: Int, emit: (Int, EpollEvent) throws(Errno) -> Void) throws(Errno) -> Int {
        try lock.withLock { () throws(Errno) -> Int in
            // Each item is looked at once, although level-triggered ones go back to the end of the list.
            var unseen = readyCount.load(ordering: .acquiring)
            var count = 0
            while count < limit, unseen > 0, let item = takeReady() {
                unseen -= 1
                guard let file = item.file else { continue }
                let events = item.currentEvents(file)
                if events == 0 { continue }
                do throws(Errno) {
                    try emit(count, EpollEvent(events: events, data: item.data))
                } catch {
                    _ = markReady(item)
                    if count > 0 { break }
                    throw error
                }
                count += 1
                let interest = item.interest.load(ordering: .relaxed)
                if interest & EpollFlags.oneShot != 0 {
                    item.interest.store(interest & EpollFlags.all, ordering: .relaxed)
                } else if interest & EpollFlags.edgeTriggered == 0 {
                    ready.withLock { list in
                        if list.append(item) { readyCount.wrappingAdd(1, ordering: .relaxed) }
                    }
                }
            }
            // What is left is for another thread.
            if hasReady, !sleepers.isEmpty { sleepers.wake(count: 1) }
            return count
        }
    }

    /// Whether the epoll file is readable: an item is really ready.
    func poll(_ registration: PollRegistration?) -> PollEvents {
        if let registration { registration.watch(pollers) }
        guard hasReady else { return [] }
        let isReadable = try? lock.withLock { () throws(Errno) -> Bool in
            var unseen = readyCount.load(ordering: .acquiring)
            while unseen > 0, let item = takeReady() {
                unseen -= 1
                guard let file = item.file, item.currentEvents(file) != 0 else { continue }
                ready.withLock { list in
                    if list.append(item) { readyCount.wrappingAdd(1, ordering: .relaxed) }
                }
                return true
            }
            return false
        }
        return isReadable == true ? .readable : []
    }

    // MARK: Changes

    private func find(_ file: OpenFile, _ descriptor: Int32) -> EpollItem? {
        for item in items[Int(descriptor) & 31] where item.descriptor == descriptor && item.file === file { return item }
        return nil
    }

    func add(_ file: OpenFile, descriptor: Int32, event: EpollEvent) throws(Errno) {
        let item = EpollItem(self, file, descriptor: descriptor, event: Self.completed(event))
        try lock.withLock { () throws(Errno) in
            if find(file, descriptor) != nil { throw .exists }
            if itemCount >= Self.itemLimit { throw .noSpace }
            items[Int(descriptor) & 31].append(item)
            itemCount += 1
            file.addObserver(item)
            if item.startWatching(file) != 0 { _ = markReady(item) }
        }
        // Its last descriptor may have been closed before it could be observed.
        if file.users == 0 {
            remove(item)
            throw .badDescriptor
        }
    }

    func modify(_ file: OpenFile, descriptor: Int32, event: EpollEvent) throws(Errno) {
        try lock.withLock { () throws(Errno) in
            guard let item = find(file, descriptor) else { throw .noEntry }
            if item.interest.load(ordering: .relaxed) & EpollFlags.exclusive != 0 { throw .invalidArgument }
            item.data = event.data
            item.interest.store(Self.completed(event).events, ordering: .sequentiallyConsistent)
            if item.currentEvents(file) != 0 { _ = markReady(item) }
        }
    }

    func delete(_ file: OpenFile, descriptor: Int32) throws(Errno) {
        let item = try lock.withLock { () throws(Errno) -> EpollItem in
            guard let item = find(file, descriptor) else { throw .noEntry }
            return item
        }
        remove(item)
    }

    /// Errors and hang-ups are always reported.
    private static func completed(_ event: EpollEvent) -> EpollEvent {
        EpollEvent(events: event.events | PollEvents.error.rawValue | PollEvents.hangUp.rawValue, data: event.data)
    }

    /// Ends a watch; harmless when it has ended.
    func remove(_ item: EpollItem) {
        // The file is released after the lock: it may be the last reference, and closing can take time.
        let file: OpenFile?? = try? lock.withLock { () throws(Errno) -> OpenFile? in
            guard let file = item.file else { return nil }
            item.file = nil
            let bucket = Int(item.descriptor) & 31
            items[bucket].removeAll { $0 === item }
            itemCount -= 1
            item.stopWatching()
            forgetReady(item)
            return file
        }
        guard let file, let file else { return }
        file.removeObserver(item)
        if let inner = file as? EpollFile { nesting.unlink(inner.epoll.nesting) }
    }

    /// The epoll file is gone.
    func close() {
        while true {
            let item: EpollItem?? = try? lock.withLock { () throws(Errno) -> EpollItem? in
                for bucket in items {
                    if let item = bucket.last { return item }
                }
                return nil
            }
            guard let item, let item else { return }
            remove(item)
        }
    }
}
