import ABI
import DisplayModel
import Scheduling
import Support

/// Delivers flip and vblank events at the ticks of the emulated vertical blank, and lets threads wait for one.
///
/// The timer runs only while something waits. An event that belongs to a frame also waits for that frame's completion.
final class VBlankTimer: KernelTimer {
    private struct Pending {
        unowned(unsafe) var client: ClientEvents
        var event: DRMEventVBlank
        var sequence: UInt64
        var frame: UInt64
    }
    private struct State: ~Copyable {
        static let capacity = 64
        var pending: InlineArray<64, Pending?> = .init(repeating: nil)
        var count = 0
        /// Flips whose event is outstanding.
        var flips = 0
    }
    private let state = SpinLock(State())
    let clock: VBlankClock
    /// Threads that wait for a tick.
    let waiters = WaitQueue()
    private unowned(unsafe) let driver: DisplayDriver
    /// Makes looking at the deadline and moving it one step.
    private let arming = SpinLock<Void>(())

    init(driver: DisplayDriver) {
        self.driver = driver
        clock = VBlankClock(origin: machineMonotonicNanoseconds())
        super.init()
    }

    var currentSequence: UInt64 { clock.sequence(at: machineMonotonicNanoseconds()) }

    /// Whether a flip's event has not been sent yet: another flip must wait.
    var hasPendingFlip: Bool { state.withLock { $0.flips > 0 } }

    /// Queues an event, for which the client has reserved room.
    /// - Parameters:
    ///   - sequence: the tick at which it is due.
    ///   - frame: the frame that must be complete, or 0.
    /// - Throws: `outOfMemory` when too many events of all clients are waiting.
    func queue(_ event: DRMEventVBlank, for client: ClientEvents, sequence: UInt64, frame: UInt64) throws(Errno) {
        let isQueued = state.withLock { state in
            guard state.count < State.capacity else { return false }
            state.pending[state.count] = Pending(client: client, event: event, sequence: sequence, frame: frame)
            state.count += 1
            if event.type == DRMEventVBlank.flipComplete { state.flips += 1 }
            return true
        }
        if !isQueued { throw .outOfMemory }
        schedule()
    }

    /// Drops everything that waits for a client that goes away.
    func removeAll(of client: ClientEvents) {
        state.withLock { state in
            var index = 0
            while index < state.count {
                if state.pending[index]!.client === client {
                    Self.remove(index, &state)
                } else {
                    index += 1
                }
            }
        }
    }

    /// Makes sure that the timer fires at a tick.
    func armForWait(_ sequence: UInt64) {
        let due = clock.time(of: sequence)
        arming.withLock { _ in
            if !isArmed || deadline > due { arm(at: due) }
        }
    }

    /// The driver has completed a frame: events that were late because of it go out now. Callable in interrupts.
    func frameCompleted() { deliverDue() }

    override func fire() {
        deliverDue()
        waiters.wake()
        schedule()
    }

    private func deliverDue() {
        let now = machineMonotonicNanoseconds()
        let current = clock.sequence(at: now)
        let completed = driver.completedFrame
        state.withLock { state in
            var index = 0
            while index < state.count {
                guard let pending = state.pending[index], pending.sequence <= current, pending.frame <= completed else {
                    index += 1
                    continue
                }
                var event = pending.event
                // A frame that missed its tick is reported with the tick at which it did appear.
                event.stamp(sequence: current, time: clock.time(of: current))
                pending.client.deliver(event)
                Self.remove(index, &state)
            }
        }
    }

    private static func remove(_ index: Int, _ state: inout State) {
        if state.pending[index]?.event.type == DRMEventVBlank.flipComplete { state.flips -= 1 }
        state.count -= 1
        // Keeps the order of the rest: events of one client go out in the order of its requests.
        for position in index..<state.count { state.pending[position] = state.pending[position + 1] }
        state.pending[state.count] = nil
    }

    /// Arms the timer for the earliest tick that something waits for and that has not come yet.
    private func schedule() {
        let current = currentSequence
        let earliest: UInt64? = state.withLock { state in
            var earliest: UInt64?
            for index in 0..<state.count {
                guard let pending = state.pending[index], pending.sequence > current else { continue }
                if earliest == nil || pending.sequence < earliest! { earliest = pending.sequence }
            }
            return earliest
        }
        if let earliest {
            armForWait(earliest)
        } else if state.withLock({ $0.count > 0 }) {
            // Something became due between the delivery and now.
            deliverDue()
        }
    }
}

extension DRMEventVBlank {
    mutating func stamp(sequence: UInt64, time: UInt64) {
        self.sequence = UInt32(truncatingIfNeeded: sequence)
        seconds = UInt32(truncatingIfNeeded: time / 1_000_000_000)
        microseconds = UInt32(truncatingIfNeeded: time % 1_000_000_000 / 1000)
    }
}
