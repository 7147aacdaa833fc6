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
}

/// User and group identities.
public struct Credentials: Equatable, Sendable {
    public var uid: UInt32 = 0, euid: UInt32 = 0, suid: UInt32 = 0
    public var gid: UInt32 = 0, egid: UInt32 = 0, sgid: UInt32 = 0
    public var groups: [UInt32] = []
    public init() {}
    public var isPrivileged: Bool { euid == 0 }
}

/// A process: an address space, files, an identity and one or more threads.
///
/// Its place in the tree (parent, children, group, session) and its exit state are protected by `ProcessTable.tree`;
/// `signals` by its own lock; the rest is changed by the process's own threads only.
public final class Process {
    public let pid: Int32
    public internal(set) var addressSpace: AddressSpace
    /// Set by `Files` at creation: descriptor table, root and working folder, umask.
    public var files: ProcessAttachment?
    public let signals: SignalState
    public var limits = ResourceLimits()

    // Protected by ProcessTable.tree.
    var treeLinks = ProcessLinks()
    var exit = ExitState()

    let credentialsLock: SpinLock<Credentials>
    /// The program's base name (at most 15 bytes), for /proc and ps.
    public let commandName: SpinLock<[UInt8]>
    /// Where the arguments and the environment lie in its memory, for /proc/PID/cmdline.
    public let argumentRange = SpinLock<(start: UInt64, end: UInt64)>((0, 0))
    /// The absolute path of the executable, for /proc/PID/exe.
    public let executablePath = SpinLock<[UInt8]>([])
    /// Monotonic nanoseconds at creation.
    public let startTime = machineMonotonicNanoseconds()

    init(pid: Int32, addressSpace: AddressSpace, credentials: Credentials, name: [UInt8], signals: SignalState) {
        self.pid = pid
        self.addressSpace = addressSpace
        credentialsLock = SpinLock(credentials)
        commandName = SpinLock(name)
        self.signals = signals
    }

    public var credentials: Credentials {
        get { credentialsLock.withLock { $0 } }
        set { credentialsLock.withLock { $0 = newValue } }
    }

    /// The process of the running thread.
    /// - Precondition: called in a system call or fault of a user thread.
    @inline(__always)
    public static var current: Process { UserThread.current.process }
}
