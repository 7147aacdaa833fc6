import ABI

/// A signal's number, 1 to 64 (`include/uapi/asm/signal.h`).
public struct Signal: Equatable, Sendable {
    public let rawValue: Int32
    /// - Returns: nil for numbers that are no signal.
    public init?(_ rawValue: Int32) {
        guard rawValue >= 1, rawValue <= 64 else { return nil }
        self.rawValue = rawValue
    }
    private init(known: Int32) { rawValue = known }

    public static var hangUp: Signal { Signal(known: 1) }
    public static var interrupt: Signal { Signal(known: 2) }
    public static var quit: Signal { Signal(known: 3) }
    public static var illegalInstruction: Signal { Signal(known: 4) }
    public static var trap: Signal { Signal(known: 5) }
    public static var abort: Signal { Signal(known: 6) }
    public static var bus: Signal { Signal(known: 7) }
    public static var floatingPoint: Signal { Signal(known: 8) }
    public static var kill: Signal { Signal(known: 9) }
    public static var user1: Signal { Signal(known: 10) }
    public static var segmentationFault: Signal { Signal(known: 11) }
    public static var user2: Signal { Signal(known: 12) }
    public static var brokenPipe: Signal { Signal(known: 13) }
    public static var alarm: Signal { Signal(known: 14) }
    public static var terminate: Signal { Signal(known: 15) }
    public static var child: Signal { Signal(known: 17) }
    public static var continued: Signal { Signal(known: 18) }
    public static var stop: Signal { Signal(known: 19) }
    public static var terminalStop: Signal { Signal(known: 20) }
    public static var terminalInput: Signal { Signal(known: 21) }
    public static var terminalOutput: Signal { Signal(known: 22) }
    public static var urgent: Signal { Signal(known: 23) }
    public static var cpuLimit: Signal { Signal(known: 24) }
    public static var fileSizeLimit: Signal { Signal(known: 25) }
    public static var windowChange: Signal { Signal(known: 28) }
    public static var io: Signal { Signal(known: 29) }
    public static var badSystemCall: Signal { Signal(known: 31) }

    @inlinable public var bit: UInt64 { @inline(__always) get { 1 &<< UInt64(truncatingIfNeeded: rawValue &- 1) } }
    /// SIGKILL and SIGSTOP cannot be caught, blocked or ignored.
    public var isUnstoppable: Bool { rawValue == 9 || rawValue == 19 }
    public var isRealTime: Bool { rawValue >= 32 }

    /// What happens when there is no handler.
    enum DefaultAction { case terminate, dumpCore, ignore, stop, resume }
    var defaultAction: DefaultAction {
        switch rawValue {
        case 17, 23, 28: .ignore
        case 18: .resume
        case 19, 20, 21, 22: .stop
        case 3, 4, 5, 6, 7, 8, 11, 24, 25, 31: .dumpCore
        default: .terminate
        }
    }

    /// The bits of the signals whose default is to stop.
    static var stopBits: UInt64 { stop.bit | terminalStop.bit | terminalInput.bit | terminalOutput.bit }
    /// What no mask can hold.
    public static var unblockableBits: UInt64 { kill.bit | stop.bit }
}

/// What a handler learns about a signal (`siginfo_t`, the parts that this kernel fills).
public struct SignalInfo: Sendable {
    public var signal: Signal
    /// SI_USER 0, SI_KERNEL 0x80, SI_TKILL -6, SI_QUEUE -1, or a code of the signal's own.
    public var code: Int32
    /// Sender, or child for SIGCHLD.
    public var pid: Int32 = 0
    public var uid: UInt32 = 0
    /// SIGCHLD: exit status.
    public var status: Int32 = 0
    /// SIGSEGV, SIGBUS, SIGILL, SIGFPE: the address.
    public var address: UInt64 = 0
    /// sigqueue's value.
    public var value: UInt64 = 0

    public init(_ signal: Signal, code: Int32 = 0x80) {
        self.signal = signal
        self.code = code
    }

    public static func fault(_ signal: Signal, code: Int32, address: UInt64) -> SignalInfo {
        var info = SignalInfo(signal, code: code)
        info.address = address
        return info
    }

    /// The 128 bytes of `siginfo_t`.
    public var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 128)
        bytes.withUnsafeMutableBytes { encode(into: $0) }
        return bytes
    }

    /// Writes `siginfo_t` into 128 bytes of zeros.
    func encode(into raw: UnsafeMutableRawBufferPointer) {
        raw.storeBytes(of: signal.rawValue, toByteOffset: 0, as: Int32.self)
        raw.storeBytes(of: code, toByteOffset: 8, as: Int32.self)
        switch signal.rawValue {
        case 4, 5, 7, 8,
            11 where code > 0 && code < 0x80:
            raw.storeBytes(of: address, toByteOffset: 16, as: UInt64.self)
        case 17:
            raw.storeBytes(of: pid, toByteOffset: 16, as: Int32.self)
            raw.storeBytes(of: uid, toByteOffset: 20, as: UInt32.self)
            raw.storeBytes(of: status, toByteOffset: 24, as: Int32.self)
        default:
            raw.storeBytes(of: pid, toByteOffset: 16, as: Int32.self)
            raw.storeBytes(of: uid, toByteOffset: 20, as: UInt32.self)
            raw.storeBytes(of: value, toByteOffset: 24, as: UInt64.self)
        }
    }
}

/// `struct sigaction` as the kernel takes it.
public struct SignalAction: BitwiseCopyable, Sendable {
    public var handler: UInt64 = 0
    public var flags: UInt64 = 0
    public var restorer: UInt64 = 0
    public var mask: UInt64 = 0
    public init() {}

    public static var defaultHandler: UInt64 { 0 }
    public static var ignoreHandler: UInt64 { 1 }
    static var noChildStop: UInt64 { 1 }
    static var noChildWait: UInt64 { 2 }
    static var info: UInt64 { 4 }
    static var restorerFlag: UInt64 { 0x0400_0000 }
    static var onStack: UInt64 { 0x0800_0000 }
    static var restart: UInt64 { 0x1000_0000 }
    static var noDefer: UInt64 { 0x4000_0000 }
    static var resetHandler: UInt64 { 0x8000_0000 }
}

/// `stack_t`.
public struct AlternateStack: BitwiseCopyable, Sendable {
    public var base: UInt64 = 0
    public var flags: Int32 = 2  // SS_DISABLE
    var padding: Int32 = 0
    public var byteCount: UInt64 = 0
    public init() {}

    func contains(_ stackPointer: UInt64) -> Bool { flags & 2 == 0 && stackPointer > base && stackPointer - base <= byteCount }
}
