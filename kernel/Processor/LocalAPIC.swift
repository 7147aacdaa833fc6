import Support

/// The interrupt controller inside each processor (Intel SDM volume 3A, chapter 11), in xAPIC or x2APIC mode.
public enum LocalAPIC {
    // Written once at boot.
    nonisolated(unsafe) private static var memory: UnsafeMutableRawPointer?
    nonisolated(unsafe) private static var usesMSRs = false
    /// The first processor's number. Devices send their interrupts there.
    nonisolated(unsafe) public private(set) static var identifier: UInt32 = 0

    enum Register: Int {
        case identifier = 0x20
        case taskPriority = 0x80
        case endOfInterrupt = 0xb0
        case spurious = 0xf0
        case timer = 0x320
        case lint0 = 0x350
        case lint1 = 0x360
        case command = 0x300
        case commandTarget = 0x310
        case error = 0x370
        case initialCount = 0x380
        case currentCount = 0x390
        case divide = 0x3e0
    }

    static func start(memory base: UnsafeMutableRawPointer) {
        memory = base
        usesMSRs = Features.current.hasX2APIC
        startHere()
        identifier = usesMSRs ? read(.identifier) : read(.identifier) >> 24
        PerCPU.current.pointee.identifier = identifier
    }

    /// Brings up the controller of the processor that runs this.
    static func startHere() {
        let apicBase = asmReadMSR(MSR.apicBase)
        asmWriteMSR(MSR.apicBase, apicBase | (1 << 11) | (usesMSRs ? 1 << 10 : 0))
        write(.taskPriority, 0)
        write(.timer, 1 << 16)
        // LINT0 masked: the PIC is not used. LINT1 is NMI.
        write(.lint0, 1 << 16)
        write(.lint1, 0x400)
        write(.error, 1 << 16)
        write(.spurious, 0x100 | UInt32(Interrupts.spuriousVector))
    }

    static func read(_ register: Register) -> UInt32 {
        if usesMSRs { return UInt32(truncatingIfNeeded: asmReadMSR(MSR.x2apicBase + UInt32(register.rawValue >> 4))) }
        return asmRead32(UnsafeRawPointer(memory! + register.rawValue))
    }

    @inline(__always)
    static func write(_ register: Register, _ value: UInt32) {
        if usesMSRs {
            asmWriteMSR(MSR.x2apicBase + UInt32(register.rawValue >> 4), UInt64(value))
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
        if usesMSRs {
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
}

/// An IOAPIC: routes device lines to vectors (Intel 82093AA datasheet).
struct IOAPICController {
    let memory: UnsafeMutableRawPointer
    let firstInput: UInt32
    let inputCount: UInt32

    init(memory: UnsafeMutableRawPointer, firstInput: UInt32) {
        self.memory = memory
        self.firstInput = firstInput
        asmWrite32(memory, 1)
        inputCount = (asmRead32(UnsafeRawPointer(memory + 16)) >> 16 & 0xff) + 1
        for input in 0..<inputCount { writeRegister(0x10 + input * 2, 1 << 16) }
    }

    private func writeRegister(_ index: UInt32, _ value: UInt32) {
        asmWrite32(memory, index)
        asmWrite32(memory + 16, value)
    }

    func program(input: UInt32, vector: UInt8, isLevel: Bool, isActiveLow: Bool, destination: UInt32) {
        writeRegister(0x11 + input * 2, destination << 24)
        writeRegister(0x10 + input * 2, UInt32(vector) | (isActiveLow ? 1 << 13 : 0) | (isLevel ? 1 << 15 : 0))
    }
}

/// The pair of 8259A controllers, used only where there is no IOAPIC.
enum LegacyPIC {
    static func remapAndMask() {
        asmOut8(0x20, 0x11); asmOut8(0xa0, 0x11)  // ICW1: initialise, ICW4 follows
        asmOut8(0x21, 32); asmOut8(0xa1, 40)  // ICW2: vectors
        asmOut8(0x21, 4); asmOut8(0xa1, 2)  // ICW3: the second on line 2
        asmOut8(0x21, 1); asmOut8(0xa1, 1)  // ICW4: 8086 mode
        asmOut8(0x21, 0xff); asmOut8(0xa1, 0xff)
    }

    static func unmask(_ irq: UInt8) {
        if irq >= 8 {
            asmOut8(0xa1, asmIn8(0xa1) & ~(1 << (irq - 8)))
            asmOut8(0x21, asmIn8(0x21) & ~(1 << 2))
        } else {
            asmOut8(0x21, asmIn8(0x21) & ~(1 << irq))
        }
    }

    /// Lines 7 and 15 are raised without cause when a request vanishes: the in-service register tells.
    static func isSpurious(_ irq: UInt8) -> Bool {
        guard irq == 7 || irq == 15 else { return false }
        let port: UInt16 = irq == 7 ? 0x20 : 0xa0
        asmOut8(port, 0x0b)
        if asmIn8(port) & 0x80 != 0 { return false }
        if irq == 15 { asmOut8(0x20, 0x20) }
        return true
    }

    static func endOfInterrupt(_ irq: UInt8) {
        if irq >= 8 { asmOut8(0xa0, 0x20) }
        asmOut8(0x20, 0x20)
    }
}
