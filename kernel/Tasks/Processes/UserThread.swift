import ABI
import Frames
import Processor
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// A thread that runs a program: the kernel side of what `clone` makes.
public final class UserThread: Thread {
    public let process: Process
    /// The address space it runs in: that of its process, until the thread exits or the process execs.
    public internal(set) var addressSpace: AddressSpace? {
        didSet { pageTableRoot = addressSpace?.pageTableRoot.rawValue ?? 0 }
    }

    // Protected by the lock of process.signals.
    var blocked: UInt64 = 0
    var pending = PendingSignals()
    /// It has taken a signal that stops the process, and nothing has come since that continues it.
    var hasTakenStop = false

    // Touched by the thread itself only.
    /// The mask to restore once a signal was handled that arrived in sigsuspend, ppoll …
    var savedMask: UInt64?
    public var alternateStack = AlternateStack()
    /// `set_tid_address` and CLONE_CHILD_CLEARTID: zeroed, and its futex woken, at exit.
    public var clearChildAddress = UserAddress(0)
    public var robustList: UInt64 = 0
    /// Whether it may own locks that others wait for, and whether it has given them up because it ends (`Futex+Locks`).
    let ownsLocks = Atomic<Bool>(false)
    let hasLeftLocks = Atomic<Bool>(false)
    /// Nanoseconds by which its timers may be late, as it says itself, and what it started with.
    public var timerSlack: UInt64 = 50_000
    public internal(set) var usualTimerSlack: UInt64 = 50_000
    /// The absolute deadline of a sleep that a stop interrupted; 0 for none.
    public var restartDeadline: UInt64 = 0

    /// Set once the thread must exit (exit_group or exec in another thread, or a fatal signal).
    let mustExit = Atomic<Bool>(false)
    /// What the thread gave to `exit`.
    var exitCode: Int32 = 0
    /// A parent in vfork waits until this child execs or exits.
    var vforkCompletion: Completion?

    init?(id: Int32, process: Process, addressSpace: AddressSpace, frame: TrapFrame) {
        self.process = process
        self.addressSpace = addressSpace
        super.init(id: id, name: "user", entry: { UnsafeMutableRawPointer(unsafeDowncast($0, to: UserThread.self).trapFrame) })
        pageTableRoot = addressSpace.pageTableRoot.rawValue
        extendedState = ExtendedState()
        trapFrame.pointee = frame
    }

    deinit { extendedState?.release() }

    /// The registers of user mode while the thread is in the kernel: always at the top of its kernel stack, because both
    /// SYSCALL and interrupts from user mode start there.
    public var trapFrame: UnsafeMutablePointer<TrapFrame> {
        // SAFETY: the kernel stack is mapped as long as the thread lives, and its top is reserved for the frame.
        UnsafeMutablePointer(bitPattern: kernelStackTop - UInt(MemoryLayout<TrapFrame>.size))!
    }

    /// The running user thread.
    /// - Precondition: a user thread is running.
    @inline(__always)
    public static var current: UserThread { unsafeDowncast(currentThread, to: UserThread.self) }

    /// The running thread, if it is a user thread. Nil before there are threads.
    public static var currentIfUser: UserThread? {
        guard PerCPU.currentThread != 0 else { return nil }
        let thread = currentThread
        return thread.extendedState != nil ? unsafeDowncast(thread, to: UserThread.self) : nil
    }

    /// Whether a signal waits that would be delivered.
    public var hasPendingSignal: Bool { isInterruptPending }

    /// Whether `signal` is blocked by this thread or ignored by its process (terminal access checks).
    public func isBlockedOrIgnored(_ signal: Signal) -> Bool {
        process.signals.state.withLock { state in
            blocked & signal.bit != 0 || SignalState.isIgnored(signal, state.actions[Int(signal.rawValue) - 1])
        }
    }

    /// The mask of blocked signals.
    public var signalMask: UInt64 {
        get { process.signals.state.withLock { _ in blocked } }
        set {
            process.signals.state.withLock { state in
                blocked = newValue & ~Signal.unblockableBits
                if (pending.bits | state.pending.bits) & ~blocked != 0 {
                    markInterrupted()
                } else {
                    clearInterruptMark()
                }
            }
        }
    }

    /// Takes the mark back that something waits for this thread, unless it is to exit. Called with the lock of the signals, under which
    /// senders add what they set the mark for.
    func clearInterruptMark() {
        markInterrupted(false)
        // Whoever ends the thread sets this first, then the mark: no order of the two steps here and there loses both.
        if mustExit.load(ordering: .sequentiallyConsistent) { markInterrupted() }
    }

    /// Blocks `mask` until the next return to user mode (ppoll, epoll_pwait, sigsuspend).
    public func setTemporaryMask(_ mask: UInt64) {
        savedMask = signalMask
        signalMask = mask
    }

    /// Ends a temporary mask when no signal came; otherwise delivery restores it.
    public func endTemporaryMask() {
        if hasPendingSignal { return }
        if let saved = savedMask {
            savedMask = nil
            signalMask = saved
        }
    }

    /// The signals that wait for this thread or its process.
    public var pendingSet: UInt64 { process.signals.state.withLock { (pending.bits | $0.pending.bits) } }

    /// Takes a waiting signal of `set` (sigtimedwait, signalfd).
    public func takeSignal(in set: UInt64) -> SignalInfo? {
        var info = process.signals.state.withLock { state in
            pending.take(notIn: ~set) ?? state.pending.take(notIn: ~set)
        }
        if info != nil { process.complete(&info!) }
        return info
    }
}

/// Called by the trampoline of fresh threads before they enter user mode for the first time.
@c(martlet_prepare_user)
public func prepareUser(_ raw: UnsafeMutableRawPointer) {
    // SAFETY: it is what the thread's entry answered with.
    UserReturn.prepare(raw.assumingMemoryBound(to: TrapFrame.self))
}

/// Something that happens once, and that somebody waits for.
public final class Completion {
    private let done = Atomic<Bool>(false)
    private let queue = WaitQueue()
    public init() {}
    public func complete() {
        done.store(true, ordering: .releasing)
        queue.wake()
    }
    /// Waits without regard to signals, except that a fatal one ends the wait.
    public func wait() {
        queue.waitUninterruptibly { done.load(ordering: .acquiring) }
    }
}
