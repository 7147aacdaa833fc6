import ABI
import Processor
import Scheduling
import Support

/// `struct rt_sigframe` on the user stack (`arch/x86/include/uapi/asm/sigcontext.h`, `ucontext.h`), and the way back.
public enum SignalFrame {
    // Offsets inside the frame.
    private static let contextOffset = 8  // ucontext
    private static let stackOffset = contextOffset + 16  // uc_stack
    private static let registersOffset = contextOffset + 40  // uc_mcontext
    private static let maskOffset = registersOffset + 256  // uc_sigmask
    private static let infoOffset = maskOffset + 8  // siginfo
    private static let byteCount = infoOffset + 128

    /// Status flags a handler's return may change: CF PF AF ZF SF TF DF OF RF AC.
    private static let changeableFlags: UInt64 = 0x50dd5

    /// Builds the frame and points the registers at the handler.
    /// - Returns: false when the stack cannot be written.
    static func push(
        _ info: SignalInfo, _ action: SignalAction, _ thread: UserThread, _ frame: UnsafeMutablePointer<TrapFrame>
    ) -> Bool {
        // x86-64 needs the restorer of the C library: the kernel provides no return code.
        guard action.flags & SignalAction.restorerFlag != 0, let state = thread.extendedState else { return false }
        var top = frame.pointee.rsp &- 128  // the red zone stays intact
        let alternate = thread.alternateStack
        if action.flags & SignalAction.onStack != 0, alternate.flags & 2 == 0, !alternate.contains(frame.pointee.rsp) {
            top = alternate.base + alternate.byteCount
        }
        let stateAddress = (top &- UInt64(ExtendedState.byteCount)) & ~63
        let base = ((stateAddress &- UInt64(byteCount)) & ~15) &- 8

        state.save()
        var bytes = [UInt8](repeating: 0, count: byteCount)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: action.restorer, toByteOffset: 0, as: UInt64.self)
            raw.storeBytes(of: alternate, toByteOffset: stackOffset, as: AlternateStack.self)
            writeRegisters(frame.pointee, raw, stateAddress: stateAddress, blocked: thread.savedMask ?? thread.blocked)
            raw.storeBytes(of: thread.savedMask ?? thread.blocked, toByteOffset: maskOffset, as: UInt64.self)
        }
        bytes.replaceSubrange(infoOffset..<byteCount, with: info.encoded)
        do throws(Errno) {
            try copyOutBytes([UInt8](state.bytes), to: UserAddress(stateAddress))
            try copyOutBytes(bytes, to: UserAddress(base))
        } catch { return false }

        thread.savedMask = nil
        var mask = thread.signalMask | action.mask
        if action.flags & SignalAction.noDefer == 0 { mask |= info.signal.bit }
        thread.signalMask = mask

        frame.pointee.rip = action.handler
        frame.pointee.rsp = base
        frame.pointee.rdi = UInt64(info.signal.rawValue)
        frame.pointee.rsi = base + UInt64(infoOffset)
        frame.pointee.rdx = base + UInt64(contextOffset)
        frame.pointee.rax = 0
        frame.pointee.rflags &= ~0x0001_0500  // RF, DF, TF
        frame.pointee.cs = UInt64(Selector.userCode)
        frame.pointee.ss = UInt64(Selector.userData)
        return true
    }

    private static func writeRegisters(
        _ frame: TrapFrame, _ raw: UnsafeMutableRawBufferPointer, stateAddress: UInt64, blocked: UInt64
    ) {
        let values = [
            frame.r8, frame.r9, frame.r10, frame.r11, frame.r12, frame.r13, frame.r14, frame.r15, frame.rdi, frame.rsi,
            frame.rbp, frame.rbx, frame.rdx, frame.rax, frame.rcx, frame.rsp, frame.rip, frame.rflags,
            frame.cs & 0xffff | (frame.ss & 0xffff) << 48, frame.errorCode, frame.vector, blocked, CPU.faultAddress,
            stateAddress,
        ]
        for (index, value) in values.enumerated() {
            raw.storeBytes(of: value, toByteOffset: registersOffset + index * 8, as: UInt64.self)
        }
    }

    /// `rt_sigreturn`: restores what `push` saved, distrusting every value.
    /// - Returns: false when the frame cannot be read: the caller kills the program.
    public static func pop(_ frame: UnsafeMutablePointer<TrapFrame>) -> Bool {
        unowned(unsafe) let thread = UserThread.current
        // The handler's return has popped the restorer's address.
        let base = frame.pointee.rsp &- 8
        do throws(Errno) {
            let bytes = try copyInBytes(from: UserAddress(base), count: infoOffset)
            var words: [UInt64] = []
            var mask: UInt64 = 0
            var alternate = AlternateStack()
            bytes.withUnsafeBytes { raw in
                for index in 0..<24 { words.append(raw.load(fromByteOffset: registersOffset + index * 8, as: UInt64.self)) }
                mask = raw.load(fromByteOffset: maskOffset, as: UInt64.self)
                alternate = raw.load(fromByteOffset: stackOffset, as: AlternateStack.self)
            }
            guard words[16] < UserAddress.limit else { return false }
            if words[23] != 0, let state = thread.extendedState {
                let saved = try copyInBytes(from: UserAddress(words[23]), count: ExtendedState.byteCount)
                let flags = machineInterruptSave()
                state.bytes.copyBytes(from: saved)
                state.sanitize()
                state.restore()
                machineInterruptRestore(flags)
            }
            restoreRegisters(words, frame)
            thread.signalMask = mask
            if alternate.flags & ~3 == 0 { thread.alternateStack = alternate }
            return true
        } catch { return false }
    }

    private static func restoreRegisters(_ words: [UInt64], _ frame: UnsafeMutablePointer<TrapFrame>) {
        frame.pointee.r8 = words[0]
        frame.pointee.r9 = words[1]
        frame.pointee.r10 = words[2]
        frame.pointee.r11 = words[3]
        frame.pointee.r12 = words[4]
        frame.pointee.r13 = words[5]
        frame.pointee.r14 = words[6]
        frame.pointee.r15 = words[7]
        frame.pointee.rdi = words[8]
        frame.pointee.rsi = words[9]
        frame.pointee.rbp = words[10]
        frame.pointee.rbx = words[11]
        frame.pointee.rdx = words[12]
        frame.pointee.rax = words[13]
        frame.pointee.rcx = words[14]
        frame.pointee.rsp = words[15]
        frame.pointee.rip = words[16]
        frame.pointee.rflags = (frame.pointee.rflags & ~changeableFlags) | (words[17] & changeableFlags) | 0x202
        frame.pointee.cs = UInt64(Selector.userCode)
        frame.pointee.ss = UInt64(Selector.userData)
    }
}
