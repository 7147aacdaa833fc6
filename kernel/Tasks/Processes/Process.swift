import ABI
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// What a process holds that belongs to a higher layer (open files, working folder): a class there. `Files` defines the
/// one for files, so that this module does not depend on it.
open class ProcessAttachment {
    public init() {}
    /// The copy that a forked child gets.
    open func copyForFork() -> ProcessAttachment { self }
    /// Called when the process exits, before its parent is told.
    open func release() {}
    /// Called when another process shares it: each of them releases it.
    open func share() {}
    /// What a process that gets a new program goes on with: a copy, if others share it.
    open func forExec() -> ProcessAttachment { self }
}

/// User and group identities.
public struct Credentials: Equatable, Sendable {
    public var uid: UInt32 = 0, euid: UInt32 = 0, suid: UInt32 = 0
    public var gid: UInt32 = 0, egid: UInt32 = 0, sgid: UInt32 = 0
    public var groups: [UInt32] = []
    public init() {}
    public var isPrivileged: Bool { euid == 0 }
}

/// The controlling terminal of a session, as far as processes know it. Terminals subclass it.
open class ControllingTerminal {
    public init() {}
    /// The session's leader exited: the terminal hangs up on the foreground group and forgets the session.
    open func sessionLeaderExited(_ session: Session) {}
    /// The number that /proc/PID/stat shows (`tty_nr`).
    open var deviceNumber: UInt64 { 0 }
    /// The foreground process group.
    open var foregroundGroup: Int32 { -1 }
}

/// A session: the groups of processes that share a controlling terminal.
public final class Session {
    public let id: Int32
    private let terminalLock = SpinLock<ControllingTerminal?>(nil)
    init(id: Int32) { self.id = id }
    /// Its threads get a share of the processor together.
    public let schedulingGroup = SchedulingGroup()
    /// The controlling terminal, if there is one.
    public var terminal: ControllingTerminal? {
        get { terminalLock.withLock { $0 } }
        set {
            // The old one is dropped outside the lock.
            let old = terminalLock.withLock { slot in
                let old = slot
                slot = newValue
                return old
            }
            _ = old
        }
    }
}

/// A process: an address space, files, an identity and one or more threads.
///
/// Its place in the tree (parent, children, group, session, threads) and its exit state are protected by
/// `ProcessTable.tree`; `signals` by its own lock; the rest by the locks that hold it.
public final class Process {
    public let pid: Int32
    public let signals: SignalState
    private let space: SpinLock<AddressSpace?>
    private let filesLock: SpinLock<ProcessAttachment?>
    /// `files` without lock and reference, for the process's own threads in system calls: it changes only while there is one of them, which
    /// executes another program or exits.
    public private(set) final var ownFiles: Unmanaged<ProcessAttachment>?
    private let limitsLock = SequenceLock(ResourceLimits())
    /// The next one in its bucket of `ProcessIndex`.
    let nextInIndex = Atomic<UInt>(0)
    private let credentialsLock: SpinLock<Credentials>
    /// The program's base name (at most 15 bytes), for /proc and ps.
    public let commandName: SpinLock<[UInt8]>
    /// Where the arguments and the environment lie in its memory, for /proc/PID/cmdline.
    public let argumentRange = SpinLock<ArgumentRange>(ArgumentRange())
    /// The absolute path of the executable, for /proc/PID/exe.
    public let executablePath = SpinLock<[UInt8]>([])
    /// Monotonic nanoseconds at creation.
    public let startTime = machineMonotonicNanoseconds()

    // What `links.parent` is, for those who only want to know the number.
    private let parentNumber = Atomic<Int32>(0)
    // Protected by ProcessTable.tree.
    var links = ProcessLinks()
    /// Whether a signal has stopped it. Changed with the tree locked, before its threads are told; read at any time.
    let isStopped = Atomic<Bool>(false)

