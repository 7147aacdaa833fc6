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

/// The body of every fresh thread: finishes the switch that led here, enables interrupts, runs the entry.
@c(martlet_thread_main)
public func threadMain() {
    Scheduler.finishSwitch()
    machineInterruptRestore(0x200)
    // Unowned: the entry never returns to release a reference.
    unowned(unsafe) let thread = currentThread
    thread.entry(thread)
}

/// Switches registers, stack, address space, FPU state and the per-processor words from one thread to another.
/// The run queue's lock is held and interrupts are off.
func contextSwitch(from old: Thread, to new: Thread) {
    let cpu = PerCPU.current
    cpu.pointee.currentThread = Scheduler.identity(new)
    cpu.pointee.kernelStackTop = new.kernelStackTop
    CPU.setInterruptStack(new.kernelStackTop)

    if let state = old.extendedState {
        state.save()
        old.userFSBase = CPU.fsBase
        old.userGSBase = CPU.userGSBase
    }
    if let state = new.extendedState {
        state.restore()
        CPU.fsBase = new.userFSBase
        CPU.userGSBase = new.userGSBase
    }
    if new.pageTableRoot != 0 { CPU.loadPageTable(new.pageTableRoot) }
    machineSwitch(&old.stackPointer, new.stackPointer)
}
