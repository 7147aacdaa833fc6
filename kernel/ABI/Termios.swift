/// Terminal settings as `TCGETS` and `TCSETS` exchange them (`struct termios` of `include/uapi/asm-generic/termbits.h`):
/// 36 bytes.
public struct Termios: BitwiseCopyable, Sendable {
    /// `c_iflag`, the bits of `InputMode`.
    public var input: UInt32
    /// `c_oflag`, the bits of `OutputMode`.
    public var output: UInt32
    /// `c_cflag`, the bits of `ControlMode`.
    public var control: UInt32
    /// `c_lflag`, the bits of `LocalMode`.
    public var local: UInt32
    /// `c_line`: the line discipline's number; 0 is the only one.
    public var lineDiscipline: UInt8
    /// `c_cc`, indexed by `ControlCharacter`.
    public var characters: [19 of UInt8]

    /// What a terminal starts with, as on Linux.
    public init() {
        input = InputMode.carriageReturnToNewline | InputMode.flowControl
        output = OutputMode.process | OutputMode.newlineToCarriageReturnNewline
        control = ControlMode.baud38400 | ControlMode.eightBits | ControlMode.receive
        local =
            LocalMode.signals | LocalMode.canonical | LocalMode.echo | LocalMode.echoErase | LocalMode.echoKill
            | LocalMode.echoControl | LocalMode.echoKillErase | LocalMode.extended
        lineDiscipline = 0
        characters = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0]
    }

    @inlinable public subscript(_ character: ControlCharacter) -> UInt8 {
        get { characters[character.rawValue] }
        set { characters[character.rawValue] = newValue }
    }
}

/// `struct termios2`: the same with explicit speeds, 44 bytes.
public struct Termios2: BitwiseCopyable, Sendable {
    public var termios: Termios
    public var inputSpeed: UInt32
    public var outputSpeed: UInt32
    public init(_ termios: Termios, inputSpeed: UInt32, outputSpeed: UInt32) {
        self.termios = termios
        self.inputSpeed = inputSpeed
        self.outputSpeed = outputSpeed
    }
}

/// Indices into `c_cc`.
public enum ControlCharacter: Int, Sendable {
    case interrupt = 0, quit, erase, kill, endOfFile, time, minimum, switchCharacter, start, stop, suspend, endOfLine, reprint
    case discard, wordErase, literalNext, endOfLine2
}

/// Bits of `c_iflag`.
public enum InputMode {
    @inlinable public static var ignoreBreak: UInt32 { 0o1 }  // IGNBRK
    @inlinable public static var breakInterrupts: UInt32 { 0o2 }  // BRKINT
    @inlinable public static var ignoreParityErrors: UInt32 { 0o4 }  // IGNPAR
    @inlinable public static var markParityErrors: UInt32 { 0o10 }  // PARMRK
    @inlinable public static var checkParity: UInt32 { 0o20 }  // INPCK
    @inlinable public static var strip: UInt32 { 0o40 }  // ISTRIP
    @inlinable public static var newlineToCarriageReturn: UInt32 { 0o100 }  // INLCR
    @inlinable public static var ignoreCarriageReturn: UInt32 { 0o200 }  // IGNCR
    @inlinable public static var carriageReturnToNewline: UInt32 { 0o400 }  // ICRNL
    @inlinable public static var upperToLower: UInt32 { 0o1000 }  // IUCLC
    @inlinable public static var flowControl: UInt32 { 0o2000 }  // IXON
    @inlinable public static var anyRestarts: UInt32 { 0o4000 }  // IXANY
    @inlinable public static var flowControlInput: UInt32 { 0o10000 }  // IXOFF
    @inlinable public static var bellWhenFull: UInt32 { 0o20000 }  // IMAXBEL
    @inlinable public static var utf8: UInt32 { 0o40000 }  // IUTF8
}

/// Bits of `c_oflag`.
public enum OutputMode {
    @inlinable public static var process: UInt32 { 0o1 }  // OPOST
    @inlinable public static var lowerToUpper: UInt32 { 0o2 }  // OLCUC
    @inlinable public static var newlineToCarriageReturnNewline: UInt32 { 0o4 }  // ONLCR
    @inlinable public static var carriageReturnToNewline: UInt32 { 0o10 }  // OCRNL
    @inlinable public static var noCarriageReturnAtColumn0: UInt32 { 0o20 }  // ONOCR
    @inlinable public static var newlineReturns: UInt32 { 0o40 }  // ONLRET
    @inlinable public static var tabDelayMask: UInt32 { 0o14000 }  // TABDLY
    @inlinable public static var expandTabs: UInt32 { 0o14000 }  // XTABS
}

/// Bits of `c_cflag`.
public enum ControlMode {
    @inlinable public static var baudMask: UInt32 { 0o10017 }  // CBAUD
    @inlinable public static var baud38400: UInt32 { 0o17 }  // B38400
    @inlinable public static var otherBaud: UInt32 { 0o10000 }  // BOTHER
    @inlinable public static var sizeMask: UInt32 { 0o60 }  // CSIZE
    @inlinable public static var eightBits: UInt32 { 0o60 }  // CS8
    @inlinable public static var receive: UInt32 { 0o200 }  // CREAD
    @inlinable public static var parity: UInt32 { 0o400 }  // PARENB
    @inlinable public static var hangUpOnClose: UInt32 { 0o2000 }  // HUPCL
    @inlinable public static var local: UInt32 { 0o4000 }  // CLOCAL
}

