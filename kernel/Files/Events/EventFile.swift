import ABI
import Files
import Scheduling
import Support

/// A counter that programs add to and wait for (eventfd(2)).
public final class EventFile: OpenFile {
    private let counter: SpinLock<UInt64>
    private let isSemaphore: Bool
    private let readable = WaitQueue()
    private let writable = WaitQueue()
    /// The counter never goes above this.
    private static var maximum: UInt64 { .max - 1 }

    public init(initial: UInt32, isSemaphore: Bool, flags: OpenFlags) {
        counter = SpinLock(UInt64(initial))
        self.isSemaphore = isSemaphore
        super.init(flags: flags.union(.readWrite))
    }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        guard buffer.remaining >= 8 else { throw .invalidArgument }
        while true {
            var value: UInt64 = counter.withLock { counter in
                let value = isSemaphore ? min(counter, 1) : counter
                counter -= value
                return value
            }
            if value != 0 {
                writable.wake(events: PollEvents.writable.rawValue)
                guard try buffer.fill(from: &value, count: 8) == 8 else { throw .badAddress }
                return 8
            }
            if isNonBlocking { throw .wouldBlock }
            try readable.wait { counter.withLock { $0 != 0 } }
        }
    }

    public override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        guard buffer.remaining >= 8 else { throw .invalidArgument }
        var value: UInt64 = 0
        guard try buffer.drain(into: &value, count: 8) == 8 else { throw .badAddress }
        if value == .max { throw .invalidArgument }
        while true {
            let isAdded = counter.withLock { counter in
                guard value <= Self.maximum - counter else { return false }
                counter += value
                return true
            }
            if isAdded {
                if value != 0 { readable.wake(events: PollEvents.readable.rawValue) }
                return 8
            }
            if isNonBlocking { throw .wouldBlock }
            try writable.wait { counter.withLock { value <= Self.maximum - $0 } }
        }
    }

    public override func poll(_ registration: PollRegistration?) -> PollEvents {
        if let registration {
            registration.watch(readable)
            registration.watch(writable)
        }
        let value = counter.withLock { $0 }
        var events: PollEvents = []
        if value > 0 { events.insert(.input) }
        if value < Self.maximum { events.insert(.output) }
        return events
    }

    /// It has no position: any move leaves it at 0.
    public override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 { 0 }
    public override var anonymousName: String { "anon_inode:[eventfd]" }
}
