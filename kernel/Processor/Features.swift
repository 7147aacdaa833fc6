/// What this processor can do, from CPUID (Intel SDM volume 2A, CPUID). Read once at boot; read-only afterwards.
public struct Features: Sendable {
    public var hasSMEP = false
    public var hasSMAP = false
    public var hasUMIP = false
    public var hasPCID = false
    public var hasFSGSBase = false
    public var hasXSAVE = false
    public var hasXSAVEOPT = false
    public var hasX2APIC = false
    public var hasAPIC = false
    public var hasTSCDeadline = false
    public var hasInvariantTSC = false
    public var hasGiBPages = false
    public var hasNoExecute = false
    public var hasRDRAND = false
    public var hasPAT = false
    public var hasRDTSCP = false
    public var hasRDPID = false
    /// Set by hypervisors and emulators: the processor is a program that may not be running at any time.
    public var isVirtual = false
    /// CPUID leaf 1 EDX: what AT_HWCAP shows to programs.
    public var hardwareCapabilities: UInt32 = 0
    public var physicalAddressBits: UInt8 = 36
    public var family: UInt32 = 0
    public var model: UInt32 = 0
    public var stepping: UInt32 = 0

    /// Protected by being written once, before other processors start.
    nonisolated(unsafe) public static var current = Features()

    /// The number by which interrupt controllers will know this processor (SDM volume 3A, 11.4.6).
    static var initialIdentifier: UInt32 {
        if cpuid(0).eax >= 11 {
            let topology = cpuid(11)
            if topology.ebx & 0xffff != 0 { return topology.edx }
        }
        return cpuid(1).ebx >> 24
    }

    /// Asks the processor.
    public static func detect() -> Features {
        var result = Features()
        let top = cpuid(0).eax
        let one = cpuid(1)
        result.hasXSAVE = one.ecx & (1 << 26) != 0
        result.hasX2APIC = one.ecx & (1 << 21) != 0
        result.hasTSCDeadline = one.ecx & (1 << 24) != 0
        result.hasPCID = one.ecx & (1 << 17) != 0
        result.hasRDRAND = one.ecx & (1 << 30) != 0
        result.isVirtual = one.ecx & (1 << 31) != 0
        result.hasAPIC = one.edx & (1 << 9) != 0
        result.hasPAT = one.edx & (1 << 16) != 0
        result.hardwareCapabilities = one.edx
        let baseFamily = (one.eax >> 8) & 15
        result.family = baseFamily == 15 ? baseFamily + ((one.eax >> 20) & 255) : baseFamily
        result.model = ((one.eax >> 4) & 15) | (baseFamily >= 6 ? (one.eax >> 12) & 0xf0 : 0)
        result.stepping = one.eax & 15
        if top >= 7 {
            let seven = cpuid(7)
            result.hasFSGSBase = seven.ebx & 1 != 0
            result.hasSMEP = seven.ebx & (1 << 7) != 0
            result.hasSMAP = seven.ebx & (1 << 20) != 0
            result.hasUMIP = seven.ecx & (1 << 2) != 0
            result.hasRDPID = seven.ecx & (1 << 22) != 0
        }
        if result.hasXSAVE, top >= 13 { result.hasXSAVEOPT = cpuid(13, 1).eax & 1 != 0 }
        let extendedTop = cpuid(0x8000_0000).eax
        if extendedTop >= 0x8000_0001 {
            let extended = cpuid(0x8000_0001)
            result.hasGiBPages = extended.edx & (1 << 26) != 0
            result.hasNoExecute = extended.edx & (1 << 20) != 0
            result.hasRDTSCP = extended.edx & (1 << 27) != 0
        }
        if extendedTop >= 0x8000_0007 { result.hasInvariantTSC = cpuid(0x8000_0007).edx & (1 << 8) != 0 }
        if extendedTop >= 0x8000_0008 { result.physicalAddressBits = UInt8(cpuid(0x8000_0008).eax & 255) }
        return result
    }

    /// The 12-byte vendor name, and the 48-byte brand name without trailing zeros.
    public static func names() -> (vendor: [UInt8], brand: [UInt8]) {
        var vendor: [UInt8] = []
        let zero = cpuid(0)
        for word in [zero.ebx, zero.edx, zero.ecx] { appendBytes(of: word, to: &vendor) }
        var brand: [UInt8] = []
        if cpuid(0x8000_0000).eax >= 0x8000_0004 {
            for leaf in UInt32(0x8000_0002)...0x8000_0004 {
                let part = cpuid(leaf)
                for word in [part.eax, part.ebx, part.ecx, part.edx] { appendBytes(of: word, to: &brand) }
            }
            while let last = brand.last, last == 0 || last == 32 { brand.removeLast() }
        }
        return (vendor, brand)
    }

    private static func appendBytes(of word: UInt32, to bytes: inout [UInt8]) {
        for shift in [UInt32(0), 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }
}

/// The four registers that CPUID answers with.
public struct CPUIDResult {
    public var eax: UInt32 = 0
    public var ebx: UInt32 = 0
    public var ecx: UInt32 = 0
    public var edx: UInt32 = 0
}

/// Executes CPUID.
public func cpuid(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> CPUIDResult {
    var result = CPUIDResult()
    withUnsafeMutablePointer(to: &result) { pointer in
        // SAFETY: the structure is four 32-bit words in the order that the stub writes.
        pointer.withMemoryRebound(to: UInt32.self, capacity: 4) { asmCPUID(leaf, subleaf, $0) }
    }
    return result
}
