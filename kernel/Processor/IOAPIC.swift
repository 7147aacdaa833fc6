import Support

/// An IOAPIC: routes device lines to vectors (Intel 82093AA datasheet). There may be several; each has a range of global inputs.
final class IOAPICController {
    private let memory: UnsafeMutableRawPointer
    let firstInput: UInt32
    let inputCount: UInt32
    /// The registers are reached through an index.
    private let access = SpinLock<Int>(0)

    init(memory: UnsafeMutableRawPointer, firstInput: UInt32) {
        self.memory = memory
        self.firstInput = firstInput
        asmWrite32(memory, 1)
        inputCount = (asmRead32(UnsafeRawPointer(memory + 16)) >> 16 & 0xff) + 1
        for input in 0..<inputCount { mask(input) }
    }

    private func writeRegister(_ index: UInt32, _ value: UInt32) {
        asmWrite32(memory, index)
        asmWrite32(memory + 16, value)
    }

    func mask(_ input: UInt32) { access.withLock { _ in writeRegister(0x10 + input * 2, 1 << 16) } }

    /// Masked while both halves change, so that no interrupt goes to the old processor with half of the new settings.
    func program(_ input: UInt32, low: UInt32, destination: UInt32) {
        access.withLock { _ in
            writeRegister(0x10 + input * 2, low | 1 << 16)
            writeRegister(0x11 + input * 2, destination << 24)
            writeRegister(0x10 + input * 2, low)
        }
    }
}

/// An input of an IOAPIC as the way of an interrupt.
final class IOAPICRoute: InterruptRoute {
    private let controller: IOAPICController
    private let input: UInt32
    private let low: UInt32
    private let isLevel: Bool

    init(_ controller: IOAPICController, input: UInt32, vector: UInt8, isLevel: Bool, isActiveLow: Bool) {
        self.controller = controller
        self.input = input
        self.isLevel = isLevel
        low = UInt32(vector) | (isActiveLow ? 1 << 13 : 0) | (isLevel ? 1 << 15 : 0)
    }

    override var kind: StaticString { isLevel ? "IO-APIC-level" : "IO-APIC-edge" }
    override func direct(to identifier: UInt32) { controller.program(input, low: low, destination: identifier) }
    override func mask() { controller.mask(input) }
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

    static func mask(_ irq: UInt8) {
        let port: UInt16 = irq >= 8 ? 0xa1 : 0x21
        asmOut8(port, asmIn8(port) | 1 << (irq & 7))
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
