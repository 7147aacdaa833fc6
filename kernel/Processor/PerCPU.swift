import Support
import Synchronization

/// The page of memory that GS points to while a processor runs kernel code. Its second half counts interrupts by vector.
///
/// The assembly (`asm/*.asm`) knows the offsets of the first fields, so their order is fixed. Only the processor itself touches its
/// block, but for the atomic fields, which others change, and `request`, which others read.
public struct PerCPUBlock: ~Copyable {
    /// Offset 0: the address of this block, so that code can load it with one instruction.
    public var selfAddress: UInt = 0
    /// Offset 8: top of the current thread's kernel stack; system calls switch to it.
    public var kernelStackTop: UInt = 0
    /// Offset 16: where the system-call entry parks the user stack pointer.
    public var userStackPointer: UInt = 0
    /// Offset 24: the current `Thread`, unretained.
    public var currentThread: UInt = 0
    /// Offset 32: non-zero when the scheduler should run before the next return to user mode.
    public let reschedule = Atomic<UInt>(0)
    /// Offset 40: the processors, as bits by number, whose requests this one has to serve. See `ProcessorRequests`.
    public let pendingRequests = Atomic<UInt>(0)
    /// Offset 48: this processor's number, from 0.
    public var index: UInt = 0
    /// Offset 56: the scheduler's block of the current thread.
    public var currentBlock: UInt = 0
    /// Offset 64: how long programs were in the kernel here, up to the last return or switch, in counts of the time-stamp counter.
    public var systemTicks: UInt64 = 0
    /// Offset 72: how many reasons there are not to switch threads here; see `Preemption`.
    public var preemptionDepth: UInt = 0
    /// Since when the scheduler is asked to run, in monotonic nanoseconds; 0 when it is not.
    public let rescheduleSince = Atomic<UInt64>(0)
    /// The longest that it had to wait then, and the longest that a timer's interrupt came late, since somebody last set them to 0.
    public let longestHold = Atomic<UInt64>(0)
    public let longestTimerDelay = Atomic<UInt64>(0)
    /// The scheduler's queue of this processor.
    public var runQueue: UInt = 0
    /// The top-level page table in use: what CR3 holds.
    public let pageTable = Atomic<UInt64>(0)
    /// The address spaces whose translations are kept here.
    public let translations = TranslationSlots()
    /// The task-state segment.
    public var taskState: UInt = 0
    /// The number by which interrupt controllers know the processor.
    public var identifier: UInt32 = 0
    /// The node of memory that it is near to; see `Nodes`.
    public var node: UInt32 = 0
    /// Depth of interrupt handlers running on this processor.
    public var interruptDepth: UInt32 = 0
    /// The thread, by its block, whose FPU and vector registers are loaded here, unless it has been elsewhere since.
    public var loadedState: UInt = 0
    /// The vector whose handler runs here; 0 for none.
    let servedVector = Atomic<UInt8>(0)
    /// What its one-shot timer is set to, in monotonic nanoseconds.
    public var programmedDeadline: UInt64 = .max
    /// What this processor asks of others, and how many of them have not done it yet.
    public var request = ProcessorRequest()
    public let outstanding = Atomic<UInt>(0)
    /// How far its start-up is.
    public let progress = Atomic<ProcessorProgress>(.awaited)
    /// The interrupted instruction, for `ProcessorProbe`: 1 while it is asked for.
    let probe = Atomic<UInt64>(0)
    /// Where the last interrupt of this processor came in kernel mode.
    public var interruptedInstruction: UInt64 = 0
    /// For `TimestampAlignment`: a number that the first processor counts up, and what this one's counter showed when it saw it.
    let alignmentRound = Atomic<UInt64>(0)
    let alignmentAnswer = Atomic<UInt64>(0)

    public init() {}

    /// Whether the scheduler should run before the next return to user mode.
    @inline(__always)
    public var needsReschedule: Bool {
        get { reschedule.load(ordering: .relaxed) != 0 }
        nonmutating set { reschedule.store(newValue ? 1 : 0, ordering: .relaxed) }
    }

    static var byteCount: Int { 4096 }
    static var countsOffset: Int { 2048 }
}

/// How far the start of a processor is. The processor and the one that starts it agree by this.
public enum ProcessorProgress: UInt8, AtomicRepresentable, Sendable {
    /// It has not come yet.
    case awaited
    /// It executes Swift code.
    case arrived
    /// Its clock is being compared.
    case aligning
    /// It is ready for threads.
    case online
    /// It did not come in time: should it come after all, it stops at once.
    case abandoned
}