/// Bits of `c_lflag`.
public enum LocalMode {
    @inlinable public static var signals: UInt32 { 0o1 }  // ISIG
    @inlinable public static var canonical: UInt32 { 0o2 }  // ICANON
    @inlinable public static var echo: UInt32 { 0o10 }  // ECHO
    @inlinable public static var echoErase: UInt32 { 0o20 }  // ECHOE
    @inlinable public static var echoKill: UInt32 { 0o40 }  // ECHOK
    @inlinable public static var echoNewline: UInt32 { 0o100 }  // ECHONL
    @inlinable public static var noFlush: UInt32 { 0o200 }  // NOFLSH
    @inlinable public static var stopBackgroundOutput: UInt32 { 0o400 }  // TOSTOP
    @inlinable public static var echoControl: UInt32 { 0o1000 }  // ECHOCTL
    @inlinable public static var echoPrint: UInt32 { 0o2000 }  // ECHOPRT
    @inlinable public static var echoKillErase: UInt32 { 0o4000 }  // ECHOKE
    @inlinable public static var extended: UInt32 { 0o100000 }  // IEXTEN
    @inlinable public static var externalProcessing: UInt32 { 0o200000 }  // EXTPROC
}

/// `struct winsize`.
public struct WindowSize: BitwiseCopyable, Equatable, Sendable {
    public var rows: UInt16 = 0
    public var columns: UInt16 = 0
    public var pixelWidth: UInt16 = 0
    public var pixelHeight: UInt16 = 0
    public init() {}
}

/// ioctl requests of terminals (`include/uapi/asm-generic/ioctls.h`).
public enum TerminalRequest {
    public static var getTermios: UInt32 { 0x5401 }  // TCGETS
    public static var setTermios: UInt32 { 0x5402 }  // TCSETS
    public static var setTermiosDrain: UInt32 { 0x5403 }  // TCSETSW
    public static var setTermiosFlush: UInt32 { 0x5404 }  // TCSETSF
    public static var sendBreak: UInt32 { 0x5409 }  // TCSBRK
    public static var flowControl: UInt32 { 0x540A }  // TCXONC
    public static var flush: UInt32 { 0x540B }  // TCFLSH
    public static var exclusive: UInt32 { 0x540C }  // TIOCEXCL
    public static var notExclusive: UInt32 { 0x540D }  // TIOCNXCL
    public static var setControlling: UInt32 { 0x540E }  // TIOCSCTTY
    public static var getForegroundGroup: UInt32 { 0x540F }  // TIOCGPGRP
    public static var setForegroundGroup: UInt32 { 0x5410 }  // TIOCSPGRP
    public static var outputQueued: UInt32 { 0x5411 }  // TIOCOUTQ
    public static var getWindowSize: UInt32 { 0x5413 }  // TIOCGWINSZ
    public static var setWindowSize: UInt32 { 0x5414 }  // TIOCSWINSZ
    public static var inputQueued: UInt32 { 0x541B }  // FIONREAD
    public static var packetMode: UInt32 { 0x5420 }  // TIOCPKT
    public static var nonBlocking: UInt32 { 0x5421 }  // FIONBIO
    public static var giveUpControlling: UInt32 { 0x5422 }  // TIOCNOTTY
    public static var setLineDiscipline: UInt32 { 0x5423 }  // TIOCSETD
    public static var getLineDiscipline: UInt32 { 0x5424 }  // TIOCGETD
    public static var sendBreakPOSIX: UInt32 { 0x5425 }  // TCSBRKP
    public static var getSession: UInt32 { 0x5429 }  // TIOCGSID
    public static var getTermios2: UInt32 { 0x802C_542A }  // TCGETS2
    public static var setTermios2: UInt32 { 0x402C_542B }  // TCSETS2
    public static var setTermios2Drain: UInt32 { 0x402C_542C }  // TCSETSW2
    public static var setTermios2Flush: UInt32 { 0x402C_542D }  // TCSETSF2
    public static var getPTYNumber: UInt32 { 0x8004_5430 }  // TIOCGPTN
    public static var setPTYLock: UInt32 { 0x4004_5431 }  // TIOCSPTLCK
    public static var signalSlave: UInt32 { 0x4004_5436 }  // TIOCSIG
    public static var getPacketMode: UInt32 { 0x8004_5438 }  // TIOCGPKT
    public static var getPTYLock: UInt32 { 0x8004_5439 }  // TIOCGPTLCK
    public static var getExclusive: UInt32 { 0x8004_5440 }  // TIOCGEXCL
    public static var openPTYPeer: UInt32 { 0x5441 }  // TIOCGPTPEER
}

/// Status bytes of packet mode.
public enum PacketStatus {
    public static var data: UInt8 { 0 }
    public static var flushRead: UInt8 { 1 }
    public static var flushWrite: UInt8 { 2 }
    public static var stop: UInt8 { 4 }
    public static var start: UInt8 { 8 }
    public static var noStop: UInt8 { 16 }
    public static var doStop: UInt8 { 32 }
    public static var control: UInt8 { 64 }
}
