import Processor
import Support

/// Saves callee-saved registers, stores the stack pointer in `*save`, loads `stackPointer` and the registers there.
@_extern(c, "martlet_switch")
func machineSwitch(_ save: UnsafeMutablePointer<UInt>, _ stackPointer: UInt)

/// The assembly side of a fresh thread's first switch.
@_extern(c, "martlet_thread_trampoline_address")
func machineTrampolineAddress() -> UInt

/// Lays out a stack such that `machineSwitch` to it calls `martlet_thread_main`. The room at its top is left to the trap
/// frame of user threads.
func prepareInitialStack(top stackTop: UInt) -> UInt {
    let top = stackTop - UInt((MemoryLayout<TrapFrame>.size + 15) & ~15)
    // Six callee-saved registers, then the return address; the slot above keeps the stack aligned for a call.
    let frame = UnsafeMutablePointer<UInt>(bitPattern: top - 8 * 8)!
    for i in 0..<8 { frame[i] = 0 }
    frame[6] = machineTrampolineAddress()
    return top - 8 * 8
}

/// The body of every fresh thread: finishes the switch that led here, enables interrupts, runs the entry. It returns, so that
/// nothing stays referenced from a stack that is never unwound; the trampoline does the rest.
/// - Returns: the registers to enter user mode with; nil when the thread has done its work.
@c(martlet_thread_main)
public func threadMain() -> UnsafeMutableRawPointer? {
    Scheduler.finishSwitch()
    machineInterruptRestore(0x200)
    let thread = currentThread
    return thread.entry(thread)
}

/// What the trampoline calls when there is nothing more to do.
@c(martlet_thread_exit)
public func threadExit() { Scheduler.exitCurrent() }

/// Switches registers, stack, address space, FPU state and the per-processor words from one thread to another.
/// The run queue's lock is held and interrupts are off.
func contextSwitch(from old: ThreadReference, to new: ThreadReference, on cpu: UnsafeMutablePointer<PerCPUBlock>) {
    cpu.pointee.currentThread = UInt(bitPattern: new.pointee.thread.toOpaque())
    cpu.pointee.currentBlock = UInt(bitPattern: new)
    cpu.pointee.kernelStackTop = new.pointee.registers.stackTop
    CPU.setInterruptStack(new.pointee.registers.stackTop)

    // What the register holds is known only if the thread that leaves is one that uses it.
    var loadedGSBase: UInt64?
    if let state = old.pointee.registers.extendedState {
        state.save()
        old.pointee.registers.stateProcessor = cpu.pointee.index
        cpu.pointee.loadedState = UInt(bitPattern: old)
        old.pointee.registers.userFSBase = CPU.fsBase
        let base = CPU.userGSBase
        old.pointee.registers.userGSBase = base
        loadedGSBase = base
    }
    if let state = new.pointee.registers.extendedState {
        // Kernel threads leave the registers alone: whoever had them last, and was nowhere else meanwhile, has them still.
        if cpu.pointee.loadedState != UInt(bitPattern: new) || new.pointee.registers.stateProcessor != cpu.pointee.index {
            state.restore()
        }
        CPU.fsBase = new.pointee.registers.userFSBase
        if loadedGSBase != new.pointee.registers.userGSBase { CPU.userGSBase = new.pointee.registers.userGSBase }
    }
    if new.pointee.registers.pageTableRoot != 0 { CPU.loadPageTable(new.pointee.registers.pageTableRoot) }
    machineSwitch(&old.pointee.registers.stackPointer, new.pointee.registers.stackPointer)
}
