import Scheduling
import Support

/// The event bits of poll and epoll (`include/uapi/asm-generic/poll.h`).
public struct PollEvents: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static var input: PollEvents { PollEvents(rawValue: 0x1) }
    public static var priority: PollEvents { PollEvents(rawValue: 0x2) }
    public static var output: PollEvents { PollEvents(rawValue: 0x4) }
    public static var error: PollEvents { PollEvents(rawValue: 0x8) }
    public static var hangUp: PollEvents { PollEvents(rawValue: 0x10) }
    public static var invalid: PollEvents { PollEvents(rawValue: 0x20) }
    public static var readNormal: PollEvents { PollEvents(rawValue: 0x40) }
    public static var writeNormal: PollEvents { PollEvents(rawValue: 0x100) }
    public static var readHangUp: PollEvents { PollEvents(rawValue: 0x2000) }

    public static var readable: PollEvents { [.input, .readNormal] }
    public static var writable: PollEvents { [.output, .writeNormal] }
}

/// Collects the wait queues of the files that one poll, select or epoll watches.
///
/// It creates a `Waiter` for each queue, and takes them all off when it is released.
open class PollRegistration {
    private var entries: [(WaitQueue, Waiter)] = []

    public init() {}

    /// Makes the waiter to be put on a file's queue: one that wakes a thread, or epoll's own.
    open func makeWaiter() -> Waiter { Waiter() }

    /// Called by `OpenFile.poll` for each queue that matters.
    public final func watch(_ queue: WaitQueue) {
        let waiter = makeWaiter()
        entries.append((queue, waiter))
        queue.add(waiter)
    }

    /// Takes all waiters off their queues.
    public final func removeAll() {
        for (queue, waiter) in entries { queue.remove(waiter) }
        entries.removeAll()
    }

    deinit { removeAll() }
}

/// Wakes the polling thread.
public final class ThreadPollRegistration: PollRegistration {
    private let thread = currentThread
    public override func makeWaiter() -> Waiter { ThreadWaiter(thread) }
}
