import FairQueue
import Processor
import RealTimeQueue
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

/// The part of a thread that the scheduler and the context switch work on: plain memory that does not move, reached by pointers that
/// count no references. A switch that never comes back, which is how a thread ends, can thus not keep anything alive.
///
/// Protected by the lock of the run queue of `processor`, but for `registers`, which belongs to whoever runs the thread.
/// The assembly (`kernel/Processor/asm/traps.asm`) knows the offsets of the first three fields, and `ThreadReference` that of `fair`.
struct ThreadControlBlock: ~Copyable {
    /// Offset 0: since when, by the time-stamp counter, it has been in the kernel without pause; 0 in user mode. Threads start in the
    /// kernel.
    var kernelSince: UInt64 = 1
    /// Offset 8: its processor time in the kernel, up to the last switch or return to user mode, in counts of the time-stamp counter.
    /// The thread's own, like `kernelSince`: both are written at every system call, where the clock proper would show.
    var systemTicks: UInt64 = 0
    /// Offset 16: not 0 when there is something to do before it returns to user mode. Set by anybody; interruptible sleeps end at once.
    let interruptPending = Atomic<UInt32>(0)
    /// Offset 24: what the fair policy knows of it.
    var fair = FairEntity()
    static var fairOffset: Int { 24 }
    /// Right behind it: what the real-time policy knows of it.
    var realTime = RealTimeEntity()
    static var realTimeOffset: Int { (fairOffset + MemoryLayout<FairEntity>.size + 7) & ~7 }
    /// The thread, alive until it is dead and its stack is not in use.
    let thread: Unmanaged<Thread>
    let state = Atomic<ThreadState>(.sleeping)
    /// The processor whose run queue it is in, or was last. Changed with that queue's lock held.
    let processor = Atomic<Int>(0)
    /// The processors that it may run on, as bits by number. May be set at any time; a running thread moves at its next switch.
    let allowedProcessors = Atomic<UInt64>(.max)
    /// What the scheduler was told of it, and the urgency that it inherits from threads that wait for it.
    var parameters = SchedulingParameters(sliceNanoseconds: SchedulingParameters.usualSliceNanoseconds)
    var inheritedUrgency: Urgency?
    /// Whom it shares the processor with as one; and whether it counts as one of the group's runnable threads.
    var group: Unmanaged<SchedulingGroup>?
    var isCounted = false
    /// When it was given the processor, or last charged for it.
    var lastStarted: UInt64 = 0
    /// Processor time used up to then, in nanoseconds.
    var runtimeNanoseconds: UInt64 = 0
    /// The contended locks that it owns, and its places among those who wait for a lock of a program and, on the way into or out of that
    /// wait, for one of the kernel. Protected by `Inheritance.lock`.
    var owned: LendingPointer?
    var waitsForProgram: LendingWaiterPointer?
    var waitsForKernel: LendingWaiterPointer?
    #if LOCKDEP
        /// The sleeping locks that it has.
        var heldLocks = HeldLocks()
    #endif
    var registers: SavedRegisters

    init(thread: Unmanaged<Thread>, registers: SavedRegisters) {
        self.thread = thread
        self.registers = registers
    }

    deinit { group?.release() }

    /// How urgent it is: by itself, or by what it inherits.
    var urgency: Urgency {
        let own = parameters.urgency
        guard let inheritedUrgency, inheritedUrgency > own else { return own }
        return inheritedUrgency
    }

    /// Whether the real-time policy has it now.
    @inline(__always)
    var isRealTime: Bool { realTime.priority != 0 }

    func mayRun(on processor: Int) -> Bool { allowedProcessors.load(ordering: .relaxed) & 1 << UInt64(processor) != 0 }
}

typealias ThreadReference = UnsafeMutablePointer<ThreadControlBlock>

extension UnsafeMutablePointer where Pointee == ThreadControlBlock {
    // SAFETY of all: `fair` and `realTime` lie at that offset (`checkLayout`), and blocks do not move.
    @inline(__always)
    var fair: FairReference {
        (UnsafeMutableRawPointer(self) + ThreadControlBlock.fairOffset).assumingMemoryBound(to: FairEntity.self)
    }
    @inline(__always)
    var realTime: RealTimeReference {
        (UnsafeMutableRawPointer(self) + ThreadControlBlock.realTimeOffset).assumingMemoryBound(to: RealTimeEntity.self)
    }
    @inline(__always)
    init(_ entity: FairReference) {
        self = (UnsafeMutableRawPointer(entity) - ThreadControlBlock.fairOffset).assumingMemoryBound(to: ThreadControlBlock.self)
    }

    @inline(__always)
    init(_ entity: RealTimeReference) {
        self = (UnsafeMutableRawPointer(entity) - ThreadControlBlock.realTimeOffset)
            .assumingMemoryBound(to: ThreadControlBlock.self)
    }

    /// Stops the kernel if the fields are not where the assembly takes them to be.
    func checkLayout() {
        let start = UnsafeMutableRawPointer(self)
        func offset(_ field: UnsafeMutableRawPointer) -> Int { field - start }
        guard offset(&pointee.kernelSince) == 0, offset(&pointee.systemTicks) == 8,
            offset(&pointee.fair) == ThreadControlBlock.fairOffset, offset(&pointee.realTime) == ThreadControlBlock.realTimeOffset
        else { panic("the thread control block is laid out differently") }
    }
}

/// What a processor needs to go on with a thread, beside what lies on its stack.
struct SavedRegisters {
    /// The stack pointer while the thread is not running.
    var stackPointer: UInt
    /// The top of its kernel stack.
    let stackTop: UInt
    /// The physical address of the top page table, or 0 for a kernel thread, which runs in whatever is loaded.
    var pageTableRoot: UInt64 = 0
    /// Where the user thread's FPU and vector registers are saved; nil for kernel threads.
    var extendedState: ExtendedState?
    /// The processor whose registers held that state last; no processor at first, whatever memory the block is in.
    var stateProcessor: UInt = .max
    /// The user FS and GS bases.
    var userFSBase: UInt64 = 0
    var userGSBase: UInt64 = 0
}
