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
    /// The registers of a program that is in the kernel.
    init(_ frame: TrapFrame) {
        (r8, r9, r10, r11, r12, r13, r14, r15) = (
            frame.r8, frame.r9, frame.r10, frame.r11, frame.r12, frame.r13, frame.r14, frame.r15
        )
        (rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp) = (
            frame.rdi, frame.rsi, frame.rbp, frame.rbx, frame.rdx, frame.rax, frame.rcx, frame.rsp
        )
        (rip, rflags, segments) = (frame.rip, frame.rflags, frame.cs & 0xffff | (frame.ss & 0xffff) << 48)
        (errorCode, vector, faultAddress) = (frame.errorCode, frame.vector, CPU.faultAddress)
    }

    /// Status flags a handler's return may change: CF PF AF ZF SF TF DF OF RF AC.
    private static var changeableFlags: UInt64 { 0x50dd5 }

    /// Puts the registers back, but for what programs must not choose.
    func restore(to frame: inout TrapFrame) {
        (frame.r8, frame.r9, frame.r10, frame.r11) = (r8, r9, r10, r11)
        (frame.r12, frame.r13, frame.r14, frame.r15) = (r12, r13, r14, r15)
        (frame.rdi, frame.rsi, frame.rbp, frame.rbx) = (rdi, rsi, rbp, rbx)
        (frame.rdx, frame.rax, frame.rcx, frame.rsp) = (rdx, rax, rcx, rsp)
        frame.rip = rip
        frame.rflags = (frame.rflags & ~Self.changeableFlags) | (rflags & Self.changeableFlags) | 0x202
        frame.cs = UInt64(Selector.userCode)
        frame.ss = UInt64(Selector.userData)
    }
}

/// Calling a signal's handler, and coming back from it.
public enum SignalHandlerCall {
    // Offsets inside the frame.
    private static var contextOffset: UInt64 { 8 }
    private static var infoOffset: UInt64 { 312 }

    /// Builds the frame and points the registers at the handler.
    /// - Returns: false when the stack cannot be written.
    static func push(
        _ info: SignalInfo, _ action: SignalAction, _ thread: UserThread, _ frame: UnsafeMutablePointer<TrapFrame>
    ) -> Bool {
        guard action.flags & SignalAction.restorerFlag != 0, let state = thread.extendedState else { return false }
        var top = frame.pointee.rsp &- 128  // the red zone stays intact
        let alternate = thread.alternateStack
        if action.flags & SignalAction.onStack != 0, alternate.flags & 2 == 0, !alternate.contains(frame.pointee.rsp) {
            top = alternate.base + alternate.byteCount
        }
        let stateAddress = (top &- UInt64(ExtendedState.byteCount + XSaveImage.markByteCount)) & ~63
        let base = ((stateAddress &- UInt64(MemoryLayout<SignalFrame>.size)) & ~15) &- 8

        let blocked = thread.signalMask
        var saved = SignalFrame()
        saved.restorer = action.restorer
        saved.context.flags = SignalContext.usualFlags
        saved.context.stack = alternate
        saved.context.registers = SignalRegisters(frame.pointee)
        saved.context.registers.state = stateAddress
        saved.context.mask = thread.savedMask ?? blocked
        saved.context.registers.oldMask = saved.context.mask
        withUnsafeMutableBytes(of: &saved.info) { info.encode(into: $0) }
        state.save()
        do throws(Errno) {
            // A switch meanwhile saves the same again: the kernel does not touch these registers, nor do they touch the description.
            if Features.current.hasXSAVE {
                XSaveImage.describe(in: state.bytes, mask: ExtendedState.mask, byteCount: ExtendedState.byteCount)
                try copyOut(XSaveImage.lastMark, to: UserAddress(stateAddress) + ExtendedState.byteCount)
            }
            try copyOut(UnsafeRawBufferPointer(state.bytes), to: UserAddress(stateAddress))
            try copyOut(saved, to: UserAddress(base))
        } catch { return false }

        thread.savedMask = nil
        var mask = blocked | action.mask
        if action.flags & SignalAction.noDefer == 0 { mask |= info.signal.bit }
        if mask != blocked { thread.signalMask = mask }

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

    /// The state of a signal frame: all of it if both marks are there, or else what FXSAVE would have saved.
    private static func copyState(from address: UserAddress) throws(Errno) -> [UInt8] {
        let byteCount = ExtendedState.byteCount
        if Features.current.hasXSAVE {
            let start = try copyInBytes(from: address, count: XSaveImage.headerOffset)
            let isWhole = start.withUnsafeBytes {
                XSaveImage.describesAll($0, mask: ExtendedState.mask, byteCount: byteCount)
            }
            let lastMark = isWhole ? try copyIn(UInt32.self, from: address + byteCount) : 0
            if lastMark != XSaveImage.lastMark {
                var bytes = start + [UInt8](repeating: 0, count: byteCount - start.count)
                bytes.withUnsafeMutableBytes { XSaveImage.limitToLegacy($0) }
                return bytes
            }
        }
        return try copyInBytes(from: address, count: byteCount)
    }

    /// `rt_sigreturn`: restores what `push` saved, distrusting every value.
    /// - Returns: false when the frame cannot be read: the caller kills the program.
    public static func pop(_ frame: UnsafeMutablePointer<TrapFrame>) -> Bool {
        let thread = UserThread.current
        do throws(Errno) {
            // The handler's return has popped the restorer's address.
            let saved = try copyIn(SignalContext.self, from: UserAddress(frame.pointee.rsp))
            guard saved.registers.rip < UserAddress.limit else { return false }
            if saved.registers.state != 0, let state = thread.extendedState {
                // Through a copy: a switch while the page is fetched would save this thread's registers over half of it.
                let bytes = try copyState(from: UserAddress(saved.registers.state))
                guard bytes.withUnsafeBytes({ ExtendedState.isRestorable($0) }) else { return false }
                let flags = machineInterruptSave()
                state.bytes.copyBytes(from: bytes)
                state.restore()
                machineInterruptRestore(flags)
            }
            saved.registers.restore(to: &frame.pointee)
            thread.signalMask = saved.mask
            if saved.stack.flags & ~3 == 0 { thread.alternateStack = saved.stack }
            return true
        } catch { return false }
    }
}
