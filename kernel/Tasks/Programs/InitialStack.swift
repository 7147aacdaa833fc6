import ABI
import Support
import VirtualMemory

/// What the stack of a new program says about who runs it.
public struct ProgramIdentity {
    public var userID: UInt32 = 0
    public var effectiveUserID: UInt32 = 0
    public var groupID: UInt32 = 0
    public var effectiveGroupID: UInt32 = 0
    /// The program runs with rights that its caller does not have: libraries must not trust the environment.
    public var isSecure = false
    public init() {}
}

/// What the processor can do, for AT_HWCAP: CPUID leaf 1, EDX; and AT_HWCAP2.
public struct HardwareCapabilities: Sendable {
    public var first: UInt64
    public var second: UInt64
    public var minimumSignalStack: UInt64
    public init(first: UInt64, second: UInt64, minimumSignalStack: UInt64 = 2048) {
        self.first = first
        self.second = second
        self.minimumSignalStack = minimumSignalStack
    }
}

/// The stack that a program starts with (System V ABI, AMD64 supplement, section 3.4.1): the argument count, pointers to arguments
/// and environment, the auxiliary vector, and above them the strings.
public struct InitialStack {
    /// Where the stack pointer starts: at the argument count, 16-byte aligned.
    public private(set) var pointer: UInt64 = 0
    /// Where the strings are, for /proc/PID/cmdline and environ.
    public private(set) var argumentRange: (start: UInt64, end: UInt64) = (0, 0)
    public private(set) var environmentRange: (start: UInt64, end: UInt64) = (0, 0)
    /// Where the auxiliary vector is, for /proc/PID/auxv.
    public private(set) var auxiliaryRange: (start: UInt64, end: UInt64) = (0, 0)

    /// Bytes that are mapped at first, at least; more comes by faults.
    static let initialByteCount: UInt64 = 132 << 10

    /// Maps and fills the stack of a loaded program.
    /// - Parameters:
    ///   - path: what the program was started as (AT_EXECFN).
    ///   - random: a source of random words.
    public init(
        in space: AddressSpace, program: LoadedProgram, arguments: ProgramStrings, environment: ProgramStrings, path: [UInt8],
        identity: ProgramIdentity, hardware: HardwareCapabilities, random: () -> UInt64
    ) throws(Errno) {
        let top = space.layout.stackTop
        // From the top: a word of zeros, the path, environment, arguments.
        let pathStart = top - 8 - UInt64(path.count + 1)
        let environmentStart = pathStart - UInt64(environment.bytes.count)
        let argumentStart = environmentStart - UInt64(arguments.bytes.count)
        argumentRange = (argumentStart, environmentStart)
        environmentRange = (environmentStart, pathStart)
        // Below: the platform's name, 16 random bytes, a random distance, then the vectors.
        let randomStart = (argumentStart & ~15) - 16
        let platform: [UInt8] = Array("x86_64".utf8) + [0]
        let platformStart = randomStart - 8
        let wordsEnd = (platformStart - (random() & 0x1fff)) & ~15

        var vector: [(UInt64, UInt64)] = [
            (AuxiliaryKey.sharedObject, program.sharedObject),
            (AuxiliaryKey.hardwareCapabilities, hardware.first), (AuxiliaryKey.pageSize, 4096), (AuxiliaryKey.clockTicks, 100),
            (AuxiliaryKey.programHeaders, program.programHeaders), (AuxiliaryKey.programHeaderSize, 56),
            (AuxiliaryKey.programHeaderCount, program.programHeaderCount),
            (AuxiliaryKey.interpreterBase, program.interpreterBase),
            (AuxiliaryKey.flags, 0), (AuxiliaryKey.entry, program.programEntry),
            (AuxiliaryKey.userID, UInt64(identity.userID)), (AuxiliaryKey.effectiveUserID, UInt64(identity.effectiveUserID)),
            (AuxiliaryKey.groupID, UInt64(identity.groupID)), (AuxiliaryKey.effectiveGroupID, UInt64(identity.effectiveGroupID)),
            (AuxiliaryKey.secure, identity.isSecure ? 1 : 0), (AuxiliaryKey.random, randomStart),
            (AuxiliaryKey.hardwareCapabilities2, hardware.second), (AuxiliaryKey.executableName, pathStart),
            (AuxiliaryKey.platform, platformStart), (AuxiliaryKey.minimumSignalStack, hardware.minimumSignalStack),
            (AuxiliaryKey.null, 0),
        ]
        if program.sharedObject == 0 { vector.removeFirst() }
        let wordCount = 1 + arguments.count + 1 + environment.count + 1 + vector.count * 2
        pointer = (wordsEnd - UInt64(wordCount * 8)) & ~15
        let auxiliaryEnd = pointer + UInt64(wordCount * 8)
        auxiliaryRange = (auxiliaryEnd - UInt64(vector.count * 16), auxiliaryEnd)
        guard top - pointer <= max(space.limits.stack, Self.initialByteCount) else { throw .argumentListTooLong }
        try Self.mapStack(space, top: top, used: top - pointer, executable: program.hasExecutableStack)

        var words: [UInt64] = []
        words.reserveCapacity(wordCount)
        words.append(UInt64(arguments.count))
        Self.appendPointers(&words, to: arguments, at: argumentStart)
        Self.appendPointers(&words, to: environment, at: environmentStart)
        for (key, value) in vector {
            words.append(key)
            words.append(value)
        }
        let bytes = words.withUnsafeBytes { [UInt8]($0) }
        try space.write(bytes, at: pointer)
        let noise: [UInt64] = [random(), random()]
        try space.write(platform, at: platformStart)
        try space.write(noise.withUnsafeBytes { [UInt8]($0) }, at: randomStart)
        try space.write(arguments.bytes, at: argumentStart)
        try space.write(environment.bytes, at: environmentStart)
        try space.write(path + [0], at: pathStart)
    }

    private static func mapStack(_ space: AddressSpace, top: UInt64, used: UInt64, executable: Bool) throws(Errno) {
        let byteCount = max(pageRoundUp(used), min(initialByteCount, pageRoundUp(max(space.limits.stack, 4096))))
        var request = MapRequest(byteCount: byteCount, protection: executable ? .all : [.read, .write])
        request.placement = .fixedNoReplace(top - byteCount)
        request.flags = [.growsDown, .stack]
        _ = try space.map(request)
    }

    /// Pointers to the strings, then a null.
    private static func appendPointers(_ words: inout [UInt64], to strings: ProgramStrings, at address: UInt64) {
        var start = 0
        let bytes = strings.bytes
        for index in bytes.indices where bytes[index] == 0 {
            words.append(address + UInt64(start))
            start = index + 1
        }
        words.append(0)
    }
}