/// What a processor asks of others: to forget translations.
public struct ProcessorRequest {
    public enum Kind: UInt8 {
        /// Forget `[start, end)` of the address space `root`; of all address spaces when that is 0.
        case invalidate
        /// The same where all pages in the range are 2 MiB large.
        case invalidateLarge
        /// Forget everything of the address space `root`.
        case invalidateAll
        /// Stop using the tables of `root`: they are about to be freed.
        case leave
    }
    public var kind = Kind.invalidate
    public var root: UInt64 = 0
    public var start: UInt64 = 0
    public var end: UInt64 = 0
    public init() {}
}

@_extern(c, "martlet_percpu")
func machinePerCPU() -> UInt
@_extern(c, "martlet_current_thread")
func machineCurrentThread() -> UInt
@_extern(c, "martlet_current_block")
func machineCurrentBlock() -> UInt

/// The processor that runs this code.
public enum PerCPU {
    /// This processor's block. Stable only while the caller cannot go to another one: with interrupts or
    /// preemption off.
    @inline(__always)
    public static var current: UnsafeMutablePointer<PerCPUBlock> {
        // SAFETY: GS points to a block that lives as long as the kernel.
        UnsafeMutablePointer(bitPattern: machinePerCPU()).unsafelyUnwrapped
    }

    /// The running `Thread`, and its block: right at any time, wherever the thread goes. 0 before there are threads.
    @inline(__always) public static var currentThread: UInt { machineCurrentThread() }
    @inline(__always) public static var currentBlock: UInt { machineCurrentBlock() }

    /// How often this processor took each of the 256 vectors.
    @inline(__always)
    static var interruptCounts: UnsafeMutablePointer<UInt64> {
        // SAFETY: blocks are whole pages, and nothing else is in their second half.
        UnsafeMutablePointer(bitPattern: machinePerCPU() &+ UInt(PerCPUBlock.countsOffset))!
    }
}

/// All processors that run.
public enum Processors {
    public static let maximum = 64

    // Blocks by number. Written by the first processor while it starts another, before `count` says that there is one more.
    nonisolated(unsafe) private static var blocks = InlineArray<64, UnsafeMutablePointer<PerCPUBlock>?>(repeating: nil)
    private static let online = Atomic<Int>(1)

    /// How many processors run; their numbers are `0..<count`.
    @inline(__always)
    public static var count: Int { online.load(ordering: .acquiring) }

    /// The processors that run, as bits by number.
    public static var mask: UInt64 { count >= 64 ? .max : 1 << UInt64(count) - 1 }

    /// The block of a processor that runs, or is about to.
    @inline(__always)
    public static subscript(_ index: Int) -> UnsafeMutablePointer<PerCPUBlock> { blocks[index]! }

    /// Makes the first processor, which runs this, known.
    public static func registerFirst(_ nodes: Nodes = Nodes()) {
        blocks[0] = PerCPU.current
        Self.nodes = nodes
        PerCPU.current.pointee.node = UInt32(nodes.node(of: Features.initialIdentifier))
    }
    /// Which memory is near which processors. Written at boot.
    nonisolated(unsafe) public private(set) static var nodes = Nodes()

    /// Makes the block of one more processor.
    /// - Returns: nil when memory is short.
    static func makeBlock(identifier: UInt32) -> UnsafeMutablePointer<PerCPUBlock>? {
        let index = count
        let memory = UnsafeMutableRawPointer.allocate(byteCount: PerCPUBlock.byteCount, alignment: 4096)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: PerCPUBlock.byteCount)
        let block = memory.bindMemory(to: PerCPUBlock.self, capacity: 1)
        block.initialize(to: PerCPUBlock())
        block.pointee.selfAddress = UInt(bitPattern: block)
        block.pointee.index = UInt(index)
        block.pointee.identifier = identifier
        block.pointee.node = UInt32(nodes.node(of: identifier))
        blocks[index] = block
        return block
    }

    /// Counts the processor in that `makeBlock` prepared last.
    static func admit() { online.wrappingAdd(1, ordering: .releasing) }

    /// How often a processor took a vector.
    public static func interruptCount(processor: Int, vector: Int) -> UInt64 {
        (UnsafeRawPointer(self[processor]) + PerCPUBlock.countsOffset).load(fromByteOffset: vector * 8, as: UInt64.self)
    }
}
