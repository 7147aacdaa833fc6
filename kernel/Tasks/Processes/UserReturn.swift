import ABI
import Processor
import Scheduling
import Support
import Synchronization

/// The last steps before user mode: the scheduler if it asked for it, signals, exit.
public enum UserReturn {
    /// Runs in the thread's own context; returns with interrupts off and nothing left to do.
    /// - Parameter frame: the user registers, which signal delivery changes.
    public static func prepare(_ frame: UnsafeMutablePointer<TrapFrame>) {
        while true {
            _ = machineInterruptSave()
            let isDue = PerCPU.current.pointee.needsReschedule
            let isInterrupted = currentThread.isInterruptPending
            if !isDue, !isInterrupted { return }
            machineInterruptRestore(0x200)
            if isDue { Scheduler.reschedule() }
            if isInterrupted, SignalDelivery.run(frame, systemCall: nil) == .exit { Exit.leave() }
        }
    }

    /// What an interrupted system call does at its end, before `prepare`: a handler runs, or the call is made again.
    /// - Parameters:
    ///   - number: the call's number, to start it again.
    ///   - error: why it ended, if it failed with one of the restart codes.
    public static func finishSystemCall(
        _ frame: UnsafeMutablePointer<TrapFrame>, number: UInt64, error: Errno?
    ) {
        if UserThread.current.isInterruptPending {
            // A thread that is to exit is found again by `prepare`.
            _ = SignalDelivery.run(frame, systemCall: .init(number: number, error: error))
        } else if let error, error.isRestart {
            SignalDelivery.restart(frame, number: number)
        }
    }
}

extension Errno {
    /// Kernel-internal: like `restart`, but a handler, whatever its flags, makes it EINTR (poll, nanosleep, sigsuspend).
    @inlinable public static var restartUnlessHandled: Errno { Errno(rawValue: 514) }  // ERESTARTNOHAND
    /// Kernel-internal: the call is made again after any handler (locks that inherit priority).
    @inlinable public static var restartAlways: Errno { Errno(rawValue: 513) }  // ERESTARTNOINTR
    /// Whether it is one of these, or `restart`.
    @inlinable public var isRestart: Bool { self == .restart || self == .restartUnlessHandled || self == .restartAlways }
}

/// Takes pending signals and acts on them: default actions, or a frame on the user stack that runs a handler.
enum SignalDelivery {
    struct InterruptedCall {
        var number: UInt64
        var error: Errno?
        var wantsRestart: Bool { error?.isRestart ?? false }
    }

    enum Outcome { case goOn, exit }

    @inline(never)
    static func run(_ frame: UnsafeMutablePointer<TrapFrame>, systemCall: InterruptedCall?) -> Outcome {
        let thread = UserThread.current
        let process = thread.process
        let signals = process.signals
        var call = systemCall
        while true {
            if thread.mustExit.load(ordering: .acquiring) { return .exit }
            guard let taken = takeNext(thread, signals) else {
                if waitWhileStopped(process) { continue }
                break
            }
            var info = taken.info
            let action = taken.action
            process.complete(&info)
            if action.handler == SignalAction.ignoreHandler { continue }
            if action.handler == SignalAction.defaultHandler {
                performDefault(info, process)
                continue
            }
            if let interrupted = call, interrupted.wantsRestart {
                let isRepeatable = interrupted.error == .restart && action.flags & SignalAction.restart != 0
                if isRepeatable || interrupted.error == .restartAlways {
                    restart(frame, number: interrupted.number)
                } else {
                    frame.pointee.rax = UInt64(bitPattern: -Int64(Errno.interrupted.rawValue))
                    thread.restartDeadline = 0
                }
            }
            call = nil
            if !SignalHandlerCall.push(info, action, thread, frame, blocked: taken.blocked) {
                // The stack is unusable: the program cannot go on.
                Exit.requestGroupExit(status: 11)
            }
            if taken.isLast, !waitWhileStopped(process) { return .goOn }
        }
        // No handler ran: the call goes on as if nothing had happened, and a temporary mask ends.
        if let interrupted = call, interrupted.wantsRestart { restart(frame, number: interrupted.number) }
        if let saved = thread.savedMask {
            thread.savedMask = nil
            thread.signalMask = saved
        }
        return .goOn
    }

