import ABI
import Frames
import Processes
import Processor
import Scheduling
import Support

/// The system as a whole: names, limits, usage, reboot.
public enum SystemCalls {
    /// The node name that sethostname sets, at most 64 bytes.
    public static let hostName = SpinLock<[UInt8]>(Array(StaticBytes("martlet")))
    /// The Linux release whose system-call interface this is: programs and C libraries look at it.
    public static let release: StaticString = "6.1.0-martlet"
    /// Performs what reboot asked for; set by Boot.
    nonisolated(unsafe) public static var powerHandler: ((PowerAction) -> Void)?

    public enum PowerAction { case restart, powerOff, halt }

    public static func register(_ table: inout SyscallTable) {
        table.set(.uname, uname)
        table.set(.sethostname, setHostName)
        table.set(.sysinfo, sysinfo)
        table.set(.getrlimit) { (a) throws(Errno) in
            try copyOut(Process.current.limits[try limitKind(a.int32(0))], to: a.address(1))
            return 0
        }
        table.set(.setrlimit) { (a) throws(Errno) in
            let kind = try limitKind(a.int32(0))
            try setLimit(Process.current, kind, try copyIn(ResourceLimits.Limit.self, from: a.address(1)))
            return 0
        }
        table.set(.prlimit64, prlimit)
        table.set(.getrusage, getrusage)
        table.set(.times, times)
        table.set(.personality) { (a) throws(Errno) in
            guard a.uint32(0) == 0 || a.uint32(0) == .max else { throw .invalidArgument }
            return 0
        }
        table.set(.reboot, reboot)
        table.set(.syslog, syslog)
    }

    /// `struct new_utsname`: six fields of 65 bytes.
    private static func uname(_ a: SyscallArguments) throws(Errno) -> Int {
        var bytes = [UInt8](repeating: 0, count: 6 * 65)
        func put(_ text: [UInt8], _ field: Int) {
            for (index, byte) in text.prefix(64).enumerated() { bytes[field * 65 + index] = byte }
        }
        put(Array(StaticBytes("Martlet")), 0)
        put(hostName.withLock { $0 }, 1)
        put(Array(StaticBytes(release)), 2)
        put(Array(StaticBytes("#1 SMP Martlet")), 3)
        put(Array(StaticBytes("x86_64")), 4)
        put(Array(StaticBytes("(none)")), 5)
        try copyOutBytes(bytes, to: a.address(0))
        return 0
    }

    private static func setHostName(_ a: SyscallArguments) throws(Errno) -> Int {
        guard Process.current.credentials.isPrivileged else { throw .notPermitted }
        guard a.int(1) >= 0, a.int(1) <= 64 else { throw .invalidArgument }
        let name = try copyInBytes(from: a.address(0), count: a.int(1))
        hostName.withLock { $0 = name }
        return 0
    }

    /// `struct sysinfo`, 112 bytes.
    private static func sysinfo(_ a: SyscallArguments) throws(Errno) -> Int {
        var words = [UInt64](repeating: 0, count: 14)
        words[0] = Clock.monotonic / 1_000_000_000
        words[4] = UInt64(FrameAllocator.totalFrames) * 4096
        words[5] = UInt64(FrameAllocator.freeFrames) * 4096
        // procs is a 16-bit field at byte 80; mem_unit a 32-bit one at byte 104.
        words[10] = UInt64(min(ProcessTable.counts.threads, 0xffff))
        words[13] = 1
        let bytes = words.withUnsafeBytes { Array($0) }
        try copyOutBytes(bytes, to: a.address(0))
        return 0
    }

    private static func limitKind(_ number: Int32) throws(Errno) -> ResourceLimits.Kind {
        guard number >= 0, let kind = ResourceLimits.Kind(rawValue: Int(number)) else { throw .invalidArgument }
        return kind
    }

