import ABI
import Scheduling
import Support

/// The events that wait to be read from one open card.
///
/// Room is reserved when an event is asked for, so that it can be delivered in an interrupt.
final class ClientEvents {
    /// 4096 bytes, as Linux allows.
    static let capacity = 128
    private struct State: ~Copyable {
        let ring = UnsafeMutablePointer<DRMEventVBlank>.allocate(capacity: ClientEvents.capacity)
        var first = 0
        var count = 0
        var reserved = 0
        deinit { ring.deallocate() }
    }
    private let state = SpinLock(State())
    let readers = WaitQueue()

    /// - Throws: `outOfMemory` when too many events are unread or on their way.
    func reserve() throws(Errno) {
        let hasRoom = state.withLock { state in
            guard state.count + state.reserved < Self.capacity else { return false }
            state.reserved += 1
            return true
        }
        if !hasRoom { throw .outOfMemory }
    }

    func cancelReservation() { state.withLock { $0.reserved -= 1 } }

    /// Delivers an event for which room was reserved. Callable in interrupts.
    func deliver(_ event: DRMEventVBlank) {
        state.withLock { state in
            state.reserved -= 1
            state.ring[(state.first + state.count) % Self.capacity] = event
            state.count += 1
        }
        readers.wake()
    }

    func take() -> DRMEventVBlank? {
        state.withLock { state in
            guard state.count > 0 else { return nil }
            let event = state.ring[state.first]
            state.first = (state.first + 1) % Self.capacity
            state.count -= 1
            return event
        }
    }

    /// Puts an event back that could not be copied out.
    func putBack(_ event: DRMEventVBlank) {
        state.withLock { state in
            guard state.count + state.reserved < Self.capacity else { return }
            state.first = (state.first + Self.capacity - 1) % Self.capacity
            state.ring[state.first] = event
            state.count += 1
        }
    }

    var isEmpty: Bool { state.withLock { $0.count == 0 } }
}
