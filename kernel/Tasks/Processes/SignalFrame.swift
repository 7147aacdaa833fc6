import ABI
import Processor
import Scheduling
import Support

/// `struct rt_sigframe` on the user stack (`arch/x86/include/uapi/asm/sigcontext.h`, `ucontext.h`): what a handler's return needs.
struct SignalFrame: BitwiseCopyable {
    /// Where the handler returns to. x86-64 needs the restorer of the C library: the kernel provides no return code.
    var restorer: UInt64 = 0
    var context = SignalContext()
    /// `siginfo_t`, 128 bytes.
    var info: (Words8, Words8) = (Words8(), Words8())
}

/// `struct ucontext`.
struct SignalContext: BitwiseCopyable {
    var flags: UInt64 = 0
    var link: UInt64 = 0
    var stack = AlternateStack()
    var registers = SignalRegisters()
    var mask: UInt64 = 0

    /// UC_FP_XSTATE, where there is such state; UC_SIGCONTEXT_SS and UC_STRICT_RESTORE_SS.
    static var usualFlags: UInt64 { Features.current.hasXSAVE ? 7 : 6 }
}

/// `struct sigcontext`.
struct SignalRegisters: BitwiseCopyable {
    var r8: UInt64 = 0, r9: UInt64 = 0, r10: UInt64 = 0, r11: UInt64 = 0
    var r12: UInt64 = 0, r13: UInt64 = 0, r14: UInt64 = 0, r15: UInt64 = 0
    var rdi: UInt64 = 0, rsi: UInt64 = 0, rbp: UInt64 = 0, rbx: UInt64 = 0
    var rdx: UInt64 = 0, rax: UInt64 = 0, rcx: UInt64 = 0, rsp: UInt64 = 0
    var rip: UInt64 = 0, rflags: UInt64 = 0
    /// CS, GS, FS and SS, 16 bits each.
    var segments: UInt64 = 0
    var errorCode: UInt64 = 0, vector: UInt64 = 0, oldMask: UInt64 = 0, faultAddress: UInt64 = 0
    /// Where the FPU and vector registers are; 0 for nowhere.
    var state: UInt64 = 0
    var reserved = Words8()
}

/// Eight words.
struct Words8: BitwiseCopyable {
    var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
}

extension SignalRegisters {
    /// Takes over the registers of a program that is in the kernel.
    mutating func fill(from frame: UnsafePointer<TrapFrame>) {
        let frame = frame.pointee
        (r8, r9, r10, r11) = (frame.r8, frame.r9, frame.r10, frame.r11)
        (r12, r13, r14, r15) = (frame.r12, frame.r13, frame.r14, frame.r15)
        (rdi, rsi, rbp, rbx) = (frame.rdi, frame.rsi, frame.rbp, frame.rbx)
        (rdx, rax, rcx, rsp) = (frame.rdx, frame.rax, frame.rcx, frame.rsp)
        (rip, rflags, segments) = (frame.rip, frame.rflags, frame.cs & 0xffff | (frame.ss & 0xffff) << 48)
        (errorCode, vector, faultAddress) = (frame.errorCode, frame.vector, CPU.faultAddress)
        reserved = Words8()
    }

    /// Status flags a handler's return may change: CF PF AF ZF SF TF DF OF RF AC.
    private static var changeableFlags: UInt64 { 0x50dd5 }

    /// Puts the registers back, but for what programs must not choose.
    func restore(to frame: UnsafeMutablePointer<TrapFrame>) {
        (frame.pointee.r8, frame.pointee.r9, frame.pointee.r10, frame.pointee.r11) = (r8, r9, r10, r11)
        (frame.pointee.r12, frame.pointee.r13, frame.pointee.r14, frame.pointee.r15) = (r12, r13, r14, r15)
        (frame.pointee.rdi, frame.pointee.rsi, frame.pointee.rbp, frame.pointee.rbx) = (rdi, rsi, rbp, rbx)
        (frame.pointee.rdx, frame.pointee.rax, frame.pointee.rcx, frame.pointee.rsp) = (rdx, rax, rcx, rsp)
        frame.pointee.rip = rip
        frame.pointee.rflags = (frame.pointee.rflags & ~Self.changeableFlags) | (rflags & Self.changeableFlags) | 0x202
        frame.pointee.cs = UInt64(Selector.userCode)
        frame.pointee.ss = UInt64(Selector.userData)
    }
}

