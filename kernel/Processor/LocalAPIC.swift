import Support

/// Registers of the local APIC, by their offsets in xAPIC mode (Intel SDM volume 3A, table 11-1).
public enum APICRegister: Int, Sendable {
    case identifier = 0x20
    case taskPriority = 0x80
    case endOfInterrupt = 0xb0
    case spurious = 0xf0
    case errorStatus = 0x280
    case command = 0x300
    case commandTarget = 0x310
    case timer = 0x320
    case lint0 = 0x350
    case lint1 = 0x360
    case error = 0x370
    case initialCount = 0x380
    case currentCount = 0x390
    case divide = 0x3e0

    /// The model-specific register that it is in x2APIC mode (11.12.1.2). The command is one of 64 bits there, with the target in its
    /// upper half, so there is none for the target.
    public var modelSpecific: UInt32? { self == .commandTarget ? nil : 0x800 + UInt32(rawValue >> 4) }
}

/// How the registers are reached.
public protocol APICAccess {
    func read(_ register: APICRegister) -> UInt32
    func write(_ register: APICRegister, _ value: UInt32)
}

/// What a processor's controller needs before it works. Pure but for the access.
public enum APICSetup {
    /// Interrupts of all priorities, none from the timer or the PIC yet, NMIs by LINT1.
    public static func bringUp<Access: APICAccess>(_ access: Access, errorVector: UInt8, spuriousVector: UInt8) {
        access.write(.taskPriority, 0)
        access.write(.timer, 1 << 16)
        access.write(.lint0, 1 << 16)
        access.write(.lint1, 0x400)
        // Enabled before the error register is written: while it is off, local interrupts stay masked.
        access.write(.spurious, 0x100 | UInt32(spuriousVector))
        access.write(.errorStatus, 0)
        access.write(.error, UInt32(errorVector))
    }

    /// IA32_APIC_BASE for a mode: from xAPIC to x2APIC is one step, but there is no way back (11.12.5).
    public static func base(_ old: UInt64, usesX2APIC: Bool) -> UInt64 { old | 1 << 11 | (usesX2APIC ? 1 << 10 : 0) }
}

/// The interrupt controller inside each processor (Intel SDM volume 3A, chapter 11), in xAPIC or x2APIC mode.
public enum LocalAPIC {
    // Written once at boot.
    nonisolated(unsafe) private static var memory: UnsafeMutableRawPointer?
    nonisolated(unsafe) public private(set) static var usesX2APIC = false
    /// The first processor's number.
    nonisolated(unsafe) public private(set) static var identifier: UInt32 = 0

    private struct Registers: APICAccess {
        func read(_ register: APICRegister) -> UInt32 { LocalAPIC.read(register) }
        func write(_ register: APICRegister, _ value: UInt32) { LocalAPIC.write(register, value) }
    }

    static func start(memory base: UnsafeMutableRawPointer) {
        memory = base
        // Also where the firmware has switched to it already.
        usesX2APIC = Features.current.hasX2APIC
        startHere()
        identifier = usesX2APIC ? read(.identifier) : read(.identifier) >> 24
        PerCPU.current.pointee.identifier = identifier
        if usesX2APIC { Log.info("interrupts: x2APIC") }
    }

    /// Brings up the controller of the processor that runs this.
    static func startHere() {
        asmWriteMSR(MSR.apicBase, APICSetup.base(asmReadMSR(MSR.apicBase), usesX2APIC: usesX2APIC))
        APICSetup.bringUp(Registers(), errorVector: Interrupts.errorVector, spuriousVector: Interrupts.spuriousVector)
    }

    static func read(_ register: APICRegister) -> UInt32 {
        if usesX2APIC { return register.modelSpecific.map { UInt32(truncatingIfNeeded: asmReadMSR($0)) } ?? 0 }
        return asmRead32(UnsafeRawPointer(memory! + register.rawValue))
    }

    @inline(__always)
    static func write(_ register: APICRegister, _ value: UInt32) {
        if usesX2APIC {
            if let index = register.modelSpecific { asmWriteMSR(index, UInt64(value)) }
        } else {
            asmWrite32(memory! + register.rawValue, value)
        }
    }

    /// Interrupts another processor.
    static func send(_ vector: UInt8, to target: UInt32) { send(command: 0x4000 | UInt32(vector), to: target) }

    /// Writes the interrupt command register (11.6.1): the low half, and the target's number.
    static func send(command: UInt32, to target: UInt32) {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        if usesX2APIC {
            // Such a write does not wait for earlier stores, which the target has to see.
            asmMemoryFence()
            asmWriteMSR(MSR.x2apicBase + 0x30, UInt64(target) << 32 | UInt64(command))
            return
        }
        write(.commandTarget, target << 24)
        write(.command, command)
        // Sending takes microseconds; a controller that never finishes is not waited for longer than that is worth.
        var patience = 100_000
        while patience > 0, read(.command) & 1 << 12 != 0 {
            machinePause()
            patience -= 1
        }
    }

    /// Interrupts another processor with an NMI, which it cannot keep off.
    public static func sendNonMaskable(to target: UInt32) { send(command: 0x4400, to: target) }

    static func endOfInterrupt() { write(.endOfInterrupt, 0) }

    /// A write makes the register show what has happened since the last one; here it is only counted.
    static func clearErrors() { write(.errorStatus, 0) }
}
