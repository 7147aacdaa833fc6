import ABI
import Processes
import Processor
import Scheduling
import Support
import Synchronization

/// The path from SYSCALL to a handler and back.
public enum SyscallEntry {
    /// Makes these handlers those of all programs: the entry stub (`kernel/Processor/asm/traps.asm`) calls them. Once, before the first
    /// program runs.
    public static func install(_ table: SyscallTable) { machineInstallHandlers(table.entries) }

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

@_extern(c, "martlet_install_handlers")
private func machineInstallHandlers(_ table: UnsafeRawPointer)

/// Called by the SYSCALL stub, with interrupts on, for a number without a handler.
@c(martlet_syscall_unknown)
public func unknownSystemCall(_ raw: UnsafeMutableRawPointer) {
    // SAFETY: the stub passes the frame that it pushed on this thread's stack.
    let frame = raw.assumingMemoryBound(to: TrapFrame.self)
    SyscallEntry.logUnknown(frame.pointee.vector)
    frame.pointee.rax = UInt64(bitPattern: -Int64(Errno.notImplemented.rawValue))
}

/// Called by the SYSCALL stub, with interrupts on, when a handler has thrown an error.
/// - Returns: whether the registers were changed such that SYSRET cannot restore them.
@c(martlet_syscall_failed)
public func failedSystemCall(_ raw: UnsafeMutableRawPointer, _ code: Int32) -> Bool {
    // SAFETY: as above.
    let frame = raw.assumingMemoryBound(to: TrapFrame.self)
    let error = Errno(rawValue: code)
    if error.isRestart {
        UserReturn.finishSystemCall(frame, number: frame.pointee.vector, error: error)
        return true
    }
    frame.pointee.rax = UInt64(bitPattern: -Int64(error.rawValue))
    return false
}