/// Calling a signal's handler, and coming back from it.
public enum SignalHandlerCall {
    // Offsets inside the frame.
    private static var contextOffset: UInt64 { 8 }
    private static var infoOffset: UInt64 { 312 }

    /// Builds the frame and points the registers at the handler.
    /// - Parameter blocked: the mask that the handler's return restores.
    /// - Returns: false when the stack cannot be written.
    static func push(
        _ info: SignalInfo, _ action: SignalAction, _ thread: UserThread, _ frame: UnsafeMutablePointer<TrapFrame>,
        blocked: UInt64
    ) -> Bool {
        guard action.flags & SignalAction.restorerFlag != 0, let state = thread.extendedState else { return false }
        var top = frame.pointee.rsp &- 128  // the red zone stays intact
        let alternate = thread.alternateStack
        if action.flags & SignalAction.onStack != 0, alternate.flags & 2 == 0, !alternate.contains(frame.pointee.rsp) {
            top = alternate.base + alternate.byteCount
        }
        let stateAddress = (top &- UInt64(ExtendedState.byteCount + XSaveImage.markByteCount)) & ~63
        let base = ((stateAddress &- UInt64(MemoryLayout<SignalFrame>.size)) & ~15) &- 8

        do throws(Errno) {
            if Features.current.hasXSAVE {
                try ExtendedState.saveRegisters(to: UserAddress(stateAddress))
            } else {
                // A switch meanwhile saves the same again: the kernel does not touch these registers.
                state.save()
                try copyOut(UnsafeRawBufferPointer(state.bytes), to: UserAddress(stateAddress))
            }
            // Built in place: the frame is too big to be copied more than once.
            try copyOut(SignalFrame.self, to: UserAddress(base)) { saved in
                saved.pointee.restorer = action.restorer
                saved.pointee.context.flags = SignalContext.usualFlags
                saved.pointee.context.link = 0
                saved.pointee.context.stack = alternate
                saved.pointee.context.registers.fill(from: frame)
                saved.pointee.context.registers.state = stateAddress
                saved.pointee.context.mask = thread.savedMask ?? blocked
                saved.pointee.context.registers.oldMask = saved.pointee.context.mask
                saved.pointee.info = (Words8(), Words8())
                // SAFETY: the field's own 128 bytes.
                let place = UnsafeMutableRawPointer(saved) + Int(infoOffset)
                info.encode(into: UnsafeMutableRawBufferPointer(start: place, count: 128))
            }
        } catch { return false }

        thread.savedMask = nil
        frame.pointee.rip = action.handler
        frame.pointee.rsp = base
        frame.pointee.rdi = UInt64(info.signal.rawValue)
        frame.pointee.rsi = base + infoOffset
        frame.pointee.rdx = base + contextOffset
        frame.pointee.rax = 0
        frame.pointee.rflags &= ~0x0001_0500  // RF, DF, TF
        frame.pointee.cs = UInt64(Selector.userCode)
        frame.pointee.ss = UInt64(Selector.userData)
        return true
    }

    /// `rt_sigreturn`: restores what `push` saved, distrusting every value.
    /// - Returns: false when the frame cannot be read: the caller kills the program.
    public static func pop(_ frame: UnsafeMutablePointer<TrapFrame>) -> Bool {
        let thread = UserThread.current
        do throws(Errno) {
            // The handler's return has popped the restorer's address.
            try copyIn(SignalContext.self, from: UserAddress(frame.pointee.rsp)) { (saved) throws(Errno) in
                guard saved.pointee.registers.rip < UserAddress.limit else { throw .badAddress }
                if saved.pointee.registers.state != 0, let state = thread.extendedState {
                    let address = UserAddress(saved.pointee.registers.state)
                    let isDone = Features.current.hasXSAVE ? try ExtendedState.restoreRegisters(from: address) : false
                    if !isDone { try state.restoreLegacy(from: address) }
                }
                saved.pointee.registers.restore(to: frame)
                thread.signalMask = saved.pointee.mask
                if saved.pointee.stack.flags & ~3 == 0 { thread.alternateStack = saved.pointee.stack }
            }
            return true
        } catch { return false }
    }
}
