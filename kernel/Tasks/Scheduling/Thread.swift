import Frames
import Processor
import Support
import Synchronization

/// What a thread is doing, for the scheduler.
public enum ThreadState: UInt8, AtomicRepresentable, Sendable {
    /// On a processor.
    case running
    /// In a run queue.
    case ready
    /// Waiting; only a wake-up makes it ready. A signal wakes it.
    case sleeping
    /// Waiting for something that always comes soon (device I/O); signals do not wake it.
    case sleepingUninterruptibly
    /// Stopped by a signal (SIGSTOP, SIGTSTP …).
    case stopped
    /// Finished; never runs again.
    case dead
}

/// One flow of control: a kernel stack and the registers saved on it. Kernel threads are plain `Thread`s; user threads
/// are a subclass in `Processes`.
///
/// The scheduler's fields (`state`, links, slice) are protected by the lock of the run queue of `processor`.
open class Thread {
    public let id: Int32
    public let name: StaticString
    let stack: KernelStack
    /// The stack pointer while the thread is not running.
    var stackPointer: UInt = 0
    public let state = Atomic<ThreadState>(.sleeping)
    /// True when a signal waits: interruptible sleeps end at once.
    public let interruptPending = Atomic<Bool>(false)

    // Links of the run queue. Unretained: a thread is kept alive by `Scheduler.threads` or its process until it is dead.
    unowned(unsafe) var nextReady: Thread?
    /// The nice value, −20 to 19: how long its slices are.
    public let nice = Atomic<Int8>(0)
    /// Nanoseconds left of its slice.
    var sliceNanoseconds: Int64 = Scheduler.sliceNanoseconds
    var lastStarted: UInt64 = 0
    /// Processor time used, in nanoseconds.
    public internal(set) var runtimeNanoseconds: UInt64 = 0
    /// What a fresh thread runs first.
    let entry: (Thread) -> Never

    /// The physical address of the top page table, or 0 for a kernel thread, which runs in whatever is loaded.
    public var pageTableRoot: UInt64 = 0
    /// Where the user thread's FPU and vector registers are saved; nil for kernel threads.
    public var extendedState: ExtendedState?
    /// The user FS and GS bases, saved at each switch.
    public var userFSBase: UInt64 = 0
    public var userGSBase: UInt64 = 0

    /// Creates a thread that starts at `entry` once it is woken.
    /// - Returns: nil when there is no memory for its stack.
    public init?(id: Int32, name: StaticString, entry: @escaping (Thread) -> Never) {
        guard let stack = KernelStack() else { return nil }
        self.id = id
        self.name = name
        stackPointer = prepareInitialStack(top: stack.top)
        self.stack = stack
        self.entry = entry
    }

    /// The top of the kernel stack: where system calls and interrupts from user mode start.
    public final var kernelStackTop: UInt { stack.top }
}

extension Thread {
    /// A slice of full length: twice the usual for the least nice, a twentieth of it for the nicest.
    final var fullSliceNanoseconds: Int64 { Scheduler.sliceNanoseconds * Int64(20 - nice.load(ordering: .relaxed)) / 20 }

    /// Nanoseconds that the running thread has used since `runtimeNanoseconds` was last brought up to date.
    public var nanosecondsSinceCharge: UInt64 { machineMonotonicNanoseconds() &- lastStarted }
}

/// The running thread.
@inline(__always)
public var currentThread: Thread {
    // SAFETY: set at boot and at each switch to a thread that is alive while it runs.
    Unmanaged<Thread>.fromOpaque(UnsafeRawPointer(bitPattern: PerCPU.current.pointee.currentThread)!).takeUnretainedValue()
}
