import FairQueue
import Frames
import Processor
import Support
import Synchronization

/// One flow of control: a kernel stack and the registers saved on it. Kernel threads are plain `Thread`s; user threads
/// are a subclass in `Processes`.
open class Thread {
    public let id: Int32
    public let name: StaticString
    private let stack: KernelStack
    /// What the scheduler knows of it.
    let block: ThreadReference
    /// What a fresh thread runs first. A user thread's answers with its registers in user mode (a `TrapFrame`); that of a kernel
    /// thread does the thread's whole work and answers with nil.
    public typealias Entry = (Thread) -> UnsafeMutableRawPointer?
    let entry: Entry

    /// Creates a thread that starts at `entry` once it is woken.
    /// - Returns: nil when there is no memory for its stack.
    public init?(id: Int32, name: StaticString, entry: @escaping Entry) {
        guard let stack = KernelStack() else { return nil }
        self.id = id
        self.name = name
        self.entry = entry
        block = .allocate(capacity: 1)
        let registers = SavedRegisters(stackPointer: prepareInitialStack(top: stack.top), stackTop: stack.top)
        self.stack = stack
        block.initialize(to: ThreadControlBlock(thread: Unmanaged.passUnretained(self), registers: registers))
    }

    deinit {
        block.deinitialize(count: 1)
        block.deallocate()
    }

    /// What it is doing. A hint for others than the thread itself: it may change at once.
    public final var state: ThreadState { block.pointee.state.load(ordering: .acquiring) }

    /// Whether something waits for it, such as a signal: interruptible sleeps end at once, and it looks before it returns to user mode.
    @inline(__always)
    public final var isInterruptPending: Bool { block.pointee.interruptPending.load(ordering: .acquiring) != 0 }
    /// Sets that mark, or takes it back.
    public final func markInterrupted(_ isInterrupted: Bool = true) {
        block.pointee.interruptPending.store(isInterrupted ? 1 : 0, ordering: .sequentiallyConsistent)
    }

    /// The top of the kernel stack: where system calls and interrupts from user mode start.
    public final var kernelStackTop: UInt { block.pointee.registers.stackTop }

    /// The physical address of the top page table, or 0 for a kernel thread, which runs in whatever is loaded.
    public final var pageTableRoot: UInt64 {
        get { block.pointee.registers.pageTableRoot }
        set { block.pointee.registers.pageTableRoot = newValue }
    }
    /// Where the user thread's FPU and vector registers are saved; nil for kernel threads.
    public final var extendedState: ExtendedState? {
        get { block.pointee.registers.extendedState }
        set { block.pointee.registers.extendedState = newValue }
    }
    /// The user FS and GS bases while the thread does not run.
    public final var userFSBase: UInt64 {
        get { block.pointee.registers.userFSBase }
        set { block.pointee.registers.userFSBase = newValue }
    }
    public final var userGSBase: UInt64 {
        get { block.pointee.registers.userGSBase }
        set { block.pointee.registers.userGSBase = newValue }
    }

    /// The nice value, −20 to 19: its share of the processor.
    public final var nice: Int8 {
        get { block.pointee.parameters.nice }
        set {
            Scheduler.change(block) { $0.nice = newValue }
            Inheritance.ownUrgencyChanged(block)
        }
    }

    /// The processors that it may run on, as bits by number.
    public final var allowedProcessors: UInt64 { block.pointee.allowedProcessors.load(ordering: .relaxed) }

    /// The processor that it runs on, or ran on last. A hint.
    public final var processor: Int { block.pointee.processor.load(ordering: .relaxed) }

    /// What the scheduler is told of it.
    public final var scheduling: SchedulingParameters {
        get { Scheduler.parameters(of: block) }
        set {
            Scheduler.change(block) { $0 = newValue }
            Inheritance.ownUrgencyChanged(block)
        }
    }

    /// Processor time used in the kernel, in nanoseconds; complete for the running thread, up to the last switch for others.
    public final var systemNanoseconds: UInt64 {
        let since = block.pointee.kernelSince, now = CPU.timestamp
        let running = block == Scheduler.running && since != 0 && now > since ? now &- since : 0
        return Clock.nanoseconds(ofTicks: block.pointee.systemTicks &+ running)
    }

    /// Processor time used, in nanoseconds; complete for the running thread, up to the last switch or timer interrupt for others.
    public final var usedNanoseconds: UInt64 {
        let started = block.pointee.lastStarted, now = machineMonotonicNanoseconds()
        return block.pointee.runtimeNanoseconds &+ (block == Scheduler.running && now > started ? now &- started : 0)
    }
}

/// The running thread.
@inline(__always)
public var currentThread: Thread {
    // SAFETY: set at boot and at each switch to a thread that is alive while it runs.
    Unmanaged<Thread>.fromOpaque(UnsafeRawPointer(bitPattern: PerCPU.currentThread).unsafelyUnwrapped).takeUnretainedValue()
}