    private static func setLimit(_ process: Process, _ kind: ResourceLimits.Kind, _ new: ResourceLimits.Limit) throws(Errno) {
        guard new.soft <= new.hard else { throw .invalidArgument }
        var limits = process.limits
        if new.hard > limits[kind].hard, !Process.current.credentials.isPrivileged { throw .notPermitted }
        if kind == .openFiles, new.hard > 1 << 20 { throw .notPermitted }
        limits[kind] = new
        process.limits = limits
        MemoryCalls.applyLimits(of: process)
        if kind == .cpu { process.processorLimitChanged() }
    }

    private static func prlimit(_ a: SyscallArguments) throws(Errno) -> Int {
        let process = try ProcessCalls.target(a.int32(0))
        let kind = try limitKind(a.int32(1))
        if process !== Process.current, !ProcessTable.maySignal(Process.current, process, 0) { throw .notPermitted }
        let old = process.limits[kind]
        if !a.address(2).isNull { try setLimit(process, kind, try copyIn(ResourceLimits.Limit.self, from: a.address(2))) }
        if !a.address(3).isNull { try copyOut(old, to: a.address(3)) }
        return 0
    }

    private static func getrusage(_ a: SyscallArguments) throws(Errno) -> Int {
        let process = Process.current
        let usage: ResourceUsage
        switch a.int32(0) {
        case 0, 1:
            let time = process.processorTime
            usage = ResourceUsage(userNanoseconds: time.total - min(time.system, time.total), systemNanoseconds: time.system)
        case -1:
            let time = process.childrenProcessorTime
            usage = ResourceUsage(userNanoseconds: time.total - time.system, systemNanoseconds: time.system)
        default: throw .invalidArgument
        }
        try copyOut(usage, to: a.address(1))
        return 0
    }

    /// Clock ticks are 10 ms.
    private static func times(_ a: SyscallArguments) throws(Errno) -> Int {
        let process = Process.current
        let time = process.processorTime
        if !a.address(0).isNull {
            let children = process.childrenProcessorTime
            let values = [time.total - time.system, time.system, children.total - children.system, children.system]
            for (index, value) in values.enumerated() { try copyOut(value / 10_000_000, to: a.address(0) + index * 8) }
        }
        return Int(Clock.monotonic / 10_000_000)
    }

    private static func reboot(_ a: SyscallArguments) throws(Errno) -> Int {
        guard Process.current.credentials.isPrivileged else { throw .notPermitted }
        let second = a.uint32(1)
        guard a.uint32(0) == 0xfee1_dead, [672_274_793, 85_072_278, 369_367_448, 537_993_216].contains(second) else {
            throw .invalidArgument
        }
        switch a.uint32(2) {
        case 0x0123_4567: powerHandler?(.restart)
        case 0x4321_fedc: powerHandler?(.powerOff)
        case 0xcdef_0123: powerHandler?(.halt)
        case 0, 0x89ab_cdef: break  // Ctrl-Alt-Del off and on: the kernel never acts on it
        default: throw .invalidArgument
        }
        return 0
    }

    /// `syslog`: read all (3), console level (8), sizes (9, 10).
    private static func syslog(_ a: SyscallArguments) throws(Errno) -> Int {
        switch a.int32(0) {
        case 3:
            guard a.int32(2) >= 0 else { throw .invalidArgument }
            let wanted = min(Int(a.int32(2)), 64 * 1024)
            var bytes = [UInt8](repeating: 0, count: wanted)
            var position: UInt64 = 0
            let count = bytes.withUnsafeMutableBytes { Log.read(position: &position, into: $0) }
            bytes.removeLast(wanted - count)
            try copyOutBytes(bytes, to: a.address(1))
            return count
        case 6, 7: return 0
        case 8:
            guard let level = LogLevel(rawValue: UInt8(clamping: a.int32(2) - 1)) else { throw .invalidArgument }
            Log.consoleLevel = level
            return 0
        case 9: return 0
        case 10: return 64 * 1024
        default: throw .invalidArgument
        }
    }
}

/// The bytes of a static string, as a collection.
func StaticBytes(_ text: StaticString) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
}
