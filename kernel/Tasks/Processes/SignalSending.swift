import ABI
import Scheduling
import Support
import Synchronization

extension ProcessTable {
    /// Sends a signal to a process, on behalf of the kernel.
    public static func send(_ signal: Signal, to process: Process) { send(SignalInfo(signal), to: process) }

    /// Sends a signal to every member of a group, on behalf of the kernel.
    /// - Returns: whether the group has members.
    @discardableResult
    public static func send(_ signal: Signal, toGroup group: Int32) -> Bool {
        let members = all.filter { $0.groupID == group }
        for process in members { send(SignalInfo(signal), to: process) }
        return !members.isEmpty
    }

    /// Sends a signal to a process: any of its threads that does not block it will take it.
    /// - Returns: false when the queue of real-time signals is full.
    @discardableResult
    public static func send(_ info: SignalInfo, to process: Process) -> Bool { deliver(info, process: process, thread: nil) }

    /// Sends a signal to one thread (tgkill, faults).
    @discardableResult
    public static func send(_ info: SignalInfo, to thread: UserThread) -> Bool {
        deliver(info, process: thread.process, thread: thread)
    }

    private static func deliver(_ info: SignalInfo, process: Process, thread target: UserThread?) -> Bool {
        let signal = info.signal
        // init has no default actions: a stray kill must not take the system down.
        if process.pid == 1, !signal.isUnstoppable || target == nil {
            let action = process.signals.action(signal)
            if action.handler == SignalAction.defaultHandler { return true }
        }
        let continues = signal == .continued || signal == .kill
        let concernsAll = signal.bit & (Signal.stopBits | Signal.continued.bit | Signal.kill.bit) != 0
        let threads = target == nil || concernsAll ? process.threads : []
        var isTaken = true
        let signals = process.signals
        let woken: UserThread? = signals.state.withLock { state in
            if continues {
                // One that has taken a stop and has not stopped yet does not any more.
                for thread in threads { thread.hasTakenStop = false }
            }
            if signal.rawValue == 18 {
                state.pending.discard(Signal.stopBits)
                for thread in threads { thread.pending.discard(Signal.stopBits) }
            }
            if Signal.stopBits & signal.bit != 0 {
                state.pending.discard(Signal.continued.bit)
                for thread in threads { thread.pending.discard(Signal.continued.bit) }
            }
            let action = state.actions[Int(signal.rawValue) - 1]
            let isBlocked =
                target.map { $0.blocked & signal.bit != 0 }
                ?? !threads.contains { $0.blocked & signal.bit == 0 }
            // An ignored signal is dropped at once, unless it is blocked: then its action may still change.
            if SignalState.isIgnored(signal, action), !isBlocked { return nil }
            if let target {
                isTaken = target.pending.add(info)
                return target.blocked & signal.bit == 0 ? target : nil
            }
            isTaken = state.pending.add(info)
            var candidate: UserThread?
            for thread in threads where thread.blocked & signal.bit == 0 {
                if candidate == nil || thread.state == .running { candidate = thread }
            }
            return candidate
        }
        if continues { resume(process, isReported: signal == .continued) }
        if let woken { Scheduler.interrupt(woken) }
        signals.arrival.wake()
        return isTaken
    }

    /// Continues a stopped process, as SIGCONT and SIGKILL do.
    /// - Parameter isReported: whether its parent is told.
    private static func resume(_ process: Process, isReported: Bool) {
        let threads: [UserThread] = tree.withLock { tree in
            guard process.isStopped.load(ordering: .relaxed) else { return [] }
            process.isStopped.store(false, ordering: .sequentiallyConsistent)
            tree.stoppedCount -= 1
            process.links.unreportedStop = 0
            process.links.unreportedContinue = isReported
            return process.links.threads
        }
        if threads.isEmpty { return }
        for thread in threads { Scheduler.resume(thread) }
        if isReported { notifyParent(of: process, code: 6, status: 18) }  // CLD_CONTINUED
    }

    /// Tells the parent that a child changed: SIGCHLD, and a wake-up for its wait4.
    static func notifyParent(of process: Process, code: Int32, status: Int32) {
        let parent: Process? = tree.withLock { _ in process.links.parent }
        if let parent { notify(parent, of: process, code: code, status: status) }
    }

    /// The same for a parent that the caller knows, whose child may be gone from the tree already.
    static func notify(
        _ parent: Process, of process: Process, code: Int32, status: Int32, _ signal: Signal = .child
    ) {
        let isStop = code == 5 || code == 6
        let action = parent.signals.action(.child)
        if !(isStop && action.flags & SignalAction.noChildStop != 0) {
            var info = SignalInfo(signal, code: code)
            info.pid = process.pid
            info.uid = process.credentials.uid
            info.status = status
            send(info, to: parent)
        }
        parent.childChange.wake()
    }

    /// Whether the caller may signal the target (kill(2)).
    public static func maySignal(_ caller: Process, _ target: Process, _ signal: Int32) -> Bool {
        if caller === target { return true }
        let from = caller.credentials
        let to = target.credentials
        if from.isPrivileged { return true }
        if from.euid == to.suid || from.euid == to.uid || from.uid == to.suid || from.uid == to.uid { return true }
        return signal == 18 && caller.session === target.session
    }
}

extension UserThread {
    /// Sends this thread a signal for something it did (a fault). If it blocks or ignores the signal it dies of it, since it
    /// could not go on.
    public func forceSignal(_ info: SignalInfo) {
        process.signals.state.withLock { state in
            let index = Int(info.signal.rawValue) - 1
            let isIgnored = state.actions[index].handler == SignalAction.ignoreHandler
            if blocked & info.signal.bit != 0 || isIgnored {
                state.actions[index] = SignalAction()
                blocked &= ~info.signal.bit
            }
            _ = pending.add(info)
        }
        markInterrupted()
    }
}
