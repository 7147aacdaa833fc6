import ABI
import Files
import Scheduling
import Synchronization

/// A file that an epoll instance watches.
///
/// It is an observer of the file, so that closing the file's last descriptor ends the watch; the strong reference to the
/// file is therefore no reason for it to stay open.
final class EpollItem: FileObserver {
    let epoll: Epoll
    let descriptor: Int32
    /// Nil once the watch has ended. Protected by the lock of `epoll`.
    var file: OpenFile?
    /// The wanted events and the behaviour bits; read by wake-ups, which hold no lock of epoll's.
    let interest: Atomic<UInt32>
    var data: UInt64
    private var registration: EpollRegistration?

    // The place in the ready list, under its lock.
    unowned(unsafe) var nextReady: EpollItem?
    unowned(unsafe) var previousReady: EpollItem?
    var isReady = false

    init(_ epoll: Epoll, _ file: OpenFile, descriptor: Int32, event: EpollEvent) {
        self.epoll = epoll
        self.file = file
        self.descriptor = descriptor
        interest = Atomic(event.events)
        data = event.data
    }

    /// Events that are reported: errors and hang-ups always are.
    @inline(__always)
    var wanted: UInt32 { interest.load(ordering: .relaxed) & ~EpollFlags.all }

    /// What of the wanted events holds now.
    func currentEvents(_ file: OpenFile) -> UInt32 { file.poll(nil).rawValue & wanted }

    /// Puts itself on the file's wait queues.
    /// - Returns: the wanted events that hold already.
    func startWatching(_ file: OpenFile) -> UInt32 {
        let registration = EpollRegistration(self)
        self.registration = registration
        return file.poll(registration).rawValue & wanted
    }

    /// After this returns no wake-up reaches the item any more.
    func stopWatching() {
        registration?.removeAll()
        registration = nil
    }

    override func fileClosed(_ file: OpenFile) { epoll.remove(self) }
}

/// Makes the waiters of one item.
final class EpollRegistration: PollRegistration {
    unowned(unsafe) private let item: EpollItem
    init(_ item: EpollItem) { self.item = item }
    override func makeWaiter() -> Waiter { EpollWaiter(item) }
}

/// On a file's wait queue: a wake-up makes the item ready. This is what makes `epoll_wait` cost what is ready, and not what
/// is watched.
final class EpollWaiter: Waiter {
    /// Valid while the waiter is queued: the item takes it off before it goes away.
    unowned(unsafe) private let item: EpollItem
    init(_ item: EpollItem) { self.item = item }

    override func wake(events: UInt32) -> Bool {
        // A one-shot item that has fired wants nothing.
        let wanted = item.wanted
        guard events & wanted != 0 else { return false }
        return item.epoll.markReady(item)
    }
}
