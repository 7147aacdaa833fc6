/// The user's (or the interrupted kernel code's) registers as the entry stubs push them, lowest address first.
/// The layout is that of Linux's `struct pt_regs`, and `traps.asm` depends on it.
public struct TrapFrame {
    public var r15: UInt64 = 0
    public var r14: UInt64 = 0
    public var r13: UInt64 = 0
    public var r12: UInt64 = 0
    public var rbp: UInt64 = 0
    public var rbx: UInt64 = 0
    public var r11: UInt64 = 0
    public var r10: UInt64 = 0
    public var r9: UInt64 = 0
    public var r8: UInt64 = 0
    public var rax: UInt64 = 0
    public var rcx: UInt64 = 0
    public var rdx: UInt64 = 0
    public var rsi: UInt64 = 0
    public var rdi: UInt64 = 0
    /// The vector of a trap; the system call's number after SYSCALL.
    public var vector: UInt64 = 0
    public var errorCode: UInt64 = 0
    public var rip: UInt64 = 0
    public var cs: UInt64 = 0
    public var rflags: UInt64 = 0
    public var rsp: UInt64 = 0
    public var ss: UInt64 = 0

    public init() {}

    /// The bit of `rflags` that is set while interrupts are on.
    public static let interruptFlag: UInt64 = 0x200

    /// Whether the processor was in user mode.
    @inline(__always)
    public var isFromUser: Bool { cs & 3 == 3 }

    /// A frame that enters user mode at `entry` with cleared registers.
    public static func user(entry: UInt64, stack: UInt64) -> TrapFrame {
        var frame = TrapFrame()
        frame.rip = entry
        frame.rsp = stack
        frame.cs = UInt64(Selector.userCode)
        frame.ss = UInt64(Selector.userData)
        frame.rflags = 0x202
        return frame
    }
}

/// Exception vectors (Intel SDM volume 3A, table 6-1).
public enum Exception {
    public static let divideError: UInt64 = 0
    public static let debug: UInt64 = 1
    public static let nonMaskable: UInt64 = 2
    public static let breakpoint: UInt64 = 3
    public static let overflow: UInt64 = 4
    public static let boundRange: UInt64 = 5
    public static let invalidOpcode: UInt64 = 6
    public static let deviceNotAvailable: UInt64 = 7
    public static let doubleFault: UInt64 = 8
    public static let invalidTSS: UInt64 = 10
    public static let segmentNotPresent: UInt64 = 11
    public static let stackFault: UInt64 = 12
    public static let generalProtection: UInt64 = 13
    public static let pageFault: UInt64 = 14
    public static let floatingPoint: UInt64 = 16
    public static let alignmentCheck: UInt64 = 17
    public static let machineCheck: UInt64 = 18
    public static let simdFloatingPoint: UInt64 = 19
}