    /// Parents wait here for their children to change state.
    let childChange = WaitQueue()
    /// Woken when the process ends and when it has been waited for; sometimes for nothing.
    public var lifeChange: WaitQueue { childChange }
    /// Whether it has ended, and whether it has also been waited for.
    public var life: (hasEnded: Bool, isGone: Bool) {
        ProcessTable.tree.withReadLock { _ in (links.exitStatus != nil, links.exitStatus != nil && links.parent == nil) }
    }
    /// alarm() and setitimer(ITIMER_REAL).
    public let realTimer: IntervalTimer
    /// Its other timers; nil until it has some.
    let timerSlot = SpinLock<ProcessTimers?>(nil)
    /// The signal that it gets when its parent ends (PR_SET_PDEATHSIG); 0 for none. Children do not inherit it.
    public let parentDeathSignal = Atomic<Int32>(0)
    /// How much rather (up to 1000) or less (down to −1000, never) than its size says it is killed when memory runs out. Children inherit it.
    public let memoryKillAdjustment = Atomic<Int32>(0)
    /// RLIMIT_FSIZE, which each write asks for.
    public let fileSizeLimit = Atomic<UInt64>(.max)
    /// Processor time of threads that have exited, and of children that were waited for, in nanoseconds.
    let exitedThreadNanoseconds = Atomic<UInt64>(0)
    let exitedThreadSystemNanoseconds = Atomic<UInt64>(0)
    let childrenNanoseconds = Atomic<UInt64>(0)
    let childrenSystemNanoseconds = Atomic<UInt64>(0)

    public struct ArgumentRange: Sendable {
        public var argumentStart: UInt64 = 0, argumentEnd: UInt64 = 0
        public var environmentStart: UInt64 = 0, environmentEnd: UInt64 = 0
        public var auxiliaryStart: UInt64 = 0, auxiliaryEnd: UInt64 = 0
        public init() {}
    }

    init(
        pid: Int32, addressSpace: AddressSpace, files: ProcessAttachment?, credentials: Credentials, name: [UInt8],
        signals: SignalState
    ) {
        self.pid = pid
        self.signals = signals
        space = SpinLock(addressSpace)
        filesLock = SpinLock(files)
        ownFiles = files.map { Unmanaged.passUnretained($0) }
        credentialsLock = SpinLock(credentials)
        commandName = SpinLock(name)
        realTimer = IntervalTimer()
        realTimer.process = self
    }

    /// The process of the running thread.
    /// - Precondition: a user thread is running.
    @inline(__always)
    public static var current: Process { UserThread.current.process }

    public var credentials: Credentials {
        get { credentialsLock.withLock { $0 } }
        set { credentialsLock.withLock { $0 = newValue } }
    }

    public var limits: ResourceLimits {
        get { limitsLock.value }
        set {
            limitsLock.withWriteLock { $0 = newValue }
            fileSizeLimit.store(newValue[.fileSize].soft, ordering: .relaxed)
        }
    }

    /// The address space; nil once the process has exited.
    public internal(set) var addressSpace: AddressSpace? {
        get { space.withLock { $0 } }
        set {
            // The old one may be torn down by dropping it: outside the lock.
            let old = space.withLock { slot in
                let old = slot
                slot = newValue
                return old
            }
            _ = old
        }
    }

    /// What `Files` attached; nil once the process has exited.
    public var files: ProcessAttachment? {
        get { filesLock.withLock { $0 } }
        set {
            let old = filesLock.withLock { slot in
                let old = slot
                slot = newValue
                ownFiles = newValue.map { Unmanaged.passUnretained($0) }
                return old
            }
            _ = old
        }
    }

