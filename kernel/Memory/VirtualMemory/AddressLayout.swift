import Support

/// Where things go in a fresh address space. Randomised with the entropy that Linux uses on x86-64.
public struct AddressLayout: Sendable {
    /// mmap places from here downwards.
    public var mappingTop: UInt64
    /// The initial stack ends here.
    public var stackTop: UInt64
    /// Where a position-independent program is loaded when it has an interpreter.
    public var programBase: UInt64
    /// Added to the end of the program's data for the first `brk`.
    public var breakOffset: UInt64

    static let pageMask: UInt64 = ~4095
    /// Two thirds of the user half, as Linux's ELF_ET_DYN_BASE.
    static let programBaseLowest: UInt64 = 0x2aaa_aaaa_a000

    /// - Parameters:
    ///   - stackLimit: RLIMIT_STACK, for which room is left above the mappings.
    ///   - random: a source of random words; nil for a fixed layout.
    public init(stackLimit: UInt64, random: (() -> UInt64)?) {
        let limit = UserAddress.limit
        var stackRandom: UInt64 = 0, mappingRandom: UInt64 = 0, programRandom: UInt64 = 0, breakRandom: UInt64 = 0
        if let random {
            // Two words hold it all: random numbers are not cheap.
            let first = random(), second = random()
            stackRandom = (first & 0x3f_ffff) << 12
            mappingRandom = (first >> 22 & 0xfff_ffff) << 12
            programRandom = (second & 0xfff_ffff) << 12
            breakRandom = (second >> 28 & 0x1fff) << 12
        }
        stackTop = limit - stackRandom
        // Room for the stack's limit, its random part and the guard; at least 128 MiB, at most five sixths.
        let padding = (0x3f_ffff << 12) + Area.stackGuard
        let wanted = stackLimit > UInt64.max - padding ? stackLimit : stackLimit + padding
        let gap = min(max(wanted, 128 << 20), limit / 6 * 5)
        mappingTop = (limit - gap - mappingRandom) & Self.pageMask
        programBase = Self.programBaseLowest + programRandom
        breakOffset = breakRandom
    }

    /// A layout from the kernel's random numbers.
    public static func randomized(stackLimit: UInt64) -> AddressLayout {
        AddressLayout(stackLimit: stackLimit, random: { KernelRandom.next() })
    }
}

/// The limits of a process that concern its memory (RLIMIT_*), in bytes.
public struct MemoryLimits: Sendable {
    public var addressSpace: UInt64 = .max
    public var data: UInt64 = .max
    public var stack: UInt64 = 8 << 20
    public var locked: UInt64 = 8 << 20
    public init() {}
}

/// How much memory an address space maps and uses, in pages.
public struct MemoryUsage: Sendable {
    public var mapped: UInt64 = 0
    public var residentAnonymous: UInt64 = 0
    public var residentFile: UInt64 = 0
    public var residentShared: UInt64 = 0
    public var locked: UInt64 = 0
    public var data: UInt64 = 0
    public var stack: UInt64 = 0
    public var text: UInt64 = 0
    /// Pages of 2 MiB: 512 of `residentAnonymous` each.
    public var large: UInt64 = 0
    /// Counted in `Commitment`.
    public var promised: UInt64 = 0
    /// The most that was ever mapped, and resident.
    public var peakMapped: UInt64 = 0
    public var peakResident: UInt64 = 0
    public init() {}
    public var resident: UInt64 { residentAnonymous &+ residentFile &+ residentShared }
}
