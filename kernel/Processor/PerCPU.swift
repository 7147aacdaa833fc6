/// The block of memory that GS points to while a processor runs kernel code.
///
/// The assembly stubs (`entry.asm`) know the offsets of the fields, so their order is fixed.
public struct PerCPUBlock {
    /// Offset 0: the address of this block, so that code can load it with one instruction.
    public var selfAddress: UInt = 0
    /// Offset 8: top of the current thread's kernel stack; system calls switch to it.
    public var kernelStackTop: UInt = 0
    /// Offset 16: where the system-call entry parks the user stack pointer.
    public var userStackPointer: UInt = 0
    /// Offset 24: the current `Thread`, unretained.
    public var currentThread: UInt = 0
    /// Offset 32: non-zero when the scheduler should run before the next return to user mode.
    public var needsReschedule: UInt = 0
    /// Offset 40: this processor's number, from 0.
    public var index: UInt = 0
    /// Offset 48: depth of interrupt handlers running on this processor.
    public var interruptDepth: UInt = 0
    /// Offset 56: the scheduler's block of the current thread.
    public var currentBlock: UInt = 0

    public init() {}
}

@_extern(c, "martlet_percpu")
func machinePerCPU() -> UInt

/// The processor that runs this code.
public enum PerCPU {
    /// This processor's block. Stable only while the caller cannot migrate (interrupts off, or not preemptible).
    @inline(__always)
    public static var current: UnsafeMutablePointer<PerCPUBlock> {
        // SAFETY: GS points to a block that lives as long as the kernel.
        UnsafeMutablePointer(bitPattern: machinePerCPU())!
    }
}
