import Scheduling
import Support

/// Something that is done again and again, by a thread of the kernel's own.
open class PeriodicTask {
    public init() {}
    /// Does it. May sleep, but not for long: other tasks wait.
    open func run() {}
}

/// The thread that runs periodic tasks.
public enum Housekeeping {
    private struct Entry {
        let task: PeriodicTask
        let period: UInt64
        var next: UInt64
    }
    private static let entries = SpinLock<[Entry]>([])
    nonisolated(unsafe) private static let change = WaitQueue()  // has a lock of its own

    /// Runs a task every `seconds` seconds from now on.
    public static func add(_ task: PeriodicTask, everySeconds seconds: UInt64) {
        let period = seconds * 1_000_000_000
        let next = machineMonotonicNanoseconds() &+ period
        entries.withLock { $0.append(Entry(task: task, period: period, next: next)) }
        change.wake()
    }

    /// Starts the thread. Called once at boot.
    /// - Parameter threadID: the number of the kernel thread.
    public static func start(threadID: Int32) {
        guard let thread = Thread(id: threadID, name: "housekeeping", entry: { _ in Housekeeping.run() }) else {
            Log.error("no memory for the housekeeping thread")
            return
        }
        Scheduler.launch(thread)
    }

    private static func run() -> Never {
        while true {
            let deadline = entries.withLock { entries in entries.reduce(UInt64.max) { min($0, $1.next) } }
            if deadline == .max {
                change.waitUninterruptibly { entries.withLock { !$0.isEmpty } }
            } else {
                _ = change.waitUninterruptibly(deadline: deadline) { entries.withLock { $0.contains { $0.next < deadline } } }
            }
            while let task = takeDue(machineMonotonicNanoseconds()) { task.run() }
        }
    }

    /// A task whose time has come; its next time is set.
    private static func takeDue(_ now: UInt64) -> PeriodicTask? {
        entries.withLock { entries in
            for index in entries.indices where entries[index].next <= now {
                entries[index].next = now &+ entries[index].period
                return entries[index].task
            }
            return nil
        }
    }
}

/// Writes dirty data back from time to time, so that a loss of power costs at most the last half minute.
public final class WriteBack: PeriodicTask {
    public static let periodSeconds: UInt64 = 30
    public override init() {}
    public override func run() { MountTable.synchronizeAll() }
}