    public var groupID: Int32 { ProcessTable.tree.withLock { _ in links.group } }
    public var session: Session { ProcessTable.tree.withLock { _ in links.session! } }
    /// The parent's number; 0 when there is none any more.
    public var parentID: Int32 { parentNumber.load(ordering: .relaxed) }
    /// Makes it a child of another one. Called with `ProcessTable.tree` locked.
    func setParent(_ parent: Process?) {
        links.parent = parent
        parentNumber.store(parent?.pid ?? 0, ordering: .relaxed)
    }
    public var threads: [UserThread] { ProcessTable.tree.withLock { _ in links.threads } }
    /// The letter that /proc/PID/stat shows: R, S, D, T or Z.
    public var stateLetter: UInt8 {
        let threads = self.threads
        guard let first = threads.first else { return UInt8(ascii: "Z") }
        switch first.state {
        case .running, .ready: return UInt8(ascii: "R")
        case .sleeping: return UInt8(ascii: "S")
        case .sleepingUninterruptibly: return UInt8(ascii: "D")
        case .stopped: return UInt8(ascii: "T")
        case .dead: return UInt8(ascii: "Z")
        }
    }

    /// Processor time used by its threads, in nanoseconds, and the part of it in the kernel.
    public var processorTime: (total: UInt64, system: UInt64) {
        var total = exitedThreadNanoseconds.load(ordering: .relaxed)
        var system = exitedThreadSystemNanoseconds.load(ordering: .relaxed)
        for thread in threads {
            total += thread.usedNanoseconds
            system += thread.systemNanoseconds
        }
        return (total, min(system, total))
    }

    /// The same of the children that were waited for, and of theirs.
    public var childrenProcessorTime: (total: UInt64, system: UInt64) {
        let total = childrenNanoseconds.load(ordering: .relaxed)
        return (total, min(childrenSystemNanoseconds.load(ordering: .relaxed), total))
    }
}

/// The place of a process among the others.
struct ProcessLinks {
    unowned(unsafe) var parent: Process?
    var children: [Process] = []
    var group: Int32 = 0
    var session: Session?
    var threads: [UserThread] = []
    /// Threads that have not begun to end: several may be on their way out at once, and the last one takes the process with it.
    var remainingThreads = 0
    /// Set when the last thread has exited: the status word that wait4 reports.
    var exitStatus: Int32?
    /// Whether exit_group (or a fatal signal) has begun, with its status word.
    var groupExitStatus: Int32?
    /// Signal number of a stop not yet reported, 0 for none; and whether a continuation is unreported.
    var unreportedStop: Int32 = 0
    var unreportedContinue = false
    var hasExecuted = false
    /// A thread is ending the others, to be alone for a new program.
    var isReplacingProgram = false
    /// Sent to the parent at exit: SIGCHLD but for odd uses of clone.
    var exitSignal: Int32 = 17
}

/// A timer that sends SIGALRM.
public final class IntervalTimer: KernelTimer {
    unowned(unsafe) var process: Process?
    private let interval = Atomic<UInt64>(0)
    private static let shortestPeriod: UInt64 = 20_000

    public override func fire() {
        guard let process else { return }
        ProcessTable.send(SignalInfo(.alarm), to: process)
        let period = interval.load(ordering: .relaxed)
        // Periods that are over already have no signal of their own; a very short one must not keep the processor busy.
        if period > 0 { arm(at: max(deadline &+ period, machineMonotonicNanoseconds() &+ Self.shortestPeriod)) }
    }

    /// Sets the timer; 0 disarms. Nanoseconds from now, and period.
    /// - Returns: what was left of the old setting, and its period.
    public func set(after first: UInt64, every period: UInt64) -> (remaining: UInt64, period: UInt64) {
        let old = current
        interval.store(period, ordering: .relaxed)
        if first == 0 { disarm() } else { arm(at: machineMonotonicNanoseconds() &+ first) }
        return old
    }

    public var current: (remaining: UInt64, period: UInt64) {
        let now = machineMonotonicNanoseconds()
        let remaining = isArmed ? (deadline > now ? deadline - now : 1) : 0
        return (remaining, interval.load(ordering: .relaxed))
    }
}
