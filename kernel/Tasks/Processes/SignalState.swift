import ABI
import Scheduling
import Support

/// Signals that wait for delivery, oldest first. Ordinary signals are merged, real-time ones queue up to a limit.
struct PendingSignals: ~Copyable {
    static let limit = 256
    private(set) var bits: UInt64 = 0
    /// The oldest of them, which needs no array; usually it is the only one. Filled only while the queue is empty.
    private var oldest: SignalInfo?
    private var queue: [SignalInfo] = []

    /// - Returns: false when the queue is full: a real-time signal that a program queued is then refused (`EAGAIN`); of any other the
    ///   bit alone remains.
    mutating func add(_ info: SignalInfo) -> Bool {
        // A timer's signal queues up too: there is one of each timer at most, and it waits for being taken.
        if bits & info.signal.bit != 0, !info.signal.isRealTime, info.code != SignalInfo.timerCode { return true }
        let isFull = queue.count >= Self.limit - 1
        if isFull, info.signal.isRealTime || info.code == SignalInfo.timerCode, info.code < 0 { return false }
        bits |= info.signal.bit
        if oldest == nil, queue.isEmpty {
            oldest = info
        } else if !isFull {
            queue.append(info)
        }
        return true
    }

    /// Takes the first signal that is not in `blocked`: synchronous faults first, then the lowest number, as Linux does.
    @inline(__always)
    mutating func take(notIn blocked: UInt64) -> SignalInfo? {
        let ready = bits & ~blocked
        return ready == 0 ? nil : take(oneOf: ready)
    }

    @inline(never)
    private mutating func take(oneOf ready: UInt64) -> SignalInfo {
        let faults =
            ready
            & (Signal.segmentationFault.bit | Signal.bus.bit | Signal.illegalInstruction.bit
                | Signal.floatingPoint.bit | Signal.trap.bit | Signal.badSystemCall.bit)
        let number = Int32((faults != 0 ? faults : ready).trailingZeroBitCount) + 1
        let signal = Signal(number)!
        if let info = oldest, info.signal == signal {
            oldest = nil
            dropBitUnlessQueued(signal)
            return info
        }
        guard let index = queue.firstIndex(where: { $0.signal == signal }) else {
            bits &= ~signal.bit
            return SignalInfo(signal, code: 0)
        }
        let info = queue.remove(at: index)
        dropBitUnlessQueued(signal)
        return info
    }

    private mutating func dropBitUnlessQueued(_ signal: Signal) {
        if oldest?.signal == signal { return }
        if queue.isEmpty || !queue.contains(where: { $0.signal == signal }) { bits &= ~signal.bit }
    }

    /// Drops what `isUnwanted` says; the bits are the caller's business.
    private mutating func removeAll(where isUnwanted: (SignalInfo) -> Bool) {
        if let info = oldest, isUnwanted(info) { oldest = nil }
        if !queue.isEmpty { queue.removeAll(where: isUnwanted) }
    }

    /// Drops the signal of a timer that was deleted or set anew.
    mutating func discardTimer(_ id: Int32, _ signal: Signal) {
        guard bits & signal.bit != 0 else { return }
        removeAll { $0.signal == signal && $0.code == SignalInfo.timerCode && $0.pid == id }
        dropBitUnlessQueued(signal)
    }

    mutating func discard(_ discarded: UInt64) {
        guard bits & discarded != 0 else { return }
        bits &= ~discarded
        removeAll { $0.signal.bit & discarded != 0 }
    }
}

/// The signals of one process: actions, and what is pending for the process as a whole. Blocked masks and pending
/// signals of its threads are protected by the same lock.
public final class SignalState {
    struct State: ~Copyable {
        var actions: [SignalAction]
        var pending = PendingSignals()
    }
    let state: SpinLock<State>
    /// signalfd and sigtimedwait wait here for new signals.
    public let arrival = WaitQueue()

    /// What every signal has that nobody said anything about: one array, which is shared until an action is set.
    private static let defaultActions = Array(repeating: SignalAction(), count: 64)

    public init() { state = SpinLock(State(actions: Self.defaultActions)) }

    private init(actions: [SignalAction]) { state = SpinLock(State(actions: actions)) }

    func copyForFork() -> SignalState { SignalState(actions: state.withLock { $0.actions }) }

    /// Exec: handlers become the default, ignored signals stay ignored.
    func resetForExec() {
        var fresh = Self.defaultActions
        // The old actions are dropped outside the lock.
        let old = state.withLock { state in
            for index in 0..<64 where state.actions[index].handler == SignalAction.ignoreHandler {
                fresh[index].handler = SignalAction.ignoreHandler
            }
            let old = state.actions
            state.actions = fresh
            return old
        }
        _ = old
    }

    public func action(_ signal: Signal) -> SignalAction { state.withLock { $0.actions[Int(signal.rawValue) - 1] } }

    /// Installs an action and returns the old one. Ignoring a signal drops it where it waits.
    public func setAction(_ signal: Signal, _ action: SignalAction, threads: [UserThread]) -> SignalAction {
        state.withLock { state in
            let old = state.actions[Int(signal.rawValue) - 1]
            state.actions[Int(signal.rawValue) - 1] = action
            if Self.isIgnored(signal, action) {
                state.pending.discard(signal.bit)
                for thread in threads { thread.pending.discard(signal.bit) }
            }
            return old
        }
    }

    static func isIgnored(_ signal: Signal, _ action: SignalAction) -> Bool {
        if signal.isUnstoppable { return false }
        if action.handler == SignalAction.ignoreHandler { return true }
        return action.handler == SignalAction.defaultHandler && signal.defaultAction == .ignore
    }
}
