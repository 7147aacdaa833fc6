import ABI
import Processes
import Processor
import Scheduling
import Support
import Synchronization

/// The path from SYSCALL to a handler and back.
public enum SyscallEntry {
    // Put in by Boot before the first program runs. Nil at first, so that no access has to see to its creation.
    nonisolated(unsafe) fileprivate static var table: SyscallTable?

    /// Makes these handlers those of all programs. Once.
    public static func install(_ table: SyscallTable) { self.table = table }

    // Which unknown numbers were logged: one bit each, so that each is named once.
    private static let logged = SpinLock<[UInt64]>(Array(repeating: 0, count: SyscallTable.capacity / 64))

    static func logUnknown(_ number: UInt64) {
        let isFirst =
            number < UInt64(SyscallTable.capacity)
            && logged.withLock { bits in
                let bit: UInt64 = 1 << (number & 63)
                defer { bits[Int(number >> 6)] |= bit }
                return bits[Int(number >> 6)] & bit == 0
            }
        if isFirst {
            let name = Process.current.commandName.withLock { $0 }
            Log.notice("syscall \(number) is not implemented (\(String(decoding: name, as: UTF8.self)))")
        }
    }
}

/// Called by the SYSCALL stub with interrupts on. What is to be done before the return to user mode the stub looks for itself.
/// - Returns: whether to leave by IRET, because registers were changed that SYSRET cannot restore.
@c(martlet_syscall)
public func systemCall(_ raw: UnsafeMutableRawPointer) -> Bool {
    // SAFETY: the stub passes the frame that it pushed on this thread's stack.
    let frame = raw.assumingMemoryBound(to: TrapFrame.self)
    let number = frame.pointee.vector
    let returnAddress = frame.pointee.rip
    guard let handler = SyscallEntry.table.unsafelyUnwrapped.handler(number) else {
        SyscallEntry.logUnknown(number)
        frame.pointee.rax = UInt64(bitPattern: -Int64(Errno.notImplemented.rawValue))
        return false
    }
    let arguments = SyscallArguments(
        a0: frame.pointee.rdi, a1: frame.pointee.rsi, a2: frame.pointee.rdx, a3: frame.pointee.r10, a4: frame.pointee.r8,
        a5: frame.pointee.r9)
    do throws(Errno) {
        let result = try handler(arguments)
        // exec and sigreturn have replaced the registers and marked the frame: RAX is theirs.
        if frame.pointee.vector == number { frame.pointee.rax = UInt64(bitPattern: Int64(result)) }
    } catch {
        if error.isRestart {
            UserReturn.finishSystemCall(frame, number: number, error: error)
            return true
        }
        frame.pointee.rax = UInt64(bitPattern: -Int64(error.rawValue))
    }
    // SYSRET loads RIP from RCX and the flags from R11; a non-canonical RIP would fault in kernel mode.
    return frame.pointee.vector != number || frame.pointee.rip != returnAddress
}