    /// Makes the program execute its SYSCALL instruction (2 bytes) again.
    static func restart(_ frame: UnsafeMutablePointer<TrapFrame>, number: UInt64) {
        frame.pointee.rax = number
        frame.pointee.rip -= 2
    }

    /// A signal on its way to its action.
    private struct Taken {
        var info: SignalInfo
        var action: SignalAction
        /// What the thread blocked before; while a handler runs, it blocks what the action says too.
        var blocked: UInt64
        /// Whether a handler is to run and nothing else waits for the thread, whose mark is cleared.
        var isLast = false
    }

    /// Takes the next signal with its action; nil clears the thread's mark.
    private static func takeNext(_ thread: UserThread, _ signals: SignalState) -> Taken? {
        signals.state.withLock { state in
            guard let info = thread.pending.take(notIn: thread.blocked) ?? state.pending.take(notIn: thread.blocked) else {
                thread.clearInterruptMark()
                return nil
            }
            let index = Int(info.signal.rawValue) - 1
            let action = state.actions[index]
            if info.signal.bit & Signal.stopBits != 0 { thread.hasTakenStop = true }
            var taken = Taken(info: info, action: action, blocked: thread.blocked)
            guard action.handler > 1 else { return taken }
            if action.flags & SignalAction.resetHandler != 0 { state.actions[index].handler = 0 }
            thread.blocked |= action.mask & ~Signal.unblockableBits
            if action.flags & SignalAction.noDefer == 0 { thread.blocked |= info.signal.bit }
            taken.isLast = (thread.pending.bits | state.pending.bits) & ~thread.blocked == 0
            if taken.isLast { thread.clearInterruptMark() }
            return taken
        }
    }

    private static func performDefault(_ info: SignalInfo, _ process: Process) {
        switch info.signal.defaultAction {
        case .ignore, .resume:
            break
        case .terminate, .dumpCore:
            // The core flag (0x80) stays clear: no core is written, as with RLIMIT_CORE 0.
            Exit.requestGroupExit(status: info.signal.rawValue)
        case .stop:
            if info.signal != .stop, ProcessTable.isOrphanedGroup(process.groupID) { return }
            stop(process, info.signal)
        }
    }

    /// Stops all threads of the process until SIGCONT.
    private static func stop(_ process: Process, _ signal: Signal) {
        let thread = UserThread.current
        let others: [UserThread]? = ProcessTable.tree.withLock { tree in
            // A SIGCONT may have come since the signal was taken; one that comes later finds the process stopped.
            let isWanted = process.signals.state.withLock { _ in thread.hasTakenStop }
            if !isWanted { return nil }
            if process.isStopped.load(ordering: .relaxed) { return [] }
            process.isStopped.store(true, ordering: .sequentiallyConsistent)
            tree.stoppedCount += 1
            process.links.unreportedStop = signal.rawValue
            process.links.unreportedContinue = false
            return process.links.threads.filter { $0 !== thread }
        }
        guard let others else { return }
        // The others come here too: they find the process stopped when they return to user mode.
        for thread in others { Scheduler.interrupt(thread) }
        ProcessTable.notifyParent(of: process, code: 5, status: signal.rawValue)  // CLD_STOPPED
        _ = waitWhileStopped(process)
    }

    /// Keeps the running thread here while its process is stopped.
    /// - Returns: whether it was, so that there may be something new to look at.
    private static func waitWhileStopped(_ process: Process) -> Bool {
        let thread = UserThread.current
        // A SIGCONT that comes between the mark and the sleep finds the mark and clears it; an exit does the same.
        func isStopped() -> Bool {
            !thread.mustExit.load(ordering: .sequentiallyConsistent)
                && ProcessTable.tree.withLock { _ in process.isStopped.load(ordering: .relaxed) }
        }
        // Whoever stops the process interrupts its threads afterwards: one that has not seen it yet comes here again.
        guard process.isStopped.load(ordering: .sequentiallyConsistent), isStopped() else { return false }
        while isStopped() { Scheduler.stopCurrent(if: isStopped) }
        return true
    }
}
